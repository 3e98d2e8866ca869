# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the noise is in stopped visibilities, and how often noise alone looks like a fringe."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_FEWEST_DIFFERENCES = 4  # fewer say nothing about the noise
_OUTLIER = 10.0  # in units of the mean square: noise goes beyond it once in 22 000


def false_alarm_probability(
    snr: ArrayLike,
    channels: int,
    integrations: int = 1,
    *,
    noise_degrees: ArrayLike = np.inf,
    delay_share: float = 1.0,
    rate_share: float = 1.0,
) -> Floats:
    """Probability that noise alone shows a peak of at least this SNR somewhere in the search.

    In one cell noise exceeds s with probability exp(−s²/2), or (1 + s²/2m)^−m when σ itself was measured with
    m complex degrees of freedom. The search is over a continuous delay (and rate), so instead of a number of
    cells the expected number of peaks above s is used [3]: √(2π) a s times that of a cell for N channels, and
    2π a b (s² − 1) times for N channels and T integrations, where a² = (N² − 1)/12, b² = (T² − 1)/12.

    Parameters
    ----------
    snr : array_like
        As in :class:`~difxnb.fringe.Fringe`.
    channels, integrations : int
        Size of what was searched, the whole range of delay and rate that it can tell apart.
    noise_degrees : array_like
        Complex degrees of freedom m of the noise estimate.
    delay_share, rate_share : float
        Parts of the unambiguous ranges of delay and rate that were searched.

    Returns
    -------
    ndarray of float64
        0…1, falling with SNR; NaN where the SNR is NaN.
    """
    spread, spread_time = np.sqrt((channels**2 - 1) / 12), np.sqrt((integrations**2 - 1) / 12)
    # below its own maximum the expected number falls again although a peak there is certain
    level = np.maximum(np.asarray(snr, dtype=float), np.sqrt(3.0) if integrations > 1 else 1.0)
    degrees = np.asarray(noise_degrees, dtype=float)
    finite = np.where(np.isfinite(degrees) & (degrees > 0), degrees, 1.0)
    cell = np.where(np.isinf(degrees), np.exp(-(level**2) / 2), (1 + level**2 / (2 * finite)) ** -finite)
    # a part of the range has borders, where a peak may lie that has its top outside
    border, border_time = float(delay_share < 1), float(rate_share < 1)
    along = np.sqrt(2 * np.pi) * spread * delay_share * level * cell
    if integrations > 1:
        across = np.sqrt(2 * np.pi) * spread_time * rate_share * level * cell
        area = 2 * np.pi * spread * delay_share * spread_time * rate_share * (level**2 - 1) * cell
        expected = area + border_time * along + border * across + border * border_time * cell
    else:
        expected = along + border * cell
    return np.asarray(-np.expm1(-expected), dtype=float)


def measure_noise(stopped: Complexes, weight: Floats) -> tuple[Floats, Floats]:
    """Rms of one component at weight 1 per item, and the complex degrees of freedom of that number.

    `stopped` holds visibilities (item, time, channel) whose fringe has been stopped.
    """
    with np.errstate(divide="ignore"):
        variance = 1 / weight  # infinite where there is nothing
    along = _mean_square(np.diff(stopped, n=2, axis=2), _neighbours(variance, (1, 4, 1)), 35 / 18)
    if stopped.shape[1] < 2:
        return along
    pairs = np.diff(np.diff(stopped, axis=2), axis=1)
    pair_variance = _neighbours(variance, (1, 1))
    between = _mean_square(pairs, pair_variance[:, 1:] + pair_variance[:, :-1], 9 / 4)
    enough = np.isfinite(between[0])
    return np.where(enough, between[0], along[0]), np.where(enough, between[1], along[1])


def _neighbours(variance: Floats, factors: tuple[int, ...]) -> Floats:
    """Variance of a difference of neighbouring channels with these squared coefficients."""
    last = variance.shape[2] - len(factors) + 1
    return np.asarray(
        sum(f * variance[:, :, i : i + max(0, last)] for i, f in enumerate(factors)), dtype=float
    )


def _mean_square(differences: Complexes, variance: Floats, correlation: float) -> tuple[Floats, Floats]:
    """Rms of one component from differences of known relative variance; outliers are cut.

    `correlation` is how many overlapping differences count as one independent one.
    """
    square = (np.abs(differences) ** 2 / variance).reshape(len(differences), -1)
    valid = np.isfinite(variance).reshape(square.shape)
    count = valid.sum(axis=1)
    if square.shape[1] == 0:
        return np.full(len(square), np.nan), np.zeros(len(square))
    ordered = np.sort(np.where(valid, square, np.inf), axis=1)
    median = np.take_along_axis(ordered, np.minimum(count // 2, square.shape[1] - 1)[:, None], axis=1)
    kept = valid & (square <= _OUTLIER / np.log(2) * median)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(kept, square, 0.0).sum(axis=1) / kept.sum(axis=1)
    few = count < _FEWEST_DIFFERENCES
    return np.where(few, np.nan, np.sqrt(mean / 2)), np.where(few, 0.0, kept.sum(axis=1) / correlation)
