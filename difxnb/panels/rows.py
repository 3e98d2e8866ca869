# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of tables, one after the other, with their columns as attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table; names of columns must be names of attributes."""
    return iter(frame.itertuples(index=False))
