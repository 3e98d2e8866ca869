# SPDX-License-Identifier: GPL-3.0-or-later
"""The dense array behind a live Dataset, growing along time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.axes import Axes, Key, dataset_on

_MISSING = np.complex64(complex(np.nan, np.nan))
_FIRST_ROWS = 16


class Cube:
    """Visibilities and weights of all products, a row per integration; rows are made as they are asked for.

    Attributes
    ----------
    times : list of int
        Nanoseconds since 1970 (UTC) of each row, in order of arrival.
    """

    def __init__(self, axes: Axes, rows: int = _FIRST_ROWS, *, layers: Sequence[str] = ()) -> None:
        self.axes = axes
        self.times: list[int] = []
        self._rows: dict[int, int] = {}
        self.visibility = np.full((rows, *axes.shape, axes.channels), _MISSING, dtype=np.complex64)
        self.weight = np.zeros((rows, *axes.shape), dtype=np.float32)
        self.layers = {name: np.full((rows, *axes.shape), np.nan) for name in layers}

    def row(self, time_ns: int) -> int:
        """Row of an integration, made when it is new."""
        row = self._rows.get(time_ns)
        if row is None:
            row = self._rows[time_ns] = len(self.times)
            if row >= len(self.weight):
                self._resize(2 * row)
            self.times.append(time_ns)
        return row

    def _resize(self, rows: int) -> None:
        def grown(array: NDArray[Any], fill: Any) -> NDArray[Any]:
            larger = np.full((rows, *array.shape[1:]), fill, dtype=array.dtype)
            larger[: len(array)] = array
            return larger

        self.visibility = grown(self.visibility, _MISSING)
        self.weight = grown(self.weight, 0.0)
        self.layers = {name: grown(array, np.nan) for name, array in self.layers.items()}

    def move(self, time_ns: int, to_ns: int) -> None:
        """Give the row of an integration another time, which no row may have."""
        row = self._rows.pop(time_ns)
        self._rows[to_ns] = row
        self.times[row] = to_ns

    def onto(self, axes: Axes) -> Cube:
        """Give a cube with the same rows on other axes, which hold these and more; what is new is missing."""
        made = Cube(axes, len(self.weight), layers=tuple(self.layers))
        made.times, made._rows = list(self.times), dict(self._rows)
        chosen = (range(len(self.weight)), *places_on(self.axes, axes))
        made.visibility[np.ix_(*chosen, range(self.axes.channels))] = self.visibility
        made.weight[np.ix_(*chosen)] = self.weight
        for name, layer in self.layers.items():
            made.layers[name][np.ix_(*chosen)] = layer
        return made

    def put(self, row: int, key: Key, spectrum: NDArray[Any], weight: float) -> None:
        """Store one spectrum; a later one of the same product and time replaces it."""
        self.put_at((row, *self.axes.place(key)), spectrum, weight)

    def put_at(self, place: tuple[int, ...], spectrum: NDArray[Any], weight: float) -> None:
        """Store one spectrum at its indices (see `Axes.place`), the row in front."""
        self.visibility[place][: len(spectrum)] = spectrum
        self.weight[place] = weight

    def drop_oldest(self, count: int) -> int:
        """Forget the rows that came first; gives how many spectra they held."""
        lost = int((self.weight[:count] != 0).sum())
        kept = len(self.times) - count
        for array, fill in (
            (self.visibility, _MISSING),
            (self.weight, 0.0),
            *((layer, np.nan) for layer in self.layers.values()),
        ):
            array[:kept] = array[count : count + kept]
            array[kept:] = fill
        self.times = self.times[count:]
        self._rows = {time: row for row, time in enumerate(self.times)}
        return lost

    def dataset(
        self,
        uvw: NDArray[np.float64] | None,
        scan_names: Sequence[str],
        field_names: Sequence[str],
        attrs: dict[str, Any],
        *,
        uncertainty_s: Sequence[float] | None = None,
        last: int | None = None,
    ) -> xr.Dataset:
        """Copy everything into a Dataset, in order of time.

        Parameters
        ----------
        uvw : ndarray, shape (row, baseline, 3), or None
            Metres; NaN everywhere when None.
        scan_names, field_names : sequence of str
            One of each per row.
        attrs : dict
            Provenance.
        uncertainty_s : sequence of float, optional
            By how much the time of each row may be wrong.
        last : int, optional
            Copy only so many rows, the newest.
        """
        count, axes = len(self.times), self.axes
        order = np.argsort(np.array(self.times, dtype=np.int64), kind="stable")
        if last is not None:
            count = min(count, last)
            order = order[len(order) - count :]
        dims, shape = ("time", *axes.dims), (count, *axes.sizes)
        unknown = np.full((count, len(axes.baselines), 3), np.nan)
        variables: dict[str, Any] = {
            "VISIBILITY": (
                (*dims, "channel"),
                self.visibility[order].reshape(*shape, axes.channels),
            ),
            "WEIGHT": (dims, self.weight[order].reshape(shape)),
            "UVW": (("time", "baseline", "uvw"), unknown if uvw is None else uvw[order]),
        }
        for name, layer in self.layers.items():
            variables[name] = (dims, layer[order].reshape(shape))
        along_time = {
            "scan_name": np.array(scan_names, dtype=object)[order],
            "field_name": np.array(field_names, dtype=object)[order],
        }
        if uncertainty_s is not None:
            along_time["time_uncertainty"] = np.array(uncertainty_s, dtype=float)[order]
        return dataset_on(axes, variables, np.array(self.times, dtype=np.int64)[order], along_time, attrs)


def places_on(axes: Axes, larger: Axes) -> list[list[int]]:
    """Where the values of each axis stand on the same axis of a larger one."""
    return [
        [theirs.index(value) for value in ours]
        for ours, theirs in zip(axes.values, larger.values, strict=True)
    ]
