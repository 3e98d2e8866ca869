# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection as widgets."""

from __future__ import annotations

import ipywidgets as widgets

from difxnb.panels import shown
from difxnb.panels.acting_panel import ActingPanel, news_html, row
from difxnb.panels.bound import Bound, write
from difxnb.panels.connection.model import ConnectionModel, ConnectionSnapshot
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.shown import counted
from difxnb.panels.twin import Twin

_OWN_CHOICE = "as the server finds it"


class ConnectionPanel(ActingPanel):
    """Shows a connection: where it leads, whether it stands, and what the server says of itself.

    Parameters
    ----------
    model : ConnectionModel
    painter : Painter
    """

    def __init__(self, model: ConnectionModel, painter: Painter = PAINTER) -> None:
        self.model = model
        self.state = widgets.HTML()
        self.facts = widgets.HTML()
        self.news = widgets.HTML()
        self.reconnect = self._button(
            "Reconnect", "Connect anew at once, instead of waiting for the next attempt", model.reconnect
        )
        self.measure = self._button(
            "Measure", "Ask the server for a sign of life and show how long it takes", model.measure
        )
        self.difx_version = widgets.Dropdown(
            description="DiFX version", options=[(_OWN_CHOICE, "")], style={"description_width": "initial"}
        )
        self._version = Bound(self.difx_version, self._choose_version)
        self._written: ConnectionSnapshot | None = None
        buttons = row(self.reconnect, self.measure, self.difx_version)
        style = widgets.HTML(shown.STYLE)
        super().__init__(widgets.VBox([style, self.state, buttons, self.news, self.facts]), painter)

    def _choose_version(self, name: str) -> None:
        self._asked(lambda: self.model.use_version(name or None))

    def _paint(self) -> None:
        self.model.measure_if_due()
        look = self.model.snapshot()
        if look == self._written:
            return
        self._written = look
        write(self.state, value=state_html(look))
        write(self.news, value=news_html(look.said, look.under_way))
        write(self.facts, value=facts_html(look))
        options = ((_OWN_CHOICE, ""), *((name, name) for name in look.versions))
        in_use = look.version_in_use if look.version_in_use in look.versions else ""
        self._version.write(in_use, options=options, disabled=not look.versions or not look.standing.stands)
        write(self.measure, disabled=not look.standing.stands)

    def twin(self) -> Twin:
        """The connection as it last was."""
        look = self.model.snapshot()
        words = [f"{look.where}: {look.standing.text}", look.kind, *([look.message] if look.message else [])]
        return Twin("\n".join(words), shown.STYLE + state_html(look) + facts_html(look))


def state_html(look: ConnectionSnapshot) -> str:
    """Whether the connection stands."""
    standing = look.standing
    tone = "good" if standing.stands else "warn" if standing.comes_back else "bad"
    lines = [shown.line(f"{look.where}: {standing.text}", tone)]
    if look.is_read_only:
        lines.append(shown.line(f"This server is {look.access}.", "warn"))
    return shown.page(*lines)


def facts_html(look: ConnectionSnapshot) -> str:
    """What is known of the server and of the connection."""
    heard = counted(look.messages, "message") + (
        f", {look.dropped} older ones dropped" if look.dropped else ""
    )
    return shown.page(
        shown.facts({
            "server": look.kind,
            "runs as": look.user or "a user that it does not name",
            "may be done": look.access,
            "DiFX": look.base or "base directory not told",
            "DiFX in use": look.version_in_use or "not told",
            "side connections": look.transport,
            "answers within": "not measured" if look.latency is None else f"{1000 * look.latency:.0f} ms",
            "heard": heard,
            "came back": counted(look.reconnections, "time"),
            "jobs started here that run": "\n".join(look.running),
        })
    )  # fmt: skip
