# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed and recorded, as far as the ``.v2d`` wants it: scans with setups, streams, and where the data are.

In: a schedule and the settings. Out: scans of :mod:`.cutting`, streams by mode and station, data by station; reasons
for what cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.v2d_values import read_mjd
from difxnb.formats.vex import Vex
from difxnb.formats.vex_quantities import Moment
from difxnb.formats.vex_scans import VexScan
from difxnb.formats.vex_stations import VexStation
from difxnb.making.cutting import ObservedScan, shortened
from difxnb.making.modules import NoModules, modules_of
from difxnb.making.refusals import Refusals
from difxnb.making.settings import Settings, StationOrder
from difxnb.making.spans import ALWAYS, Span
from difxnb.making.streams import Stream, Unreadable, stream_of

SKIP = "SKIP"
_MOST_LIST = 100_000
Read = Callable[[str], str]
"""Gives the text of a file that the ``.v2d`` names; OSError where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Data:
    """Where the data of a station are: ``FILE``, ``MODULE`` or ``FAKE``, empty for none; names, and when they hold."""

    source: str = ""
    files: tuple[tuple[str, Span], ...] = ()

    def within(self, span: Span) -> tuple[str, ...]:
        """Names of those that have something of a time."""
        return tuple(name for name, when in self.files if when.meets(span))

    def covers(self, span: Span) -> bool:
        """Whether there is anything for a time."""
        return self.source == "FAKE" or bool(self.within(span))


@dataclass(frozen=True, slots=True)
class Observed:
    """All that can be correlated; stations by their names in upper case."""

    stations: Mapping[str, VexStation]
    scans: tuple[ObservedScan, ...]
    streams: Mapping[tuple[str, str], Stream]
    data: Mapping[str, Data]


def unix_s(moment: Moment) -> float:
    """Seconds since 1970 of a time of a schedule."""
    return round((moment.day - UNIX_EPOCH_MJD) * DAY_S + moment.second, 6)


def mjd_of(seconds: float) -> float:
    """Modified Julian date of seconds since 1970."""
    return seconds / DAY_S + UNIX_EPOCH_MJD


def unix_of(mjd: float) -> float:
    """Seconds since 1970 of a modified Julian date."""
    return (mjd - UNIX_EPOCH_MJD) * DAY_S


def observed(vex: Vex, settings: Settings, read: Read, refusals: Refusals, notes: list[str]) -> Observed:
    """Find what can be correlated.

    Parameters
    ----------
    vex : Vex
        The schedule.
    settings : Settings
        What is wanted of it.
    read : callable
        Reads file lists.
    refusals : Refusals
        Gets what cannot be used.
    notes : list of str
        Gets what is left out.
    """
    known = {one.key.upper(): one for one in vex.station_list}
    wanted = settings.antennas or tuple(known)
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            refusals.add(
                f"antennas: there is no station {name} in the schedule" + (f"; {near[0]}?" if near else "")
            )
    stations = {name: known[name] for name in wanted if name in known}
    scans = shortened(_scans(vex, settings, stations, refusals), settings.cuts)
    streams = _streams(vex, settings, scans, refusals, notes)
    seen = dict.fromkeys(name for scan in scans for name in scan.stations)
    data = {name: _data(vex, known[name], settings.station(name), read, refusals, notes) for name in seen}
    return Observed(stations, tuple(_with_data(vex, scans, streams, data)), streams, data)


def _scans(
    vex: Vex, settings: Settings, stations: Mapping[str, VexStation], refusals: Refusals
) -> Iterable[ObservedScan]:
    modes = {one.name for block in vex.statements.blocks if block.name == "MODE" for one in block.definitions}
    sources = {one.key for one in vex.source_list}
    for scan in vex.scan_list:
        lines = [one for one in scan.stations if one.station.upper() in stations]
        source = scan.sources[0] if scan.sources else ""
        setup = settings.setup_of(scan.name, source, scan.mode)
        if not lines or setup in ("", SKIP):
            continue
        found = Refusals()
        if setup not in settings.setups:
            found.add(f"RULE: there is no SETUP {setup}, which scan {scan.name} needs")
        if scan.mode not in modes:
            found.add(
                f"scan {scan.name}: its mode {scan.mode or '(none)'} is not in $MODE; put it into the schedule"
            )
        if source not in sources:
            found.add(f"scan {scan.name}: its source {source or '(none)'} is not in $SOURCE")
        if len(scan.sources) > 1:
            found.add(
                f"scan {scan.name}: several sources are several phase centres, which cannot be made here"
            )
        spans = _spans(scan, stations, found)
        refusals.extend(found.reasons)
        if not found and spans:
            whole = Span(min(one.start for one in spans.values()), max(one.stop for one in spans.values()))
            yield ObservedScan(scan.name, scan.mode, source, setup, whole, spans, frozenset())


def _spans(scan: VexScan, stations: Mapping[str, VexStation], refusals: Refusals) -> dict[str, Span]:
    spans = dict[str, Span]()
    for one in scan.stations:
        name = one.station.upper()
        if name not in stations:
            continue
        if scan.nominal is None or one.data_start is None or one.data_stop is None:
            refusals.add(f"scan {scan.name}: its start, or when {one.station} observes, cannot be read")
            continue
        start = unix_s(scan.nominal.later(one.data_start))
        spans[name] = Span(start, start + one.data_stop - one.data_start)
    return spans


def _streams(
    vex: Vex, settings: Settings, scans: Iterable[ObservedScan], refusals: Refusals, notes: list[str]
) -> dict[tuple[str, str], Stream]:
    setups = {(one.mode, one.station.upper()): one for one in vex.setup_list}
    found = dict[tuple[str, str], Stream]()
    for key in dict.fromkeys((scan.mode, name) for scan in scans for name in scan.stations):
        mode, name = key
        order = settings.station(name)
        try:
            stream = stream_of(vex.statements, setups[key], order.format) if key in setups else None
        except Unreadable as error:
            refusals.add(f"{name} in mode {mode}: {error}")
            continue
        if stream is None:
            notes.append(f"{name} is left out of mode {mode}, which does not say what it recorded")
        else:
            found[key] = stream.swapped() if order.pol_swap else stream
    return found


def _data(
    vex: Vex,
    station: VexStation,
    order: StationOrder,
    read: Read,
    refusals: Refusals,
    notes: list[str],
) -> Data:
    if order.fake:
        return Data("FAKE")
    if order.module:
        return Data("MODULE", ((order.module, ALWAYS),))
    if order.filelists:
        return _listed(order, read, refusals)
    if order.files:
        return Data("FILE", tuple((name, ALWAYS) for name in order.files))
    if any(reason.upper().startswith(f"ANTENNA {order.name}:") for reason in refusals.reasons):
        return Data()  # what is said of its data there is more to the point
    try:
        # Without a block of their own they do not count for vex2difx.
        modules = modules_of(vex.statements, station.key) if order.is_asked_for else ()
    except NoModules as error:
        refusals.add(f"ANTENNA {station.key}: $TAPELOG_OBS: {error}")
        return Data()
    if not modules:
        notes.append(f"{station.key} has no data and is left out; name them with file, filelist or module")
    return Data("MODULE" if modules else "", modules)


def _listed(order: StationOrder, read: Read, refusals: Refusals) -> Data:
    place = order.filelists[0]
    where = f"ANTENNA {order.name}: filelist {place}"
    try:
        lines = read(place).splitlines()
    except (OSError, ValueError) as error:
        refusals.add(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}")
        return Data()
    files = list[tuple[str, Span]]()
    for number, line in enumerate(lines[:_MOST_LIST], start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            files.append((words[0], _span(words[1:])))
        except ValueError as error:
            refusals.add(f"{where}, line {number}: {error}")
            return Data()
    if not files:
        refusals.add(f"{where} names no files")
    return Data("FILE", tuple(files))


def _span(words: list[str]) -> Span:
    if not words:
        return ALWAYS
    if len(words) != 2:
        raise ValueError("a line is a name, and mostly when it begins and ends; remarks stand behind #")
    start, stop = (unix_of(read_mjd(word)) for word in words)
    if stop <= start:
        raise ValueError("it ends before it begins")
    return Span(start, stop)


def _with_data(
    vex: Vex,
    scans: Iterable[ObservedScan],
    streams: Mapping[tuple[str, str], Stream],
    data: Mapping[str, Data],
) -> Iterable[ObservedScan]:
    """Scans with the stations that recorded, and whose data are named."""
    idle = {
        (scan.name, one.station.upper()) for scan in vex.scan_list for one in scan.stations if not one.records
    }
    for scan in scans:
        recorded = frozenset(
            name
            for name in scan.stations
            if (scan.mode, name) in streams and (scan.name, name) not in idle and data[name].covers(scan.span)
        )
        yield ObservedScan(scan.name, scan.mode, scan.source, scan.setup, scan.span, scan.stations, recorded)
