# SPDX-License-Identifier: GPL-3.0-or-later
"""Correlation coefficients: visibilities divided by the autocorrelations of both antennas.

In: visibilities in DiFX amplitude units with their autocorrelations. Out: ρ = V12 / √(A1 · A2), dimensionless
(``difx-files.md`` 13 "Amplitude" and "Autocorrelations", 17.1), per integration, band, polarization and channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.grouping import time_groups
from difxnb.visibility.accessor.mean_coords import bare, finite
from difxnb.visibility.accessor.means import mean_over
from difxnb.visibility.accessor.selecting import (
    antenna_pairs,
    autocorrelations,
    band_edges,
    kept,
    labels,
    listed,
    spectra_of,
)

UNTRUSTED = "untrusted_autocorrelations"
"""Attribute of visibilities whose autocorrelations the correlator spoilt; 1 where it did."""

_AXES = ("baseline", "band", "polarization")
_COARSE = ("phase_center", "pulsar_bin")  # autocorrelations exist once for all of these


def normalized(data: xr.Dataset, autos: xr.Dataset | None = None, *, over: str = "integration") -> xr.Dataset:
    """Correlation coefficients; see ``Dataset.difx.normalized``."""
    if over not in ("integration", "scan"):
        raise ValueError(f'autocorrelations are averaged over "integration" or "scan"; got {over!r}')
    spectra_of(data)
    theirs = _autos_of(data if autos is None else autos, with_data=autos is None)
    wide = data.expand_dims([axis for axis in _AXES if axis not in data.dims])
    theirs = _like(wide, theirs.expand_dims([axis for axis in _AXES if axis not in theirs.dims]), over)
    made = wide.assign(VISIBILITY=_coefficients(wide, theirs))
    if "WEIGHT" in data and "WEIGHT" in theirs:
        made["WEIGHT"] = _weights(wide, theirs)
    gone = {axis: 0 for axis in _AXES if axis not in data.dims}
    made = made.isel(gone).assign_attrs(normalized_over=over)
    return made.assign({name: made[name].transpose(*data[name].dims) for name in data.data_vars})


def _autos_of(source: xr.Dataset, *, with_data: bool) -> xr.Dataset:
    """The autocorrelations that may be divided by."""
    if spectra_of(source).attrs.get(UNTRUSTED) or source.attrs.get(UNTRUSTED):
        raise ValueError(
            "the autocorrelations of this job are not to be trusted: DiFX 2.9 mixes them up where bands are "
            "stitched, so nothing can be normalized by them; correlate with exhaustiveAutocorrs in the .v2d"
        )
    mask = autocorrelations(source)
    if not mask.any():
        advice = (
            "normalize before selecting baselines, or give the Dataset that has them as autos="
            if with_data
            else "give the whole Dataset as autos="
        )
        there = listed(labels(source, "baseline", "baseline"))
        raise ValueError(f"there are no autocorrelations among these baselines ({there}); {advice}")
    found = kept(source, "baseline", mask)
    for axis in _COARSE:
        if axis in found.dims:
            numbers = labels(found, axis, axis) if axis in found.coords else np.arange(found.sizes[axis])
            found = found.isel({axis: int(np.argmax(numbers == 0))}, drop=True)
    return found


def _like(data: xr.Dataset, theirs: xr.Dataset, over: str) -> xr.Dataset:
    """Autocorrelations at the times of the visibilities."""
    if over == "scan" and "time" in theirs.dims:
        groups = time_groups(theirs, "scan")
        place = np.zeros(theirs.sizes["time"], dtype=np.int64)
        for number, members in enumerate(groups):
            place[members] = number
        times = theirs["time"].values
        theirs = mean_over(theirs, "scan").isel(time=place).assign_coords(time=times)
    if "time" not in theirs.dims:
        return theirs.drop_vars("time", errors="ignore")
    wanted = np.atleast_1d(data["time"].values)
    if not np.array_equal(wanted, theirs["time"].values):
        if not np.isin(wanted, theirs["time"].values).any():
            raise ValueError("the autocorrelations have none of the times of the visibilities")
        theirs = theirs.drop_duplicates("time").reindex(time=wanted)
    return theirs if "time" in data.dims else theirs.isel(time=0)


def _coefficients(data: xr.Dataset, theirs: xr.Dataset) -> xr.DataArray:
    power = bare(theirs["VISIBILITY"]).real
    gain: xr.DataArray = 1 / xr.apply_ufunc(np.sqrt, power.where(power > 0), dask="allowed")
    if "channel" in power.dims and power.sizes["channel"] != data.sizes.get("channel"):
        raise ValueError(
            "visibilities and autocorrelations differ in their channels; select the same of both"
        )
    bands = _band_places(data, theirs)
    at_bands = _at_places(gain, bands[0])
    for places in bands[1:]:
        at_bands = at_bands.where(finite(at_bands), _at_places(gain, places))
    scale = _at_ends(at_bands, data, theirs, 0) * _at_ends(at_bands, data, theirs, 1)
    own = bare(data["VISIBILITY"])
    attrs = {name: value for name, value in own.attrs.items() if name != UNTRUSTED}
    described = {**attrs, "units": "1", "long_name": "correlation coefficient"}
    # Not divided by powers: a complex number by NaN warns, and dask shows such warnings.
    return (own * scale).astype(own.dtype).assign_attrs(described)


def _weights(data: xr.Dataset, theirs: xr.Dataset) -> xr.DataArray:
    """Weights of the visibilities; 0 where an autocorrelation is missing."""
    weight = bare(theirs["WEIGHT"])
    present = (weight > 0) | np.isnan(weight)
    bands = _band_places(data, theirs)
    at_bands = _at_places(present, bands[0], fill=False)
    for places in bands[1:]:
        at_bands = at_bands | _at_places(present, places, fill=False)
    both = _at_ends(at_bands, data, theirs, 0, fill=False) & _at_ends(at_bands, data, theirs, 1, fill=False)
    return bare(data["WEIGHT"]).where(both, np.float32(0))


def _at_ends(
    power: xr.DataArray, data: xr.Dataset, theirs: xr.Dataset, end: int, fill: Any = np.nan
) -> xr.DataArray:
    """Autocorrelation of one antenna of each baseline, in the parallel hand of its letter of each product."""
    antennas = [first for first, _ in antenna_pairs(theirs)]
    hands = [str(hand) for hand in labels(theirs, "polarization", "polarization")]
    wanted = [pair[end] for pair in antenna_pairs(data)]
    letters = [2 * str(hand)[end] for hand in labels(data, "polarization", "polarization")]
    rows, columns = _places(antennas, wanted), _places(hands, letters)
    chosen = power.isel(baseline=np.maximum(rows, 0), polarization=np.maximum(columns, 0))
    if (rows < 0).all() or (columns < 0).all():
        which = f"of {listed(letters)[10:]}" if (rows >= 0).any() else f"of {listed(wanted)[10:]}"
        raise ValueError(
            f"there are no autocorrelations {which} to normalize by; normalize before selecting, or give the Dataset "
            "that has them as autos="
        )
    there = xr.DataArray((rows >= 0)[:, None] & (columns >= 0), dims=("baseline", "polarization"))
    return chosen if there.all() else chosen.where(there, fill)


def _places(there: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Where each of the names stands first; -1 where it does not."""
    at = {name: place for place, name in reversed(list(enumerate(there)))}
    return np.array([at.get(name, -1) for name in wanted], dtype=np.int64)


def _band_places(data: xr.Dataset, theirs: xr.Dataset) -> list[NDArray[np.int64]]:
    """Where autocorrelations of each band can be: under its own row first, then under rows with the same edges."""
    ours, others = band_edges(data), band_edges(theirs)
    rows = list(labels(theirs, "band", "band"))
    found = []
    for row, edges in zip(labels(data, "band", "band"), ours, strict=True):
        same = np.flatnonzero(np.abs(others - edges).max(axis=1) < 1e-3 * edges[2])
        found.append(sorted(same, key=lambda place: rows[place] != row))
    deepest = max(1, *map(len, found))
    return [np.array([one[n] if n < len(one) else -1 for one in found]) for n in range(deepest)]


def _at_places(power: xr.DataArray, places: NDArray[np.int64], fill: Any = np.nan) -> xr.DataArray:
    if np.array_equal(places, np.arange(power.sizes["band"])):
        return power
    chosen = power.isel(band=np.maximum(places, 0))
    return chosen if (places >= 0).all() else chosen.where(xr.DataArray(places >= 0, dims="band"), fill)
