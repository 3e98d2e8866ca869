# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scans go into which job: the rules of vex2difx on plain numbers.

In: scans with the times of their stations, limits, and times at which a job must end. Out: pieces, one for each job.
Times are seconds since 1970 (UTC). As vex2difx 3.1 cuts (``src/makejobs.cpp``, ``src/jobgroup.cpp``,
``vexdatamodel/vex_data.cpp``): scans that follow each other without a gap are never in one job, a job may be longer
than `longest` by its last scan, and the number of a job that is not made is used up. ``maxSize`` cuts nothing, here as
there: vex2difx adds up sizes before it knows the channels, and so finds 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from difxnb.making.module_changes import changes
from difxnb.making.spans import ALWAYS, Span

_TOUCHING_S = 0.1
_SHORTEST_SCAN_S = 0.05


@dataclass(frozen=True, slots=True)
class ObservedScan:
    """A scan as it can be correlated.

    Attributes
    ----------
    name, mode, source, setup : str
    span : Span
    stations : mapping
        Names in upper case, and when each was there.
    recorded : frozenset of str
        Those that recorded, and whose data are named.
    """

    name: str
    mode: str
    source: str
    setup: str
    span: Span
    stations: Mapping[str, Span]
    recorded: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where jobs end; lengths in s.

    Attributes
    ----------
    window : Span
        Nothing outside of it is correlated.
    breaks : tuple of float
        Jobs end there.
    station_breaks : mapping
        Jobs with that station end there.
    modules : mapping
        When each module of a station was recorded on; a job has one of each station.
    """

    largest_gap: float = 180.0
    longest: float = 7200.0
    shortest: float = 2.0
    fewest_stations: int = 2
    single_scan: bool = False
    single_mode: bool = True
    window: Span = ALWAYS
    breaks: tuple[float, ...] = ()
    station_breaks: Mapping[str, tuple[float, ...]] | None = None
    modules: Mapping[str, tuple[Span, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """The scans of one job, and its time."""

    scans: tuple[ObservedScan, ...]
    span: Span

    @property
    def observed_s(self) -> float:
        """Seconds of it within scans."""
        return sum(scan.span.part(self.span).length for scan in self.scans)


def shortened(scans: Iterable[ObservedScan], cuts: Cuts) -> list[ObservedScan]:
    """Scans within the window, each while there are stations enough; those where there never are left out."""
    found = (_shortened(scan, cuts) for scan in scans)
    return [scan for scan in found if scan is not None]


def _shortened(scan: ObservedScan, cuts: Cuts) -> ObservedScan | None:
    inside = {name: span.part(cuts.window) for name, span in scan.stations.items() if span.meets(cuts.window)}
    if len(inside) < max(1, cuts.fewest_stations):
        return None
    fewest = max(1, cuts.fewest_stations)
    begun = sorted(span.start for span in inside.values())[fewest - 1]
    ended = sorted((span.stop for span in inside.values()), reverse=True)[fewest - 1]
    enough = Span(begun, ended)
    if scan.span.part(enough).length <= _SHORTEST_SCAN_S:
        return None
    stations = {name: span.part(enough) for name, span in inside.items()}
    return replace(scan, span=scan.span.part(enough), stations=stations)


def pieces(scans: Iterable[ObservedScan], cuts: Cuts, notes: list[str]) -> list[Piece]:
    """Pieces in the order of their numbers; what was left out is added to `notes`."""
    return [piece for group in _groups(scans, cuts) for piece in _cut(group, cuts, notes)]


def _groups(scans: Iterable[ObservedScan], cuts: Cuts) -> Iterator[list[ObservedScan]]:
    waiting = list(scans)
    while waiting:
        first, *waiting = waiting
        if len(first.recorded & first.stations.keys()) < cuts.fewest_stations:
            continue
        group, left = [first], list[ObservedScan]()
        for scan in waiting:
            (group if _goes_with(group[-1], scan, cuts) else left).append(scan)
        waiting = left
        yield group


def _goes_with(last: ObservedScan, scan: ObservedScan, cuts: Cuts) -> bool:
    gap = scan.span.start - last.span.stop
    return (
        not cuts.single_scan
        and _TOUCHING_S < gap <= cuts.largest_gap
        and scan.setup == last.setup
        and (scan.mode == last.mode or not cuts.single_mode)
    )


def _cut(group: Sequence[ObservedScan], cuts: Cuts, notes: list[str]) -> Iterator[Piece]:
    whole = Span(group[0].span.start, group[-1].span.stop)
    stations = {name for scan in group for name in scan.stations}
    of_stations = (t for name in stations for t in (cuts.station_breaks or {}).get(name, ()))
    inside = {t for t in (*cuts.breaks, *of_stations) if whole.start < t < whole.stop}
    recorded = [spans for name, spans in sorted((cuts.modules or {}).items()) if name in stations]
    if recorded:
        observing = [span for scan in group for span in scan.stations.values()]
        inside.update(changes(whole, observing, recorded, sorted(inside)))
    edges = [whole.start, *sorted(inside), whole.stop]
    for start, stop in itertools.pairwise(edges):
        if stop - start <= cuts.shortest:
            notes.append(
                f"a job of {stop - start:g} s at scan {group[0].name} is skipped: minLength is longer"
            )
        else:
            yield from _filled(group, Span(start, stop), cuts)


def _filled(group: Sequence[ObservedScan], between: Span, cuts: Cuts) -> Iterator[Piece]:
    inside = list[ObservedScan]()
    for scan in group:
        if scan.span.meets(between):
            inside.append(scan)
            if _span(inside, between).length > cuts.longest:
                yield Piece(tuple(inside), _span(inside, between))
                inside = []
    if inside and _span(inside, between).length >= cuts.shortest:
        yield Piece(tuple(inside), _span(inside, between))


def _span(scans: Sequence[ObservedScan], between: Span) -> Span:
    parts = [scan.span.part(between) for scan in scans]
    return Span(min(part.start for part in parts), max(part.stop for part in parts))
