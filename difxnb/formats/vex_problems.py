# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a schedule: what vex2difx 3.1 would stop at, what it would pass over, and what pyvexfile finds.

Errors are what vex2difx, or the job, would fail at. What pyvexfile says is a warning at most: it asks for more than
vex2difx does, such as a positive frequency of a local oscillator.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import islice
from typing import Any

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.mjd import UNIX_EPOCH_MJD
from difxnb.formats.problems import Problem, Severity
from difxnb.formats.vex_clocks import station_clocks
from difxnb.formats.vex_doubts import clock_doubts, eop_doubts, first_times, time_doubts
from difxnb.formats.vex_eop import eop_points
from difxnb.formats.vex_mode_problems import setup_problems
from difxnb.formats.vex_refused import refused
from difxnb.formats.vex_scans import VexScan, first_word
from difxnb.formats.vex_stations import VexStation
from difxnb.formats.vex_tables import VexTables
from difxnb.formats.vex_text import LONGEST_COMMENT

_NEEDED = ("STATION", "SITE", "ANTENNA", "SOURCE", "MODE", "FREQ", "SCHED")
_EOP_DAYS = 5
_EARTH_M = 6.371e6
_HIGHEST_M = 1e5  # what flattening and mountains make of it is far less
_DAY = np.timedelta64(86400, "s")
_MOST_ROWS = 200
_MOST_OF_SCANS = 5000
_MOST_COMPARED = 300
_MOST_LINES, _MOST_DEFINITIONS, _MOST_STATIONS = (
    50_000,
    5000,
    200,
)  # that pyvexfile goes through in bearable time
_ALL_LINES = "sed -i 's/\\r$//' would end its lines as Unix does"


def own_problems(vex: VexTables) -> list[Problem]:
    """By the rules of vex2difx."""
    stations = {one.key for one in vex.station_list}
    observing = {line.station for scan in vex.scan_list for line in scan.stations}
    found = [
        *_of_file(vex),
        *islice((row for scan in vex.scan_list for row in _of_scan(vex, scan, stations)), _MOST_OF_SCANS),
        *_no_setup(vex, stations),
        *(row for one in vex.station_list for row in _of_station(vex, one, one.key in observing)),
        *_of_sources(vex),
        *setup_problems(vex),
        *_of_clocks(vex),
        *_of_eop(vex),
        *islice(refused(vex), _MOST_OF_SCANS),
    ]
    return _fewer(found)


def mode_problems(vex: VexTables, mode: str | None) -> Iterator[Problem]:
    """What is wrong with a mode that is needed."""
    if mode is None:
        return
    block = vex.statements.block("MODE")
    there = [one.name for one in block.definitions] if block else []
    if mode not in there:
        text = f"there is no mode {mode}; the schedule has {', '.join(there) or 'none'}"
        yield Problem("error", "missing mode", text, "$MODE", None, mode, _nearest(mode, there))
    elif all(scan.mode != mode for scan in vex.scan_list):
        yield Problem("error", "missing mode", f"no scan is in mode {mode}", f"$MODE {mode}", None, mode)


def verify_problems(vex: VexTables) -> list[Problem]:
    """What pyvexfile finds; a note where it is not asked, or does not read the file."""
    lines = sum(len(scan.stations) for scan in vex.scan_list)
    definitions = sum(len(block.definitions) for block in vex.statements.blocks)
    stations = len(vex.station_list)
    if lines > _MOST_LINES or definitions > _MOST_DEFINITIONS or stations > _MOST_STATIONS:
        size = f"{lines} lines of {stations} stations and {definitions} definitions"
        return [Problem("note", "verify", f"pyvexfile is not asked of {size}")]
    try:
        issues = _verified(vex.text)
    except Exception as error:  # noqa: BLE001 - made for files that one trusts; what it stumbles over is worth a note
        said = " ".join(str(error).split())[:200]
        return [Problem("note", "verify", f"pyvexfile cannot read it: {type(error).__name__}: {said}")]
    rows = [Problem("warning", "verify", str(one.message)[:300], "", one.line) for one in issues]
    return _fewer(rows)


def _verified(text: str) -> list[Any]:
    """What pyvexfile says, with what it looks up for every line of a scan looked up once."""
    import pyvexfile

    class Kept(pyvexfile.Vex):  # type: ignore[misc]
        @cached_property
        def stations(self) -> Any:
            return super().stations

        @cache  # noqa: B019 - it lives as long as this call
        def setups(self, block: str, mode: str) -> Any:
            return super().setups(block, mode)

        @cache  # noqa: B019 - as long as that
        def channels(self, mode: str, station: str) -> Any:
            return super().channels(mode, station)

    return list(Kept(pyvexfile.Vex.from_string(text).children).verify())


def _fewer(rows: list[Problem]) -> list[Problem]:
    """Not more of one kind than anybody reads; the last says how many there are."""
    counts = Counter(row.kind for row in rows)
    seen, kept = Counter[str](), list[Problem]()
    for row in rows:
        seen[row.kind] += 1
        if seen[row.kind] < _MOST_ROWS or counts[row.kind] == _MOST_ROWS:
            kept.append(row)
        elif seen[row.kind] == _MOST_ROWS:
            rest = counts[row.kind] - _MOST_ROWS + 1
            kept.append(Problem(row.severity, row.kind, f"and {rest} more of this kind"))
    return kept


def _nearest(name: str, there: Iterable[str]) -> str:
    known = list(there)[:_MOST_COMPARED]
    close = [one for one in known if one.upper() == name.upper()] or get_close_matches(name, known, 1)
    return f"is it {close[0]}?" if close else ""


def _of_file(vex: VexTables) -> Iterator[Problem]:
    text = vex.text
    if "\r\n" in text:
        line = vex.line_of(text.index("\r\n"))
        yield Problem(
            "error", "dos line ends", "lines end as in DOS, which vex2difx refuses", "", line, "", _ALL_LINES
        )
    blocks = Counter(block.name for block in vex.statements.blocks)
    for name in _NEEDED:
        if name not in blocks:
            yield Problem("error", "missing block", f"there is no ${name}", f"${name}")
    if "EXPER" not in blocks:
        yield Problem(
            "warning", "missing block", "there is no $EXPER; the job would be called RANDOM", "$EXPER"
        )
    elif np.isnat(vex.start) or np.isnat(vex.stop) or vex.stop <= vex.start:
        yield Problem(
            "warning", "bad value", "the experiment has no time between its start and its stop", "$EXPER"
        )
    for name, count in blocks.items():
        if count > 1:
            told = f"${name} is there {count} times; the first counts"
            yield Problem("warning", "given twice", told, f"${name}")
    if "SCHED" in blocks and not vex.scan_list:
        yield Problem("error", "no scans", "there is no scan", "$SCHED")
    yield from _twice(vex)
    yield from _long_comments(vex)
    yield from _long_tokens(vex)


def _twice(vex: VexTables) -> Iterator[Problem]:
    for block in vex.statements.blocks:
        counts = Counter(one.name for one in block.definitions)
        for one in block.definitions:
            if counts[one.name] > 1:
                told = f"{one.name} is defined {counts[one.name]} times; the first counts"
                counts[one.name] = 0
                yield Problem(
                    "warning", "given twice", told, f"${block.name} {one.name}", vex.line_of(one.start)
                )
    upper = Counter(station.key.upper() for station in vex.station_list)
    for station in vex.station_list:
        if upper[station.key.upper()] > 1:
            told = f"{station.key} and another station differ in upper and lower case only, which are one"
            line = vex.line_of(station.definition.start)
            yield Problem("error", "given twice", told, f"$STATION {station.key}", line)


def _long_comments(vex: VexTables) -> Iterator[Problem]:
    """Comments that are longer than vex2difx takes."""
    for number, line in enumerate(vex.text.split("\n"), start=1):
        place = line.find("*")
        # Where it is no comment, in a text in quotation marks, there is one such mark before it.
        if place >= 0 and len(line.rstrip("\r")) - place > LONGEST_COMMENT and '"' not in line[:place]:
            told = f"a comment of {len(line) - place} characters; vex2difx takes {LONGEST_COMMENT}"
            yield Problem("error", "long comment", told, "", number, "", "break it into several")


def _long_tokens(vex: VexTables) -> Iterator[Problem]:
    """Words and quoted texts that are longer than vex2difx takes."""
    for block in vex.statements.blocks:
        inside = [*block.statements, *(one for part in block.definitions for one in part.statements)]
        for one in inside:
            for token in (token for field in one.fields for token in field):
                if len(token.text) > LONGEST_COMMENT:
                    told = f"a word of {len(token.text)} characters; vex2difx takes {LONGEST_COMMENT}"
                    line = vex.line_of(token.start)
                    yield Problem("error", "long word", told, f"${block.name}", line, one.words[0])


def _of_scan(vex: VexTables, scan: VexScan, stations: set[str]) -> Iterator[Problem]:
    where, line = f"$SCHED {scan.name}", vex.line_of(scan.definition.start)

    def row(kind: str, text: str, name: str, there: Iterable[str] = (), value: str = "") -> Problem:
        return Problem("error", kind, text, where, line, name, _nearest(value, there) if value else "")

    if scan.nominal is None:
        yield row("bad value", "its start is missing or no time", "start")
    yield from time_doubts(vex, scan)
    modes = vex.mode_names
    if scan.mode not in modes:
        yield row(
            "missing mode", f"its mode {scan.mode or '(none)'} is not in $MODE", "mode", modes, scan.mode
        )
    sources = vex.source_names
    for name in scan.sources:
        if name not in sources:
            yield row("unknown source", f"its source {name} is not in $SOURCE", "source", sources, name)
    if not scan.sources:
        yield row("unknown source", "it has no source", "source")
    yield from _of_lines(vex, scan, stations)


def _of_lines(vex: VexTables, scan: VexScan, stations: set[str]) -> Iterator[Problem]:
    """Station lines of a scan."""
    where, counts = f"$SCHED {scan.name}", Counter(one.station for one in scan.stations)
    for one in scan.stations:
        line = vex.line_of(one.statement.start)
        if one.station not in stations:
            told, fix = f"station {one.station} is not in $STATION", _nearest(one.station, stations)
            yield Problem("error", "unknown station", told, where, line, "station", fix)
        if one.data_start is None or one.data_stop is None:
            told = f"times of {one.station} are no numbers of seconds with a unit"
            yield Problem("error", "bad value", told, where, line, "station")
        elif one.data_stop <= one.data_start:
            yield Problem(
                "warning", "bad value", f"{one.station} records for no time", where, line, "station"
            )
        if counts[one.station] > 1:
            counts[one.station] = 0
            told = f"{one.station} is there more than once; the last line counts"
            yield Problem("warning", "given twice", told, where, line, "station")
    if len(counts) < 2:
        line = vex.line_of(scan.definition.start)
        yield Problem("note", "no baseline", "fewer than two stations: it is not correlated", where, line)


def _no_setup(vex: VexTables, stations: set[str]) -> Iterator[Problem]:
    """Stations that have no frequencies in a mode in which they observe."""
    known = {(one.mode, one.station) for one in vex.setup_list}
    lacking = Counter(
        (scan.mode, one.station)
        for scan in vex.scan_list
        for one in scan.stations
        if one.station in stations and scan.mode in vex.mode_names and (scan.mode, one.station) not in known
    )
    for (mode, station), count in lacking.items():
        told = f"{station} has no frequencies in {mode}, in which it has {count} scans; it would be left out of them"
        yield Problem("warning", "no setup", told, f"$MODE {mode}", None, station)


def _of_station(vex: VexTables, station: VexStation, is_used: bool) -> Iterator[Problem]:
    severity: Severity = "error" if is_used else "warning"
    where, line = f"$STATION {station.key}", vex.line_of(station.definition.start)
    if station.site is None:
        yield Problem(severity, "unknown definition", "its site is not in $SITE", where, line, "$SITE")
    elif None in station.position:
        place = vex.line_of(station.site.start)
        told = f"the position of {station.key} is missing or no lengths"
        yield Problem(severity, "bad value", told, f"$SITE {station.site.name}", place, "site_position")
    else:
        yield from _of_position(vex, station, severity)
    if station.antenna is None:
        yield Problem(
            "warning", "unknown definition", "its antenna is not in $ANTENNA", where, line, "$ANTENNA"
        )
    elif not station.axis_type or station.axis_offset is None:
        told = f"{station.key} lacks its axis type or its axis offset"
        place = vex.line_of(station.antenna.start)
        yield Problem("warning", "bad value", told, f"$ANTENNA {station.antenna.name}", place, "axis_offset")


def _of_position(vex: VexTables, station: VexStation, severity: Severity) -> Iterator[Problem]:
    """A site that is not on the Earth, of a station that does not fly."""
    site, position = station.site, [one for one in station.position if one is not None]
    if site is None or first_word(site, "site_type") not in ("", "fixed"):
        return
    where, line = f"$SITE {site.name}", vex.line_of(site.start)
    radius = math.hypot(*position)
    if radius == 0.0:
        told = f"{station.key} is at the centre of the Earth"
        yield Problem("warning", "bad value", told, where, line, "site_position")
    elif not abs(radius - _EARTH_M) <= _HIGHEST_M:
        told = f"{station.key} is {radius / 1e3:.6g} km from the centre of the Earth, whose radius is 6371 km"
        yield Problem(severity, "bad value", told, where, line, "site_position", _other_unit(radius))


def _other_unit(radius: float) -> str:
    """In what a position may have been meant."""
    for factor, unit in ((1e3, "km"), (1e-3, "m")):
        if abs(radius * factor - _EARTH_M) <= _HIGHEST_M:
            return f"its numbers are in {unit}: write that unit behind them"
    return "look the position up"


def _of_sources(vex: VexTables) -> Iterator[Problem]:
    for one in vex.source_list:
        where, line = f"$SOURCE {one.key}", vex.line_of(one.definition.start)
        kind = one.definition.all("source_type")
        is_star = not kind or kind[0].field(0) == ("star",)
        if is_star and (one.ra is None or one.dec is None):
            told = "its right ascension or its declination is missing, or no angle"
            yield Problem("error", "bad value", told, where, line, "ra" if one.ra is None else "dec")
        if one.frame and one.frame != "J2000":
            told = f"its coordinates are in {one.frame}; vex2difx takes J2000 only"
            yield Problem("error", "bad value", told, where, line, "ref_coord_frame")


def _of_clocks(vex: VexTables) -> Iterator[Problem]:
    without, first = list[str](), first_times(vex)
    for one in vex.station_list:
        try:
            clocks = station_clocks(vex.statements, one.key)
        except FileFormatError as error:
            line = _line(error.where)
            told = f"the clock of {one.key} cannot be read: {error.problem}"
            yield Problem("error", "bad value", told, "$CLOCK", line, "clock_early")
            continue
        yield from clock_doubts(vex, one.key, clocks, first.get(one.key))
        if not clocks:
            without.append(one.key)
    if without:
        told = f"no clock for {', '.join(without[:20])}{' …' if len(without) > 20 else ''}"
        yield Problem(
            "note", "no clock", told, "$CLOCK", None, "", "clockOffset in the .v2d, or a search for clocks"
        )


def _of_eop(vex: VexTables) -> Iterator[Problem]:
    try:
        points = eop_points(vex.statements)
    except FileFormatError as error:
        yield Problem("error", "bad value", error.problem, "$EOP", _line(error.where))
        return
    if not points:
        told = "there is no Earth orientation; vex2difx needs it here or in the .v2d"
        yield Problem("note", "no eop", told, "$EOP", None, "", "difxnb.read_eop().to_vex(vex)")
        return
    yield from eop_doubts(points)
    days = np.array([one.time.day for one in points])
    if len(points) < _EOP_DAYS:
        yield Problem("note", "few eop", f"Earth orientation of {len(points)} days; five are usual", "$EOP")
    if not np.isnat(vex.start) and not np.isnat(vex.stop):
        first, last = (
            UNIX_EPOCH_MJD + (time - np.datetime64(0, "ns")) / _DAY for time in (vex.start, vex.stop)
        )
        if days.min() > first or days.max() < last:
            told = f"Earth orientation of MJD {days.min()} to {days.max()} does not cover the schedule"
            yield Problem("warning", "eop elsewhere", told, "$EOP", None, "", "difxnb.read_eop().to_vex(vex)")


def _line(where: str) -> int | None:
    """Number of ``line 12``."""
    number = where.removeprefix("line ")
    return int(number) if number.isascii() and number.isdigit() else None
