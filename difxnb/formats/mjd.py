# SPDX-License-Identifier: GPL-3.0-or-later
"""Modified Julian dates: the zeros of the calendars that DiFX, computers and Datasets count from."""

from __future__ import annotations

from datetime import datetime

MJD_ZERO = datetime(1858, 11, 17)
"""0h UTC of day 0."""
UNIX_EPOCH_MJD = (datetime(1970, 1, 1) - MJD_ZERO).days
"""Day on which Unix time begins, 40587."""
DAY_S = 86400
"""Seconds of a day; leap seconds are not counted, as nowhere in DiFX."""
