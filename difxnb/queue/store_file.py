# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a queue as something to read and to change, one transaction at a time, from any thread."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from difxnb.errors import FileFormatError
from difxnb.queue.store_layout import open_database

PATIENCE_S = 10.0
"""For how long a change waits for another process which is writing."""

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CODE = 0xFF  # of an error, without what is told beside it


class StoreFile:
    """A file of SQLite, or one in memory.

    Parameters
    ----------
    path : Path or None
        None: in memory.
    patience : float
        Seconds that a change waits for another process which is writing; the next ones do not wait at all before
        one has come through.

    Attributes
    ----------
    path : Path or None
    version : int
        Moves with every change, except those that are made quietly.
    lock : threading.RLock
        Held while anything is read or changed.

    Raises
    ------
    FileFormatError
        A file of another kind, a damaged one, or of a newer layout.
    OSError
        It cannot be opened; later: it cannot be read, or a change could not be written, and nothing of it was.
    """

    def __init__(self, path: Path | None, *, patience: float = PATIENCE_S) -> None:
        self.path, self.version = path, 0
        self.lock = threading.RLock()
        self._changing = False
        self._patience, self._waits = patience, True
        self._database: sqlite3.Connection | None = open_database(path, patience)
        self._seen = self._others()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._database is None

    @contextlib.contextmanager
    def changing(self, *, quietly: bool = False) -> Iterator[None]:
        """One transaction, or a part of the one that is under way."""
        with self.lock:
            if self._database is None:
                raise ValueError("the queue's file is closed")
            if self._changing:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            self._wait(patiently=True)
            self._changing = True
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._database.execute("ROLLBACK")
                raise
            finally:
                self._changing = False
            self.version += not quietly

    def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
        """One statement, within `changing`."""
        assert self._database is not None
        try:
            return self._database.execute(text, values)
        except sqlite3.OperationalError as error:
            number, why = _named(error)
            if number == errno.EBUSY:
                self._wait(patiently=False)
            raise OSError(number, f"the queue cannot be read or written: {why}", str(self.path)) from error
        except sqlite3.DatabaseError as error:
            raise FileFormatError(self.path, "", f"the queue is damaged: {error}") from error

    def read(self, text: str, *values: Any) -> list[Any]:
        """Rows; none where the file is closed."""
        with self.lock:
            return [] if self._database is None else self.execute(text, *values).fetchall()

    def look(self) -> int:
        """A number that moves where another process has changed it; `version` moves with it."""
        with self.lock:
            if self._database is not None and (now := self._others()) != self._seen:
                self._seen = now
                self.version += 1
            return self._seen

    def close(self) -> None:
        """Close it; a second call does nothing."""
        with self.lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _wait(self, *, patiently: bool) -> None:
        """Wait for others, or not: who was kept waiting once is not kept waiting again and again."""
        if self._waits != patiently and self._database is not None:
            self._waits = patiently
            self._database.execute(f"PRAGMA busy_timeout = {round(1e3 * self._patience) if patiently else 0}")

    def _others(self) -> int:
        return int(self.read("PRAGMA data_version")[0][0])


def _named(error: sqlite3.OperationalError) -> tuple[int, str]:
    """Number and text of an error of the operating system."""
    code = error.sqlite_errorcode & _CODE
    if code in _BUSY:
        return errno.EBUSY, f"another process is writing it ({error})"
    return (errno.ENOSPC if code == sqlite3.SQLITE_FULL else errno.EIO), str(error)
