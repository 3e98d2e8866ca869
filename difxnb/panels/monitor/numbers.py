# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers beside a picture: fringes of what is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from difxnb.panels.monitor.snr_matrix import DETECTED

_MOST_ROWS = 24


@dataclass(frozen=True)
class FringeRow:
    """A fringe. NaN where unknown.

    Attributes
    ----------
    baseline, polarization : str
        As shown: turned where the reference station is the second one.
    band : int
    snr, false_alarm : float
    delay_ns, delay_error_ns, rate_ps_s, rate_error_ps_s, phase_deg, phase_error_deg : float
        Signs as those of the table: positive where the second station is late.
    """

    baseline: str
    band: int
    polarization: str
    snr: float
    false_alarm: float
    delay_ns: float
    delay_error_ns: float
    rate_ps_s: float
    rate_error_ps_s: float
    phase_deg: float
    phase_error_deg: float

    @property
    def is_fringe(self) -> bool:
        """Whether it is no mere noise."""
        return self.false_alarm < DETECTED


def fringe_rows(fringes: pd.DataFrame, reference: str | None) -> tuple[tuple[FringeRow, ...], int]:
    """Rows to be shown, by baseline, and how many are left out.

    Parameters
    ----------
    fringes : DataFrame
        Those of what is shown.
    reference : str, optional
        A station that comes first.
    """
    if fringes.empty:
        return (), 0
    shown = fringes.sort_values("baseline", kind="stable").iloc[:_MOST_ROWS].to_dict("records")
    return tuple(_row(row, reference) for row in shown), max(0, len(fringes) - _MOST_ROWS)


def _row(row: Mapping[Any, Any], reference: str | None) -> FringeRow:
    first, second = str(row["antenna1_name"]), str(row["antenna2_name"])
    is_turned = reference == second
    sign = -1.0 if is_turned else 1.0
    hands = str(row["polarization"])
    return FringeRow(
        f"{second}-{first}" if is_turned else str(row["baseline"]),
        int(row["band"]),
        hands[::-1] if is_turned and len(hands) == 2 else hands,
        float(row["snr"]),
        float(row["false_alarm_probability"]),
        sign * float(row["delay"]) * 1e9,
        float(row["delay_error"]) * 1e9,
        sign * float(row["delay_rate"]) * 1e12,
        float(row["delay_rate_error"]) * 1e12,
        sign * math.degrees(float(row["phase"])),
        math.degrees(float(row["phase_error"])),
    )


def with_error(value: float, error: float) -> str:
    """A value to the digits that its error allows, ``"+12.3 ± 0.4"``; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    if not (math.isfinite(error) and error > 0):
        return f"{value:+.4g}"
    digits = min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:+.{digits}f} ± {error:.{digits}f}"


def said_best(rows: Sequence[FringeRow]) -> str:
    """The strongest of some fringes in words, for readers who do not see the picture."""
    there = [row for row in rows if math.isfinite(row.snr)]
    if not there:
        return "no fringes fitted yet"
    best = max(there, key=lambda row: row.snr)
    found = sum(row.is_fringe for row in there)
    return (
        f"{found} of {len(there)} listed are fringes; the strongest is {best.baseline} band {best.band} "
        f"{best.polarization}: SNR {best.snr:.1f}, delay {with_error(best.delay_ns, best.delay_error_ns)} ns"
    )
