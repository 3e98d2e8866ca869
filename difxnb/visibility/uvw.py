# SPDX-License-Identifier: GPL-3.0-or-later
"""Baseline vectors from the delay model of a job, in the sign of the SWIN headers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.im import Im, ImScan
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

_DAY_NS = DAY_S * 10**9


def uvw_of_times(
    im: Im,
    input: Input,
    baselines: Sequence[tuple[int, int]],
    times_ns: Sequence[int],
    fields: Sequence[str],
) -> NDArray[np.float64]:
    """Baseline vectors, position of antenna 2 minus that of antenna 1 (``.im`` of antenna 1 minus that of 2).

    Parameters
    ----------
    im, input : Im, Input
        Of the same job.
    baselines : sequence of (int, int)
        Rows of the TELESCOPE table.
    times_ns : sequence of int
        Nanoseconds since 1970, UTC.
    fields : sequence of str
        Source at each time.

    Returns
    -------
    ndarray, shape (time, baseline, 3)
        Metres; NaN where the model does not reach.
    """
    found = np.full((len(times_ns), len(baselines), 3), np.nan)
    places = [im.telescopes.index(telescope.name) for telescope in input.telescopes]
    for row, (time_ns, field) in enumerate(zip(times_ns, fields, strict=True)):
        mjd = UNIX_EPOCH_MJD + time_ns // _DAY_NS
        seconds = time_ns % _DAY_NS / 1e9
        scan = _scan_at(im, mjd, seconds, field)
        if scan is None:
            continue
        source = _source_index(im.scans[scan], field)
        used = {antenna for pair in baselines for antenna in pair}
        vectors = {a: np.asarray(im.uvw(scan, source, places[a], mjd, seconds)) for a in used}
        for column, (first, second) in enumerate(baselines):
            found[row, column] = vectors[first] - vectors[second]
    return found


def _source_index(scan: ImScan, field: str) -> int:
    """Place of a source in the polynomials: 0 is the pointing centre, k the phase centre k - 1."""
    names = scan.phase_center_sources
    return 1 + names.index(field) if field in names else 0


def _scan_at(im: Im, mjd: int, seconds: float, field: str) -> int | None:
    """First scan on this source whose polynomials reach the time; where several do, they agree."""
    for index, scan in enumerate(im.scans):
        if field and field not in (scan.pointing_source, *scan.phase_center_sources):
            continue
        begins = [(p.mjd - mjd) * DAY_S + p.sec for p in scan.polynomials]
        if begins and begins[0] <= seconds <= begins[-1] + im.interval_s:
            return index
    return None
