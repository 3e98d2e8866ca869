# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of visibilities, live or not: pictures, fringes in numbers, and the SNR of all baselines."""

from __future__ import annotations

from difxnb.panels.monitor.model import KINDS, MonitorModel
from difxnb.panels.monitor.view import MonitorPanel

__all__ = ["KINDS", "MonitorModel", "MonitorPanel"]
