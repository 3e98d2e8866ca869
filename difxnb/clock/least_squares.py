# SPDX-License-Identifier: GPL-3.0-or-later
"""Weighted least squares that names what does not fit.

Residuals are judged by what they should scatter by: r / (σ √redundancy) is N(0, 1) for a good observation (the
w-test of W. Baarda, "A testing procedure for use in geodetic networks", 1968). Outliers are looked for from a fit
that bounds what one observation can do (P. J. Huber, "Robust Statistics", 1981), since one large error spoils many
residuals. An observation whose error another one could as well explain is kept: nothing tells which is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammaincc

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LIMIT_SIGMA = 5.0  # of 10,000 good fringes none is lost
_HUBER = 1.5
_ROUNDS = 20
_STILL = 0.1  # errors
_NO_REDUNDANCY = 1e-6
_SAME_ERROR = 0.99  # squared correlation of two residuals from which on they tell the same
_MAD = 1.4826  # rms over median absolute value, of a normal distribution
_DOUBTFUL = 0.01  # probability of a χ² below which stated errors are not believed
_SINGULAR = 1e-10
_BLOCK = 4096


@dataclass(frozen=True)
class Observations:
    """What was observed: ``value = design · parameters``, but for errors.

    Attributes
    ----------
    design : sparse array
        (observation, parameter).
    value, error : ndarray
        (observation,); errors above 0.
    fringe : ndarray
        Number of the fringe that each is of: its observations are good or bad together.
    kind : ndarray
        0, 1…: observations of one kind may have errors that are too small by a common factor.
    """

    design: sparse.csr_array
    value: Floats
    error: Floats
    fringe: NDArray[np.int64]
    kind: NDArray[np.int64]


@dataclass(frozen=True)
class Adjustment:
    """Parameters that fit best.

    Attributes
    ----------
    parameters, covariance : ndarray
        With errors as stated, times `scales` where they are too small.
    residual, n_sigma : ndarray
        (observation,) observed minus fitted, and in units of what it should scatter by (stated errors); NaN where
        nothing else checks the observation.
    used : ndarray
        False for outliers.
    chi_squared : float
        Of what was used, with the stated errors.
    degrees_of_freedom : int
    scales : ndarray
        (kind,) factors, 1 or more, that errors were found to be too small by.
    """

    parameters: Floats
    covariance: Floats
    residual: Floats
    n_sigma: Floats
    used: Bools
    chi_squared: float
    degrees_of_freedom: int
    scales: Floats


def adjust(observations: Observations, *, robust: bool) -> Adjustment:
    """Fit parameters; outliers are left out where that is asked for.

    The normal matrix has to be regular (see :func:`undetermined`).
    """
    kinds = int(observations.kind.max(initial=0)) + 1
    used = np.ones(len(observations.value), dtype=bool)
    if robust:
        used = _without_outliers(observations, _starting_set(observations))
    scales = np.ones(kinds)
    stated = fit = _Fit(observations, used, scales)
    for _ in range(4):  # each factor changes the weights, and hence, a little, the other
        before, scales = scales, _scales(fit, kinds)
        if (scales == before).all():
            break
        fit = _Fit(observations, used, scales)
    chi_squared = float(((fit.residual / observations.error)[used] ** 2).sum())
    freedom = int(used.sum()) - observations.design.shape[1]
    return Adjustment(
        fit.parameters, fit.covariance, fit.residual, stated.n_sigma, used, chi_squared, freedom, scales
    )


def undetermined(observations: Observations) -> Bools:
    """Parameters that the observations do not tell, each or only together with others."""
    normal = _normal(observations.design, 1 / observations.error**2)
    return _null(normal)


def _null(normal: Floats) -> Bools:
    diagonal = normal.diagonal()
    blind = diagonal <= 0
    inverse = np.where(blind, 0.0, 1 / np.sqrt(np.where(blind, 1.0, diagonal)))
    values, vectors = np.linalg.eigh(normal * inverse[:, None] * inverse)
    loose = vectors[:, values < _SINGULAR]
    return np.asarray((np.abs(loose) > 1e-5).any(axis=1) | blind, dtype=bool)


class _Fit:
    """One weighted fit of the observations that are used, and what all of them are off by."""

    def __init__(self, observations: Observations, used: Bools, scales: Floats) -> None:
        error = observations.error * scales[observations.kind]
        self.observations, self.used, self.error = observations, used, error
        weight = np.where(used, 1 / error**2, 0.0)
        self.covariance = _inverse(_normal(observations.design, weight))
        self.parameters: Floats = self.covariance @ (observations.design.T @ (weight * observations.value))
        missed = observations.value - observations.design @ self.parameters
        self.residual: Floats = np.asarray(missed, dtype=np.float64)
        self.spread = _spread(observations.design, self.covariance)

    @property
    def redundancy(self) -> Floats:
        """Share of its own error that shows in the residual; above 1 where it is not used."""
        return 1 + np.where(self.used, -1, 1) * self.spread / self.error**2

    @property
    def n_sigma(self) -> Floats:
        redundancy = self.redundancy
        seen = redundancy > _NO_REDUNDANCY
        return np.where(seen, self.residual / (self.error * np.sqrt(np.where(seen, redundancy, 1.0))), np.nan)


def _normal(design: sparse.csr_array, weight: Floats) -> Floats:
    return np.asarray((design.T @ sparse.diags_array(weight) @ design).todense(), dtype=np.float64)


def _inverse(normal: Floats) -> Floats:
    """Inverse of a normal matrix, by way of one with a unit diagonal: units of parameters differ by 1e10."""
    inverse = 1 / np.sqrt(normal.diagonal())
    scaled = np.linalg.inv(normal * inverse[:, None] * inverse) * inverse[:, None] * inverse
    return np.asarray(scaled, dtype=np.float64)


def _spread(design: sparse.csr_array, covariance: Floats) -> Floats:
    """Variance of the fitted value of each observation, in blocks so that memory stays bounded."""
    parts = []
    for start in range(0, design.shape[0], _BLOCK):
        block = design[start : start + _BLOCK]
        parts.append(np.asarray(block.multiply(block @ covariance).sum(axis=1)).ravel())
    return np.concatenate(parts) if parts else np.zeros(0)


def _starting_set(observations: Observations) -> Bools:
    """Observations that a fit with bounded influence finds good.

    No observation is taken for better than the median one of its kind, or a single wrong one with a small error
    would drag all others along.
    """
    error = _at_least_median(observations)
    off = np.zeros(len(error))
    for _ in range(_ROUNDS):
        weight = _HUBER / np.maximum(off, _HUBER) / error**2
        parameters = _inverse(_normal(observations.design, weight)) @ (
            observations.design.T @ (weight * observations.value)
        )
        before, off = off, np.abs(observations.value - observations.design @ parameters) / error
        if np.abs(off - before).max(initial=0.0) < _STILL:
            break
    good = off <= LIMIT_SIGMA * _believed(off, np.ones(len(off), dtype=bool), observations.kind)
    return _regular(observations, _whole_fringes(observations, good))


def _at_least_median(observations: Observations) -> Floats:
    floor = [
        float(np.median(observations.error[observations.kind == one]))
        for one in range(observations.kind.max(initial=0) + 1)
    ]
    return np.maximum(observations.error, np.array(floor, dtype=np.float64)[observations.kind])


def _believed(off: Floats, used: Bools, kind: NDArray[np.int64]) -> Floats:
    """Factor by which errors of each observation's kind are too small, from the median of what they are off by."""
    factors = np.ones(int(kind.max(initial=0)) + 1)
    for one in range(len(factors)):
        chosen = np.abs(off[used & (kind == one) & np.isfinite(off)])
        if chosen.size:
            factors[one] = max(1.0, _MAD * float(np.median(chosen)))
    return factors[kind]


def _whole_fringes(observations: Observations, good: Bools) -> Bools:
    """A fringe is good where all of its observations are."""
    bad = np.zeros(int(observations.fringe.max(initial=0)) + 1, dtype=bool)
    bad[observations.fringe[~good]] = True
    return ~bad[observations.fringe]


def _regular(observations: Observations, used: Bools) -> Bools:
    """Take fringes back without which a parameter would not be determined."""
    lost = _null(_normal(observations.design, used / observations.error**2))
    if not lost.any():
        return used
    needed = np.asarray(abs(observations.design) @ lost.astype(float)) > 0
    taken_back = ~_whole_fringes(observations, used | ~needed)
    return used | taken_back


def _without_outliers(observations: Observations, used: Bools) -> Bools:
    """Leave out, and take back, until nothing changes."""
    kinds = np.ones(int(observations.kind.max(initial=0)) + 1)
    kept_for_good = np.zeros(len(used), dtype=bool)
    seen: set[bytes] = set()
    for _ in range(_ROUNDS):
        fit = _Fit(observations, used, kinds)
        off = np.abs(np.nan_to_num(fit.n_sigma))
        good = off <= LIMIT_SIGMA * _believed(fit.n_sigma, used, observations.kind)
        good = _whole_fringes(observations, good | kept_for_good)
        kept_for_good |= _not_alone(fit, ~good, off)
        good = _regular(observations, _whole_fringes(observations, good | kept_for_good))
        if (good == used).all() or good.tobytes() in seen:
            return good
        seen.add(good.tobytes())
        used = good
    return used


def _not_alone(fit: _Fit, bad: Bools, off: Floats) -> Bools:
    """Fringes that are off, but by an error that one of those in use could as well have.

    With residuals r of a fit that observation i takes no part in, u = C·a_i and v = σ_i² + a_i·u, the squared
    correlation of the residuals of i and j would be q/(R_jj + q), q = (a_j·u)²/v, were i used too.
    """
    observations = fit.observations
    found = np.zeros(len(bad), dtype=bool)
    own = np.where(fit.used, fit.error**2 - fit.spread, np.inf)
    for fringe in np.unique(observations.fringe[bad & ~fit.used]):
        rows = np.flatnonzero(observations.fringe == fringe)
        worst = rows[np.argmax(off[rows])]
        direction = fit.covariance @ observations.design[[worst]].toarray()[0]
        variance = fit.error[worst] ** 2 + fit.spread[worst]
        shared = (observations.design @ direction) ** 2 / variance
        same = shared > _SAME_ERROR * (np.maximum(own, 0) + shared)
        relevant = shared > _NO_REDUNDANCY * fit.error**2
        if (same & relevant & fit.used).any():
            found[rows] = True
    return found


def _scales(fit: _Fit, kinds: int) -> Floats:
    """Factors by which stated errors are too small: √(Σ r²/σ² / redundancy) where chance does not explain them.

    The probability of a χ² at least that high is Q(freedom/2, χ²/2), Q the regularised incomplete gamma function.
    """
    stated = fit.observations.error
    scales = np.ones(kinds)
    for one in range(kinds):
        rows = fit.used & (fit.observations.kind == one)
        freedom = float(fit.redundancy[rows].sum())
        chi_squared = float(((fit.residual / stated)[rows] ** 2).sum())
        if freedom > _NO_REDUNDANCY and gammaincc(freedom / 2, chi_squared / 2) < _DOUBTFUL:
            scales[one] = np.sqrt(chi_squared / freedom)
    return scales
