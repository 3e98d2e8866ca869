# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a child of this process, which ends with it. Whoever needs it alone loads no tables for it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from difxnb.errors import ServerNotStarted

_START_SECONDS = 30.0  # a cold file cache makes the first import slow
_END_SECONDS = 10.0


class ServerProcess:
    """The server as a child process.

    Parameters
    ----------
    root : Path
        The directory that clients may see.
    quirks : str, optional
        Faults of a real server to reproduce, such as ``"2.9"``.
    options : sequence of str
        More options of ``difxnb serve``.

    Attributes
    ----------
    port : int
        Where it listens, on 127.0.0.1 unless `options` say otherwise.

    Raises
    ------
    ServerNotStarted
        It ended at once, or said nothing for half a minute. The text holds what it printed.
    """

    def __init__(self, root: Path, quirks: str | None = None, options: Sequence[str] = ()) -> None:
        command = [sys.executable, "-m", "difxnb", "serve", "--root", str(root), "--port", "0", "--until-eof"]
        command += ["--quirks", quirks] if quirks else []
        command += options
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        # In a group of its own: a Jupyter kernel that ends waits for the children in its group, for longer than it is
        # given when nobody collects them, and so would be killed before it can clear away what it made.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, process_group=0
        )
        try:
            self.port = self._announced_port()
        except BaseException:
            self.close()
            raise

    def _announced_port(self) -> int:
        line = self._first_line(time.monotonic() + _START_SECONDS)
        words = line.split()
        if words[:2] != ["listening", "on"] or not words[-1].isdigit():
            self._complaints.seek(0)
            said = (line + self._complaints.read(4000).decode(errors="replace")).strip()
            raise ServerNotStarted(f"the embedded server did not start: {said or 'it said nothing'}")
        return int(words[-1])

    def _first_line(self, deadline: float) -> str:
        assert self._process.stdout is not None
        descriptor, line = self._process.stdout.fileno(), b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(descriptor, 1) if ready else b""
            if not piece:
                break
            line += piece
        return line.decode(errors="replace")

    @property
    def process_id(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Wait until the process ends by itself."""
        self._process.wait()

    def close(self) -> None:
        """End the process: first by closing its standard input, then less gently. Twice is harmless."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        for harder in (process.terminate, process.kill):
            try:
                process.wait(_END_SECONDS)
                break
            except subprocess.TimeoutExpired:
                harder()
        process.wait()
        self._complaints.close()
