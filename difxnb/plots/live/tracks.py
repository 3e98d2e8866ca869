# SPDX-License-Identifier: GPL-3.0-or-later
"""Delay, phase and SNR of each integration, fitted a few at a time so that no frame takes long.

In go looks at data that grow, out come points against time. Where there are more integrations than points, one of each
few is fitted. The newest are fitted first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.fringe import estimate_fringe
from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.kept import Kept
from difxnb.visibility.fits.columns import NOT_DETECTED
from difxnb.visibility.fits.weights import known_weights

_AT_ONCE = 48  # spectra that are fitted for a frame
_FEWEST_CHANNELS = 4

Floats = NDArray[np.float64]


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
    delay: Floats
    phase: Floats
    snr: Floats
    every: int
    is_complete: bool


class Tracks:
    """Fits that are kept from look to look."""

    def __init__(self) -> None:
        self._kept: Kept[Floats] = Kept()

    def take(self, chosen: Chosen) -> TrackPoints:
        """Fit some of what is missing, and give everything fitted so far."""
        shape = (len(chosen.baselines), len(chosen.bands), len(chosen.polarizations))
        rows = self._kept.missing(chosen, max(1, _AT_ONCE // max(int(np.prod(shape)), 1)))
        if rows.size:
            self._kept.put(list(_fits(chosen, rows)))
        times, made = self._kept.all()
        delay, phase, snr = np.array(made).reshape(len(made), 3, *shape).swapaxes(0, 1)
        return TrackPoints(times, delay, phase, snr, self._kept.every, self._kept.is_complete)


def _fits(chosen: Chosen, rows: NDArray[np.int64]) -> Floats:
    """Delay, phase and SNR (time, quantity, baseline, band, polarization)."""
    values, weights = chosen.visibilities(rows), known_weights(chosen.weights(rows))
    found = np.full((rows.size, 3, *weights.shape[1:]), np.nan)
    for column, band in enumerate(chosen.bands):
        frequency = chosen.frequency(band)
        if frequency.size < _FEWEST_CHANNELS:
            continue
        spectra = values[:, :, column, :, : frequency.size]
        fit = estimate_fringe(spectra, frequency, weights[:, :, column][..., None])
        is_fringe = fit.false_alarm_probability <= NOT_DETECTED
        found[:, 0, :, column] = np.where(is_fringe, fit.delay, np.nan)
        found[:, 1, :, column] = np.where(is_fringe, fit.phase, np.nan)
        found[:, 2, :, column] = fit.snr
    return found
