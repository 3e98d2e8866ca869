# SPDX-License-Identifier: GPL-3.0-or-later
"""The static twin of a panel: a picture and a table in the notebook, for readers without a kernel.

A widget is nothing without the kernel that made it. So each panel is shown with two plain outputs under it, which hold
its last state. While the widget lives, its own style sheet hides them; when it does not, they are what is seen.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from IPython.display import publish_display_data

from difxnb.markup import printable


@dataclass(frozen=True)
class Twin:
    """What is left of a panel when nobody runs it.

    Attributes
    ----------
    text : str
        In a few lines of plain text.
    html : str
        Tables and words, escaped already; whole by itself, without scripts.
    picture : bytes, optional
        A PNG.
    """

    text: str
    html: str
    picture: bytes | None = None


class _Publish(Protocol):
    def __call__(self, data: dict[str, Any], *, transient: dict[str, str], update: bool) -> None: ...


def style_that_hides(name: str) -> str:
    """A style sheet that hides the twin of this name for as long as it is in the page."""
    table = f".difxnb-twin-{name}"
    child = f".jp-OutputArea-child:has({table})"
    return f"<style>{table}, {child}, {child} + .jp-OutputArea-child {{display: none}}</style>"


def style_that_stands_in(name: str) -> str:
    """A style sheet of the twin itself: what JupyterLab says above it of a widget that is lost need not be read.

    The words of a lost widget are an output of class ``jupyter-widgets``; what lives is inside of one.
    """
    lost = ".jp-OutputArea-child:has(> .jp-OutputArea-output.jupyter-widgets)"
    return f"<style>{lost}:has(+ .jp-OutputArea-child .difxnb-twin-{name}) {{display: none}}</style>"


class TwinOutput:
    """Two outputs of a notebook, a table and a picture below it, which can be written again.

    Parameters
    ----------
    name : str
        Letters and digits; one for each panel.
    """

    def __init__(self, name: str, publish: _Publish = publish_display_data) -> None:
        self.name = name
        self._publish = publish
        self._lock = threading.Lock()  # two threads may not change the order of two states
        self._shown: Twin | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is an output to be written again."""
        return self._shown is not None

    def show(self, twin: Twin) -> None:
        """Show it in the cell that runs."""
        with self._lock:
            self._write(twin, update=False)

    def update(self, twin: Twin) -> None:
        """Write it where it was shown; nothing happens where it was not, or where it says the same."""
        with self._lock:
            if self._shown is not None and twin != self._shown:
                self._write(twin, update=True)

    def _write(self, twin: Twin, *, update: bool) -> None:
        style = style_that_stands_in(self.name)
        table = f'<div class="difxnb-twin difxnb-twin-{escape(self.name)}">{style}{twin.html}</div>'
        data = {"text/html": table, "text/plain": printable(twin.text, keep="\n")}
        self._publish(data, transient={"display_id": f"{self.name}-table"}, update=update)
        picture: dict[str, Any] = {"text/plain": ""}
        if twin.picture is not None:
            picture["image/png"] = b64encode(twin.picture).decode()
        self._publish(picture, transient={"display_id": f"{self.name}-picture"}, update=update)
        self._shown = twin
