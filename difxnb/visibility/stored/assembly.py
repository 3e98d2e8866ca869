# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each row and column of the tables of several SWIN files has its place in one array.

In go a plan and the tables, or in a process that did not open the files the plan alone, out come the parts.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin_table import SwinTable
from difxnb.visibility.stored.file_tables import file_table, up_to
from difxnb.visibility.stored.plan import Bools, FilePlan, Ints, JobPlan, JobTimes, Plan, join_times, mark_of

_WORKER_PLANS = 4  # that a process keeps which did not open the files itself


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
    _, joined = join_times(tables, [job.sources for job in plan.jobs])
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
    then = up_to(table, file.end)
    if mark_of(then) != file.mark:
        raise FileFormatError(
            file.path, "", "holds other times or weights than when it was opened; open it again"
        )
    return then
