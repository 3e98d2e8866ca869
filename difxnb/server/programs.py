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
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from difxnb.wire.recorders import OutputLine

MAX_LINE = 7999
"""Bytes of a line that are handed on; the rest of a longer one is dropped, as by the real server."""

_NAME = re.compile(r"[A-Za-z0-9_@%+=:,.][A-Za-z0-9_@%+=:,.-]*", re.ASCII)
_READ = 2**16
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
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        run = Run(process)
        try:
            yield run
        finally:
            await run.end()


class Run:
    """A program at work.

    Attributes
    ----------
    status : int or None
        Its exit status, once `lines` has come to its end; negative for a signal.
    had_errors : bool
        It has printed on its error output.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.status: int | None = None
        self.had_errors = False
        self._process = process
        self._count = 0
        self._lines: asyncio.Queue[OutputLine] = asyncio.Queue(_WAITING)
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(process.stdout, is_error=False)),
            asyncio.create_task(self._read(process.stderr, is_error=True)),
        ]

    async def lines(self) -> AsyncGenerator[OutputLine, None]:
        """What it prints, as it comes, to the end."""
        ended = asyncio.create_task(self._ended())
        try:
            while not (ended.done() and self._lines.empty()):
                line = asyncio.ensure_future(self._lines.get())
                await asyncio.wait({line, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not line.done():
                    line.cancel()
                    continue
                self.had_errors |= line.result().is_error
                yield line.result()
        finally:
            ended.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ended
        self.status = self._process.returncode

    async def end(self) -> None:
        """Kill what is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._process.wait()

    async def _ended(self) -> None:
        await self._process.wait()
        while not all(reader.done() for reader in self._readers):
            before = self._count
            await asyncio.wait(self._readers, timeout=_LINGER)
            if self._count == before and not self._lines.full():
                return  # nothing comes any more from whoever still holds the output open

    async def _read(self, stream: asyncio.StreamReader, *, is_error: bool) -> None:
        line = bytearray()
        while data := await stream.read(_READ):
            *ended, rest = data.split(b"\n")
            for piece in ended:
                await self._put(bytes(line) + piece, is_error=is_error)
                line.clear()
            line += rest[: max(0, MAX_LINE - len(line))]
        if line:
            await self._put(bytes(line), is_error=is_error)

    async def _put(self, line: bytes, *, is_error: bool) -> None:
        self._count += 1
        await self._lines.put(OutputLine(line[:MAX_LINE].decode("utf-8", "replace"), is_error))
