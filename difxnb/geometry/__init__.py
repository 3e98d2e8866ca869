# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Earth stands and how long waves take: orientation, leap seconds, geometric delays."""

from __future__ import annotations

from difxnb.geometry.comparison import agreement
from difxnb.geometry.delay_model import delay_model
from difxnb.geometry.eop import EopTable
from difxnb.geometry.eop_cache import read_eop
from difxnb.geometry.leap_seconds import leap_seconds
from difxnb.geometry.troposphere import Weather

__all__ = ["EopTable", "Weather", "agreement", "delay_model", "leap_seconds", "read_eop"]
