# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns amplitudes of fringes into correlation coefficients: the autocorrelations of the same integrations.

In goes a Dataset with its autocorrelations, out come mean powers of both antennas of each product. The amplitude of a
fringe is the mean of ρ √(A1 A2) over its channels, so it is divided by the mean of √(A1 A2) over the same channels
(``difx-files.md`` 13 "Amplitude", 17.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.correlation import UNTRUSTED
from difxnb.visibility.accessor.selecting import autocorrelations, band_edges
from difxnb.visibility.fits.intervals import Interval
from difxnb.visibility.fits.weights import known_weights


class MeanPowers:
    """Autocorrelations of an interval, averaged over its integrations when they are asked for.

    Parameters
    ----------
    dataset : Dataset
        With auto- and cross-correlations; without the former, or where they are not to be trusted, all is NaN.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        trusted = not (dataset.attrs.get(UNTRUSTED) or dataset["VISIBILITY"].attrs.get(UNTRUSTED))
        rows = np.flatnonzero(autocorrelations(dataset)) if trusted else np.empty(0, dtype=np.int64)
        autos = dataset.isel(baseline=rows)
        for axis in ("phase_center", "pulsar_bin"):  # mpifxcorr writes those of the first alone
            if axis in autos.dims:
                autos = autos.isel({axis: 0}, drop=True)
        self._autos = autos
        self._antenna = {str(name): row for row, name in enumerate(autos["antenna1_name"].values)}
        self._hand = {str(name): row for row, name in enumerate(autos["polarization"].values)}
        edges = band_edges(dataset)
        self._same = [np.flatnonzero(np.abs(edges - one).max(axis=1) < 1e-3 * one[2]) for one in edges]

    def scales(self, interval: Interval, cross: xr.Dataset, edge_channels: int) -> NDArray[np.float64]:
        """Mean of √(A1 A2) over the channels of each band, shape (band, baseline, polarization); NaN without."""
        shape = tuple(cross.sizes[name] for name in ("band", "baseline", "polarization"))
        found = np.full(shape, np.nan)
        if not self._antenna:
            return found
        power = self._powers(interval)
        for band, channels in enumerate(cross["n_channels"].values):
            edge = min(edge_channels, max(0, (int(channels) - 4) // 2))
            chosen = power[band, ..., edge : int(channels) - edge]
            ends = [self._at_end(chosen, cross, end) for end in (0, 1)]
            found[band] = np.sqrt(ends[0] * ends[1]).mean(axis=-1)
        return found

    def _powers(self, interval: Interval) -> NDArray[np.float64]:
        """Mean power (band, antenna, hand, channel); where a band has none, that of a row with the same edges."""
        part = self._autos.isel(time=interval.places).transpose(
            "time", "band", "baseline", "polarization", ...
        )
        values = part["VISIBILITY"].values.real
        weight = known_weights(part["WEIGHT"].values)[..., None] * np.isfinite(values)
        with np.errstate(invalid="ignore"):
            own = np.where(weight > 0, values * weight, 0.0).sum(axis=0) / weight.sum(axis=0)
        own[~(own > 0)] = np.nan
        for band, rows in enumerate(self._same):
            for row in rows:
                missing = np.isnan(own[band]).all(axis=-1)
                own[band][missing] = own[row][missing]
        return np.asarray(own, dtype=float)

    def _at_end(self, power: NDArray[np.float64], cross: xr.Dataset, end: int) -> NDArray[np.float64]:
        """Power of one antenna of each baseline, in the hand of its letter of each product."""
        antennas = [self._antenna.get(str(name), -1) for name in cross[f"antenna{end + 1}_name"].values]
        hands = [self._hand.get(2 * str(name)[end : end + 1], -1) for name in cross["polarization"].values]
        chosen: NDArray[Any] = power[np.ix_(antennas, hands)].copy()
        chosen[np.array(antennas) < 0] = np.nan
        chosen[:, np.array(hands) < 0] = np.nan
        return chosen
