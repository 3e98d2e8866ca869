# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of axes that move seldom: a limit that moves means that everything is drawn anew.

In go the extremes of the data of each frame, out come limits that hold for many frames: they grow at once, with some
room to spare, and shrink after the data have been small for a while, so that noise does not move them.
"""

from __future__ import annotations

import math

_PATIENCE = 12
"""Frames with small data before a limit shrinks."""
_ROOM = 1.2
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def round_up(value: float) -> float:
    """The next round number above a positive one."""
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in _STEPS if step * power >= value * (1 - 1e-12))
    return step * power


class Ceiling:
    """Upper limit of what begins at zero; a round number.

    Attributes
    ----------
    limit : float
        1 as long as there are no data.
    """

    def __init__(self) -> None:
        self.limit = 1.0
        self._is_set = False
        self._small_frames = 0
        self._highest_small = 0.0

    def take(self, highest: float) -> float:
        """Give the limit for data up to this; NaN, infinity or nothing above zero leave it where it is."""
        if not (math.isfinite(highest) and highest > 0):
            return self.limit
        if not self._is_set or highest > self.limit:
            self._set(highest)
        elif round_up(highest * _ROOM) <= 0.6 * self.limit:
            self._small_frames += 1
            self._highest_small = max(self._highest_small, highest)
            if self._small_frames >= _PATIENCE:
                self._set(self._highest_small)
        else:
            self._forget_small()
        return self.limit

    def _set(self, highest: float) -> None:
        self.limit, self._is_set = round_up(highest * _ROOM), True
        self._forget_small()

    def _forget_small(self) -> None:
        self._small_frames, self._highest_small = 0, 0.0


class Span:
    """Both limits of an axis.

    Parameters
    ----------
    smallest : float
        Length that it never falls short of.
    below, above : float
        Room on either side when it is set, as a share of the length of the data.
    """

    def __init__(self, smallest: float, *, below: float = 0.2, above: float = 0.2) -> None:
        self._smallest, self._below, self._above = smallest, below, above
        self._limits: tuple[float, float] | None = None
        self._small_frames = 0

    def take(self, low: float, high: float) -> tuple[float, float]:
        """Give the limits for data from `low` to `high`; NaN leaves them where they are."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return self._limits or (0.0, self._smallest)
        if self._limits is None or low < self._limits[0] or high > self._limits[1]:
            self._set(low, high)
        elif max(high - low, self._smallest) < 0.4 * (self._limits[1] - self._limits[0]):
            self._small_frames += 1
            if self._small_frames >= _PATIENCE:
                self._set(low, high)
        else:
            self._small_frames = 0
        assert self._limits is not None
        return self._limits

    def _set(self, low: float, high: float) -> None:
        self._small_frames = 0
        length = max(high - low, self._smallest)
        middle = (low + high) / 2
        low, high = min(low, middle - length / 2), max(high, middle + length / 2)
        self._limits = (low - self._below * length, high + self._above * length)
