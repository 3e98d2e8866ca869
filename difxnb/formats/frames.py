# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of the tables that files of DiFX become: times in UTC, names by row.

In go numbers as the files have them, out come pandas columns in the units of the package (s, Hz, m, rad, UTC). pandas
is imported when a table is made, not before, so that reading a file stays cheap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, "pd.Series[Any]"]
File = TypeVar("File")

NANOSECOND = 1e-9
_SECOND_NS = 10**9
# What datetime64 holds in ns, 292 years on both sides of 1970, less what may be added in seconds.
_MOST_DAYS, _MOST_SECONDS = 106_000.0, 5e7
WRITTEN_MJD_NS = 10_000_000
"""How well a time is known that a file gives as an MJD with 7 decimals, ns."""


def utc(
    days: Iterable[float | None], seconds: float | Iterable[float] = 0.0, *, step_ns: int = 1
) -> pd.Series[Any]:
    """Modified Julian dates to ``datetime64[ns]``, UTC.

    Parameters
    ----------
    days : iterable of float or None
        MJD; None becomes NaT.
    seconds : float or iterable of float
        Added to the days, s.
    step_ns : int
        Round to multiples of this: what a file writes with few decimals is not known better.

    Returns
    -------
    Series
        ``NaT`` also for what ``datetime64`` cannot hold (before 1678, after 2262).
    """
    import numpy as np
    import pandas as pd

    mjd = np.array([np.nan if day is None else day for day in days], dtype=np.float64)
    added_s = np.asarray(seconds if isinstance(seconds, float) else list(seconds), dtype=np.float64)
    held = (np.abs(mjd - UNIX_EPOCH_MJD) < _MOST_DAYS) & (np.abs(added_s) < _MOST_SECONDS)
    mjd, added_s = np.where(held, mjd, np.nan), np.where(held, added_s, np.nan)
    whole = np.floor(mjd)
    rest_ns = np.rint(((mjd - whole) * DAY_S + added_s) * _SECOND_NS / step_ns) * step_ns
    stamps = np.full(mjd.shape, np.datetime64("NaT"), dtype="datetime64[ns]")
    day_ns = (whole[held] - UNIX_EPOCH_MJD).astype(np.int64) * (DAY_S * _SECOND_NS)
    stamps[held] = (day_ns + rest_ns[held].astype(np.int64)).view("datetime64[ns]")
    return pd.Series(stamps)


def name_of(names: Sequence[str], row: int) -> str:
    """Name in a row of a table; empty where there is no such row."""
    return names[row] if 0 <= row < len(names) else ""


def integers(values: Iterable[int]) -> pd.Series[Any]:
    """Whole numbers, ``int64``."""
    import pandas as pd

    return pd.Series(list(values), dtype="int64")


def optional_integers(values: Iterable[int | None]) -> pd.Series[Any]:
    """Whole numbers of which some are missing, ``Int64``."""
    import pandas as pd

    return pd.Series(list(values), dtype="Int64")


def numbers(values: Iterable[float | None], unit: float = 1.0) -> pd.Series[Any]:
    """Numbers times the unit they are in; None becomes NaN."""
    import pandas as pd

    return pd.Series([math.nan if value is None else value * unit for value in values], dtype="float64")


def truths(values: Iterable[bool]) -> pd.Series[Any]:
    """Truth values."""
    import pandas as pd

    return pd.Series(list(values), dtype="bool")


def texts(values: Iterable[str]) -> pd.Series[Any]:
    """Texts; as plain objects where one has halves of characters, as names of files that are not in UTF-8 have."""
    import pandas as pd

    whole = list(values)
    try:
        return pd.Series(whole, dtype="str")
    except UnicodeEncodeError:
        return pd.Series(whole, dtype=object)


def lists(values: Iterable[Sequence[object]]) -> pd.Series[Any]:
    """Lists of any length, as tuples."""
    import pandas as pd

    return pd.Series([tuple(value) for value in values], dtype=object)


def table(columns: Columns) -> pd.DataFrame:
    """Columns of equal length to a DataFrame with rows counted from 0."""
    import pandas as pd

    return pd.DataFrame(dict(columns))


def named_table(
    file: File, name: str, tables: Mapping[str, Callable[[File], Columns]], kind: str
) -> pd.DataFrame:
    """One of the tables of a file; ValueError says which tables a file of this kind has."""
    if name not in tables:
        raise ValueError(f"{kind} has no table {name!r}; it has {', '.join(tables)}")
    return table(tables[name](file))
