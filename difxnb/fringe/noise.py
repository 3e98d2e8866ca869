# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the noise is in stopped visibilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST_DIFFERENCES = 4  # fewer say nothing about the noise
_OUTLIER = 10.0  # in units of the mean square: noise goes beyond it once in 22 000
_MEDIAN_OF = 512  # differences are enough for the median, which only serves to tell outliers


def measure_noise(
    stopped: NDArray[np.complexfloating], weight: NDArray[np.floating]
) -> tuple[Floats, Floats]:
    """Rms of one component at weight 1 per item, and the complex degrees of freedom of that number.

    `stopped` holds visibilities (item, time, channel) whose fringe has been stopped, `weight` has the same shape
    or (item, time, 1), 0 for what does not count. Differences between neighbouring channels and integrations are
    taken, both at once, or second differences along the spectrum where an item has a single integration.
    """
    with np.errstate(divide="ignore"):
        variance = 1 / np.asarray(weight, dtype=float)  # infinite where there is nothing
    between = _between_integrations(stopped, variance)
    enough = np.isfinite(between[0])
    if enough.all():
        return between
    along = _along_channels(stopped, variance)
    return np.where(enough, between[0], along[0]), np.where(enough, between[1], along[1])


def _along_channels(stopped: NDArray[np.complexfloating], variance: Floats) -> tuple[Floats, Floats]:
    second = np.diff(stopped, n=2, axis=2)
    return _mean_square(second, _neighbours(variance, (1, 4, 1)), 35 / 18)


def _between_integrations(stopped: NDArray[np.complexfloating], variance: Floats) -> tuple[Floats, Floats]:
    pairs = np.diff(np.diff(stopped, axis=2), axis=1)
    pair_variance = _neighbours(variance, (1, 1))
    # neighbouring differences share a visibility, which makes a quarter of their squares common
    correlation = float(np.prod([1.5 - 0.5 / max(1, count) for count in pairs.shape[1:]]))
    return _mean_square(pairs, pair_variance[:, 1:] + pair_variance[:, :-1], correlation)


def _neighbours(variance: Floats, factors: tuple[int, ...]) -> Floats:
    """Variance of a difference of neighbouring channels with these squared coefficients."""
    if variance.shape[2] == 1:
        return np.asarray(variance * sum(factors))
    last = variance.shape[2] - len(factors) + 1
    return np.asarray(
        sum(f * variance[:, :, i : i + max(0, last)] for i, f in enumerate(factors)), dtype=float
    )


def _mean_square(
    differences: NDArray[np.complexfloating], variance: Floats, correlation: float
) -> tuple[Floats, Floats]:
    """Rms of one component from differences of known relative variance; outliers are cut.

    `correlation` is how many overlapping differences count as one independent one.
    """
    items, number = len(differences), differences[:1].size
    if number == 0:
        return np.full(items, np.nan), np.zeros(items)
    size = np.abs(differences)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 / np.sqrt(variance)  # 0 where there is nothing
        median, count = _medians(size, scale)
        size *= (scale / median[:, None, None]).astype(size.dtype)  # before squares, which might overflow
        far = size > np.sqrt(_OUTLIER / np.log(2))
        size[far] = 0
        kept = count - far.sum(axis=(1, 2))
        rms = median * np.sqrt(np.einsum("itc,itc->i", size, size).astype(float) / kept)
    few = count < _FEWEST_DIFFERENCES
    return np.where(few, np.nan, np.where(median > 0, rms / np.sqrt(2), 0.0)), np.where(
        few, 0.0, kept / correlation
    )


def _medians(size: NDArray[np.floating], scale: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Median of size times scale where there is a scale, and of how many; of many a part will do."""
    items, number = len(size), size[:1].size
    scale = np.broadcast_to(scale, size.shape)
    if (scale > 0).all():
        place = np.arange(0, number, number // _MEDIAN_OF | 1)  # odd, lest it follow a pattern of two or four
        time, channel = np.divmod(place, size.shape[2])
        ordered = np.sort(size[:, time, channel] * scale[:, time, channel], axis=1)
        return ordered[:, place.size // 2], np.full(items, number)
    valid = scale > 0
    count = valid.sum(axis=(1, 2))
    ordered = np.sort(np.where(valid, size * scale, np.inf).reshape(items, -1), axis=1)
    middle = np.minimum(count // 2, number - 1)
    return np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0], count
