# SPDX-License-Identifier: GPL-3.0-or-later
"""Means of visibilities over time, scans, channels, bands, polarizations or baselines, weighted.

In: visibilities V with weights w (0…1; not known counts as 1). Out: the same shape with fewer or coarser axes.

A cell (one channel of one product of one integration) counts with s = w · n, where n is the number of cells it was
itself averaged from (the coordinate ``n_averaged``, 1 where there is none) and s = 0 where V is NaN. Where integrations
differ in length, n is their length in units of the usual one (``attrs["integration_time"]``, else the shortest).
Channels count alike, whatever their width.

* V is Σ s V / Σ s, NaN where nothing is there.
* WEIGHT is Σ s / Σ n: the fraction of valid data in what was averaged, 0…1 again. A product with no channel left
  in an integration counts as missing there; with any it is there.
* n_averaged is Σ n over all cells, whether there were data or not; so WEIGHT · n_averaged = Σ s, and the noise of V is
  that of one cell of weight 1 divided by √(WEIGHT · n_averaged). Means of means are thus the same as one mean over
  everything, except where single channels are missing at single times.
* UVW is weighted by what its baseline has in all bands and polarizations; its mean over baselines means nothing and is
  left out.

What becomes of the other coordinates stands in :mod:`difxnb.visibility.accessor.mean_coords`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.grouping import Places, integration_times, step_ns, time_groups
from difxnb.visibility.accessor.mean_coords import bare, counted, counts_of, finite, mean_coords
from difxnb.visibility.accessor.selecting import autocorrelations, labels, listed

_AXES = ("time", "channel", "band", "polarization", "baseline", "phase_center", "pulsar_bin")
_SPECTRA = ("VISIBILITY", "LAG")
_BLOCK_BYTES = 32 * 2**20
_MISSING = np.complex64(complex(np.nan, np.nan))


def mean_over(dataset: xr.Dataset, *what: str) -> xr.Dataset:
    """Weighted mean; see ``Dataset.difx.mean_over``."""
    axes, step = _asked(dataset, what)
    _require_sense(dataset, axes)
    groups = None if step is None else time_groups(dataset, step)
    sums = _sums_in_blocks(dataset, axes, groups)
    variables = _divided(dataset, sums, counted(dataset, axes, groups))
    if step == "time":
        variables = {name: one.isel(time=0) if "time" in one.dims else one for name, one in variables.items()}
    made = xr.Dataset(variables, mean_coords(dataset, axes, groups, is_one=step == "time"), dataset.attrs)
    if groups is not None and "integration_time" in dataset.attrs:
        lengths = integration_times(dataset)
        made.attrs["integration_time"] = max(float(lengths[group].sum().round(9)) for group in groups)
    return made.assign({name: _ordered(made[name], dataset[name]) for name in made.data_vars})


def _ordered(made: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    """The mean with its axes in the order that they had."""
    first = [axis for axis in like.dims if axis in made.dims]
    return made.transpose(*first, ...)


def _asked(dataset: xr.Dataset, what: Iterable[str]) -> tuple[set[str], str | None]:
    """The axes to average over, and how time is to be grouped."""
    for word in what:
        if not isinstance(word, str):
            raise TypeError(
                f"a mean is over axes or lengths of time by their names, as 'time', '10s'; got {word!r}"
            )
    words = list(dict.fromkeys(what))
    axes = {word for word in words if word in _AXES and word != "time"}
    steps = [word for word in words if word not in axes]
    for word in steps:
        if word not in ("time", "scan"):
            _require_length(word)
    if not words or len(steps) > 1:
        raise ValueError(f"a mean is over one or several of {', '.join(_AXES)}, scan or '10s'; got {words}")
    for axis in (*axes, *("time" for _ in steps)):
        if axis not in dataset.dims:
            raise ValueError(f"these visibilities have no axis {axis!r}; {listed(dataset.sizes)}")
    return axes, steps[0] if steps else None


def _require_length(word: str) -> None:
    try:
        step_ns(word)
    except ValueError as error:
        there = ", ".join((*_AXES, "scan"))
        raise ValueError(f"nothing can be averaged over {word!r}; there are {there}, or '10s'") from error


def _require_sense(dataset: xr.Dataset, axes: set[str]) -> None:
    """Refuse means that would mix what cannot be mixed."""
    if not any(name in dataset for name in _SPECTRA):
        raise ValueError(f"there is nothing to average: no {' and no '.join(_SPECTRA)}")
    if 0 in dataset.sizes.values():
        raise ValueError(f"there is nothing to average: {dict(dataset.sizes)}")
    if "baseline" in axes and len(set(autocorrelations(dataset))) > 1:
        raise ValueError("a mean over baselines cannot mix auto- and cross-correlations; take cross() first")
    if "band" not in axes or "channel" in axes:
        return
    grids = [labels(dataset, name, "band") for name in ("bandwidth", "n_channels")]
    if any(len(set(values)) > 1 for values in grids):
        raise ValueError("the bands have different channels; average over 'channel' too, or choose bands")


# --- a block at a time ------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """Integrations that are summed in one go: where they are, and where among them the groups begin."""

    places: Places
    starts: Places | None
    groups: Places


def _sums_in_blocks(
    dataset: xr.Dataset, axes: set[str], groups: Sequence[Places] | None
) -> dict[str, xr.DataArray]:
    """Sums over axes and groups, of which no more than a block is in memory at a time."""
    if "time" not in dataset.dims:
        return _sums(dataset, axes, None)
    blocks = list(_blocks(dataset, groups))
    parts = [_sums(_members(dataset, block.places), axes, block.starts) for block in blocks]
    joined = {
        name: xr.concat([part[name] for part in parts], "time") if "time" in one.dims else one
        for name, one in parts[0].items()
    }
    begun = np.concatenate([block.groups for block in blocks])
    starts = np.flatnonzero(np.diff(begun, prepend=-1))
    if len(starts) == len(begun):
        return joined
    return {name: _added(one, set(), starts) if "time" in one.dims else one for name, one in joined.items()}


def _blocks(dataset: xr.Dataset, groups: Sequence[Places] | None) -> Iterator[_Block]:
    """As many integrations as a chunk of dask has, whose groups stay whole, or as may be in memory at a time."""
    spectra = next(dataset[name] for name in _SPECTRA if name in dataset)
    row_bytes = max(1, spectra.nbytes // max(1, spectra.sizes.get("time", 1)))
    rows = max(1, _BLOCK_BYTES // row_bytes)
    if groups is None:
        count = dataset.sizes["time"]
        rows = count if spectra.chunks is not None else rows
        for start in range(0, count, rows):
            places = np.arange(start, min(start + rows, count))
            yield _Block(places, None, places)
        return
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    for cut in _cuts(groups, rows, spectra.variable.chunksizes.get("time")):
        begun = np.flatnonzero(np.diff(numbers[cut], prepend=-1))
        yield _Block(np.concatenate(groups)[cut], begun, numbers[cut][begun])


def _cuts(groups: Sequence[Places], rows: int, chunks: Sequence[int] | None) -> Iterator[slice]:
    """Pieces of what the groups have one after the other."""
    ends = np.cumsum([len(group) for group in groups])
    start, total = 0, int(ends[-1])
    while start < total:
        stop = min(start + (max(chunks) if chunks else rows), total)
        if chunks:  # dask sums a group piece by piece by itself
            whole = ends[(ends > start) & (ends <= stop)]
            stop = int(whole[-1] if len(whole) else ends[ends > start][0])
        yield slice(start, stop)
        start = stop


def _members(dataset: xr.Dataset, places: Places) -> xr.Dataset:
    """Some integrations, as a slice where they are neighbours."""
    if (np.diff(places) == 1).all():
        return dataset.isel(time=slice(int(places[0]), int(places[-1]) + 1))
    return dataset.isel(time=places)


def _added(array: xr.DataArray, axes: set[str], starts: Places | None) -> xr.DataArray:
    """Sum over whole axes, and over runs of integrations that begin at `starts`; without rounding to floats."""
    kind = np.complex128 if np.iscomplexobj(array) else np.float64
    gone = [axis for axis in array.dims if axis in axes]
    is_one = starts is not None and len(starts) == 1 and "time" in array.dims
    if gone or is_one:
        array = array.sum([*gone, *(["time"] if is_one else [])], skipna=False, dtype=kind)
    if is_one:
        return array.expand_dims("time")
    if starts is None or "time" not in array.dims:
        return array.astype(kind, copy=False)
    made: xr.DataArray = xr.apply_ufunc(
        _run_sums,
        array if array.chunks is None else array.chunk(time=-1),
        kwargs={"starts": starts, "kind": kind},
        input_core_dims=[["time"]],
        output_core_dims=[["time"]],
        exclude_dims={"time"},
        dask="parallelized",
        output_dtypes=[kind],
        dask_gufunc_kwargs={"output_sizes": {"time": len(starts)}},
    )
    return made


def _run_sums(values: NDArray[Any], starts: Places, kind: Any) -> NDArray[Any]:
    """Sums of runs along the last axis, which is the first in memory: a run at a time is fastest then."""
    rows = np.moveaxis(values, -1, 0)
    stops = [*starts[1:].tolist(), len(rows)]
    made = np.empty((len(starts), *rows.shape[1:]), dtype=kind)
    for place, (start, stop) in enumerate(zip(starts.tolist(), stops, strict=True)):
        np.add.reduce(rows[start:stop], axis=0, dtype=kind, out=made[place, ...])
    return np.moveaxis(made, 0, -1)


# --- sums -------------------------------------------------------------------------------------------------


def _sums(dataset: xr.Dataset, axes: set[str], starts: Places | None) -> dict[str, xr.DataArray]:
    """Sums over whole axes, and over runs of integrations, of which means are made: see `_divided`."""
    weight = xr.DataArray(np.float32(1))
    if "WEIGHT" in dataset:
        known = bare(dataset["WEIGHT"])
        weight = known.where(~np.isnan(known), np.float32(1))
    weight = weight * counts_of(dataset)
    made: dict[str, xr.DataArray] = {}
    for name in (name for name in _SPECTRA if name in dataset):
        spectra = bare(dataset[name] if dataset[name].chunks is not None else dataset[name].compute())
        valid = finite(spectra)  # of what has been read once
        if valid.chunks is None and valid.all():  # the rule, and much less work
            cells = weight.broadcast_like(valid)
        else:
            spectra, cells = spectra.where(valid, np.complex64(0)), weight.where(valid, np.float32(0))
        made[name] = _added(spectra * cells, axes, starts)
        made[f"{name} share"] = _added(cells, axes, starts)
        if "WEIGHT" in dataset:
            own = {*dataset["WEIGHT"].dims, *axes}
            there = valid.any([axis for axis in valid.dims if axis not in own])
            made["WEIGHT"] = _added(weight.where(there, np.float32(0)), axes, starts)
    if "UVW" in dataset and "baseline" not in axes:
        made |= _vector_sums(bare(dataset["UVW"]), weight, axes, starts)
    return made


def _vector_sums(
    uvw: xr.DataArray, weight: xr.DataArray, axes: set[str], starts: Places | None
) -> dict[str, xr.DataArray]:
    """Sums of baseline vectors, weighted with all that the baseline has, and without weights."""
    if starts is None and not axes.intersection(map(str, uvw.dims)):
        return {"UVW": uvw}
    valid = finite(uvw)
    share = weight.sum([axis for axis in weight.dims if axis not in uvw.dims], dtype=np.float64)
    made = {}
    for name, cells in (("UVW", share.where(valid, 0.0)), ("UVW plain", valid.astype(float))):
        made[name] = _added(uvw.where(valid, 0.0) * cells, axes, starts)
        made[f"{name} share"] = _added(cells, axes, starts)
    return made


def _divided(
    dataset: xr.Dataset, sums: dict[str, xr.DataArray], cells: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Means, of sums over `cells` cells."""
    made = {}
    for name in (name for name in _SPECTRA if name in sums):
        total, share = sums[name], sums[f"{name} share"]
        mean = (total / share.where(share > 0, 1.0)).where(share > 0, _MISSING)
        made[name] = mean.astype(dataset[name].dtype)
    if "WEIGHT" in sums:
        made["WEIGHT"] = (sums["WEIGHT"] / bare(cells)).astype(np.float32)
    if "UVW share" in sums:  # not weighted where the baseline has nothing
        weighted, plain = (
            sums[name] / sums[f"{name} share"].where(sums[f"{name} share"] > 0)
            for name in ("UVW", "UVW plain")
        )
        made["UVW"] = weighted.where(sums["UVW share"] > 0, plain)
    elif "UVW" in sums:
        made["UVW"] = sums["UVW"]
    return {name: one.assign_attrs(dataset[name].attrs) for name, one in made.items()}
