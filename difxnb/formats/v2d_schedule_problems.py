# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a ``.v2d`` does not go with its schedule: stations, scans, modes, sources, times, clocks, EOP."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.mjd import UNIX_EPOCH_MJD
from difxnb.formats.problems import Problem, Severity
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_block_problems import block_of, value
from difxnb.formats.v2d_parameter_list import SKIP
from difxnb.formats.v2d_rule_problems import odd_rules, unused_setups
from difxnb.formats.v2d_values import read_mjd

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.v2d import V2d
    from difxnb.formats.vex import Vex

_DEFAULT = "DEFAULT"
_CLOCK = ("clockOffset", "clockRate", "clockAccel", "clockJerk", "clockEpoch")
_DELTAS = ("deltaClock", "deltaClockRate", "deltaClockAccel")
_WISHED_EOPS = 5
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Scan:
    """What a RULE looks at, and when a scan is."""

    name: str
    mode: str
    source: str
    start: np.datetime64
    stop: np.datetime64
    stations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Facts of a schedule.

    Attributes
    ----------
    name : str
        For messages.
    scans : tuple of Scan
    stations, modes, sources : tuple of str
        As scans name them.
    eop_days : tuple of int
        MJD of its Earth orientation.
    clocks : frozenset of str
        Stations that have one, in upper case.
    formats : frozenset of (str, str)
        Modes and stations (in upper case) whose format it does not say.
    """

    name: str
    scans: tuple[Scan, ...]
    stations: tuple[str, ...]
    modes: tuple[str, ...]
    sources: tuple[str, ...]
    eop_days: tuple[int, ...]
    clocks: frozenset[str]
    formats: frozenset[tuple[str, str]]


def schedule_of(vex: Vex) -> Schedule:
    """The facts that a ``.v2d`` is held against.

    Raises
    ------
    FileFormatError
        A clock or the Earth orientation of the schedule cannot be read.
    """
    modes = vex.modes()
    unknown = modes[modes["data_format"].isin(["", "?"])]
    return Schedule(
        str(vex.path or "the schedule"),
        tuple(_scans(vex.scans())),
        tuple(vex.stations()["station"]),
        tuple(dict.fromkeys(modes["mode"])),
        tuple(vex.sources()["source"]),
        tuple(int(day) for day in vex.eop()["mjd"]),
        frozenset(name.upper() for name in vex.clocks()["station"]),
        frozenset(
            (mode, station.upper()) for mode, station in zip(unknown["mode"], unknown["station"], strict=True)
        ),
    )


def _scans(table: pd.DataFrame) -> Iterator[Scan]:
    columns = ("scan", "mode", "source", "start", "stop", "stations")
    for name, mode, source, start, stop, stations in zip(*(table[one] for one in columns), strict=True):
        yield Scan(
            name,
            mode,
            source,
            start.to_datetime64(),  # also of NaT, where the schedule does not say
            stop.to_datetime64(),
            tuple(stations.upper().split()),
        )


def schedule_problems(v2d: V2d, vex: Vex) -> list[Problem]:
    """All that does not go with a schedule."""
    try:
        schedule = schedule_of(vex)
    except FileFormatError as error:
        fix = "correct the schedule first"
        return [Problem("error", "bad schedule", str(error), "", v2d.line_of("vex"), "vex", fix)]
    scans = correlated_scans(v2d, schedule)
    setups = setups_of(v2d, scans)
    return [
        *_of_stations(v2d, schedule),
        *_of_rules(v2d, schedule),
        *odd_rules(v2d),
        *unused_setups(v2d, set(setups.values())),
        *_of_sources(v2d, schedule),
        *_of_times(v2d, schedule),
        *_of_scans(v2d, schedule, scans),
        *_of_eops(v2d, schedule, scans),
        *_of_clocks(v2d, schedule),
        *_of_formats(v2d, schedule, scans),
    ]


def setups_of(v2d: V2d, scans: Iterable[Scan]) -> dict[str, str]:
    """Setup of each scan: of the first rule that fits, else the one called default; empty where there is none.

    Without a rule every scan has the first setup; ``SKIP`` is a setup too.
    """
    rules = [
        (
            [frozenset(rule.words(name)) for name in ("scan", "source", "mode")],
            (rule.words("setup") or [""])[-1],
        )
        for rule in v2d.rules
    ]
    left = "default" if "default" in v2d.setups or not v2d.setups else ""
    left = left if rules else next(iter(v2d.setups), "default")
    return {
        scan.name: next((setup for wanted, setup in rules if _fits(scan, wanted)), left) for scan in scans
    }


def _fits(scan: Scan, wanted: Sequence[frozenset[str]]) -> bool:
    said = (scan.name, scan.source, scan.mode)
    return all(not names or name in names for names, name in zip(wanted, said, strict=True))


def correlated_scans(v2d: V2d, schedule: Schedule) -> list[Scan]:
    """Scans that are left by rules, times and stations."""
    common = v2d.block()
    start, stop = value(common, "mjdStart"), value(common, "mjdStop")
    listed = {name.upper() for name in v2d.words("antennas")}
    fewest = value(common, "minSubarray")
    fewest = 2 if fewest is None else fewest
    setups = setups_of(v2d, schedule.scans)
    return [
        scan
        for scan in schedule.scans
        if setups[scan.name] not in ("", SKIP)
        and not (start is not None and scan.stop <= start)
        and not (stop is not None and scan.start >= stop)
        and sum(not listed or "*" in listed or one in listed for one in scan.stations) >= fewest
    ]


def _nearest(name: str, there: Iterable[str]) -> str:
    known = list(there)
    same = [one for one in known if one.upper() == name.upper()]
    found = next(iter(same or get_close_matches(name, known, 1, 0.5)), "")
    return f"{found} is spelt so, not {name}" if same else f"perhaps {found}" if found else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "") or "none"


def _of_stations(v2d: V2d, schedule: Schedule) -> Iterator[Problem]:
    there = {name.upper() for name in schedule.stations}
    line, listed = v2d.line_of("antennas"), v2d.words("antennas")
    keys = {name.upper() for name in listed}
    has = f"{schedule.name} has {_some(schedule.stations)}"
    for name in listed:
        if name != "*" and name.upper() not in there:
            text = f"there is no station {name}; {has}"
            yield Problem(
                "error", "unknown station", text, "", line, "antennas", _nearest(name, schedule.stations)
            )
    for block in v2d.blocks("ANTENNA"):
        name = block.name
        if name.upper() in there or name.upper() == _DEFAULT or name.upper() in keys:
            continue
        text = f"there is no station {name}; {has}"
        fix = _nearest(name, schedule.stations)
        severity: Severity = "note" if listed and "*" not in listed else "error"
        yield Problem(severity, "unknown station", text, block.where, block.line, "", fix)
    for pair in v2d.words("baselines"):
        for name in pair.split("-", 1):
            if name and name != "*" and name.upper() not in there:
                text = f"{pair}: there is no station {name}"
                yield Problem(
                    "error", "unknown station", text, "", v2d.line_of("baselines"), "baselines",
                    _nearest(name, schedule.stations),
                )  # fmt: skip


def _of_rules(v2d: V2d, schedule: Schedule) -> Iterator[Problem]:
    known = {
        "scan": tuple(scan.name for scan in schedule.scans),
        "mode": schedule.modes,
        "source": tuple(dict.fromkeys((*schedule.sources, *(scan.source for scan in schedule.scans)))),
    }
    for rule in v2d.rules:
        for kind, there in known.items():
            names = set(there)
            for name in rule.words(kind):
                if name not in names:
                    text = f"there is no {kind} {name}; {schedule.name} has {_some(there)}"
                    yield Problem(
                        "error", f"unknown {kind}", text, rule.where, rule.line_of(kind), kind, _nearest(name, there)
                    )  # fmt: skip


def _of_sources(v2d: V2d, schedule: Schedule) -> Iterator[Problem]:
    for block in v2d.blocks("SOURCE"):
        if block.name not in schedule.sources:
            text = f"there is no source {block.name}, so this changes nothing; names are spelt as in the schedule"
            fix = _nearest(block.name, schedule.sources)
            yield Problem("warning", "unknown source", text, block.where, block.line, "", fix)


def _of_times(v2d: V2d, schedule: Schedule) -> Iterator[Problem]:
    """Times beyond all scans."""
    known = [scan for scan in schedule.scans if not (np.isnat(scan.start) or np.isnat(scan.stop))]
    if not known:
        return
    begin, end = min(scan.start for scan in known), max(scan.stop for scan in known)
    when = f"{np.datetime_as_string(begin, 's')} to {np.datetime_as_string(end, 's')}"
    for block in (v2d.block(), *v2d.blocks("ANTENNA")):
        for name in ("mjdStart", "mjdStop"):
            time = _moment(value(block, name))
            is_out = time is not None and (time >= end if name == "mjdStart" else time <= begin)
            if is_out:
                text = f"{name} leaves nothing of the schedule, {when}"
                severity: Severity = "warning" if block.kind else "error"
                yield Problem(severity, "outside the schedule", text, block.where, block.line_of(name), name)
    for time in value(v2d.block(), "break") or []:
        if not begin < time < end:
            text = f"a break at {np.datetime_as_string(time, 's')} is outside of the schedule, {when}"
            yield Problem("warning", "outside the schedule", text, "", v2d.line_of("break"), "break")


def _moment(time: object) -> np.datetime64 | None:
    """A time; that of a station is an MJD, of which -1 says nothing."""
    if isinstance(time, np.datetime64):
        return time
    if isinstance(time, float) and 1 < time < 100_000:
        return np.datetime64("1858-11-17", "ns") + np.timedelta64(round(time * 86_400_000), "ms")
    return None


def _of_scans(v2d: V2d, schedule: Schedule, scans: Sequence[Scan]) -> Iterator[Problem]:
    if schedule.scans and not scans:
        text = f"nothing is left of {len(schedule.scans)} scans by rules, times and antennas"
        yield Problem("error", "nothing left", text, fix="look at RULE blocks, mjdStart, mjdStop, antennas")
        return
    lost = [name for name, setup in setups_of(v2d, schedule.scans).items() if not setup]
    if lost:
        text = f"no rule fits {len(lost)} scans, so they are left out: {_some(lost)}"
        yield Problem("note", "no rule", text, fix="add RULE others { setup = NAME } or setup = SKIP")


def _of_eops(v2d: V2d, schedule: Schedule, scans: Sequence[Scan]) -> Iterator[Problem]:
    blocks = v2d.blocks("EOP")
    if blocks and schedule.eop_days:
        text = f"Earth orientation is here and in {schedule.name}; vex2difx takes both"
        fix = "v2d.with_eop([]) takes it out here; or take $EOP out of the schedule"
        yield Problem("error", "eop twice", text, blocks[0].where, blocks[0].line, "", fix)
    days = sorted({*schedule.eop_days, *(day for block in blocks for day in _eop_day(block))})
    times = [time for scan in scans for time in (scan.start, scan.stop) if not np.isnat(time)]
    if not times or value(v2d.block(), "fake"):
        return
    first, last = (math.floor(_mjd(time)) for time in (min(times), max(times)))
    line = blocks[0].line if blocks else None
    # A second place for them would be the next error.
    fix = f"difxnb.read_eop(near=...).{'to_vex(vex)' if schedule.eop_days else 'to_v2d(v2d)'}"
    if not days:
        yield Problem("error", "no eop", "there is no Earth orientation, here or in the schedule", fix=fix)
    elif days[0] > first or days[-1] < last:
        text = f"Earth orientation of {days[0]} to {days[-1]} does not cover the scans, {first} to {last}"
        yield Problem("error", "eop outside", text, "EOP", line, "", fix)
    elif len(days) < _WISHED_EOPS:
        text = f"Earth orientation of {len(days)} days; {_WISHED_EOPS} around the job are expected"
        yield Problem("note", "few eop", text, "EOP", line, "", fix)


def _eop_day(block: V2dParameters) -> list[int]:
    try:
        return [math.floor(read_mjd(block.name))]
    except ValueError:
        return []


def _mjd(time: np.datetime64) -> float:
    return UNIX_EPOCH_MJD + float((time - np.datetime64(0, "ns")) / np.timedelta64(1, "D"))


def _stations(v2d: V2d, schedule: Schedule) -> list[str]:
    """Stations that are correlated, as far as the schedule has them."""
    listed = {name.upper() for name in v2d.words("antennas")}
    return [name for name in schedule.stations if not listed or "*" in listed or name.upper() in listed]


def _of_clocks(v2d: V2d, schedule: Schedule) -> Iterator[Problem]:
    for name in _stations(v2d, schedule):
        block = block_of(v2d, name)
        if name.upper() in schedule.clocks or (block is not None and any(one in block for one in _CLOCK)):
            continue
        deltas = [one for one in _DELTAS if block is not None and one in block]
        where = f"ANTENNA {name}"
        if deltas and block is not None:
            text = f"{deltas[0]} of {name} is added to nothing: it has no clock, here or in the schedule"
            fix = "set clockOffset, clockRate and clockEpoch, or v2d.with_clock(...)"
            yield Problem("warning", "no clock", text, where, block.line_of(deltas[0]), deltas[0], fix)
        else:
            line = None if block is None else block.line
            text = f"{name} has no clock, here or in the schedule; vex2difx takes 0"
            yield Problem("note", "no clock", text, where, line, "", "v2d.with_clock(...)")


def _of_formats(v2d: V2d, schedule: Schedule, scans: Sequence[Scan]) -> Iterator[Problem]:
    """Stations whose data nobody says how to read."""
    modes = {scan.mode for scan in scans}
    for name in _stations(v2d, schedule):
        unknown = [mode for mode in modes if (mode, name.upper()) in schedule.formats]
        block = block_of(v2d, name)
        streams = (
            [v2d.datastreams.get(one) for one in block.words("datastreams")] if block is not None else []
        )
        says = any(one is not None and "format" in one for one in (block, *streams))
        if unknown and not says:
            text = f"the format of {name} in {', '.join(sorted(unknown))} is said neither here nor in the schedule"
            line = None if block is None else block.line
            yield Problem(
                "warning", "no format", text, f"ANTENNA {name}", line, "format", "set format, as VDIF/8032/2"
            )
