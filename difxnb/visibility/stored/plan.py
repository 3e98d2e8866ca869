# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files make an array, on which axes, and how their integrations follow each other.

A plan is small, and all that travels to other processes; they look up the tables of the files themselves. In go tables
of jobs, out come the times of all and the place of each job's own among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.swin_scan import OnError
from difxnb.formats.swin_table import SwinTable

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class FilePlan(NamedTuple):
    """A SWIN file.

    Attributes
    ----------
    end : int
        Up to which byte it is used.
    size, changed_ns : int
        Its size and last change when it was opened.
    mark : int
        Of its times and weights then; see `mark_of`.
    phase_center : int
        Place of its phase centre.
    """

    path: str
    end: int
    size: int
    changed_ns: int
    mark: int
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
class JobTimes:
    """Integrations of a job: their middles, their sources, and their places along the time of the whole."""

    times_ns: NDArray[np.int64]
    sources: NDArray[np.int32]
    configs: NDArray[np.int32]
    rows: Ints


def mark_of(table: SwinTable) -> int:
    """A number that is hardly the same for a file of other times or weights."""
    weights = int(np.ascontiguousarray(table.weights).view(np.uint32).sum(dtype=np.uint64))
    return crc32(np.ascontiguousarray(table.times_ns).data, weights & 0xFFFFFFFF)


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
