# SPDX-License-Identifier: GPL-3.0-or-later
"""No more points than a picture has room for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def highest_of(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Values with only the highest of each few that follow each other, so that no line is lost.

    Parameters
    ----------
    values : ndarray, shape (point,)
        NaN counts as absent.
    most : int
        Points at most.
    """
    few = -(-values.size // most)
    if few <= 1:
        return values
    padded = np.full(-(-values.size // few) * few, -np.inf)
    padded[: values.size] = np.where(np.isnan(values), -np.inf, values)
    highest = padded.reshape(-1, few).max(axis=1)
    return np.where(np.isinf(highest), np.nan, highest)


def mean_of(values: NDArray[np.complex128], most: int) -> NDArray[np.complex128]:
    """Values with the mean of each few that follow each other, of those that are there."""
    few = -(-values.size // most)
    if few <= 1:
        return values
    padded = np.full(-(-values.size // few) * few, np.nan, dtype=np.complex128)
    padded[: values.size] = values
    grouped = padded.reshape(-1, few)
    present = np.isfinite(grouped)
    count = present.sum(axis=1)
    total = np.where(present, grouped, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
