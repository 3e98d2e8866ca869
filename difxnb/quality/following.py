# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes followed through their scans: delay and phase of every part of a scan.

In go cross-correlations and the fringes of whole scans, out come arrays (fringe, part). The delay rate of the scan is
taken out of every integration at the middle of the band, what it makes of the delay is taken out of every part, and the
mean of the part is fitted: V · exp(-2πi ν τ' t), as signs are in ``difx-files.md`` 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.fringe import Fringe, estimate_fringe
from difxnb.visibility.accessor.grouping import time_groups

_BLOCK_BYTES = 64 * 2**20
_LABELS = ["scan", "baseline", "antenna1_name", "antenna2_name", "band", "polarization"]
PRODUCT = ["baseline", "band", "polarization"]
"""Columns that tell the fringes of one scan apart."""


@dataclass(frozen=True)
class FollowedFringes:
    """Fringes of one band in the parts of one scan.

    Attributes
    ----------
    labels : DataFrame
        A row a fringe: scan, baseline, antennas, band, polarization, and ``rate_error`` (s/s) of the whole scan.
    time_ns : ndarray of int64, shape (part,)
        Middles of the parts, ns since 1970.
    fits : Fringe
        Shape (fringe, part), without rates; NaN where a part has no data.
    """

    labels: pd.DataFrame
    time_ns: NDArray[np.int64]
    fits: Fringe


def followed_fringes(cross: xr.Dataset, fringes: pd.DataFrame, parts: int) -> Iterator[FollowedFringes]:
    """Follow fringes through the parts of their scans, a block of baselines and a band at a time.

    Parameters
    ----------
    cross : Dataset
        Cross-correlations with all axes.
    fringes : DataFrame
        Fringes of whole scans to follow, of one phase centre and pulsar bin.
    parts : int
        About how many parts a scan is cut into; each is of whole integrations.
    """
    scans = cross["scan_name"].values.astype(str)
    inner = {
        axis: int(np.flatnonzero(cross[axis].values == fringes[axis].iloc[0])[0])
        for axis in ("phase_center", "pulsar_bin")
        if axis in cross.dims and axis in fringes and len(fringes)
    }
    single = cross.isel(inner | dict.fromkeys({"phase_center", "pulsar_bin"} & {*cross.dims} - {*inner}, 0))
    for places in time_groups(single, "scan"):
        wanted = fringes[fringes["scan"].astype(str) == scans[places[0]]].drop_duplicates(PRODUCT)
        if len(wanted):
            yield from _of_scan(single[["VISIBILITY", "WEIGHT"]], places, wanted, parts)


def _of_scan(
    cross: xr.Dataset, places: NDArray[np.integer], wanted: pd.DataFrame, parts: int
) -> Iterator[FollowedFringes]:
    """One scan, a block of baselines at a time."""
    rows = np.flatnonzero(np.isin(cross["baseline"].values, wanted["baseline"]))
    hands = np.flatnonzero(np.isin(cross["polarization"].values, wanted["polarization"]))
    times = slice(places[0], places[-1] + 1) if np.ptp(places) == len(places) - 1 else places
    one = cross["VISIBILITY"].nbytes // max(1, cross.sizes["baseline"] * cross.sizes["time"]) * len(places)
    step = max(1, _BLOCK_BYTES // max(1, one))
    axes = ("band", "baseline", "polarization", "time")
    for start in range(0, len(rows), step):
        block = cross.isel(time=times, baseline=rows[start : start + step], polarization=hands)
        visibility = block["VISIBILITY"].transpose(*axes, "channel").values
        weight = block["WEIGHT"].transpose(*axes).values
        for place, band in enumerate(block["band"].values):
            mine = wanted[(wanted["band"] == band) & wanted["baseline"].isin(block["baseline"].values)]
            if mine.empty:
                continue
            at = tuple(pd.Index(block[name].values).get_indexer(mine[name]) for name in PRODUCT[::2])
            channels = int(block["n_channels"].values[place])
            yield _of_band(
                mine,
                visibility[place][at][..., :channels],
                weight[place][at],
                block["frequency"].values[place, :channels],
                _Parts(block["time"].values, parts),
            )


class _Parts:
    """Parts of a scan: as many whole integrations as make about the wanted number of parts."""

    def __init__(self, times: NDArray[np.datetime64], parts: int) -> None:
        stamps = times.astype("datetime64[ns]").astype(np.int64)
        spacing = max(1, int(np.median(np.diff(stamps)))) if len(stamps) > 1 else 1
        length = spacing * max(1, round(len(stamps) / parts))
        number = (stamps - stamps[0] + spacing // 2) // length
        self.starts = np.flatnonzero(np.diff(number, prepend=-1))
        counts = np.diff(np.append(self.starts, len(stamps)))
        self.seconds = (stamps - stamps[0]) / 1e9
        self.middle_s = np.add.reduceat(self.seconds, self.starts) / counts
        self.time_ns = stamps[0] + np.rint(self.middle_s * 1e9).astype(np.int64)


def _of_band(
    wanted: pd.DataFrame,
    visibility: NDArray[np.complexfloating],
    weight: NDArray[np.floating],
    frequency: NDArray[np.float64],
    parts: _Parts,
) -> FollowedFringes:
    """Visibilities (fringe, time, channel) with their weights (fringe, time)."""
    rate = wanted["delay_rate"].fillna(0.0).to_numpy(dtype=float)
    middle = float(frequency.mean())
    known = np.where(np.isnan(weight), 1.0, np.maximum(weight, 0.0)).astype(np.float32)
    there = np.isfinite(visibility)
    turns = middle * rate[:, None] * parts.seconds
    phasor = np.exp(-2j * np.pi * turns).astype(np.complex64) * known
    stopped = np.where(there, visibility, 0) * phasor[..., None]
    sums = np.add.reduceat(stopped, parts.starts, axis=1)
    weights = np.add.reduceat(there * known[..., None], parts.starts, axis=1)
    drift = rate[:, None, None] * parts.middle_s[:, None] * (frequency - middle)
    spectra = np.full(sums.shape, np.nan, dtype=np.complex64)
    np.divide(
        sums * np.exp(-2j * np.pi * drift), weights, out=spectra, where=weights > 0, casting="same_kind"
    )
    labels = wanted[_LABELS].assign(rate_error=wanted["delay_rate_error"].fillna(0.0))
    return FollowedFringes(
        labels.reset_index(drop=True), parts.time_ns, estimate_fringe(spectra, frequency, weights)
    )
