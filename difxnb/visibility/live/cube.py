# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of live visibilities: a row of arrays for each integration.

In go spectra by time and place, out come rows, and Datasets of them. A row that has been handed out is not written
again, whoever reads it and when: what comes for its time later goes into a copy. No row is touched for the sake of
another, so that taking in a spectrum takes the same time whatever is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.axes import Axes, dataset_on

_MISSING = np.complex64(complex(np.nan, np.nan))


@dataclass(slots=True, eq=False)
class Row:
    """One integration of all products.

    Attributes
    ----------
    axes : Axes
        Of the arrays.
    visibility : ndarray of complex64, shape (*axes.shape, channel)
        NaN where it is missing.
    weight : ndarray of float32, shape axes.shape
        0 where it is missing, NaN where it is not known.
    layers : dict of str to ndarray of float64, shape axes.shape
        What else came with each product.
    is_handed_out : bool
        Nothing may be written to it any more.
    """

    axes: Axes
    visibility: NDArray[np.complex64]
    weight: NDArray[np.float32]
    layers: dict[str, NDArray[np.float64]]
    is_handed_out: bool = False

    @classmethod
    def empty(cls, axes: Axes, layers: Sequence[str]) -> Row:
        """A row of missing spectra."""
        visibility = np.full((*axes.shape, axes.channels), _MISSING, np.complex64)
        weight = np.zeros(axes.shape, np.float32)
        return cls(axes, visibility, weight, {name: np.full(axes.shape, np.nan) for name in layers})

    def onto(self, axes: Axes) -> Row:
        """A copy on other axes, which hold these and more; what is new is missing."""
        made = Row.empty(axes, tuple(self.layers))
        chosen = places_on(self.axes, axes)
        made.visibility[np.ix_(*chosen, range(self.axes.channels))] = self.visibility
        made.weight[np.ix_(*chosen)] = self.weight
        for name, layer in self.layers.items():
            made.layers[name][np.ix_(*chosen)] = layer
        return made

    def put_at(self, place: tuple[int, ...], spectrum: NDArray[Any], weight: float) -> None:
        """Store one spectrum at its indices (see `Axes.place`)."""
        self.visibility[place][: len(spectrum)] = spectrum
        self.weight[place] = weight


class Cube:
    """Rows of all integrations that are kept; they are made as they are asked for.

    Attributes
    ----------
    axes : Axes
        Of rows that are asked for; others follow when they are. May be replaced by axes that hold more.
    """

    def __init__(self, axes: Axes, *, layers: Sequence[str] = ()) -> None:
        self.axes = axes
        self._layers = tuple(layers)
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def times(self) -> list[int]:
        """Nanoseconds since 1970 (UTC) of the rows, in order."""
        return sorted(self._rows)

    def row(self, time_ns: int) -> Row:
        """Row of an integration, to be written."""
        row = self._rows.get(time_ns)
        if row is None:
            row = self._rows[time_ns] = Row.empty(self.axes, self._layers)
        elif row.is_handed_out or row.axes is not self.axes:
            row = self._rows[time_ns] = row.onto(self.axes)
        return row

    def hand_out(self, time_ns: int) -> Row:
        """Row of an integration that is there, to be read; on the axes that it was written on."""
        row = self._rows[time_ns]
        row.is_handed_out = True
        return row

    def move(self, time_ns: int, to_ns: int) -> None:
        """Give the row of an integration another time, which no row may have."""
        self._rows[to_ns] = self._rows.pop(time_ns)

    def drop(self, times: Sequence[int]) -> int:
        """Forget the rows of some integrations; gives how many spectra they held."""
        return sum(int((self._rows.pop(time_ns).weight != 0).sum()) for time_ns in times)


def dataset_of(
    rows: Mapping[int, Row],
    axes: Axes,
    uvw: NDArray[np.float64] | None,
    along_time: Mapping[str, Any],
    attrs: Mapping[str, Any],
    *,
    layers: Sequence[str] = (),
) -> xr.Dataset:
    """Copy rows into a Dataset.

    Parameters
    ----------
    rows : mapping of int to Row
        By time (ns since 1970), in the order wanted.
    axes : Axes
        Hold those of all rows.
    uvw : ndarray, shape (row, baseline, 3), or None
        Metres; NaN everywhere when None.
    along_time : mapping
        Further coordinates along time.
    attrs : mapping
        Provenance.
    layers : sequence of str
        Which of the rows' layers become variables.
    """
    count = len(rows)
    visibility = np.empty((count, *axes.shape, axes.channels), np.complex64)
    weight = np.empty((count, *axes.shape), np.float32)
    others = {name: np.empty((count, *axes.shape)) for name in layers}
    for number, row in enumerate(rows.values()):
        placed = row if row.axes is axes else row.onto(axes)
        visibility[number], weight[number] = placed.visibility, placed.weight
        for name, other in others.items():
            other[number] = placed.layers[name]
    dims, shape = ("time", *axes.dims), (count, *axes.sizes)
    unknown = np.full((count, len(axes.baselines), 3), np.nan)
    variables: dict[str, Any] = {
        "VISIBILITY": ((*dims, "channel"), visibility.reshape(*shape, axes.channels)),
        "WEIGHT": (dims, weight.reshape(shape)),
        "UVW": (("time", "baseline", "uvw"), unknown if uvw is None else uvw),
    }
    variables |= {name: (dims, other.reshape(shape)) for name, other in others.items()}
    return dataset_on(axes, variables, np.array(list(rows), dtype=np.int64), along_time, attrs)


def places_on(axes: Axes, larger: Axes) -> list[list[int]]:
    """Where the values of each axis stand on the same axis of a larger one."""
    return [
        [theirs.index(value) for value in ours]
        for ours, theirs in zip(axes.values, larger.values, strict=True)
    ]
