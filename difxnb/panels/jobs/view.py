# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of jobs as widgets: a button and a line for each, and the details of the one that was clicked."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels.bound import write
from difxnb.panels.jobs.markup import COLUMNS, cells, detail_html, line
from difxnb.panels.jobs.model import JobsModel, JobsSnapshot
from difxnb.panels.jobs.tree import Heading, Leaf, Line
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel, close_tree
from difxnb.panels.shown import STYLE, left_out, said, table
from difxnb.panels.twin import Twin

_INDENT_EM = 1.2
_LONGEST_NAME = 60


class _Row:
    """A button and a line, used again for whatever stands in this place."""

    def __init__(self, act: Callable[[Line], None]) -> None:
        self._act, self._line = act, None
        self._button = widgets.Button(layout={"width": "auto", "min_width": "8em"})
        self._button.on_click(self._click)
        self._html = widgets.HTML()
        self.widget = widgets.HBox([self._button, self._html], layout={"flex_flow": "row wrap"})

    _line: Line | None

    def _click(self, _: widgets.Button) -> None:
        if self._line is not None:
            self._act(self._line)

    def write(self, line_: Line) -> None:
        """Show a line of the tree."""
        if line_ == self._line:
            return
        self._line = line_
        name, tip, told = _words(line_)
        write(self._html, value=told)
        write(self._button, tooltip=tip, description=name)
        write(self._button.style, font_weight="bold" if isinstance(line_, Heading) else "")
        write(self.widget.layout, margin=f"0 0 0 {line_.depth * _INDENT_EM:.1f}em")


def _words(line_: Line) -> tuple[str, str, str]:
    """Name of a line, what its button does, and what is beside it."""
    if isinstance(line_, Leaf):
        name = printable(line_.row.name[:_LONGEST_NAME])
        return name, f"details of {name}", line(line_.row)
    name = printable(line_.text[:_LONGEST_NAME])
    verb, sign = ("close", "▾") if line_.is_open else ("open", "▸")
    return f"{sign} {name}", f"{verb} {name}", said(line_.summary)


class JobsPanel(Panel):
    """A browser of jobs.

    Parameters
    ----------
    model : JobsModel
    """

    def __init__(self, model: JobsModel, *, painter: Painter = PAINTER) -> None:
        self.model = model
        self._rows: list[_Row] = []
        self._shown: JobsSnapshot | None = None
        self._search = widgets.Text(
            placeholder="part of a name or path", description="Only", continuous_update=True
        )
        self._search.observe(self._seek, "value")
        self._pattern = widgets.Text(
            placeholder="/data/exp/*.input", description="Ask for", continuous_update=False
        )
        self._ask = widgets.Button(
            description="Ask the server", tooltip="states of jobs that may not have been heard"
        )
        self._ask.on_click(self._click_ask)
        self._said, self._detail = widgets.HTML(), widgets.HTML()
        self._tree = widgets.VBox()
        self._asking = widgets.HBox([self._pattern, self._ask], layout={"flex_flow": "row wrap"})
        top = widgets.HBox([self._search, self._asking], layout={"flex_flow": "row wrap"})
        super().__init__(
            widgets.VBox([widgets.HTML(STYLE), top, self._said, self._tree, self._detail]), painter
        )

    def _seek(self, change: dict[str, str]) -> None:
        self.model.only(change["new"])
        self._painter.soon()

    def _click_ask(self, _: widgets.Button) -> None:
        self.model.ask(self._pattern.value)
        self._painter.soon()

    def _act(self, line_: Line) -> None:
        if isinstance(line_, Heading):
            self.model.toggle(line_.key)
        else:
            self.model.choose(line_.row.name)
        self._painter.soon()

    def _paint(self) -> None:
        shown = self.model.snapshot()
        if shown == self._shown:
            return
        self._write_lines(shown)
        write(self._said, value=_said(shown))
        write(self._detail, value=detail_html(shown.detail))
        write(self._asking.layout, display="" if shown.can_ask else "none")
        self._shown = shown

    def _write_lines(self, shown: JobsSnapshot) -> None:
        for place, line_ in enumerate(shown.lines):
            if place == len(self._rows):
                self._rows.append(_Row(self._act))
            self._rows[place].write(line_)
        if len(self._tree.children) != len(shown.lines):
            self._tree.children = tuple(row.widget for row in self._rows[: len(shown.lines)])

    def twin(self) -> Twin:
        """All jobs in a table."""
        shown = self.model.snapshot(at_once=True)
        leaves = [one for one in shown.lines if isinstance(one, Leaf)]
        text = "\n".join(f"{leaf.row.mark} {leaf.row.name}" for leaf in leaves)
        html = table(COLUMNS, [cells(leaf.row) for leaf in leaves])
        more = said(left_out(shown.left_out, "lines"))
        return Twin(
            text or _nothing(shown),
            STYLE + (html or said(_nothing(shown))) + more + detail_html(shown.detail),
        )

    def _let_go(self) -> None:
        for row in self._rows:  # those beyond the lines that are shown are in no box
            close_tree(row.widget)


def _nothing(shown: JobsSnapshot) -> str:
    return "" if shown.lines else "No job was heard of yet." if not shown.n_jobs else "No job fits."


def _said(shown: JobsSnapshot) -> str:
    told = [
        _nothing(shown),
        left_out(shown.left_out, "lines"),
        f"{shown.dropped} jobs were forgotten, because there were too many" if shown.dropped else "",
    ]
    own = said(shown.message, is_problem=shown.is_problem)
    return own + said("; ".join(one for one in told if one))
