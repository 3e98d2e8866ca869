# SPDX-License-Identifier: GPL-3.0-or-later
"""Lag spectra of mean spectra, and where the fitted delays stand on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from difxnb.fringe import lag_axis, lag_spectrum
from difxnb.plots.live.limits import Ceiling
from difxnb.plots.live.means import Means

_PADDING = 4
_REACH = 16  # lags shown on either side, in units of 1/bandwidth

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LagCurve:
    """Magnitude of the lag spectrum of a baseline and polarization, the mean over bands that share a lag axis.

    Attributes
    ----------
    lag : ndarray
        s, ascending.
    height : ndarray
        In the units of the spectra.
    reach : float
        s, how far it is worth looking.
    delay : float
        s, fitted over the scan, the mean over the bands by the errors; NaN where no fringe was found.
    """

    lag: Floats
    height: Floats
    reach: float
    delay: float

    def within(self, reach: float, factor: float) -> tuple[Floats, Floats]:
        """The part that is seen, in units of 1/factor seconds."""
        begin, end = np.searchsorted(self.lag, (-reach, reach))
        part = slice(max(0, int(begin) - 1), int(end) + 1)
        return self.lag[part] * factor, self.height[part]

    def mark(self, factor: float) -> tuple[list[float], list[float]]:
        """A point above the fitted delay; none without a fringe."""
        if not np.isfinite(self.delay):
            return [], []
        return [self.delay * factor], [float(np.interp(self.delay, self.lag, self.height)) * 1.06]


def lag_unit(reach: float) -> tuple[str, float]:
    """Unit for lags that reach so far, and the factor to it from seconds."""
    return ("ns", 1e9) if reach < 2e-6 else ("µs", 1e6)


def lag_curves(means: Means, *, whole: bool = False) -> dict[tuple[str, str], LagCurve]:
    """Lag curves by baseline and polarization, of those that have data; `whole`: all lags are worth looking at."""
    chosen = means.chosen
    bands = _alike(means)
    if not bands or not chosen.baselines:
        return {}
    frequency = chosen.frequency(chosen.bands[bands[0]])
    width = float(frequency[1] - frequency[0])
    lag = lag_axis(frequency.size, width, padding=_PADDING)
    spectra = means.spectra[:, bands][..., : frequency.size].copy()
    spectra[..., [0, -1]] = np.nan  # the edges carry no fringe to be trusted
    with np.errstate(invalid="ignore"):
        heights = np.abs(lag_spectrum(spectra, padding=_PADDING))
    there = np.asarray(np.isfinite(spectra).any(axis=-1))
    count = there.sum(axis=1)
    heights = np.where(there[..., None], heights, 0).sum(axis=1) / np.maximum(count, 1)[..., None]
    found = {}
    for row, baseline in enumerate(chosen.baselines):
        for column, hand in enumerate(chosen.polarizations):
            if count[row, column]:
                delay = _delay(means, baseline.name, hand)
                reach = 0.5 / width if whole else _reach(frequency.size, width, delay)
                found[baseline.name, hand] = LagCurve(lag, heights[row, column], reach, delay)
    return found


def reach_of(ceiling: Ceiling, curves: Iterable[LagCurve]) -> float:
    """How far lags are shown, s: steady, and not beyond where there are any."""
    found = list(curves)
    wanted = ceiling.take(max((curve.reach for curve in found), default=float("nan")))
    return min([wanted, *(float(-curve.lag[0]) for curve in found)])


def show_lag(line: Line2D, mark: Line2D, curve: LagCurve | None, reach: float) -> None:
    """Give a line the lags of a curve, and a mark its delay."""
    factor = lag_unit(reach)[1]
    for one in (line, mark):
        one.set_data([], [])
    if curve is not None:
        line.set_data(*curve.within(reach, factor))
        mark.set_data(*curve.mark(factor))


def _alike(means: Means) -> list[int]:
    """Places of the bands that share the lag axis of the first that can have one."""
    axes = [
        (frequency.size, round(float(frequency[1] - frequency[0]), 3)) if frequency.size > 3 else None
        for frequency in map(means.chosen.frequency, means.chosen.bands)
    ]
    first = next((one for one in axes if one is not None), None)
    return [place for place, one in enumerate(axes) if one is not None and one == first]


def _reach(channels: int, width: float, delay: float) -> float:
    near = _REACH / (width * channels)
    return float(min(0.5 / width, max(near, 2 * abs(np.nan_to_num(delay)))))


def _delay(means: Means, baseline: str, hand: str) -> float:
    fits = [
        fringe
        for band in means.chosen.bands
        if (fringe := means.fringes.get((baseline, band, hand))) is not None
    ]
    if not fits:
        return float("nan")
    weight = [1 / max(float(fit["delay_error"]), 1e-15) ** 2 for fit in fits]
    return float(np.average([float(fit["delay"]) for fit in fits], weights=weight))
