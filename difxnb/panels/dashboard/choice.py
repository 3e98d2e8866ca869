# SPDX-License-Identifier: GPL-3.0-or-later
"""One panel out of several of a kind, such as monitors of several jobs: a list, and the one chosen from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from difxnb.panels.bound import Bound, write
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel
from difxnb.panels.shown import STYLE, said
from difxnb.panels.twin import Twin
from difxnb.panels.work import Work

_MOST_OFFERS = 200
_NOTHING = ""


@dataclass(frozen=True)
class Offer:
    """Something that may be chosen.

    Attributes
    ----------
    key : str
        By which it is chosen, such as the path of an ``.input`` file.
    name : str
        What it is, in words.
    make : callable, optional
        Makes its panel, where all that it needs is there.
    prepare : callable, optional
        Gives a coroutine after which `make` will be there; run when somebody asks for it.
    verb : str
        What that is, for a button: ``"Watch"``.
    of : object
        What the panel shows, such as a monitor; of another one under the same key a new panel is made.
    """

    key: str
    name: str
    make: Callable[[], Panel] | None = None
    prepare: Callable[[], Coroutine[Any, Any, object]] | None = None
    verb: str = "Open"
    of: object = None


@dataclass(frozen=True)
class ChoiceSnapshot:
    """What is shown of a choice."""

    offers: tuple[Offer, ...]
    left_out: int
    chosen: Offer | None
    message: str
    is_problem: bool


class ChoiceModel:
    """What may be chosen, and what was.

    Parameters
    ----------
    offered : callable
        Gives what there is now; looked at some times a second.
    work : Work
        Runs what prepares an offer.
    empty : str
        To be said where there is nothing to choose.
    """

    def __init__(self, offered: Callable[[], Sequence[Offer]], work: Work, empty: str) -> None:
        self.version = 0
        self._offered, self._work, self._empty = offered, work, empty
        self._chosen = _NOTHING
        self._message, self._is_problem = "", False
        self._lock = threading.Lock()

    def choose(self, key: str) -> None:
        """Choose by key; what is not there yet is taken as soon as it is."""
        self._say("", chosen=key)

    def prepare(self) -> None:
        """Begin what has to be done before the chosen one can be shown."""
        offer = self.snapshot().chosen
        if offer is None or offer.make is not None or offer.prepare is None:
            return
        name = offer.name
        self._say(f"opening {name}…", chosen=offer.key)
        begun = self._work.do(
            f"opening of {name}",
            offer.prepare,
            lambda _: self._say(""),
            lambda error: self._fail(name, error),
        )
        if not begun:  # another panel opens it, and it will be there for both
            self._say("")

    def _fail(self, name: str, error: Exception) -> None:
        self._say(f"{name}: {error}", is_problem=True)

    def _say(self, message: str, *, is_problem: bool = False, chosen: str | None = None) -> None:
        with self._lock:
            self._message, self._is_problem = message, is_problem
            self._chosen = self._chosen if chosen is None else chosen
            self.version += 1

    def snapshot(self) -> ChoiceSnapshot:
        """What is shown now. While nothing was chosen, it is the last of what is ready."""
        offers = tuple(self._offered())
        with self._lock:
            key, message, is_problem = self._chosen, self._message, self._is_problem
        chosen = next((offer for offer in offers if offer.key == key), None)
        if key == _NOTHING:
            chosen = next((offer for offer in reversed(offers) if offer.make is not None), None)
        if not offers:
            message = message or self._empty
        kept = offers[-_MOST_OFFERS:]
        if chosen is not None and chosen not in kept:
            kept = (chosen, *kept[1:])
        return ChoiceSnapshot(kept, max(0, len(offers) - _MOST_OFFERS), chosen, message, is_problem)


class ChoicePanel(Panel):
    """A list, and the panel of what was chosen from it.

    Parameters
    ----------
    model : ChoiceModel
    title : str
        What is chosen, in a word: ``"Job"``.
    """

    def __init__(self, model: ChoiceModel, title: str, *, painter: Painter = PAINTER) -> None:
        self.model, self.title = model, title
        self._panels: dict[str, Panel] = {}
        self._shown_of: dict[str, object] = {}
        self._placed = self._placed_name = _NOTHING
        self._list = widgets.Dropdown(
            description=title, options=[("–", _NOTHING)], layout={"max_width": "100%"}
        )
        self._chooser = Bound(self._list, self._choose)
        self._prepare = widgets.Button(layout={"display": "none", "width": "auto"})
        self._prepare.on_click(self._begin)
        self._said = widgets.HTML()
        top = widgets.HBox([self._list, self._prepare], layout={"flex_flow": "row wrap"})
        self._slot = widgets.VBox()
        super().__init__(widgets.VBox([widgets.HTML(STYLE), top, self._said, self._slot]), painter)

    @property
    def chosen_panel(self) -> Panel | None:
        """The panel that is in its place now; None before there is one."""
        return self._panels.get(self._placed)

    def _choose(self, key: str) -> None:
        if key != _NOTHING:
            self.model.choose(key)
            self._painter.soon()

    def _begin(self, _: widgets.Button) -> None:
        self.model.prepare()
        self._painter.soon()

    def _paint(self) -> None:
        shown = self.model.snapshot()
        self._write_list(shown)
        self._write_button(shown.chosen)
        write(self._said, value=said(shown.message, is_problem=shown.is_problem))
        panel = self._panel(shown.chosen)
        self._close_others({offer.key for offer in shown.offers} | {self._placed})
        if panel is not None:
            panel.paint()

    def _write_list(self, shown: ChoiceSnapshot) -> None:
        more = f" ({shown.left_out} more are not listed)" if shown.left_out else ""
        options = ((f"–{more}", _NOTHING), *((offer.name, offer.key) for offer in shown.offers))
        self._chooser.write(_NOTHING if shown.chosen is None else shown.chosen.key, options=options)

    def _write_button(self, chosen: Offer | None) -> None:
        is_wanted = chosen is not None and chosen.make is None and chosen.prepare is not None
        words = f"{chosen.verb} {chosen.name}" if chosen is not None and is_wanted else ""
        write(self._prepare, description=words)
        write(self._prepare.layout, display="" if is_wanted else "none")

    def _panel(self, chosen: Offer | None) -> Panel | None:
        """The panel of what was chosen, in its place; None where it is not ready."""
        if chosen is None or chosen.make is None:
            return None
        earlier = self._panels.get(chosen.key)
        if earlier is not None and self._shown_of[chosen.key] is chosen.of:
            panel = earlier
        else:
            panel = self._panels[chosen.key] = chosen.make()
            self._shown_of[chosen.key] = chosen.of
        if self._slot.children != (panel.widget,):
            self._slot.children = (panel.widget,)
            self._placed, self._placed_name = chosen.key, chosen.name
        if earlier is not None and earlier is not panel:
            earlier.close()
        return panel

    def _close_others(self, kept: set[str]) -> None:
        """Let go of what is not offered any more: panels hold all that they show."""
        for key in self._panels.keys() - kept:
            del self._shown_of[key]
            self._panels.pop(key).close()

    def twin(self) -> Twin:
        """The last state of what was chosen last; in words what there was, where nothing was."""
        panel = self.chosen_panel
        if panel is None:
            message = self.model.snapshot().message or "nothing was chosen"
            return Twin(message, said(message))
        inner = panel.twin()
        head = f"{self.title} {self._placed_name}"
        return Twin(f"{head}\n{inner.text}", f"<b>{escape(head)}</b>{inner.html}", inner.picture)

    def _let_go(self) -> None:
        for panel in list(self._panels.values()):
            panel.close()
