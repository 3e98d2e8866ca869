# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a schedule that can be read, but are hardly what was meant: times that no clock shows, odd
clocks, and Earth orientation that is none.

vex2difx 3.1 takes them without a word: a minute 75 as one of the next hour, a clock that is not valid yet as 0.
"""

from __future__ import annotations

import calendar
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from difxnb.formats.problems import Problem
from difxnb.formats.vex_clocks import ClockEarly, clock_in_force
from difxnb.formats.vex_eop import VexEop
from difxnb.formats.vex_quantities import Moment, vex_time
from difxnb.formats.vex_scans import VexScan, first_word
from difxnb.formats.vex_tables import VexTables

_PARTS = re.compile(r"(\d{4})y(\d{1,3})d(?:(\d{1,2})h)?(?:(\d{1,2})m)?(?:(\d{1,2})(?:\.\d*)?s)?", re.ASCII)
_FASTEST_CLOCK = 1e-8  # s/s: free quartz is as good
_WORST_CLOCK_S = 1.0
_ARCSEC = math.radians(1 / 3600)
_FARTHEST_POLE = _ARCSEC  # it has never been farther than 0.6 arc seconds


def time_doubts(vex: VexTables, scan: VexScan) -> Iterator[Problem]:
    """A start that is read as one of the next minute, hour, day or year."""
    text = first_word(scan.definition, "start")
    if scan.nominal is None or not is_odd_time(text):
        return
    told = f"its start {text} is read as {_shown(scan.nominal)}"
    if re.search(r"m60(\.\d*)?s$", text):
        told += "; leap seconds are not counted"
    yield Problem(
        "warning", "odd time", told, f"$SCHED {scan.name}", vex.line_of(scan.definition.start), "start"
    )


def is_odd_time(text: str) -> bool:
    """Whether a time has parts beyond their range; False for what is no VEX time at all."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return False
    year, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return not 1 <= day <= 365 + calendar.isleap(year) or hour > 23 or minute > 59 or second > 59


def clock_doubts(
    vex: VexTables, station: str, clocks: Sequence[ClockEarly], first: Moment | None
) -> Iterator[Problem]:
    """Clocks of a station that are not valid when it begins, or can hardly be its own."""
    where = "$CLOCK"
    for one in clocks:
        line = vex.line_of(one.statement.start)
        if abs(one.offset.value) >= _WORST_CLOCK_S or abs(one.rate.value) >= _FASTEST_CLOCK:
            told = f"the clock of {station} is off by {one.offset.value:g} s and runs off by {one.rate.value:g} s/s"
            fix = "look at the units; a rate without one is in s/s"
            yield Problem("warning", "odd clock", told, where, line, "clock_early", fix)
    for one, after in itertools.pairwise(clocks):
        if after.valid_from_mjd < one.valid_from_mjd:
            told = f"of clocks of {station} the one that is written last counts, and is valid earlier than another"
            line = vex.line_of(after.statement.start)
            fix = "write them in the order of their times"
            yield Problem("warning", "odd clock", told, where, line, "clock_early", fix)
    if clocks and first is not None and clock_in_force(clocks, first.mjd) is None:
        told = f"no clock of {station} is valid yet when it begins at {_shown(first)}; vex2difx takes 0 then"
        line = vex.line_of(clocks[0].statement.start)
        fix = "let it be valid earlier, or set clockOffset in the .v2d"
        yield Problem("warning", "late clock", told, where, line, "clock_early", fix)


def eop_doubts(points: Sequence[VexEop]) -> Iterator[Problem]:
    """Earth orientation that is not of 0h of different days, or is none of the Earth."""
    inside = [one for one in points if one.time.second]
    if inside:
        told = f"Earth orientation of {_shown(inside[0].time)} is taken for that of 0h: a .calc knows whole days only"
        fix = "difxnb.read_eop().to_vex(vex)"
        yield Problem("warning", "odd eop", told, f"$EOP {inside[0].name}", None, "eop_ref_epoch", fix)
    days = Counter(one.time.day for one in points)
    twice = next((one for one in points if days[one.time.day] > 1), None)
    if twice is not None:
        told = f"Earth orientation of MJD {twice.time.day} is there {days[twice.time.day]} times"
        yield Problem("warning", "given twice", told, f"$EOP {twice.name}")
    for one in points:
        poles = (one.x_pole, one.y_pole)
        if abs(one.ut1_utc) > 1 or one.tai_utc % 1 or any(abs(pole) > _FARTHEST_POLE for pole in poles):
            told = (
                f"of MJD {one.time.day} TAI-UTC is {one.tai_utc:g} s, UT1-UTC {one.ut1_utc:g} s, and the pole at "
                f"{poles[0] / _ARCSEC:.3g} and {poles[1] / _ARCSEC:.3g} arc seconds"
            )
            yield Problem("warning", "odd eop", told, f"$EOP {one.name}", None, "", "look at the units")


def first_times(vex: VexTables) -> dict[str, Moment]:
    """When each station begins, by its name."""
    found = dict[str, Moment]()
    for scan in vex.scan_list:
        for one in scan.stations:
            if scan.nominal is not None and one.data_start is not None:
                start = scan.nominal.later(one.data_start)
                found[one.station] = min(found.get(one.station, start), start)
    return found


def _shown(moment: Moment) -> str:
    try:
        return vex_time(moment.mjd)
    except OverflowError:
        return f"MJD {moment.mjd:g}"
