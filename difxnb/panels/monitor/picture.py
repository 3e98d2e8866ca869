# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a panel: whatever kind was chosen last, as a PNG, and words for it."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what draws is imported with the first picture: a panel is seen before that
    from matplotlib.figure import Figure

    from difxnb.plots.live import LiveView, Look

_SHARE = 0.25
"""Of a CPU, at most, for pictures of one kind: dear ones are drawn less often than four times a second."""


class Picture:
    """Draws looks, one kind of picture at a time; from any thread.

    Attributes
    ----------
    png : bytes, optional
        What was drawn last.
    caption : str
        What it shows, in words.
    """

    def __init__(self) -> None:
        self.png: bytes | None = None
        self.caption = ""
        self._lock = threading.Lock()
        self._kind = ""
        self._view: LiveView[Any] | None = None
        self._chosen: Hashable = None
        self._cost, self._not_before = 0.0, 0.0

    def draw(self, kind: str, look: Look, *, at_once: bool = True) -> bytes | None:
        """Draw a look; None where nothing has changed since the last one.

        Where `at_once` is false, new data wait until the last drawing has paid; another choice never waits.
        """
        chosen = (kind, look.question[1:])
        with self._lock:
            if not at_once and chosen == self._chosen and time.monotonic() < self._not_before:
                return None
            self._chosen = chosen
            begin, begin_cpu = time.monotonic(), time.thread_time()
            drawn = self._draw(kind, look)
            if drawn is not None:
                self._rest(begin, time.thread_time() - begin_cpu)
            return drawn

    def _draw(self, kind: str, look: Look) -> bytes | None:
        if self._view is None or kind != self._kind:
            self._turn_to(kind)
        view = self._view
        drawn = None if view is None else view.draw(look)
        if view is not None and drawn is not None:
            self.png, self.caption = drawn, view.caption
        return drawn

    def _rest(self, begin: float, cost: float) -> None:
        """Wait by the lower of the last two costs: full draws are dear, and rare."""
        self._not_before = begin + min(cost, self._cost) / _SHARE
        self._cost = cost

    def _turn_to(self, kind: str) -> None:
        from difxnb.plots.live import VIEWS

        if self._view is not None:
            self._view.close()
        self._kind, self._view = kind, VIEWS[kind]()
        self._cost = 0.0

    def close(self) -> None:
        """Let go of the canvas; what was drawn last stays."""
        with self._lock:
            if self._view is not None:
                self._view.close()
            self._view = None


def figure_of(kind: str, look: Look) -> Figure:
    """A figure of a look, which changes no more."""
    from difxnb.plots.live import VIEWS

    view = VIEWS[kind]()
    try:
        view.draw(look)
        return view.figure()
    finally:
        view.close()


def png_of(figure: Figure) -> bytes:
    """A PNG of a figure."""
    from difxnb.plots.lock import RENDER_LOCK

    written = io.BytesIO()
    with RENDER_LOCK:
        figure.savefig(written, format="png", dpi=100)
    return written.getvalue()
