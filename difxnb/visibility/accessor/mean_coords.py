# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mean of visibilities makes of their coordinates.

* ``time``: mean of the nominal times, each counting as what it was itself averaged from, not with its weights, so that
  it is the same for all products; ``time_uncertainty``: the largest; ``integration_time``: the sum.
* ``frequency``: mean of the centres of the channels, where the mean is over channels; ``n_channels`` is then 1.
* ``n_averaged``: the number of cells that were averaged.
* Any other stays where it is the same for everything that was averaged together, and is left out where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.visibility.accessor.grouping import Places, integration_times, times_ns
from difxnb.visibility.accessor.selecting import channel_centres

COUNT = "n_averaged"
"""Coordinate with the number of cells behind each value."""

_TIMES = ("time", "time_uncertainty", "integration_time")
_COUNTED = {"long_name": "cells averaged (integrations, channels, products)"}


def bare(array: xr.DataArray) -> xr.DataArray:
    """An array without coordinates, so that nothing but its axes counts in sums and products."""
    return xr.DataArray(array.variable.to_base_variable(), name=array.name)


def finite(array: xr.DataArray) -> xr.DataArray:
    """Where there is a number."""
    made: xr.DataArray = xr.apply_ufunc(np.isfinite, array, dask="allowed")
    return made


def counts_of(dataset: xr.Dataset) -> xr.DataArray:
    """How many cells are behind each value; one that is twice as long as usual counts as two."""
    if COUNT in dataset.coords:
        return bare(dataset.coords[COUNT])
    if "integration_time" not in dataset.coords:
        return xr.DataArray(np.float32(1))
    lengths = bare(dataset.coords["integration_time"]).astype(float)
    usual = float(dataset.attrs.get("integration_time", 0.0)) or float(lengths.min())
    return lengths / usual if usual > 0 else xr.DataArray(np.float32(1))


def mean_coords(
    dataset: xr.Dataset, axes: set[str], groups: Sequence[Places] | None, *, is_one: bool = False
) -> dict[Hashable, Any]:
    """Coordinates of a mean.

    Parameters
    ----------
    dataset : Dataset
        What was averaged.
    axes : set of str
        Axes that are gone, ``time`` apart.
    groups : sequence of ndarray, or None
        Places of the integrations that were averaged together; None where time stayed as it was.
    is_one : bool
        Whether the axis ``time`` is gone, which it can be with one group.
    """
    made: dict[Hashable, Any] = {}
    for name, coordinate in dataset.coords.items():
        variable = coordinate.variable.to_base_variable()
        reduced = _constant(variable, axes)
        if reduced is not None and groups is not None:
            reduced = _constant_in(reduced, groups)
        if reduced is not None and name not in (*_TIMES, COUNT):
            made[name] = reduced
    if "channel" in axes or ("band" in axes and "channel" not in dataset.dims):
        made |= _frequency_coords(dataset, axes)
    if groups is None:
        made |= {name: dataset.coords[name].variable for name in _TIMES if name in dataset.coords}
    else:
        made |= _time_coords(dataset, groups)
    made[COUNT] = counted(dataset, axes, groups).variable
    if not is_one:
        return made
    return {name: one.isel(time=0) if "time" in one.dims else one for name, one in made.items()}


def _constant(variable: xr.Variable, axes: set[str]) -> xr.Variable | None:
    """A coordinate without some axes, if it is the same along them."""
    gone = [axis for axis in variable.dims if axis in axes]
    if not gone:
        return variable
    first = variable.isel(dict.fromkeys(gone, slice(0, 1)))
    same = (variable.values == first.values) | (pd.isnull(variable.values) & pd.isnull(first.values))
    return first.isel(dict.fromkeys(gone, 0)) if bool(np.all(same)) else None


def _constant_in(variable: xr.Variable, groups: Sequence[Places]) -> xr.Variable | None:
    """A coordinate at one time of each group, if it is the same in all of the group."""
    if "time" not in variable.dims:
        return variable
    firsts = np.zeros(variable.sizes["time"], dtype=np.int64)
    for group in groups:
        firsts[group] = group[0]
    values, there = variable.values, variable.isel(time=firsts).values
    if not np.all((values == there) | (pd.isnull(values) & pd.isnull(there))):
        return None
    return variable.isel(time=[int(group[0]) for group in groups])


def _frequency_coords(dataset: xr.Dataset, axes: set[str]) -> dict[Hashable, xr.Variable]:
    """Frequency and number of channels where a band is one value from now on."""
    centres = xr.DataArray(channel_centres(dataset), dims=("band", "channel"))
    counts = counts_of(dataset)
    counts = counts.sum([axis for axis in counts.dims if axis not in ("band", "channel")])
    weight = finite(centres) * counts
    gone = ["channel"] if "band" in dataset.dims and "band" not in axes else ["channel", "band"]
    mean = ((centres.fillna(0.0) * weight).sum(gone) / weight.sum(gone)).variable
    mean.attrs = dict(dataset.coords["frequency"].attrs)
    ones = xr.Variable(mean.dims, np.ones(mean.shape, dtype=np.int64))
    return {"frequency": mean, **({"n_channels": ones} if "n_channels" in dataset.coords else {})}


def counted(dataset: xr.Dataset, axes: set[str], groups: Sequence[Places] | None) -> xr.DataArray:
    """How many cells are behind each value of the mean, on no more axes than needed."""
    counts = counts_of(dataset)
    if "channel" in axes:
        channels = xr.DataArray(np.isfinite(channel_centres(dataset)).sum(axis=1), dims="band")
        counts = counts * (channels if "band" in dataset.dims else channels[0])
    for axis in axes - {"channel"}:
        counts = counts.sum(axis) if axis in counts.dims else counts * dataset.sizes[axis]
    if groups is not None:
        lengths = xr.DataArray([float(len(group)) for group in groups], dims="time")
        counts = (
            xr.DataArray(_over(counts.variable, groups, np.sum))
            if "time" in counts.dims
            else lengths * counts
        )
    return counts.astype(float).assign_attrs(_COUNTED)


def _over(variable: xr.Variable, groups: Sequence[Places], reduce: Callable[..., Any]) -> xr.Variable:
    """A function of each group along time, of something that is in memory."""
    first = variable.transpose("time", ...)
    parts = [reduce(first.values[group], axis=0) for group in groups]
    return xr.Variable(first.dims, np.array(parts), variable.attrs)


def _time_coords(dataset: xr.Dataset, groups: Sequence[Places]) -> dict[Hashable, xr.Variable]:
    stamps = times_ns(dataset)
    counts = counts_of(dataset)
    counts = counts.sum([axis for axis in counts.dims if axis != "time"])
    weight = np.broadcast_to(counts.values, stamps.shape)
    begins = np.array([stamps[group[0]] for group in groups])
    later = [np.average(stamps[group] - stamps[group[0]], weights=weight[group]) for group in groups]
    means = (begins + np.rint(later).astype(np.int64)).view("datetime64[ns]")
    made: dict[Hashable, xr.Variable] = {"time": xr.Variable("time", means, dataset["time"].attrs)}
    for name, reduce in (("time_uncertainty", np.max), ("integration_time", np.sum)):
        if name in dataset.coords and "time" in dataset.coords[name].dims:
            made[name] = _over(dataset.coords[name].variable, groups, reduce)
    lengths = [float(integration_times(dataset)[group].sum().round(9)) for group in groups]
    if "integration_time" not in made and not np.allclose(lengths, lengths[0]):
        made["integration_time"] = xr.Variable("time", lengths, {"units": "s"})
    return made
