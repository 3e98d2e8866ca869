# SPDX-License-Identifier: GPL-3.0-or-later
"""vex2difx and the delay model program made here, for servers that have none, spoken as the real ones speak.

In: a directory of the root and the name of a ``.v2d`` or a ``.calc`` in it. Out: files of jobs, and lines for the
client. Nothing outside of the root is read or written: a schedule or a file list that leads out of it is not there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from difxnb.errors import CannotMakeJob
from difxnb.formats.calc import parse_calc
from difxnb.formats.calc_model import Calc
from difxnb.formats.v2d import parse_v2d
from difxnb.formats.vex import parse_vex
from difxnb.formats.vex_quantities import vex_time
from difxnb.making.drafting import drawn_up
from difxnb.making.job_files import job_texts, model_text
from difxnb.making.observed import mjd_of
from difxnb.making.writing import write_whole
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text
from difxnb.wire.control import NoticeSeverity

Say = Callable[[NoticeSeverity, str], Awaitable[None]]

_LARGEST, _LARGEST_V2D = 2**24, 2**21
_INTERVAL_S = 120
_MOST_POLYNOMIALS = 500_000
_MOST_REASONS = 100
_Result = TypeVar("_Result")
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass
class _Lines:
    """What a program would print: each line, and whether on its error output."""

    lines: list[tuple[bool, str]] = field(default_factory=list)

    def out(self, text: str) -> None:
        """Print."""
        self.lines.append((False, text))

    def error(self, text: str) -> None:
        """Print on the error output."""
        self.lines.append((True, text))


class JobMaker:
    """Makes jobs and models for one request.

    Parameters
    ----------
    root : Confinement
        Where files may be.
    say : callable
        Sends a notice to the client.
    by_output : bool, optional
        Whether to put on the error output what the real vex2difx puts there when all is well, too.
    """

    def __init__(self, root: Confinement, say: Say, *, by_output: bool = False) -> None:
        self._root, self._say, self._by_output = root, say, by_output

    async def vex2difx(self, directory: str, name: str) -> bool:
        """Make all files of all jobs of a ``.v2d`` but the models, whole or not at all.

        As the real one it writes over jobs of its own series, and over nothing else.

        Returns
        -------
        bool
            Whether it failed; why is said.
        """
        lines = _Lines()
        failed = await _in_thread(lambda gone: self._made(directory, name, lines, gone))
        await self._tell("vex2difx", lines, shows_output=True)
        return failed

    async def calc(self, directory: str, name: str, program: str) -> bool:
        """Make the ``.im`` of a ``.calc``, under whatever name the program was asked for.

        Returns
        -------
        bool
            Whether it failed; why is said.
        """
        lines = _Lines()
        failed = await _in_thread(lambda gone: self._modelled(directory, name, lines, gone))
        await self._tell(program, lines, shows_output=False)
        return failed

    async def _tell(self, program: str, lines: _Lines, *, shows_output: bool) -> None:
        for is_error, text in lines.lines:
            if is_error:
                await self._say(NoticeSeverity.ERROR, f"{program}... {text}")
            elif shows_output:
                await self._say(NoticeSeverity.INFORMATION, f"{program}... {text}")

    def _made(self, directory: str, name: str, lines: _Lines, gone: threading.Event) -> bool:
        try:
            self._make(directory, name, lines, gone)
        except CannotMakeJob as error:
            for reason in error.reasons[:_MOST_REASONS]:
                lines.error(f"Error: {reason}")
            if len(error.reasons) > _MOST_REASONS:
                lines.error(f"Error: and {len(error.reasons) - _MOST_REASONS} more reasons")
            return True
        except (OSError, ValueError) as error:
            lines.error(f"Error: {error_text(error)}")
            return True
        return self._by_output

    def _make(self, directory: str, name: str, lines: _Lines, gone: threading.Event) -> None:
        place = self._root.real(directory)
        v2d = parse_v2d(self._text(place, name, _LARGEST_V2D), place / name)
        schedule = v2d.get("vex")
        if not schedule:
            raise ValueError(f"{name} names no schedule: vex = …")
        vex_file = place / str(schedule)
        vex = parse_vex(self._text(place, str(schedule)), vex_file)
        series = PurePosixPath(name).name.removesuffix(".v2d")
        plan = drawn_up(vex, v2d.text, series, lambda listed: self._text(place, listed))
        began = vex_time(mjd_of(plan.drafts[0].start_s))
        (lines.error if self._by_output else lines.out)(f"start date: {began}")
        for note in plan.notes:
            lines.out(f"Note: {note}")
        self._write(directory, job_texts(plan, place, name, vex_file=vex_file), gone)
        lines.out(f"{len(plan.drafts)} job(s) created.")

    def _modelled(self, directory: str, name: str, lines: _Lines, gone: threading.Event) -> bool:
        try:
            place = self._root.real(directory)
            calc = parse_calc(self._text(place, name), place / name)
            _require_bounded(calc)
            # Division by nothing is told by the model itself, where it matters.
            with np.errstate(all="ignore"):
                text = model_text(calc)
            self._write(directory, {f"{name.removesuffix('.calc')}.im": text}, gone)
        except (OSError, ValueError, ArithmeticError) as error:
            lines.error(f"Error: {error_text(error) if not isinstance(error, ArithmeticError) else error}")
            return True
        return False

    def _text(self, place: Path, name: str, largest: int = _LARGEST) -> str:
        """Text of a file inside the root; relative names count from a directory."""
        path = place / name
        if self._root.real(str(path)).stat().st_size > largest:
            raise ValueError(f"{name} has more than {largest >> 20} MB")
        return self._root.read_text(path)

    def _write(self, directory: str, texts: Mapping[str, str], gone: threading.Event) -> None:
        with self._root.directory(directory) as descriptor:
            if gone.is_set():
                raise InterruptedError("the client has gone; nothing was written")
            write_whole(texts, descriptor, where=directory, overwrite=True)


def _require_bounded(calc: Calc) -> None:
    """A model for years, or for a thousand antennas, would take all there is."""
    intervals = sum(
        (scan.duration_s // _INTERVAL_S + 2) * (1 + len(scan.phase_centers)) for scan in calc.scans
    )
    count = intervals * len(calc.telescopes)
    if count > _MOST_POLYNOMIALS:
        raise ValueError(f"a model of {count} polynomials is too large; make shorter jobs")


async def _in_thread(work: Callable[[threading.Event], _Result]) -> _Result:
    """Work beside the loop; where the client goes meanwhile, it ends before it writes.

    One piece of work at a time: it takes a core, and threads that others wait for. A client that goes makes no room
    for the next before its own is over.
    """
    loop = asyncio.get_running_loop()
    turn = _TURNS.setdefault(loop, asyncio.Semaphore(1))
    await turn.acquire()
    gone = threading.Event()
    done = loop.run_in_executor(None, work, gone)
    done.add_done_callback(lambda _: turn.release())
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        gone.set()
        raise
