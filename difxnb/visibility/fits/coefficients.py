# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns amplitudes of fringes into correlation coefficients: the autocorrelations of the same integrations.

In goes a Dataset with its autocorrelations, out come mean powers of both antennas of each product. The amplitude of a
fringe is the mean of ρ √(A1 A2) over its channels, so it is divided by the mean of √(A1 A2) over the same channels
(``difx-files.md`` 13 "Amplitude", 17.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.correlation import UNTRUSTED
from difxnb.visibility.accessor.selecting import autocorrelations, band_edges, kept
from difxnb.visibility.fits.blocks import most_integrations
from difxnb.visibility.fits.intervals import Interval
from difxnb.visibility.fits.search import channels_left
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
        autos = kept(dataset, "baseline", autocorrelations(dataset) & trusted)
        for axis in ("phase_center", "pulsar_bin"):  # mpifxcorr writes those of the first alone
            if axis in autos.dims:
                autos = autos.isel({axis: 0}, drop=True)
        self._autos = autos
        self._antenna = {str(name): row for row, name in enumerate(autos["antenna1_name"].values)}
        self._hand = {str(name): row for row, name in enumerate(autos["polarization"].values)}
        edges = band_edges(dataset)
        self._same = [np.flatnonzero(np.abs(edges - one).max(axis=1) < 1e-3 * one[2]) for one in edges]

    def scales(
        self, intervals: Sequence[Interval], cross: xr.Dataset, edge_channels: int
    ) -> NDArray[np.float64]:
        """Mean of √(A1 A2) over the channels of each band, NaN without.

        Parameters
        ----------
        intervals : sequence of Interval
            Alike, one after the other.
        cross : Dataset
            Cross-correlations of the same times.
        edge_channels : int
            Channels left out at either end of each band.

        Returns
        -------
        ndarray, shape (interval, band, baseline, polarization)
        """
        shape = (len(intervals), *(cross.sizes[name] for name in ("band", "baseline", "polarization")))
        found = np.full(shape, np.nan)
        if not self._antenna:
            return found
        power = self._powers(intervals)
        for band, channels in enumerate(cross["n_channels"].values):
            left = channels_left(int(channels), edge_channels)
            first = (int(channels) - left) // 2
            chosen = power[:, band, ..., first : first + left]
            found[:, band] = np.sqrt(self._at_end(chosen, cross, 0) * self._at_end(chosen, cross, 1)).mean(
                axis=-1
            )
        return found

    def _powers(self, intervals: Sequence[Interval]) -> NDArray[np.float64]:
        """Mean power (interval, band, antenna, hand, channel); where a band has none, that of its like."""
        order = ("time", "band", "baseline", "polarization")
        autos = self._autos.transpose(*order, "channel", ...)
        count = len(intervals)
        start, stop = intervals[0].places.start, intervals[-1].places.stop
        step = stop - start if count > 1 else most_integrations(self._autos)
        power = np.zeros((count, *(autos.sizes[name] for name in (*order[1:], "channel"))))
        total = np.zeros(power.shape)
        for first in range(start, stop, step):
            part = autos.isel(time=slice(first, min(first + step, stop)))
            values = part["VISIBILITY"].values.real
            weight = known_weights(part["WEIGHT"].values)
            there = np.isfinite(values) & (weight > 0)[..., None]
            split = (count, -1, *values.shape[1:])
            weight = np.where(weight > 0, weight, 0.0).reshape(split[:-1])
            power += np.einsum("ktbahc,ktbah->kbahc", np.where(there, values, 0).reshape(split), weight)
            total += np.einsum("ktbahc,ktbah->kbahc", there.reshape(split), weight)
        own = np.divide(power, total, out=np.full(power.shape, np.nan), where=(total > 0) & (power > 0))
        for band, rows in enumerate(self._same):
            for row in rows:
                missing = np.isnan(own[:, band]).all(axis=-1)
                own[:, band][missing] = own[:, row][missing]
        return np.asarray(own, dtype=float)

    def _at_end(self, power: NDArray[np.float64], cross: xr.Dataset, end: int) -> NDArray[np.float64]:
        """Power of one antenna of each baseline, in the hand of its letter of each product."""
        antennas = [self._antenna.get(str(name), -1) for name in cross[f"antenna{end + 1}_name"].values]
        hands = [self._hand.get(2 * str(name)[end : end + 1], -1) for name in cross["polarization"].values]
        chosen: NDArray[Any] = power[:, antennas][:, :, hands]
        chosen[:, np.array(antennas) < 0] = np.nan
        chosen[:, :, np.array(hands) < 0] = np.nan
        return chosen
