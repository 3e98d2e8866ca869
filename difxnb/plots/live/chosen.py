# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look has chosen of its Dataset: places of the products, and integrations, as plain arrays.

In go names, out come arrays (time, baseline, band, polarization, channel); a baseline that the reference station ends
is turned, as ``ds.difx.baseline`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.plots.live.look import Look

_AXES = ("baseline", "band", "polarization")
_BEHIND = ("phase_center", "pulsar_bin")
_CHUNK = 256  # integrations whose weights are looked at together


@dataclass(frozen=True)
class Baseline:
    """A baseline that is drawn.

    Attributes
    ----------
    name : str
        As it is shown, turned where the reference station is the second.
    place : int
        In the Dataset.
    is_turned : bool
    """

    name: str
    place: int
    is_turned: bool = False

    @property
    def stored_name(self) -> str:
        """Name in the Dataset and in tables."""
        return turned_name(self.name) if self.is_turned else self.name


def turned_name(baseline: str) -> str:
    """``"BB-AA"`` of ``"AA-BB"``."""
    return "-".join(baseline.split("-", 1)[::-1])


class Chosen:
    """What is to be drawn of a look.

    Parameters
    ----------
    look : Look
    most_baselines, most_bands : int
        Those beyond are left out and counted.
    autocorrelations : bool
        Whether antennas are meant, instead of cross baselines.

    Attributes
    ----------
    dataset : Dataset
        With all its axes.
    baselines : list of Baseline
    bands : list of int
    polarizations : list of str
    left_out : list of str
        What is not shown, in words.
    """

    def __init__(
        self, look: Look, *, most_baselines: int, most_bands: int = 16, autocorrelations: bool = False
    ) -> None:
        self.look = look
        self.dataset = _with_axes(look.dataset)
        self.left_out: list[str] = []
        found = self._antennas() if autocorrelations else self._crosses()
        self.baselines = self._first(found, most_baselines, "stations" if autocorrelations else "baselines")
        self.bands = self._first(self._known(look.bands, self.stored_bands), most_bands, "bands")
        self.polarizations = self._hands(parallel_only=autocorrelations)
        for name in _BEHIND:
            if self.dataset.sizes.get(name, 1) > 1:
                self.left_out.append(f"only the first {name.replace('_', ' ')}")

    @cached_property
    def names(self) -> list[str]:
        """All baselines of the Dataset."""
        return [str(name) for name in self.dataset["baseline"].values]

    @cached_property
    def stored_bands(self) -> list[int]:
        """All bands of the Dataset."""
        return [int(band) for band in self.dataset["band"].values]

    @cached_property
    def stored_hands(self) -> list[str]:
        """All polarizations of the Dataset."""
        return [str(name) for name in self.dataset["polarization"].values]

    def _first(self, found: list[Any], most: int, what: str) -> list[Any]:
        if len(found) > most:
            self.left_out.append(f"{len(found) - most} of {len(found)} {what}")
        return found[:most]

    def _known(self, asked: Sequence[Any], known: list[Any]) -> list[Any]:
        strangers = [one for one in asked if one not in known]
        if strangers:
            self.left_out.append(f"{', '.join(map(str, strangers[:6]))}, not in these data")
        return [one for one in asked if one in known] if asked else list(known)

    def _crosses(self) -> list[Baseline]:
        places = {name: place for place, name in enumerate(self.names)}
        asked = [
            turned_name(name) if name not in places and turned_name(name) in places else name
            for name in self.look.baselines
        ]
        crosses = [name for name in self.names if not is_auto(name)]
        found = [name for name in self._known(asked, self.names) if name in crosses]
        reference = self.look.reference
        if reference is None:
            return [Baseline(name, places[name]) for name in found]
        towards = [name for name in found if reference in name.split("-", 1)]
        return [_towards(reference, name, places[name]) for name in towards]

    def _antennas(self) -> list[Baseline]:
        """Autocorrelations of the antennas that take part in what is chosen."""
        wanted = {end for name in self.look.baselines for end in name.split("-", 1)}
        if self.look.reference is not None:
            wanted |= {self.look.reference}
        return [
            Baseline(name, place)
            for place, name in enumerate(self.names)
            if is_auto(name) and (not wanted or name.split("-", 1)[0] in wanted)
        ]

    def _hands(self, *, parallel_only: bool) -> list[str]:
        every = self.stored_hands
        parallel = [name for name in every if len(set(name)) == 1]
        if parallel_only:
            return [
                name for name in parallel if not self.look.polarizations or name in self.look.polarizations
            ]
        return self._known(self.look.polarizations, every) if self.look.polarizations else parallel or every

    # --- along time ---------------------------------------------------------------------------------

    @cached_property
    def times(self) -> NDArray[np.datetime64]:
        """Of all integrations."""
        return np.atleast_1d(self.dataset["time"].values).astype("datetime64[ns]")

    @cached_property
    def scan_names(self) -> NDArray[np.str_]:
        """Scan of each integration."""
        if "scan_name" not in self.dataset:
            return np.full(self.times.size, "")
        return np.broadcast_to(self.dataset["scan_name"].values.astype(str), self.times.shape)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Integrations of the chosen scan, up to the newest that is wanted."""
        wanted = np.ones(self.times.size, dtype=bool)
        if self.look.until is not None:
            wanted &= self.times <= self.look.until
        if self.look.scan is not None:
            wanted &= self.scan_names == self.look.scan
        return np.flatnonzero(wanted)

    def newest(self, count: int) -> NDArray[np.int64]:
        """The last integrations with data, all of one scan; fewer where there are no more."""
        found: list[int] = []
        for end in range(self.rows.size, 0, -_CHUNK):
            part = self.rows[max(0, end - _CHUNK) : end]
            present = part[self.has_data(part)]
            found = [*present[-count:].tolist(), *found][-count:]
            if len(found) == count:
                break
        if not found:
            return np.zeros(0, dtype=np.int64)
        last = self.scan_names[found[-1]]
        return np.array([row for row in found if self.scan_names[row] == last], dtype=np.int64)

    def has_data(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these integrations hold something that is chosen."""
        weight = self.weights(rows)
        return np.asarray((np.nan_to_num(weight, nan=1.0) != 0).any(axis=(1, 2, 3)))

    # --- values ------------------------------------------------------------------------------------

    def frequency(self, band: int) -> NDArray[np.float64]:
        """Channel centres of a band, Hz."""
        return self._frequencies[band]

    @cached_property
    def _frequencies(self) -> dict[int, NDArray[np.float64]]:
        stored = self.stored_bands
        table = np.asarray(self.dataset["frequency"].values, dtype=float).reshape(len(stored), -1)
        return {band: row[np.isfinite(row)] for band, row in zip(stored, table, strict=True)}

    def weights(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weights (time, baseline, band, polarization)."""
        return np.asarray(self._values("WEIGHT", rows, self.baselines, self.polarizations))

    def visibilities(self, rows: NDArray[np.int64]) -> NDArray[np.complex64]:
        """Visibilities (time, baseline, band, polarization, channel)."""
        return np.asarray(self._values("VISIBILITY", rows, self.baselines, self.polarizations))

    def powers(self, rows: NDArray[np.int64], antennas: Sequence[str]) -> dict[tuple[str, str], Any]:
        """Autocorrelations (time, band, channel) of antennas, by antenna and hand; those that are there."""
        places = {name: place for place, name in enumerate(self.names)}
        known = [name for name in antennas if f"{name}-{name}" in places]
        hands = [name for name in self.stored_hands if len(set(name)) == 1]
        autos = [Baseline(f"{name}-{name}", places[f"{name}-{name}"]) for name in known]
        if not autos or not hands:
            return {}
        values = np.abs(self._values("VISIBILITY", rows, autos, hands))
        return {
            (antenna, hand[0]): values[:, row, :, column]
            for row, antenna in enumerate(known)
            for column, hand in enumerate(hands)
        }

    def _values(
        self, name: str, rows: NDArray[np.int64], baselines: Sequence[Baseline], hands: Sequence[str]
    ) -> NDArray[Any]:
        variable = self.dataset.variables[name]
        variable = variable.isel({dim: 0 for dim in _BEHIND if dim in variable.dims})
        known = self.stored_hands
        needed = sorted({known.index(hand) for one in baselines for hand in _stored(one, hands, known)})
        read = variable.isel(
            time=rows,
            baseline=[one.place for one in baselines],
            band=[self.stored_bands.index(band) for band in self.bands],
            polarization=needed,
        )
        values = read.transpose("time", *_AXES, ...).values
        if not baselines:
            return np.zeros((rows.size, 0, len(self.bands), len(hands), *values.shape[4:]), values.dtype)
        if [known[place] for place in needed] == list(hands) and not any(one.is_turned for one in baselines):
            return np.asarray(values)
        shown = [self._as_shown(values[:, row], one, hands, needed) for row, one in enumerate(baselines)]
        return np.stack(shown, axis=1)

    def _as_shown(
        self, values: NDArray[Any], baseline: Baseline, hands: Sequence[str], needed: list[int]
    ) -> NDArray[Any]:
        """Values of one baseline (time, band, polarization, …) the way round in which it is shown."""
        if not baseline.is_turned:
            return values[:, :, [needed.index(self.stored_hands.index(hand)) for hand in hands]]
        swapped = [hand[::-1] for hand in hands]
        made = np.full((*values.shape[:2], len(hands), *values.shape[3:]), np.nan, values.dtype)
        for column, hand in enumerate(swapped):
            if hand in self.stored_hands:
                made[:, :, column] = np.conj(values[:, :, needed.index(self.stored_hands.index(hand))])
        return made


def _stored(baseline: Baseline, hands: Sequence[str], known: Sequence[str]) -> list[str]:
    """Products of the Dataset that those of a baseline are made of."""
    return [hand for hand in ([one[::-1] for one in hands] if baseline.is_turned else hands) if hand in known]


def is_auto(baseline: str) -> bool:
    """Whether a baseline is one antenna with itself."""
    first, _, second = baseline.partition("-")
    return first == second


def _towards(reference: str, name: str, place: int) -> Baseline:
    if name.split("-", 1)[0] == reference:
        return Baseline(name, place)
    return Baseline(turned_name(name), place, is_turned=True)


def _with_axes(dataset: xr.Dataset) -> xr.Dataset:
    """The Dataset with the axes that were chosen away, so that all have the same."""
    for name in ("time", *_AXES):
        if name not in dataset.dims:
            dataset = dataset.expand_dims(name)
    return dataset
