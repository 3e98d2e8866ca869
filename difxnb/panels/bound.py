# SPDX-License-Identifier: GPL-3.0-or-later
"""Input widgets that users change and the painter has to change too, without one taking the other for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

_NOTHING = object()


class Bound:
    """One input widget: what users do reaches the model, what the painter writes does not.

    Parameters
    ----------
    widget : Widget
        With a trait `value`.
    changed : callable
        Gets a new value, when it comes from a user or a cell. It must only note it.
    """

    def __init__(self, widget: widgets.Widget, changed: Callable[[Any], None]) -> None:
        self.widget = widget
        self._changed = changed
        self._known = widget.value
        self._others: dict[str, Any] = {}
        self._writing = threading.RLock()
        self._is_painting = False
        widget.observe(self._hear, "value")

    def _hear(self, change: dict[str, Any]) -> None:
        with self._writing:
            is_known, self._known = change["new"] == self._known, change["new"]
            # What is painted while a message of the page is taken in on another thread is told there, afterwards.
            if self._is_painting or is_known:
                return
        self._changed(change["new"])

    def write(self, value: Any = _NOTHING, **traits: Any) -> None:
        """Write what differs from what is there; for the painter alone.

        Parameters
        ----------
        value : optional
            Left alone where it is not given.
        traits
            Such as ``options=`` or ``disabled=``; they are written before the value.
        """
        with self._writing:
            self._is_painting = True
            try:
                with self.widget.hold_sync():  # new options choose the first one for a moment
                    for name, wanted in traits.items():
                        self._write_trait(name, wanted)
                    if value is not _NOTHING and value != self._known:
                        self.widget.value = value
                        self._known = value
            finally:
                self._is_painting = False

    def _write_trait(self, name: str, wanted: Any) -> None:
        if self._others.get(name, _NOTHING) != wanted:
            self._others[name] = wanted
            setattr(self.widget, name, wanted)


def write(widget: widgets.Widget, **traits: Any) -> None:
    """Write traits of a widget where their values changed: each write is a message."""
    for name, wanted in traits.items():
        if getattr(widget, name) != wanted:
            setattr(widget, name, wanted)
