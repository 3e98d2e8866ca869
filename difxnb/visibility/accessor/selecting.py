# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a Dataset or DataArray of visibilities by the names that astronomers use.

In: anything with the coordinates of the package docstring, also what ``isel``, ``concat`` or a netCDF file made of it.
Out: the same with fewer baselines, times, bands or polarizations. Nothing is read: lazy data stay lazy, and every axis
stays, with length 1 where one thing is left, so that selections can follow each other. What does not exist is a
ValueError that says what there is. Names may have the wildcards of a shell, whatever the case of their letters.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.turning import turned
from difxnb.visibility.live.choosing import is_like, range_hz

Visibilities = TypeVar("Visibilities", xr.Dataset, xr.DataArray)
Mask = NDArray[np.bool_]

_SAME_HZ = 1.0  # frequencies that differ by less are one


def labels(data: xr.Dataset | xr.DataArray, name: str, axis: str) -> NDArray[Any]:
    """Values of a coordinate along an axis; one value where the axis is gone.

    Where joining gave the coordinate further axes, the first value that is known counts.

    Raises
    ------
    ValueError
        There is no such coordinate, or it says different things along those further axes, as after ``stack``.
    """
    coordinate = _coordinate(data, name)
    if coordinate.dims in ((), (axis,)):
        return np.atleast_1d(coordinate.values)
    rows = _along(coordinate.values, coordinate.dims.index(axis) if axis in coordinate.dims else None)
    known = ~pd.isnull(rows)
    first = np.asarray(rows[np.arange(len(rows)), known.argmax(axis=1)])
    _require_agreement(coordinate, name, (axis,), ((rows != first[:, None]) & known).any())
    return first


def _coordinate(data: xr.Dataset | xr.DataArray, name: str) -> xr.Variable:
    if name not in data.coords:
        raise ValueError(f"these visibilities have no {name!r}; {listed(data.coords)}")
    return data.coords[name].variable.to_base_variable()


def _require_agreement(coordinate: xr.Variable, name: str, own: tuple[str, ...], differs: Any) -> None:
    """Refuse a coordinate that says different things along axes that are not its own."""
    if differs:
        others = ", ".join(str(axis) for axis in coordinate.dims if axis not in own)
        raise ValueError(
            f"{name!r} differs along {others}, where these visibilities should have it along {' and '.join(own)}; "
            "unstack them, give their axes the usual names, or select what agrees"
        )


def _along(values: NDArray[Any], place: int | None) -> NDArray[Any]:
    """Values as rows along one axis, with all others in a row."""
    rows = values[None] if place is None else np.moveaxis(values, place, 0)
    return rows.reshape(len(rows), -1)


def antenna_pairs(data: xr.Dataset | xr.DataArray) -> list[tuple[str, str]]:
    """Names of both antennas of each baseline."""
    if "antenna1_name" in data.coords and "antenna2_name" in data.coords:
        ends = (labels(data, name, "baseline") for name in ("antenna1_name", "antenna2_name"))
        return [(str(first), str(second)) for first, second in zip(*ends, strict=True)]
    names = [str(name) for name in labels(data, "baseline", "baseline")]
    return [(name.partition("-")[0], name.partition("-")[2]) for name in names]


def autocorrelations(data: xr.Dataset | xr.DataArray) -> Mask:
    """Which baselines are autocorrelations."""
    return np.array([first == second for first, second in antenna_pairs(data)], dtype=bool)


_ALONG = {
    "time": ("scan_name", "field_name", "time_uncertainty", "integration_time"),
    "baseline": ("antenna1_name", "antenna2_name"),
    "band": ("frequency", "bandwidth", "sideband", "n_channels"),
    "polarization": (),
}


def with_all_axes(data: xr.Dataset) -> xr.Dataset:
    """The same with every axis of the shape, of length 1 where one value was selected, and with WEIGHT.

    Raises
    ------
    ValueError
        There are no channels, or a coordinate of another axis is missing.
    """
    if "channel" not in data.dims:
        raise ValueError(f"these visibilities have no axis 'channel'; {listed(data.dims)}")
    for axis, names in _ALONG.items():
        labels(data, axis, axis)
        if axis not in data.dims:
            data = data.expand_dims(axis)
        for name in names:
            if name in data.coords and axis not in data.coords[name].dims:
                data = data.assign_coords({name: data.coords[name].expand_dims({axis: data[axis]})})
    gone = [name for name in _ALONG["time"][:2] if name not in data.coords]
    unnamed = {name: ("time", [""] * data.sizes["time"]) for name in gone}
    is_auto = ("baseline", autocorrelations(data))
    data = data.assign_coords({**unnamed, "is_autocorrelation": is_auto})
    if "WEIGHT" in data:
        return data
    first = spectra_of(data).isel(channel=0)
    return data.assign(WEIGHT=(first.dims, np.full(first.shape, np.nan, dtype=np.float32)))


def spectra_of(data: xr.Dataset) -> xr.DataArray:
    """The visibilities of a Dataset.

    Raises
    ------
    TypeError
        It is no Dataset.
    ValueError
        It has none.
    """
    if not isinstance(data, xr.Dataset):
        raise TypeError(f"visibilities with their weights are a Dataset; got {type(data).__name__}")
    if "VISIBILITY" not in data:
        raise ValueError(f"there is no VISIBILITY here; {listed(data.data_vars)}")
    return data["VISIBILITY"]


def kept(data: Visibilities, axis: str, mask: Mask) -> Visibilities:
    """The part of an axis where the mask is true, as a slice where it can be one."""
    if axis not in data.dims:
        return data
    places = np.flatnonzero(mask)
    if len(places) and places[-1] - places[0] + 1 == len(places):
        return data.isel({axis: slice(int(places[0]), int(places[-1]) + 1)})
    return data.isel({axis: places})


def listed(values: Iterable[Any]) -> str:
    """What there is, for the text of an error."""
    found = list(dict.fromkeys(str(value) for value in values))
    return f"there are {', '.join(found)}" if found else "there are none"


def _named(names: Sequence[Any], wanted: Iterable[Any], what: str) -> Mask:
    """Which of the names are meant; each thing that is wanted has to be there."""
    mask = np.zeros(len(names), dtype=bool)
    asked = list(wanted)
    if not asked:
        raise ValueError(f"no {what} is named; {listed(names)}")
    for one in asked:
        if not isinstance(one, str):
            raise TypeError(f"names of the kind {what} are text, one after the other; got {one!r}")
        found = is_like(names, one)
        if not found.any():
            raise ValueError(f"no {what} {one!r}; {listed(names)}")
        mask |= found
    return mask


# --- baselines --------------------------------------------------------------------------------------------


def cross(data: Visibilities) -> Visibilities:
    """Cross-correlations alone."""
    return _of_kind(data, ~autocorrelations(data), "cross-correlations")


def auto(data: Visibilities) -> Visibilities:
    """Autocorrelations alone."""
    return _of_kind(data, autocorrelations(data), "autocorrelations")


def _of_kind(data: Visibilities, mask: Mask, what: str) -> Visibilities:
    if not mask.any():
        raise ValueError(f"no {what} here; the baselines: {listed(labels(data, 'baseline', 'baseline'))}")
    return kept(data, "baseline", mask)


def baseline(data: Visibilities, first: str, second: str | None = None) -> Visibilities:
    """One baseline, read in the order that was asked for (see `turned`)."""
    pairs = antenna_pairs(data)
    names = [f"{a}-{b}" for a, b in pairs]
    pair = f"{first}-{second}" if second is not None else first
    if not isinstance(pair, str) or "-" not in pair:
        raise ValueError(f'a baseline is "AA", "BB" or "AA-BB"; got {pair!r}; {listed(names)}')
    is_turned = not is_like(names, pair).any()
    mask = is_like([f"{b}-{a}" for a, b in pairs] if is_turned else names, pair)
    if not mask.any():
        raise ValueError(f"no baseline {pair!r}; {listed(names)}")
    if mask.sum() > 1:
        raise ValueError(f"{pair!r} means several baselines: {listed(np.array(names)[mask])}; see antenna()")
    chosen = kept(data, "baseline", mask)
    return turned(chosen) if is_turned else chosen


def antenna(data: Visibilities, *names: str) -> Visibilities:
    """All baselines with one of these antennas at either end, as they are."""
    pairs = antenna_pairs(data)
    _named([name for pair in pairs for name in pair], names, "antenna")
    first, second = (_any_like([pair[end] for pair in pairs], names) for end in (0, 1))
    return kept(data, "baseline", first | second)


def _any_like(values: Sequence[str], patterns: Iterable[str]) -> Mask:
    likes = np.array([is_like(values, pattern) for pattern in patterns], dtype=bool)
    return np.asarray(likes.any(axis=0))


# --- polarizations ----------------------------------------------------------------------------------------


def polarization(data: Visibilities, *names: str) -> Visibilities:
    """Polarization products by their letters."""
    return kept(data, "polarization", _named(_hands(data), names, "polarization"))


def parallel(data: Visibilities) -> Visibilities:
    """Products of equal letters."""
    return _of_hands(data, lambda hands: hands[0] == hands[1], "parallel hands")


def crosshands(data: Visibilities) -> Visibilities:
    """Products of different letters."""
    return _of_hands(data, lambda hands: hands[0] != hands[1], "cross hands")


def _hands(data: xr.Dataset | xr.DataArray) -> list[str]:
    return [str(name) for name in labels(data, "polarization", "polarization")]


def _of_hands(data: Visibilities, rule: Callable[[str], bool], what: str) -> Visibilities:
    hands = _hands(data)
    mask = np.array([rule(pair) for pair in hands], dtype=bool)
    if not mask.any():
        raise ValueError(f"no {what} here; {listed(hands)}")
    return kept(data, "polarization", mask)


# --- scans and sources ------------------------------------------------------------------------------------


def scan(data: Visibilities, *scans: str | int) -> Visibilities:
    """Scans by name, or by the number with which the name ends."""
    names = [str(name) for name in labels(data, "scan_name", "time")]
    texts = [one if isinstance(one, str) else _name_of(one, names) for one in scans]
    return kept(data, "time", _named(names, texts, "scan"))


def _name_of(number: Any, names: Sequence[str]) -> str:
    """The scan whose name ends with a number, such as 1 for No0001."""
    if isinstance(number, bool):
        raise TypeError(f"a scan is a name or a number; got {number!r}")
    try:
        wanted = operator.index(number)
    except TypeError as error:
        raise TypeError(f"a scan is a name or a number; got {number!r}") from error
    found = [name for name in dict.fromkeys(names) if _number_of(name) == wanted]
    if len(found) != 1:
        problem = "several scans have" if found else "no scan has"
        raise ValueError(f"{problem} the number {wanted}; {listed(found or names)}")
    return found[0]


def _number_of(name: str) -> int | None:
    digits = re.search(r"[0-9]{1,18}\Z", name)
    return int(digits.group()) if digits else None


def source(data: Visibilities, *names: str) -> Visibilities:
    """Integrations on a source, and of several phase centres those on it."""
    coordinate = "phase_center_name" if "phase_center_name" in data.coords else "field_name"
    fields = _coordinate(data, coordinate)
    flat = [str(name) for name in fields.values.ravel()]
    mask = _named(flat, names, "source").reshape(fields.shape)
    for place, axis in enumerate(fields.dims):
        others = tuple(other for other in range(mask.ndim) if other != place)
        data = kept(data, str(axis), np.asarray(mask.any(axis=others)))
    return data


# --- bands ------------------------------------------------------------------------------------------------


def band(data: Visibilities, *rows: int, frequency: Any = None) -> Visibilities:
    """Bands by their row of the FREQ table, or by what they cover."""
    if bool(rows) == (frequency is not None):
        raise ValueError(f"bands are named by rows or by frequency=; {bands_listed(data)}")
    mask = _at_frequency(data, frequency) if frequency is not None else _in_rows(data, rows)
    return kept(data, "band", mask)


def _in_rows(data: xr.Dataset | xr.DataArray, rows: Iterable[Any]) -> Mask:
    there = labels(data, "band", "band")
    mask = np.zeros(len(there), dtype=bool)
    for row in rows:
        if isinstance(row, bool | np.bool_) or not isinstance(row, int | np.integer):
            raise TypeError(f"a band is a row of the FREQ table, a whole number; got {row!r}")
        if row not in there:
            raise ValueError(f"no band {row}; {bands_listed(data)}")
        mask |= there == row
    return mask


def _at_frequency(data: xr.Dataset | xr.DataArray, frequency: Any) -> Mask:
    is_range = isinstance(frequency, slice) or (isinstance(frequency, tuple) and len(frequency) == 2)
    if is_range:
        low, high = range_hz(frequency)
    else:
        low, _ = range_hz((frequency, None))
        high = low
    edges = band_edges(data)
    # Edges are known to half a channel at best: a neighbour that only touches the range is not meant.
    margin = np.minimum(edges[:, 2] / 2 * (1 + 1e-6), (high - low) * (1 - 1e-6))
    overlap = np.minimum(high, edges[:, 1]) - np.maximum(low, edges[:, 0])
    mask = np.asarray(overlap > margin if high > low else overlap >= 0, dtype=bool)
    if not mask.any():
        raise ValueError(f"no band at {frequency!r}; {bands_listed(data)}")
    return mask


def channel_centres(data: xr.Dataset | xr.DataArray) -> NDArray[np.float64]:
    """Centres of the channels of each band, Hz, shape (band, channel); each axis of length 1 where it is gone."""
    frequency = _coordinate(data, "frequency")
    if "frequency" in frequency.dims:  # after swap_dims(channel="frequency")
        frequency.dims = tuple("channel" if axis == "frequency" else axis for axis in frequency.dims)
    gone = {axis: data.sizes.get(axis, 1) for axis in ("band", "channel") if axis not in frequency.dims}
    wide = frequency.set_dims({**dict(frequency.sizes), **gone}).transpose("band", "channel", ...).values  # type: ignore[no-untyped-call]
    rows = wide.reshape(*wide.shape[:2], math.prod(wide.shape[2:]))
    known = np.isfinite(rows).argmax(axis=2)  # joining may have given frequencies further axes
    first = np.take_along_axis(rows, known[..., None], axis=2)
    _require_agreement(frequency, "frequency", ("band", "channel"), (np.abs(rows - first) > _SAME_HZ).any())
    return np.asarray(first[..., 0], dtype=float)


def channel_ends(data: xr.Dataset | xr.DataArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the first and the last channel of each band, Hz; NaN where a band has no channel left."""
    centres = channel_centres(data)
    there = np.isfinite(centres)
    low = np.where(there, centres, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, centres, -np.inf).max(axis=1, initial=-np.inf)
    left = there.any(axis=1)
    return np.where(left, low, np.nan), np.where(left, high, np.nan)


def band_edges(data: xr.Dataset | xr.DataArray) -> NDArray[np.float64]:
    """What each band covers: low end, high end, width of a channel (Hz).

    Half a channel beyond the centres of the first and the last channel. How many fine channels were averaged is not
    in a Dataset, so this may differ from the nominal edges by half a fine channel, to which selections are blind.
    """
    ends = channel_ends(data)
    width = labels(data, "bandwidth", "band") / labels(data, "n_channels", "band")
    return np.stack([ends[0] - width / 2, ends[1] + width / 2, width], axis=1)


def bands_listed(data: xr.Dataset | xr.DataArray) -> str:
    """Bands with what they cover, for the text of an error."""
    rows = labels(data, "band", "band")
    edges = band_edges(data) / 1e6
    covered = ("no channels" if np.isnan(e[0]) else f"{e[0]:.6f} to {e[1]:.6f} MHz" for e in edges)
    return listed(f"band {row}: {text}" for row, text in zip(rows, covered, strict=True))
