# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of widgets: launch and watch jobs without typing code.

Each panel is a *model*, which knows what is to be shown and asked for and nothing of widgets, and a *view* of it, which
is widgets and nothing else. Models are told to do things by callbacks and by cells alike; they hand work over to the
loop of the connection (:class:`~difxnb.panels.work.Work`) and keep what comes back. Views are written by one thread,
the :class:`~difxnb.panels.painter.Painter`, some times a second, whether a cell is busy or not.

A panel lives until it is closed, by itself or with what it follows: the page may show it though nothing here refers to
it any more, so losing the last reference does not end it.

Nothing here knows a connection: panels are made by :mod:`difxnb.notebook` and by recordings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from difxnb.panels.freezing import freeze as freeze
    from difxnb.panels.panel import Panel as Panel
    from difxnb.panels.panel import open_panels as open_panels

__all__ = ["Panel", "freeze", "open_panels"]

# Who closes a connection needs no widgets, which take a quarter of a second to load.
_HOMES = {"Panel": "panel", "freeze": "freezing", "open_panels": "panel"}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
