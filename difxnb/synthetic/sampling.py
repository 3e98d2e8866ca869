# SPDX-License-Identifier: GPL-3.0-or-later
"""How 2-bit sampling changes a correlation coefficient.

The quantiser is that of every 2-bit recorder: thresholds at -T, 0 and +T, decoded as -3.3359, -1, +1, +3.3359
(``mpifxcorr-algorithm.md`` 7).
"""

from __future__ import annotations

import functools

import numpy as np

THRESHOLD = 0.98
"""T in units of the rms of the voltage."""
LEVELS = (-3.3359, -1.0, 1.0, 3.3359)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@functools.lru_cache(maxsize=256)
def quantised_correlation(coefficient: float, level1: float = 1.0, level2: float = 1.0) -> float:
    """Correlation coefficient of two 2-bit streams, from that of the Gaussian voltages before the samplers.

    Parameters
    ----------
    coefficient : float
        -1 … 1.
    level1, level2 : float
        Rms of each voltage, in units of that which the thresholds are made for.

    Returns
    -------
    float

    Notes
    -----
    By Price's theorem the covariance of the outputs grows with ρ as the sum over all pairs of steps of step heights
    times the bivariate normal density at the two thresholds; with ρ = sin θ the integrand is smooth up to ρ = 1.
    """
    powers = _output_covariance(1.0, level1, level1) * _output_covariance(1.0, level2, level2)
    return float(_output_covariance(coefficient, level1, level2) / np.sqrt(powers))


def _output_covariance(coefficient: float, level1: float, level2: float) -> float:
    end = np.arcsin(coefficient)
    rho = np.sin(end * (_NODES + 1) / 2)
    total = np.zeros_like(rho)
    thresholds = np.array([-THRESHOLD, 0.0, THRESHOLD])
    steps = np.diff(LEVELS)
    for a, step_a in zip(thresholds / level1, steps, strict=True):
        for b, step_b in zip(thresholds / level2, steps, strict=True):
            exponent = (a * a - 2 * rho * a * b + b * b) / (2 * (1 - rho**2))
            total += step_a * step_b * np.exp(-exponent) / (2 * np.pi)
    return float(np.sum(total * _WEIGHTS) * end / 2)


QUANTISATION_EFFICIENCY = quantised_correlation(1e-3) / 1e-3
"""What 2-bit sampling leaves of a small coefficient: 0.88."""
