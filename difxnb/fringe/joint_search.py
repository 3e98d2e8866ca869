# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the highest point of a joint fit lies, roughly: weighted visibilities of all bands in, delay and rate out.

Each band is searched by a zero-padded FFT as if it were alone. On that coarse grid of delay and rate the
bands of a group are then added with the phases that they have at each of the fine delays between two coarse
ones. What a coarse cell can give at most is known beforehand, from |Σ p S|²/Σ p W ≤ Σ p |S|²/W (Cauchy and
Schwarz; S sum and W weight of a band, p one over its σ²), so that only cells are looked into that can beat
the best one found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from difxnb.fringe.joint_band import Band

Floats = NDArray[np.float64]
Samples = NDArray[np.complex64]
Window = tuple[float, float]

TIME_CELLS = 1024  # longer scans are searched on a coarser time grid; the refinement uses every integration
_OVERSAMPLING = 3  # points of the coarse grid per resolution
_PIECE = 2**20  # fine points that are computed at once


@dataclass(frozen=True, slots=True)
class SearchGrid:
    """Coarse cells of rate and delay, and fine delays around the middle of each.

    Attributes
    ----------
    rate, delay, fine : ndarray
        Middles of the cells; offsets from the middle of a delay cell (a single 0 where no bands are coherent).
    delay_window : (float, float)
    cells : ndarray of int, shape (time,)
        Place of each integration on an even time grid.
    spacing, start : float
        Of that grid, s.
    """

    rate: Floats
    delay: Floats
    fine: Floats
    delay_window: Window
    cells: NDArray[np.int64]
    spacing: float
    start: float


def search_grid(
    bands: list[Band], group: NDArray[np.int64], time: Floats, delay_window: Window, rate_window: Window
) -> SearchGrid:
    """The grid for these bands, finer than the resolution of the widest band and of the whole scan."""
    spacing = time_spacing(time)
    cells = np.rint((time - time[0]) / spacing).astype(np.int64)
    highest = max(float(band.frequency[-1]) for band in bands)
    length = spacing * (int(cells[-1]) + 1)
    rate = _points(rate_window, 1 / (_OVERSAMPLING * length * highest)) if time.size > 1 else np.zeros(1)
    step = 1 / (_OVERSAMPLING * max(band.bandwidth for band in bands))
    delay = _points(delay_window, step)
    spans = [
        np.ptp([b.middle_hz for b, g in zip(bands, group, strict=True) if g == one]) for one in set(group)
    ]
    step = float(delay[1] - delay[0]) if delay.size > 1 else delay_window[1] - delay_window[0]
    count = int(np.ceil(step * 2 * _OVERSAMPLING * max(spans)))
    fine = ((np.arange(count) + 0.5) / count - 0.5) * step if count > 1 else np.zeros(1)
    return SearchGrid(rate, delay, fine, delay_window, cells, spacing, float(time[0]))


def time_spacing(time: Floats) -> float:
    """Spacing, s, of the even time grid that the search runs on."""
    if time.size < 2:
        return 1.0
    return max(float(np.diff(time).min()), float(time[-1] - time[0]) / (TIME_CELLS - 1))


def _points(window: Window, step: float) -> Floats:
    """Middles of cells no wider than `step` that fill a window."""
    count = max(1, int(np.ceil((window[1] - window[0]) / step)))
    return np.asarray(window[0] + (np.arange(count) + 0.5) * ((window[1] - window[0]) / count), dtype=float)


def coarse_plane(weighted: Samples, band: Band, grid: SearchGrid) -> Samples:
    """Sums S of one band (item, rate, delay), its fringe stopped about the middle of the band."""
    count, _, channels = weighted.shape
    stack = weighted
    if not np.array_equal(grid.cells, np.arange(weighted.shape[1])):
        stack = np.zeros((count, int(grid.cells[-1]) + 1, channels), dtype=np.complex64)
        for integration, cell in enumerate(grid.cells):
            stack[:, cell] += weighted[:, integration]
    size = scipy.fft.next_fast_len(4 * channels)
    size_time = 1 if stack.shape[1] == 1 else scipy.fft.next_fast_len(4 * stack.shape[1])
    plane = scipy.fft.fft2(stack, s=(size_time, size))
    place = np.rint(grid.delay * (size * band.width)).astype(np.int64)
    turns = place * ((channels - 1) / (2 * size))
    middle = (band.frequency[0] + band.frequency[-1]) / 2
    place_time = np.rint(grid.rate * (middle * size_time * grid.spacing)).astype(np.int64)
    turns_time = -place_time * (grid.start / (size_time * grid.spacing))
    chosen = plane[:, (place_time % size_time)[:, None], place % size]
    phasors = np.exp(2j * np.pi * (turns_time[:, None] + turns))
    return np.asarray(chosen * phasors.astype(np.complex64))


def search(
    planes: Samples, strength: Floats, middle_hz: Floats, group: NDArray[np.int64], grid: SearchGrid
) -> tuple[Floats, Floats]:
    """Delay and rate of the highest point of Σ_g |Σ_b √(p W) P|²/Σ_b p W.

    Parameters
    ----------
    planes : ndarray, shape (block, item, rate, delay)
        P = S √(p/W): what :func:`coarse_plane` gives, turned by the phase that each block is said to have.
    strength : ndarray, shape (item, block)
        p W; 0 for a block without data.
    middle_hz : ndarray, shape (block,)
        Middles of the bands less the reference frequency.
    group : ndarray of int, shape (block,)
        Group of each block.
    grid : SearchGrid
        Where to look.
    """
    flat = planes.reshape(*planes.shape[:2], -1)
    bound = np.zeros(flat.shape[1:], dtype=np.float32)
    for values in flat:
        bound += values.real**2 + values.imag**2
    best_cell = bound.argmax(axis=1)
    delays = grid.delay.size
    if grid.fine.size == 1:
        return grid.delay[best_cell % delays], grid.rate[best_cell // delays]
    inside = _FineSum(flat, strength, middle_hz, group, grid)
    height, fine = inside.highest(np.arange(len(best_cell)), best_cell)
    step = max(1, _PIECE // grid.fine.size)
    for one in range(len(best_cell)):
        cells = np.flatnonzero(bound[one] > height[one])
        cells = cells[np.argsort(-bound[one, cells], kind="stable")]
        for start in range(0, cells.size, step):
            some = cells[start : start + step]
            some = some[bound[one, some] > height[one]]
            if some.size == 0:
                break
            there, where = inside.highest(np.full(some.size, one), some)
            top = there.argmax()
            if there[top] > height[one]:
                height[one], best_cell[one], fine[one] = there[top], some[top], where[top]
    return grid.delay[best_cell % delays] + grid.fine[fine], grid.rate[best_cell // delays]


class _FineSum:
    """The objective at the fine delays within coarse cells."""

    def __init__(
        self, flat: Samples, strength: Floats, middle_hz: Floats, group: NDArray[np.int64], grid: SearchGrid
    ) -> None:
        self.flat, self.grid, self.middle_hz = flat, grid, middle_hz
        self.members = [np.flatnonzero(group == one) for one in range(int(group.max()) + 1)]
        total = np.stack([strength[:, members].sum(axis=1) for members in self.members], axis=1)[:, group]
        self.share = np.sqrt(np.divide(strength, total, out=np.zeros_like(strength), where=total > 0))
        self.phasors = np.exp(-2j * np.pi * np.outer(middle_hz, grid.fine)).astype(np.complex64)

    def highest(self, item: NDArray[np.int64], cell: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
        """Height and fine place of the highest point of each of these cells."""
        delay = self.grid.delay[cell % self.grid.delay.size]
        power = np.zeros((item.size, self.grid.fine.size), dtype=np.float32)
        for members in self.members:
            turned = (
                np.exp(-2j * np.pi * np.outer(delay, self.middle_hz[members])) * self.share[item][:, members]
            )
            sums = (self.flat[members[:, None], item, cell].T * turned.astype(np.complex64)) @ self.phasors[
                members
            ]
            power += sums.real**2 + sums.imag**2
        place = power.argmax(axis=1)
        return power[np.arange(item.size), place].astype(float), place.astype(np.int64)
