# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the fringe is, to a fraction of its width: zero-padded FFTs over channels and time, the highest point.

The grid is twice finer than the resolution of the data (four times where there is no time axis). Fourier
transforms over channels and time stop a fringe of the rate τ' at all frequencies as if they were ν₀, which is not
enough where the delay moves by τ'T of the order of its resolution 1/B, and their planes grow with the scan. Such
searches are cut into pieces of the rate window: in each the rate of its middle is stopped exactly, neighbouring
integrations are added up and what is left is searched. The cost of a long scan is thus that of its rate window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.fft is dear: it is loaded when it is used
from numpy.typing import NDArray

from difxnb.fringe.axes import Axes, Range

Floats = NDArray[np.float64]
Complexes = NDArray[np.complexfloating]

_PLANE = 2**21  # samples of the longest grid, before padding: its plane takes 64 MB
_MIGRATION = 0.5  # resolutions by which the delay may move unnoticed: costs 3 % of the amplitude at worst
_SCALLOP = 1 / 8  # turns between integrations that are added up: costs 3 % of the amplitude at worst
_AT_ONCE = 2**18  # samples of the planes that are searched together: they stay in the cache
_TURNED_AT_ONCE = 2**20  # samples
_MOST_CELLS = 2**24  # of a time grid: beyond it a search is not worth while


@dataclass(frozen=True, slots=True)
class Search:
    """A search planned: the rates of the middles of its pieces, and how many integrations each adds up."""

    axes: Axes
    delay: Range
    rate: Range
    centres: Floats
    half_width: float
    added: int

    def run(self, weighted: Complexes) -> tuple[Floats, Floats]:
        """Delay and rate of the highest point of each item."""
        step = max(1, _AT_ONCE // max(1, 4 * weighted[:1].size))
        parts = [self._run_items(weighted[i : i + step]) for i in range(0, len(weighted), step)]
        return np.concatenate([delay for delay, _ in parts]), np.concatenate([rate for _, rate in parts])

    def _run_items(self, weighted: Complexes) -> tuple[Floats, Floats]:
        count = len(weighted)
        best = np.full(count, -1.0)
        delay, rate = np.zeros(count), np.zeros(count)
        for centre in self.centres:
            height, here, here_rate = self._run_piece(weighted, float(centre))
            higher = height > best
            best, delay = np.where(higher, height, best), np.where(higher, here, delay)
            rate = np.where(higher, here_rate, rate)
        return delay, rate

    def _run_piece(self, weighted: Complexes, centre: float) -> tuple[Floats, Floats, Floats]:
        grid = self._grid(weighted, centre)
        cells, channels = grid.shape[1:]
        size = scipy.fft.next_fast_len(max(4, 2 * channels * (2 if cells == 1 else 1)))
        size_time = scipy.fft.next_fast_len(2 * cells) if cells > 1 else 1
        delays = self.delay.nearest(scipy.fft.fftfreq(size, self.axes.width))
        columns = _inside(delays, self.delay.low, self.delay.high, self.delay.period / size)
        plane = np.zeros((len(grid), size_time, size), dtype=grid.dtype)
        plane[:, :cells, :channels] = grid
        plane[:, :cells] = scipy.fft.fft(plane[:, :cells], axis=2, overwrite_x=True)
        if columns.size < size:
            plane = plane[:, :, columns]
        rates, rows = np.array([centre]), np.zeros(1, dtype=np.intp)
        if cells > 1:
            steps = scipy.fft.fftfreq(size_time, self.added * self.axes.spacing) / self.axes.middle_hz
            rates = centre + steps
            rows = _inside(steps, -self.half_width, self.half_width, abs(steps[1]))
            plane = scipy.fft.fft(plane, axis=1, overwrite_x=True)
            if rows.size < size_time:
                plane = plane[:, rows]
        height = np.abs(plane).reshape(len(plane), -1)
        place = height.argmax(axis=1)
        found = np.take_along_axis(height, place[:, None], axis=1)[:, 0]
        return found, delays[columns[place % columns.size]], rates[rows[place // columns.size]]

    def _grid(self, weighted: Complexes, centre: float) -> Complexes:
        """The visibilities on an even time grid, those of `added` integrations in a cell, the rate stopped."""
        axes = self.axes
        if axes.offset_s.size == 1:
            return weighted
        cell = _cells(axes) // self.added
        if centre == 0.0 and cell.size == cell[-1] + 1:
            return weighted
        grid = np.zeros((len(weighted), int(cell[-1]) + 1, weighted.shape[2]), dtype=weighted.dtype)
        step = max(1, _TURNED_AT_ONCE // max(1, weighted[:, 0].size))
        for start in range(0, cell.size, step):
            part = slice(start, start + step)
            turned = weighted[:, part]
            if centre != 0.0:
                turned = turned * _stop(axes, centre * axes.offset_s[part]).astype(weighted.dtype)
            used, first = np.unique(cell[part], return_index=True)
            grid[:, used] += np.add.reduceat(turned, first, axis=1)
        return grid


def plan_search(axes: Axes, delay: Range, rate: Range) -> Search:
    """Cut the rate window so that no piece moves the delay far nor needs a long grid."""
    if axes.offset_s.size <= 1:
        return Search(axes, delay, rate, np.zeros(1), 0.0, 1)
    cells = float(axes.offset_s[-1] - axes.offset_s[0]) / axes.spacing + 1
    if cells > _MOST_CELLS:
        raise ValueError(
            f"integrations {axes.spacing} s apart over {cells * axes.spacing:.0f} s are too many to search for one "
            "fringe; fit shorter lengths of time"
        )
    bandwidth = axes.width * axes.offset_hz.size
    half = (rate.high - rate.low) / 2
    most = min(half, _MIGRATION / (cells * axes.spacing * bandwidth))
    turn = axes.spacing * axes.middle_hz  # turns per integration of a unit rate
    grid = max(1.0, _PLANE / axes.offset_hz.size)
    if cells > grid:
        most = min(most, _SCALLOP / (np.ceil(cells / grid) * turn))
    pieces = int(np.ceil(half / most * (1 - 1e-12)))
    width = half / pieces
    centres = np.asarray(rate.low + width * (2 * np.arange(pieces) + 1), dtype=float)
    return Search(axes, delay, rate, centres, width, max(1, int(_SCALLOP / (width * turn) + 1e-9)))


def _stop(axes: Axes, delay: Floats) -> NDArray[np.complex128]:
    """Phasors (time, channel) that stop a delay that is another at each time."""
    first = np.exp(-2j * np.pi * np.remainder(delay * (axes.middle_hz + axes.offset_hz[0]), 1.0))
    # channels are evenly spaced: each doubling of the phasors that are known saves as many exponentials
    step = np.exp(-2j * np.pi * delay * axes.width)
    phasors = np.empty((delay.size, axes.offset_hz.size), dtype=np.complex128)
    phasors[:, 0] = first
    known = 1
    while known < phasors.shape[1]:
        more = min(known, phasors.shape[1] - known)
        phasors[:, known : known + more] = phasors[:, :more] * step[:, None]
        known, step = known + more, step**2
    return phasors


def _cells(axes: Axes) -> NDArray[np.int64]:
    """Place of each integration on an even time grid."""
    return np.asarray(np.rint((axes.offset_s - axes.offset_s[0]) / axes.spacing), dtype=np.int64)


def _inside(grid: Floats, low: float, high: float, step: float) -> NDArray[np.intp]:
    """Which points of a grid are nearest to something between two borders."""
    return np.asarray(np.flatnonzero((grid >= low - step / 2) & (grid <= high + step / 2)))
