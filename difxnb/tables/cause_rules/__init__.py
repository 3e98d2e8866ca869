# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of causes: which texts mean what. The first rule that knows a text has it, so exact ones come first."""

from __future__ import annotations

from difxnb.tables.cause_rules.data import DATA
from difxnb.tables.cause_rules.hosts import HOSTS
from difxnb.tables.cause_rules.narration import NARRATION
from difxnb.tables.cause_rules.recordings import RECORDINGS
from difxnb.tables.cause_rules.running import RUNNING
from difxnb.tables.cause_rules.setup import SETUP
from difxnb.tables.cause_rules.starting import STARTING

__all__ = ["RULES"]

RULES = (*DATA, *RECORDINGS, *SETUP, *STARTING, *HOSTS, *RUNNING, *NARRATION)
