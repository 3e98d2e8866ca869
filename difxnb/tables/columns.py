# SPDX-License-Identifier: GPL-3.0-or-later
"""Python values to pandas columns of fixed types, which never depend on what came.

================  ==========================  =================
values            column                      missing
================  ==========================  =================
times             ``datetime64[ns]``, UTC     NaT
integers          ``Int64``                   ``<NA>``
other numbers     ``float64``                 NaN
yes and no        ``boolean``                 ``<NA>``
texts             ``object`` of ``str``       None
severities        ordered category            NaN
anything else     ``object``                  None
================  ==========================  =================

Missing texts are None and nothing else: the type pandas would infer for texts differs between its versions, and with
whether all of them are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.wire.message import Severity

SEVERITIES = [severity.name for severity in sorted(Severity, reverse=True)]
"""Least to most severe, so that ``frame.severity >= "WARNING"`` means warnings and worse."""
_SEVERITY_TYPE = pd.CategoricalDtype(SEVERITIES, ordered=True)
_LEAST = len(SEVERITIES) - 1
_MOST_SECONDS = 9.2e9  # from 1970, which is what 64 bits of nanoseconds hold
_REAL_MJD = (40000.0, 100000.0)  # what a telescope can have seen

Arrays = tuple[NDArray[Any], ...]


class Kind(NamedTuple):
    """How a column is kept: as arrays, which can be cut and grown.

    Attributes
    ----------
    split : callable
        Values to one array or two (the second says which are missing).
    join : callable
        These arrays to a Series.
    """

    split: Callable[[Sequence[Any]], Arrays]
    join: Callable[..., pd.Series[Any]]


def _nanoseconds(numbers: NDArray[np.float64]) -> NDArray[np.datetime64]:
    known = np.abs(numbers) < _MOST_SECONDS  # which NaN is not
    whole = np.floor(np.where(known, numbers, 0.0))
    nanoseconds = whole.astype(np.int64) * 10**9
    nanoseconds += np.rint((np.where(known, numbers, 0.0) - whole) * 1e9).astype(np.int64)
    stamps = nanoseconds.view("datetime64[ns]")
    stamps[~known] = np.datetime64("NaT")
    return stamps


def _split_times(values: Sequence[float | None]) -> Arrays:
    return (_nanoseconds(np.array(values, dtype=float)),)


def _split_dates(values: Sequence[float | None]) -> Arrays:
    days = np.array(values, dtype=float)
    days[~((days >= _REAL_MJD[0]) & (days <= _REAL_MJD[1]))] = np.nan
    return (_nanoseconds((days - UNIX_EPOCH_MJD) * DAY_S),)


def _split_numbers(values: Sequence[float | None]) -> Arrays:
    return (np.array(values, dtype=float),)


def _split_objects(values: Sequence[Any]) -> Arrays:
    return (np.fromiter(values, dtype=object, count=len(values)),)


def _split_nullable(values: Sequence[Any], dtype: type) -> Arrays:
    missing = np.array([value is None for value in values], dtype=bool)
    if missing.any():
        values = [0 if value is None else value for value in values]
    return np.array(values, dtype=dtype), missing


def _split_severities(values: Sequence[int | None]) -> Arrays:
    numbers = np.array(values, dtype=float)
    known = (numbers >= 0) & (numbers <= _LEAST)
    return (np.where(known, _LEAST - numbers, -1).astype(np.int8),)


def _as_it_is(array: NDArray[Any]) -> pd.Series[Any]:
    return pd.Series(array, dtype=array.dtype, copy=False)


TIMES = Kind(_split_times, _as_it_is)
"""From unix seconds."""
DATES = Kind(_split_dates, _as_it_is)
"""Times from modified Julian dates (UTC); what is no date of an observation is missing."""
NUMBERS = Kind(_split_numbers, _as_it_is)
TEXTS = OBJECTS = Kind(_split_objects, _as_it_is)
INTEGERS = Kind(
    lambda values: _split_nullable(values, np.int64),
    lambda numbers, missing: pd.Series(pd.arrays.IntegerArray(numbers, missing), copy=False),
)
BOOLEANS = Kind(
    lambda values: _split_nullable(values, np.bool_),
    lambda answers, missing: pd.Series(pd.arrays.BooleanArray(answers, missing), copy=False),
)
FLAGS = Kind(lambda values: (np.array(values, dtype=bool),), _as_it_is)
"""Yes and no, of which none is missing."""
SEVERITY = Kind(
    _split_severities,
    lambda codes: pd.Series(pd.Categorical.from_codes(codes, dtype=_SEVERITY_TYPE), copy=False),
)


def series(kind: Kind, values: Iterable[Any]) -> pd.Series[Any]:
    """A column of a kind."""
    return kind.join(*kind.split(list(values)))


def severity_code(worst: int) -> int:
    """Code in a column of severities from which on they are `worst` or worse."""
    return _LEAST - worst


def times(seconds: Iterable[float | None]) -> pd.Series[pd.Timestamp]:
    """Unix seconds to UTC ``datetime64[ns]``; None and NaN become NaT."""
    return series(TIMES, seconds)


def moments(found: Iterable[datetime | None]) -> pd.Series[pd.Timestamp]:
    """Times without zone to ``datetime64[ns]``; None becomes NaT."""
    return pd.Series(np.array(list(found), dtype="datetime64[us]").astype("datetime64[ns]"))


def mjd_seconds(mjd: float | None) -> float | None:
    """Unix seconds of a modified Julian date (UTC)."""
    return None if mjd is None else (mjd - UNIX_EPOCH_MJD) * DAY_S


def severities(values: Iterable[int | None]) -> pd.Series[str]:
    """Severity numbers (0 is worst) to an ordered categorical; what is no severity is missing."""
    return series(SEVERITY, values)


def integers(values: Iterable[int | None]) -> pd.Series[int]:
    """Integers of which some are missing."""
    return series(INTEGERS, values)


def numbers(values: Iterable[float | None]) -> pd.Series[float]:
    """Floats; missing is NaN."""
    return series(NUMBERS, values)


def texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts of which some are missing, as None."""
    return series(TEXTS, values)


def flags(values: Iterable[bool]) -> pd.Series[bool]:
    """Yes and no."""
    return series(FLAGS, values)
