# SPDX-License-Identifier: GPL-3.0-or-later
"""Delay, phase and SNR of each integration, fitted a few at a time so that no frame takes long.

In go looks at data that grow, out come points against time. Where there are more integrations than points, one of each
few is fitted; which ones does not change while data come. The newest are fitted first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe import estimate_fringe
from difxnb.plots.live.chosen import Chosen
from difxnb.visibility.fits.columns import NOT_DETECTED
from difxnb.visibility.fits.weights import known_weights

MOST_ROWS = 240
_AT_ONCE = 72  # spectra that are fitted for a frame
_FEWEST_CHANNELS = 4
_QUANTITIES = ("delay", "phase", "snr")


@dataclass(frozen=True)
class _Row:
    """Fits of an integration, (baseline, band, polarization), and how many spectra it had then."""

    present: int
    delay: NDArray[np.float64]
    phase: NDArray[np.float64]
    snr: NDArray[np.float64]


@dataclass(frozen=True)
class TrackPoints:
    """Points against time.

    Attributes
    ----------
    times : ndarray of datetime64
    delay, phase, snr : ndarray (time, baseline, band, polarization)
        s and rad where a fringe was found, else NaN; NaN without data.
    every : int
        One of so many integrations is fitted.
    is_complete : bool
        Nothing is left to be fitted.
    """

    times: NDArray[np.datetime64]
    delay: NDArray[np.float64]
    phase: NDArray[np.float64]
    snr: NDArray[np.float64]
    every: int
    is_complete: bool


class Tracks:
    """Fits that are kept from look to look."""

    def __init__(self) -> None:
        self._key: Any = None
        self._rows: dict[int, _Row] = {}

    def take(self, chosen: Chosen) -> TrackPoints:
        """Fit some of what is missing, and give everything fitted so far."""
        key = _identity(chosen)
        if key != self._key:
            self._key, self._rows = key, {}
        rows, every = _spread(chosen)
        stamps = chosen.times[rows].astype(np.int64)
        weights = chosen.weights(rows)
        present = (np.nan_to_num(weights, nan=1.0) != 0).reshape(rows.size, -1).sum(axis=1)
        known = set(stamps.tolist())
        self._rows = {stamp: row for stamp, row in self._rows.items() if stamp in known}
        stale = [
            place for place, stamp in enumerate(stamps.tolist()) if self._present(stamp) != present[place]
        ]  # rows of live data fill product by product
        now = stale[-max(1, _AT_ONCE // max(weights[:1].size, 1)) :]
        if now:
            self._fit(chosen, rows[now], stamps[now], weights[now], present[now])
        return self._points(stamps, weights.shape[1:], every, len(now) == len(stale))

    def _present(self, stamp: int) -> int:
        return self._rows[stamp].present if stamp in self._rows else -1

    def _fit(self, chosen: Chosen, rows: Any, stamps: Any, weights: Any, present: Any) -> None:
        values = chosen.visibilities(rows)
        found = {name: np.full(weights.shape, np.nan) for name in _QUANTITIES}
        for column, band in enumerate(chosen.bands):
            frequency = chosen.frequency(band)
            if frequency.size < _FEWEST_CHANNELS:
                continue
            spectra = values[:, :, column, :, : frequency.size]
            fit = estimate_fringe(spectra, frequency, known_weights(weights[:, :, column])[..., None])
            is_fringe = fit.false_alarm_probability <= NOT_DETECTED
            found["delay"][:, :, column] = np.where(is_fringe, fit.delay, np.nan)
            found["phase"][:, :, column] = np.where(is_fringe, fit.phase, np.nan)
            found["snr"][:, :, column] = fit.snr
        for place, stamp in enumerate(stamps.tolist()):
            self._rows[stamp] = _Row(int(present[place]), *(found[name][place] for name in _QUANTITIES))

    def _points(
        self, stamps: NDArray[np.int64], shape: tuple[int, ...], every: int, is_complete: bool
    ) -> TrackPoints:
        done = [stamp for stamp in stamps.tolist() if stamp in self._rows]
        delay, phase, snr = (
            np.array([getattr(self._rows[stamp], name) for stamp in done]).reshape(len(done), *shape)
            for name in _QUANTITIES
        )
        return TrackPoints(np.array(done, dtype="datetime64[ns]"), delay, phase, snr, every, is_complete)


def _identity(chosen: Chosen) -> Any:
    """What fits are of: they hold as long as this stays."""
    attrs = chosen.dataset.attrs
    names = tuple(one.name for one in chosen.baselines)
    job = (str(attrs.get("input_file", "")), str(attrs.get("job", "")))
    return (job, names, tuple(chosen.bands), tuple(chosen.polarizations))


def _spread(chosen: Chosen) -> tuple[NDArray[np.int64], int]:
    """Rows to be fitted: all, or one of each 2, 4, 8…, always the same ones."""
    rows = chosen.rows
    every = 1
    while rows.size > MOST_ROWS * every:
        every *= 2
    if every == 1:
        return rows, 1
    stamps = chosen.times[rows].astype(np.int64)
    step = float(np.median(np.diff(stamps)))
    return rows[np.rint(stamps / step).astype(np.int64) % every == 0], every
