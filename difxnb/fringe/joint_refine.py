# SPDX-License-Identifier: GPL-3.0-or-later
"""The maximum of a joint fit to a fraction of its error: sums of stopped visibilities in cells in, offsets out.

The objective is F = Σ_g |S_g|²/N_g with S_g = Σ_b p_b S_b and N_g = Σ_b p_b W_b (definitions: ``joint.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.joint_band import Cells

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Window = tuple[float, float]

_STEPS = 5  # of Newton's method, from a sixteenth of a turn to rounding
_OVERSAMPLING = 16  # of the delay scan, per turn of the widest pair of bands
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

    def refine(
        self, has_rate: NDArray[np.bool_], low: tuple[Floats, Floats], high: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        """Offsets of delay and rate at the maximum, none beyond `low` and `high` (delay, rate)."""
        delay, rate = (np.zeros(len(self.norm)) for _ in range(2))
        for _ in range(_STEPS):
            step, step_rate = _newton_step(*self._derivatives(delay, rate), has_rate)
            delay = np.clip(delay + step / self.span, low[0], high[0])
            rate = np.clip(rate + step_rate / (self.length * self.frequency), low[1], high[1])
        return delay, rate

    def _derivatives(self, delay: Floats, rate: Floats) -> tuple[Floats, Floats, Floats]:
        """F, its gradient (item, 2) and its second derivatives (item, 2, 2), in scaled offsets."""
        groups = self.norm.shape[1]
        sums = np.zeros((len(delay), groups, 6), dtype=np.complex128)
        for block in range(len(self.cells)):
            first, second = self._coordinates(block)
            basis = [np.ones_like(first), first, second, first**2, first * second, second**2]
            # a sum too small for the threads of a matrix product, which would wait for each other
            moments = np.einsum("ik,mk->im", self._stopped(block, delay, rate), np.stack(basis))
            beside = self.cells[block].beside
            moments[:, 1] += beside[:, 0] / self.span
            moments[:, 2] += beside[:, 1] / (self.length * self.frequency)
            sums[:, self.group[block]] += self.turned[:, block, None] * moments
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

    def _stopped(self, block: int, delay: Floats, rate: Floats) -> Complexes:
        """Cells (item, cell) of a block, the fringe stopped by so much more."""
        first, second = self._coordinates(block)
        turns = np.multiply.outer(delay * self.span, first)
        turns += np.multiply.outer(rate * (self.length * self.frequency), second)
        sums = self.cells[block].sums
        return np.asarray(sums.reshape(len(sums), -1) * np.exp(-2j * np.pi * turns))

    def scan_delays(self, shifts: Floats, low: Floats, high: Floats) -> Floats:
        """The one of these shifts in delay, within `low` and `high` of each item, where F is highest."""
        step = max(1, _SCANNED // shifts.size)
        found = [self._scan_some(slice(i, i + step), shifts, low, high) for i in range(0, len(low), step)]
        return np.concatenate(found) if found else np.zeros(0)

    def _scan_some(self, part: slice, shifts: Floats, low: Floats, high: Floats) -> Floats:
        power = np.zeros((low[part].size, shifts.size), dtype=np.float32)
        for one in range(self.norm.shape[1]):
            members = np.flatnonzero(self.group == one)
            spectra = [
                self.cells[b].sums[part].sum(axis=1) * self.turned[part, b, None] for b in members
            ]  # the rate has been found
            offsets = np.concatenate([self.relative[b] for b in members])
            phasors = np.exp(-2j * np.pi * np.outer(offsets, shifts)).astype(np.complex64)
            norm = self.norm[part, one, None]
            values = np.concatenate(spectra, axis=1) / np.sqrt(np.where(norm > 0, norm, np.inf))
            sums = values.astype(np.complex64) @ phasors
            power += sums.real**2 + sums.imag**2
        outside = (shifts < low[part, None]) | (shifts > high[part, None])
        power[outside] = -1
        best = power.argmax(axis=1)
        # where a window is narrower than the steps none of them is inside
        none = outside.all(axis=1)
        return np.asarray(np.where(none, np.clip(0.0, low[part], high[part]), shifts[best]), dtype=float)

    def blocks(self, delay: Floats, rate: Floats) -> Complexes:
        """S_b (item, block) at these offsets, phases referred to the reference frequency."""
        sums = [self._stopped(block, delay, rate).sum(axis=1) for block in range(len(self.cells))]
        return np.asarray(
            np.stack(sums, axis=1) * np.exp(-2j * np.pi * np.multiply.outer(delay, self.origin))
        )


def delay_shifts(span: float, reach: float) -> Floats:
    """Shifts in delay, s, that see every maximum within `reach` of bands that span so many Hz."""
    count = int(np.ceil(reach * span * _OVERSAMPLING))
    return np.asarray(np.arange(-count, count + 1) * (reach / max(count, 1)), dtype=float)


def _newton_step(
    height: Floats, gradient: Floats, curve: Floats, has_rate: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Step of (delay, rate) towards the maximum of ln F, which is concave over the whole main lobe."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = gradient / height[:, None]
        bend = curve / height[:, None, None] - slope[:, :, None] * slope[:, None, :]
        determinant = bend[:, 0, 0] * bend[:, 1, 1] - bend[:, 0, 1] ** 2
        joint = has_rate & (determinant > 0) & (bend[:, 0, 0] < 0)
        steps = []
        for i, j in ((0, 1), (1, 0)):
            both = (bend[:, 0, 1] * slope[:, j] - bend[:, j, j] * slope[:, i]) / determinant
            alone = np.where(bend[:, i, i] < 0, -slope[:, i] / bend[:, i, i], 0.0)
            step = np.where(joint, both, alone)
            steps.append(np.clip(np.nan_to_num(step, nan=0.0, posinf=0.0, neginf=0.0), -_LARGEST, _LARGEST))
    return steps[0], np.where(has_rate, steps[1], 0.0)
