# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes: delay, rate, phase, amplitude and their errors from complex spectra (numpy and scipy alone)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Fringe:
    """What a fringe fit found; every array has the leading axes of the visibilities."""

    delay: NDArray[np.float64]
    delay_error: NDArray[np.float64]
    delay_rate: NDArray[np.float64]
    delay_rate_error: NDArray[np.float64]
    phase: NDArray[np.float64]
    phase_error: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    snr: NDArray[np.float64]
    false_alarm_probability: NDArray[np.float64]
    reference_frequency: float
    reference_time: NDArray[np.float64]


def lag_axis(channels: int, channel_width_hz: float, *, padding: int = 8) -> NDArray[np.float64]:
    """Lags (s), ascending, that belong to :func:`lag_spectrum`."""
    raise NotImplementedError


def lag_spectrum(visibility: ArrayLike, *, padding: int = 8, axis: int = -1) -> NDArray[np.complex128]:
    """Complex lag function of a spectrum, lags ascending."""
    raise NotImplementedError


def estimate_fringe(
    visibility: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
) -> Fringe:
    """Fit a delay to each spectrum (…, channel)."""
    raise NotImplementedError


def fringe_scan(
    visibility: ArrayLike,
    time_s: ArrayLike,
    frequency_hz: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    edge_channels: int = 1,
    noise: ArrayLike | None = None,
) -> Fringe:
    """Fit delay and delay rate jointly to each block (…, time, channel)."""
    raise NotImplementedError


def false_alarm_probability(snr: ArrayLike, channels: int, integrations: int = 1) -> NDArray[np.float64]:
    """Probability that pure noise shows a peak of this SNR somewhere in the search."""
    raise NotImplementedError
