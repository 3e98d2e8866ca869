# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of widgets: launch and watch jobs without typing code.

Each panel is a *model*, which knows what is to be shown and asked for and nothing of widgets, and a *view* of it, which
is widgets and nothing else. Models are told to do things by callbacks and by cells alike; they hand work over to the loop
of the connection (:class:`~difxnb.panels.work.Work`) and keep what comes back. Views are written by one thread, the
:class:`~difxnb.panels.painter.Painter`, some times a second, whether a cell is busy or not.

Nothing here knows a connection: panels are made by :mod:`difxnb.notebook` and by recordings.
"""

from __future__ import annotations

from difxnb.panels.freezing import freeze
from difxnb.panels.panel import Panel, open_panels

__all__ = ["Panel", "freeze", "open_panels"]
