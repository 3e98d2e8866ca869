# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Earth stands and how long waves take: orientation, leap seconds, geometric delays."""

from __future__ import annotations

from difxnb.geometry.comparison import agreement
from difxnb.geometry.delay_model import delay_model
from difxnb.geometry.troposphere import Weather

__all__ = ["Weather", "agreement", "delay_model"]
