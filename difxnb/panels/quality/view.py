# SPDX-License-Identifier: GPL-3.0-or-later
"""The quality of a job as widgets: the verdict, every check with its limit, and the evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import ipywidgets as widgets

from difxnb.panels.bound import write
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel
from difxnb.panels.quality.model import QualityModel, QualitySnapshot
from difxnb.panels.shown import STYLE, said
from difxnb.panels.twin import Twin
from difxnb.quality.markup import verdict_html


class QualityPanel(Panel):
    """A card that says whether a job is fine.

    Parameters
    ----------
    model : QualityModel
        Its checks are made at once, where it has none yet.
    """

    def __init__(self, model: QualityModel, *, painter: Painter = PAINTER) -> None:
        self.model = model
        self._again = widgets.Button(description="Check", tooltip="make all checks again")
        self._again.on_click(self._check)
        self._said, self._report = widgets.HTML(), widgets.HTML()
        self._picture = widgets.Image(format="png", layout={"max_width": "100%", "display": "none"})
        self._drawn: bytes | None = None
        super().__init__(
            widgets.VBox([widgets.HTML(STYLE), self._again, self._said, self._report, self._picture]), painter
        )
        if model.snapshot().checked is None:
            model.check()

    def _check(self, _: widgets.Button) -> None:
        self.model.check()
        self._painter.soon()

    def _paint(self) -> None:
        shown = self.model.snapshot()
        write(self._said, value=said(shown.message, is_problem=shown.is_problem))
        write(self._report, value=_html(shown))
        words = "Checking…" if shown.is_checking else "Check again" if shown.checked else "Check"
        write(self._again, description=words, disabled=not shown.can_check)
        self._write_picture(shown)

    def _write_picture(self, shown: QualitySnapshot) -> None:
        picture = None if shown.checked is None else shown.checked.picture
        if picture is not self._drawn:
            self._picture.value = picture or b""
            self._picture.layout.display = "none" if picture is None else ""
            self._drawn = picture

    def twin(self) -> Twin:
        """The report, and its picture."""
        shown = self.model.snapshot()
        words = said(shown.message, is_problem=shown.is_problem)
        if shown.checked is None:
            message = shown.message or f"{shown.name}: not checked"
            return Twin(message, words or said(message))
        return Twin(repr(shown.checked.report), STYLE + words + _html(shown), shown.checked.picture)


def _html(shown: QualitySnapshot) -> str:
    if shown.checked is None:
        return ""
    report = shown.checked.report
    when = datetime.fromtimestamp(shown.made_at, UTC)
    head = f"<p>{verdict_html(report.verdict)} checked at {when:%H:%M:%S} UTC</p>"
    return f'{head}<div class="difxnb-table difxnb-whole">{report._repr_html_()}</div>'
