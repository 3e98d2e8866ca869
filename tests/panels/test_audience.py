# SPDX-License-Identifier: GPL-3.0-or-later
"""When panels rest: as pages answer or do not, and as cells run, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as widgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO

from difxnb.panels.audience import ASK_S, REST_S, SILENT_S, UNHEARD_S, Audience
from difxnb.panels.painter import PAINTER
from tests.panels.test_panel import Counting


class Days:
    """A clock, an audience by it, and how often it came back."""

    def __init__(self) -> None:
        self.now, self.returns = 0.0, 0
        self.audience = Audience(self._count, lambda: self.now)

    def _count(self) -> None:
        self.returns += 1

    def answer(self) -> None:
        """Do what the page does: set the second number to the first."""
        question = self.audience._widgets
        assert question is not None
        question._answer.set_state({"value": question._question.value})

    def pass_by(self, seconds: float, *, answered: bool = False) -> None:
        """Let time pass, with questions and perhaps answers."""
        for _ in range(int(seconds / ASK_S)):
            self.now += ASK_S
            self.audience.ask()
            if answered:
                self.answer()


@pytest.fixture
def days(cell: CapturedIO) -> Iterator[Days]:
    days = Days()
    days.audience.join("panel")
    yield days
    days.audience.leave("panel")


@pytest.fixture
def cell_ended(days: Days) -> None:
    """The cell that shows the panel is over."""
    run("post_run_cell")


def run(event: str) -> None:
    InteractiveShell.instance().events.trigger(event, None)


@pytest.mark.usefixtures("cell_ended")
def test_somebody_who_answers_is_there_all_night(days: Days) -> None:
    days.pass_by(10 * 3600, answered=True)
    assert not days.audience.is_away


@pytest.mark.usefixtures("cell_ended")
def test_silence_after_answers_is_absence_until_the_next_answer(days: Days) -> None:
    days.pass_by(60, answered=True)
    days.pass_by(SILENT_S)
    assert not days.audience.is_away
    days.pass_by(ASK_S)
    assert days.audience.is_away
    days.answer()
    assert not days.audience.is_away
    assert days.returns == 1


@pytest.mark.usefixtures("cell_ended")
def test_silence_where_none_ever_answered_is_absence_only_after_long(days: Days) -> None:
    days.pass_by(UNHEARD_S)
    assert not days.audience.is_away
    days.pass_by(ASK_S)
    assert days.audience.is_away


@pytest.mark.usefixtures("cell_ended")
def test_silence_while_a_cell_runs_proves_nothing(days: Days) -> None:
    days.pass_by(60, answered=True)
    run("pre_run_cell")
    days.pass_by(10 * 3600)
    assert not days.audience.is_away
    run("post_run_cell")
    days.pass_by(SILENT_S + ASK_S)
    assert days.audience.is_away
    run("pre_run_cell")
    assert not days.audience.is_away
    assert days.returns == 1


def test_the_cell_that_shows_a_panel_may_go_on_for_hours(days: Days) -> None:
    days.pass_by(10 * 3600)
    assert not days.audience.is_away


def test_nothing_is_left_in_the_page_or_the_shell(cell: CapturedIO) -> None:
    before = dict(widgets.widget._instances)
    hooks = [len(found) for found in InteractiveShell.instance().events.callbacks.values()]
    days = Days()
    days.audience.join("first")
    days.audience.join("second")
    days.audience.leave("first")
    days.pass_by(60, answered=True)
    assert len(widgets.widget._instances) > len(before)
    days.audience.leave("second")
    assert dict(widgets.widget._instances) == before
    assert [len(found) for found in InteractiveShell.instance().events.callbacks.values()] == hooks
    days.audience.leave("second")
    days.audience.ask()


def test_a_panel_without_an_audience_is_painted_once_a_minute(days: Days, cell_ended: None) -> None:
    panel = Counting(PAINTER, days.audience)
    days.pass_by(UNHEARD_S + ASK_S)
    panel.paint()
    panel.number = 7
    panel.paint()
    assert panel.shown.value == "0"
    days.pass_by(REST_S)
    panel.paint()
    assert panel.shown.value == "7"
    days.answer()
    panel.number = 8
    panel.paint()
    assert panel.shown.value == "8"
    panel.close()
