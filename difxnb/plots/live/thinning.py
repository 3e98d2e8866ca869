# SPDX-License-Identifier: GPL-3.0-or-later
"""No more points than a picture has room for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def highest_of(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Values with only the highest of each few that follow each other, so that no line is lost.

    Parameters
    ----------
    values : ndarray, shape (..., point)
        NaN counts as absent.
    most : int
        Points at most.
    """
    few = -(-values.shape[-1] // most)
    if few <= 1:
        return values
    highest = _grouped(np.where(np.isnan(values), -np.inf, values), few, -np.inf).max(axis=-1)
    return np.where(np.isinf(highest), np.nan, highest)


def mean_of(values: NDArray[np.complex128], most: int) -> NDArray[np.complex128]:
    """Values (..., point) with the mean of each few that follow each other, of those that are there."""
    few = -(-values.shape[-1] // most)
    if few <= 1:
        return values
    present = np.isfinite(values)
    total = _grouped(np.where(present, values, 0), few, 0).sum(axis=-1)
    count = _grouped(present, few, 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _grouped(values: NDArray[Any], few: int, filling: float) -> NDArray[Any]:
    """Values (..., group, few), the last group filled up."""
    *others, points = values.shape
    lacking = -points % few
    if lacking:
        ends = [(0, 0)] * len(others)
        values = np.pad(values, [*ends, (0, lacking)], constant_values=filling)
    return values.reshape(*others, -1, few)
