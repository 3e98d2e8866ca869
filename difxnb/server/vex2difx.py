# SPDX-License-Identifier: GPL-3.0-or-later
"""vex2difx and the delay model program for a client (guiserver.md 7.7).

In: a request, an open side connection, the programs there are. Out: paths of what is new on the side connection, and
what the programs say as notices, in the order of the real server. Nothing runs outside the directory that was asked
for, and nothing is run by a shell. A server that was told of no vex2difx makes jobs and models itself
(:mod:`difxnb.server.job_maker`); one that has it never does, so that a name that is spelt wrong is told.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from difxnb.errors import UnsafeValue
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, expand, operate, replacing
from difxnb.server.programs import NoSuchProgram, Programs
from difxnb.server.recorders import Tell
from difxnb.server.side import SideConnection
from difxnb.server.words import read_words
from difxnb.wire.control import Notice, NoticeSeverity, encode
from difxnb.wire.files import END_OF_LINES, encode_size, require_plain
from difxnb.wire.message import Vex2DifxRun

if TYPE_CHECKING:
    from difxnb.server.job_maker import JobMaker

_INFO, _WARNING, _ERROR = NoticeSeverity.INFORMATION, NoticeSeverity.WARNING, NoticeSeverity.ERROR


@dataclass(frozen=True)
class Making:
    """One request, with what it needs to be carried out.

    Attributes
    ----------
    root : Confinement
    programs : Programs
    side : SideConnection
        Where paths go.
    tell : callable
        Sends a packet on the main connection.
    prefix : str
        What the real server would paste before each command; it is only shown.
    by_output : bool
        Whether a run counts as failed when anything came on its error output, as with the real server, instead of by
        its exit status.
    """

    root: Confinement
    programs: Programs
    side: SideConnection
    tell: Tell
    prefix: str = ""
    by_output: bool = False

    async def run(self, request: Vex2DifxRun) -> None:
        """Do what was asked for; the end marker comes in any case."""
        try:
            await self._run(request)
        except NoSuchProgram as error:
            await self._say(_ERROR, str(error))
        except (OSError, ValueError) as error:
            await self._say(_ERROR, f"vex2difx: {error_text(error)}")
        except Exception as error:  # a fault of ours, which must not leave the client waiting
            await self._say(_ERROR, f"vex2difx: a fault of this server: {type(error).__name__}: {error}")
            await self.side.write([END_OF_LINES])
            raise
        await self.side.write([END_OF_LINES])

    async def _run(self, request: Vex2DifxRun) -> None:
        directory, name, calc = self._checked(request)
        if request.calc_only and not self._models_here(calc):
            self.programs.find(calc)
        began = await asyncio.to_thread(_time_stamp, self.root, directory)
        if request.calc_only:
            await self._renew(directory, name)
        else:
            await self._make(directory, name)
            for path in await asyncio.to_thread(_changed, self.root, directory, ".input", began):
                await self._send(path)
        await self._calculate(directory, calc, began)

    def _checked(self, request: Vex2DifxRun) -> tuple[str, str, str]:
        directory = request.pass_path or ""
        if not self.root.real(directory).is_dir():
            raise NotADirectoryError(f"there is no directory {directory}; nothing was run")
        name, calc = request.file or "", request.calc_command or ""
        for value, what in ((name, "file"), (calc, "calcCommand")):
            require_plain(value.replace("*", "x").replace("?", "x"), what)
            if "/" in value:
                raise UnsafeValue(f"{what} is a name in passPath; got {value!r}")
        return directory.rstrip("/") or "/", name, calc

    async def _maker(self) -> JobMaker:
        """What makes jobs here; it comes in when it is used, as most servers start for something else."""
        module = await asyncio.to_thread(import_module, "difxnb.server.job_maker")
        maker: JobMaker = module.JobMaker(self.root, self._say, by_output=self.by_output)
        return maker

    def _models_here(self, calc: str) -> bool:
        return not self.programs.has("vex2difx") and not self.programs.has(calc)

    async def _make(self, directory: str, name: str) -> None:
        await self._say(_WARNING, f"Executing: cd {directory}; {self.prefix} vex2difx -f {name}")
        if self.programs.has("vex2difx"):
            failed = await self._follow(directory, "vex2difx", name, shows_output=True)
        else:
            failed = await (await self._maker()).vex2difx(directory, name)
        if failed:
            await self._say(_ERROR, "vex2difx RETURNED ERRORS")
        else:
            await self._say(_WARNING, "vex2difx complete")

    async def _renew(self, directory: str, name: str) -> None:
        """Make ``.calc`` files look new, and remove the models that they are to get."""
        await self._say(_WARNING, f"Executing: cd {directory}; touch {name}.calc")
        calcs = await asyncio.to_thread(self._matching, f"{directory}/{name}.calc")
        for path in calcs:
            await asyncio.to_thread(operate, self.root, "touch", path, "")
        await self._say(_WARNING, f"Executing: cd {directory}; rm -f {name}.im")
        for path in await asyncio.to_thread(self._matching, f"{directory}/{name}.im"):
            await asyncio.to_thread(operate, self.root, "rm", path, "-f")

    def _matching(self, pattern: str) -> list[str]:
        """Files that a pattern names; a shell would give the pattern itself where there are none."""
        return [path for path in expand(self.root, read_words(pattern)) if self.root.exists(path)]

    async def _calculate(self, directory: str, calc: str, began: int) -> None:
        await self._say(_WARNING, f"running {calc} on all new .calc files")
        for path in await asyncio.to_thread(_changed, self.root, directory, ".calc", began):
            try:
                failed = await self._model(directory, PurePosixPath(path).name, calc)
            except NoSuchProgram as error:
                await self._say(_ERROR, f"{calc}... {error}")
                failed = True
            if failed:
                await self._say(_ERROR, f"{calc} RETURNED ERRORS")
            await self._send_model(calc, f"{path.removesuffix('.calc')}.im", began)
        await self._say(_WARNING, f"{calc} complete")

    async def _model(self, directory: str, name: str, calc: str) -> bool:
        if self._models_here(calc):
            return await (await self._maker()).calc(directory, name, calc)
        return await self._follow(directory, calc, name, shows_output=False)

    async def _send_model(self, calc: str, path: str, began: int) -> None:
        try:
            status = await asyncio.to_thread(lambda: self.root.real(path).stat())
        except OSError:  # missing, or not ours to see
            await self._say(_ERROR, f"{calc} failed to create {path}\n")
            return
        if not status.st_size:
            await self._say(_ERROR, f"{calc} product {path} is zero length\n")
        elif status.st_mtime_ns < began:
            await self._say(_ERROR, f"{calc} product {path} exists but looks old\n")
        else:
            await self._send(path)

    async def _follow(self, directory: str, program: str, name: str, *, shows_output: bool) -> bool:
        """Run a program with ``-f NAME`` and hand its lines on; gives whether it failed."""
        where = str(self.root.real(directory))
        async with self.programs.run(program, "-f", name, directory=where) as run:
            async for line in run.lines():
                if line.is_error:
                    await self._say(_ERROR, f"{program}... {line.text}")
                elif shows_output and line.text:
                    await self._say(_INFO, f"{program}... {line.text}")
        return run.had_errors if self.by_output else run.status != 0

    async def _send(self, path: str) -> None:
        content = os.fsencode(path)
        await self.side.write([encode_size(len(content)), content])

    async def _say(self, severity: NoticeSeverity, text: str) -> None:
        await self.tell(encode(Notice(severity, text)))


def _time_stamp(root: Confinement, directory: str) -> int:
    """Time of a new file there, which is what later ones are compared with; ns."""
    # The clock of the file system counts, not ours: they may be on different hosts.
    try:
        with replacing(root, f"{directory}/.difxnb-time-stamp") as descriptor:
            began = os.fstat(descriptor).st_mtime_ns
        operate(root, "rm", f"{directory}/.difxnb-time-stamp", "-f")
    except PermissionError:
        return time.time_ns()
    return began


def _changed(root: Confinement, directory: str, suffix: str, began: int) -> list[str]:
    return sorted(_changed_names(root, directory, suffix, began))


def _changed_names(root: Confinement, directory: str, suffix: str, began: int) -> Iterator[str]:
    with root.directory(directory) as descriptor:
        for name in os.listdir(descriptor):
            if not name.endswith(suffix):
                continue
            try:
                modified = os.stat(name, dir_fd=descriptor).st_mtime_ns
            except OSError:  # a link to nowhere, or removed meanwhile
                continue
            if modified >= began:
                yield f"{directory.rstrip('/')}/{name}"
