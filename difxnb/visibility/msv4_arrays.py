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


class Spectra(BackendArray):
    """Spectra in the order of `DIMS`; with `weight` their flags instead.

    Parameters
    ----------
    source : Variable
        With the axes of our Datasets; one that is missing has length 1.
    weight : ndarray, shape (time, baseline, polarization), optional
        Of what weighs nothing the flag is set.
    """

    def __init__(self, source: xr.Variable, weight: NDArray[np.floating] | None = None) -> None:
        self._source, self._weight = source, weight
        self.shape = tuple(source.sizes.get(dim, 1) for dim in _SOURCE)
        self.dtype = source.dtype if weight is None else np.dtype(bool)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        ranges = [_range(one, size) for one, size in zip(key, self.shape, strict=True)]
        wanted = {dim: one for dim, one in zip(_SOURCE, ranges, strict=True) if dim in self._source.dims}
        found = self._source.isel(wanted)
        ordered = found.transpose(*(dim for dim in _SOURCE if dim in found.dims)).values
        spectra = ordered.reshape([found.sizes.get(dim, 1) for dim in _SOURCE])
        if self._weight is not None:
            weight = self._weight[np.ix_(ranges[0], ranges[1], ranges[3])][:, :, None, :]
            spectra = np.isnan(spectra) | (weight == 0)
        singles = tuple(0 if np.ndim(one) == 0 and not isinstance(one, slice) else slice(None) for one in key)
        return np.asarray(spectra[singles])


def _range(key: Any, size: int) -> NDArray[np.intp]:
    if isinstance(key, slice):
        return np.arange(size)[key]
    return np.atleast_1d(np.asarray(key, dtype=np.intp))


def visibility(array: xr.DataArray) -> xr.Variable:
    """Spectra of a piece, which has no axes but those of baselines, times, channels and polarizations."""
    if array.chunks is None:
        return _lazy(Spectra(array.variable))
    return _regular(_arranged(array, _SOURCE)).variable


def weights(array: xr.DataArray, like: xr.Variable) -> xr.Variable:
    """Weights of a piece, the same for all channels; those that are not known count as 1."""
    spread = _arranged(array, ("time", "baseline", "polarization"))
    if spread.chunks is None:
        spread = spread.copy(data=known_weights(spread.values).astype(np.float32))
    else:
        spread = spread.fillna(np.float32(1)).astype(np.float32)
    found = spread.expand_dims(frequency=like.sizes["frequency"]).transpose(*DIMS)
    return found.variable if like.chunks is None else found.variable.chunk(like.chunksizes)


def flags(array: xr.DataArray, weight: xr.Variable, spectra: xr.Variable) -> xr.Variable:
    """Whether a value is missing, or weighs nothing."""
    if array.chunks is None:
        return _lazy(Spectra(array.variable, weight.isel(frequency=0).values))
    return xr.Variable(DIMS, (np.isnan(spectra) | (weight == 0)).data)


def baseline_vectors(array: xr.DataArray) -> xr.Variable:
    """Baseline vectors of a piece, from antenna 2 to antenna 1: the sign of MSv4."""
    found = _arranged(array, ("time", "baseline", "uvw")).rename(uvw="uvw_label")
    return (0.0 - found.astype(np.float64)).variable  # 0 - x: autocorrelations have no negative zeros


def exposure(weight: xr.Variable, integration_time: float) -> xr.Variable:
    """Effective integration time, s: nominal times the mean weight of the polarizations that are there."""
    one = weight.isel(frequency=0).astype(np.float64)
    products = (one > 0).sum("polarization")
    return one.sum("polarization") / np.maximum(products, 1) * integration_time


def _lazy(array: BackendArray) -> xr.Variable:
    held = indexing.MemoryCachedArray(indexing.LazilyIndexedArray(array))  # type: ignore[no-untyped-call]
    return xr.Variable(DIMS, held, fastpath=True)


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
