# SPDX-License-Identifier: GPL-3.0-or-later
"""Closures: delays and phases of fringes added up around triangles of antennas."""

from __future__ import annotations

import pandas as pd


def closure_delays(fringes: pd.DataFrame, *, max_false_alarm: float = 1e-4) -> pd.DataFrame:
    """Closure delays, one row per triangle, scan, band and polarization."""
    raise NotImplementedError


def closure_phases(fringes: pd.DataFrame, *, max_false_alarm: float = 1e-4) -> pd.DataFrame:
    """Closure phases, one row per triangle, scan, band and polarization."""
    raise NotImplementedError
