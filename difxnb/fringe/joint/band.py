# SPDX-License-Identifier: GPL-3.0-or-later
"""One band of a joint fit: its checked axes, its items a few at a time, its fringe stopped, its sums in cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.joint.result import Block

Floats = NDArray[np.float64]
Samples = NDArray[np.complex64]

_CELLS = 16  # along time and along the band: what is left of a fringe that was stopped turns by less than 1/32 in one


@dataclass(frozen=True, slots=True)
class Band:
    """A block of a joint fit, its items flattened; times and frequencies relative to those of reference.

    Attributes
    ----------
    items : ndarray, shape (item, time, channel)
    weights : ndarray, shape (item, time, channel)
        A view of what was given.
    offset_hz : ndarray, shape (channel,)
        Frequency less the reference frequency.
    frequency : ndarray, shape (channel,)
    width : float
        Channel spacing, Hz.
    """

    items: NDArray[np.generic]
    weights: NDArray[np.generic]
    offset_hz: Floats
    frequency: Floats
    width: float

    @property
    def bandwidth(self) -> float:
        """Of the channels that take part, Hz."""
        return self.width * self.frequency.size

    @property
    def middle_hz(self) -> float:
        """Middle of the channels that take part, less the reference frequency."""
        return float(self.offset_hz[0] + self.offset_hz[-1]) / 2

    def part(self, part: slice) -> tuple[Samples, NDArray[np.float32]]:
        """Visibilities and weights of some items; both 0 where there is nothing to use."""
        visibility = self.items[part].astype(np.complex64)
        weight = self.weights[part].astype(np.float32)
        usable = np.isfinite(visibility) & (weight > 0) & np.isfinite(weight)
        return np.where(usable, visibility, np.complex64(0)), np.where(usable, weight, np.float32(0))

    def stopping(self, time: Floats, delay: Floats, rate: Floats) -> Samples:
        """Phasors (item, time, channel) that stop a fringe of this delay and rate."""
        step = self.width * (delay[:, None] + rate[:, None] * time)
        first = delay[:, None] * self.offset_hz[0] + rate[:, None] * (time * self.frequency[0])
        # channels are evenly spaced: a phasor is the product of a coarse and a fine one, far fewer exponentials
        fine = np.exp(-2j * np.pi * (step[..., None] * np.arange(_CELLS))).astype(np.complex64)
        coarse = np.arange(0, self.frequency.size, _CELLS)
        turns = first[..., None] + step[..., None] * coarse
        phasors = np.exp(-2j * np.pi * (turns - np.rint(turns))).astype(np.complex64)
        whole = (phasors[..., None] * fine[..., None, :]).reshape(*step.shape, -1)
        return np.asarray(whole[..., : self.frequency.size])


def bands_of(
    blocks: list[Block], times: int, edge_channels: int, reference: float | None
) -> tuple[list[Band], tuple[int, ...], float]:
    """Bands, the leading shape of their items, and the reference frequency, Hz."""
    axes = [_axis(block, edge_channels, place) for place, block in enumerate(blocks)]
    lowest = min(axis[1][0] for axis in axes)
    highest = max(axis[1][-1] for axis in axes)
    reference_hz = float(lowest + highest) / 2 if reference is None else float(reference)
    if not (np.isfinite(reference_hz) and reference_hz > 0):
        raise ValueError(
            f"the reference frequency of a joint fit is a positive number of Hz, got {reference!r}"
        )
    bands, shapes = [], set()
    for place, (block, (chosen, frequency)) in enumerate(zip(blocks, axes, strict=True)):
        visibility = np.asarray(block.visibility)
        if visibility.ndim < 2 or visibility.shape[-2:] != (times, np.size(block.frequency_hz)):
            raise ValueError(
                f"block {place} of a joint fit has shape {visibility.shape}; "
                f"{times} times and {np.size(block.frequency_hz)} frequencies were given for it"
            )
        shapes.add(visibility.shape[:-2])
        width = float(frequency[-1] - frequency[0]) / (frequency.size - 1)
        kept = frequency[chosen]
        weight = np.ones(1) if block.weight is None else np.asarray(block.weight)
        if weight.ndim < visibility.ndim:
            weight = weight[..., np.newaxis]
        count = int(np.prod(visibility.shape[:-2]))
        whole = (count, *visibility.shape[-2:])
        try:
            weight = np.broadcast_to(weight, (*visibility.shape[:-1], weight.shape[-1]))
            weight = np.broadcast_to(weight.reshape(count, times, weight.shape[-1]), whole)
        except ValueError:
            raise ValueError(
                f"the weights of block {place} of a joint fit have shape {weight.shape}; "
                f"that fits neither {visibility.shape[:-1]} nor {visibility.shape}"
            ) from None
        items = visibility.reshape(whole)[..., chosen]
        bands.append(Band(items, weight[..., chosen], kept - reference_hz, kept, width))
    if len(shapes) != 1:
        raise ValueError(
            f"the blocks of a joint fit hold the same items, got leading shapes {sorted(shapes)}"
        )
    return bands, shapes.pop(), reference_hz


def _axis(block: Block, edge_channels: int, place: int) -> tuple[slice, Floats]:
    """Channels that take part, and all frequencies of a block."""
    given = np.asarray(block.frequency_hz, dtype=float)
    count = int(np.isfinite(given).sum())
    if given.ndim != 1 or edge_channels < 0 or count < 2 or not np.isfinite(given[:count]).all():
        raise ValueError(
            f"block {place} of a joint fit needs two or more frequencies, NaN only behind the last, "
            "and no negative edge"
        )
    steps = np.diff(given[:count])
    if steps.mean() <= 0 or not np.allclose(steps, steps.mean(), rtol=1e-3, atol=0):
        raise ValueError(
            f"the frequencies of block {place} of a joint fit must be evenly spaced and ascending"
        )
    edge = min(edge_channels, max(0, (count - 4) // 2))
    return slice(edge, count - edge), given[:count]


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums of w·V, the fringe stopped, in cells of time and frequency: all that a refinement needs.

    Attributes
    ----------
    sums : ndarray of complex128, shape (item, time cell, channel cell)
    beside : ndarray of complex128, shape (item, 2)
        Sums of w·V times what ν and ν·t of each sample differ from those of its cell. Without them the gradient of the
        objective would not know where within a cell the noise lies.
    time : ndarray, shape (time cell,)
        Middle of each cell, s.
    offset_hz, frequency : ndarray, shape (channel cell,)
    """

    sums: NDArray[np.complex128]
    beside: NDArray[np.complex128]
    time: Floats
    offset_hz: Floats
    frequency: Floats


def in_cells(stopped: Samples, band: Band, time: Floats) -> Cells:
    """Add up stopped, weighted visibilities (item, time, channel) of one band."""
    starts, starts_time = _starts(band.frequency.size), _starts(time.size)
    narrow = np.add.reduceat(stopped, starts, axis=2)
    sums = np.add.reduceat(narrow, starts_time, axis=1)
    offset, late = _means(band.offset_hz, starts), _means(time, starts_time)
    frequency = _means(band.frequency, starts)
    apart = band.offset_hz - np.repeat(offset, np.diff(np.append(starts, band.frequency.size)))
    apart_time = time - np.repeat(late, np.diff(np.append(starts_time, time.size)))
    across = np.einsum("itc,c->it", stopped, apart)
    along = np.einsum("itk,k->it", narrow, frequency) @ apart_time
    beside = np.stack([across.sum(axis=1), along + across @ time], axis=1)
    return Cells(sums.astype(np.complex128), beside.astype(np.complex128), late, offset, frequency)


def _starts(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count, min(count, _CELLS), endpoint=False).astype(np.int64))


def _means(values: Floats, starts: NDArray[np.int64]) -> Floats:
    sizes = np.diff(np.append(starts, values.size))
    return np.asarray(np.add.reduceat(values, starts) / sizes, dtype=float)
