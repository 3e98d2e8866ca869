# SPDX-License-Identifier: GPL-3.0-or-later
"""One antenna's share of the work: from samples to spectra on the geocentre's time.

Samples are picked by whole-sample delay, turned by the fringe rotation, transformed, and turned once more for the
rest of the delay (``mpifxcorr-algorithm.md`` 2 to 5). Two things are arranged differently from there, with the same
result to rounding:

- The rotation of a block is split into its phase at the block's middle and a phase that grows along the block. The
  first is applied after the transform together with the fractional delay; only the second is applied to the samples.
  Since the growth changes very little from block to block, one phasor of N samples serves a whole chunk of blocks.
- The phasors after the transform depend on channel and block as exp 2πi(c·g + h). They are products of a coarse and a
  fine table, so few sines are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.server.engine.delay_model import Parabola
from difxnb.server.engine.plan import Correction, Feed

_MAX_SLOPE_ERROR_TURNS = 5e-7
"""Largest error that sharing a rotation phasor within a chunk may make, at the edges of its first and last block."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When the transforms of a sub-integration are.

    Attributes
    ----------
    start_s : float
        Start of the sub-integration, s after the start of the job, model time.
    first_sample, fraction : int, float
        The same in samples of the recording after the reference second, whole and rest.
    samples : int
        Samples in a transform.
    dt_us : float
        Sample interval, µs.
    """

    start_s: float
    first_sample: int
    fraction: float
    samples: int
    dt_us: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which samples the transforms of one antenna take.

    Attributes
    ----------
    parabola : Parabola
        Delay in the sub-integration.
    numbers : ndarray
        float64: transforms, counted from the start of the sub-integration.
    starts : ndarray
        int64: first sample of each.
    residual_us : ndarray
        Wanted minus actual start, at most half a sample.
    """

    parabola: Parabola
    numbers: NDArray[np.float64]
    starts: NDArray[np.int64]
    residual_us: NDArray[np.float64]

    def part(self, begin: int, end: int) -> Alignment:
        """Cut out some of the transforms."""
        cut = slice(begin, end)
        return Alignment(self.parabola, self.numbers[cut], self.starts[cut], self.residual_us[cut])


def align(timing: Timing, parabola: Parabola, first: int, end: int) -> Alignment:
    """Pick the samples of transforms `first`…`end`-1: the nearest whole sample, halves upwards."""
    numbers = np.arange(first, end, dtype=np.float64)
    wanted = numbers * timing.samples + timing.fraction - parabola(numbers + 0.5) / timing.dt_us
    nearest = np.floor(wanted + 0.5)
    return Alignment(
        parabola, numbers, nearest.astype(np.int64) + timing.first_sample, (wanted - nearest) * timing.dt_us
    )


class Rotation:
    """The fringe rotation of a feed during a chunk of transforms.

    Parameters
    ----------
    feed : Feed
    timing : Timing
    alignment : Alignment
        Of the chunk.
    order : int
        FRINGE ROTN ORDER: delay within a block constant (0), a straight line (1) or the parabola (2).

    Attributes
    ----------
    middle_turns : ndarray
        Phase at the middle of each block, turns, to be taken away.
    """

    def __init__(self, feed: Feed, timing: Timing, alignment: Alignment, order: int) -> None:
        middle = (timing.samples - 1) / (2 * timing.samples)
        parabola, numbers = alignment.parabola, alignment.numbers
        block_us = timing.samples * timing.dt_us
        self._x = np.arange(timing.samples) / timing.samples - middle
        self._curve = 0.0
        if order == 0:
            delay, slopes = parabola(numbers + 0.5), np.zeros(1)
        elif order == 1:
            slopes = parabola(numbers + 1) - parabola(numbers)
            delay = parabola(numbers) - parabola.a2 / 12 + slopes * middle
        else:
            slopes = parabola.a1 + 2 * parabola.a2 * (numbers + middle)
            delay = parabola(numbers + middle)
            self._curve = feed.freq_mhz * parabola.a2
        inside = middle if order else 0.0
        offset_turns = feed.freq_offset_hz * block_us * 1e-6
        start_turns = feed.freq_offset_hz * timing.start_s
        self.middle_turns = feed.freq_mhz * delay - offset_turns * (numbers + inside) - start_turns
        self._slope = feed.freq_mhz * float(slopes.mean()) - (offset_turns if order else 0.0)

    def phasor(self) -> NDArray[np.complex64]:
        """Factor of the samples of every block, shape (samples,)."""
        return phasors(-(self._slope + self._curve * self._x) * self._x)


def blocks_sharing_rotation(feed: Feed, parabola: Parabola, order: int) -> int:
    """How many blocks may share a rotation phasor."""
    change = abs(feed.freq_mhz * parabola.a2) if order else 0.0
    return int(min(2 * _MAX_SLOPE_ERROR_TURNS / change, 2**31)) if change > 0 else 2**31


def channel_phasors(
    feed: Feed,
    correction: Correction,
    channels: int,
    alignment: Alignment,
    rotation: Rotation,
    used: NDArray[np.bool_],
    out: NDArray[np.complex64],
    turned: NDArray[np.complex64],
) -> None:
    """Compute what spectra are multiplied with: fractional delay, and the phase at the middle of each block.

    Parameters
    ----------
    channels : int
        Channels of the transform.
    used : ndarray
        False for transforms that are to be left out.
    out, turned : ndarray
        complex64, shape (coarse, fine, transform), channel = coarse index · fine length + fine index: the phasors,
        and the same times -i.
    """
    coarse, fine, _ = out.shape
    delay_us = alignment.residual_us - correction.clock_us
    per_channel = feed.bandwidth_mhz / channels * delay_us
    offset = correction.phase_turns - rotation.middle_turns
    if feed.lower:
        offset = offset - feed.bandwidth_mhz * delay_us
    rough = phasors(np.arange(coarse)[:, np.newaxis] * fine * per_channel + offset) * used
    exact = phasors(np.arange(fine)[:, np.newaxis] * per_channel)
    np.multiply(rough[:, np.newaxis], exact, out=out)
    np.multiply((rough * np.complex64(-1j))[:, np.newaxis], exact, out=turned)


def phasors(turns: NDArray[np.float64]) -> NDArray[np.complex64]:
    """exp(2πi · turns): turns are reduced in double precision, sine and cosine taken in single."""
    angle = ((turns - np.rint(turns)) * (2 * np.pi)).astype(np.float32)
    result = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    return result
