# SPDX-License-Identifier: GPL-3.0-or-later
"""Which polynomials of a delay model stand for given times, and what they give there.

In: a model, times, a name of a source. Out: arrays in the file's units, of the shape of the times. Mirrors
``difx-files.md`` 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

if TYPE_CHECKING:
    from difxnb.formats.im_model import Im, ImPolynomial, ImScan

NS = 10**9
_EDGE_NS = 1000
_NAMED = 5
_FAR_NS = 2**63 - 1

Coefficients = Callable[["ImPolynomial", int, int], NDArray[np.float64]]
"""Takes a polynomial, a source and an antenna, and gives what is multiplied with the powers of the time."""


def unix_ns(time: Any) -> NDArray[np.int64]:
    """Times of any kind (UTC where they carry no zone) as nanoseconds since 1970, in the same shape.

    Raises
    ------
    ValueError
        Where something is no time.
    """
    given = np.asarray(time)
    if given.dtype.kind != "M":
        import pandas as pd

        if given.dtype.kind in "iufcb":
            raise ValueError(f"times are datetime64, Timestamp or text, not numbers like {given.flat[0]!r}")
        parsed = pd.to_datetime(list(np.atleast_1d(np.asarray(time, dtype=object)).ravel()), utc=True)
        given = parsed.tz_localize(None).to_numpy().reshape(given.shape)
    if np.isnat(given).any():
        raise ValueError("some of the times are NaT")
    return given.astype("datetime64[ns]").view(np.int64)


def start_ns(polynomial: ImPolynomial) -> int:
    """Start of a polynomial, ns since 1970."""
    return ((polynomial.mjd - UNIX_EPOCH_MJD) * DAY_S + polynomial.sec) * NS


def reach_ns(im: Im, scan: ImScan) -> tuple[int, int]:
    """Times between which a scan's polynomials hold, ns since 1970."""
    begin = start_ns(scan.polynomials[0])
    return begin, begin + len(scan.polynomials) * im.interval_s * NS


def source_index(scan: ImScan, source: str | None) -> int | None:
    """Place of a source in a scan's polynomials: 0 the pointing centre, k the phase centre k - 1.

    A phase centre goes before a pointing centre of the same name, as in the correlator. Without a name it is the
    scan's phase centre where it has one, the pointing centre where it has several.
    """
    centers = scan.phase_center_sources
    if source is None:
        return 1 if len(centers) == 1 else 0
    if source in centers:
        return 1 + centers.index(source)
    return 0 if source == scan.pointing_source else None


def scans_at(im: Im, times: NDArray[np.int64], source: str | None) -> NDArray[np.int64]:
    """Row of the scan whose polynomials stand for each time.

    Raises
    ------
    ValueError
        No scan reaches a time, or several of different sources do and `source` does not say which.
    """
    wanted = [
        row
        for row, scan in enumerate(im.scans)
        if scan.polynomials and source_index(scan, source) is not None
    ]
    if source is not None and not wanted:
        raise ValueError(f"{im.name} has no source {source!r}; it has {_listed(_sources(im))}")
    chosen = np.full(times.shape, -1, dtype=np.int64)
    for row in wanted:
        begin, end = reach_ns(im, im.scans[row])
        inside = (times >= begin) & (times < end)
        if source is None:
            _refuse_ambiguous(im, times, chosen, inside, row)
        chosen[inside] = row
    for row in wanted:  # a time at the very end of a scan belongs to it unless another begins there
        begin, end = reach_ns(im, im.scans[row])
        inside = (times >= begin - _EDGE_NS) & (times <= end + _EDGE_NS)
        chosen[inside & (chosen < 0)] = row
    if (chosen < 0).any():
        first = _iso(int(times[chosen < 0].flat[0]))
        of = f" of {source}" if source is not None else ""
        raise ValueError(f"{im.name} does not reach {first}; its scans{of} do {_reaches(im, wanted)}")
    return chosen


def _refuse_ambiguous(
    im: Im, times: NDArray[np.int64], chosen: NDArray[np.int64], inside: NDArray[np.bool_], row: int
) -> None:
    """Where models overlap they may belong to different sources, and the file does not say when a scan ends."""
    for other in np.unique(chosen[inside & (chosen >= 0)]):
        names = [_model_source(im.scans[scan]) for scan in (int(other), row)]
        if names[0] != names[1]:
            when = _iso(int(times[inside & (chosen == other)].flat[0]))
            raise ValueError(
                f"at {when} {im.name} holds models of {names[0]} and of {names[1]}; give source= to say which"
            )


def _model_source(scan: ImScan) -> str:
    index = source_index(scan, None)
    return scan.phase_center_sources[index - 1] if index else scan.pointing_source


def evaluate(
    im: Im,
    times: NDArray[np.int64],
    source: str | None,
    antenna: int,
    coefficients: Coefficients,
    derivative: int = 0,
) -> NDArray[np.float64]:
    """Value of a line of the file, or of its `derivative`-th derivative by the time in s, at times in ns."""
    chosen = scans_at(im, times, source)
    values = np.empty(times.shape)
    for row in np.unique(chosen):
        scan, here = im.scans[row], chosen == row
        index = source_index(scan, source)
        assert index is not None
        values[here] = _of_scan(im, scan, times[here], index, antenna, coefficients, derivative)
    return values


def _of_scan(
    im: Im,
    scan: ImScan,
    times: NDArray[np.int64],
    source: int,
    antenna: int,
    coefficients: Coefficients,
    derivative: int,
) -> NDArray[np.float64]:
    starts = np.array([start_ns(polynomial) for polynomial in scan.polynomials])
    places = np.clip((times - starts[0]) // (im.interval_s * NS), 0, len(starts) - 1)
    used, position = np.unique(places, return_inverse=True)
    table = np.stack([coefficients(scan.polynomials[place], source, antenna) for place in used])
    table = differentiated(table, derivative)
    return horner(table[position.reshape(-1)], (times - starts[places]) / NS)


def differentiated(coefficients: NDArray[np.float64], times: int) -> NDArray[np.float64]:
    """Coefficients of a derivative; the last axis is that of the powers, lowest first."""
    for _ in range(times):
        powers = np.arange(1, coefficients.shape[-1])
        coefficients = coefficients[..., 1:] * powers
    if coefficients.shape[-1]:
        return coefficients
    return np.zeros((*coefficients.shape[:-1], 1))


def horner(coefficients: NDArray[np.float64], elapsed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Polynomials at one argument each: coefficients (n, order + 1), arguments (n,)."""
    values = coefficients[..., -1]
    with np.errstate(over="ignore", invalid="ignore"):  # damaged coefficients give infinities
        for power in range(coefficients.shape[-1] - 2, -1, -1):
            values = values * elapsed + coefficients[..., power]
    return np.asarray(values, dtype=np.float64)


def _sources(im: Im) -> list[str]:
    names = [name for scan in im.scans for name in (*scan.phase_center_sources, scan.pointing_source)]
    return list(dict.fromkeys(names))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "none") + more


def _reaches(im: Im, rows: list[int]) -> str:
    spans = [reach_ns(im, im.scans[row]) for row in rows]
    return _listed([f"{_iso(begin)} to {_iso(end)}" for begin, end in spans])


def moment(time_ns: int) -> np.datetime64:
    """A time in ns since 1970; at the ends of what can be told where it lies beyond them."""
    return np.datetime64(max(-_FAR_NS, min(_FAR_NS, time_ns)), "ns")


def _iso(time_ns: int) -> str:
    return str(moment(time_ns)).removesuffix(".000000000")
