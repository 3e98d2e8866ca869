# SPDX-License-Identifier: GPL-3.0-or-later
"""Leap seconds: from which day on TAI is how far ahead of UTC, and how long that is known.

Two files are read: ``leap-seconds.list`` of the IERS, as systems keep it beside their time zones, and
``Leap_Second.dat`` of the IERS. Without one the table that ERFA was built with stands in. No leap second since 1972 is
missing from any of them unless it is older than its expiry says.
"""

from __future__ import annotations

import calendar
import itertools
import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import erfa
import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.im_evaluation import unix_ns
from difxnb.formats.keyvalue import read_text
from difxnb.formats.mjd import DAY_S, LAST_MJD, MJD_ZERO
from difxnb.geometry.earth import unix_day

if TYPE_CHECKING:
    import pandas as pd

FIRST_MJD = 41_317
"""1972-01-01: since then TAI-UTC is a whole number of seconds."""
SYSTEM_FILES = (Path("/usr/share/zoneinfo/leap-seconds.list"), Path("/usr/share/zoneinfo/leap-second.list"))
_NTP_ZERO_MJD = 15_020
_MOST_TEXT = 2**20
_MOST_LEAPS = 200
_MONTHS = tuple(month.lower() for month in calendar.month_name)


@dataclass(frozen=True, slots=True)
class LeapSeconds:
    """A table of leap seconds.

    Attributes
    ----------
    days, offsets : tuple
        MJD from which on TAI-UTC (s) holds, ascending.
    expires : datetime or None
        Until when no other leap second can come.
    source : str
        Where this is from.
    """

    days: tuple[int, ...]
    offsets: tuple[float, ...]
    expires: datetime | None
    source: str

    def on(self, mjd: float) -> float:
        """TAI-UTC on a day (MJD), s; NaN before the first of the table."""
        row = bisect_right(self.days, math.floor(mjd))
        return self.offsets[row - 1] if row else math.nan


def leap_seconds(at: Any = None, *, source: str | PathLike[str] | None = None) -> pd.DataFrame:
    """Tell the leap seconds since 1972.

    Parameters
    ----------
    at : datetime64, Timestamp or str, optional
        Only the row that holds then (UTC).
    source : path-like, optional
        A ``leap-seconds.list`` or ``Leap_Second.dat``. Without it the system's file or ERFA's table, whichever knows
        longer.

    Returns
    -------
    DataFrame
        ``from`` (UTC), ``mjd`` and ``tai_utc`` (s). ``attrs["expires"]`` is a datetime64 (NaT where unknown) until
        which the table is complete, ``attrs["source"]`` says where it is from.

    Raises
    ------
    FileFormatError
        The file is no such table.
    ValueError
        `at` is before 1972.
    """
    import pandas as pd

    table = known_leap_seconds() if source is None else read_leap_seconds(source)
    frame = pd.DataFrame(
        {
            "from": np.array([unix_day(day) for day in table.days], dtype="datetime64[ns]"),
            "mjd": np.array(table.days, dtype=np.int64),
            "tai_utc": np.array(table.offsets, dtype=np.float64),
        }
    )
    if at is not None:
        wanted = np.int64(unix_ns(at)).view("datetime64[ns]")
        frame = frame[frame["from"] <= wanted].tail(1).reset_index(drop=True)
        if frame.empty:
            raise ValueError(f"{at} is before 1972-01-01, when UTC began to have leap seconds")
    frame.attrs["expires"] = np.datetime64(table.expires or "NaT", "ns")
    frame.attrs["source"] = table.source
    return frame


@cache
def known_leap_seconds() -> LeapSeconds:
    """The system's table or ERFA's, whichever knows longer."""
    tables = [_of_erfa()]
    for path in SYSTEM_FILES:
        try:
            tables.append(read_leap_seconds(path))
        except (OSError, FileFormatError):
            continue
    return max(tables, key=lambda table: table.expires or datetime.min)


def _of_erfa() -> LeapSeconds:
    rows = [
        (_mjd(int(year), int(month), 1), float(offset)) for year, month, offset in erfa.leap_seconds.get()
    ]
    rows = [(day, offset) for day, offset in rows if day >= FIRST_MJD]
    days, offsets = zip(*rows, strict=True)
    return LeapSeconds(days, offsets, erfa.leap_seconds.expires, "ERFA")


def read_leap_seconds(path: str | PathLike[str]) -> LeapSeconds:
    """Read a ``leap-seconds.list`` or a ``Leap_Second.dat``; FileFormatError with the line where it is neither."""
    return parse_leap_seconds(read_text(Path(path)), Path(path))


def parse_leap_seconds(text: str, path: str | Path = "leap-seconds.list") -> LeapSeconds:
    """Read the text of one; errors as :func:`read_leap_seconds`."""
    if len(text) > _MOST_TEXT:
        raise FileFormatError(path, "", f"{len(text)} characters are too many for a table of leap seconds")
    rows: list[tuple[int, float]] = []
    expires = None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if line.startswith("#"):
            expires = _expiry(line) or expires
        elif words:
            rows.append(_row(words, path, number))
            if len(rows) > _MOST_LEAPS:
                raise FileFormatError(path, f"line {number}", f"more than {_MOST_LEAPS} leap seconds")
    if not rows:
        raise FileFormatError(path, "", "no leap seconds in it")
    days, offsets = zip(*rows, strict=True)
    if any(later <= earlier for earlier, later in itertools.pairwise(days)):
        raise FileFormatError(path, "", "its days do not follow each other")
    return LeapSeconds(days, offsets, expires, str(path))


def _row(words: list[str], path: str | Path, number: int) -> tuple[int, float]:
    """``NTP seconds, TAI-UTC``, or ``MJD, day, month, year, TAI-UTC``."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) == 2:
        day = values[0] / DAY_S + _NTP_ZERO_MJD
    elif len(values) == 5:
        day = values[0]
    else:
        raise FileFormatError(
            path, f"line {number}", "neither a line of leap-seconds.list nor of Leap_Second.dat"
        )
    offset = values[-1]
    if not (FIRST_MJD <= day <= LAST_MJD and day == math.floor(day) and 0 <= offset <= 1000):
        raise FileFormatError(path, f"line {number}", "no day since 1972, or no number of leap seconds")
    return int(day), offset


def _expiry(line: str) -> datetime | None:
    """Of ``#@ NTP seconds`` or ``# File expires on 28 June 2027``; None where a comment says neither."""
    words = line.lstrip("#").split()
    try:
        if line.startswith("#@"):
            return datetime(1900, 1, 1) + timedelta(seconds=int(words[-1]))
        if [word.lower() for word in words[:3]] == ["file", "expires", "on"]:
            return datetime(int(words[5]), _MONTHS.index(words[4].lower()), int(words[3]))
    except (ValueError, IndexError, OverflowError):
        return None
    return None


def _mjd(year: int, month: int, day: int) -> int:
    return (datetime(year, month, day) - MJD_ZERO).days
