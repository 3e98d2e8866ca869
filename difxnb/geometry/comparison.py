# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two delay models of a job are apart: two models in, one row per scan, source and antenna out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.im_evaluation import NS, reach_ns
from difxnb.formats.im_model import Im, ImScan

if TYPE_CHECKING:
    import pandas as pd

_STEPS_PER_POLYNOMIAL = 12
_MOST_TIMES = 5000
_UNITS = {"delay": "_s", "rate": "", "u": "_m", "v": "_m", "w": "_m"}
_KINDS = ("mean", "rms", "max")


def agreement(im: Im, other: Im) -> pd.DataFrame:
    """Compare two delay models where both stand: same time, antenna and source.

    Parameters
    ----------
    im, other : Im
        The models. Antennas and sources are compared under the same name, in any case of letters.

    Returns
    -------
    DataFrame
        One row per scan of `im`, source and antenna that `other` has too: ``scan`` (row of `im`), ``source``,
        ``antenna``, ``start`` and ``stop`` (UTC, of what is compared); ``delay_mean_s``, ``delay_rms_s``,
        ``delay_max_s`` of `im` minus `other` (s, the mean with its sign); the same of the rate (``rate_mean`` …, s/s)
        and of u, v, w (``u_mean_m`` …, m). A source that is both pointed at and a phase centre is compared once.
    """
    import pandas as pd

    theirs = {name.strip().upper() for name in other.telescopes}
    antennas = [name for name in im.telescopes if name.strip().upper() in theirs]
    rows = [
        {"scan": number, "source": source, "antenna": antenna, "start": times[0], "stop": times[-1]}
        | _differences(im, other, antenna, source, times)
        for number, scan in enumerate(im.scans)
        for source, times in _common(im, scan, other)
        for antenna in antennas
    ]
    columns = ["scan", "source", "antenna", "start", "stop"]
    columns += [f"{line}_{kind}{unit}" for line, unit in _UNITS.items() for kind in _KINDS]
    return pd.DataFrame(rows, columns=columns)


def _common(im: Im, scan: ImScan, other: Im) -> list[tuple[str, NDArray[np.datetime64]]]:
    """Sources of a scan that the other model has at the same time, and times for comparing them."""
    if not scan.polynomials:
        return []
    begin, end = reach_ns(im, scan)
    found = []
    for source in dict.fromkeys([scan.pointing_source, *scan.phase_center_sources]):
        for one in other.scans:
            if not one.polynomials or source not in [one.pointing_source, *one.phase_center_sources]:
                continue
            their_begin, their_end = reach_ns(other, one)
            first, last = max(begin, their_begin), min(end, their_end)
            if first < last:
                found.append((source, _times(first, last, im.interval_s)))
    return found


def _times(first: int, last: int, interval_s: int) -> NDArray[np.datetime64]:
    count = min(_MOST_TIMES, max(2, (last - first) * _STEPS_PER_POLYNOMIAL // (interval_s * NS)))
    # Without the very end, where the model of the next scan may stand already.
    return (first + np.arange(count) * ((last - first) // count)).astype("datetime64[ns]")


def _differences(
    im: Im, other: Im, antenna: str, source: str, times: NDArray[np.datetime64]
) -> dict[str, float]:
    vectors = im.uvw(antenna, times, source) - other.uvw(antenna, times, source)
    apart = dict(zip("uvw", vectors.T, strict=True))
    apart["delay"] = im.delay(antenna, times, source) - other.delay(antenna, times, source)
    apart["rate"] = im.delay_rate(antenna, times, source) - other.delay_rate(antenna, times, source)
    row: dict[str, float] = {}
    for line, unit in _UNITS.items():
        values = apart[line]
        of_kinds = (values.mean(), np.sqrt(np.mean(values**2)), np.abs(values).max())
        row |= {f"{line}_{kind}{unit}": float(value) for kind, value in zip(_KINDS, of_kinds, strict=True)}
    return row
