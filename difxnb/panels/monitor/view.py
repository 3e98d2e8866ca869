# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of visibilities: a picture, its numbers, the matrix of SNRs, and what to choose from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import ipywidgets as widgets

from difxnb.panels import shown
from difxnb.panels.acting_panel import row
from difxnb.panels.bound import write
from difxnb.panels.monitor import markup
from difxnb.panels.monitor.controls import Choosers, TimeControls, button
from difxnb.panels.monitor.matrix_view import MatrixView
from difxnb.panels.monitor.model import MonitorModel
from difxnb.panels.monitor.picture import Picture, png_of
from difxnb.panels.monitor.snapshot import MonitorSnapshot
from difxnb.panels.panel import Panel, close_tree
from difxnb.panels.twin import Twin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NARROWEST = "640px"  # a picture scrolls where there is less room: its letters would be too small to read


class MonitorPanel(Panel):
    """Visibilities of a job, live or not, in a notebook.

    Parameters
    ----------
    model : MonitorModel
        What is shown and chosen; it can be told from cells too: ``panel.model.set_kind("waterfall")``.
    """

    def __init__(self, model: MonitorModel) -> None:
        self.model = model
        self.time = TimeControls(model, self._press)
        self.choosers = Choosers(model, self._press)
        self.matrix = MatrixView(
            lambda name: self._press(lambda: model.show_baseline(name))(),
            lambda name: self._press(lambda: model.set_reference(name))(),
        )
        # Not stretched to the width of its cell: that would blur it.
        picture = widgets.Layout(max_width="100%", min_width=_NARROWEST, display="none")
        self.picture = widgets.Image(format="png", layout=picture)
        self._frame = widgets.Box(
            [self.picture], layout=widgets.Layout(overflow="auto", align_items="flex-start")
        )
        self.head, self.news, self.position, self.caption, self.numbers = (widgets.HTML() for _ in range(5))
        self.freeze_button = button(
            "Freeze into a figure",
            "A figure of what is shown, to zoom into",
            self._press(lambda: self._ask_for_figure("make")),
        )
        self.unfreeze_button = button(
            "Close the figure", "Take the figure away", self._press(lambda: self._ask_for_figure("drop"))
        )
        self.path = widgets.Text(
            description="File",
            placeholder="job_1.nc",
            tooltip="File of this kernel's machine to save the visibilities to",
            layout=widgets.Layout(width="24em", max_width="98%"),
        )
        self.save_button = button(
            "Save the data",
            "Write all visibilities to a netCDF file",
            self._press(lambda: model.save(self.path.value)),
        )
        self.frozen = widgets.Box(layout=widgets.Layout(overflow="auto", max_width="100%"))
        self._drawing = Picture()
        self._seen = model.snapshot()
        self._painted: tuple[object, ...] = ()
        self._shown: bytes | None = None
        self._wish: Literal["", "make", "drop"] = ""
        self._last: Twin | None = None
        super().__init__(self._arranged())

    def _arranged(self) -> widgets.VBox:
        keep = row(self.freeze_button, self.unfreeze_button, self.path, self.save_button)
        parts = widgets.Accordion(
            [self.matrix.widget, self.choosers.widget, widgets.VBox([keep, self.frozen])],
            titles=("SNR of all baselines", "Choose what is shown", "Freeze and save"),
            selected_index=0,
        )
        return widgets.VBox(
            [
                widgets.HTML(shown.STYLE),
                self.head,
                self.news,
                self.time.widget,
                self.position,
                self._frame,
                self.caption,
                self.numbers,
                parts,
            ]
        )

    def _press(self, act: Callable[[], object]) -> Callable[..., None]:
        def pressed(*_: object) -> None:
            act()
            self._painter.soon()

        return pressed

    # --- painting -------------------------------------------------------------------------------------

    def _paint(self) -> None:
        now = (self.model.version, self.model.under_way)
        if now != self._painted:
            self._painted, self._seen = now, self.model.snapshot()
            self._paint_words(self._seen)
        self._draw(at_once=False)
        if self._shown is not self._drawing.png:
            self._shown = self._drawing.png
            self.picture.value = self._shown
            write(self.picture.layout, display="")
        write(self.caption, value=markup.caption(self._seen, self._drawing.caption))
        self._paint_figure()
        # At the end: what is taken now has come by the next frame, each time, and not at times by this one already.
        self.model.refresh()

    def _paint_words(self, seen: MonitorSnapshot) -> None:
        self.time.paint(seen)
        self.choosers.paint(seen)
        self.matrix.paint(seen.matrix)
        write(self.head, value=markup.head(seen))
        write(self.news, value=markup.news(seen))
        write(self.position, value=markup.position(seen))
        write(self.numbers, value=markup.numbers(seen))

    def _draw(self, *, at_once: bool = True) -> None:
        """Draw what is to be shown; whoever asks, the painter shows it."""
        look = self.model.look()
        if look is not None:
            self._drawing.draw(self.model.kind, look, at_once=at_once)

    # --- a figure of what is shown --------------------------------------------------------------------

    def _ask_for_figure(self, wish: Literal["make", "drop"]) -> None:
        self._wish = wish

    def _paint_figure(self) -> None:
        wish, self._wish = self._wish, ""
        if wish == "make" and not self.model.has_data:
            self.model.tell("there is nothing to freeze yet")
        elif wish:
            before = self.frozen.children
            self.frozen.children = (_canvas(self.model.figure()),) if wish == "make" else ()
            for old in before:
                close_tree(old)

    # --- the end --------------------------------------------------------------------------------------

    def twin(self) -> Twin:
        """The last picture, its numbers and the matrix."""
        if self._last is not None:
            return self._last
        if not self.model.has_data:
            self.model.gather()
        self._draw()
        seen = self.model.snapshot()
        words = (
            markup.head(seen),
            markup.position(seen),
            markup.caption(seen, self._drawing.caption),
            markup.numbers(seen),
            markup.matrix_table(seen.matrix),
            shown.said(seen.message, is_problem=seen.is_problem),
        )
        return Twin(markup.text(seen), shown.STYLE + "".join(words), self._drawing.png)

    def _let_go(self) -> None:
        self._last = self.twin()
        self.model.close()
        self._drawing.close()


def _canvas(figure: Figure) -> widgets.Widget:
    """A widget of a figure: ipympl's where that is installed, else a picture."""
    from difxnb.plots.frozen import interactive

    made = interactive(figure)
    if isinstance(made, widgets.Widget):
        return made
    return widgets.Image(value=png_of(figure), format="png", layout=widgets.Layout(max_width="100%"))
