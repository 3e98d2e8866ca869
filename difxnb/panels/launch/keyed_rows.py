# SPDX-License-Identifier: GPL-3.0-or-later
"""A column of rows of widgets, one for each key, made and closed as keys come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import ipywidgets as widgets

from difxnb.panels.panel import close_tree


class Row(Protocol):
    """A row of widgets."""

    box: widgets.Widget


R = TypeVar("R", bound=Row)


class KeyedRows(Generic[R]):
    """A column of rows.

    Parameters
    ----------
    make : callable
        Makes the row of a key.
    """

    def __init__(self, make: Callable[[str], R]) -> None:
        self.box = widgets.VBox([])
        self._make = make
        self._rows: dict[str, R] = {}

    def __getitem__(self, key: str) -> R:
        return self._rows[key]

    def keep(self, keys: Sequence[str]) -> None:
        """Have rows of these keys in this order, and no others; for the painter alone."""
        if list(keys) == list(self._rows):
            return
        gone = {key: row for key, row in self._rows.items() if key not in keys}
        self._rows = {key: self._rows.get(key) or self._make(key) for key in keys}
        self.box.children = tuple(row.box for row in self._rows.values())
        for row in gone.values():
            close_tree(row.box)
