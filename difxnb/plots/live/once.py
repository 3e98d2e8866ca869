# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read from a table, kept as long as the table and the question stay the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import pandas as pd

Made = TypeVar("Made")


class Once(Generic[Made]):
    """The last reading of a table: tables change far more seldom than frames, and are as slow to read as to draw."""

    def __init__(self) -> None:
        self._last: tuple[pd.DataFrame, Hashable, Made] | None = None

    def get(self, table: pd.DataFrame, question: Hashable, read: Callable[[], Made]) -> Made:
        """What was read of this very table for this question, or is read now."""
        last = self._last
        if last is None or last[0] is not table or last[1] != question:
            last = self._last = (table, question, read())
        return last[2]
