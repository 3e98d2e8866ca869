# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock search: delays, rates and phases of stations from fringes of baselines."""

from __future__ import annotations

import pandas as pd


def clock_search(fringes: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    """Delays, rates and phases of stations by weighted least squares over baselines."""
    raise NotImplementedError
