# SPDX-License-Identifier: GPL-3.0-or-later
"""One scan averaged over its integrations: spectra with their delay rate stopped, and correlation coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.fits import known_weights


class ScanAverages:
    """Average spectra of one scan, made per product when they are asked for.

    Parameters
    ----------
    dataset : Dataset
        The integrations of one scan, of the shape in the package docstring, with one phase centre and pulsar bin.
    fringes : DataFrame
        From ``fringe_fit``; may hold other scans too.

    Attributes
    ----------
    integrations : int
    """

    def __init__(self, dataset: xr.Dataset, fringes: pd.DataFrame) -> None:
        self.dataset = dataset
        self.integrations = dataset.sizes["time"]
        self._means: dict[tuple[str, int, str], NDArray[np.complex128] | None] = {}
        scan = str(dataset["scan_name"].values[0])
        keys = ["baseline", "band", "polarization"]
        chosen = fringes[fringes["scan"] == scan].drop_duplicates(keys)
        self._fringes = {tuple(row[key] for key in keys): row for _, row in chosen.iterrows()}

    def fringe(self, baseline: str, band: int, polarization: str) -> pd.Series[Any] | None:
        """Fit of a product; None where there is none."""
        return self._fringes.get((baseline, band, polarization))

    def frequency(self, band: int) -> NDArray[np.float64]:
        """Channel centres of a band, Hz."""
        one = self.dataset.sel(band=band)
        return np.asarray(one["frequency"].values[: int(one["n_channels"])], dtype=float)

    def spectrum(self, baseline: str, band: int, polarization: str) -> NDArray[np.complex128] | None:
        """Weighted mean spectrum, its delay rate stopped; None without data. A copy."""
        key = (baseline, band, polarization)
        if key not in self._means:
            self._means[key] = self._mean(*key)
        mean = self._means[key]
        return None if mean is None else mean.copy()

    def _mean(self, baseline: str, band: int, polarization: str) -> NDArray[np.complex128] | None:
        one = self.dataset.sel(baseline=baseline, band=band, polarization=polarization)
        values = np.asarray(one["VISIBILITY"].values[:, : int(one["n_channels"])], dtype=np.complex128)
        weight = known_weights(one["WEIGHT"].values)[:, None] * np.isfinite(values)
        if not weight.any():
            return None
        fringe = self.fringe(baseline, band, polarization)
        if fringe is not None and np.isfinite(fringe["delay_rate"]):
            middle = np.datetime64(pd.Timestamp(fringe["reference_time"]).to_datetime64())
            seconds = (self.dataset["time"].values - middle) / np.timedelta64(1, "s")
            values = values * np.exp(
                -2j * np.pi * self.frequency(band) * float(fringe["delay_rate"]) * seconds[:, None]
            )
        with np.errstate(invalid="ignore"):
            return np.asarray(np.nansum(weight * values, axis=0) / weight.sum(axis=0), dtype=np.complex128)

    def power(self, antenna: str, band: int, letter: str) -> NDArray[np.float64] | None:
        """Mean autocorrelation of an antenna; None where it is not there."""
        name = f"{antenna}-{antenna}"
        if name not in self.dataset["baseline"] or 2 * letter not in self.dataset["polarization"]:
            return None
        found = self.spectrum(name, band, 2 * letter)
        return None if found is None else np.abs(found)

    def scale(self, baseline: str, band: int, polarization: str) -> NDArray[np.float64] | None:
        """What turns an amplitude into a correlation coefficient; None without both autocorrelations."""
        one = self.dataset.sel(baseline=baseline)
        first = self.power(str(one["antenna1_name"].item()), band, polarization[0])
        second = self.power(str(one["antenna2_name"].item()), band, polarization[1])
        if first is None or second is None:
            return None
        with np.errstate(divide="ignore"):
            return np.asarray(1 / np.sqrt(first * second), dtype=float)
