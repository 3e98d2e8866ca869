# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates of fringes that nobody sees, from those of the same antennas: rates of baselines are differences of theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rates_by_antennas(
    baselines: Sequence[tuple[int, int]], rate: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rates of baselines by least squares over what is known.

    Parameters
    ----------
    baselines : sequence of (int, int)
        Their two antennas.
    rate, weight : ndarray, shape (center, bin, baseline, band, polarization)
        Rates, and their weights, 0 where they are not known.

    Returns
    -------
    ndarray, shape (center, bin, baseline)
        NaN where what is known does not connect the two antennas.
    """
    pairs = np.array(baselines, dtype=np.int64).reshape(-1, 2)
    antennas = np.unique(pairs)
    design = (pairs[:, 1:] == antennas).astype(float) - (pairs[:, :1] == antennas)
    total = weight.sum(axis=(3, 4))
    summed = np.where(weight > 0, rate * weight, 0.0).sum(axis=(3, 4))
    found = np.full(total.shape, np.nan)
    for plane in np.ndindex(*total.shape[:2]):
        seen = total[plane] > 0
        if not seen.any():
            continue
        inverse = np.linalg.pinv(design[seen])
        is_known = np.abs(design @ inverse @ design[seen] - design).max(axis=1) < 1e-6
        solved = design @ (inverse @ (summed[plane][seen] / total[plane][seen]))
        found[plane] = np.where(is_known, solved, np.nan)
    return found
