# SPDX-License-Identifier: GPL-3.0-or-later
"""A scan so far in few cells of time, in which fringes add up.

In go integrations as they come, out come sums over at most `MOST` cells, whatever the length of the scan. When there
are too many, the fringe of each product is stopped with the rate that it has so far, V · exp(−2πi ν τ' (t − t₁)) with
t₁ the scan's first integration, and neighbours are added up; what comes later is stopped as it comes. As in fringe
rotation (A. R. Thompson, J. M. Moran, G. W. Swenson, Interferometry and Synthesis in Radio Astronomy, chapter 9) a
sum over a time T of a fringe whose rate is then still off by δ is weakened by sinc(ν δ T).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.visibility.axes import Axes
from difxnb.visibility.live.antenna_rates import rates_by_antennas
from difxnb.visibility.live.cube import places_on

Rates = NDArray[np.float64]
"""Delay rates (s/s) of the crosses, shape (center, bin, baseline, band, polarization)."""

MOST = 32
"""Cells of a scan."""

_BY_CELL = ("sums", "counts", "moments")
_FINE = 16  # channels that share a coarse phasor


@dataclass(frozen=True)
class LiveRow:
    """One integration of all products.

    Attributes
    ----------
    scan, source : str
    time_ns, step_ns : int
        Its middle, ns since 1970, and its length.
    axes : Axes
        Of the arrays.
    visibility : ndarray of complex64, shape (*axes.shape, channel)
    present : ndarray of bool, shape axes.shape
    layers : mapping of str to ndarray, shape axes.shape
        What else came with each product.
    """

    scan: str
    source: str
    time_ns: int
    step_ns: int
    axes: Axes
    visibility: NDArray[np.complex64]
    present: NDArray[np.bool_]
    layers: Mapping[str, NDArray[np.float64]]

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        layers = sum(layer.nbytes for layer in self.layers.values())
        return self.visibility.nbytes + self.present.nbytes + layers


class ScanCells:
    """Sums over cells of one scan; a spectrum with a channel that is no number is left out.

    Parameters
    ----------
    first : LiveRow
        The first integration, which is not added here.

    Attributes
    ----------
    axes : Axes
    crosses : int
        Baselines of `axes` that are no autocorrelations; they come first.
    scan, source : str
    first_ns, last_ns, step_ns : int
        Middles of the first and the last integration, and the length of one.
    spacing_ns : int
        Smallest spacing of integrations; 0 where there is but one.
    level : int
        A cell is as long as 2^level integrations.
    sums : ndarray of complex64, shape (cell, *axes.shape, channel)
        Of crosses, with the fringe stopped; rows beyond `len` are not used.
    counts : ndarray of float32, shape (cell, *axes.shape)
        Integrations in each sum.
    moments : ndarray of float64, shape (cell, *axes.shape)
        Sums of their times, seconds after the first integration.
    autos, auto_counts : ndarray
        Sums over the whole scan of what is no cross (real part), and integrations in them.
    rate : ndarray of float64, shape axes.shape of crosses
        Rates with which cells are stopped, about the first integration.
    """

    def __init__(self, first: LiveRow) -> None:
        self.scan, self.source, self.step_ns = first.scan, first.source, first.step_ns
        self.first_ns = self.last_ns = first.time_ns
        self.spacing_ns = self.level = 0
        self._numbers: list[int] = []
        self._times: list[tuple[float, int]] = []  # sum of seconds, and integrations, of each cell
        self._prepare(first.axes)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Mean times of the cells, after the first integration."""
        return np.array([total / count for total, count in self._times])

    @property
    def span_s(self) -> float:
        """From the first integration to the last."""
        return (self.last_ns - self.first_ns) / 1e9

    def _prepare(self, axes: Axes) -> None:
        """Empty arrays on these axes."""
        self.axes = axes
        self.crosses = sum(first != second for first, second in axes.baselines)
        bands = [axes.input.freqs[band] for band in axes.bands]
        self._first_hz = np.array([float(band.channel_frequencies_hz[0]) for band in bands])
        self._width_hz = np.array([abs(band.bandwidth_hz) / band.channels for band in bands])
        own = np.arange(axes.channels) < np.array([band.channels for band in bands])[:, None]
        self._own = None if own.all() else own[:, None, :]
        cross = (*axes.shape[:2], self.crosses, *axes.shape[3:])
        auto = (*axes.shape[:2], axes.shape[2] - self.crosses, *axes.shape[3:])
        self.sums = np.zeros((max(1, len(self)), *cross, axes.channels), np.complex64)
        self.counts = np.zeros(self.sums.shape[:-1], np.float32)
        self.moments = np.zeros(self.sums.shape[:-1])
        self.autos = np.zeros((*auto, axes.channels))
        self.auto_counts = np.zeros(auto, np.int64)
        self.rate = np.zeros(cross)
        self.layers: dict[str, NDArray[np.float64]] = {}

    def copy(self) -> ScanCells:
        """A copy that goes on by itself."""
        made = copy.copy(self)
        made._numbers, made._times = list(self._numbers), list(self._times)
        for name in _BY_CELL:
            setattr(made, name, getattr(self, name)[: len(self)].copy())
        made.autos, made.auto_counts = self.autos.copy(), self.auto_counts.copy()
        made.layers = {name: layer.copy() for name, layer in self.layers.items()}
        return made

    # --- adding ---------------------------------------------------------------------------------------

    def goes_on_with(self, row: LiveRow) -> bool:
        """Whether an integration is a later one of this scan."""
        return (row.scan, row.source) == (self.scan, self.source) and row.time_ns > self.last_ns

    def has_room(self, time_ns: int) -> bool:
        """Whether an integration can be added before neighbours are."""
        return len(self) < MOST or self._number(time_ns) == self._numbers[-1]

    def _number(self, time_ns: int) -> int:
        return round((time_ns - self.first_ns) / self.step_ns) >> self.level

    def add(self, row: LiveRow) -> None:
        """Add an integration, later than all before."""
        if row.axes.keys != self.axes.keys:
            self._move_onto(row.axes)
        cell = self._cell(row.time_ns)
        values, there = self._sound(row.visibility, row.present)
        cross, seconds = np.s_[:, :, : self.crosses], (row.time_ns - self.first_ns) / 1e9
        crosses = values[cross]
        if self.level:
            crosses = crosses * self._stopping(self.rate, seconds)
        self.sums[cell] += crosses
        self.counts[cell] += there[cross]
        self.moments[cell] += there[cross] * seconds
        self.autos += values[:, :, self.crosses :].real
        self.auto_counts += there[:, :, self.crosses :]
        for name, layer in row.layers.items():
            before = self.layers.get(name, np.nan)
            self.layers[name] = np.where(there[cross], layer[cross], before)

    def _cell(self, time_ns: int) -> int:
        """Place of the cell of an integration, made when it is new."""
        number, seconds = self._number(time_ns), (time_ns - self.first_ns) / 1e9
        if self._times:
            step = time_ns - self.last_ns
            self.spacing_ns = min(self.spacing_ns or step, step)
        self.last_ns = time_ns
        if self._numbers and self._numbers[-1] == number:
            total, count = self._times[-1]
            self._times[-1] = (total + seconds, count + 1)
            return len(self) - 1
        self._numbers.append(number)
        self._times.append((seconds, 1))
        if len(self) > len(self.sums):
            self._grow(max(len(self), min(MOST, 2 * len(self))))
        return len(self) - 1

    def _grow(self, rows: int) -> None:
        for name in _BY_CELL:
            array = getattr(self, name)
            larger = np.zeros((rows, *array.shape[1:]), array.dtype)
            larger[: len(array)] = array
            setattr(self, name, larger)

    def _sound(
        self, visibility: NDArray[np.complex64], present: NDArray[np.bool_]
    ) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
        """Spectra with 0 for what is missing, and which are there."""
        if self._own is not None:
            visibility = np.where(self._own, visibility, np.complex64(0))
        # a sum is finite where all channels are, and costs less than to look at each
        with np.errstate(invalid="ignore", over="ignore"):
            there = present & np.isfinite(visibility.sum(axis=-1))
        if not there.all():
            visibility = np.where(there[..., None], visibility, np.complex64(0))
        return visibility, there

    def _stopping(
        self, rate: NDArray[np.float64], seconds: float | NDArray[np.float64]
    ) -> NDArray[np.complex64]:
        """exp(−2πi ν τ' t) of all products, as a product of coarse and fine steps along the channels."""
        turns = -rate * seconds
        coarse = np.arange(0, self.axes.channels, _FINE)
        first, width = self._first_hz[:, None, None], self._width_hz[:, None, None]
        steps = _phasors(turns[..., None] * (first + width * coarse))
        fine = _phasors(turns[..., None] * (width * np.arange(_FINE)))
        made = (steps[..., :, None] * fine[..., None, :]).reshape(*rate.shape, -1)
        return made[..., : self.axes.channels]

    # --- fewer cells ----------------------------------------------------------------------------------

    def merge(self, rate: Rates) -> None:
        """Stop each product with a rate (shape of `rate`), and add neighbours up until half of the room is free."""
        change = rate - self.rate
        if change.any():
            for cell in range(len(self)):
                seconds = self.moments[cell] / np.maximum(self.counts[cell], 1)
                self.sums[cell] *= self._stopping(change, seconds)
            self.rate = rate
        while len(self) > MOST // 2:
            self._halve()

    def _halve(self) -> None:
        numbers = [number >> 1 for number in self._numbers]
        starts = [place for place, number in enumerate(numbers) if place == 0 or number != numbers[place - 1]]
        for place, (start, stop) in enumerate(zip(starts, [*starts[1:], len(numbers)], strict=True)):
            for array in (self.sums, self.counts, self.moments):
                array[place] = array[start:stop].sum(axis=0)
            totals, counts = zip(*self._times[start:stop], strict=True)
            self._times[place] = (sum(totals), sum(counts))
        for array in (self.sums, self.counts, self.moments):
            array[len(starts) :] = 0
        self._numbers, self._times = [numbers[start] for start in starts], self._times[: len(starts)]
        self.level += 1

    def _move_onto(self, axes: Axes) -> None:
        """Go on with axes that hold the same products and more."""
        before = copy.copy(self)
        self._prepare(axes)
        row = places_on(before.axes, axes)
        crosses, autos = row[2][: before.crosses], [at - self.crosses for at in row[2][before.crosses :]]
        cross, auto = (*row[:2], crosses, *row[3:]), (*row[:2], autos, *row[3:])
        channels = range(before.axes.channels)
        cells = range(len(self))
        self.sums[np.ix_(cells, *cross, channels)] = before.sums[: len(self)]
        self.counts[np.ix_(cells, *cross)] = before.counts[: len(self)]
        self.moments[np.ix_(cells, *cross)] = before.moments[: len(self)]
        known = np.zeros(self.rate.shape)
        known[np.ix_(*cross)] = before.counts[: len(self)].any(axis=0)
        self.rate[np.ix_(*cross)] = before.rate
        # what is new begins with the rate that its antennas have
        by_antenna = rates_by_antennas(axes.baselines[: self.crosses], self.rate, known)[..., None, None]
        self.rate = np.where((known > 0) | np.isnan(by_antenna), self.rate, by_antenna)
        if autos:
            self.autos[np.ix_(*auto, channels)] = before.autos
            self.auto_counts[np.ix_(*auto)] = before.auto_counts
        for name, layer in before.layers.items():
            self.layers[name] = np.full(self.rate.shape, np.nan)
            self.layers[name][np.ix_(*cross)] = layer


def _phasors(turns: NDArray[Any]) -> NDArray[np.complex64]:
    """Unit phasors, from turns of any size."""
    return np.asarray(np.exp(2j * np.pi * np.remainder(turns, 1.0)), dtype=np.complex64)
