# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser of jobs: its tree, its numbers, what clicks do, and what hostile names cannot."""

from __future__ import annotations

import html

import ipywidgets as widgets
import pytest

from difxnb.panels.jobs import JobsModel, JobsPanel
from difxnb.panels.jobs.row import JobRow, mark_of
from difxnb.panels.jobs.tree import Heading, Leaf, lines_of, place_of
from difxnb.recording.tables import RecordedJobs
from difxnb.wire.message import Alert, Header, Message, Status
from tests.panels.stage import Stage

T0 = 1_704_110_400.0  # 2024-01-01 12:00
HOSTILE = "<img src=x onerror=alert(1)>_1"


def said(body: object, job: str = "e_1", number: int | None = None) -> Message:
    return Message(Header("n1", (), 0, job), body, number, 50)  # type: ignore[arg-type]


def running(progress: float, weights: tuple[tuple[int, float], ...] = ((0, 0.98), (1, 0.42))) -> Status:
    return Status(None, "Running", "", 60310.5 + progress * 0.1, 60310.5, 60310.6, weights)


def jobs_at(now: float = T0 + 20) -> RecordedJobs:
    """A running job, one that is done, and one that crashed."""
    jobs = RecordedJobs(lambda: now)
    jobs.add(said(Alert("/data/e/clocks/e_1.input", "hello", 4)), T0)
    jobs.add(said(Status(None, "Starting", "Version 2.9")), T0)
    jobs.add(said(running(0.1)), T0 + 1)
    jobs.add(said(running(0.5)), T0 + 11)
    jobs.add(said(Status(None, "Done"), "e_2"), T0 + 5)
    jobs.add(said(Status(None, "Crashed"), "other"), T0 + 5)
    jobs.add(said(Alert("/data/o/other.input", "disk full", 2), "other"), T0 + 6)
    return jobs


@pytest.mark.parametrize(
    ("name", "path", "place"),
    [
        ("e_12", "/data/E/clocks/e_12.input", ("E", "clocks")),
        ("e_12", "/data/e/e_12.input", ("e", "")),
        ("e_12", "/data/e/a/b/e_12.input", ("e", "a/b")),
        ("e_12", "/data/pass2/e_12.input", ("e", "pass2")),
        ("e_12", "", ("e", "")),
        ("single", "/data/x/single.input", ("single", "x")),
        ("e_12", "relative/e_12.input", ("e", "")),
    ],
)
def test_where_a_job_belongs(name: str, path: str, place: tuple[str, str]) -> None:
    found = place_of(name, path)
    assert (found.experiment, found.pass_name) == place


def test_the_tree_counts_by_number_and_closes() -> None:
    rows = [JobRow(f"e_{n}", f"/d/e/p/e_{n}.input", mark_of("Done")) for n in (10, 9, 1)]
    lines = lines_of(rows, ())
    assert [line.text for line in lines if isinstance(line, Heading)] == ["e", "p"]
    assert [line.row.name for line in lines if isinstance(line, Leaf)] == ["e_1", "e_9", "e_10"]
    (heading, inner) = lines_of(rows, {"e/p"})
    assert isinstance(inner, Heading)
    assert not inner.is_open
    assert "3 ✓ done" in inner.summary
    assert lines_of(rows, {"e"}) == [lines_of(rows, {"e"})[0]]
    assert isinstance(heading, Heading)


def leaves(model: JobsModel) -> dict[str, JobRow]:
    return {line.row.name: line.row for line in model.snapshot().lines if isinstance(line, Leaf)}


def test_numbers_of_jobs() -> None:
    rows = leaves(JobsModel(jobs_at()))
    row = rows["e_1"]
    assert (row.mark.word, row.antenna, row.weight) == ("running", "datastream 1", 0.42)
    assert row.progress == pytest.approx(0.5)
    # 0.4 of 8640 s of data in 10 s.
    assert row.speed_up == pytest.approx(345.6)
    assert row.remaining == pytest.approx(12.5 - 9)
    assert row.age == pytest.approx(9)
    assert rows["e_2"].mark.word == "done"
    assert (rows["other"].mark.word, rows["other"].errors) == ("crashed", 1)


def test_a_job_without_progress_is_said_to_be_stalled() -> None:
    assert leaves(JobsModel(jobs_at(T0 + 1000)))["e_1"].mark.word == "stalled"


def test_filter_details_and_what_falls_out() -> None:
    model = JobsModel(jobs_at())
    before = model.version
    model.only("CLOCKS")
    assert list(leaves(model)) == ["e_1"]
    assert model.version > before
    model.only("")
    model.choose("other")
    detail = model.snapshot().detail
    assert detail is not None
    assert ("state", "Crashed") in detail.facts
    assert [event[2] for event in detail.events] == ["disk full", "Crashed"], "the latest first"
    model.choose("nobody")
    assert model.snapshot().detail is None


def test_many_jobs_are_counted_not_shown() -> None:
    jobs = RecordedJobs(lambda: T0)
    for number in range(200):
        jobs.add(said(Status(None, "Done"), f"e_{number}"), T0)
    with JobsPanel(JobsModel(jobs)) as panel:
        panel.paint()
        shown = panel.model.snapshot()
        assert len(shown.lines) == 60
        assert shown.left_out == 201 - 60
        assert "141 more lines not shown" in panel.twin().html


def test_clicks_on_the_tree() -> None:
    with JobsPanel(JobsModel(jobs_at())) as panel:
        panel.paint()
        button(panel, "e_1").click()
        panel.paint()
        assert "datastream 1" in everything(panel)
        assert "Starting Version 2.9" in everything(panel)
        button(panel, "▾ e").click()
        panel.paint()
        assert "e_1" not in [one.description for one in buttons(panel)]
        button(panel, "▸ e").click()
        panel.paint()
        assert button(panel, "e_1")


def test_what_did_not_change_is_not_written() -> None:
    jobs = jobs_at()
    with JobsPanel(JobsModel(jobs)) as panel:
        panel.paint()
        written: list[object] = []
        for one in all_widgets(panel.widget):
            one.observe(written.append)
        panel.paint()
        assert written == []
        jobs.add(said(running(0.9)), T0 + 19)
        panel.model.choose("e_1")  # obeyed at once, whatever the pace
        panel.paint()
        assert written


def test_hostile_names_do_nothing() -> None:
    jobs = RecordedJobs(lambda: T0)
    jobs.add(said(Status(None, "<b>State</b>"), HOSTILE), T0)
    jobs.add(said(Alert(f"/{HOSTILE}/x.input", "<script>\x1b[2J", 2), HOSTILE), T0)
    with JobsPanel(JobsModel(jobs)) as panel:
        panel.model.choose(HOSTILE)
        panel.paint()
        for page in (everything(panel), panel.twin().html):
            assert "<img" not in page
            assert "<script" not in page
            assert "<b>State" not in page
            assert "\x1b" not in page
            assert html.escape(HOSTILE) in page or html.escape("<script>") in page


def test_states_of_jobs_that_were_not_heard_are_asked_for(stage: Stage) -> None:
    model = JobsModel(stage.difx.jobs, stage.work, stage.difx.job_status)
    model.ask(f"{stage.root}/*.input")
    stage.until_idle()
    shown = model.snapshot()
    assert "1 jobs" in shown.message
    row = leaves(model)["job"]
    assert (row.mark.word, row.is_heard) == ("no log", False)
    model.ask("no/absolute/path")
    stage.until_idle()
    assert model.snapshot().is_problem
    assert "absolute" in model.snapshot().message


def test_nobody_is_asked_in_a_recording() -> None:
    with JobsPanel(JobsModel(jobs_at())) as panel:
        panel.model.ask("/data/*.input")
        assert panel.model.snapshot().is_problem
        panel.paint()
        asking = next(one for one in buttons(panel) if one.description == "Ask the server")
        box = next(one for one in all_widgets(panel.widget) if asking in getattr(one, "children", ()))
        assert box.layout.display == "none"


def test_the_twin_tells_all_jobs_and_stays_after_the_end() -> None:
    panel = JobsPanel(JobsModel(jobs_at()))
    panel.close()
    twin = panel.twin()
    assert "✗ crashed other" in twin.text
    assert "e_2" in twin.html


def all_widgets(root: widgets.Widget) -> list[widgets.Widget]:
    return [root, *(one for child in getattr(root, "children", ()) for one in all_widgets(child))]


def buttons(panel: JobsPanel) -> list[widgets.Button]:
    return [one for one in all_widgets(panel.widget) if isinstance(one, widgets.Button)]


def button(panel: JobsPanel, words: str) -> widgets.Button:
    return next(one for one in buttons(panel) if one.description == words)


def everything(panel: JobsPanel) -> str:
    return "".join(one.value for one in all_widgets(panel.widget) if isinstance(one, widgets.HTML))
