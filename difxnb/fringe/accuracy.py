# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of delay, rate and phase, and their way to the frequency and time at which they are to be stated.

With f = ν − ν₀ and s = ν (t − t₀) the phase is φ + 2π (f τ + s τ'); its Fisher matrix is SNR² times the weighted
second moments of (1, f, s), whose inverse is the Cramér-Rao bound (Rogers 1970, Radio Science 5, 1239).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe.axes import Axes
from difxnb.fringe.refine import combined_moments
from difxnb.fringe.samples import Samples

Floats = NDArray[np.float64]

_NO_SPREAD = 1e-12  # weighted variance of f or s, in their units, below which everything lies in one place


@dataclass(frozen=True, slots=True)
class Spread:
    """Weighted means and covariances of f and s of each item, in the units of the axes; 0 where s is not fitted."""

    axes: Axes
    mean: Floats
    mean_rate: Floats
    variance: Floats
    cross: Floats
    variance_rate: Floats

    @property
    def has_delay(self) -> NDArray[np.bool_]:
        """Which items have more than one channel."""
        return self.variance > _NO_SPREAD

    @property
    def area(self) -> Floats:
        """Root of the determinant of the covariances."""
        return np.asarray(np.sqrt(np.maximum(self.variance * self.variance_rate - self.cross**2, 0.0)))

    def covariances(self) -> tuple[Floats, Floats, Floats]:
        """Variances of 2πτ and 2πτ' and their covariance, (dd, dr, rr) in the units, at an SNR of 1."""
        both = self.has_delay & (self.variance_rate > 0)
        determinant = np.where(both, self.variance * self.variance_rate - self.cross**2, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            alone = np.where(self.has_delay, 1 / self.variance, np.nan)
        return (
            np.where(both, self.variance_rate / determinant, alone),
            np.where(both, -self.cross / determinant, 0.0),
            np.where(both, self.variance / determinant, 0.0),
        )


def spread_of(samples: Samples, axes: Axes, has_rate: NDArray[np.bool_]) -> Spread:
    """Weighted means and covariances of items."""
    moments = combined_moments(samples.weight_moments(axes), axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.asarray(moments / moments[:, :1], dtype=float)
    mean, mean_rate = share[:, 1], np.where(has_rate, share[:, 2], 0.0)
    return Spread(
        axes=axes,
        mean=mean,
        mean_rate=mean_rate,
        variance=np.maximum(share[:, 3] - mean**2, 0.0),  # no less, by rounding, than nothing
        cross=np.where(has_rate, share[:, 4] - mean * mean_rate, 0.0),
        variance_rate=np.where(has_rate, np.maximum(share[:, 5] - mean_rate**2, 0.0), 0.0),
    )


def true_snr(snr: Floats, has_rate: NDArray[np.bool_]) -> Floats:
    """The SNR without what its maximum took along from the noise.

    Noise adds 2 to the mean of SNR² in any cell, and 1 for each coordinate along which the maximum was looked for
    (as many as a chi-squared variable of that many degrees of freedom has in the mean). The root of the rest has
    no bias to the order 1/SNR when 1 less is subtracted.
    """
    return np.asarray(np.sqrt(np.maximum(snr**2 - np.where(has_rate, 3.0, 2.0), 0.0)))


def strength_of(snr: Floats, has_rate: NDArray[np.bool_]) -> Floats:
    """What stands for the SNR in the Cramér-Rao bound so that errors are those that weak fringes really have.

    The scatter of a maximum exceeds the bound by a factor of about 1 + c/SNR², and of fringes hardly above the
    noise only those are found that it helped. Numbers are ours, from fringes injected in noise (the tests repeat
    that): errors grow by 1 % at an SNR of 15, 5 % at 7 and a quarter at 5.
    """
    level = np.maximum(snr, 1.0) ** 2
    lost = np.where(has_rate, 5.0 + 90.0 / level, 3.5 + 50.0 / level)
    return np.asarray(np.sqrt(np.maximum(level - lost, 1.0)))


def errors_at(
    spread: Spread, strength: Floats, frequency_hz: float, time_s: float
) -> tuple[Floats, Floats, Floats]:
    """Errors of phase (rad), delay (s) and rate (s/s) stated at a frequency and a time.

    `strength` is what the SNR is in the Cramér-Rao bound.
    """
    axes = spread.axes
    unit, unit_rate = axes.units
    later = time_s - axes.middle_s
    delay, both, rate = spread.covariances()
    reach = (frequency_hz - axes.middle_hz) / unit - spread.mean
    reach_rate = np.where(rate > 0, frequency_hz * later / unit_rate - spread.mean_rate, 0.0)
    phase = 1 + reach**2 * delay + 2 * reach * reach_rate * both + reach_rate**2 * rate
    moved = later * unit / unit_rate
    delay = delay + 2 * moved * both + moved**2 * rate
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.sqrt(phase) / strength,
            np.sqrt(delay) / (2 * np.pi * unit * strength),
            np.where(rate > 0, np.sqrt(rate) / (2 * np.pi * unit_rate * strength), np.nan),
        )
