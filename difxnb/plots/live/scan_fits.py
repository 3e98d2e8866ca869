# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of whole scans as lines against time: the delay as it moves through the scan, and the rate with its error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Baseline, Chosen
from difxnb.plots.live.timeline import as_numbers
from difxnb.visibility.fits.columns import NOT_DETECTED

SeriesKey = tuple[str, int, str]
"""Baseline, band and polarization, as shown."""

_DAY_S = 86400.0
_MOST_SCANS = 200
_COLUMNS = ("baseline", "band", "polarization", "delay", "delay_rate", "delay_rate_error")


@dataclass
class ScanLines:
    """Lines of a product; pieces of NaN keep scans apart.

    Attributes
    ----------
    delay, rate : list of (float, float)
        Numbers of the axis of time, and s or s/s.
    """

    delay: list[tuple[float, float]] = field(default_factory=list)
    rate: list[tuple[float, float]] = field(default_factory=list)

    def add(self, begin: float, middle: float, end: float, fringe: dict[str, Any], sign: int) -> None:
        """Add a scan: from `begin` to `end`, its fit standing at `middle`."""
        delay, rate, error = (fringe[name] for name in ("delay", "delay_rate", "delay_rate_error"))
        slope = np.nan_to_num(rate) * _DAY_S
        self.delay += [(one, sign * (delay + slope * (one - middle))) for one in (begin, end)]
        self.delay.append((np.nan, np.nan))
        if np.isfinite(rate):
            value = sign * rate
            self.rate += [(begin, value), (end, value), (np.nan, np.nan)]
            self.rate += [(middle, value - error), (middle, value + error), (np.nan, np.nan)]


def scan_lines(chosen: Chosen) -> dict[SeriesKey, ScanLines]:
    """Lines of the fringes that were found, of what is chosen."""
    table = chosen.look.fringes
    if table.empty or "band" not in table:
        return {}
    rows = table[_wanted(chosen)]
    if rows.empty:
        return {}
    rows = rows[rows["scan"].isin(rows["scan"].unique()[-_MOST_SCANS:])]
    shown = {one.stored_name: one for one in chosen.baselines}
    ends = zip(
        *(as_numbers(rows[name].to_numpy()) for name in ("start", "reference_time", "stop")), strict=True
    )
    found: dict[SeriesKey, ScanLines] = {}
    columns = [rows[name].tolist() for name in _COLUMNS]
    for values, (begin, middle, end) in zip(zip(*columns, strict=True), ends, strict=True):
        fringe = dict(zip(_COLUMNS, values, strict=True))
        baseline = shown[str(fringe["baseline"])]
        key = (baseline.name, int(fringe["band"]), _hand(baseline, str(fringe["polarization"])))
        lines = found.setdefault(key, ScanLines())
        lines.add(begin, middle, end, fringe, -1 if baseline.is_turned else 1)
    return found


def _wanted(chosen: Chosen) -> NDArray[np.bool_]:
    look = chosen.look
    table = look.fringes
    wanted = table["baseline"].isin([one.stored_name for one in chosen.baselines])
    wanted &= table["band"].isin(chosen.bands) & (table["false_alarm_probability"] <= NOT_DETECTED)
    if look.scan is not None:
        wanted &= table["scan"] == look.scan
    if look.until is not None:
        wanted &= table["start"] <= look.until
    return np.asarray(wanted, dtype=bool)


def _hand(baseline: Baseline, hand: str) -> str:
    return hand[::-1] if baseline.is_turned else hand
