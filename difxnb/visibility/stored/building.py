# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the lazy Dataset of jobs: their tables joined, their axes, the names of scans and sources, provenance.

In go sources as a user names them, out comes a Dataset of the shape in the package docstring of which nothing but the
headers has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from os import stat
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core.indexing import LazilyIndexedArray

from difxnb.formats.input import Input
from difxnb.formats.result_layout import result_layout
from difxnb.formats.swin_scan import OnError
from difxnb.formats.swin_table import SwinTable
from difxnb.visibility.axes import Axes, Key, dataset_on, key_of
from difxnb.visibility.stored.assembly import Assembly
from difxnb.visibility.stored.chunks import LazyVariable
from difxnb.visibility.stored.finding import FoundJobs
from difxnb.visibility.stored.joining import Joined, join_inputs
from difxnb.visibility.stored.lazy import LazyArray, LazySpectra, LazyVectors, LazyWeights
from difxnb.visibility.stored.opened_job import OpenedJob, open_jobs
from difxnb.visibility.stored.plan import FilePlan, JobPlan, JobTimes, Plan, join_times, mark_of
from difxnb.visibility.stored.provenance import provenance, warn_of_problems
from difxnb.visibility.stored.scan_names import scan_names, source_names

_CHUNK_BYTES = 64 * 2**20


def build_dataset(found: FoundJobs, *, on_error: OnError, growing: bool) -> xr.Dataset:
    """Build the Dataset; see :func:`difxnb.open_visibilities`."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise' or 'skip', not {on_error!r}")
    jobs, absent = open_jobs(found, on_error, growing)
    joined = join_inputs([job.input for job in jobs])
    axes = Axes(joined.input, _keys(jobs, joined))
    times_ns, job_times = join_times([job.tables for job in jobs], [job.sources for job in jobs])
    plan = _plan(jobs, joined, axes, len(times_ns), on_error, growing)
    assembly = Assembly(plan, [job.tables for job in jobs], job_times)
    along = _along_time(jobs, job_times, len(times_ns))
    if axes.kept[0]:
        along["phase_center_name"] = (("time", "phase_center"), _center_names(jobs, assembly))
    attrs = provenance(jobs, assembly.duplicates(), absent)
    warn_of_problems(jobs, absent)
    return dataset_on(axes, _variables(plan, assembly, axes), times_ns, along, attrs)


# --- axes ------------------------------------------------------------------------------------------------


def _keys(jobs: Sequence[OpenedJob], joined: Joined) -> Iterator[Key]:
    """Products that the jobs are to write, and those that occur besides."""
    for job, antennas, bands in zip(jobs, joined.antennas, joined.bands, strict=True):
        centers = sorted({file.phase_center for file in job.found.files})
        occurring = [_occurring(table) for table in job.tables]
        bins = sorted({key.pulsar_bin for keys in occurring for key in keys}) or [0]
        own = dict.fromkeys(_each(_expected(job), bins, lambda key, number: key._replace(pulsar_bin=number)))
        own.update(dict.fromkeys(key for keys in occurring for key in keys))
        alone = len(jobs) == 1
        turned = own if alone else [_joined_key(key, antennas, bands) for key in own]
        yield from _each(turned, centers, lambda key, center: key._replace(phase_center=center))


def _each(keys: Iterable[Key], values: Sequence[int], placed: Callable[[Key, int], Key]) -> Iterable[Key]:
    """The same products with each of some values."""
    if values == [0]:
        return keys
    return (placed(key, value) for value in values for key in keys)


def _expected(job: OpenedJob) -> list[Key]:
    """Products of the configurations that occur."""
    configs = sorted({int(config) for table in job.tables for config in np.unique(table.configs)}) or [0]
    known = [config for config in configs if 0 <= config < len(job.input.configurations)]
    return list(
        dict.fromkeys(key_of(place) for config in known for place in result_layout(job.input, config))
    )


def _occurring(table: SwinTable) -> list[Key]:
    names = ("antenna1", "antenna2", "freq", "polarization", "pulsar_bin")
    columns = (table.products[name].tolist() for name in names)
    return [Key(a, b, freq, hands, 0, number) for a, b, freq, hands, number in zip(*columns, strict=True)]


def _joined_key(key: Key, antennas: Sequence[int], bands: Sequence[int]) -> Key:
    """The same product by the rows of the joined tables; a baseline is turned where its antennas changed places."""
    first, second = antennas[key.antenna1], antennas[key.antenna2]
    if (first > second) == (key.antenna1 > key.antenna2):
        return key._replace(antenna1=first, antenna2=second, band=bands[key.band])
    letters = key.polarization[::-1]
    return key._replace(antenna1=second, antenna2=first, band=bands[key.band], polarization=letters)


def _plan(
    jobs: Sequence[OpenedJob], joined: Joined, axes: Axes, n_times: int, on_error: OnError, growing: bool
) -> Plan:
    center_places = {center: place for place, center in enumerate(axes.phase_centers)}
    plans = tuple(
        JobPlan(
            channels=tuple(freq.channels for freq in job.input.freqs),
            antennas=antennas,
            bands=bands,
            sources=job.sources,
            files=tuple(
                FilePlan(
                    str(file.path),
                    table.end,
                    *_stamp(table),
                    mark_of(table),
                    center_places[file.phase_center],
                )
                for file, table in zip(job.found.files, job.tables, strict=True)
            ),
        )
        for job, antennas, bands in zip(jobs, joined.antennas, joined.bands, strict=True)
    )
    values = tuple(tuple(one) for one in axes.values)
    return Plan(plans, values, axes.kept, n_times, axes.channels, on_error, growing)


def _stamp(table: SwinTable) -> tuple[int, int]:
    """Size and time of the last change of a file; of one that cannot be read there are none."""
    if not table.end:
        return 0, 0
    status = stat(table.path)
    return status.st_size, status.st_mtime_ns


def _variables(plan: Plan, assembly: Assembly, axes: Axes) -> dict[str, xr.Variable]:
    dims = ("time", *axes.dims)
    center = ("phase_center",) if axes.kept[0] else ()

    def lazy(dims: tuple[str, ...], array: LazyArray) -> xr.Variable:
        encoding = {"preferred_chunks": {"time": max(1, _CHUNK_BYTES // axes.row_bytes)}}
        return LazyVariable(dims, LazilyIndexedArray(array), encoding=encoding)

    return {
        "VISIBILITY": lazy((*dims, "channel"), LazySpectra(plan, assembly)),
        "WEIGHT": lazy(dims, LazyWeights(plan, assembly)),
        "UVW": lazy(("time", *center, "baseline", "uvw"), LazyVectors(plan, assembly)),
    }


# --- coordinates along time ------------------------------------------------------------------------------


def _along_time(jobs: Sequence[OpenedJob], job_times: Sequence[JobTimes], n_times: int) -> dict[str, Any]:
    """Names of scans and sources; lengths of integrations where they differ. The first job of a time counts."""
    scans, fields = (np.full(n_times, "", dtype=object) for _ in range(2))
    lengths = np.zeros(n_times)
    for job, times in reversed(list(zip(jobs, job_times, strict=True))):
        own_lengths = _lengths(job.input, times.configs)
        lengths[times.rows] = own_lengths
        if job.calc is not None:
            scans[times.rows] = scan_names(times.times_ns, own_lengths, job.calc.scans, job.input)
            fields[times.rows] = source_names(times.sources, job.sources)
    along: dict[str, Any] = {"scan_name": scans, "field_name": fields}
    if len(np.unique(lengths)) > 1:
        along["integration_time"] = lengths
    return along


def _lengths(input: Input, configs: NDArray[np.int32]) -> NDArray[np.float64]:
    """Integration times, s; NaN of configurations that the job does not have."""
    known = np.array([*(config.int_time for config in input.configurations), np.nan])
    is_known = (configs >= 0) & (configs < len(input.configurations))
    return np.asarray(known[np.where(is_known, configs, len(known) - 1)])


def _center_names(jobs: Sequence[OpenedJob], assembly: Assembly) -> NDArray[np.object_]:
    """Source at each time and phase centre; "" where there is none."""
    found = np.full((assembly.plan.n_times, assembly.shape[0]), "", dtype=object)
    parts = iter(assembly.parts)
    for job in jobs:
        for _, part in zip(job.tables, parts, strict=False):
            found[part.rows, part.phase_center] = source_names(part.table.sources, job.sources)
    return found
