# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there and what is missing, counted from the weights of visibilities alone.

In: ``WEIGHT`` and coordinates. Out: integrations and mean weights of every product, and the gaps of every baseline.
Visibilities are not read, and weights only a piece at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.grouping import Places, integration_times, time_groups, times_ns
from difxnb.visibility.accessor.mean_coords import bare

_AXES = ("time", "baseline", "band", "polarization")
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Presence:
    """Which products were there when.

    Attributes
    ----------
    there : ndarray of bool, shape (time, baseline)
        Whether the baseline has any product.
    counts : ndarray of int, shape (baseline, band, polarization)
        Integrations that each product has.
    known : ndarray of int, same shape
        Spectra whose weight is known.
    weights : ndarray of float64, same shape
        Sums of their weights.
    """

    there: NDArray[np.bool_]
    counts: NDArray[np.int64]
    known: NDArray[np.int64]
    weights: NDArray[np.float64]

    def mean_weight(self, *, baselines: Any = slice(None), bands: Any = slice(None)) -> float:
        """Mean of the weights that are known, where there are data; NaN without any."""
        known = int(self.known[baselines][:, bands].sum())
        return float(self.weights[baselines][:, bands].sum()) / known if known else float("nan")


def presence(dataset: xr.Dataset) -> Presence:
    """Count what the weights say; a weight that is not known (live) is one of data that are there."""
    gone = [axis for axis in _AXES if axis not in dataset["WEIGHT"].dims]
    weight = bare(dataset["WEIGHT"]).expand_dims(gone).transpose(*_AXES, ...)
    times, *shape = weight.shape[:4]
    there = np.zeros((times, shape[0]), dtype=bool)
    counts, known = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    sums = np.zeros(shape)
    step = max(1, int(_BLOCK_BYTES // max(1, 8 * weight.size // max(1, times))))
    for start in range(0, times, step):
        values = weight.isel(time=slice(start, start + step)).values
        values = values.reshape(*values.shape[:4], -1)
        present = np.isnan(values) | (values > 0)
        there[start : start + step] = present.any(axis=(2, 3, 4))
        counts += present.any(axis=4).sum(axis=0)
        known += (values > 0).sum(axis=(0, 4))
        sums += np.nansum(values, axis=(0, 4), dtype=float)
    return Presence(there, counts, known, sums)


class Slots(NamedTuple):
    """Integrations that a scan should have: where those that are on the axis stand among them."""

    places: Places
    slots: Places
    wanted: int
    length_s: float


def scan_slots(dataset: xr.Dataset) -> list[Slots]:
    """The integrations of each scan, from its first to its last; some may be missing for all baselines."""
    groups = time_groups(dataset, "scan" if "scan_name" in dataset.coords else "time")
    return [_slots(dataset, group) for group in groups]


def _slots(dataset: xr.Dataset, group: Places) -> Slots:
    times = times_ns(dataset)[group]
    length = float(integration_times(dataset)[group].max()) * 1e9
    if length <= 0:
        steps = np.diff(np.unique(times))
        length = float(np.median(steps)) if len(steps) else 0.0
    if length <= 0:
        return Slots(group, np.zeros(len(group), dtype=np.int64), 1, 0.0)
    slots = np.rint((times - times.min()) / length).astype(np.int64)
    return Slots(group, slots, int(slots.max()) + 1, length / 1e9)


class Gaps(NamedTuple):
    """How many integrations are there and missing, and how long they are missing at most without a break (s)."""

    there: int
    missing: int
    longest_s: float


def gaps_of(there: NDArray[np.bool_], scans: Sequence[Slots]) -> Gaps:
    """Gaps of something that is or is not there at each time; from scan to scan there is none."""
    found = [_gaps_in(there, scan) for scan in scans]
    return Gaps(
        sum(one.there for one in found),
        sum(one.missing for one in found),
        max((one.longest_s for one in found), default=0.0),
    )


def _gaps_in(there: NDArray[np.bool_], scan: Slots) -> Gaps:
    """Slots are not laid out one by one: a time that lies may be years behind the others."""
    taken = np.unique(scan.slots[there[scan.places]])
    ends = np.concatenate([[-1], taken, [scan.wanted]])
    longest = int(np.diff(ends).max()) - 1
    return Gaps(len(taken), scan.wanted - len(taken), longest * scan.length_s)
