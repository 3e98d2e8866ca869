# SPDX-License-Identifier: GPL-3.0-or-later
"""The maximum of a joint fit to a fraction of its error: sums of stopped visibilities in cells in, offsets out.

The objective is F = Σ_g |S_g|²/N_g with S_g = Σ_b p_b S_b and N_g = Σ_b p_b W_b (definitions: ``joint/__init__.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.joint.band import Cells

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]

_STEPS = 5  # of Newton's method, from a sixteenth of a turn to rounding
_OVERSAMPLING = 16  # of the delay scan, per turn of the widest pair of bands
_CANDIDATES = 3  # maxima of the delay scan that are compared once they are refined
_LARGEST = 0.1  # step, in turns over half the span of what is fitted
_SCANNED = 2**21  # points (item, group, delay) at once


class Sums:
    """Cells of all blocks of some items, put together so that groups can be added.

    Parameters
    ----------
    cells : list of Cells
        One for each block.
    turned : ndarray of complex, shape (item, block)
        p times the phasor that takes the phase of the block out.
    strength : ndarray, shape (item, block)
        p W; 0 for a block without data.
    group : ndarray of int, shape (block,)
    """

    def __init__(
        self, cells: list[Cells], turned: Complexes, strength: Floats, group: NDArray[np.int64]
    ) -> None:
        self.cells, self.group, self.turned = cells, group, turned
        self.norm = strength @ np.eye(int(group.max()) + 1)[group]
        middles = [float(cell.offset_hz.mean()) for cell in cells]
        # |S_g| does not change with the frequency that phases of a group are referred to
        self.origin = np.array(
            [np.mean([m for m, g in zip(middles, group, strict=True) if g == one]) for one in group]
        )
        self.relative = [cell.offset_hz - middle for cell, middle in zip(cells, self.origin, strict=True)]
        self.span = max(float(np.abs(offset).max()) for offset in self.relative)
        self.length = max(float(np.abs(cells[0].time).max()), 1e-9)
        self.frequency = max(float(cell.frequency[-1]) for cell in cells)
        self._concatenate()

    def _concatenate(self) -> None:
        """Put the cells of all blocks into one row each item, those of a group beside each other."""
        self.order = np.argsort(self.group, kind="stable")
        flat = [self.cells[b].sums.reshape(len(self.norm), -1) * self.turned[:, b, None] for b in self.order]
        self.values = np.concatenate(flat, axis=1)
        self.starts = np.cumsum([0, *(one.shape[1] for one in flat)])
        pairs = [self._coordinates(block) for block in self.order]
        self.first, self.second = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
        one, x, y = np.ones_like(self.first), self.first, self.second
        self.basis = np.stack([one, x, y, x**2, x * y, y**2])
        units = self.span, self.length * self.frequency
        self.beside = np.stack([cell.beside for cell in self.cells], axis=1) / units * self.turned[..., None]
        self.middles = np.array([offset.mean() for offset in self.relative])

    def refine(
        self, has_rate: Flags, low: tuple[Floats, Floats], high: tuple[Floats, Floats], start: Floats
    ) -> tuple[Floats, Floats]:
        """Offsets of delay and rate at the maximum near delays `start`, none beyond `low` and `high` (delay, rate)."""
        delay, rate = np.clip(start, low[0], high[0]), np.clip(np.zeros_like(start), low[1], high[1])
        for _ in range(_STEPS):
            both, alone = _newton_steps(*self._derivatives(delay, rate), has_rate)
            units = self.span, self.length * self.frequency
            to, to_rate = delay + both[0] / units[0], rate + both[1] / units[1]
            # where one of the two is held by its border the other one goes to its own maximum
            held = (to_rate < low[1]) | (to_rate > high[1])
            held_delay = (to < low[0]) | (to > high[0])
            to = np.where(held & ~held_delay, delay + alone[0] / units[0], to)
            to_rate = np.where(held_delay & ~held, rate + alone[1] / units[1], to_rate)
            delay, rate = np.clip(to, low[0], high[0]), np.clip(to_rate, low[1], high[1])
        return delay, rate

    def heights(self, delay: Floats, rate: Floats) -> Floats:
        """F at these offsets."""
        return self._derivatives(delay, rate)[0]

    def _derivatives(self, delay: Floats, rate: Floats) -> tuple[Floats, Floats, Floats]:
        """F, its gradient (item, 2) and its second derivatives (item, 2, 2), in scaled offsets."""
        sums = np.zeros((*self.norm.shape, 6), dtype=np.complex128)
        stopped = self._stopped(delay, rate)
        aside = self.beside * np.exp(-2j * np.pi * np.multiply.outer(delay, self.middles))[..., None]
        groups = self.group[self.order]
        for one in range(self.norm.shape[1]):
            there = slice(*self.starts[np.searchsorted(groups, [one, one + 1])])
            # a product of matrices would start threads of its own beside ours
            sums[:, one] = np.einsum("ik,mk->im", stopped[:, there], self.basis[:, there])
            sums[:, one, 1:3] += aside[:, self.group == one].sum(axis=1)
        whole = sums[..., :1]
        weight = np.divide(1.0, self.norm, out=np.zeros_like(self.norm), where=self.norm > 0)[..., None]
        once = -2j * np.pi * sums[..., 1:3]
        twice = -4 * np.pi**2 * sums[..., 3:]
        height = (weight * np.abs(whole) ** 2).sum(axis=(1, 2))
        gradient = 2 * np.real(weight * whole.conj() * once).sum(axis=1)
        pairs = np.stack([once[..., i] * once[..., j].conj() for i, j in ((0, 0), (0, 1), (1, 1))], axis=-1)
        curve = 2 * np.real(weight * (pairs + whole.conj() * twice)).sum(axis=1)
        return height, gradient, curve[:, [[0, 1], [1, 2]]]

    def _coordinates(self, block: int) -> tuple[Floats, Floats]:
        """Scaled ν and νt of the cells of a block."""
        cells = self.cells[block]
        first = np.broadcast_to(self.relative[block] / self.span, cells.sums.shape[1:]).ravel()
        return first, (cells.time[:, None] / self.length * (cells.frequency / self.frequency)).ravel()

    def _stopped(self, delay: Floats, rate: Floats) -> Complexes:
        """Cells (item, cell) of all blocks, the fringe stopped by so much more."""
        turns = np.multiply.outer(delay * self.span, self.first)
        turns += np.multiply.outer(rate * (self.length * self.frequency), self.second)
        return np.asarray(self.values * np.exp(-2j * np.pi * turns))

    def scan_delays(self, shifts: Floats, low: Floats, high: Floats) -> Floats:
        """Shifts in delay (item, 3), within `low` and `high` of each item, of the highest maxima of F."""
        step = max(1, _SCANNED // shifts.size)
        parts = [slice(i, i + step) for i in range(0, len(low), step)]
        return np.concatenate([_summits(self._powers(p, shifts), shifts, low[p], high[p]) for p in parts])

    def _powers(self, part: slice, shifts: Floats) -> NDArray[np.float32]:
        """F of some items at shifts in delay (item, shift), the rate as it is."""
        power = np.zeros((len(self.norm[part]), shifts.size), dtype=np.float32)
        for one in range(self.norm.shape[1]):
            members = np.flatnonzero(self.group == one)
            spectra = [self.cells[b].sums[part].sum(axis=1) * self.turned[part, b, None] for b in members]
            offsets = np.concatenate([self.relative[b] for b in members])
            phasors = np.exp(-2j * np.pi * np.outer(offsets, shifts)).astype(np.complex64)
            norm = self.norm[part, one, None]
            values = np.concatenate(spectra, axis=1) / np.sqrt(np.where(norm > 0, norm, np.inf))
            sums = values.astype(np.complex64) @ phasors
            power += sums.real**2 + sums.imag**2
        return power

    def blocks(self, delay: Floats, rate: Floats) -> Complexes:
        """S_b (item, block) at these offsets, phases referred to the reference frequency."""
        sums = np.empty_like(self.turned)
        sums[:, self.order] = np.add.reduceat(self._stopped(delay, rate), self.starts[:-1], axis=1)
        sums = np.divide(sums, self.turned, out=np.zeros_like(sums), where=self.turned != 0)
        return np.asarray(sums * np.exp(-2j * np.pi * np.multiply.outer(delay, self.origin)))


def delay_shifts(span: float, reach: float) -> Floats:
    """Shifts in delay, s, that see every maximum within `reach` of bands within so many Hz of their middle."""
    count = max(1, int(np.ceil(reach * 2 * span * _OVERSAMPLING)))
    return np.asarray(np.arange(-count, count + 1) * (reach / count), dtype=float)


def _summits(power: NDArray[np.float32], shifts: Floats, low: Floats, high: Floats) -> Floats:
    """Places (item, 3) of the highest maxima, by parabolas, the highest first; it comes again where there are fewer."""
    power = np.pad(power, ((0, 0), (1, 1)), constant_values=-1)
    power[:, 1:-1][(shifts < low[:, None]) | (shifts > high[:, None])] = -1
    left, middle, right = power[:, :-2], power[:, 1:-1], power[:, 2:]
    curve = left - 2 * middle + right
    inner = (left >= 0) & (right >= 0) & (curve < 0)
    aside = np.divide(0.5 * (left - right), curve, out=np.zeros_like(curve), where=inner)
    height = np.where((middle >= left) & (middle >= right), middle - 0.25 * (left - right) * aside, -1.0)
    order = np.argpartition(-height, min(_CANDIDATES, shifts.size) - 1, axis=1)[:, :_CANDIDATES]
    heights = np.take_along_axis(height, order, axis=1)
    falling = np.argsort(-heights, axis=1, kind="stable")
    heights, order = np.take_along_axis(heights, falling, axis=1), np.take_along_axis(order, falling, axis=1)
    order = np.where(heights >= 0, order, order[:, :1])
    step = float(shifts[1] - shifts[0])
    found = shifts[order] + np.clip(np.take_along_axis(aside, order, axis=1), -0.5, 0.5) * step
    # a window narrower than the steps may have none of them inside
    return np.asarray(np.clip(found, low[:, None], high[:, None]), dtype=float)


def _newton_steps(
    height: Floats, gradient: Floats, curve: Floats, has_rate: Flags
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Steps of (delay, rate), of both together and of each alone, towards the maximum of ln F.

    The logarithm is concave over the whole main lobe.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = gradient / height[:, None]
        bend = curve / height[:, None, None] - slope[:, :, None] * slope[:, None, :]
        determinant = bend[:, 0, 0] * bend[:, 1, 1] - bend[:, 0, 1] ** 2
        concave = has_rate & (determinant > 0) & (bend[:, 0, 0] < 0)
        both, alone = [], []
        for i, j in ((0, 1), (1, 0)):
            one = np.where(bend[:, i, i] < 0, -slope[:, i] / bend[:, i, i], 0.0)
            joint = (bend[:, 0, 1] * slope[:, j] - bend[:, j, j] * slope[:, i]) / determinant
            there = has_rate if i else np.ones_like(has_rate)
            both.append(_bounded(np.where(concave, joint, one), there))
            alone.append(_bounded(one, there))
    return (both[0], both[1]), (alone[0], alone[1])


def _bounded(step: Floats, there: Flags) -> Floats:
    step = np.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0)
    return np.asarray(np.where(there, np.clip(step, -_LARGEST, _LARGEST), 0.0), dtype=float)
