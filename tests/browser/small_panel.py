# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest panel there is, for notebooks of tests: a button, a count, and a picture that moves."""

from __future__ import annotations

import io
from pathlib import Path

import ipywidgets as widgets
from PIL import Image, ImageDraw

from difxnb.panels import shown
from difxnb.panels.panel import AUDIENCE, Panel
from difxnb.panels.twin import Twin

SIZE = (240, 80)


def picture(step: int) -> bytes:
    """A white picture with a blue bar that moves with each step."""
    image = Image.new("RGB", SIZE, "white")
    left = 5 * step % (SIZE[0] - 40)
    ImageDraw.Draw(image).rectangle((left, 20, left + 40, 60), fill="#0072B2")
    kept = io.BytesIO()
    image.save(kept, "png")
    return kept.getvalue()


class SmallPanel(Panel):
    """Counts clicks and looks; where it has a note, it writes into it at each look whether nobody watches."""

    def __init__(self) -> None:
        self.note: Path | None = None
        self.clicks = self.looks = 0
        self._button = widgets.Button(description="Count me")
        self._button.on_click(self._click)
        self._words = widgets.HTML("<p class='small-words'>not painted yet</p>")
        self._image = widgets.Image(value=picture(0), format="png")
        super().__init__(widgets.VBox([self._button, self._words, self._image]))

    def _click(self, _: widgets.Button) -> None:
        self.clicks += 1
        self._painter.soon()

    def _paint(self) -> None:
        self.looks += 1
        self._words.value = f"<p class='small-words'>looks {self.looks} clicks {self.clicks}</p>"
        self._image.value = picture(self.looks)
        if self.note is not None:
            new = self.note.with_suffix(".new")
            new.write_text(f"{AUDIENCE.is_away} {self.looks}")
            new.rename(self.note)

    def twin(self) -> Twin:
        words = f"clicks {self.clicks}"
        table = f"<table class='small-table'><tr><td>{words}</td></tr></table>"
        styled = shown.STYLE + shown.table(("of", "two"), shown.texts([("all", "panels"), ("in", "stripes")]))
        return Twin(f"small panel: {words}", table + styled, picture(self.looks))
