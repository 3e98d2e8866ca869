# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafts of all jobs: which stations and scans, with how many channels and which sub-integrations.

In: a schedule, the text of a ``.v2d``, and what reads file lists. Out: a :class:`Plan`, or every reason against it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.calc_model import Eop
from difxnb.formats.vex import Vex
from difxnb.formats.vex_clocks import clock_in_force, station_clocks
from difxnb.formats.vex_eop import eops
from difxnb.making.cutting import Cuts, Piece, pieces
from difxnb.making.observed import Observed, Read, mjd_of, observed, unix_of
from difxnb.making.recorded import too_few_offsets
from difxnb.making.refusals import Refusals
from difxnb.making.settings import Settings
from difxnb.making.settings_reader import read_settings, seconds_of
from difxnb.making.setups import Resolution, SetupOrder, Timing, resolution, timing
from difxnb.making.streams import Stream

_LARGEST_LIST = 2**24


@dataclass(frozen=True, slots=True)
class Draft:
    """One job before its files: stations by their names in the schedule, in upper case."""

    name: str
    number: int
    piece: Piece
    stations: tuple[str, ...]
    mode: str
    setup: SetupOrder
    resolution: Resolution
    timing: Timing

    @property
    def start_s(self) -> int:
        """When it starts, whole seconds since 1970; never after its first scan."""
        return math.floor(self.piece.span.start + 1e-3)

    @property
    def duration_s(self) -> int:
        """Its length in whole seconds."""
        return math.ceil(self.piece.span.stop - self.start_s - 1e-3)


@dataclass(frozen=True, slots=True)
class Plan:
    """All jobs, and what they are made of; sites are where they are in the middle of the experiment, at `middle_s`."""

    vex: Vex
    settings: Settings
    observed: Observed
    drafts: tuple[Draft, ...]
    eops: tuple[Eop, ...]
    notes: tuple[str, ...]
    middle_s: float | None

    def streams(self, draft: Draft) -> list[Stream]:
        """What the stations of a job recorded, in their order."""
        return [self.observed.streams[draft.mode, name] for name in draft.stations]


def drawn_up(vex: Vex, v2d: str, name: str, read: Read, eop: Sequence[Eop] | None = None) -> Plan:
    """Decide about all jobs.

    Parameters
    ----------
    vex : Vex
        The schedule.
    v2d : str
        Text of the ``.v2d``.
    name : str
        Its name without extension.
    read : callable
        Reads file lists.
    eop : sequence of Eop, optional
        Earth orientation in place of what the files say.

    Raises
    ------
    CannotMakeJob
        With every reason.
    """
    refusals, notes = Refusals(), list[str]()
    settings = _settings(v2d, name, refusals)
    if "\r" in vex.text:
        refusals.add("the schedule has DOS line ends, which vex2difx refuses; write it with plain ones")
    notes.extend(
        f"SETUP {name}: autocorrelations are written all the same; vex2difx does not look at doAuto"
        for name, one in settings.setups.items()
        if not one.do_auto
    )
    found = observed(vex, settings, read, refusals, notes)
    orientation = _orientation(vex, settings, eop, refusals)
    cuts = _with_breaks(vex, settings, found, orientation, refusals)
    cut = pieces(found.scans, cuts, notes)
    drafts = list(_drafts(vex, settings, found, cut, refusals, notes))
    if not drafts and not refusals:
        refusals.add(_why_none(settings, found, notes))
    _require_days(drafts, orientation, refusals)
    _require_places(vex, settings, found, drafts, refusals)
    for (_, station), stream in found.streams.items():
        refusals.extend(too_few_offsets(settings.station(station), stream))
    refusals.end(f"{name}.v2d")
    notes += _without_clock(vex, settings, found, drafts)
    return Plan(vex, settings, found, tuple(drafts), orientation, tuple(dict.fromkeys(notes)), _middle(vex))


def _middle(vex: Vex) -> float | None:
    start, stop = vex.start, vex.stop
    return None if np.isnat(start) or np.isnat(stop) else (seconds_of(start) + seconds_of(stop)) / 2


def _settings(v2d: str, name: str, refusals: Refusals) -> Settings:
    settings = read_settings(v2d, name, refusals)
    if "_" in name or not name[:1].isalpha():
        refusals.add(
            f"{name}.v2d: vex2difx wants names that begin with a letter and have no underscore; rename it"
        )
    if "\r" in v2d:
        refusals.add(f"{name}.v2d has DOS line ends, which vex2difx refuses; write it with plain ones")
    if bool(settings.cores) != bool(settings.threads):
        refusals.add("nCore and nThread are given together or not at all")
    return settings


def _orientation(
    vex: Vex, settings: Settings, eop: Sequence[Eop] | None, refusals: Refusals
) -> tuple[Eop, ...]:
    if eop is not None:
        return tuple(eop)
    try:
        in_vex = () if vex.statements.block("EOP") is None else tuple(eops(vex.statements, "the schedule"))
    except FileFormatError as error:
        refusals.add(str(error))
        return ()
    if in_vex and settings.eops:
        refusals.add("Earth orientation is in the schedule and in the .v2d; leave it in one of them")
    if not in_vex and not settings.eops:
        refusals.add("there is no Earth orientation: add EOP blocks to the .v2d (EopTable.to_v2d does it)")
    return in_vex or settings.eops


def _with_breaks(
    vex: Vex, settings: Settings, found: Observed, orientation: Sequence[Eop], refusals: Refusals
) -> Cuts:
    leaps = tuple(unix_of(b.mjd) for a, b in itertools.pairwise(orientation) if a.tai_utc_s != b.tai_utc_s)
    of_stations = dict[str, tuple[float, ...]]()
    for name, station in found.stations.items():
        if settings.station(name).clock is not None:
            continue
        try:
            clocks = station_clocks(vex.statements, station.key, "the schedule")
        except FileFormatError as error:
            refusals.add(str(error))
            continue
        # vex2difx 3.1 forgets those of stations that the schedule does not name in upper case, and so uses the first
        # clock to the end.
        valid = (one.valid_from_mjd for one in clocks)
        of_stations[name] = tuple(round(unix_of(mjd), 3) for mjd in valid if mjd > 0)
    return replace(
        settings.cuts,
        breaks=(*settings.cuts.breaks, *leaps),
        station_breaks=of_stations,
        modules={
            name: tuple(span for _, span in data.files)
            for name, data in found.data.items()
            if data.source == "MODULE"
        },
    )


def _drafts(
    vex: Vex,
    settings: Settings,
    found: Observed,
    cut: Sequence[Piece],
    refusals: Refusals,
    notes: list[str],
) -> Iterator[Draft]:
    resolutions = _resolutions(settings, found, refusals)
    digits = len(str(max(len(cut) + settings.first_number - 1, 1)))
    for number, piece in enumerate(cut, start=settings.first_number):
        name = f"{settings.series}_{number:0{digits}d}" if number else settings.series
        stations = _stations(settings, found, piece)
        modes = list(dict.fromkeys(scan.mode for scan in piece.scans))
        setup = settings.setups[piece.scans[0].setup]
        if len(stations) < settings.cuts.fewest_stations:
            notes.append(
                f"{name} is not made: only {', '.join(stations) or 'no station'} of its scans has data"
            )
            continue
        if not _in_common(
            settings.setups[piece.scans[0].setup], [found.streams.get((modes[0], one)) for one in stations]
        ):
            notes.append(f"{name} is not made: its stations have no band in common")
            continue
        called = Counter(settings.station(station).job_name.upper() for station in stations)
        if twice := [one for one, count in called.items() if count > 1]:
            refusals.add(f"{name}: several stations are called {twice[0]} in it; give each a name of its own")
        if len(modes) > 1:
            refusals.add(f"{name}: several modes are several configurations; leave singleSetup = True")
        chosen = resolutions.get(setup.name)
        if chosen is None or len(modes) > 1:
            continue
        timed = _timing(vex, settings, found, setup, modes[0], chosen, refusals, notes)
        if timed is not None:
            yield Draft(name, number, piece, stations, modes[0], setup, chosen, timed)


def _stations(settings: Settings, found: Observed, piece: Piece) -> tuple[str, ...]:
    """Stations of any of its scans that have data in its time."""
    seen = dict.fromkeys(
        name
        for scan in piece.scans
        for name in scan.stations
        if (scan.mode, name) in found.streams and found.data[name].covers(piece.span)
    )
    if settings.sort_antennas or not settings.antennas:
        return tuple(sorted(seen))
    return tuple(name for name in settings.antennas if name in seen)


def _in_common(setup: SetupOrder, streams: Sequence[Stream | None]) -> bool:
    """Whether there is anything to be correlated; a station alone has nothing in common with others."""
    bands = [
        {
            (one.low_edge_hz, one.bandwidth_hz, "" if setup.do_polar else one.polarization)
            for one in stream.channels
        }
        for stream in streams
        if stream is not None
    ]
    return len(bands) == 1 or any(a & b for a, b in itertools.combinations(bands, 2))


def _resolutions(settings: Settings, found: Observed, refusals: Refusals) -> dict[str, Resolution]:
    chosen = dict[str, Resolution]()
    for name in dict.fromkeys(scan.setup for scan in found.scans):
        modes = {scan.mode for scan in found.scans if scan.setup == name}
        widths = {
            one.bandwidth_hz
            for (mode, _), stream in found.streams.items()
            if mode in modes
            for one in stream.channels
        }
        one = resolution(settings.setups[name], widths, refusals) if widths else None
        if one is not None:
            chosen[name] = one
    return chosen


def _timing(
    vex: Vex,
    settings: Settings,
    found: Observed,
    setup: SetupOrder,
    mode: str,
    chosen: Resolution,
    refusals: Refusals,
    notes: list[str],
) -> Timing | None:
    """Sub-integrations of a mode, by the data rate that a station with all its bands would have."""
    streams = [stream for (of, _), stream in found.streams.items() if of == mode]
    bands = {
        (band.frequency, band.bandwidth, band.sideband, band.polarization)
        for one in vex.setup_list
        if one.mode == mode
        for band in one.bands
    }
    # Bands whose hands are exchanged come to those of the schedule, for vex2difx.
    for (of, name), stream in found.streams.items():
        if of == mode and settings.station(name).pol_swap:
            bands |= {
                (one.edge_hz, one.bandwidth_hz, one.sideband, one.polarization) for one in stream.channels
            }
    rate = max(stream.sample_rate_hz for stream in streams)
    bits = max(stream.format.bits for stream in streams)
    return timing(
        setup,
        chosen.fft_ns,
        rate * bits * len(bands) / 8,
        settings.buffers,
        tweak=settings.tweak,
        refusals=refusals,
        notes=notes,
    )


def _why_none(settings: Settings, found: Observed, notes: Sequence[str]) -> str:
    wanted = settings.cuts.fewest_stations
    if not found.scans:
        return f"no scan with {wanted} of the wanted stations is left within mjdStart and mjdStop"
    return f"no scan has data of {wanted} stations; {'; '.join(dict.fromkeys(notes))}"


def _require_days(drafts: Sequence[Draft], orientation: Sequence[Eop], refusals: Refusals) -> None:
    days = [one.mjd for one in orientation]
    for draft in drafts:
        first, last = int(mjd_of(draft.piece.span.start)), math.ceil(mjd_of(draft.piece.span.stop))
        if days and not min(days) <= first < last <= max(days):
            refusals.add(
                f"{draft.name}: Earth orientation is known for MJD {min(days)} to {max(days)}, the job needs {first} "
                f"to {last}"
            )


def _without_clock(vex: Vex, settings: Settings, found: Observed, drafts: Sequence[Draft]) -> Iterator[str]:
    """Jobs in which the clock of a station is 0 because none of those that the schedule has is valid yet."""
    for name in dict.fromkeys(name for draft in drafts for name in draft.stations):
        clocks = station_clocks(vex.statements, found.stations[name].key)
        for draft in drafts if clocks and settings.station(name).clock is None else ():
            if name in draft.stations and clock_in_force(clocks, mjd_of(draft.start_s)) is None:
                yield f"{draft.name}: no clock of {name} is valid yet, so it is taken for 0"


def _require_places(
    vex: Vex, settings: Settings, found: Observed, drafts: Sequence[Draft], refusals: Refusals
) -> None:
    """Stations and sources of jobs need a place."""
    for name in dict.fromkeys(name for draft in drafts for name in draft.stations):
        station = found.stations[name]
        if settings.station(name).position is None and None in station.position:
            refusals.add(
                f"{station.key} has no site_position in the schedule; add it, or X, Y and Z to the .v2d"
            )
        if not station.axis_type:
            refusals.add(f"{station.key} has no axis_type in the schedule")
    sources = {one.key: one for one in vex.source_list}
    for name in dict.fromkeys(scan.source for draft in drafts for scan in draft.piece.scans):
        order, source = settings.sources.get(name.upper()), sources[name]
        given = order is not None and order.ra is not None and order.dec is not None
        if not given and (source.ra is None or source.dec is None):
            refusals.add(f"the place of source {name} cannot be read")
        elif not given and source.frame not in ("", "J2000"):
            refusals.add(f"source {name} stands in {source.frame[:20]}; only J2000 can be used")
