# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fringes tell of clocks: rows of a table of fringes sorted into those to use and those to leave, with reasons.

In goes what :func:`difxnb.visibility.fringe_fit` gives, also of several bands fitted together (no column ``band``),
of solution intervals (``start``) and put together from several jobs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NEEDED = (
    "antenna1_name",
    "antenna2_name",
    "polarization",
    "delay",
    "delay_error",
    "delay_rate",
    "delay_rate_error",
    "phase",
    "phase_error",
    "snr",
    "false_alarm_probability",
    "reference_frequency",
    "reference_time",
)
LABELS = ("scan", "source", "start", "phase_center", "pulsar_bin", "baseline", "band", "polarization")
_SIGNAL = ("scan", "phase_center", "pulsar_bin", "band")
_PLAUSIBLE = {
    "delay": (-10.0, 10.0),
    "delay_error": (1e-18, 10.0),
    "delay_rate": (-1e-3, 1e-3),
    "delay_rate_error": (1e-24, 1e-3),
    "phase": (-1e6, 1e6),
    "phase_error": (1e-12, 1e6),
    "snr": (0.0, 1e12),
    "reference_frequency": (1.0, 1e13),
    "delay_ambiguity": (1e-15, 10.0),
    "rate_ambiguity": (1e-20, 1.0),
}
"""What fringes of clocks can have (s, s/s, rad, Hz); anything else counts as not known."""
_SPREAD = 1e4
"""Errors that differ more from the median one: smaller ones are not believed, and larger ones tell nothing."""
_BASES = ({"R", "L"}, {"X", "Y"}, {"H", "V"})


def checked(fringes: pd.DataFrame, max_false_alarm: float) -> pd.DataFrame:
    """Check that a table is one of fringes, and return it with plain types.

    Raises
    ------
    TypeError
        No DataFrame.
    ValueError
        Columns are missing, or do not hold what they should.
    """
    if not isinstance(fringes, pd.DataFrame):
        raise TypeError(
            f"fringes are the DataFrame that fringe_fit(dataset) gives without as_dataset, not a "
            f"{type(fringes).__name__}"
        )
    missing = [name for name in NEEDED if name not in fringes]
    if missing:
        raise ValueError(f"the table of fringes lacks {', '.join(missing)}; fringe_fit makes such tables")
    if not 0 < max_false_alarm <= 1:
        raise ValueError(f"max_false_alarm is a probability, above 0 and at most 1; got {max_false_alarm!r}")
    table = fringes.copy() if fringes.index.is_unique else fringes.reset_index(drop=True)
    try:
        for name in (*NEEDED[3:12], *(name for name in _PLAUSIBLE if name in table)):
            values = table[name].to_numpy(dtype=float)
            low, high = _PLAUSIBLE.get(name, (-np.inf, np.inf))
            table[name] = np.where((values >= low) & (values <= high), values, np.nan)
        stamps = pd.to_datetime(table["reference_time"], utc=True, format="ISO8601").dt.tz_localize(None)
        table["reference_time"] = stamps.astype("datetime64[ns]")
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"the table of fringes holds what is no number or time: {error}") from error
    for name in ("antenna1_name", "antenna2_name", "polarization"):
        table[name] = table[name].astype(str)
    table["baseline"] = table["antenna1_name"] + "-" + table["antenna2_name"]
    return table


def sorted_out(
    table: pd.DataFrame, max_false_alarm: float, *, every_centre: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of a checked table to use, and the others with a column ``reason``.

    Delays at other phase centres than the first hold the offset of these too: they close, but are not of clocks.
    """
    hands = hands_of(table["polarization"])
    reason = np.full(len(table), "", dtype=object)
    detected = table["false_alarm_probability"].to_numpy(dtype=float) <= max_false_alarm
    delay, error = (table[name].to_numpy(dtype=float) for name in ("delay", "delay_error"))
    timed = table["reference_time"].notna().to_numpy(dtype=bool)
    known = np.isfinite(delay) & np.isfinite(error) & timed
    known &= error <= _SPREAD * np.median(error[known]) if known.any() else False
    for bad, why in (
        (~detected, f"not detected: false alarm probability above {max_false_alarm:g}"),
        (~known, "no time, or no delay and error that clocks have"),
        (_is_at_edge(table), "at the edge of what was searched"),
        (_is_cross(hands), "cross hands"),
        (_is_shifted(table) & (not every_centre), "not the first phase centre"),
        ((table["antenna1_name"] == table["antenna2_name"]).to_numpy(), "autocorrelation"),
    ):
        reason[bad] = why
    used = reason == ""
    return table[used], table[~used].assign(reason=reason[~used])


def hands_of(polarization: pd.Series) -> NDArray[np.object_]:
    """Polarizations of antenna 1 and antenna 2, shape (row, 2); a label of combined hands stands for both."""
    return np.array(
        [(one[0], one[1]) if len(one) == 2 else (one, one) for one in polarization], object
    ).reshape(-1, 2)


def simultaneous(table: pd.DataFrame) -> NDArray[np.int64]:
    """Number of the interval and band of each row: rows with the same number are of the same signal."""
    names = ["start" if "start" in table else "reference_time", *(name for name in _SIGNAL if name in table)]
    if "band" in table:  # in tables of several jobs one number may stand for bands of several frequencies
        table = table.assign(at=table["reference_frequency"].round(-3))
        names.append("at")
    return numbered(table, names)


def numbered(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    """Numbers of rows that are equal where the rows have equal values in these columns."""
    if not columns:
        return np.zeros(len(table), dtype=np.int64)
    groups = table.groupby(list(columns), sort=False, dropna=False).ngroup()
    return np.asarray(groups, dtype=np.int64)


def refuse_repeated(used: pd.DataFrame) -> None:
    """Refuse fringes that are there twice: errors would come out too small.

    Raises
    ------
    ValueError
        Rows agree in everything that names a fringe.
    """
    names = ["antenna1_name", "antenna2_name", "polarization", "reference_frequency"]
    repeated = used.assign(signal=simultaneous(used)).duplicated(["signal", *names])
    if repeated.any():
        first = used[repeated.to_numpy()].iloc[0]
        raise ValueError(
            f"the table has fringes twice, {int(repeated.sum())} of them, such as {first['baseline']} "
            f"{first['polarization']} at {first['reference_time']}; give each once"
        )


def believed(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors, none of them far below the median one: such a weight would leave nothing to the others."""
    there = error[np.isfinite(error)]
    return np.maximum(error, np.median(there) / _SPREAD) if there.size else error


def ambiguity_of(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """What may be added to a delay or rate without any change of its fringe; infinite where that is not known."""
    if name not in table:
        return np.full(len(table), np.inf)
    spacing = table[name].to_numpy(dtype=float)
    return np.where(np.isfinite(spacing), spacing, np.inf)


def _is_cross(hands: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether the two hands are opposite ones: such fringes may be of leakage, which has other delays."""
    return np.array([one != two and {one, two} in _BASES for one, two in hands], dtype=bool)


def _is_at_edge(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether the highest point stood at the border of the window, so that the true one may lie outside."""
    if "flags" not in table:
        return np.zeros(len(table), dtype=bool)
    return np.array(["window_edge" in str(flags).split() for flags in table["flags"]], dtype=bool)


def _is_shifted(table: pd.DataFrame) -> NDArray[np.bool_]:
    if "phase_center" not in table or table.empty:
        return np.zeros(len(table), dtype=bool)
    # A job with one centre has no such column: none is told where its fringes stand beside those of another job.
    centre = pd.to_numeric(table["phase_center"], errors="coerce")
    return np.asarray(centre > centre.min(), dtype=bool)
