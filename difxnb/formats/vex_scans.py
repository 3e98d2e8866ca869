# SPDX-License-Identifier: GPL-3.0-or-later
"""``$SCHED`` of a ``.vex``: which stations see what, and when.

A scan lasts from the first of its stations to begin to the last to end, as for vex2difx (3.1,
``vexdatamodel/vexload.cpp``); what a station line says counts from the ``start`` of the scan. Values that cannot be
read are None: :mod:`difxnb.formats.vex_problems` says where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_quantities import TIME_UNITS, Moment, number, quantity, vex_moment
from difxnb.formats.vex_text import VexDefinition, VexStatement, VexText

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class StationScan:
    """One ``station`` line of a scan.

    Attributes
    ----------
    station : str
    data_start, data_stop : float or None
        Of good data, s after the ``start`` of the scan.
    pass_, wrap : str
        Fifth and sixth field.
    records : bool
        Whether there is a drive to record on; so where the field is missing.
    statement : VexStatement
    """

    station: str
    data_start: float | None
    data_stop: float | None
    pass_: str
    wrap: str
    records: bool
    statement: VexStatement

    @property
    def duration(self) -> float:
        """Length of good data in s; 0 where it is not known."""
        if self.data_start is None or self.data_stop is None:
            return 0.0
        return max(self.data_stop - self.data_start, 0.0)


@dataclass(frozen=True, slots=True)
class VexScan:
    """One scan.

    Attributes
    ----------
    name : str
    nominal : Moment or None
        Its ``start``.
    mode : str
    sources : tuple of str
        The first is what the antennas point at.
    stations : tuple of StationScan
    definition : VexDefinition
    """

    name: str
    nominal: Moment | None
    mode: str
    sources: tuple[str, ...]
    stations: tuple[StationScan, ...]
    definition: VexDefinition

    @property
    def offsets(self) -> tuple[float | None, float | None]:
        """From the first data of any station to the last, s after the nominal start; None where no station says."""
        starts = [one.data_start for one in self.stations if one.data_start is not None]
        stops = [one.data_stop for one in self.stations if one.data_stop is not None]
        return min(starts, default=None), max(stops, default=None)

    @property
    def start(self) -> Moment | None:
        """When its first station begins; the nominal start where none says."""
        return None if self.nominal is None else self.nominal.later(self.offsets[0] or 0.0)

    @property
    def stop(self) -> Moment | None:
        """When its last station ends."""
        end = self.offsets[1]
        return None if self.nominal is None or end is None else self.nominal.later(end)

    @property
    def duration(self) -> float | None:
        """From start to stop, s."""
        begin, end = self.offsets
        return None if end is None else end - (begin or 0.0)


def scans_of(vex: VexText) -> tuple[VexScan, ...]:
    """Scans in the order of the file; stations by the names of their definitions, whatever their case in a scan."""
    block, stations = vex.block("SCHED"), vex.block("STATION")
    names = {one.name: one.name for one in (stations.definitions if stations else ())}
    spelt = {name.upper(): name for name in reversed(names)} | names
    return tuple(_scan(one, spelt) for one in (block.definitions if block else ()) if one.kind == "scan")


def _scan(definition: VexDefinition, spelt: Mapping[str, str]) -> VexScan:
    start = first_word(definition, "start")
    named = [" ".join(one.field(0)) for one in definition.all("source")]
    pointed = [
        name
        for name, one in zip(named, definition.all("source"), strict=True)
        if " ".join(one.field(1)) not in ("0", "00")
    ]
    sources = dict.fromkeys([*pointed[:1], *named])
    return VexScan(
        definition.name,
        vex_moment(start),
        first_word(definition, "mode"),
        tuple(name for name in sources if name),
        tuple(_station(one, spelt) for one in definition.all("station")),
        definition,
    )


def _station(line: VexStatement, spelt: Mapping[str, str]) -> StationScan:
    name = " ".join(line.field(0))
    start, stop = (quantity(line.field(place), TIME_UNITS) for place in (1, 2))
    drive = number("".join(line.field(6)))
    return StationScan(
        spelt.get(name) or spelt.get(name.upper(), name),
        start and start.value,
        stop and stop.value,
        " ".join(line.field(4)),
        " ".join(line.field(5)),
        drive is None or drive > 0,
        line,
    )


def first_word(definition: VexDefinition, *words: str) -> str:
    """First field of the first statement with some words; empty where there is none."""
    found = definition.all(*words)
    return " ".join(found[0].field(0)) if found else ""


def moments(values: Iterable[Moment | None]) -> pd.Series[pd.Timestamp]:
    """Times to a column."""
    known = list(values)
    return frames.utc(
        [value and value.day for value in known], [value.second if value else 0.0 for value in known]
    )


def scan_columns(scans: Sequence[VexScan], line_of: Callable[[int], int]) -> Columns:
    """One row per scan."""
    return {
        "scan": frames.texts(scan.name for scan in scans),
        "start": moments(scan.start for scan in scans),
        "stop": moments(scan.stop for scan in scans),
        "duration": frames.numbers(scan.duration for scan in scans),
        "mode": frames.texts(scan.mode for scan in scans),
        "source": frames.texts((*scan.sources, "")[0] for scan in scans),
        "sources": frames.texts(" ".join(scan.sources) for scan in scans),
        "n_stations": frames.integers(len(scan.stations) for scan in scans),
        "stations": frames.texts(" ".join(one.station for one in scan.stations) for scan in scans),
        "line": frames.optional_integers(line_of(scan.definition.start) for scan in scans),
    }


def scan_station_columns(scans: Sequence[VexScan]) -> Columns:
    """One row per scan and station."""
    rows = [(scan, one) for scan in scans for one in scan.stations]

    def at(place: str) -> pd.Series[pd.Timestamp]:
        return moments(
            None
            if scan.nominal is None or getattr(one, place) is None
            else scan.nominal.later(getattr(one, place))
            for scan, one in rows
        )

    return {
        "scan": frames.texts(scan.name for scan, _ in rows),
        "station": frames.texts(one.station for _, one in rows),
        "start": at("data_start"),
        "stop": at("data_stop"),
        "data_start": frames.numbers(one.data_start for _, one in rows),
        "data_stop": frames.numbers(one.data_stop for _, one in rows),
        "pass": frames.texts(one.pass_ for _, one in rows),
        "wrap": frames.texts(one.wrap for _, one in rows),
        "records": frames.truths(one.records for _, one in rows),
    }
