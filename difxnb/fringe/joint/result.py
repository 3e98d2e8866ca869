# SPDX-License-Identifier: GPL-3.0-or-later
"""What a joint fit of several bands and polarizations takes and what it gives back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """One band in one polarization, of all items that are fitted.

    Attributes
    ----------
    visibility : array_like of complex, shape (…, time, channel)
        The leading shape and the times are the same in all blocks of a fit, the channels need not be. NaN is left
        out; a band that an item does not have is NaN, or has weight 0.
    frequency_hz : array_like, shape (channel,)
        Channel centres, Hz, evenly spaced and ascending (lower sideband too); NaN beyond the last channel.
    weight : array_like, optional
        Shape (…, time), or that of the visibilities. The variance of a visibility is taken as 1/weight.
    """

    visibility: ArrayLike
    frequency_hz: ArrayLike
    weight: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class JointFringe:
    """Result of a joint fit: arrays of the leading shape (…), of shape (…, group), or (…, block).

    NaN where an item, a group or a block had no data.

    Attributes
    ----------
    delay, delay_error : ndarray, shape (…)
        Seconds; positive where antenna 2 is late. The multi-band delay where several bands are coherent.
    delay_rate, delay_rate_error : ndarray, shape (…)
        Seconds per second; NaN where no rate was fitted.
    snr : ndarray, shape (…)
        Root of the sum of the squared SNR of the groups.
    false_alarm_probability : ndarray, shape (…)
        Probability that noise alone gives such an SNR anywhere in the window.
    single_band_delay, single_band_delay_error : ndarray, shape (…)
        Seconds; the common delay from the slopes within the bands alone, with a free phase in every block: the highest
        maximum within one over the bandwidth of `delay`.
    ambiguity : ndarray, shape (…)
        Seconds; `delay` may be wrong by a multiple of it. NaN where no group has two bands.
    at_edge : ndarray of bool, shape (…)
        The highest point of the window lies on its border: the maximum is elsewhere.
    n_samples : ndarray of int, shape (…)
        Channels · integrations that had weight.
    weight : ndarray, shape (…)
        Their mean weight.
    phase, phase_error : ndarray, shape (…, group)
        Radians, at `reference_frequency` and `reference_time`, after `band_phase` was taken out.
    amplitude, amplitude_error : ndarray, shape (…, group)
        In the units of the visibilities, without the noise that every maximum takes along (as in
        :class:`~difxnb.fringe.Fringe`).
    group_snr : ndarray, shape (…, group)
        Amplitude over the rms of one component of its noise.
    block_phase, block_phase_error : ndarray, shape (…, block)
        Radians, phase of each block at `reference_frequency`, for the delay and rate found; the error is the
        thermal one for that delay and rate. Usable as `band_phase` of a later fit.
    residual_phase, residual_phase_error : ndarray, shape (…, block)
        Radians, `block_phase` less `band_phase` less `phase` of the group: what the fit leaves. The error
        knows what the fit has absorbed, and is 0 for a block that is a group of its own.
    block_snr : ndarray, shape (…, block)
        SNR of each block at the delay and rate found.
    noise : ndarray, shape (…, block)
        Rms of the real part of one channel in one integration at weight 1.
    groups : tuple
        Labels of the groups in the order of the last axis of `phase`.
    reference_frequency : float
        Hz, middle between the lowest and the highest frequency unless asked otherwise.
    reference_time : float
        Seconds, middle of the time axis unless asked otherwise.
    """

    delay: Floats
    delay_error: Floats
    delay_rate: Floats
    delay_rate_error: Floats
    snr: Floats
    false_alarm_probability: Floats
    single_band_delay: Floats
    single_band_delay_error: Floats
    ambiguity: Floats
    at_edge: NDArray[np.bool_]
    n_samples: NDArray[np.int64]
    weight: Floats
    phase: Floats
    phase_error: Floats
    amplitude: Floats
    amplitude_error: Floats
    group_snr: Floats
    block_phase: Floats
    block_phase_error: Floats
    residual_phase: Floats
    residual_phase_error: Floats
    block_snr: Floats
    noise: Floats
    groups: tuple[Hashable, ...]
    reference_frequency: float
    reference_time: float
