# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions over days: what was done, what is missing, and how clocks, SNR and weights move.

A session is known by its ``record.jsonl`` (`record`, `record_lines`).
"""

from __future__ import annotations

from difxnb.sessions.record import SessionRecord, read_record

__all__ = ["SessionRecord", "read_record"]
