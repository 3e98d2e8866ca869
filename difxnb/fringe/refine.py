# SPDX-License-Identifier: GPL-3.0-or-later
"""From the highest point of the search to the maximum of |S|²: Newton's method on ln|S|².

ln|S|² is concave over the main lobe. Far from the maximum the method works on averages over cells of channels and
integrations, stopped at what the search found, within which the phase hardly turns; the last step is made with all
samples and leaves nothing of the cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.axes import Axes, Range
from difxnb.fringe.samples import Samples

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_CELLS = 12  # along either axis: what the search leaves turns the phase by an eighth of a radian in a cell
_STEPS = 5  # from a quarter of a resolution to rounding; convergence is quadratic
_AT_ONCE = 2**19  # sums over sub-bands that are held at a time
_FARTHEST = 0.25  # half a turn over the half span is more than the search can have been wrong


@dataclass(frozen=True, slots=True)
class Peak:
    """The maximum of |S|² of each item: delay (s, at t₀), rate, and the complex sum S there."""

    delay: Floats
    rate: Floats
    total: Complexes


class Refinement:
    """What all items of a fit share while peaks are refined."""

    def __init__(self, axes: Axes, delay: Range, rate: Range) -> None:
        self.axes, self.delay, self.rate = axes, delay, rate
        moved = max(abs(rate.low), abs(rate.high)) * np.ptp(axes.offset_s) if axes.offset_s.size else 0.0
        turns = moved * axes.width * axes.offset_hz.size
        # where the rate moves the delay far, narrower sub-bands keep the phase within each from turning
        bands = max(_CELLS, int(np.ceil(_CELLS * turns)))
        channels = axes.offset_hz.size
        self.width = max(1, channels // bands)
        starts = np.arange(0, channels, self.width)
        self.middles = np.add.reduceat(axes.offset_hz, starts) / np.diff(np.append(starts, channels))
        self.migrates = bands > _CELLS
        self.cell, self.cell_times = _time_cells(axes.offset_s)

    def run(self, samples: Samples, delay: Floats, rate: Floats, has_rate: NDArray[np.bool_]) -> Peak:
        """Refine what the search found."""
        rate = np.where(has_rate, rate, 0.0)
        cells = self._cells(samples.weighted, delay, rate)
        delay, rate = self._climb(cells, delay, rate, has_rate)
        delay, rate = self.delay.nearest(delay), np.where(has_rate, self.rate.nearest(rate), 0.0)
        moments = self._moments(samples.weighted, delay, rate)
        new, new_rate = self._step(moments, delay, rate, has_rate)
        return Peak(new, new_rate, self._carried(moments, new - delay, new_rate - rate))

    def _sub_bands(self, weighted: NDArray[np.complexfloating], phasors: Complexes, powers: int) -> Complexes:
        """Σ over each sub-band of f^k times what the phasors stop, (item, time, sub-band, k < powers).

        f counts from the middle of the sub-band in the unit of the frequencies.
        """
        count, integrations, channels = weighted.shape
        whole = channels // self.width
        sums = []
        for first, bands, size in ((0, whole, self.width), (whole * self.width, 1, channels % self.width)):
            if bands == 0 or size == 0:
                continue
            part = slice(first, first + bands * size)
            offset = self.axes.offset_hz[:size] - self.axes.offset_hz[:size].mean()
            scaled = (offset / self.axes.units[0])[:, None] ** np.arange(powers)
            turned = phasors[:, part].reshape(count, bands, size, 1) * scaled
            cut = weighted[:, :, part].reshape(count, integrations, bands, size).transpose(0, 2, 1, 3)
            sums.append(np.matmul(cut, turned.astype(weighted.dtype)).transpose(0, 2, 1, 3))
        return np.concatenate(sums, axis=2).astype(np.complex128)

    def _parts(self, count: int) -> list[slice]:
        """The integrations in parts that bound what is needed at a time."""
        step = max(1, _AT_ONCE // (count * self.middles.size))
        return [slice(start, start + step) for start in range(0, self.axes.offset_s.size, step)]

    def _cells(self, weighted: NDArray[np.complexfloating], delay: Floats, rate: Floats) -> Complexes:
        """Sums over cells (item, time, sub-band), stopped at the given delay and rate."""
        phasors = stop_delay(delay, self.axes.offset_hz)
        cells = np.zeros((len(delay), self.cell_times.size, self.middles.size), dtype=np.complex128)
        for part in self._parts(len(delay)):
            sums = self._sub_bands(weighted[:, part], phasors, 1)[..., 0]
            sums *= stop_rate(rate, self.axes, part, self.middles)
            used, first = np.unique(self.cell[part], return_index=True)
            cells[:, used] += np.add.reduceat(sums, first, axis=1)
        return cells

    def _climb(
        self, cells: Complexes, delay: Floats, rate: Floats, has_rate: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Newton's method with cells that are stopped at (delay, rate)."""
        frequency = self.axes.middle_hz + self.middles
        unit, unit_rate = self.axes.units
        first = np.broadcast_to(self.middles / unit, cells.shape[1:]).ravel()
        second = (self.cell_times[:, None] * frequency / unit_rate).ravel()
        basis = np.stack([np.ones_like(first), first, second, first**2, first * second, second**2], axis=1)
        flat, moments = cells.reshape(len(cells), -1), basis.astype(np.complex128)
        here, here_rate = delay, rate
        for _ in range(_STEPS):
            moved, moved_rate = (here - delay) * unit, (here_rate - rate) * unit_rate
            turns = moved[:, None] * first + moved_rate[:, None] * second
            # an item at a time: a product of large matrices would start threads of its own beside ours
            sums = np.matmul((flat * np.exp(-2j * np.pi * turns))[:, np.newaxis], moments)[:, 0]
            here, here_rate = self._step(sums, here, here_rate, has_rate)
        return here, here_rate

    def _step(
        self, sums: Complexes, delay: Floats, rate: Floats, has_rate: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """One step of Newton's method from six moments of each item, kept within the windows."""
        unit, unit_rate = self.axes.units
        gradient, curvature = _derivatives(sums)
        free = ~_outward(self.delay, delay, gradient[:, 0])
        free_rate = has_rate & ~_outward(self.rate, rate, gradient[:, 1])
        move, move_rate = _newton(gradient, curvature, free, free_rate)
        return self.delay.confine(delay + move / unit), np.where(
            has_rate, self.rate.confine(rate + move_rate / unit_rate), rate
        )

    def _moments(self, weighted: NDArray[np.complexfloating], delay: Floats, rate: Floats) -> Complexes:
        """The six moments of all samples: Σ w V exp(…) times 1, f, s, f², f s, s²."""
        phasors = stop_delay(delay, self.axes.offset_hz)
        # from sums of powers about the middles m of the sub-bands to those about ν₀: (m + f)² = m² + 2 m f + f²
        one, m = np.ones_like(self.middles), self.middles / self.axes.units[0]
        shift = np.array([[one, m, m**2], [0 * one, one, 2 * m], [0 * one, 0 * one, one]])
        shift = shift.transpose(2, 0, 1).reshape(-1, 3).astype(np.complex128)
        along = np.empty((*weighted.shape[:2], 3), dtype=np.complex128)
        for part in self._parts(len(delay)):
            sums = self._sub_bands(weighted[:, part], phasors, 3)
            sums *= stop_rate(rate, self.axes, part, self.middles)[..., None]
            along[:, part] = np.matmul(sums.reshape(*sums.shape[:2], -1), shift)
        return np.asarray(combined_moments(along, self.axes), dtype=np.complex128)

    def _carried(self, sums: Complexes, moved: Floats, moved_rate: Floats) -> Complexes:
        """S at a place that near, by its Taylor series."""
        unit, unit_rate = self.axes.units
        x, y = -2j * np.pi * moved * unit, -2j * np.pi * moved_rate * unit_rate
        first = x * sums[:, 1] + y * sums[:, 2]
        second = x**2 * sums[:, 3] + 2 * x * y * sums[:, 4] + y**2 * sums[:, 5]
        return np.asarray(sums[:, 0] + first + second / 2)


def stop_delay(delay: Floats, offset_hz: Floats) -> Complexes:
    """Phasors (item, channel) that stop a delay."""
    return np.asarray(np.exp(-2j * np.pi * delay[:, None] * offset_hz))


def stop_rate(rate: Floats, axes: Axes, part: slice, offset_hz: Floats) -> Complexes:
    """Phasors (item, time, frequency) that stop a rate, for a part of the integrations."""
    turns = axes.offset_s[part, None] * (axes.middle_hz + offset_hz)
    return np.asarray(np.exp(-2j * np.pi * rate[:, None, None] * turns))


def _time_cells(offset_s: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Cell of each integration, and the mean times of the cells."""
    if offset_s.size < 2:
        return np.zeros(offset_s.size, dtype=np.intp), offset_s
    span = float(np.ptp(offset_s))
    cell = np.minimum(((offset_s - offset_s[0]) / span * _CELLS).astype(np.intp), _CELLS - 1)
    cell = np.unique(cell, return_inverse=True)[1]
    return cell, np.bincount(cell, weights=offset_s) / np.bincount(cell)


def combined_moments(along: NDArray[np.inexact], axes: Axes) -> NDArray[np.inexact]:
    """Moments 1, f, s, f², f s, s² (item, 6) from sums of f^k over channels (item, time, 3).

    f is ν − ν₀ and s is ν (t − t₀), in their units.
    """
    unit, unit_rate = axes.units
    slope = unit / unit_rate  # s = t (ν₀/unit_rate + f slope)
    base = axes.middle_hz / unit_rate
    time = axes.offset_s
    zero, one, two = along[..., 0], along[..., 1], along[..., 2]
    return np.stack(
        [
            zero.sum(axis=1),
            one.sum(axis=1),
            (base * zero + slope * one) @ time,
            two.sum(axis=1),
            (base * one + slope * two) @ time,
            (base**2 * zero + 2 * base * slope * one + slope**2 * two) @ time**2,
        ],
        axis=1,
    )


def _derivatives(sums: Complexes) -> tuple[Floats, Floats]:
    """Gradient (item, 2) and curvatures (item, 3: dd, dr, rr) of ln|S|² from the six moments."""
    total = sums[:, :1]
    relative = np.divide(sums, total, out=np.zeros_like(sums), where=total != 0)
    gradient = 2 * np.real(-2j * np.pi * relative[:, 1:3])
    pairs = ((3, 1, 1), (4, 1, 2), (5, 2, 2))
    curvature = [
        -8 * np.pi**2 * np.real(relative[:, k] - relative[:, i] * relative[:, j]) for k, i, j in pairs
    ]
    return gradient, np.stack(curvature, axis=1)


def _outward(window: Range, value: Floats, gradient: Floats) -> NDArray[np.bool_]:
    """Which values lie on a border of the window and would leave it."""
    if window.whole:
        return np.zeros(value.shape, dtype=bool)
    return np.asarray(((value <= window.low) & (gradient < 0)) | ((value >= window.high) & (gradient > 0)))


def _newton(
    gradient: Floats, curvature: Floats, free: NDArray[np.bool_], free_rate: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Step of (delay, rate) in the scaled units; each alone where both together make no maximum."""
    (slope, slope_rate), (curve, twist, curve_rate) = gradient.T, curvature.T
    determinant = curve * curve_rate - twist**2
    joint = free & free_rate & (determinant > 0) & (curve < 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(free & (curve < 0), -slope / curve, 0.0)
        alone_rate = np.where(free_rate & (curve_rate < 0), -slope_rate / curve_rate, 0.0)
        both = (twist * slope_rate - curve_rate * slope) / determinant
        both_rate = (twist * slope - curve * slope_rate) / determinant
    step, step_rate = np.where(joint, both, alone), np.where(joint, both_rate, alone_rate)
    return np.clip(step, -_FARTHEST, _FARTHEST), np.clip(step_rate, -_FARTHEST, _FARTHEST)
