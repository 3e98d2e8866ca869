# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into which Measurement Set: one for each band, phase centre, pulsar bin and integration time.

In goes a Dataset and where it has data, out come pieces of it. Within a piece everything has the same channels; what is
nowhere in it (a baseline that did not observe the band, a polarization that was not recorded) has no place there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.selecting import channel_centres

AXES = ("time", "phase_center", "pulsar_bin", "baseline", "band", "polarization")
"""Axes of weights; those of phase centres and pulsar bins are there only where there are several."""

Places: TypeAlias = slice | NDArray[np.intp]
"""Indices along an axis, a slice where they follow each other, so that nothing is copied."""

_SPLITS = ("field", "scan")


@dataclass(frozen=True)
class Piece:
    """A part of a Dataset that becomes one Measurement Set.

    Attributes
    ----------
    name : str
        Of the node.
    times, baselines, polarizations, channels : slice or ndarray
        Indices on these axes.
    phase_center, pulsar_bin, band : int
        Index on these axes.
    products : ndarray of bool, shape (baseline, polarization)
        Which of its products are there at any time.
    fields : ndarray of str, shape (time,)
        Source at each time.
    integration_time : float
        Nominal, s.
    """

    name: str
    times: Places
    phase_center: int
    pulsar_bin: int
    baselines: Places
    band: int
    polarizations: Places
    channels: Places
    products: NDArray[np.bool_]
    fields: NDArray[np.str_]
    integration_time: float

    def of(self, array: xr.DataArray) -> xr.DataArray:
        """Give this part of an array that has some of the axes."""
        places: dict[str, Any] = {
            "time": self.times,
            "phase_center": self.phase_center,
            "pulsar_bin": self.pulsar_bin,
            "baseline": self.baselines,
            "band": self.band,
            "polarization": self.polarizations,
            "channel": self.channels,
        }
        return array.isel({axis: place for axis, place in places.items() if axis in array.dims})


def pieces(dataset: xr.Dataset, present: NDArray[np.bool_], split: Iterable[str]) -> Iterator[Piece]:
    """Cut a Dataset into pieces; what has no data at all is left out.

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring.
    present : ndarray of bool, one dimension for each of `AXES`
        Where there are data.
    split : iterable of {"field", "scan"}
        By what else to cut.

    Raises
    ------
    ValueError
        `split` is something else.
    """
    cuts = [split] if isinstance(split, str) else list(split)
    for cut in cuts:
        if cut not in _SPLITS:
            raise ValueError(f"visibilities can be split by {' and '.join(_SPLITS)}, not by {cut!r}")
    lengths = integration_times(dataset)
    told = np.array([f"{length}s" for length in lengths])
    has_channels = [bool(np.isfinite(row).any()) for row in channel_centres(dataset)]
    for center in range(present.shape[1]):
        fields = fields_of(dataset, center)
        by = {"field": fields, "scan": along(dataset, "time", "scan_name")}
        for group, suffix in _groups([told, *(by[cut] for cut in cuts)]):
            for pulsar_bin, band in product(range(present.shape[2]), range(present.shape[4])):
                there = present[:, center, pulsar_bin, :, band, :] & group[:, None, None]
                if there.any() and has_channels[band]:
                    name = _name(dataset, center, pulsar_bin, band, suffix)
                    yield _piece(dataset, there, (name, center, pulsar_bin, band), fields, lengths)


def _piece(
    dataset: xr.Dataset,
    there: NDArray[np.bool_],
    which: tuple[str, int, int, int],
    fields: NDArray[np.str_],
    lengths: NDArray[np.float64],
) -> Piece:
    name, center, pulsar_bin, band = which
    times = np.flatnonzero(there.any(axis=(1, 2)))
    products = np.asarray(there.any(axis=0))
    baselines, polarizations = np.flatnonzero(products.any(axis=1)), np.flatnonzero(products.any(axis=0))
    frequency = channel_centres(dataset)[band]
    return Piece(
        name=name,
        times=_compact(times),
        phase_center=center,
        pulsar_bin=pulsar_bin,
        baselines=_compact(baselines),
        band=band,
        polarizations=_compact(polarizations),
        channels=_compact(np.flatnonzero(np.isfinite(frequency))),
        products=products[np.ix_(baselines, polarizations)],
        fields=fields[times],
        integration_time=float(lengths[times[0]]),
    )


def _compact(indices: NDArray[np.intp]) -> Places:
    """Give indices as a slice where they follow each other."""
    if len(indices) and int(indices[-1]) - int(indices[0]) + 1 == len(indices):
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices


def along(dataset: xr.Dataset, axis: str, name: str) -> NDArray[Any]:
    """Give a coordinate along an axis that may have been selected down to one value; empty text where it is missing."""
    count = dataset.sizes.get(axis, 1)
    if name not in dataset.coords:
        return np.full(count, "", dtype=np.str_)
    values = np.atleast_1d(dataset[name].values)
    if values.dtype.kind in "OT":  # texts as they are in memory, and as zarr and netCDF give them
        values = np.array(values.tolist(), dtype=np.str_)
    return np.broadcast_to(values, (count,))


def fields_of(dataset: xr.Dataset, center: int) -> NDArray[np.str_]:
    """Give the source of a phase centre at each time; one without name is told by the first one's and a number."""
    if "phase_center_name" in dataset.coords:
        one = dataset.isel(phase_center=center) if "phase_center" in dataset.dims else dataset
        return along(one, "time", "phase_center_name")
    fields = along(dataset, "time", "field_name")
    number = label(dataset, "phase_center", center)
    return fields if number == 0 else np.array([f"{name} (phase centre {number})" for name in fields])


def integration_times(dataset: xr.Dataset) -> NDArray[np.float64]:
    """Give the nominal integration time at each time, s; ValueError where nothing tells it."""
    if "integration_time" in dataset.coords:
        return along(dataset, "time", "integration_time").astype(np.float64)
    if "integration_time" not in dataset.attrs:
        raise ValueError(
            "nothing tells the integration time of these visibilities, as after arithmetic that drops attributes; "
            'set attrs["integration_time"], in s'
        )
    return np.full(dataset.sizes.get("time", 1), float(dataset.attrs["integration_time"]))


def _groups(columns: list[NDArray[Any]]) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Which times belong together, in order of appearance, and what tells them apart from others in a name."""
    keys = list(zip(*([str(value) for value in column.tolist()] for column in columns), strict=True))
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    group = np.array([numbers[key] for key in keys])
    varied = [len(set(values)) > 1 for values in zip(*numbers, strict=True)]
    for key, number in numbers.items():
        yield group == number, "".join(f"_{v}" for v, varies in zip(key, varied, strict=True) if varies)


def _name(dataset: xr.Dataset, center: int, pulsar_bin: int, band: int, suffix: str) -> str:
    first, *others = str(dataset.attrs.get("job", "")).split(", ")
    parts = [f"{first or 'visibilities'}{f'+{len(others)}' if others else ''}"]
    parts.append(f"band{label(dataset, 'band', band)}")
    if "phase_center" in dataset.coords:
        parts.append(f"center{label(dataset, 'phase_center', center)}")
    if "pulsar_bin" in dataset.coords:
        parts.append(f"bin{label(dataset, 'pulsar_bin', pulsar_bin)}")
    return ("_".join(parts) + suffix).replace("/", "-").replace("\n", "-")


def label(dataset: xr.Dataset, axis: str, place: int) -> int:
    """Give the number of a band, phase centre or pulsar bin."""
    return int(np.atleast_1d(dataset[axis].values)[place]) if axis in dataset.coords else place
