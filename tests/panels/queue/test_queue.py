# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of a queue: jobs are added, put in order, removed and seen to their ends, all by pressing buttons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.panels.acting import Said
from difxnb.panels.queue import QueueModel, QueuePanel, QueueSnapshot
from difxnb.panels.queue.model import lines_of
from difxnb.panels.queue.view import MARKS, headline, most_telling, table_html
from difxnb.queue import DiskLow, QueueEntry, QueueState
from tests.panels.stage import MakeStage, Stage
from tests.queued_jobs import MACHINES, put_named


@contextmanager
def opened(stage: Stage) -> Iterator[QueuePanel]:
    panel = QueuePanel(QueueModel(stage.difx.queue, stage.work))
    panel.paint()
    try:
        yield panel
    finally:
        panel.close()


def settle(panel: QueuePanel, stage: Stage) -> None:
    """Wait for what was asked for, and paint what came of it."""
    stage.until_idle()
    panel.paint()


def jobs_of(stage: Stage, made: Path, *names: str) -> list[str]:
    """Jobs whose machines are set, beside the one that is there."""
    for file in stage.root.glob("*.vdif"):
        file.unlink()
    paths = put_named(made, "short", stage.root, *names)
    for path in paths:
        stage.call(stage.difx.job(path).set_machines(**MACHINES))
    return paths


def add(panel: QueuePanel, stage: Stage, path: str) -> None:
    panel.path.value = path
    panel.add.click()
    settle(panel, stage)


def names(panel: QueuePanel) -> list[str]:
    return [label for label, _ in panel.jobs.options]


def stop(stage: Stage, panel: QueuePanel, path: str) -> None:
    stage.call(stage.difx.job(path).stop())
    stage.until(lambda: next(r for r in stage.difx.queue.rows if r.input_file == path).state.is_over)
    panel.paint()


def running(stage: Stage, path: str) -> bool:
    return any(
        row.input_file == path and row.state is QueueState.RUNNING and row.progress > 0
        for row in stage.difx.queue.rows
    )


def test_jobs_are_added_ordered_run_and_cleared_by_buttons(make_stage: MakeStage, made: Path) -> None:
    stage = make_stage("patient")
    one, two, three = jobs_of(stage, made, "one", "two", "three")
    with opened(stage) as panel:
        assert "The queue is empty" in panel.table.value
        assert panel.remove.disabled
        for path in (one, two, three):
            add(panel, stage, f" {path} ")
        assert panel.path.value == ""
        assert "three is in the queue" in panel.news.value
        stage.until(lambda: running(stage, one))
        panel.paint()
        assert names(panel) == ["now one (running)", "1. two (waiting)", "2. three (waiting)"]
        assert 'role="progressbar"' in panel.table.value

        panel.jobs.value = three
        panel.paint()
        panel.first.click()
        settle(panel, stage)
        assert names(panel)[1:] == ["1. three (waiting)", "2. two (waiting)"]
        panel.later.click()
        settle(panel, stage)
        panel.earlier.click()
        settle(panel, stage)
        assert names(panel)[1:] == ["1. three (waiting)", "2. two (waiting)"]
        assert panel.jobs.value == three, "what was chosen stays chosen"

        panel.pause.click()
        settle(panel, stage)
        assert panel.pause.description == "Resume"
        stop(stage, panel, one)
        assert names(panel)[0] == "– one (stopped)"
        assert "paused" in panel.table.value
        panel.pause.click()
        settle(panel, stage)
        stage.until(lambda: running(stage, three))
        panel.clear.click()
        settle(panel, stage)
        assert [name.split()[1] for name in names(panel)] == ["three", "two"]

        panel.jobs.value = two
        panel.paint()
        panel.remove.click()
        settle(panel, stage)
        assert names(panel) == ["now three (running)"]
        stop(stage, panel, three)
        assert "stopped" in panel.twin().text


def test_priorities_tries_and_what_happened_are_a_button_away(make_stage: MakeStage, made: Path) -> None:
    stage = make_stage("patient")
    one, two, three = jobs_of(stage, made, "one", "two", "three")
    with opened(stage) as panel:
        add(panel, stage, one)
        add(panel, stage, two)
        panel.priority.value = 3
        add(panel, stage, three)
        assert panel.priority.value == 0, "of one job, never of the next"
        assert [name.split()[1] for name in names(panel)] == ["one", "three", "two"]
        assert "<td>3</td>" in panel.table.value
        panel.jobs.value = two
        panel.paint()
        for _ in range(4):
            panel.higher.click()
            settle(panel, stage)
        assert [name.split()[1] for name in names(panel)] == ["one", "two", "three"]
        panel.lower.click()
        settle(panel, stage)
        assert stage.difx.queue.rows[1].priority == 3
        assert panel.told.value == ""
        panel.history.value = True
        panel.paint()
        assert "What happened, the latest first" in panel.told.value
        assert panel.told.value.index("its priority is 3") < panel.told.value.index("accepted")
        stage.until(lambda: running(stage, one))
        panel.pause.click()
        settle(panel, stage)
        assert "the queue" in panel.told.value
        stop(stage, panel, one)
        panel.jobs.value = one
        panel.paint()
        assert not panel.retry.disabled
        panel.retry.click()
        settle(panel, stage)
        assert names(panel)[-1] == "3. one (waiting)"
        assert panel.retry.disabled
        panel.history.value = False
        panel.paint()
        assert panel.told.value == ""


def test_why_nothing_is_started_is_said(stage: Stage) -> None:
    stage.call(stage.difx.queue.suspend(DiskLow(1.0, str(stage.root))))
    with opened(stage) as panel:
        add(panel, stage, str(stage.input_file))
        assert "suspended: disk low" in panel.table.value
        assert "waiting" in panel.twin().text


def test_refusals_are_said_in_words(stage: Stage) -> None:
    with opened(stage) as panel:
        panel.add.click()
        panel.paint()
        assert "name an .input file first" in panel.news.value
        add(panel, stage, str(stage.root / "none.input"))
        assert panel.model.snapshot().is_problem
        assert "none.input" in panel.news.value
        assert panel.path.value.endswith("none.input"), "what was typed stays, to be mended"
        panel.remove.click()
        panel.paint()
        assert "choose a job" in panel.news.value
        add(panel, stage, str(stage.input_file))
        stage.until(lambda: stage.difx.queue.rows[0].state is QueueState.REFUSED)
        panel.paint()
        assert "refused" in panel.table.value
        assert "set_machines" in panel.table.value
        panel.model.move(-1)
        panel.paint()
        assert "only jobs that wait can be moved" in panel.news.value


def test_output_is_moved_aside_for_one_job_only(make_stage: MakeStage, made: Path) -> None:
    stage = make_stage("integrates")
    one, two = jobs_of(stage, made, "one", "two")
    for path in (one, two):
        Path(path).with_suffix(".difx").mkdir()
    with opened(stage) as panel:
        panel.overwrite.value = True
        add(panel, stage, one)
        assert panel.overwrite.value is False
        add(panel, stage, two)
        stage.until(lambda: all(row.state.is_over for row in stage.difx.queue.rows))
        panel.paint()
        assert names(panel) == ["– one (done)", "– two (refused)"]


def test_painting_writes_nothing_where_nothing_changed(stage: Stage) -> None:
    with opened(stage) as panel:
        written: list[object] = []
        for widget in (panel.table, panel.news, panel.jobs, panel.path, panel.pause, panel.remove):
            widget.observe(written.append)
        panel.paint()
        assert not written
        panel.model.choose("/data/none.input")
        panel.paint()
        assert not written


@pytest.fixture
def look() -> QueueSnapshot:
    """A long queue with hostile texts."""
    rows = (
        QueueEntry(1, "/data/<b>x</b>.input", QueueState.FAILED, "<script>bad</script>" * 100),
        *(QueueEntry(k, f"/data/e_{k}.input") for k in range(2, 200)),
    )
    return QueueSnapshot(
        rows=lines_of(rows),
        chosen="",
        why_paused="",
        dropped=7,
        path="",
        overwrite=False,
        watch=False,
        said=Said(),
        under_way=(),
    )


def test_names_and_reasons_are_text_and_what_is_left_out_is_counted(look: QueueSnapshot) -> None:
    html = table_html(look)
    assert "<script>" not in html
    assert "<b>x" not in html
    assert "&lt;script&gt;" in html
    assert "106 more jobs not shown" in html  # of 199 and 7
    assert headline(look) == "Queue: 0 under way, 198 waiting, 1 over"
    assert headline(replace(look, why_paused="so")).endswith("paused: so")


def test_every_state_has_a_mark_of_its_own() -> None:
    assert set(MARKS) == {str(state) for state in QueueState}
    assert len({(mark.word, mark.sign) for mark in MARKS.values()}) == len(MARKS)


def test_lines_have_the_places_that_the_queue_gives() -> None:
    states = (QueueState.DONE, QueueState.RUNNING, QueueState.WAITING, QueueState.WAITING)
    rows = [QueueEntry(k, f"/e_{k}.input", state, since=0.0) for k, state in enumerate(states)]
    lines = lines_of(rows)
    assert [line.position for line in lines] == [None, 0, 1, 2]
    assert lines[0].since == "1970-01-01 00:00:00"


def test_of_a_long_queue_what_runs_and_what_is_next_is_shown(look: QueueSnapshot) -> None:
    """And after that the latest that are over; the first of a month say nothing any more."""
    over = [QueueEntry(number, f"/d/old_{number}.input", QueueState.DONE) for number in range(400)]
    now = QueueEntry(400, "/d/now_1.input", QueueState.RUNNING)
    for waiting, oldest in ((10, "old_311"), (300, "old_390")):
        to_come = [QueueEntry(500 + n, f"/d/next_{n}.input") for n in range(waiting)]
        long = replace(look, rows=lines_of([*over, now, *to_come]))
        rows = most_telling(long.rows)
        assert len(rows) == 100
        assert rows[0].job == oldest
        assert [row.job for row in rows if row.position is not None][:2] == ["now_1", "next_0"]
        table = table_html(long)
        assert f"{len(long.rows) - 100 + 7} more jobs not shown" in table
        assert table.index("now_1") < table.index("next_0")


def test_those_that_are_over_are_cleared_at_once_and_what_is_gone_hinders_nothing(
    make_stage: MakeStage, made: Path
) -> None:
    stage = make_stage("patient")
    one, two = jobs_of(stage, made, "one", "two")
    with opened(stage) as panel:
        for path in (one, two):
            add(panel, stage, path)
            stage.until(lambda path=path: running(stage, path))
            stop(stage, panel, path)
        stage.call(stage.difx.queue.remove("one"))
        panel.clear.click()
        settle(panel, stage)
        assert names(panel) == []
        told = stage.difx.queue.history()
        assert "removed" not in told[told["job"] == "two"]["what"].tolist(), "in one step, not one by one"
