# SPDX-License-Identifier: GPL-3.0-or-later
"""The axes of a fringe fit and the windows of its search: frequencies and times in, checked grids out.

A fit works about the middle ν₀ of its frequencies and the middle t₀ of its times, where its parameters hardly
depend on each other; what the user asked to have stated elsewhere is carried there at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axes:
    """Channels and integrations that take part.

    Attributes
    ----------
    channels : slice
        Channels that take part, of all that were given.
    width : float
        Spacing of the channels, Hz.
    middle_hz, middle_s : float
        ν₀ and t₀.
    offset_hz, offset_s : ndarray
        ν − ν₀ of the channels that take part, t − t₀.
    spacing : float
        Usual spacing of the integrations, s; 1 where there is but one.
    """

    channels: slice
    width: float
    middle_hz: float
    middle_s: float
    offset_hz: Floats
    offset_s: Floats
    spacing: float

    @property
    def units(self) -> tuple[float, float]:
        """Half spans of ν − ν₀ (Hz) and of ν₀ (t − t₀): what makes delay and rate of order one."""
        half_hz = max(float(np.abs(self.offset_hz).max(initial=0.0)), self.width)
        half_s = max(float(np.abs(self.offset_s).max(initial=0.0)), self.spacing / 2)
        return half_hz, half_s * abs(self.middle_hz) or 1.0

    @property
    def delay_range(self) -> float:
        """Delays that differ by this (s) cannot be told apart."""
        return 1 / self.width

    @property
    def rate_range(self) -> float:
        """Rates that differ by this (s/s) cannot be told apart."""
        return 1 / (self.spacing * abs(self.middle_hz)) if self.offset_s.size > 1 else 1.0


def make_axes(frequency_hz: ArrayLike, time_s: ArrayLike, shape: tuple[int, ...], edge_channels: int) -> Axes:
    """Check the axes of visibilities of this shape (…, time, channel); ValueError says what does not fit."""
    frequency, time = np.asarray(frequency_hz, dtype=float), np.asarray(time_s, dtype=float)
    if len(shape) < 2 or shape[-2:] != (time.size, frequency.size):
        raise ValueError(f"{time.size} times and {frequency.size} frequencies do not fit {shape}")
    if not np.isfinite(time).all() or not np.all(np.diff(time) > 0):
        raise ValueError("the times of a fringe fit must be finite and ascend")
    chosen, width, middle = _fit_channels(frequency, edge_channels)
    if time.size > 1 and middle <= 0:
        raise ValueError(f"a fringe fit over time needs sky frequencies, got a band about {middle} Hz")
    used = frequency[chosen]
    middle_s = float(time[0] + time[-1]) / 2 if time.size else 0.0
    steps = np.diff(time)
    return Axes(
        channels=chosen,
        width=width,
        middle_hz=middle,
        middle_s=middle_s,
        offset_hz=used[0] - middle + width * np.arange(used.size),
        offset_s=time - middle_s,
        spacing=float(np.quantile(steps, 0.5, method="lower")) if steps.size else 1.0,
    )


def _fit_channels(frequency: Floats, edge_channels: int) -> tuple[slice, float, float]:
    """Channels that take part, their spacing and the middle of the whole axis (Hz)."""
    count = int(np.isfinite(frequency).sum())
    if edge_channels < 0 or count < 2 or not np.isfinite(frequency[:count]).all():
        raise ValueError(
            "a fringe fit needs two or more frequencies, NaN only behind the last, and no negative edge"
        )
    steps = np.diff(frequency[:count])
    if not np.allclose(steps, steps.mean(), rtol=1e-3, atol=0) or steps.mean() <= 0:
        raise ValueError("the frequencies of a fringe fit must be evenly spaced and ascending")
    edge = min(edge_channels, max(0, (count - 4) // 2))
    return slice(edge, count - edge), float(steps.mean()), float(frequency[0] + frequency[count - 1]) / 2


@dataclass(frozen=True, slots=True)
class Range:
    """What is searched of one coordinate: from `low` to `high`, which repeats after `period`."""

    low: float
    high: float
    period: float

    @property
    def middle(self) -> float:
        """Middle of the window."""
        return (self.low + self.high) / 2

    @property
    def whole(self) -> bool:
        """Whether everything that can be told apart is searched, so that there are no borders."""
        return self.high - self.low >= self.period * (1 - 1e-9)

    def nearest(self, value: Floats) -> Floats:
        """The same but for whole periods, as near to the middle of the window as can be."""
        return value - self.period * np.rint((value - self.middle) / self.period)

    def confine(self, value: Floats) -> Floats:
        """The same, within the window where that has borders."""
        return value if self.whole else np.clip(value, self.low, self.high)

    def on_border(self, value: Floats) -> NDArray[np.bool_]:
        """Which values lie on a border."""
        return (not self.whole) & ((value <= self.low) | (value >= self.high))


def make_range(window: Window | None, period: float, name: str) -> Range:
    """The window that is searched: what was asked for, at most one period of it."""
    if window is None:
        return Range(-period / 2, period / 2, period)
    low, high = (float(border) for border in window)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"the {name} window of a fringe fit is (lowest, highest), finite; got {window!r}")
    middle = (low + high) / 2
    return Range(max(low, middle - period / 2), min(high, middle + period / 2), period)
