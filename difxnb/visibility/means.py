# SPDX-License-Identifier: GPL-3.0-or-later
"""Means of visibilities over time, scans, channels, bands, polarizations or baselines, weighted.

In: visibilities V with weights w (0…1; not known counts as 1). Out: the same shape with fewer or coarser axes.

A cell (one channel of one product of one integration) counts with s = w · n, where n is the number of cells it was
itself averaged from (the coordinate ``n_averaged``, 1 where there is none) and s = 0 where V is NaN.

* V is Σ s V / Σ s, NaN where nothing is there.
* WEIGHT is Σ s / Σ n: the fraction of valid data in what was averaged, 0…1 again. A product with no channel left
  in an integration counts as missing there.
* n_averaged is Σ n over all cells, whether there were data or not; so WEIGHT · n_averaged = Σ s, and the noise of V is
  that of one cell of weight 1 divided by √(WEIGHT · n_averaged). Means of means are thus the same as one mean over
  everything, except where single channels are missing at single times.
* UVW is weighted by what its baseline has in all bands and polarizations; its mean over baselines means nothing and is
  left out.

What becomes of the other coordinates stands in :mod:`difxnb.visibility.mean_coords`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.grouping import Places, integration_times, step_ns, time_groups
from difxnb.visibility.mean_coords import bare, counted, counts_of, finite, mean_coords
from difxnb.visibility.selecting import autocorrelations, labels, listed

_AXES = ("time", "channel", "band", "polarization", "baseline", "phase_center", "pulsar_bin")
_SPECTRA = ("VISIBILITY", "LAG")
_ALONG = ("channel", "lag_index")
_BLOCK_BYTES = 32 * 2**20
_MISSING = np.complex64(complex(np.nan, np.nan))


def mean_over(dataset: xr.Dataset, *what: str) -> xr.Dataset:
    """Weighted mean; see ``Dataset.difx.mean_over``."""
    axes, step = _asked(dataset, what)
    _require_sense(dataset, axes)
    groups = None if step is None else time_groups(dataset, step)
    if groups is None:
        variables = _means(dataset, axes)
    elif step == "time":
        variables = _means(dataset, {*axes, "time"})
    else:
        parts = [_of_block(dataset, axes, block) for block in _blocks(dataset, groups)]
        variables = {name: xr.concat([part[name] for part in parts], "time") for name in parts[0]}
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
    except (ValueError, TypeError) as error:
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


# --- steps in time ----------------------------------------------------------------------------------------


def _blocks(dataset: xr.Dataset, groups: Sequence[Places]) -> Iterator[list[Places]]:
    """Groups that are averaged in one go: as much as a chunk of dask has, or as may be in memory at a time."""
    spectra = next(dataset[name] for name in _SPECTRA if name in dataset)
    chunks = spectra.variable.chunksizes.get("time")
    row_bytes = max(1, spectra.nbytes // max(1, spectra.sizes["time"]))
    rows = max(chunks) if chunks else max(1, _BLOCK_BYTES // row_bytes)
    block: list[Places] = []
    for group in groups:
        if block and sum(map(len, block)) + len(group) > rows:
            yield block
            block = []
        block.append(group)
    yield block


def _of_block(dataset: xr.Dataset, axes: set[str], block: Sequence[Places]) -> dict[str, xr.DataArray]:
    """Means of some groups, with an axis ``time``."""
    part = _members(dataset, np.concatenate(block))
    if len(block) == 1:
        return {name: one.expand_dims("time") for name, one in _means(part, {*axes, "time"}).items()}
    lengths = [len(group) for group in block]
    return _means(part, axes, np.cumsum([0, *lengths[:-1]]))


def _members(dataset: xr.Dataset, places: Places) -> xr.Dataset:
    """Some integrations, as a slice where they are neighbours."""
    if (np.diff(places) == 1).all():
        return dataset.isel(time=slice(int(places[0]), int(places[-1]) + 1))
    return dataset.isel(time=places)


def _added(array: xr.DataArray, axes: set[str], starts: Places | None) -> xr.DataArray:
    """Sum over whole axes, and over runs of integrations that begin at `starts`; without rounding to floats."""
    kind = np.complex128 if np.iscomplexobj(array) else np.float64
    gone = [axis for axis in array.dims if axis in axes]
    total = array.sum(gone, skipna=False, dtype=kind) if gone else array.astype(kind)
    if starts is None:
        return total
    made: xr.DataArray = xr.apply_ufunc(
        _run_sums,
        total if total.chunks is None else total.chunk(time=-1),
        kwargs={"starts": starts},
        input_core_dims=[["time"]],
        output_core_dims=[["time"]],
        exclude_dims={"time"},
        dask="parallelized",
        output_dtypes=[kind],
        dask_gufunc_kwargs={"output_sizes": {"time": len(starts)}},
    )
    return made


def _run_sums(values: NDArray[Any], starts: Places) -> NDArray[Any]:
    made: NDArray[Any] = np.add.reduceat(values, starts, axis=-1)
    return made


# --- sums -------------------------------------------------------------------------------------------------


def _means(dataset: xr.Dataset, axes: set[str], starts: Places | None = None) -> dict[str, xr.DataArray]:
    """Means over whole axes, and over runs of integrations."""
    weight = xr.DataArray(1.0)
    if "WEIGHT" in dataset:
        known = bare(dataset["WEIGHT"])
        weight = known.where(~np.isnan(known), 1.0)
    weight = weight * counts_of(dataset)
    names = [name for name in _SPECTRA if name in dataset]
    made = {name: _mean_spectra(bare(dataset[name]), weight, axes, starts) for name in names}
    if "WEIGHT" in dataset:
        made["WEIGHT"] = _mean_weight(dataset, bare(dataset[names[0]]), weight, axes, starts)
    if "UVW" in dataset and "baseline" not in axes:
        made["UVW"] = _mean_uvw(bare(dataset["UVW"]), weight, axes, starts)
    return made


def _mean_spectra(
    spectra: xr.DataArray, weight: xr.DataArray, axes: set[str], starts: Places | None
) -> xr.DataArray:
    """Σ s V / Σ s."""
    valid = finite(spectra)
    cells = weight.where(valid, 0.0)
    total, share = _added(spectra.where(valid, 0) * cells, axes, starts), _added(cells, axes, starts)
    mean = (total / share.where(share > 0, 1.0)).where(share > 0, _MISSING)
    return mean.astype(spectra.dtype).assign_attrs(spectra.attrs)


def _mean_weight(
    dataset: xr.Dataset, spectra: xr.DataArray, weight: xr.DataArray, axes: set[str], starts: Places | None
) -> xr.DataArray:
    """Σ s / Σ n; where channels stay, a product counts as there with any of them."""
    valid = finite(spectra)
    if "channel" not in axes:
        valid = valid.any([axis for axis in valid.dims if axis in _ALONG])
    share = _added(weight.where(valid, 0.0), axes, starts)
    everything = np.arange(dataset.sizes.get("time", 1))
    if starts is not None:
        cells = counted(dataset, axes, np.split(everything, starts[1:]))
    elif "time" in axes:
        cells = counted(dataset, axes - {"time"}, [everything]).isel(time=0)
    else:
        cells = counted(dataset, axes, None)
    return (share / cells).astype(np.float32).assign_attrs(dataset["WEIGHT"].attrs)


def _mean_uvw(uvw: xr.DataArray, weight: xr.DataArray, axes: set[str], starts: Places | None) -> xr.DataArray:
    """Mean baseline vectors, weighted with all that the baseline has; not weighted where it has nothing."""
    if starts is None and not axes.intersection(map(str, uvw.dims)):
        return uvw
    valid = finite(uvw)
    share = weight.sum([axis for axis in weight.dims if axis not in uvw.dims], dtype=np.float64)
    mean = xr.DataArray(np.nan)
    for cells in (valid.astype(float), share.where(valid, 0.0)):
        total = _added(cells, axes, starts)
        found = _added(uvw.where(valid, 0.0) * cells, axes, starts) / total.where(total > 0, 1.0)
        mean = found.where(total > 0, mean)
    return mean.assign_attrs(uvw.attrs)
