# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks in the ``$CLOCK`` block of a ``.vex``: read as vex2difx reads them, and changed with the old ones kept.

``clock_early = valid from : offset : epoch : rate`` is positive where the station is early, so signs turn on the way in
and out (``difx-files.md`` 12, 16.6). What units mean, what may be left out and which of several statements counts is
as in vex2difx 3.1 (``vexdatamodel/vexload.cpp`` and ``vex_antenna.cpp``, ``vex/vexf.c``).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats.clock_change import Clock, ClockChange, decimal_delay, decimal_rate
from difxnb.formats.text_places import Edit, edited
from difxnb.formats.vex_quantities import NUMBER, TIME_UNITS
from difxnb.formats.vex_quantities import Quantity as Quantity
from difxnb.formats.vex_quantities import vex_mjd as vex_mjd
from difxnb.formats.vex_quantities import vex_time as vex_time
from difxnb.formats.vex_text import LONGEST_COMMENT, VexDefinition, VexStatement, VexText

_NO_EPOCH_MJD = 50000.0
"""Where vex2difx counts from when a clock names no epoch."""


@dataclass(frozen=True, slots=True)
class ClockEarly:
    """One ``clock_early`` statement.

    Attributes
    ----------
    statement : VexStatement
    valid_from_mjd : float
        Minus infinity where it is left out.
    clock : Clock
        Late positive: signs are turned already.
    offset, rate : Quantity
        As they are written: early positive, but in SI.
    """

    statement: VexStatement
    valid_from_mjd: float
    clock: Clock
    offset: Quantity
    rate: Quantity


def station_clocks(vex: VexText, station: str, path: str | Path = "vex") -> list[ClockEarly]:
    """Clocks of a station, in their order.

    They are found through the ``ref $CLOCK`` of its definition, or where it has none under its own name. Upper and
    lower case of the station are one.

    Raises
    ------
    ValueError
        There is no such station.
    FileFormatError
        A clock cannot be read.
    """
    known = _stations(vex)
    definition = next((one for one in known if one.name.upper() == station.upper()), None)
    if definition is None:
        there = ", ".join(one.name for one in known) or "none"
        raise ValueError(f"{path}: no station {station}; it has {there}")
    return [_Early(vex.text, path, one).read() for one in _clock_statements(vex, definition)]


def _stations(vex: VexText) -> tuple[VexDefinition, ...]:
    block = vex.block("STATION")
    return block.definitions if block else ()


def _clock_statements(vex: VexText, station: VexDefinition) -> list[VexStatement]:
    clocks = vex.block("CLOCK")
    if clocks is None:
        return []
    names = [one.field(0)[0] for one in station.all("ref", "$CLOCK") if one.field(0)]
    linked = [clocks.definition(name) for name in names]
    found = [one for part in linked if part for one in part.all("clock_early")]
    unlinked = clocks.definition(station.name)
    return unlinked.all("clock_early") if not found and unlinked is not None else found


def clock_in_force(clocks: Iterable[ClockEarly], mjd: float) -> ClockEarly | None:
    """The clock that a job at a time gets: of those valid by then the one that is written last."""
    valid = [one for one in clocks if one.valid_from_mjd <= mjd]
    return valid[-1] if valid else None


def vex_with_clocks(
    vex: VexText, changes: Iterable[ClockChange], path: str | Path = "vex"
) -> tuple[str, list[str]]:
    """Text of a ``.vex`` with changes of clocks subtracted, and what has to be said of it.

    Of each station the statement in force at the epoch of the change gets that epoch (to the second), the clock of
    then and the new rate; units stay. The old statement stays above it as a comment.

    Raises
    ------
    ValueError
        A station is missing, has no clock at that time, or shares it with another.
    """
    edits, notes = list[Edit](), list[str]()
    for change in changes:
        clocks = station_clocks(vex, change.antenna, path)
        early = clock_in_force(clocks, change.epoch_mjd)
        if early is None:
            raise ValueError(
                f"{path}: {change.antenna} has no clock_early that is valid at {vex_time(change.epoch_mjd)}; give "
                "the .v2d too, so that the clock can be set there"
            )
        _require_own(vex, early, path)
        edits.append(_changed(vex.text, early, change))
        if len(clocks) > 1:
            notes.append(
                f"{change.antenna}: only the clock that is valid at {vex_time(change.epoch_mjd)} was changed, of "
                f"{len(clocks)} in {path}"
            )
    return edited(vex.text, edits), notes


def clock_users(vex: VexText, early: ClockEarly) -> list[str]:
    """Stations that a clock is for."""
    return [one.name for one in _stations(vex) if early.statement in _clock_statements(vex, one)]


def _require_own(vex: VexText, early: ClockEarly, path: str | Path) -> None:
    users = clock_users(vex, early)
    if len(users) > 1:
        raise ValueError(f"{path}: {', '.join(users)} share one clock_early; give each its own first")


def _changed(text: str, early: ClockEarly, change: ClockChange) -> Edit:
    """The new statement, under the old one as a comment."""
    statement = early.statement
    before = text[text.rfind("\n", 0, statement.start) + 1 : statement.start]
    indent = before if not before.strip() else "  "
    end = "\r\n" if "\r\n" in text else "\n"
    old = " ".join(text[statement.start : statement.stop].split())
    said = textwrap.wrap(f"{old} ({change.reason})", LONGEST_COMMENT - 8 - len(indent[:40]))
    comment = "".join(f"* {line}{end}{indent}" for line in said)
    opening = "" if not before.strip() else end + indent
    return Edit(statement.start, statement.stop, opening + comment + _written(early, change))


def _written(early: ClockEarly, change: ClockChange) -> str:
    epoch = vex_time(change.epoch_mjd)
    epoch_mjd = vex_mjd(epoch)
    assert epoch_mjd is not None
    offset, rate, *rest = early.clock.about(epoch_mjd).less(change).coefficients
    fields = [
        " ".join(early.statement.field(0)),
        f"{decimal_delay(-offset, early.offset.factor)} {early.offset.unit}",
        epoch,
        f"{decimal_rate(-rate, early.rate.factor)} {early.rate.unit}".rstrip(),
        *(f"{-value!r} sec/sec^{power}" for power, value in enumerate(rest, start=2)),
    ]
    return f"clock_early = {' : '.join(fields)};"


class _Early:
    """Reads one statement."""

    def __init__(self, text: str, path: str | Path, statement: VexStatement) -> None:
        self._text, self._path, self._statement = text, path, statement

    def read(self) -> ClockEarly:
        """The clock of the statement."""
        offset = self._quantity(1)
        if offset.unit not in TIME_UNITS:
            self._fail("the offset of a clock_early needs a unit of time")
        epoch = self._time(2, _NO_EPOCH_MJD)
        # Without an epoch of its own a clock has no rate for vex2difx.
        count = len(self._statement.fields[3:6]) if self._statement.field(2) else 0
        terms = [self._quantity(3 + order) for order in range(count)]
        rate = terms[0] if terms else Quantity(0.0, 1.0, "")
        values = [offset.value, rate.value, *(term.value for term in terms[1:])]
        clock = Clock(epoch, tuple(-value for value in values))
        return ClockEarly(self._statement, self._time(0, -math.inf), clock, offset, rate)

    def _time(self, number: int, missing: float) -> float:
        words = self._statement.field(number)
        if not words:
            return missing
        mjd = vex_mjd(words[0])
        if mjd is None or len(words) > 1:
            self._fail(f"{' '.join(words)[:40]!r} is no VEX time")
        return mjd

    def _quantity(self, number: int) -> Quantity:
        words = self._statement.field(number)
        if not words:
            return Quantity(0.0, 1.0, "")
        if len(words) > 2 or not NUMBER.fullmatch(words[0]) or not math.isfinite(float(words[0])):
            self._fail(f"{' '.join(words)[:40]!r} is no number with a unit")
        unit = words[1] if len(words) == 2 else ""
        factor = _unit(unit) if unit else 1.0
        if factor is None:
            self._fail(f"unit {unit[:40]!r} is none of a clock")
        return Quantity(float(words[0]) * factor, factor, unit)

    def _fail(self, problem: str) -> NoReturn:
        line = self._text.count("\n", 0, self._statement.start) + 1
        raise FileFormatError(self._path, f"line {line}", problem)


def _unit(name: str) -> float | None:
    """A unit of time, or of time per time to a power, in SI."""
    above, slash, below = name.partition("/")
    below, _, power = below.partition("^")
    if above not in TIME_UNITS or (slash and below not in TIME_UNITS) or power not in ("", "2", "3"):
        return None
    return TIME_UNITS[above] / (TIME_UNITS[below] ** int(power or 1) if slash else 1.0)
