# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of scans and sources of integrations, from the ``.calc``.

In go times and rows of the source list, out come names. Mirrors ``difx-files.md`` 5 and 13.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import CalcScan
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

_NS = 10**9
_EARLY_NS = 1000  # times are rounded


def scan_names(
    times_ns: NDArray[np.int64], length_s: NDArray[np.float64], scans: Sequence[CalcScan], input: Input
) -> NDArray[np.object_]:
    """Name the scan in which each integration begins; "" where there is none.

    The nominal middle of a short last integration may lie behind its scan, so that its beginning decides.

    Parameters
    ----------
    times_ns : ndarray
        Nominal middles, nanoseconds since 1970.
    length_s : ndarray
        Nominal lengths, s.
    scans : sequence of CalcScan
        Where two overlap the first counts.
    input : Input
        For the start of the job.
    """
    job_start = (input.start_mjd - UNIX_EPOCH_MJD) * DAY_S * _NS + round(input.start_seconds * _NS)
    begun = times_ns - np.round(length_s * (_NS / 2)).astype(np.int64) - job_start
    order = np.argsort(begun, kind="stable")
    starts = np.array([scan.start_s for scan in scans], dtype=np.int64) * _NS
    stops = starts + np.array([scan.duration_s for scan in scans], dtype=np.int64) * _NS
    lows = np.searchsorted(begun[order], starts - _EARLY_NS)
    highs = np.searchsorted(begun[order], stops - _EARLY_NS)
    sorted_names = np.full(len(begun), "", dtype=object)
    for scan, low, high in reversed(list(zip(scans, lows.tolist(), highs.tolist(), strict=True))):
        sorted_names[low:high] = scan.identifier
    found = np.empty_like(sorted_names)
    found[order] = sorted_names
    return found


def source_names(sources: NDArray[np.int32], names: Sequence[str]) -> NDArray[np.object_]:
    """Names of rows of the source list; "" where it has no such row."""
    known = np.array([*names, ""], dtype=object)
    is_known = (sources >= 0) & (sources < len(names))
    return np.asarray(known[np.where(is_known, sources, len(names))])
