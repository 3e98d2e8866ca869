# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock put into a ``.vex``: in place of the one in force, which stays as a comment, or where there was none.

What fringes say is taken out of clocks by :func:`difxnb.formats.vex_clocks.vex_with_clocks`; this sets a clock to what
is known of it otherwise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from difxnb.formats.clock_change import ClockChange, decimal_delay, decimal_rate
from difxnb.formats.mjd import DAY_S
from difxnb.formats.text_places import Edit
from difxnb.formats.vex_clocks import ClockEarly, clock_in_force, clock_users, station_clocks
from difxnb.formats.vex_edits import commented, indent_at, line_end
from difxnb.formats.vex_quantities import vex_mjd, vex_time
from difxnb.formats.vex_text import VexDefinition, VexText

_SECOND = 1.0 / DAY_S


def with_clock(
    vex: VexText,
    station: str,
    wanted: ClockChange,
    valid_from_mjd: float | None,
    begin_mjd: float,
    path: str | Path,
) -> list[Edit]:
    """The clock of a station set to a delay and a rate, late positive.

    `wanted` is the clock itself, no change of one. It is valid from `valid_from_mjd`; where that is None, as long as
    the clock that it takes the place of (in force at the epoch, or else the first), or where there is none from
    `begin_mjd`.

    Raises
    ------
    ValueError
        The clock is shared with another station.
    FileFormatError
        A clock of the station cannot be read.
    """
    clocks = station_clocks(vex, station, path)
    replaced = _replaced(clocks, wanted.epoch_mjd, valid_from_mjd)
    users = clock_users(vex, clocks[0]) if clocks else []
    if len(users) > 1:
        raise ValueError(f"{path}: {', '.join(users)} share one clock_early; give each its own first")
    if replaced is not None:
        valid = " ".join(replaced.statement.field(0))
        return [_in_place(vex.text, replaced, _statement(wanted, valid))]
    begin = begin_mjd if valid_from_mjd is None else valid_from_mjd
    statement = _statement(wanted, vex_time(begin))
    return [_between(vex.text, clocks, statement, begin)] if clocks else _first(vex, station, statement)


def _replaced(clocks: list[ClockEarly], epoch_mjd: float, valid_from_mjd: float | None) -> ClockEarly | None:
    """Which clock the new one takes the place of.

    At an epoch before all of them that is the first: ahead of it a clock would hold for no scan.
    """
    if valid_from_mjd is None:
        begin = min((one.valid_from_mjd for one in clocks), default=epoch_mjd)
        return clock_in_force(clocks, max(begin, epoch_mjd))
    same = [one for one in clocks if abs(one.valid_from_mjd - valid_from_mjd) < _SECOND / 2]
    return same[-1] if same else None


def _statement(wanted: ClockChange, valid: str) -> str:
    """Early positive, in µs and s/s, at a whole second."""
    exact = wanted.epoch.astype("datetime64[ns]")
    whole = (exact + np.timedelta64(500, "ms")).astype("datetime64[s]")
    after_s = float((whole - exact) / np.timedelta64(1, "s"))
    epoch = vex_time(ClockChange(wanted.antenna, 0.0, 0.0, whole).epoch_mjd)
    offset = f"{decimal_delay(-wanted.delay_s - wanted.delay_rate * after_s)} usec"
    rate = f"{decimal_rate(-wanted.delay_rate, 1.0)} sec/sec"
    return f"clock_early = {valid} : {offset} : {epoch} : {rate};"


def _in_place(text: str, clock: ClockEarly, statement: str) -> Edit:
    """The new statement under the old one as a comment."""
    start, stop = clock.statement.start, clock.statement.stop
    old = commented(text, start, stop)
    end = "" if old.text.endswith("\n") else line_end(text)
    return Edit(start, stop, f"{old.text}{end}{indent_at(text, start)}{statement}")


def _between(text: str, clocks: list[ClockEarly], statement: str, begin: float) -> Edit:
    """A further statement so that the one in force at each time is the last that is written of those valid by then."""
    later = next((one.statement for one in clocks if one.valid_from_mjd > begin), None)
    if later is not None:
        gap = line_end(text) + indent_at(text, later.start)
        return Edit(later.start, later.start, statement + gap)
    last = clocks[-1].statement
    return Edit(last.stop, last.stop, line_end(text) + indent_at(text, last.start) + statement)


def _first(vex: VexText, station: str, statement: str) -> list[Edit]:
    """A clock of a station that has none: in a definition that is there already, else in one of its own."""
    stations, block, end = vex.block("STATION"), vex.block("CLOCK"), line_end(vex.text)
    assert stations is not None
    mine = next(one for one in stations.definitions if one.name.upper() == station.upper())
    linked = [" ".join(one.field(0)) for one in mine.all("ref", "$CLOCK")]
    there = {one.name: one for one in block.definitions} if block else {}
    found = next((there[name] for name in (*linked, mine.name) if name in there), None)
    if found is not None and not _is_of_others(vex, found, mine):
        place = vex.text.index(";", found.start) + 1
        return [Edit(place, place, f"{end}  {statement}")]
    promised = next((name for name in linked if name not in there), None)
    name = promised or _free(mine.name, {*there, *linked})
    definition = f"def {name};{end}  {statement}{end}enddef;"
    edits = [] if promised else [_reference(vex.text, mine, name)]
    if block is not None:
        return [*edits, Edit(block.stop, block.stop, f"{end}{definition}")]
    opening = "" if vex.text.endswith("\n") else end
    return [*edits, Edit(len(vex.text), len(vex.text), f"{opening}$CLOCK;{end}{definition}{end}")]


def _is_of_others(vex: VexText, clock: VexDefinition, mine: VexDefinition) -> bool:
    stations = vex.block("STATION")
    return any(
        " ".join(one.field(0)) == clock.name
        for other in (stations.definitions if stations else ())
        if other.name != mine.name
        for one in other.all("ref", "$CLOCK")
    )


def _free(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _reference(text: str, station: VexDefinition, name: str) -> Edit:
    last = station.statements[-1] if station.statements else None
    place = last.stop if last else text.index(";", station.start) + 1
    indent = indent_at(text, last.start) if last else "  "
    return Edit(place, place, f"{line_end(text)}{indent}ref $CLOCK = {name};")


def moment_mjd(station: str, time: object) -> float:
    """A time in one of the forms that clocks take, as an MJD; ValueError where it is none."""
    if isinstance(time, str) and (mjd := vex_mjd(time)) is not None:
        return mjd
    return ClockChange(station, 0.0, 0.0, time).epoch_mjd  # type: ignore[arg-type]
