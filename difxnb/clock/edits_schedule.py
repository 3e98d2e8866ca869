# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks in the files that jobs are made from: each clock is changed once, in the ``.v2d`` or in the ``.vex``.

vex2difx takes a clock from the ``.v2d`` where something of it is set there, else from the ``.vex``, and adds deltas of
the ``.v2d`` to it (``difx-files.md`` 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from difxnb.formats.clock_change import Clock, ClockChange
from difxnb.formats.keyvalue import read_text
from difxnb.formats.v2d_clocks import antenna_block, deltas, own_clock, v2d_with_clocks, vex_station
from difxnb.formats.v2d_text import V2dText, parse_v2d_text
from difxnb.formats.vex_clocks import ClockEarly, clock_in_force, station_clocks, vex_with_clocks
from difxnb.formats.vex_text import VexText, parse_vex_text

FileEdit = tuple[Path, str, str, tuple[str, ...]]
"""A file, its text, its new text, and what has to be said of it."""


def schedule_with_clocks(
    changes: Sequence[ClockChange], *, v2d: Path | None, vex: Path | None
) -> tuple[FileEdit | None, FileEdit | None]:
    """New texts of a ``.v2d`` and of a ``.vex``, as far as they are given.

    Raises
    ------
    ValueError
        A station has no clock that could be changed in the files given.
    FileFormatError
        A file cannot be read.
    """
    if v2d is None:
        return None, None if vex is None else _vex_edit(parse_vex_text(read_text(vex), vex), vex, changes)
    schedule = _Schedule(v2d, vex)
    there = [] if vex is None else [change for change in changes if schedule.is_in_vex(change)]
    here = [change for change in changes if change not in there]
    named = [replace(change, antenna=vex_station(schedule.v2d, change.antenna)) for change in there]
    return schedule.v2d_edit(here), None if vex is None else _vex_edit(schedule.vex, vex, named)


def _vex_edit(vex: VexText, path: Path, changes: Sequence[ClockChange]) -> FileEdit:
    after, notes = vex_with_clocks(vex, changes, path)
    return path, vex.text, after, (*notes, *_made_before(vex.text, changes))


def _made_before(text: str, changes: Sequence[ClockChange]) -> list[str]:
    """What to say where comments tell that fringes of the same time have been used already."""
    said = " ".join(text.replace("*", " ").split())
    reasons = dict.fromkeys(change.reason for change in changes if change.reason in said)
    return [
        f"it says already of a clock that it was so {reason}: take the same residual out only once"
        for reason in reasons
    ]


class _Schedule:
    """A ``.v2d`` and the ``.vex`` that belongs to it, which is read when it is needed."""

    def __init__(self, path: Path, vex_path: Path | None) -> None:
        self._path = path
        self.v2d: V2dText = parse_v2d_text(read_text(path), path)
        if vex_path is not None:
            self.vex_path = vex_path

    @cached_property
    def vex_path(self) -> Path:
        """The ``.vex`` that the ``.v2d`` names; a relative name is beside it, where vex2difx is started."""
        named = self.v2d.common.last("vex")
        if named is None:
            raise ValueError(f"{self._path} names no .vex, and not all of the clocks are set in it")
        found = self._path.parent / named.values[-1].text
        if not found.is_file():
            raise ValueError(
                f"{self._path}: not all of the clocks are set in it, and its .vex, {found}, is not there"
            )
        return found

    @cached_property
    def vex(self) -> VexText:
        """Its statements."""
        return parse_vex_text(read_text(self.vex_path), self.vex_path)

    def is_in_vex(self, change: ClockChange) -> bool:
        """Whether a clock comes from the ``.vex`` alone."""
        block = antenna_block(self.v2d, change.antenna)
        if block is not None and (self._own(change) is not None or any(deltas(self.v2d, block, self._path))):
            return False
        return clock_in_force(self._in_vex(change), change.epoch_mjd) is not None

    def v2d_edit(self, changes: Sequence[ClockChange]) -> FileEdit:
        """New text of the ``.v2d``."""
        elsewhere, notes = dict[str, Clock | None](), self._names_another()
        for change in changes:
            if self._own(change) is None:
                clocks = self._in_vex(change)
                found = clock_in_force(clocks, change.epoch_mjd)
                elsewhere[change.key] = found.clock if found else None
                if change.delay_rate and len({one.clock.epoch_mjd for one in clocks}) > 1:
                    notes.append(
                        f"{change.antenna}: deltaClockRate counts from the epoch of each of its clocks in "
                        f"{self.vex_path}; the new one is right for the clock of the fringes only"
                    )
        after = v2d_with_clocks(self.v2d, changes, elsewhere, self._path)
        return self._path, self.v2d.text, after, (*notes, *_made_before(self.v2d.text, changes))

    def _names_another(self) -> list[str]:
        """What to say where the ``.vex`` that was given is not called as the ``.v2d`` says."""
        named, given = self.v2d.common.last("vex"), self.__dict__.get("vex_path")
        if named is None or given is None or Path(named.values[-1].text).name == given.name:
            return []
        return [f"it names {named.values[-1].text}, but {given} was given with it"]

    def _own(self, change: ClockChange) -> Clock | None:
        block = antenna_block(self.v2d, change.antenna)
        return own_clock(self.v2d, block, self._path) if block else None

    def _in_vex(self, change: ClockChange) -> list[ClockEarly]:
        return station_clocks(self.vex, vex_station(self.v2d, change.antenna), self.vex_path)
