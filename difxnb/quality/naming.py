# SPDX-License-Identifier: GPL-3.0-or-later
"""How antennas, baselines and bands are named in what checks say."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

_MOST = 4


def named(names: Iterable[object]) -> str:
    """The first few names, and how many more there are."""
    every = [str(name) for name in names]
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def antennas_of(baseline: str) -> tuple[str, str]:
    """The antennas of a baseline by its name."""
    first, _, second = baseline.partition("-")
    return first, second


def parallel_hands(fringes: pd.DataFrame) -> pd.DataFrame:
    """Rows of the products whose two letters are the same; all rows where there are none, as of mixed feeds."""
    letters = fringes["polarization"].astype(str)
    rows = fringes[letters.str[0] == letters.str[1]]
    return rows if len(rows) else fringes


def product_columns(fringes: pd.DataFrame) -> list[str]:
    """Columns that tell spectra of one baseline and scan apart besides band and polarization."""
    return [name for name in ("phase_center", "pulsar_bin") if name in fringes]
