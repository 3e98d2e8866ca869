# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of SNRs as buttons, or as a list where there are too many baselines for that."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from difxnb.panels.bound import Bound, write
from difxnb.panels.monitor import markup
from difxnb.panels.monitor.snr_matrix import SnrMatrix, Verdict
from difxnb.panels.panel import close_tree

MOST_STATIONS = 15
"""Of more stations there is a list: hundreds of buttons are no overview, and slow."""

_MOST_LISTED = 400


class MatrixView:
    """A button for each baseline, which shows it, and for each station, which makes it the reference.

    Parameters
    ----------
    show_baseline, set_reference : callable
        Get a name; they must only note it.
    """

    def __init__(self, show_baseline: Callable[[str], None], set_reference: Callable[[str], None]) -> None:
        self._show_baseline, self._set_reference = show_baseline, set_reference
        self._legend = widgets.HTML()
        self._place = widgets.Box(layout=widgets.Layout(overflow="auto", max_width="100%"))
        self.widget = widgets.VBox([self._place, self._legend])
        self.cells: dict[str, widgets.Button] = {}
        self.list: widgets.Select | None = None
        self._listed: Bound | None = None
        self._names: tuple[object, ...] = ()
        self._styles = {
            verdict: widgets.ButtonStyle(button_color=colour, text_color="#000000")
            for verdict, colour in markup.COLOURS.items()
        }
        self._layout = widgets.Layout(width="auto", min_width="5em", margin="1px")

    def paint(self, matrix: SnrMatrix) -> None:
        """Write what has changed."""
        names = (matrix.stations, tuple(cell.baseline for cell in matrix.cells))
        if names != self._names:
            self._names = names
            self._build(matrix)
        write(self._legend, value=markup.legend(matrix))
        if self._listed is not None:
            self._paint_list(matrix, self._listed)
        for cell in matrix.cells if self.cells else ():
            button = self.cells[cell.baseline]
            write(button, description=cell.short, tooltip=f"{cell.said}; press to see it")
            self._mark(button, cell.verdict)

    def _mark(self, button: widgets.Button, verdict: Verdict) -> None:
        if button.style is not self._styles[verdict]:
            button.style = self._styles[verdict]

    def _paint_list(self, matrix: SnrMatrix, listed: Bound) -> None:
        ranked = matrix.ranked
        options = [(f"{cell.baseline}  {cell.short}", cell.baseline) for cell in ranked[:_MOST_LISTED]]
        kept = listed.widget.value
        known = {name for _, name in options}
        listed.write(kept if kept in known else None, options=tuple(options))
        left = len(ranked) - len(options)
        if left > 0:
            write(self._legend, value=f"{markup.legend(matrix)}{left} more baselines not listed")

    def _build(self, matrix: SnrMatrix) -> None:
        before, self.cells, self.list, self._listed = self._place.children, {}, None, None
        if len(matrix.stations) > MOST_STATIONS:
            self._place.children = (self._list(),)
        else:
            self._place.children = (self._grid(matrix),) if matrix.cells else ()
        for old in before:
            close_tree(old)

    def _list(self) -> widgets.Select:
        self.list = widgets.Select(
            description="Baseline",
            tooltip="Baselines by SNR, lowest first; choose one to see it",
            rows=12,
            layout=widgets.Layout(width="26em", max_width="98%"),
        )
        self._listed = Bound(self.list, lambda name: None if name is None else self._show_baseline(name))
        return self.list

    def _grid(self, matrix: SnrMatrix) -> widgets.GridBox:
        names, blank = matrix.stations, widgets.HTML()
        children: list[widgets.Widget] = [blank, *(self._station(name) for name in names[1:])]
        for place, one in enumerate(names[:-1]):
            children.append(self._station(one))
            children += [blank] * place
            for other in names[place + 1 :]:
                cell = matrix.cell(one, other)
                children.append(blank if cell is None else self._cell(cell.baseline))
        columns = f"repeat({len(names)}, minmax(5em, max-content))"
        return widgets.GridBox(children, layout=widgets.Layout(grid_template_columns=columns))

    def _station(self, name: str) -> widgets.Button:
        button = widgets.Button(
            description=name[:12],
            tooltip=f"{name}: show its baselines alone, seen from it",
            layout=widgets.Layout(width="auto", min_width="5em", margin="1px"),
        )
        button.on_click(lambda _: self._set_reference(name))
        return button

    def _cell(self, baseline: str) -> widgets.Button:
        button = widgets.Button(
            style=self._styles["no data"], layout=widgets.Layout(width="auto", margin="1px")
        )
        button.on_click(lambda _: self._show_baseline(baseline))
        self.cells[baseline] = button
        return button
