# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra, weights and flags in the order of axes of Measurement Sets, without reading or copying spectra.

In go parts of the arrays of a Dataset, out come variables with the axes time, baseline_id, frequency, polarization.
Arrays of dask stay so; others are read when they are used, and flags are told from spectra then, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from difxnb.visibility.fits import known_weights

DIMS = ("time", "baseline_id", "frequency", "polarization")
"""Axes of what has a value for each channel."""

_SOURCE = ("time", "baseline", "channel", "polarization")  # the same in our Datasets


class _Lazy(BackendArray):
    """Values with the axes `DIMS` that are made when they are asked for, of a part of what they are made of."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        is_single = [isinstance(one, int | np.integer) for one in key]
        parts = [slice(one, one + 1) if single else one for one, single in zip(key, is_single, strict=True)]
        return np.asarray(self._part(parts)[tuple(0 if single else slice(None) for single in is_single)])

    def _part(self, key: Sequence[Any]) -> NDArray[Any]:
        """Give the part that slices and indices mean, each along its own axis."""
        raise NotImplementedError

    def variable(self) -> xr.Variable:
        """Give a variable that asks for values when it is used, and keeps none."""
        return xr.Variable(DIMS, indexing.LazilyIndexedArray(self), fastpath=True)


class _Spectra(_Lazy):
    """Spectra of a Dataset in another order of axes; an axis that the Dataset does not have is of length 1."""

    def __init__(self, source: xr.Variable) -> None:
        self._source = source
        self.shape = tuple(source.sizes.get(dim, 1) for dim in _SOURCE)
        self.dtype = source.dtype

    def _part(self, key: Sequence[Any]) -> NDArray[Any]:
        wanted = zip(_SOURCE, key, strict=True)
        found = self._source.isel({dim: one for dim, one in wanted if dim in self._source.dims})
        # Read first: in another order xarray would ask for single points.
        ordered = found.values.transpose([found.dims.index(dim) for dim in _SOURCE if dim in found.dims])
        return ordered.reshape([found.sizes.get(dim, 1) for dim in _SOURCE])


class _Flags(_Lazy):
    """Whether spectra are missing or weigh nothing."""

    def __init__(self, spectra: xr.Variable, weight: xr.Variable) -> None:
        self._spectra, self._weight = spectra, weight
        self.shape, self.dtype = spectra.shape, np.dtype(bool)

    def _part(self, key: Sequence[Any]) -> NDArray[Any]:
        where = dict(zip(DIMS, key, strict=True))
        spectra, weight = self._spectra.isel(where).values, self._weight.isel(where).values
        return np.asarray(np.isnan(spectra) | (weight == 0))


def visibility(array: xr.DataArray) -> xr.Variable:
    """Spectra of a piece, which has no axes but those of baselines, times, channels and polarizations."""
    if array.chunks is None:
        return _Spectra(array.variable).variable()
    return _regular(_arranged(array, _SOURCE)).variable


def weights(array: xr.DataArray, like: xr.Variable) -> xr.Variable:
    """Weights of a piece, the same for all channels; those that are not known count as 1."""
    spread = _arranged(array, ("time", "baseline", "polarization"))
    if like.chunks is not None:
        spread = spread.chunk({dim: like.chunksizes[dim] for dim in spread.dims})
    if spread.chunks is None:
        known = spread.copy(data=known_weights(spread.values).astype(np.float32))
    else:
        known = spread.fillna(np.float32(1)).astype(np.float32)
    found = known.expand_dims(frequency=like.sizes["frequency"]).transpose(*DIMS).variable
    return found if like.chunks is None else found.chunk(like.chunksizes)


def flags(spectra: xr.Variable, weight: xr.Variable) -> xr.Variable:
    """Whether a value is missing, or weighs nothing."""
    if spectra.chunks is None:
        return _Flags(spectra, weight).variable()
    return xr.Variable(DIMS, (np.isnan(spectra) | (weight == 0)).data)


def baseline_vectors(array: xr.DataArray) -> xr.Variable:
    """Baseline vectors of a piece, from antenna 2 to antenna 1: the sign of MSv4."""
    found = _arranged(array, ("time", "baseline", "uvw")).rename(uvw="uvw_label")
    turned = 0.0 - found.astype(np.float64)  # 0 - x: autocorrelations have no negative zeros
    return (turned if turned.chunks is None else _regular(turned)).variable


def exposure(weight: xr.Variable, integration_time: float) -> xr.Variable:
    """Effective integration time, s: nominal times the mean weight of the polarizations that are there."""
    one = weight.isel(frequency=0).astype(np.float64)
    products = (one > 0).sum("polarization")
    return one.sum("polarization") / np.maximum(products, 1) * integration_time


def _arranged(array: xr.DataArray, order: Sequence[str]) -> xr.DataArray:
    """Axes in this order, under the names that they have in MSv4; missing ones of length 1."""
    bare = array.reset_coords(drop=True)
    bare = bare.drop_vars(list(bare.coords))
    missing = [dim for dim in order if dim not in bare.dims]
    spread = bare.expand_dims(missing) if missing else bare
    names = {"baseline": "baseline_id", "channel": "frequency"}
    return spread.transpose(*order).rename({dim: names[dim] for dim in order if dim in names})


def _regular(array: xr.DataArray) -> xr.DataArray:
    """Chunks of one size along each axis but for the last, as zarr wants them."""
    sizes = {
        dim: max(sizes)
        for dim, sizes in array.chunksizes.items()
        if any(size != sizes[0] for size in sizes[:-1]) or sizes[-1] > sizes[0]
    }
    return array.chunk(sizes) if sizes else array
