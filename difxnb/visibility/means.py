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

from collections.abc import Iterable

import numpy as np
import xarray as xr

from difxnb.visibility.grouping import Places, integration_times, step_ns, time_groups
from difxnb.visibility.mean_coords import bare, counted, counts_of, finite, mean_coords
from difxnb.visibility.selecting import autocorrelations, labels, listed

_AXES = ("time", "channel", "band", "polarization", "baseline", "phase_center", "pulsar_bin")
_SPECTRA = ("VISIBILITY", "LAG")
_ALONG = ("channel", "lag_index")
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
        parts = [_means(_members(dataset, group), {*axes, "time"}) for group in groups]
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
    if "baseline" in axes and len(set(autocorrelations(dataset))) > 1:
        raise ValueError("a mean over baselines cannot mix auto- and cross-correlations; take cross() first")
    if "band" not in axes or "channel" in axes:
        return
    grids = [labels(dataset, name, "band") for name in ("bandwidth", "n_channels")]
    if any(len(set(values)) > 1 for values in grids):
        raise ValueError("the bands have different channels; average over 'channel' too, or choose bands")


def _members(dataset: xr.Dataset, group: Places) -> xr.Dataset:
    """Some integrations, as a slice where they are neighbours."""
    first, last = int(group[0]), int(group[-1])
    if last - first + 1 == len(group) and (np.diff(group) == 1).all():
        return dataset.isel(time=slice(first, last + 1))
    return dataset.isel(time=group)


# --- sums -------------------------------------------------------------------------------------------------


def _means(dataset: xr.Dataset, axes: set[str]) -> dict[str, xr.DataArray]:
    """Means over whole axes."""
    names = [name for name in _SPECTRA if name in dataset]
    if not names:
        raise ValueError(f"there is nothing to average: no {' and no '.join(_SPECTRA)}")
    weight = xr.DataArray(1.0)
    if "WEIGHT" in dataset:
        known = bare(dataset["WEIGHT"])
        weight = known.where(~np.isnan(known), 1.0)
    weight = weight * counts_of(dataset)
    made = {name: _mean_spectra(bare(dataset[name]), weight, axes) for name in names}
    if "WEIGHT" in dataset:
        made["WEIGHT"] = _mean_weight(dataset, bare(dataset[names[0]]), weight, axes)
    if "UVW" in dataset and "baseline" not in axes:
        made["UVW"] = _mean_uvw(bare(dataset["UVW"]), weight, axes)
    return made


def _mean_spectra(spectra: xr.DataArray, weight: xr.DataArray, axes: set[str]) -> xr.DataArray:
    """Σ s V / Σ s."""
    valid = finite(spectra)
    cells = weight.where(valid, 0.0)
    gone = [axis for axis in spectra.dims if axis in axes]
    total = (spectra.where(valid, 0) * cells).sum(gone, skipna=False, dtype=np.complex128)
    share = cells.sum(gone, skipna=False, dtype=np.float64)
    mean = (total / share.where(share > 0, 1.0)).where(share > 0, _MISSING)
    return mean.astype(spectra.dtype).assign_attrs(spectra.attrs)


def _mean_weight(
    dataset: xr.Dataset, spectra: xr.DataArray, weight: xr.DataArray, axes: set[str]
) -> xr.DataArray:
    """Σ s / Σ n; where channels stay, a product counts as there with any of them."""
    valid = finite(spectra)
    if "channel" not in axes:
        valid = valid.any([axis for axis in valid.dims if axis in _ALONG])
    share = weight.where(valid, 0.0)
    share = share.sum([axis for axis in share.dims if axis in axes], skipna=False, dtype=np.float64)
    if "time" in axes:
        everything = np.arange(dataset.sizes["time"])
        cells = counted(dataset, axes - {"time"}, [everything]).isel(time=0)
    else:
        cells = counted(dataset, axes, None)
    return (share / cells).astype(np.float32).assign_attrs(dataset["WEIGHT"].attrs)


def _mean_uvw(uvw: xr.DataArray, weight: xr.DataArray, axes: set[str]) -> xr.DataArray:
    """Mean baseline vectors, weighted with all that the baseline has; not weighted where it has nothing."""
    gone = [axis for axis in uvw.dims if axis in axes]
    if not gone:
        return uvw
    valid = finite(uvw)
    share = weight.sum([axis for axis in weight.dims if axis not in uvw.dims], dtype=np.float64)
    weighted, plain = share.where(valid, 0.0), valid.astype(float)
    is_there = weighted.sum(gone, skipna=False) > 0
    share = weighted.where(is_there, plain)
    total = share.sum(gone, skipna=False)
    mean = (uvw.where(valid, 0.0) * share).sum(gone, skipna=False) / total.where(total > 0, 1.0)
    return mean.where(total > 0, np.nan).assign_attrs(uvw.attrs)
