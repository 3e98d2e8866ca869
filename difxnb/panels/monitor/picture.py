# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a panel: whatever kind was chosen last, as a PNG, and words for it."""

from __future__ import annotations

import io
import threading
from typing import Any

from matplotlib.figure import Figure

from difxnb.plots.live import VIEWS, LiveView, Look
from difxnb.plots.lock import RENDER_LOCK


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

    def draw(self, kind: str, look: Look) -> bytes | None:
        """Draw a look; None where nothing has changed since the last one."""
        with self._lock:
            if self._view is None or kind != self._kind:
                self._turn_to(kind)
            view = self._view
            drawn = None if view is None else view.draw(look)
            if view is not None and drawn is not None:
                self.png, self.caption = drawn, view.caption
            return drawn

    def _turn_to(self, kind: str) -> None:
        if self._view is not None:
            self._view.close()
        self._kind, self._view = kind, VIEWS[kind]()

    def close(self) -> None:
        """Let go of the canvas; what was drawn last stays."""
        with self._lock:
            if self._view is not None:
                self._view.close()
            self._view = None


def png_of(figure: Figure) -> bytes:
    """A PNG of a figure."""
    written = io.BytesIO()
    with RENDER_LOCK:
        figure.savefig(written, format="png", dpi=100)
    return written.getvalue()
