# SPDX-License-Identifier: GPL-3.0-or-later
"""How often noise alone looks like a fringe: SNR and the size of a search in, probabilities out."""

from __future__ import annotations

import numpy as np
import scipy  # scipy.special is dear: it is loaded when it is used
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


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
    cells the expected number of peaks above s is used (S. O. Rice, Bell System Technical Journal 23, 282, 1944;
    in two dimensions R. J. Adler, The Geometry of Random Fields, 1981): √(2π) a s times that of a cell for N
    channels, and 2π a b (s² − 1) times for N channels and T integrations, where a² = (N² − 1)/12,
    b² = (T² − 1)/12. Where only a part of the range is searched, peaks count in proportion, and those whose top
    is outside are added: on a border that is a search in one dimension less, in a corner a single cell.

    Parameters
    ----------
    snr : array_like
        As in :class:`~difxnb.fringe.Fringe`.
    channels, integrations : int
        Size of what was searched, all of the same weight.
    noise_degrees : array_like
        Complex degrees of freedom m of the noise estimate.
    delay_share, rate_share : float
        Parts of the unambiguous ranges of delay and rate that were searched.

    Returns
    -------
    ndarray of float64
        0…1, falling with SNR; NaN where the SNR is NaN.
    """
    root = np.sqrt(2 * np.pi)
    lengths = (
        root * np.sqrt((channels**2 - 1) / 12) * delay_share,
        root * np.sqrt((integrations**2 - 1) / 12) * rate_share,
    )
    if integrations == 1:
        return chance_of_peak(snr, 0.0, lengths[0], float(delay_share < 1), noise_degrees)
    border, border_rate = float(delay_share < 1), float(rate_share < 1)
    lines = lengths[0] * border_rate + lengths[1] * border
    return chance_of_peak(snr, lengths[0] * lengths[1], lines, border * border_rate, noise_degrees)


def chance_of_peak(
    snr: ArrayLike, plane: ArrayLike, lines: ArrayLike, corner: ArrayLike, degrees: ArrayLike
) -> Floats:
    """The same for a search whose plane, lines and corner have these sizes, in √(2π) widths of a peak."""
    level = np.asarray(snr, dtype=float)
    # below its own maximum an expected number falls again although a peak there is certain
    top = np.maximum(level, np.sqrt(3.0))
    # Next to the smallest numbers there are, rounding may turn the difference.
    expected = np.asarray(plane) * np.maximum(_above(top, 2, degrees) - _above(top, 0, degrees), 0.0)
    expected = expected + np.asarray(lines) * _above(np.maximum(level, 1.0), 1, degrees)
    single = np.asarray(corner) * _above(level, 0, degrees)
    with np.errstate(divide="ignore"):  # certain is certain
        return np.asarray(-np.expm1(np.log1p(-single) - expected), dtype=float)


def _above(level: Floats, power: int, degrees: ArrayLike) -> Floats:
    """s^power exp(−s²/2), averaged over what an estimate of σ from that many degrees of freedom makes of s."""
    degrees = np.asarray(degrees, dtype=float)
    known = np.exp(-(level**2) / 2) * level**power
    finite = np.where(np.isfinite(degrees) & (degrees > 0), degrees, 1.0)
    gammaln = scipy.special.gammaln
    factor = np.exp(gammaln(finite + power / 2) - gammaln(finite) - power / 2 * np.log(finite))
    shrunk = 1 + level**2 / (2 * finite)
    measured = factor * level**power * shrunk ** -(finite + power / 2)
    return np.asarray(np.where(np.isinf(degrees), known, measured))
