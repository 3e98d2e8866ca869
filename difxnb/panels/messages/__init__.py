# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that was relayed: filtered, coloured by severity, with the causes of troubles in plain language."""

from __future__ import annotations

from difxnb.panels.messages.alerts import AlertsModel, AlertsPanel
from difxnb.panels.messages.model import MessagesModel
from difxnb.panels.messages.view import MessagesPanel

__all__ = ["AlertsModel", "AlertsPanel", "MessagesModel", "MessagesPanel"]
