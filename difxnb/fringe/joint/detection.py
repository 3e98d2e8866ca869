# SPDX-License-Identifier: GPL-3.0-or-later
"""How often noise alone gives a joint fit a peak as high as the one that was found.

In one cell the sum of the squared SNR of n groups is a chi-squared variable of k = 2n degrees of freedom. The
search is over a continuous delay and rate, so the expected number of peaks above u is used: the density of
the Euler characteristic of a chi-squared field (K. J. Worsley, Advances in Applied Probability 26, 13 (1994),
theorem 3.2 and section 5) times the size of the window in units in which its gradient has variance 1. For one
group these are the numbers of :func:`difxnb.fringe.false_alarm_probability`.

Peaks of a multi-band delay function do not come alone: after one ambiguity of the band spacing the function
comes back. Where the bands lie on a lattice the delays wind around a surface, one way round with the period
of the ambiguity and slowly along the other, within the bands; the maximum along that line is no higher than
that on the surface, and the expected number of peaks on the surface counts each family of peaks once. The
smaller of the two numbers is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.special is dear: it is loaded when it is used
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SearchedWindow:
    """What was searched: arrays of shape (item,).

    Attributes
    ----------
    spread : ndarray, shape (item, 2, 2)
        Covariance of (ν − ν₀, ν (t − t₀)), mean of the groups, Hz and dimensionless.
    within : ndarray, shape (item,)
        Part of spread[0, 0] that lies within bands, Hz².
    period : ndarray, shape (item,)
        Shift in delay after which the delay function repeats, s; NaN or inf where it does not.
    delay, rate : float
        Widths of the windows, s and s/s; the rate's is 0 where none was fitted.
    borders : (bool, bool)
        Whether the windows are narrower than the unambiguous ranges.
    """

    spread: Floats
    within: Floats
    period: Floats
    delay: float
    rate: Floats
    borders: tuple[bool, bool]


def joint_false_alarm(
    power: Floats, groups: NDArray[np.int64], degrees: Floats, window: SearchedWindow
) -> Floats:
    """Probability that noise gives at least this power anywhere in the window.

    Parameters
    ----------
    power : ndarray, shape (item,)
        Squared SNR, summed over groups.
    groups : ndarray of int, shape (item,)
        Groups with data.
    degrees : ndarray, shape (item,)
        Complex degrees of freedom of the noise estimate, inf where σ is known.
    window : SearchedWindow
        What was searched.
    """
    found = np.full(power.shape, np.nan)
    for count in np.unique(groups[groups > 0]):
        some = groups == count
        density = [_density(order, power[some], int(count), degrees[some]) for order in range(4)]
        found[some] = -np.expm1(-_expected(density, window, some))
    return np.where(np.isnan(power), np.nan, found)


def _expected(density: list[Floats], window: SearchedWindow, some: NDArray[np.bool_]) -> Floats:
    """Expected number of peaks for some of the items, given the densities per unit of volume."""
    spread = (2 * np.pi) ** 2 * window.spread[some]
    length = np.sqrt(spread[:, 0, 0]) * window.delay
    width = np.sqrt(spread[:, 1, 1]) * window.rate[some]
    with np.errstate(divide="ignore", invalid="ignore"):
        slant = np.sqrt(np.clip(1 - spread[:, 0, 1] ** 2 / (spread[:, 0, 0] * spread[:, 1, 1]), 0, 1))
    slant = np.where(np.isfinite(slant), slant, 1.0)
    border, border_rate = window.borders
    line = _volumes(density[:3], length, width, border, border_rate, slant)
    repeats = window.period[some] < window.delay
    period = np.where(repeats, window.period[some], 0.0)
    inner = (2 * np.pi) ** 2 * window.within[some]
    around = np.sqrt(np.maximum(spread[:, 0, 0] - inner, 0.0)) * period
    # one dimension more, closed in itself: each density is that of the next order
    surface = around * _volumes(
        density[1:], np.sqrt(inner) * window.delay, width, border, border_rate, np.ones_like(slant)
    )
    return np.where(repeats, np.minimum(line, surface), line)


def _volumes(
    density: list[Floats], length: Floats, width: Floats, border: bool, border_rate: bool, slant: Floats
) -> Floats:
    """Peaks of a window of these sizes: its area, its borders and its corner."""
    has_rate = width > 0
    area = (
        slant * length * width * density[2] + border_rate * length * density[1] + border * width * density[1]
    )
    alone = length * density[1] + border * density[0]
    return np.where(has_rate, area + border * border_rate * density[0], alone)


def _density(order: int, power: Floats, groups: int, degrees: Floats) -> Floats:
    """Density of the Euler characteristic of a chi-squared field, never rising with the power."""
    k = 2 * groups
    if order == 0:  # a sum of terms like those below, the upper tail of the chi-squared distribution
        u = np.maximum(power, 0.0)
        terms = [
            _term(u, float(j), degrees) * np.exp(-j * np.log(2) - scipy.special.gammaln(j + 1))
            for j in range(groups)
        ]
        return np.asarray(sum(terms), dtype=float)
    # beyond the last maximum, which the polynomial of the next order has as its root
    u = np.maximum(power, np.roots(_polynomial(order + 1, k)).real.max())
    scale = np.exp(-(order / 2) * np.log(2 * np.pi) - (k - 2) / 2 * np.log(2) - scipy.special.gammaln(k / 2))
    exponents = (k - order) / 2 + np.arange(order - 1, -1, -1)
    terms = [
        factor * _term(u, a, degrees)
        for factor, a in zip(_polynomial(order, k), exponents, strict=True)
        if factor != 0
    ]
    return np.asarray(scale * sum(terms), dtype=float)


def _term(power: Floats, exponent: float, degrees: Floats) -> Floats:
    """u^a exp(−u/2), or its mean over γ u where γ is a σ² that was measured with m degrees of freedom.

    γ has a gamma distribution of mean 1 and shape m, and the mean of (γ u)^a exp(−γ u/2) is
    Γ(m + a)/Γ(m) (u/m)^a (1 + u/2m)^−(m + a).
    """
    known = ~np.isfinite(degrees)
    m = np.where(known, 1.0, np.maximum(degrees, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(power > 0, exponent * np.log(power), 0.0 if exponent == 0 else -np.inf)
    mean = (
        scipy.special.gammaln(m + exponent)
        - scipy.special.gammaln(m)
        - exponent * np.log(m)
        - (m + exponent) * np.log1p(power / (2 * m))
    )
    return np.asarray(np.exp(level + np.where(known, -power / 2, mean)), dtype=float)


def _polynomial(order: int, k: int) -> list[float]:
    """Polynomial in the density of this order for k degrees of freedom, the highest power first.

    A density is u^((k − order)/2) exp(−u/2) times its polynomial, and its derivative has the polynomial of the next.
    """
    found = np.ones(1)
    for n in range(1, order):
        found = np.polysub(np.polymul(found, [1.0, n - k]), np.polymul([2.0, 0.0], np.polyder(found)))
    return [float(value) for value in found]
