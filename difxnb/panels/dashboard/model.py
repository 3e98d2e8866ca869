# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tab is open, and what happened that another tab shows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class News:
    """Something that happened, and the tab that shows it."""

    text: str
    tab: str


@dataclass(frozen=True)
class DashboardSnapshot:
    """What a dashboard shows of itself."""

    names: tuple[str, ...]
    opened: str
    news: News | None


class DashboardModel:
    """Tabs by name, one of which is open.

    Parameters
    ----------
    names : sequence of str
        Of the tabs; the first is open.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if not names:
            raise ValueError("a dashboard needs at least one tab")
        self.version = 0
        self._names = tuple(names)
        self._opened = self._names[0]
        self._news: News | None = None
        self._lock = threading.Lock()

    def open(self, name: str) -> None:
        """Open a tab; ValueError where there is none of that name."""
        if name not in self._names:
            raise ValueError(f"there is no tab {name!r}; there are {', '.join(self._names)}")
        with self._lock:
            self._opened = name
            if self._news is not None and self._news.tab == name:
                self._news = None
            self.version += 1

    def tell(self, text: str, tab: str) -> None:
        """Say that something happened that a tab shows, unless it is open."""
        with self._lock:
            if tab != self._opened:
                self._news = News(text, tab)
                self.version += 1

    def snapshot(self) -> DashboardSnapshot:
        """What is shown now."""
        with self._lock:
            return DashboardSnapshot(self._names, self._opened, self._news)
