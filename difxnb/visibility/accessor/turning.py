# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines read the other way: BB-AA of AA-BB.

V21 = S2 · conj(S1) = conj(V12). So phases and delays change their sign, the letters of the polarizations change places
(the RL product of AA-BB is the LR product of BB-AA), and the baseline vector points the other way. Weights stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import xarray as xr
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
    made: dict[str, xr.Variable] = {}
    for name, variable in dataset.data_vars.items():
        if np.issubdtype(variable.dtype, np.complexfloating):
            made[str(name)] = changed(variable.variable, np.conj)
        elif name in _NEGATED:
            made[str(name)] = changed(variable.variable, np.negative)
    return _relabelled(dataset.assign(made))


def _relabelled(dataset: xr.Dataset) -> xr.Dataset:
    coords = dataset.coords
    if not {"antenna1_name", "antenna2_name"} <= set(coords):
        label = coords["baseline"].variable
        names = np.array(["-".join(str(pair).split("-", 1)[::-1]) for pair in np.ravel(label)])
        made = dataset.assign_coords(baseline=(label.dims, names.reshape(label.shape), label.attrs))
        return _with_swapped_letters(made)
    first, second = coords["antenna1_name"].variable, coords["antenna2_name"].variable
    names = np.array([f"{b}-{a}" for a, b in zip(np.ravel(first), np.ravel(second), strict=True)])
    made = dataset.assign_coords(
        baseline=(first.dims, names.reshape(first.shape), coords["baseline"].attrs),
        antenna1_name=second,
        antenna2_name=first,
    )
    return _with_swapped_letters(made)


def _with_swapped_letters(dataset: xr.Dataset) -> xr.Dataset:
    """Products under their new names, in the order in which they were."""
    if "polarization" not in dataset.coords:
        if "polarization" in dataset.dims:
            raise ValueError("a baseline is not turned where nothing tells which polarization is which")
        return dataset
    hands = dataset.coords["polarization"].variable
    letters = np.array([str(pair)[::-1] for pair in np.ravel(hands)])
    made = dataset.assign_coords(polarization=(hands.dims, letters.reshape(hands.shape), hands.attrs))
    is_closed = bool(hands.dims) and set(letters) == {str(pair) for pair in hands.values}
    return made.sel(polarization=hands.values) if is_closed else made


def changed(variable: xr.Variable, function: Callable[[Any], Any]) -> xr.Variable:
    """A function of each value, made when it is read: with dask, or of what waits in a file."""
    if variable.chunks is not None or getattr(variable, "_in_memory", True):
        made: xr.Variable = function(variable)
        made.attrs = dict(variable.attrs)
        return made
    lazy = indexing.LazilyIndexedArray(_Changed(variable.copy(deep=False), function))
    return xr.Variable(variable.dims, lazy, variable.attrs, variable.encoding)


class _Changed(BackendArray):
    """Something that has not been read yet, with a function of each of its values."""

    def __init__(self, source: xr.Variable, function: Callable[[Any], Any]) -> None:
        self.source, self.function = source, function
        self.shape, self.dtype = source.shape, source.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        chosen = self.source.isel(dict(zip(self.source.dims, key, strict=True)))
        return self.function(chosen.values)
