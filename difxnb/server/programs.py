# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of an installed DiFX, run for clients: found in one directory, without a shell, and never left running.

In: a plain name, arguments, a directory of the root to run in. Out: lines of output as they come, and how it ended.
Which programs there are, the server's operator has said; clients choose among these by name alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from difxnb.wire.recorders import OutputLine

MAX_LINE = 7999
"""Bytes of a line that are handed on; the rest of a longer one is dropped, as by the real server."""

_NAME = re.compile(r"[A-Za-z0-9_@%+=:,.][A-Za-z0-9_@%+=:,.-]*", re.ASCII)
_WAITING = 1000  # lines that a program may be ahead of the client
_LINGER = 2.0  # seconds that children of a program may hold its output open after its end
# What belongs to the server alone, among the variables that the programs need.
_PRIVATE = ("DIFX_CONTROL_TOKEN_FILE",)


class NoSuchProgram(ValueError):
    """A program that the server was not told of, in words for clients."""


class Programs:
    """The programs that a server may run.

    Parameters
    ----------
    directory : Path, optional
        Where they are; without it there are none.

    Raises
    ------
    NotADirectoryError
        `directory` is none.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = None if directory is None else directory.resolve()
        if self.directory is not None and not self.directory.is_dir():
            raise NotADirectoryError(f"{directory} is no directory of programs")

    def has(self, name: str) -> bool:
        """Whether there is such a program."""
        return self._path(name) is not None

    def find(self, name: str) -> Path:
        """Path of a program.

        Raises
        ------
        NoSuchProgram
            There is none of that name, or none at all.
        """
        path = self._path(name)
        if path is not None:
            return path
        if self.directory is None:
            raise NoSuchProgram(
                f"{name} cannot be run: this server was not told where programs are (difxnb serve --programs DIR)"
            )
        raise NoSuchProgram(f"{name} cannot be run: it is not among the programs of this server")

    def _path(self, name: str) -> Path | None:
        if self.directory is None or not _NAME.fullmatch(name) or name in (".", ".."):
            return None
        path = self.directory / name
        return path if path.is_file() and os.access(path, os.X_OK) else None

    @asynccontextmanager
    async def run(self, name: str, *arguments: str, directory: str) -> AsyncIterator[Run]:
        """Run a program; it is killed with all its children when the block ends before it.

        Parameters
        ----------
        name : str
            Plain name of the program.
        *arguments : str
            For it; no shell reads them.
        directory : str
            Where it runs.

        Raises
        ------
        NoSuchProgram, OSError
        """
        path = self.find(name)
        environment = {key: value for key, value in os.environ.items() if key not in _PRIVATE}
        environment["PATH"] = f"{self.directory}{os.pathsep}{environment.get('PATH', os.defpath)}"
        loop = asyncio.get_running_loop()
        transport, output = await loop.subprocess_exec(
            _Output,
            path,
            *arguments,
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        run = Run(transport, output)
        try:
            yield run
        finally:
            await run.end()


class _Output(asyncio.SubprocessProtocol):
    """Lines of a program as they come; it is held up when nobody takes them."""

    def __init__(self) -> None:
        self.lines: deque[OutputLine] = deque()
        self.exited, self.news = asyncio.Event(), asyncio.Event()
        self.open = {1, 2}
        self._rests = {1: bytearray(), 2: bytearray()}
        self._transport: asyncio.SubprocessTransport | None = None
        self._is_held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Cut lines off."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(fd, bytes(self._rests[fd]) + piece)
            self._rests[fd].clear()
        self._rests[fd] += rest[: max(0, MAX_LINE - len(self._rests[fd]))]
        self._hold(len(self.lines) > _WAITING)
        self.news.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Note that an output has come to its end."""
        self.open.discard(fd)
        self.finish(fd)
        self.news.set()

    def process_exited(self) -> None:
        """Note the end of the program; its children may go on."""
        self.exited.set()
        self.news.set()

    def take(self) -> OutputLine:
        """Take a line, and let the program go on when few are left."""
        line = self.lines.popleft()
        self._hold(self._is_held and len(self.lines) > _WAITING // 2)
        return line

    def finish(self, fd: int) -> None:
        """Take what stands after the last line feed for a line."""
        if self._rests[fd]:
            self._add(fd, bytes(self._rests[fd]))
            self._rests[fd].clear()

    def _add(self, fd: int, line: bytes) -> None:
        self.lines.append(OutputLine(line[:MAX_LINE].decode("utf-8", "replace"), is_error=fd == 2))

    def _hold(self, wanted: bool) -> None:
        if wanted == self._is_held or self._transport is None:
            return
        self._is_held = wanted
        for fd in self.open:
            pipe = self._transport.get_pipe_transport(fd)
            if isinstance(pipe, asyncio.ReadTransport):
                (pipe.pause_reading if wanted else pipe.resume_reading)()


class Run:
    """A program at work.

    Attributes
    ----------
    status : int or None
        Its exit status, once `lines` has come to its end; negative for a signal.
    had_errors : bool
        It has printed on its error output.
    """

    def __init__(self, transport: asyncio.SubprocessTransport, output: _Output) -> None:
        self.status: int | None = None
        self.had_errors = False
        self._transport, self._output = transport, output

    async def lines(self) -> AsyncGenerator[OutputLine, None]:
        """What it prints, as it comes, to the end."""
        while await self._more():
            while self._output.lines:
                line = self._output.take()
                self.had_errors |= line.is_error
                yield line
        self.status = self._transport.get_returncode()

    async def _more(self) -> bool:
        """Wait for lines; False when none will come any more."""
        output = self._output
        while not output.lines:
            output.news.clear()
            if not output.exited.is_set():
                await output.news.wait()
            elif not output.open or not await self._linger():
                return bool(output.lines)
        return True

    async def _linger(self) -> bool:
        """Wait a moment for children that hold the output of the ended program open; False when they say nothing."""
        try:
            async with asyncio.timeout(_LINGER):
                await self._output.news.wait()
        except TimeoutError:
            for fd in (1, 2):
                self._output.finish(fd)
            return False
        return True

    async def end(self) -> None:
        """Kill what is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._transport.get_pid(), signal.SIGKILL)
        self._transport.close()
        await self._output.exited.wait()
