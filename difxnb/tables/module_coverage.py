# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a schedule was recorded: scans of a ``.vex`` against directories of modules and lists of files.

In go tables with times, out comes a table: one row per scan and station. Times are compared to the nanosecond; what
overlaps is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.tables.columns import numbers, texts

_S = 1e9  # nanoseconds; a division by it gives whole seconds as they are
_NEEDED = ("start", "stop")
_MOST_NAMED = 20
_NOTHING_KNOWN = "nothing known"

Spans = NDArray[np.int64]
"""Two columns, begins and ends in nanoseconds."""


class Schedule(Protocol):
    """What is asked of a `Vex`."""

    def scan_stations(self) -> pd.DataFrame:
        """One row per scan and station: ``scan station start stop records``, times those of the station."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What is known of one station.

    Attributes
    ----------
    spans, media, names
        Of each recording that has times, by begin.
    joined, before : ndarray
        The same without overlaps, and how much lies before the begin of each.
    without_times : int
        Recordings that have none.
    """

    spans: Spans
    media: list[str]
    names: list[str]
    joined: Spans
    before: NDArray[np.int64]
    without_times: int

    def until(self, moment: int) -> int:
        """Nanoseconds recorded before a moment."""
        place = int(np.searchsorted(self.joined[:, 0], moment, "right")) - 1
        if place < 0:
            return 0
        begin, end = self.joined[place]
        return int(self.before[place]) + min(moment, int(end)) - int(begin)

    def meeting(self, start: int, stop: int) -> NDArray[np.intp]:
        """Which recordings overlap a time."""
        return np.flatnonzero((self.spans[:, 0] < stop) & (self.spans[:, 1] > start))


def module_coverage(
    vex: Schedule, directories: Mapping[str, Sequence[pd.DataFrame]], *, slack: float = 5.0
) -> pd.DataFrame:
    """Say of each scan and station how much of it was recorded, and on what.

    Parameters
    ----------
    vex : Vex
        The schedule.
    directories : mapping of str to sequence of DataFrame
        By station: directories of modules (`Recorder.directory`) and lists of files (`Correlator.file_list`), or other
        tables with ``start`` and ``stop``. What is it called is taken from ``attrs["vsn"]``, else from columns ``file``
        or ``name``.
    slack : float
        Seconds of a scan that may be missing where it still counts as complete: a recorder begins late.

    Returns
    -------
    DataFrame
        ``scan station start stop needed recorded share media state note``, by start and station. `start` and `stop` are
        when the station is to record, `needed` and `recorded` in s; `share` is NaN where nothing is needed or nothing
        is known; `media` names modules or files; `state` is ``complete``, ``partly``, ``missing`` or ``nothing known``
        (no directory of this station).

    Raises
    ------
    ValueError
        No such station in the schedule; a table without times; a slack below zero.
    """
    if not (slack >= 0 and np.isfinite(slack)):
        raise ValueError(f"slack is a number of seconds from zero on; got {slack!r}")
    wanted = _wanted(vex.scan_stations())
    known = {
        station: _recorded(frames, station)
        for station, frames in _of_schedule(directories, wanted["station"].unique()).items()
        if len(frames)
    }
    rows = [
        _row(scan, int(start), int(stop), known.get(station), slack, records)
        for scan, station, start, stop, records in zip(
            wanted["scan"],
            wanted["station"],
            _nanoseconds(wanted["start"]),
            _nanoseconds(wanted["stop"]),
            wanted["records"],
            strict=True,
        )
    ]
    for place, (name, column) in enumerate(_COLUMNS.items()):
        wanted[name] = column(row[place] for row in rows)
    return wanted.drop(columns="records")


_COLUMNS: dict[str, Callable[[Iterable[Any]], pd.Series[Any]]] = {
    "needed": numbers,
    "recorded": numbers,
    "share": numbers,
    "media": texts,
    "state": texts,
    "note": texts,
}
Row = tuple[float, float, float, str, str, str]


def _wanted(table: pd.DataFrame) -> pd.DataFrame:
    """When each station is to record, as its own line of the scan says."""
    wanted = pd.DataFrame(
        {
            "scan": texts(table["scan"]),
            "station": texts(table["station"]),
            "start": table["start"].to_numpy(dtype="datetime64[ns]"),
            "stop": table["stop"].to_numpy(dtype="datetime64[ns]"),
            "records": table["records"].to_numpy(dtype=bool),
        }
    )
    return wanted.sort_values(["start", "station"], kind="stable", ignore_index=True)


def _of_schedule(
    directories: Mapping[str, Sequence[pd.DataFrame]], stations: Iterable[str]
) -> dict[str, list[pd.DataFrame]]:
    """By the names that the schedule has for stations, which a ``.v2d`` may write in other letters."""
    names = {name.upper(): name for name in stations}
    found: dict[str, list[pd.DataFrame]] = {}
    for station, frames in directories.items():
        if station.upper() not in names:
            raise ValueError(
                f"there is no station {station!r} in the schedule; there are {', '.join(sorted(names.values()))}"
            )
        found.setdefault(names[station.upper()], []).extend(frames)
    return found


def _recorded(frames: Sequence[pd.DataFrame], station: str) -> _Recorded:
    spans, media, names = list[Spans](), list[str](), list[str]()
    for frame in frames:
        missing = [name for name in _NEEDED if name not in frame.columns]
        if missing:
            raise ValueError(
                f"a directory of {station} is a table with start and stop; it has no {missing[0]}"
            )
        spans.append(np.column_stack([_nanoseconds(frame[name]) for name in _NEEDED]))
        media += _labels(frame, ("file", "name"), str(frame.attrs.get("vsn") or ""))
        names += _labels(frame, ("name", "file"))
    every = np.concatenate(spans)
    has_times = (every[:, 0] > _NAT) & (every[:, 1] > every[:, 0])
    order = np.flatnonzero(has_times)[np.argsort(every[has_times, 0], kind="stable")]
    joined = _joined(every[order])
    lengths = joined[:, 1] - joined[:, 0]
    return _Recorded(
        spans=every[order],
        media=[media[place] for place in order],
        names=[names[place] for place in order],
        joined=joined,
        before=np.cumsum(lengths) - lengths,
        without_times=int(len(every) - len(order)),
    )


_NAT = np.iinfo(np.int64).min


def _nanoseconds(column: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
    return column.to_numpy(dtype="datetime64[ns]").view(np.int64)


def _labels(frame: pd.DataFrame, columns: Sequence[str], fixed: str = "") -> list[str]:
    """What each recording is called; one name for all of a module."""
    if fixed:
        return [fixed] * len(frame)
    for name in columns:
        if name in frame.columns:
            return ["" if pd.isna(value) else str(value) for value in frame[name]]
    return [""] * len(frame)


def _joined(spans: Spans) -> Spans:
    """Times without overlaps, of times by begin."""
    if not len(spans):
        return spans
    latest = np.maximum.accumulate(spans[:, 1])
    is_first = np.concatenate([[True], spans[1:, 0] > latest[:-1]])
    begins = np.flatnonzero(is_first)
    ends = np.concatenate([begins[1:] - 1, [len(spans) - 1]])
    return np.column_stack([spans[begins, 0], latest[ends]])


def _row(scan: str, start: int, stop: int, found: _Recorded | None, slack: float, records: bool) -> Row:
    needed = max(0, stop - start) / _S if _NAT not in (start, stop) else np.nan
    if not records or needed == 0:
        return 0.0, np.nan, np.nan, "", "complete", "the station does not record this scan"
    if found is None:
        return needed, np.nan, np.nan, "", _NOTHING_KNOWN, ""
    if np.isnan(needed):
        return needed, np.nan, np.nan, "", _NOTHING_KNOWN, "the schedule does not say when"
    recorded = (found.until(stop) - found.until(start)) / _S
    media = _listed(found.media[place] for place in found.meeting(start, stop))
    # The rounding of seconds into floats is far below a microsecond here.
    state = "missing" if recorded <= 0 else "complete" if needed - recorded <= slack + 1e-6 else "partly"
    note = "" if state == "complete" else _note(scan, start, stop, found)
    return needed, recorded, recorded / needed, media, state, note


def _listed(names: Iterable[str]) -> str:
    """Names, each once, and no more than one can read."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(found[:_MOST_NAMED]) + more


def _note(scan: str, start: int, stop: int, found: _Recorded) -> str:
    """Where the hole is, and what there is that could belong to the scan."""
    notes = list[str]()
    places = found.meeting(start, stop)
    if len(places):
        notes += _holes(start, stop, found.joined)
    else:
        named = [place for place, name in enumerate(found.names) if _is_of(name, scan)]
        for place in named[:1]:
            when = pd.Timestamp(int(found.spans[place, 0])).strftime("%Y-%m-%d %H:%M:%S")
            notes.append(f"{found.names[place]} begins at {when}; is the clock of the recorder right?")
    if found.without_times:
        notes.append(f"{found.without_times} recordings of the station have no times")
    return "; ".join(notes)


def _holes(start: int, stop: int, joined: Spans) -> list[str]:
    inside = joined[(joined[:, 0] < stop) & (joined[:, 1] > start)]
    first, last = int(inside[0, 0]) - start, stop - int(inside[-1, 1])
    gaps = int((inside[1:, 0] - inside[:-1, 1]).sum())
    notes = [f"begins {first / _S:.1f} s late"] if first > 0 else []
    notes += [f"{gaps / _S:.1f} s are missing within"] if gaps > 0 else []
    return notes + ([f"ends {last / _S:.1f} s early"] if last > 0 else [])


def _is_of(name: str, scan: str) -> bool:
    """Whether a recording is called after a scan: recorders write ``EXPERIMENT_STATION_SCAN``."""
    stem = name.rpartition("/")[2].partition(".")[0].lower()
    return stem == scan.lower() or stem.endswith(f"_{scan.lower()}")
