# SPDX-License-Identifier: GPL-3.0-or-later
"""Modified Julian dates: the zeros of the calendars that DiFX, computers and Datasets count from."""

from __future__ import annotations

import re
from datetime import datetime

MJD_ZERO = datetime(1858, 11, 17)
"""0h UTC of day 0."""
UNIX_EPOCH_MJD = (datetime(1970, 1, 1) - MJD_ZERO).days
"""Day on which Unix time begins, 40587."""
DAY_S = 86400
"""Seconds of a day; leap seconds are not counted, as nowhere in DiFX."""
LAST_MJD = 140_000
"""Days beyond this one (in 2242) are damage: the time of the package, datetime64[ns], does not reach much further."""

_DAY_NS = DAY_S * 10**9
_TEXT = re.compile(r"(\d{1,6})(?:\.(\d{1,18}))?", re.ASCII)


def unix_ns_of(text: str) -> int | None:
    """Nanoseconds since 1970 of a modified Julian date in text (UTC); None where it is none.

    Exact: as a float a date of today is known to a microsecond only.
    """
    match = _TEXT.fullmatch(text)
    if match is None or int(match[1]) > LAST_MJD:
        return None
    fraction = match[2] or "0"
    scale: int = 10 ** len(fraction)
    rest = (2 * int(fraction) * _DAY_NS + scale) // (2 * scale)
    return (int(match[1]) - UNIX_EPOCH_MJD) * _DAY_NS + rest
