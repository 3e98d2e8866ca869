# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages as widgets: a row of filters, the troubles with their causes, and the newest messages that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels.bound import Bound, write
from difxnb.panels.messages.alerts import AlertsModel, alerts_html
from difxnb.panels.messages.model import MessageRow, MessagesModel, MessagesSnapshot
from difxnb.panels.messages.severity import SEVERITIES, mark_of
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel
from difxnb.panels.shown import STYLE, badge, left_out, safe, said, table
from difxnb.panels.twin import Twin
from difxnb.tables.message_rows import plain_type

_COLUMNS = ("time (UTC)", "severity", "type", "from", "job", "text")
_WRAP = {"flex_flow": "row wrap"}
_TWIN_LINES = 20


class MessagesPanel(Panel):
    """A browser of messages.

    Parameters
    ----------
    model : MessagesModel
    alerts : AlertsModel, optional
        Troubles, to be told above the messages.
    """

    def __init__(
        self, model: MessagesModel, alerts: AlertsModel | None = None, *, painter: Painter = PAINTER
    ) -> None:
        self.model, self.alerts = model, alerts
        self._type = widgets.Dropdown(description="Type", options=[("all", "")])
        self._severity = widgets.Dropdown(
            description="Severity",
            options=[("all", ""), *((f"{name} or worse", name) for name in SEVERITIES)],
        )
        self._source = widgets.Text(description="From", placeholder="part of a host's name")
        self._job = widgets.Text(description="Job", placeholder="part of a job's name")
        self._text = widgets.Text(description="Text", placeholder="part of the text")
        self._regex = widgets.Checkbox(description="regular expression", indent=False)
        self._pause = widgets.ToggleButton(description="Pause", tooltip="hold still what is shown")
        self._bound = {name: Bound(widget, self._wants(name)) for widget, name in self._fields().items()}
        self._held = Bound(self._pause, self._hold)
        self._said, self._alerts, self._rows = widgets.HTML(), widgets.HTML(), widgets.HTML()
        top = widgets.HBox([*self._fields(), self._pause], layout=_WRAP)
        super().__init__(
            widgets.VBox([widgets.HTML(STYLE), top, self._said, self._alerts, self._rows]), painter
        )

    def _fields(self) -> dict[widgets.Widget, str]:
        return {
            self._type: "type",
            self._severity: "severity",
            self._source: "source",
            self._job: "job",
            self._text: "text",
            self._regex: "is_regex",
        }

    def _wants(self, name: str) -> Callable[[Any], None]:
        def want(value: Any) -> None:
            self.model.want(**{name: value})
            self._painter.soon()

        return want

    def _hold(self, still: bool) -> None:
        (self.model.pause if still else self.model.resume)()
        self._painter.soon()

    def _paint(self) -> None:
        shown = self.model.snapshot()
        self._write_inputs(shown)
        alerts = "" if self.alerts is None else alerts_html(self.alerts.snapshot())
        for widget, value in (
            (self._said, _said(shown)),
            (self._alerts, alerts),
            (self._rows, rows_html(shown)),
        ):
            write(widget, value=value)

    def _write_inputs(self, shown: MessagesSnapshot) -> None:
        kinds = dict(sorted(shown.counts))
        options = (("all", ""), *((_plain(kind), kind) for kind in kinds))
        self._bound["type"].write(shown.filter.type if shown.filter.type in kinds else "", options=options)
        self._held.write(shown.is_paused)

    def twin(self) -> Twin:
        """The messages as they are filtered, and the troubles."""
        shown = self.model.snapshot(at_once=True)
        alerts = "" if self.alerts is None else alerts_html(self.alerts.snapshot(at_once=True))
        lines = [_line(row) for row in shown.found.rows[:_TWIN_LINES]]
        return Twin("\n".join(lines) or "no messages", STYLE + _said(shown) + alerts + rows_html(shown))


def _plain(kind: str) -> str:
    """A type as people say it, of bounded length; lists of widgets show texts as they are."""
    return printable(plain_type(kind)[:60])


def rows_html(shown: MessagesSnapshot) -> str:
    """The messages as a table."""
    return table(_COLUMNS, [_cells(row) for row in shown.found.rows], empty="No message fits.")


def _cells(row: MessageRow) -> tuple[str, ...]:
    severity = badge(mark_of(row.severity)) if row.severity else ""
    return (safe(row.time), severity, safe(_plain(row.type)), safe(row.source), safe(row.job), safe(row.text))


def _line(row: MessageRow) -> str:
    mark = f"{mark_of(row.severity)} " if row.severity else ""
    return f"{row.time} {mark}{_plain(row.type)} {row.source} {row.job}: {row.text[:200]}"


def _said(shown: MessagesSnapshot) -> str:
    found = shown.found
    counted = ", ".join(f"{count} {_plain(kind)}" for kind, count in shown.counts[:12])
    facts = [
        f"{found.fitting} fit of the newest {found.searched}",
        left_out(found.fitting - len(found.rows), "messages that fit"),
        f"{found.kept - found.searched} older ones were not searched" if found.kept > found.searched else "",
        f"{shown.dropped} were forgotten" if shown.dropped else "",
        f"{shown.hidden} were not kept, because of messages.select" if shown.hidden else "",
        f"paused; {shown.missed} came since" if shown.is_paused else "",
        f"came: {counted}" if counted else "nothing came yet",
    ]
    return said(shown.message, is_problem=shown.is_problem) + said("; ".join(fact for fact in facts if fact))
