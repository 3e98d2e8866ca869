# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tables of several SWIN files make one array.

In go a small plan (which files, which axes) and the tables of the files, out comes where each row and column of each
table has its place. The plan alone is what travels to other processes; they look up the tables themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import stat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin_scan import OnError
from difxnb.formats.swin_table import SwinTable
from difxnb.visibility.file_tables import file_table, up_to

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

_WORKER_PLANS = 4  # that a process keeps which did not open the files itself


class FilePlan(NamedTuple):
    """A SWIN file: up to which byte it is used, size and last change then, and the place of its phase centre."""

    path: str
    end: int
    size: int
    changed_ns: int
    phase_center: int


class JobPlan(NamedTuple):
    """A job.

    Attributes
    ----------
    channels : tuple of int
        By row of its FREQ table.
    antennas, bands : tuple of int
        Row in the joined tables of each row of its own TELESCOPE and FREQ table.
    sources : tuple of str
        Names by row of its source list; empty without ``.calc``.
    files : tuple of FilePlan
    """

    channels: tuple[int, ...]
    antennas: tuple[int, ...]
    bands: tuple[int, ...]
    sources: tuple[str, ...]
    files: tuple[FilePlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything by which an array can be made again elsewhere; a few kB.

    Attributes
    ----------
    axes : tuple of tuple
        Values of the axes behind time: phase centres, pulsar bins, baselines, bands, polarizations.
    kept : tuple of bool
        Which of these axes the Dataset has.
    n_times, n_channels : int
    """

    jobs: tuple[JobPlan, ...]
    axes: tuple[tuple[object, ...], ...]
    kept: tuple[bool, ...]
    n_times: int
    n_channels: int
    on_error: OnError = "raise"
    growing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Where one file's table lies in the whole.

    Attributes
    ----------
    rows : ndarray, shape (table row,)
        Place along time.
    places : ndarray, shape (5, column)
        Places along the axes behind time.
    is_turned : ndarray of bool, shape (column,)
        Whether antennas 1 and 2 have changed places, so that spectra have to be conjugated.
    baselines, is_turned_pair : ndarray, shape (pair,)
        The same of the baseline vectors.
    phase_center : int
        Place of the file's phase centre.
    """

    table: SwinTable
    rows: Ints
    places: Ints
    is_turned: Bools
    baselines: Ints
    is_turned_pair: Bools
    phase_center: int


@dataclass(frozen=True, slots=True, eq=False)
class JobTimes:
    """Integrations of a job: their middles, their sources, and their places along the time of the whole."""

    times_ns: NDArray[np.int64]
    sources: NDArray[np.int32]
    configs: NDArray[np.int32]
    rows: Ints


def join_times(
    jobs: Sequence[Sequence[SwinTable]], names: Sequence[Sequence[str]]
) -> tuple[NDArray[np.int64], list[JobTimes]]:
    """Put the integrations of all jobs in order; those of one time and source share a row.

    Parameters
    ----------
    jobs : sequence of sequence of SwinTable
        Tables of each job.
    names : sequence of sequence of str
        Names of each job's sources.
    """
    own = [_times_of_job(tables) for tables in jobs]
    if len(own) == 1:
        (times, sources, configs) = own[0]
        return times, [JobTimes(times, sources, configs, np.arange(len(times)))]
    numbers: dict[str, int] = {}
    fields = [_numbered(sources, one, numbers) for one, (_, sources, _) in zip(names, own, strict=True)]
    time, field = np.concatenate([one[0] for one in own]), np.concatenate(fields)
    order = np.lexsort((field, time))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(time[order]) != 0) | (np.diff(field[order]) != 0)
    rows = np.empty(len(order), dtype=np.intp)
    rows[order] = np.cumsum(is_new) - 1
    pieces = np.split(rows, np.cumsum([len(one[0]) for one in own])[:-1])
    return time[order][is_new], [JobTimes(*one, piece) for one, piece in zip(own, pieces, strict=True)]


def _numbered(sources: NDArray[np.int32], names: Sequence[str], numbers: dict[str, int]) -> Ints:
    """One number for each source's name, the same in all jobs."""
    known, inverse = np.unique(sources, return_inverse=True)
    mine = [names[row] if 0 <= row < len(names) else f"source {row}" for row in known.tolist()]
    return np.array([numbers.setdefault(name, len(numbers)) for name in mine], dtype=np.intp)[inverse]


def _times_of_job(
    tables: Sequence[SwinTable],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Times of all files of a job, once each; source and configuration are those of the first file."""
    if len(tables) == 1 and _is_ascending(tables[0].times_ns):
        return tables[0].times_ns, tables[0].sources, tables[0].configs
    times = np.unique(np.concatenate([table.times_ns for table in tables]))
    sources, configs = np.zeros((2, len(times)), dtype=np.int32)
    for table in reversed(tables):
        rows = np.searchsorted(times, table.times_ns)
        sources[rows], configs[rows] = table.sources, table.configs
    return times, sources, configs


def _is_ascending(times: NDArray[np.int64]) -> bool:
    return bool((times[1:] > times[:-1]).all())


class Assembly:
    """The parts of a plan, in the order in which later ones replace earlier ones."""

    def __init__(self, plan: Plan, tables: Sequence[Sequence[SwinTable]], joined: Sequence[JobTimes]) -> None:
        self.plan = plan
        self.shape = tuple(len(values) for values in plan.axes)
        _, bins, pairs, bands, hands = plan.axes
        self._bins = {value: place for place, value in enumerate(bins)}
        self._pairs = {value: place for place, value in enumerate(pairs)}
        self._bands = {value: place for place, value in enumerate(bands)}
        self._hands = {value: place for place, value in enumerate(hands)}
        self.parts = [
            self._part(job, file, table, times)
            for job, times, own in zip(plan.jobs, joined, tables, strict=True)
            for file, table in zip(job.files, own, strict=True)
        ]

    def _part(self, job: JobPlan, file: FilePlan, table: SwinTable, times: JobTimes) -> Part:
        products = table.products
        baselines, turned = self._baselines(job, products["antenna1"], products["antenna2"])
        hands = [
            self._hands[hand[::-1] if swap else hand]
            for hand, swap in zip(products["polarization"].tolist(), turned.tolist(), strict=True)
        ]
        bands = np.array([self._bands.get(band, -1) for band in job.bands], dtype=np.intp)
        bins = [self._bins[number] for number in products["pulsar_bin"].tolist()]
        center = np.full(len(products), file.phase_center)
        pairs, turned_pairs = self._baselines(job, *table.pairs.T)
        return Part(
            table=table,
            rows=times.rows[np.searchsorted(times.times_ns, table.times_ns)],
            places=np.array([center, bins, baselines, bands[products["freq"]], hands], dtype=np.intp),
            is_turned=turned,
            baselines=pairs,
            is_turned_pair=turned_pairs,
            phase_center=file.phase_center,
        )

    def _baselines(
        self, job: JobPlan, first: NDArray[np.int32], second: NDArray[np.int32]
    ) -> tuple[Ints, Bools]:
        """Places of baselines, and which of them have to be turned."""
        ours = np.array(job.antennas, dtype=np.intp)
        a, b = ours[first], ours[second]
        turned = (a > b) != (first > second)
        low, high = np.where(turned, b, a), np.where(turned, a, b)
        places = [self._pairs.get(pair, -1) for pair in zip(low.tolist(), high.tolist(), strict=True)]
        return np.array(places, dtype=np.intp), turned

    def duplicates(self) -> int:
        """Spectra that a later file replaces."""
        parts = [part for part in self.parts if len(part.rows)]
        first, last = (np.array([part.rows[end] for part in parts]) for end in (0, -1))
        return sum(
            _shared(parts[i], later, self.shape)
            for j, later in enumerate(parts)
            for i in np.flatnonzero((first[:j] <= last[j]) & (last[:j] >= first[j]))
        )

    def parts_between(self, first: int, last: int) -> list[Part]:
        """Parts that may have something of these rows along time."""
        return [
            part for part in self.parts if len(part.rows) and part.rows[0] <= last and part.rows[-1] >= first
        ]


def _shared(earlier: Part, later: Part, shape: tuple[int, ...]) -> int:
    """How many spectra two parts both have."""
    if earlier.phase_center != later.phase_center:
        return 0
    _, rows_a, rows_b = np.intersect1d(earlier.rows, later.rows, return_indices=True)
    flat = [np.ravel_multi_index(tuple(part.places), shape) for part in (earlier, later)]
    _, columns_a, columns_b = np.intersect1d(*flat, return_indices=True)
    has_a = earlier.table.offsets[np.ix_(rows_a, columns_a)] >= 0
    has_b = later.table.offsets[np.ix_(rows_b, columns_b)] >= 0
    return int((has_a & has_b).sum())


# --- in a process that did not open the files ------------------------------------------------------------

_lock = threading.Lock()


def assembly_of(plan: Plan) -> Assembly:
    """Assemble a plan from the files, as they were when it was made; kept for the next time."""
    with _lock:
        return _assembly_of(plan)


@lru_cache(maxsize=_WORKER_PLANS)
def _assembly_of(plan: Plan) -> Assembly:
    tables = [[_table_then(plan, job, file) for file in job.files] for job in plan.jobs]
    times, joined = join_times(tables, [job.sources for job in plan.jobs])
    if len(times) != plan.n_times:
        path = plan.jobs[0].files[0].path
        raise FileFormatError(
            path,
            "",
            f"had {plan.n_times} integrations when it was opened, has {len(times)} now; open it again",
        )
    return Assembly(plan, tables, joined)


def _table_then(plan: Plan, job: JobPlan, file: FilePlan) -> SwinTable:
    """Table of a file as it was when the plan was made."""
    size = stat(file.path).st_size
    if size < file.end:
        raise FileFormatError(
            file.path, "", f"had {file.end} bytes when it was opened, has {size} now; open it again"
        )
    table = file_table(
        Path(file.path),
        dict(enumerate(job.channels)),
        len(job.antennas),
        on_error=plan.on_error,
        growing=plan.growing or size != file.size,
    )
    return up_to(table, file.end)
