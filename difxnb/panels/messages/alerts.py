# SPDX-License-Identifier: GPL-3.0-or-later
"""Troubles, each once, with its cause in plain language: the model and its panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import ipywidgets as widgets

from difxnb.panels.bound import write
from difxnb.panels.messages.severity import mark_of
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel
from difxnb.panels.seldom import Seldom
from difxnb.panels.shown import STYLE, badge, left_out, safe, said, table
from difxnb.panels.twin import Twin

if TYPE_CHECKING:
    import pandas as pd

_MOST = 15
_COLUMNS = ("severity", "cause", "times", "last (UTC)", "job", "from")


class AlertsHeard(Protocol):
    """A table of troubles, such as ``difx.alerts``."""

    @property
    def version(self) -> int:
        """Moves with every alert."""

    @property
    def dropped(self) -> int:
        """Rows that fell out."""

    def frame(self) -> pd.DataFrame:
        """One row per trouble, the worst first."""


@dataclass(frozen=True)
class AlertRow:
    """One trouble."""

    severity: str
    cause: str
    count: int
    last: str
    job: str
    source: str


@dataclass(frozen=True)
class AlertsSnapshot:
    """The worst troubles, and how many more there are."""

    rows: tuple[AlertRow, ...]
    left_out: int
    dropped: int


class AlertsModel:
    """Troubles, the worst first.

    Parameters
    ----------
    alerts : AlertsHeard
    """

    def __init__(self, alerts: AlertsHeard) -> None:
        self._alerts = alerts
        self._seen: Seldom[AlertsSnapshot] = Seldom()

    @property
    def version(self) -> int:
        """Moves with every alert."""
        return self._alerts.version

    def snapshot(self, *, at_once: bool = False) -> AlertsSnapshot:
        """What is shown now; with `at_once` the very last state, though a look at it is not due."""
        return self._seen.look(self._look, asked=None, version=self._alerts.version, at_once=at_once)

    def _look(self) -> AlertsSnapshot:
        frame = self._alerts.frame()
        rows = tuple(
            AlertRow(
                str(row["severity"]),
                row["cause"] or row["text"] or "",
                int(row["count"]),
                f"{row['last']:%H:%M:%S}" if row["last"] == row["last"] else "",
                row["job"] or "",
                row["from"] or "",
            )
            for _, row in frame.head(_MOST).iterrows()
        )
        return AlertsSnapshot(rows, max(0, len(frame) - _MOST), self._alerts.dropped)


class AlertsPanel(Panel):
    """Troubles as a table.

    Parameters
    ----------
    model : AlertsModel
    """

    def __init__(self, model: AlertsModel, *, painter: Painter = PAINTER) -> None:
        self.model = model
        self._html = widgets.HTML()
        super().__init__(widgets.VBox([widgets.HTML(STYLE), self._html]), painter)

    def _paint(self) -> None:
        write(self._html, value=alerts_html(self.model.snapshot()) or said("No trouble was told of."))

    def twin(self) -> Twin:
        """The same table."""
        shown = self.model.snapshot(at_once=True)
        lines = [
            f"{mark_of(row.severity)}: {row.cause} ({row.count}×, {row.job or row.source})"
            for row in shown.rows
        ]
        html = alerts_html(shown) or said("No trouble was told of.")
        return Twin("\n".join(lines) or "no trouble was told of", STYLE + html)


def alerts_html(shown: AlertsSnapshot) -> str:
    """Troubles as a table; empty where there are none."""
    rows = [
        (
            badge(mark_of(row.severity)),
            safe(row.cause, 600),
            str(row.count),
            row.last,
            safe(row.job),
            safe(row.source),
        )
        for row in shown.rows
    ]
    more = [
        left_out(shown.left_out, "kinds of trouble"),
        f"{shown.dropped} were forgotten" if shown.dropped else "",
    ]
    return table(_COLUMNS, rows, "Troubles, the worst first") + said("; ".join(one for one in more if one))
