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
import scipy  # scipy.fft is dear: it is loaded when it is used
from numpy.typing import NDArray

from difxnb.fringe.joint.band import Band

Floats = NDArray[np.float64]
Samples = NDArray[np.complex64]
Window = tuple[float, float]

TIME_CELLS = 1024  # longer scans are searched on a coarser time grid; the refinement uses every integration
_OVERSAMPLING = 2  # points of the coarse grid per resolution
_PIECE = 2**20  # fine points that are computed at once
_FIRST = 2**8  # cells that are looked into first
_PRODUCT = 2**16  # products of a matrix that no library divides among threads


@dataclass(frozen=True, slots=True)
class SearchGrid:
    """Coarse cells of rate and delay, and fine delays around the middle of each.

    Attributes
    ----------
    rate, delay, fine : ndarray
        Middles of the cells, evenly spaced; offsets from the middle of a delay cell (a single 0 where no bands are
        coherent).
    rate_step, delay_step : float
    delay_window : (float, float)
    cells : ndarray of int, shape (time,)
        Place of each integration on an even time grid.
    spacing, start : float
        Of that grid, s.
    """

    rate: Floats
    delay: Floats
    fine: Floats
    rate_step: float
    delay_step: float
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
    widest = max(bands, key=lambda band: band.bandwidth)
    step = 1 / (scipy.fft.next_fast_len(_OVERSAMPLING * widest.frequency.size) * widest.width)
    highest = max(_sky(band) for band in bands)
    step_rate = 1 / (scipy.fft.next_fast_len(_OVERSAMPLING * (int(cells[-1]) + 1)) * spacing * highest)
    spans = [
        np.ptp([b.middle_hz for b, g in zip(bands, group, strict=True) if g == one]) for one in set(group)
    ]
    count = int(np.ceil(step * 2 * _OVERSAMPLING * max(spans)))
    return SearchGrid(
        rate=_points(rate_window, step_rate) if time.size > 1 else np.zeros(1),
        delay=_points(delay_window, step),
        fine=((np.arange(count) + 0.5) / count - 0.5) * step if count > 1 else np.zeros(1),
        rate_step=step_rate,
        delay_step=step,
        delay_window=delay_window,
        cells=cells,
        spacing=spacing,
        start=float(time[0]),
    )


def time_spacing(time: Floats) -> float:
    """Spacing, s, of the even time grid that the search runs on."""
    if time.size < 2:
        return 1.0
    return max(float(np.diff(time).min()), float(time[-1] - time[0]) / (TIME_CELLS - 1))


def _points(window: Window, step: float) -> Floats:
    """Middles of the cells of this width that cover a window, as many on either side."""
    count = max(1, int(np.ceil((window[1] - window[0]) / step * (1 - 1e-9))))
    return np.asarray((window[0] + window[1]) / 2 + (np.arange(count) - (count - 1) / 2) * step, dtype=float)


def _sky(band: Band) -> float:
    """Frequency of the middle of a band, Hz."""
    return float(band.frequency[0] + band.frequency[-1]) / 2


@dataclass(frozen=True, slots=True)
class CoarsePlane:
    """Sums S of one band on the coarse grid, without the phasors that refer them to the middles of band and scan.

    Attributes
    ----------
    sums : ndarray, shape (item, rate, delay)
    turn_rate, turn_delay : ndarray, shape (rate,) and (delay,)
        Phasors; the second also refers to the reference frequency for a delay in the middle of the cell.
    """

    sums: Samples
    turn_rate: Samples
    turn_delay: Samples


def coarse_plane(weighted: Samples, band: Band, grid: SearchGrid) -> CoarsePlane:
    """Search one band as if it were alone."""
    stack = weighted
    if not np.array_equal(grid.cells, np.arange(weighted.shape[1])):
        stack = np.zeros((len(weighted), int(grid.cells[-1]) + 1, weighted.shape[2]), dtype=np.complex64)
        for integration, cell in enumerate(grid.cells):
            stack[:, cell] += weighted[:, integration]
    size, place = _places(stack.shape[2], band.width * grid.delay_step, grid.delay.size)
    turns = band.width * grid.delay[0] * np.arange(stack.shape[2])
    plane = _zoom(stack * _phasors(-turns), size, place, 2)
    delay = grid.delay[0] + place / (size * band.width)
    turn_delay = _phasors(delay * band.width * (stack.shape[2] - 1) / 2 - grid.delay * band.middle_hz)
    if stack.shape[1] == 1:
        return CoarsePlane(plane, np.ones(1, dtype=np.complex64), turn_delay)
    sky = _sky(band)
    size, place = _places(stack.shape[1], grid.spacing * grid.rate_step * sky, grid.rate.size)
    turns = grid.spacing * sky * grid.rate[0] * np.arange(stack.shape[1])
    plane = _zoom(plane * _phasors(-turns)[:, None], size, place, 1)
    turn_rate = _phasors(-grid.start * (sky * grid.rate[0] + place / (size * grid.spacing)))
    return CoarsePlane(plane, turn_rate, turn_delay)


def _places(count: int, turns: float, wanted: int) -> tuple[int, NDArray[np.int64]]:
    """Length of an FFT of `count` samples, and which of its points lie so many turns per sample apart."""
    size = scipy.fft.next_fast_len(max(_OVERSAMPLING * count, round(1 / turns)))
    if abs(turns * size - 1) > 1e-6:
        size = scipy.fft.next_fast_len(_OVERSAMPLING * count)  # the nearest point has to do
    return size, np.rint(np.arange(wanted) * (turns * size)).astype(np.int64)


def _zoom(stack: Samples, size: int, place: NDArray[np.int64], axis: int) -> Samples:
    """FFT along an axis, of which some points are kept."""
    plane = scipy.fft.fft(stack, n=size, axis=axis, overwrite_x=True)
    if np.array_equal(place, np.arange(size)):
        return np.asarray(plane)
    return np.asarray(plane.take(place % size, axis=axis))


def _phasors(turns: Floats) -> Samples:
    return np.asarray(np.exp(2j * np.pi * (turns - np.rint(turns))), dtype=np.complex64)


def search(
    planes: list[CoarsePlane],
    strength: Floats,
    middle_hz: Floats,
    group: NDArray[np.int64],
    grid: SearchGrid,
) -> tuple[Floats, Floats]:
    """Delay and rate of the highest point of Σ_g |Σ_b √(p W) P|²/Σ_b p W.

    Parameters
    ----------
    planes : list of CoarsePlane
        Of P = S √(p/W) for each block, with the phase taken out that the block is said to have.
    strength : ndarray, shape (item, block)
        p W; 0 for a block without data.
    middle_hz : ndarray, shape (block,)
        Middles of the bands less the reference frequency.
    group : ndarray of int, shape (block,)
        Group of each block.
    grid : SearchGrid
        Where to look.
    """
    flat = [plane.sums.reshape(len(strength), -1) for plane in planes]
    bound = np.zeros(flat[0].shape, dtype=np.float32)
    for values in flat:
        bound += values.real**2
        bound += values.imag**2
    best_cell = bound.argmax(axis=1)
    delays = grid.delay.size
    if grid.fine.size == 1:
        return grid.delay[best_cell % delays], grid.rate[best_cell // delays]
    inside = _FineSum(planes, strength, middle_hz, group, grid)
    height, fine = inside.highest(np.arange(len(best_cell)), best_cell)
    pieces = _pieces(delays * grid.rate.size, max(1, _PIECE // grid.fine.size))
    for one in range(len(best_cell)):
        cells = np.flatnonzero(bound[one] > height[one])
        cells = cells[np.argsort(-bound[one, cells], kind="stable")]
        for piece in pieces:
            some = cells[piece]
            some = some[bound[one, some] > height[one]]
            if some.size == 0:
                break
            there, where = inside.highest(np.full(some.size, one), some)
            top = there.argmax()
            if there[top] > height[one]:
                height[one], best_cell[one], fine[one] = there[top], some[top], where[top]
    return grid.delay[best_cell % delays] + grid.fine[fine], grid.rate[best_cell // delays]


def _pieces(count: int, most: int) -> list[slice]:
    """Parts of so many cells, few at first: the best of them are likely the best of all and spare the rest."""
    found, start, size = [], 0, min(_FIRST, most)
    while start < count:
        found.append(slice(start, start + size))
        start, size = start + size, min(4 * size, most)
    return found


class _FineSum:
    """The objective at the fine delays within coarse cells."""

    def __init__(
        self,
        planes: list[CoarsePlane],
        strength: Floats,
        middle_hz: Floats,
        group: NDArray[np.int64],
        grid: SearchGrid,
    ) -> None:
        self.planes, self.grid = planes, grid
        self.members = [np.flatnonzero(group == one) for one in range(int(group.max()) + 1)]
        total = np.stack([strength[:, members].sum(axis=1) for members in self.members], axis=1)[:, group]
        self.share = np.sqrt(np.divide(strength, total, out=np.zeros_like(strength), where=total > 0))
        self.phasors = _phasors(-np.multiply.outer(middle_hz, grid.fine))

    def highest(self, item: NDArray[np.int64], cell: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
        """Height and fine place of the highest point of each of these cells that lies in the window."""
        rate, delay = np.divmod(cell, self.grid.delay.size)
        power = np.zeros((item.size, self.grid.fine.size), dtype=np.float32)
        for members in self.members:
            values = np.empty((item.size, members.size), dtype=np.complex64)
            for column, block in enumerate(members):
                plane = self.planes[block]
                turned = plane.sums[item, rate, delay] * plane.turn_rate[rate] * plane.turn_delay[delay]
                values[:, column] = turned * self.share[item, block].astype(np.float32)
            sums = _product(values, self.phasors[members])
            power += sums.real**2 + sums.imag**2
        low, high = self.grid.delay_window
        fine = self.grid.delay[delay, None] + self.grid.fine
        power[(fine < low) | (fine > high)] = -1
        place = power.argmax(axis=1)
        return power[np.arange(item.size), place].astype(float), place.astype(np.int64)


def _product(values: Samples, phasors: Samples) -> Samples:
    """Product of matrices, some rows at a time: a large one would start threads of its own beside ours."""
    rows = max(1, _PRODUCT // phasors.size)
    batches = -(-len(values) // rows)
    padded = np.zeros((batches * rows, values.shape[1]), dtype=values.dtype)
    padded[: len(values)] = values
    product = np.matmul(padded.reshape(batches, rows, -1), phasors)
    return np.asarray(product.reshape(batches * rows, -1)[: len(values)])
