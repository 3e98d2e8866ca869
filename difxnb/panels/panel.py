# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels share: a widget that the painter writes, a static twin, and an end."""

from __future__ import annotations

import time
import uuid
from collections import deque
from html import escape
from typing import Any

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.twin import Twin, TwinOutput, style_that_hides

TWIN_PERIOD_S = 30.0
"""Seconds between two states of a live panel in the saved notebook."""

_KEPT_FAILURES = 20
_OPEN: dict[str, Panel] = {}


class Panel:
    """One panel: a root widget, painted while it is shown. Derived classes give what is in it.

    A derived class makes its widgets in ``__init__`` and hands the root to this one; writes them in `_paint` and
    nowhere else, once they are shown; tells its last state in `twin`; and lets go of what it holds in `_let_go`.

    Attributes
    ----------
    widget : Widget
        To be put into a layout of one's own; `show` or the end of a cell displays it.
    failures : deque of Exception
        The last things that went wrong in painting; the newest is shown at the foot of the panel.
    """

    def __init__(self, content: widgets.Widget, painter: Painter = PAINTER) -> None:
        self.name = uuid.uuid4().hex[:12]
        self.failures: deque[Exception] = deque(maxlen=_KEPT_FAILURES)
        self._painter = painter
        self._foot = widgets.HTML()
        self._style = widgets.HTML(style_that_hides(self.name))
        self.widget = widgets.VBox([self._style, content, self._foot])
        self.widget.add_class("difxnb-panel")
        self._twin_output = TwinOutput(self.name)
        self._twin_written = 0.0
        self._closed = False

    # What derived classes say.

    def _paint(self) -> None:
        """Write what has changed into the widgets; on the painter's thread."""
        raise NotImplementedError

    def twin(self) -> Twin:
        """The last state, for readers without a kernel; may be asked for on any thread, and after the end."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Let go of what the panel holds; called once."""

    # What the painter, cells and readers use.

    def paint(self) -> None:
        """Write what has changed; for the painter, or for tests without one."""
        self._paint()
        now = time.monotonic()
        if self._twin_output.is_shown and now - self._twin_written >= TWIN_PERIOD_S:
            self._twin_written = now
            self._twin_output.update(self.twin())

    def note_failure(self, error: Exception) -> None:
        """Keep and show what went wrong in painting."""
        self.failures.append(error)
        said = printable(f"{type(error).__name__}: {error}")
        self._foot.value = f'<pre class="difxnb-failure" role="alert">{escape(said)}</pre>'

    def start(self) -> None:
        """Have the panel painted from now on, though it is shown by somebody else."""
        if not self._closed:
            _OPEN[self.name] = self
            self._painter.add(self)

    def show(self) -> None:
        """Show the panel in the cell that runs, and its static twin under it."""
        from IPython.display import publish_display_data

        twin = self.twin()
        data: dict[str, Any] = {"text/plain": twin.text, "text/html": twin.html}
        if not self._closed:
            data["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
            self.start()
        publish_display_data(data)  # type: ignore[no-untyped-call]
        if not self._closed:
            self._twin_output.show(twin)
            self._twin_written = time.monotonic()

    def write_twin(self) -> None:
        """Bring the static twin up to date where the panel is shown."""
        self._twin_output.update(self.twin())

    def close(self) -> None:
        """Write the twin for the last time, and let go of everything. The correlator is not touched."""
        if self._closed:
            return
        self._closed = True
        self._painter.remove(self)
        _OPEN.pop(self.name, None)
        try:
            self.write_twin()
        finally:
            self._let_go()
            close_tree(self.widget)

    @property
    def closed(self) -> bool:
        """Whether the panel has ended."""
        return self._closed

    def _ipython_display_(self) -> None:
        self.show()

    def _repr_html_(self) -> str:
        return self.twin().html

    def __repr__(self) -> str:
        return printable(self.twin().text, keep="\n")

    def __enter__(self) -> Panel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_panels() -> list[Panel]:
    """Panels that are painted now, oldest first."""
    return list(_OPEN.values())


def close_tree(widget: widgets.Widget) -> None:
    """Close a widget, and all that is in it."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    layout, style = getattr(widget, "layout", None), getattr(widget, "style", None)
    widget.close()
    for part in (layout, style):
        if isinstance(part, widgets.Widget):
            part.close()
