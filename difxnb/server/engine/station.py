# SPDX-License-Identifier: GPL-3.0-or-later
"""One antenna's share of the work: from samples to spectra on the geocentre's time.

Samples are picked by whole-sample delay, turned by the fringe rotation, transformed, and turned once more for
the rest of the delay (``mpifxcorr-algorithm.md`` 2 to 5). Two things are arranged differently from there,
with the same result to rounding:

- The rotation of a block is split into its phase at the block's middle and a phase that grows along the
  block. The first is applied after the transform together with the fractional delay; only the second is
  applied to the samples. Since the growth changes very little from block to block, one phasor of N samples
  serves a whole chunk of blocks.
- The phasors after the transform depend on channel and block as exp 2πi(c·g + h). They are products of a
  coarse and a fine table, so few sines are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.server.engine.delay_model import Parabola
from difxnb.server.engine.plan import Correction, Feed

_MAX_SLOPE_ERROR_TURNS = 5e-7
"""Largest error that sharing a rotation phasor may make, at the edges of a chunk's first and last block."""


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


def align(timing: Timing, parabola: Parabola, first: int, end: int) -> Alignment:
    """Pick the samples of transforms `first`…`end`-1: the nearest whole sample, halves upwards."""
    numbers = np.arange(first, end, dtype=np.float64)
    wanted = numbers * timing.samples + timing.fraction - parabola(numbers + 0.5) / timing.dt_us
    nearest = np.floor(wanted + 0.5)
    return Alignment(
        parabola, numbers, nearest.astype(np.int64) + timing.first_sample, (wanted - nearest) * timing.dt_us
    )


class FeedPhasors:
    """All that a feed is turned by during a piece.

    Parameters
    ----------
    feed : Feed
    timing : Timing
    alignment : Alignment
        Of the transforms of the piece.
    order : int
        FRINGE ROTN ORDER: delay within a block constant (0), a straight line (1) or the parabola (2).
    """

    def __init__(self, feed: Feed, timing: Timing, alignment: Alignment, order: int) -> None:
        self._feed, self._alignment = feed, alignment
        parabola, numbers = alignment.parabola, alignment.numbers
        middle = (timing.samples - 1) / (2 * timing.samples)
        self._x = np.arange(timing.samples) / timing.samples - middle
        if order == 0:
            delay, slopes, curve = parabola(numbers + 0.5), np.zeros(len(numbers)), 0.0
        elif order == 1:
            slopes, curve = parabola(numbers + 1) - parabola(numbers), 0.0
            delay = parabola(numbers) - parabola.a2 / 12 + slopes * middle
        else:
            slopes, curve = parabola.a1 + 2 * parabola.a2 * (numbers + middle), parabola.a2
            delay = parabola(numbers + middle)
        # The offset of a local oscillator turns the other way, with the time of the model.
        offset_turns = feed.freq_offset_hz * timing.samples * timing.dt_us * 1e-6
        place = numbers + middle if order else numbers
        start_turns = feed.freq_offset_hz * timing.start_s
        self._middle_turns = feed.freq_mhz * delay - offset_turns * place - start_turns
        self._slopes = feed.freq_mhz * slopes - (offset_turns if order else 0.0)
        self._curve = feed.freq_mhz * curve

    def rotations(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.complex64]:
        """Factors of the samples of every block, one row for each chunk of blocks, shape (chunk, sample)."""
        slopes = (self._slopes[begins] + self._slopes[ends - 1]) / 2
        return phasors(-(slopes[:, np.newaxis] + self._curve * self._x) * self._x)

    def corrections(
        self, correction: Correction, channels: int, fine: int, used: NDArray[np.bool_]
    ) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """Factors of the spectra: fractional delay, and the phase at the middle of each block.

        Parameters
        ----------
        correction : Correction
            Of the band.
        channels : int
            Channels of the transform.
        fine : int
            Length of the fine table.
        used : ndarray
            False for blocks that are to be left out.

        Returns
        -------
        rough, exact : ndarray
            Shapes (coarse, block) and (fine, block): channel c has the factor rough[c // fine] · exact[c %
            fine].
        """
        feed = self._feed
        delay_us = self._alignment.residual_us - correction.clock_us
        per_channel = feed.bandwidth_mhz / channels * delay_us
        offset = correction.phase_turns - self._middle_turns
        if feed.lower:
            offset = offset - feed.bandwidth_mhz * delay_us
        steps = np.arange(0, channels, fine)[:, np.newaxis]
        rough = phasors(steps * per_channel + offset) * used
        return rough, phasors(np.arange(fine)[:, np.newaxis] * per_channel)


def blocks_sharing_rotation(feed: Feed, parabola: Parabola, order: int) -> int:
    """How many blocks may share a rotation phasor."""
    change = abs(feed.freq_mhz * parabola.a2) if order else 0.0
    return int(min(2 * _MAX_SLOPE_ERROR_TURNS / change, 2**31)) if change > 0 else 2**31


def phasors(turns: NDArray[np.float64]) -> NDArray[np.complex64]:
    """exp(2πi · turns): turns are reduced in double precision, sine and cosine taken in single."""
    angle = ((turns - np.rint(turns)) * (2 * np.pi)).astype(np.float32)
    result = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    return result
