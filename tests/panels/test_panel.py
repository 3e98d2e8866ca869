# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels share, with a panel that shows what a correlator answers."""

from __future__ import annotations

import threading

import ipywidgets as widgets
import pandas as pd
from IPython.utils.capture import CapturedIO

from difxnb.panels import Panel, freeze, open_panels
from difxnb.panels.audience import Audience
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import AUDIENCE
from difxnb.panels.twin import Twin
from tests.panels.stage import Stage


class Counting(Panel):
    """Shows a number that anyone may raise."""

    def __init__(self, painter: Painter = PAINTER, audience: Audience = AUDIENCE) -> None:
        self.number, self.let_go = 0, 0
        self.shown = widgets.HTML("0")
        self.painted, self.ended = threading.Event(), threading.Event()
        super().__init__(self.shown, painter, audience)

    def _paint(self) -> None:
        text = str(self.number)
        if text != self.shown.value:
            self.shown.value = text
        self.painted.set()

    def twin(self) -> Twin:
        return Twin(f"number {self.number}", f"<b>{self.number}</b>")

    def _let_go(self) -> None:
        self.let_go += 1
        self.ended.set()


def test_a_panel_is_painted_while_it_is_shown_and_leaves_its_last_state(cell: CapturedIO) -> None:
    panel = Counting()
    panel.show()
    view, table, _ = cell.outputs
    assert view.data["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert "<b>0</b>" not in view.data["text/html"]  # or a page without widgets would show it twice
    assert "<b>0</b>" in table.data["text/html"]
    assert table.transient == {"display_id": f"{panel.name}-table"}
    panel.number = 7
    assert panel.painted.wait(10)
    panel.close()
    last = cell.outputs[-2]
    assert last.update
    assert last.transient == table.transient
    assert "<b>7</b>" in last.data["text/html"]
    assert panel.let_go == 1
    assert panel.closed


def test_work_of_a_stage_ends_where_it_was_told(stage: Stage) -> None:
    found: list[pd.DataFrame] = []
    assert stage.work.do("look", lambda: stage.difx.ls(str(stage.root)), found.append, print)
    stage.until_idle()
    assert "job.input" in found[0].to_string()


class Broken(Counting):
    def twin(self) -> Twin:
        raise ValueError("no <state>")


def test_a_panel_that_cannot_tell_its_state_ends_all_the_same(cell: CapturedIO) -> None:
    panel = Broken()
    panel.show()
    panel.close()
    assert panel.let_go == 1
    assert {str(error) for error in panel.failures} == {"no <state>"}
    shown = "".join(output.data.get("text/html", "") for output in cell.outputs)
    assert "the last state cannot be told: ValueError: no &lt;state&gt;" in shown


def test_freezing_ends_what_is_shown_and_names_it(cell: CapturedIO) -> None:
    shown, kept = Counting(), Counting()
    shown.show()
    assert freeze() == ["number 0"]
    assert shown.closed
    assert not kept.closed
    assert freeze() == []
    shown.show()
    assert all("application/vnd.jupyter.widget-view+json" not in output.data for output in cell.outputs[-2:])
    kept.close()


def test_closing_on_many_threads_ends_once(cell: CapturedIO) -> None:
    panel = Counting()
    panel.show()
    threads = [threading.Thread(target=panel.close) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert panel.let_go == 1
    panel.start()
    assert not open_panels()


def test_a_panel_may_close_itself_while_it_is_painted(cell: CapturedIO) -> None:
    panel = Counting()
    panel.shown.observe(lambda change: panel.close(), "value")
    panel.show()
    panel.number = 1
    assert panel.ended.wait(30)
    assert panel.closed
    assert not panel.failures


def test_nothing_of_a_closed_panel_is_left_among_the_widgets(cell: CapturedIO) -> None:
    before = dict(widgets.widget._instances)
    panel = Counting()
    panel.show()
    panel.close()
    assert dict(widgets.widget._instances) == before
