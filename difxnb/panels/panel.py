# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels share: a widget that the painter writes, a static twin, and an end."""

from __future__ import annotations

import atexit
import threading
import uuid
from collections import deque
from html import escape

import ipywidgets as widgets
from IPython.display import publish_display_data

from difxnb.markup import printable
from difxnb.panels.audience import REST_S, Audience
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.twin import Twin, TwinOutput, style_that_hides

TWIN_PERIOD_S = 30.0
"""Seconds between two states of a live panel in the saved notebook."""

AUDIENCE = Audience(PAINTER.soon)
"""Whoever looks at the panels of this process."""

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

    def __init__(
        self, content: widgets.Widget, painter: Painter = PAINTER, audience: Audience = AUDIENCE
    ) -> None:
        self.name = uuid.uuid4().hex[:12]
        self.failures: deque[Exception] = deque(maxlen=_KEPT_FAILURES)
        self._painter, self._audience = painter, audience
        self._foot = widgets.HTML()
        self._style = widgets.HTML(style_that_hides(self.name))
        self.widget = widgets.VBox([self._style, content, self._foot])
        self.widget.add_class("difxnb-panel")
        self._twin_output = TwinOutput(self.name)
        self._painted_at = self._twin_written = 0.0
        self._lock = threading.Lock()
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
        """Write what has changed; for the painter, or for tests without one.

        Nothing is done when it was done in the last minute and nobody looks.
        """
        if self._closed:
            return
        self._audience.ask()
        now, away = self._audience.clock(), self._audience.is_away
        if away and now - self._painted_at < REST_S:
            return
        self._painted_at = now
        self._paint()
        if not away and self._twin_output.is_shown and now - self._twin_written >= TWIN_PERIOD_S:
            self._twin_written = now
            self._twin_output.update(self.twin())

    def note_failure(self, error: Exception) -> None:
        """Keep and show what went wrong in painting."""
        self.failures.append(error)
        said = f'<pre class="difxnb-failure" role="alert">{escape(_words(error))}</pre>'
        if said != self._foot.value:
            self._foot.value = said

    def start(self) -> None:
        """Have the panel painted from now on, though it is shown by somebody else."""
        with self._lock:
            if not self._closed:
                _OPEN[self.name] = self
                self._audience.join(self.name)
                self._painter.add(self)

    def show(self) -> None:
        """Show the panel in the cell that runs, and its static twin under it."""
        if not self._closed:
            self.start()
            self._show_widget()
        self._show_twin(self._last_state())  # behind the panel, which need not wait for its first picture

    def _show_widget(self) -> None:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        data = {
            "text/plain": f"{type(self).__name__}:",  # the twin tells the rest
            "text/html": "<!-- what stands below -->",  # a reader without widgets is not told it twice
            "application/vnd.jupyter.widget-view+json": view,
        }
        publish_display_data(data)  # type: ignore[no-untyped-call]

    def show_twin(self) -> None:
        """Show the static twin in the cell that runs: it is hidden while the panel lives."""
        self._show_twin(self._last_state())

    def _show_twin(self, twin: Twin) -> None:
        self._twin_output.show(twin)
        self._twin_written = self._audience.clock()

    def write_twin(self) -> None:
        """Bring the static twin up to date where the panel is shown."""
        self._twin_output.update(self._last_state())

    def _last_state(self) -> Twin:
        """The twin; where that fails, a twin that says why, for panels must end and be shown all the same."""
        try:
            return self.twin()
        except Exception as error:  # noqa: BLE001 - kept, and told in the place of the twin
            self.note_failure(error)
            said = f"the last state cannot be told: {_words(error)}"
            return Twin(said, f"<p>{escape(said)}</p>")

    def close(self) -> None:
        """Write the twin for the last time, and let go of everything. The correlator is not touched.

        May be called on any thread, in callbacks, and twice.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._painter.remove(self)
        self._audience.leave(self.name)
        _OPEN.pop(self.name, None)
        try:
            self.write_twin()
        finally:
            try:
                self._let_go()
            finally:
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


def _words(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}", keep="\n")


def open_panels() -> list[Panel]:
    """Panels that are painted now, oldest first."""
    return list(_OPEN.values())


@atexit.register
def _close_all() -> None:
    """Leave a last state of every panel when the kernel ends."""
    for panel in open_panels():
        panel.close()


def close_tree(widget: widgets.Widget) -> None:
    """Close a widget, and all that is in it."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    layout, style = getattr(widget, "layout", None), getattr(widget, "style", None)
    widget.close()
    for part in (layout, style):
        if isinstance(part, widgets.Widget):
            part.close()
