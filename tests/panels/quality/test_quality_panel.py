# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of quality: verdicts and evidence, one check at a time, and failures in words."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import ipywidgets as widgets
import pytest

from difxnb.client.blocking import LoopThread
from difxnb.errors import VisibilitiesNotFound
from difxnb.panels.quality import Checked, QualityModel, QualityPanel, checked
from difxnb.panels.work import Work
from difxnb.quality.report import check_quality
from tests.made_visibilities import made

PNG = b"\x89PNG"


class Bench:
    """A loop, and work on it whose end can be waited for."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop, self.ended = loop, threading.Event()
        self.work = Work(loop.submit, self.ended.set)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with LoopThread("checks") as loop:
        made_bench = Bench(loop)
        yield made_bench
        made_bench.work.close()


@pytest.fixture(scope="module")
def report() -> Checked:
    return checked(check_quality(made()))


def test_the_verdict_and_every_check_with_its_limit(report: Checked) -> None:
    with QualityPanel(QualityModel("e_1", made=report)) as panel:
        panel.paint()
        page, (button, picture) = everything(panel), controls(panel)
        assert f"{report.report.verdict}" in page
        for check in report.report:
            assert check.name in page
        assert bytes(picture.value).startswith(PNG)
        assert picture.layout.display == ""
        assert button.disabled, "there is nobody to ask again"
        twin = panel.twin()
        assert twin.picture == bytes(picture.value)
        assert "weights" in twin.text


def test_checks_are_made_at_once_and_again_when_asked_for(bench: Bench, report: Checked) -> None:
    gate, begun = asyncio.Event(), 0

    async def check() -> Checked:
        nonlocal begun
        begun += 1
        await gate.wait()
        return report

    with QualityPanel(QualityModel("e_1", bench.work, check)) as panel:
        panel.paint()
        button, _ = controls(panel)
        assert button.description == "Checking…"
        button.click()  # what is under way is not begun again
        open_gate(bench, gate)
        assert bench.ended.wait(30)
        panel.paint()
        assert begun == 1
        assert button.description == "Check again"
        assert not panel.model.snapshot().is_checking
        bench.ended.clear()
        button.click()
        assert bench.ended.wait(30)
        assert begun == 2


def open_gate(bench: Bench, gate: asyncio.Event) -> None:
    async def set_it() -> None:
        gate.set()

    bench.loop.call(set_it())


def test_two_cards_of_one_job_each_make_their_checks(bench: Bench, report: Checked) -> None:
    gate = asyncio.Event()

    async def check() -> Checked:
        await gate.wait()
        return report

    models = [QualityModel("e_1", bench.work, check) for _ in range(2)]
    for model in models:
        model.check()
    open_gate(bench, gate)
    while any(model.snapshot().is_checking for model in models):
        assert bench.ended.wait(30)
        bench.ended.clear()
    assert [model.snapshot().checked for model in models] == [report, report]


def test_nothing_is_checked_after_the_end(bench: Bench, report: Checked) -> None:
    async def check() -> Checked:
        return report

    bench.work.close()
    model = QualityModel("e_1", bench.work, check)
    model.check()
    shown = model.snapshot()
    assert not shown.is_checking
    assert shown.is_problem
    assert "closed" in shown.message


def test_a_check_that_fails_is_told_in_words_and_keeps_what_there_was(bench: Bench, report: Checked) -> None:
    async def check() -> Checked:
        raise VisibilitiesNotFound("<e_1> is not on this machine", ())

    model = QualityModel("e_1", bench.work, check, made=report)
    with QualityPanel(model) as panel:
        model.check()
        assert bench.ended.wait(30)
        panel.paint()
        shown = model.snapshot()
        assert shown.is_problem
        assert "&lt;e_1&gt; is not on this machine" in everything(panel)
        assert str(report.report.verdict) in everything(panel)


def everything(panel: QualityPanel) -> str:
    return "".join(one.value for one in panel.widget.children[1].children if isinstance(one, widgets.HTML))


def controls(panel: QualityPanel) -> tuple[widgets.Button, widgets.Image]:
    inner = panel.widget.children[1].children
    (button,) = [one for one in inner if isinstance(one, widgets.Button)]
    (picture,) = [one for one in inner if isinstance(one, widgets.Image)]
    return button, picture
