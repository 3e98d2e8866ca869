# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock search: delays, rates and phases of stations from fringes of baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from difxnb.clock.solution import ClockSolution


def clock_search(
    fringes: pd.DataFrame,
    reference: str | None = None,
    *,
    by: str | Sequence[str] = "all",
    offsets: str | Sequence[str] | None = None,
    max_false_alarm: float = 1e-4,
    epoch: pd.Timestamp | str | None = None,
    robust: bool = True,
) -> ClockSolution:
    """Delays, rates and phases of stations by weighted least squares over baselines."""
    raise NotImplementedError
