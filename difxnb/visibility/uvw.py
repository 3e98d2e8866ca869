# SPDX-License-Identifier: GPL-3.0-or-later
"""Baseline vectors from the delay model of a job, in the sign of the SWIN headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.im import Im, ImScan
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

_DAY_NS = DAY_S * 10**9
_Pairs = Sequence[tuple[int, int]]


def uvw_of_times(
    im: Im,
    input: Input,
    baselines: _Pairs,
    times_ns: Sequence[int] | NDArray[np.int64],
    fields: Sequence[str] | NDArray[np.str_],
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
        Source at each time; empty where it is not known.

    Returns
    -------
    ndarray, shape (time, baseline, 3)
        Metres; NaN where the model does not reach.
    """
    times, named = np.asarray(times_ns, dtype=np.int64), np.asarray(fields, dtype=object)
    if times.shape != named.shape:
        raise ValueError(f"{len(times)} times and {len(named)} sources")
    found = np.full((len(times), len(baselines), 3), np.nan)
    places = [im.antenna_index(telescope.name) for telescope in input.telescopes]
    pairs = [(places[first], places[second]) for first, second in baselines]
    # A Dataset may hold 100,000 times, and few sources and scans: loop over those.
    for field in dict.fromkeys(named):
        missing = named == field
        for row, scan in _scans_on(im, field):
            here = np.flatnonzero(missing)[_reached(im, scan, times[missing])]
            if not len(here):
                continue
            found[here] = _vectors(im, row, _source_index(scan, field), pairs, times[here])
            missing[here] = False
    return found


def _vectors(im: Im, scan: int, source: int, pairs: _Pairs, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the antennas that `pairs` joins, shape (time, pair, 3), m."""
    day = im.scans[scan].polynomials[0].mjd
    seconds = (times - (day - UNIX_EPOCH_MJD) * _DAY_NS) / 1e9
    used = {antenna for pair in pairs for antenna in pair}
    vectors = {antenna: im.scan_uvw(scan, source, antenna, day, seconds) for antenna in used}
    found = np.empty((len(times), len(pairs), 3))
    for column, (first, second) in enumerate(pairs):
        found[:, column] = vectors[first] - vectors[second]
    return found


def _source_index(scan: ImScan, field: str) -> int:
    """Place of a source in the polynomials: 0 is the pointing centre, k the phase centre k - 1."""
    names = scan.phase_center_sources
    return 1 + names.index(field) if field in names else 0


def _scans_on(im: Im, field: str) -> Iterator[tuple[int, ImScan]]:
    """Scans on this source, or all where it is not known, that have polynomials; where several reach, they agree."""
    for row, scan in enumerate(im.scans):
        if scan.polynomials and (not field or field in (scan.pointing_source, *scan.phase_center_sources)):
            yield row, scan


def _reached(im: Im, scan: ImScan, times: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = scan.polynomials[0]
    begins = ((first.mjd - UNIX_EPOCH_MJD) * DAY_S + first.sec) * 10**9
    ends = begins + len(scan.polynomials) * im.interval_s * 10**9
    return (times >= begins) & (times <= ends)
