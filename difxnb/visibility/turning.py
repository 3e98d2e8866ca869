# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines read the other way: BB-AA of AA-BB.

V21 = S2 · conj(S1) = conj(V12). So phases and delays change their sign, the letters of the polarizations change places
(the RL product of AA-BB is the LR product of BB-AA), and the baseline vector points the other way. Weights stay.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

Visibilities = TypeVar("Visibilities", xr.Dataset, xr.DataArray)

_NEGATED = ("UVW", "server_delay")


def turned(data: Visibilities) -> Visibilities:
    """Read every baseline the other way, without reading the data.

    Raises
    ------
    ValueError
        Of lag functions: turn the visibilities that they are made of.
    """
    if isinstance(data, xr.DataArray):
        name = data.name if isinstance(data.name, str) else "VISIBILITY"
        with_coords = data.to_dataset(name="VISIBILITY" if name not in _NEGATED else name)
        return _turned(with_coords)[next(iter(with_coords.data_vars))].rename(data.name)
    return _turned(data)


def _turned(dataset: xr.Dataset) -> xr.Dataset:
    if "lag_index" in dataset.dims:
        raise ValueError("lag functions cannot be read the other way; choose the baseline before lags()")
    changed: dict[str, Any] = {}
    for name, variable in dataset.data_vars.items():
        if np.issubdtype(variable.dtype, np.complexfloating):
            changed[str(name)] = conjugate(variable.variable)
        elif name in _NEGATED:
            changed[str(name)] = -variable.variable
    return _relabelled(dataset.assign(changed))


def _relabelled(dataset: xr.Dataset) -> xr.Dataset:
    coords = dataset.coords
    first, second = coords["antenna1_name"].variable, coords["antenna2_name"].variable
    names = np.array([f"{b}-{a}" for a, b in zip(np.ravel(first), np.ravel(second), strict=True)])
    hands = coords["polarization"].variable
    letters = np.array([str(pair)[::-1] for pair in np.ravel(hands)])
    made = dataset.assign_coords(
        baseline=(coords["baseline"].dims, names.reshape(first.shape), coords["baseline"].attrs),
        antenna1_name=second,
        antenna2_name=first,
        polarization=(hands.dims, letters.reshape(hands.shape), hands.attrs),
    )
    if hands.dims and set(letters) == {str(pair) for pair in hands.values}:
        made = made.sel(polarization=hands.values)
    return made


def conjugate(variable: xr.Variable) -> xr.Variable:
    """Complex conjugate, made when it is read: with dask, or of what waits in a file."""
    if variable.chunks is not None or getattr(variable, "_in_memory", True):
        made: xr.Variable = np.conj(variable)  # type: ignore[assignment]
        return made
    lazy = indexing.LazilyIndexedArray(_Conjugate(variable.copy(deep=False)))
    return xr.Variable(variable.dims, lazy, variable.attrs, variable.encoding)


class _Conjugate(BackendArray):  # type: ignore[misc, unused-ignore]
    """Something that has not been read yet, conjugated as it is."""

    def __init__(self, source: xr.Variable) -> None:
        self.source = source
        self.shape = source.shape
        self.dtype = source.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        chosen = self.source.isel(dict(zip(self.source.dims, key, strict=True)))
        return np.conj(chosen.values)
