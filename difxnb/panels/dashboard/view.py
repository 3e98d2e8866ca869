# SPDX-License-Identifier: GPL-3.0-or-later
"""Tabs of panels. Each is built when it is first opened, and painted while it is open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from difxnb.panels.bound import write
from difxnb.panels.dashboard.model import DashboardModel
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel, close_tree
from difxnb.panels.shown import STYLE, said
from difxnb.panels.twin import Twin


@dataclass(frozen=True)
class Tab:
    """A tab: its name, and how its panel is made."""

    name: str
    make: Callable[[], Panel]


class Dashboard(Panel):
    """Panels behind tabs.

    Parameters
    ----------
    tabs : sequence of Tab
        In their order; the first is open.
    model : DashboardModel, optional
        Which of them is open; one of its own by default.
    ending : callable, optional
        Called when the dashboard has ended.
    """

    def __init__(
        self,
        tabs: Sequence[Tab],
        model: DashboardModel | None = None,
        *,
        ending: Callable[[], None] | None = None,
        painter: Painter = PAINTER,
    ) -> None:
        self._ending = ending
        self._tabs = {tab.name: tab for tab in tabs}
        self.model = DashboardModel([*self._tabs]) if model is None else model
        self._panels: dict[str, Panel] = {}
        self._broken: dict[str, str] = {}
        self._placed = self._announced = ""
        self._building = threading.Lock()
        self._bar = widgets.ToggleButtons(
            options=[*self._tabs],
            layout={"width": "auto", "max_width": "100%"},
            tooltips=[f"open {name}" for name in self._tabs],
            style={"button_width": "auto"},
        )
        self._bar.observe(self._choose, "value")
        self._news = widgets.HTML()
        self._follow_news = widgets.Button(description="Show it", layout={"display": "none", "width": "auto"})
        self._follow_news.on_click(self._go)
        line = widgets.HBox([self._news, self._follow_news], layout={"flex_flow": "row wrap"})
        self._words, self._slot = widgets.HTML(), widgets.VBox()
        super().__init__(widgets.VBox([widgets.HTML(STYLE), self._bar, line, self._slot]), painter)
        self._show_opened()

    @property
    def panels(self) -> dict[str, Panel]:
        """Panels of the tabs that have been opened, by the names of the tabs."""
        return dict(self._panels)

    def open(self, name: str) -> None:
        """Open a tab; ValueError where there is none of that name."""
        self.model.open(name)
        self._painter.soon()

    def _choose(self, change: dict[str, object]) -> None:
        name = change["new"]
        # What the painter wrote is what the model says already.
        if isinstance(name, str) and name != self.model.snapshot().opened:
            self.open(name)

    def _go(self, _: widgets.Button) -> None:
        news = self.model.snapshot().news
        if news is not None:
            self.open(news.tab)

    def _paint(self) -> None:
        self._write_head()
        if self._announces():
            self._painter.soon()
            return
        panel = self._show_opened()
        if panel is not None:
            _paint_inner(panel)

    def _announces(self) -> bool:
        """Say, before a tab is built for the first time, that it will be: that may take a second or two."""
        name = self.model.snapshot().opened
        if name in self._panels or name in self._broken or name == self._announced:
            return False
        self._announced, self._placed = name, ""
        self._place(None, said(f"{name} is being opened…"))
        return True

    def _place(self, panel: Panel | None, words: str) -> None:
        """Put a panel into the page, or words where there is none."""
        write(self._words, value="" if panel is not None else words)
        self._slot.children = (self._words if panel is None else panel.widget,)

    def _show_opened(self) -> Panel | None:
        """Put the open tab's panel in its place, made if need be."""
        shown = self.model.snapshot()
        panel = self._panel(shown.opened)
        if shown.opened != self._placed:
            self._place(panel, said(self._broken.get(shown.opened, ""), is_problem=True))
            self._placed = shown.opened
        return panel

    def _write_head(self) -> None:
        shown = self.model.snapshot()
        write(self._bar, value=shown.opened)
        write(self._news, value="" if shown.news is None else said(shown.news.text))
        write(self._follow_news.layout, display="none" if shown.news is None else "")

    def _panel(self, name: str) -> Panel | None:
        with self._building:
            if name not in self._panels and name not in self._broken:
                try:
                    self._panels[name] = self._tabs[name].make()
                except Exception as error:  # noqa: BLE001 - said in the tab; the others work
                    self._broken[name] = f"{name} cannot be shown: {type(error).__name__}: {error}"
                    self.note_failure(error)
            return self._panels.get(name)

    def twin(self) -> Twin:
        """The last states of all tabs that have been opened, one below the other."""
        twins = {name: self._panels[name].twin() for name in self._tabs if name in self._panels}
        picture = next((one.picture for one in twins.values() if one.picture is not None), None)
        return Twin(
            "\n\n".join(f"{name}\n{one.text}" for name, one in twins.items()),
            "".join(f"<h4>{escape(name)}</h4>{one.html}" for name, one in twins.items()),
            picture,
        )

    def _let_go(self) -> None:
        with self._building:
            panels = list(self._panels.values())
        for panel in panels:
            panel.close()
        close_tree(self._words)
        if self._ending is not None:
            self._ending()


def _paint_inner(panel: Panel) -> None:
    """Paint a panel inside another; what goes wrong is shown at its own foot."""
    try:
        panel.paint()
    except Exception as error:  # noqa: BLE001 - kept and shown by that panel
        panel.note_failure(error)
