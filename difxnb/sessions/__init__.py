# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions over days: what was done, what is missing, and how clocks, SNR and weights move.

A session is known by its ``record.jsonl`` (`record`, `record_lines`, `finding`). `master` reads what the IVS expects,
`calendar` holds both against each other, `trends` follows values from session to session. Nothing here knows a
connection.
"""

from __future__ import annotations

from difxnb.sessions.calendar import session_calendar
from difxnb.sessions.master import read_master
from difxnb.sessions.record import SessionRecord, read_record
from difxnb.sessions.trends import SessionTrends, session_trends

__all__ = [
    "SessionRecord",
    "SessionTrends",
    "read_master",
    "read_record",
    "session_calendar",
    "session_trends",
]
