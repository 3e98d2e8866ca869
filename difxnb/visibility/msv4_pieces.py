# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into which Measurement Set: one for each band, phase centre, pulsar bin and integration time.

In goes a Dataset and where it has data, out come pieces of it. Within a piece everything has the same channels; what is
nowhere in it (a baseline that did not observe the band, a polarization that was not recorded) has no place there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

AXES = ("time", "phase_center", "pulsar_bin", "baseline", "band", "polarization")
"""Axes of weights; those of phase centres and pulsar bins are there only where there are several."""

Places: TypeAlias = slice | NDArray[np.intp]
"""Indices along an axis, a slice where they follow each other, so that nothing is copied."""

_SPLITS = {"field": "field_name", "scan": "scan_name"}


@dataclass(frozen=True)
class Piece:
    """A part of a Dataset that becomes one Measurement Set.

    Attributes
    ----------
    name : str
        Of the node.
    places : dict
        Indices on each of `AXES`; a number where one is meant.
    channels : slice or ndarray
        Channels of the band.
    fields : ndarray of str, shape (time,)
        Source at each time.
    integration_time : float
        Nominal, s.
    """

    name: str
    places: dict[str, Places | int]
    channels: Places
    fields: NDArray[np.str_]
    integration_time: float

    def of(self, array: xr.DataArray) -> xr.DataArray:
        """Give this part of an array that has some of the axes."""
        return array.isel({axis: place for axis, place in self.places.items() if axis in array.dims})

    def along(self, axis: str, values: NDArray[Any]) -> NDArray[Any]:
        """Give this part of values along an axis."""
        return values[self.places[axis]]


def pieces(dataset: xr.Dataset, present: NDArray[np.bool_], split: Iterable[str]) -> Iterator[Piece]:
    """Cut a Dataset into pieces.

    Parameters
    ----------
    dataset : Dataset
    present : ndarray of bool, one dimension for each of `AXES`
        Where there are data.
    split : iterable of {"field", "scan"}
        By what else to cut.

    Yields
    ------
    Piece
        None for what has no data at all.
    """
    cuts = _checked(split)
    lengths = _integration_times(dataset)
    frequency = np.atleast_2d(dataset["frequency"].values)
    for center in range(present.shape[1]):
        fields = fields_of(dataset, center)
        labels = {cut: fields if cut == "field" else texts(dataset, "scan_name") for cut in cuts}
        for group, suffix in _groups({"integration": lengths, **labels}):
            for pulsar_bin in range(present.shape[2]):
                for band in range(present.shape[4]):
                    there = present[:, center, pulsar_bin, :, band, :] & group[:, None, None]
                    if there.any():
                        times = np.flatnonzero(there.any(axis=(1, 2)))
                        yield Piece(
                            _name(dataset, center, pulsar_bin, band, suffix),
                            {
                                "time": compact(times),
                                "phase_center": center,
                                "pulsar_bin": pulsar_bin,
                                "baseline": compact(np.flatnonzero(there.any(axis=(0, 2)))),
                                "band": band,
                                "polarization": compact(np.flatnonzero(there.any(axis=(0, 1)))),
                            },
                            compact(np.flatnonzero(np.isfinite(frequency[band]))),
                            fields[times],
                            float(lengths[times[0]]),
                        )


def compact(indices: NDArray[np.intp]) -> Places:
    """Give indices as a slice where they follow each other."""
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices


def texts(dataset: xr.Dataset, name: str) -> NDArray[np.str_]:
    """Give names along time; empty ones where the Dataset has none."""
    count = np.size(dataset["time"].values)
    if name not in dataset.coords:
        return np.full(count, "", dtype=np.str_)
    return np.broadcast_to(np.atleast_1d(dataset[name].values).astype(np.str_), count)


def fields_of(dataset: xr.Dataset, center: int) -> NDArray[np.str_]:
    """Give the source of a phase centre at each time."""
    if "phase_center" not in dataset.dims:
        return texts(dataset, "field_name")
    if "phase_center_name" in dataset.coords:
        names = dataset["phase_center_name"].isel(phase_center=center)
        return np.atleast_1d(names.values).astype(np.str_)
    names = texts(dataset, "field_name")
    number = int(dataset["phase_center"].values[center]) if "phase_center" in dataset.coords else center
    return names if number == 0 else np.array([f"{name} (phase centre {number})" for name in names])


def _checked(split: Iterable[str]) -> list[str]:
    cuts = [split] if isinstance(split, str) else list(split)
    for cut in cuts:
        if cut not in _SPLITS:
            raise ValueError(f"visibilities can be split by {' and '.join(_SPLITS)}, not by {cut!r}")
    return cuts


def _integration_times(dataset: xr.Dataset) -> NDArray[np.float64]:
    count = np.size(dataset["time"].values)
    known = dataset.coords.get("integration_time", dataset.attrs.get("integration_time", np.nan))
    return np.broadcast_to(np.atleast_1d(np.asarray(known, dtype=np.float64)), count)


def _groups(labels: dict[str, NDArray[Any]]) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Which times belong together, in order of appearance, and what tells them apart from others in a name."""
    columns = [labels[name] for name in labels]
    keys = list(zip(*(column.tolist() for column in columns), strict=True))
    varied = [len(set(column.tolist())) > 1 for column in columns]
    for key in dict.fromkeys(keys):
        told = [_told(value) for value, varies in zip(key, varied, strict=True) if varies]
        yield np.array([one == key for one in keys], dtype=bool), "".join(told)


def _told(value: object) -> str:
    return f"_{value:g}s" if isinstance(value, float) else f"_{value}"


def _name(dataset: xr.Dataset, center: int, pulsar_bin: int, band: int, suffix: str) -> str:
    parts = [str(dataset.attrs.get("job", "")) or "visibilities", f"band{_label(dataset, 'band', band)}"]
    if "phase_center" in dataset.dims:
        parts.append(f"center{_label(dataset, 'phase_center', center)}")
    if "pulsar_bin" in dataset.dims:
        parts.append(f"bin{_label(dataset, 'pulsar_bin', pulsar_bin)}")
    return ("_".join(parts) + suffix).replace("/", "-").replace("\n", "-")


def _label(dataset: xr.Dataset, axis: str, place: int) -> object:
    return np.atleast_1d(dataset[axis].values)[place] if axis in dataset.coords else place


def axis_values(dataset: xr.Dataset, name: str) -> Sequence[Any] | NDArray[Any]:
    """Give a coordinate that has been selected down to one value as an axis of length 1."""
    return np.atleast_1d(dataset[name].values)
