# SPDX-License-Identifier: GPL-3.0-or-later
"""Python values to pandas columns of fixed types: UTC times, severities, nullable numbers, texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.wire.message import Severity

SEVERITIES = [severity.name for severity in sorted(Severity, reverse=True)]
"""Least to most severe, so that ``frame.severity >= "WARNING"`` means warnings and worse."""
_SEVERITY_TYPE = pd.CategoricalDtype(SEVERITIES, ordered=True)


def times(seconds: Iterable[float | None]) -> pd.Series[pd.Timestamp]:
    """Unix seconds to UTC ``datetime64[ns]``; None and NaN become NaT."""
    numbers = np.array([np.nan if value is None else value for value in seconds], dtype=float)
    known = np.isfinite(numbers)
    whole = np.floor(np.where(known, numbers, 0.0))
    nanoseconds = whole.astype(np.int64) * 10**9
    nanoseconds += np.rint((np.where(known, numbers, 0.0) - whole) * 1e9).astype(np.int64)
    stamps = nanoseconds.view("datetime64[ns]")
    stamps[~known] = np.datetime64("NaT")
    return pd.Series(stamps)


def moments(found: Iterable[datetime | None]) -> pd.Series[pd.Timestamp]:
    """Times without zone to ``datetime64[ns]``; None becomes NaT."""
    return pd.Series(np.array(list(found), dtype="datetime64[us]").astype("datetime64[ns]"))


def mjd_seconds(mjd: float | None) -> float | None:
    """Unix seconds of a modified Julian date (UTC)."""
    return None if mjd is None else (mjd - UNIX_EPOCH_MJD) * DAY_S


def severities(values: Iterable[int | None]) -> pd.Series[str]:
    """Severity numbers (0 is worst) to an ordered categorical; what is no severity is missing."""
    codes = [6 - value if value is not None and 0 <= value <= 6 else -1 for value in values]
    return pd.Series(pd.Categorical.from_codes(codes, dtype=_SEVERITY_TYPE))


def integers(values: Iterable[int | None]) -> pd.Series[int]:
    """Integers of which some are missing."""
    return pd.Series(pd.array(list(values), dtype="Int64"))


def numbers(values: Iterable[float | None]) -> pd.Series[float]:
    """Floats; missing is NaN."""
    return pd.Series([np.nan if value is None else value for value in values], dtype=float)


def texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts of which some are missing."""
    return pd.Series(list(values), dtype=object).infer_objects()


def values(found: Sequence[Any]) -> pd.Series[Any]:
    """Whatever a field of a message holds; numbers become numeric columns."""
    kinds = {type(value) for value in found if value is not None}
    if kinds and kinds <= {int}:
        return pd.Series(pd.array(list(found), dtype="Int64"))
    if kinds and kinds <= {int, float}:
        return pd.Series([np.nan if value is None else value for value in found], dtype=float)
    return pd.Series(list(found), dtype=object).infer_objects()
