# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in a process of its own, its output a pipe or a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tests.cli.nursery import Child, Nursery

DEADLINE_S = 60.0


class Program:
    """``difxnb ARGUMENTS``; what it prints is read while it runs.

    Parameters
    ----------
    arguments : object
        Of the program.
    columns : int, optional
        Its output is a terminal so wide, of 24 rows; a pipe without it.
    fresh : bool
        Start it as a shell does; else it is a copy of a process that has loaded everything, see `nursery`.
    """

    nursery: Nursery | None = None

    def __init__(self, *arguments: object, columns: int | None = None, fresh: bool = False) -> None:
        self.said, self._columns = "", columns
        self._reader, writer = os.pipe() if columns is None else pty.openpty()
        if columns is not None:
            fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment["TERM"] = "xterm-256color"
        words = list(map(str, arguments))
        complained, complaining = os.pipe()
        self._stderr = os.fdopen(complained, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | Child
        if fresh or Program.nursery is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "difxnb", *words],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=complaining,
                start_new_session=True,
                env=environment,
            )
        else:
            self._process = Program.nursery.start(words, writer, complaining, environment)
        os.close(writer)
        os.close(complaining)

    def until(self, holds: Callable[[str], object]) -> str:
        """Read until something holds for all that was printed; fail where the end comes before."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds(self.said):
            assert time.monotonic() < deadline, f"it did not come: {self.said[-2000:]!r}"
            assert self._read(deadline), f"it ended: {self.said[-2000:]!r} {self._complaints()!r}"
        return self.said

    def end(self) -> tuple[int, str]:
        """Read to the end; gives the exit status, and what was said on standard error."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(deadline):
            pass
        complaints = self._complaints()
        return self._process.wait(DEADLINE_S), complaints

    def has_more(self, seconds: float) -> bool:
        """Whether it prints something within so many seconds, which is then read; fail where it ends instead."""
        ready, _, _ = select.select([self._reader], [], [], seconds)
        assert not ready or self._read(time.monotonic() + seconds), f"it ended: {self._complaints()!r}"
        return bool(ready)

    def press(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C, and read to the end."""
        self.press()
        return self.end()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects that were printed, one on a line."""
        return [json.loads(line) for line in self.said.splitlines() if line.endswith("}")]

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came: {self.said[-2000:]!r}"
        try:
            piece = os.read(self._reader, 65536)
        except OSError:  # so a terminal says that nobody writes to it any more
            return False
        self.said += piece.decode(errors="replace")
        return bool(piece)

    def _complaints(self) -> str:
        return "" if self._stderr.closed else self._stderr.read()

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_S)
        os.close(self._reader)
        self._stderr.close()
