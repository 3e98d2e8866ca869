# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels with buttons: a press tells the model, and the painter to look."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from difxnb.panels import shown
from difxnb.panels.acting import Said
from difxnb.panels.panel import Panel


class ActingPanel(Panel):
    """A panel whose widgets have the model do things."""

    def _asked(self, act: Callable[[], object]) -> None:
        """Have the model do something, and have it shown soon."""
        act()
        self._painter.soon()

    def _button(
        self, description: str, tooltip: str, act: Callable[[], object], style: str = ""
    ) -> widgets.Button:
        """Make a button that has the model do something."""
        button = widgets.Button(description=description, tooltip=tooltip, button_style=style)
        button.layout.width = "auto"
        button.on_click(lambda _: self._asked(act))
        return button


def row(*children: widgets.Widget) -> widgets.HBox:
    """Widgets beside each other, below where there is no room."""
    return widgets.HBox(list(children), layout=widgets.Layout(flex_flow="row wrap", align_items="center"))


def news_html(said: Said, under_way: tuple[str, ...], *, asks: bool = False) -> str:
    """What came of the last thing that was asked for, and what is under way; marked as a question where it is one."""
    tone = "bad" if said.is_problem else "warn" if asks else "good"
    busy = shown.line(f"under way: {', '.join(under_way)}", "busy") if under_way else ""
    return shown.page(shown.line(said.text, tone, is_news=True), busy)
