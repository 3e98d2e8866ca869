# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time runs the queue of a file.

A lock of the operating system beside the file: it is gone with the process that holds it, however that ends.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import IO

from difxnb.errors import QueueTaken

_MOST_TOLD = 4096


class Lease:
    """The right to start the jobs of a queue that is kept in a file.

    Parameters
    ----------
    path : path
        The file; the lock is beside it, ``NAME.lock``.

    Attributes
    ----------
    path : Path
        The lock.

    Raises
    ------
    QueueTaken
        Another process has it, or another connection of this one; the text says which.
    OSError
        The lock cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(f"{Path(path).resolve()}.lock")  # one name, whatever links lead to it
        self._file: IO[str] | None = _locked(self.path)
        self._tell()

    @property
    def is_held(self) -> bool:
        """Whether it has not been given back."""
        return self._file is not None

    def give_back(self) -> None:
        """Let others have it; nothing happens where it is given back already."""
        file, self._file = self._file, None
        if file is not None:
            file.close()  # the lock file stays: whoever waits for it has it open

    def _tell(self) -> None:
        """Say who holds it, for those who are refused."""
        assert self._file is not None
        holder = {"process": os.getpid(), "host": platform.node(), "since": round(time.time())}
        try:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(holder) + "\n")
            self._file.flush()
        except OSError:
            return  # a full disk: it is held all the same


def _locked(path: Path) -> IO[str]:
    import fcntl

    file = path.open("a+", encoding="utf-8", errors="replace")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _holder(file)
        file.close()
        raise QueueTaken(
            f"{path.with_suffix('')} is run by {holder}; end that one first, or use another file"
        ) from error
    except BaseException:
        file.close()
        raise
    return file


def _holder(file: IO[str]) -> str:
    try:
        file.seek(0)
        told = json.loads(file.read(_MOST_TOLD))
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(float(told["since"])))
        return f"process {int(told['process'])} on {str(told['host'])[:255]} since {since} UTC"
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return "another process"
