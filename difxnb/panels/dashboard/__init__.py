# SPDX-License-Identifier: GPL-3.0-or-later
"""All panels of a correlator, or of a recording, behind tabs."""

from __future__ import annotations

from difxnb.panels.dashboard.choice import ChoiceModel, ChoicePanel, Offer
from difxnb.panels.dashboard.model import DashboardModel, News
from difxnb.panels.dashboard.view import Dashboard, Tab

__all__ = ["ChoiceModel", "ChoicePanel", "Dashboard", "DashboardModel", "News", "Offer", "Tab"]
