# SPDX-License-Identifier: GPL-3.0-or-later
"""Which products were there when, and with what weights, counted a block of time at a time.

In goes a Dataset of visibilities; ``WEIGHT`` alone is read. Out come sums that checks of weights and of missing data
share. Nominal times and short last integrations are as in ``difx-files.md`` 13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

_BLOCK_BYTES = 64 * 2**20
_PRODUCT_AXES = ("band", "polarization")


@dataclass(frozen=True)
class Attendance:
    """What the weights of visibilities say.

    Attributes
    ----------
    time_ns : ndarray of int64, shape (time,)
        Middles of the integrations, ns since 1970.
    scan : ndarray of str, shape (time,)
    baseline, antenna1, antenna2 : ndarray of str, shape (baseline,)
    is_auto : ndarray of bool, shape (baseline,)
    present : ndarray of int64, shape (time, baseline)
        Products (band and polarization) that are there, at any phase centre and pulsar bin.
    weight : ndarray of float64, shape (time, baseline)
        Mean weight of those whose weight is known; NaN where none is.
    highest : ndarray of float64, shape (time,)
        The highest weight of all products; NaN where none is known.
    counts : ndarray of int64, shape (baseline, band, polarization)
        Integrations that each product has, at any phase centre and pulsar bin.
    lowest, largest : float
        Of all known weights, 0 included; NaN where none is.
    """

    time_ns: NDArray[np.int64]
    scan: NDArray[np.str_]
    baseline: NDArray[np.str_]
    antenna1: NDArray[np.str_]
    antenna2: NDArray[np.str_]
    is_auto: NDArray[np.bool_]
    present: NDArray[np.int64]
    weight: NDArray[np.float64]
    highest: NDArray[np.float64]
    counts: NDArray[np.int64]
    lowest: float
    largest: float

    @property
    def antennas(self) -> list[str]:
        """All antennas, in order of their names."""
        return sorted({*self.antenna1.tolist(), *self.antenna2.tolist()})

    @property
    def scans(self) -> list[str]:
        """Scans in the order in which they begin."""
        return list(dict.fromkeys(self.scan.tolist()))

    def with_antenna(self, antenna: str) -> NDArray[np.bool_]:
        """Which baselines have an antenna at either end."""
        return np.asarray((self.antenna1 == antenna) | (self.antenna2 == antenna))


def attendance_of(dataset: xr.Dataset) -> Attendance:
    """Count what the weights of a Dataset say; a weight that is not known (live) is one of data that are there.

    Where no weight at all is known, data are there where the first channels of a spectrum are numbers.
    """
    weight = dataset["WEIGHT"].transpose("time", "baseline", *_PRODUCT_AXES, ...)
    times, baselines, *products = weight.shape[:4]
    present = np.zeros((times, baselines), dtype=np.int64)
    sums, known = np.zeros((times, baselines)), np.zeros((times, baselines), dtype=np.int64)
    highest = np.full(times, np.nan)
    counts = np.zeros((baselines, *products), dtype=np.int64)
    lowest, largest = np.inf, -np.inf
    step = max(1, _BLOCK_BYTES // max(1, 8 * weight.size // max(1, times)))
    for start in range(0, times, step):
        block = slice(start, start + step)
        values = weight.isel(time=block).values
        values = values.reshape(*values.shape[:4], math.prod(values.shape[4:]))
        is_known = ~np.isnan(values)
        there = np.where(is_known, values > 0, _has_numbers(dataset, block, values.shape))
        present[block] = there.any(axis=4).sum(axis=(2, 3))
        counts += there.any(axis=4).sum(axis=0)
        counted = np.where(is_known & (values > 0), values, 0.0)
        sums[block], known[block] = counted.sum(axis=(2, 3, 4)), (counted > 0).sum(axis=(2, 3, 4))
        if is_known.any():
            peaks = np.where(is_known, values, -np.inf).max(axis=(1, 2, 3, 4))
            highest[block] = np.where(np.isfinite(peaks), peaks, np.nan)
            lowest, largest = min(lowest, float(values[is_known].min())), max(largest, float(peaks.max()))
    return Attendance(
        dataset["time"].values.astype("datetime64[ns]").astype(np.int64),
        dataset["scan_name"].values.astype(str),
        dataset["baseline"].values.astype(str),
        dataset["antenna1_name"].values.astype(str),
        dataset["antenna2_name"].values.astype(str),
        dataset["is_autocorrelation"].values.astype(bool),
        present,
        np.divide(sums, known, out=np.full(sums.shape, np.nan), where=known > 0),
        highest,
        counts,
        lowest if np.isfinite(lowest) else np.nan,
        largest if np.isfinite(largest) else np.nan,
    )


def _has_numbers(dataset: xr.Dataset, block: slice, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether spectra without a known weight are there: missing ones are NaN from their first channel on."""
    if not np.isnan(dataset["WEIGHT"].isel(time=block).values).any():
        return np.zeros(shape, dtype=bool)
    first = dataset["VISIBILITY"].transpose("time", "baseline", *_PRODUCT_AXES, ..., "channel")
    values = first.isel(time=block, channel=slice(0, 2)).values
    return np.asarray(np.isfinite(values).any(axis=-1).reshape(shape))
