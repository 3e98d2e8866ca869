# SPDX-License-Identifier: GPL-3.0-or-later
"""Unattended sessions: what a recipe would do, how a session goes, and what it found."""

from __future__ import annotations

from difxnb.panels.intensive.model import IntensiveModel
from difxnb.panels.intensive.session import Desk, Session
from difxnb.panels.intensive.snapshot import IntensiveSnapshot
from difxnb.panels.intensive.view import IntensivePanel

__all__ = ["Desk", "IntensiveModel", "IntensivePanel", "IntensiveSnapshot", "Session"]
