# SPDX-License-Identifier: GPL-3.0-or-later
"""Launching real jobs by pressing buttons: read, check, start, watch, stop, follow."""

from __future__ import annotations

import time
from typing import Any

import pytest

from difxnb.panels.files import FilesModel
from difxnb.panels.launch import LaunchModel, LaunchPanel
from difxnb.panels.launch.machines_view import NodeView
from difxnb.wire.message import Header, Load, Message
from tests.notebook.far_end import FarEnd
from tests.panels.cabled import cabled
from tests.panels.launch.launching import launch_at, settle, started, until_over
from tests.panels.stage import MakeStage, Stage


@pytest.mark.parametrize("quirks", [None, "2.9"])
def test_a_job_is_launched_and_watched_without_typing_more_than_its_path(
    make_stage: MakeStage, quirks: str | None
) -> None:
    stage = make_stage(quirks=quirks)
    told: list[Any] = []
    with launch_at(stage) as panel:
        panel.model.on_started.append(told.append)
        assert "Ready" in panel.ready.value
        look = started(panel, stage)
        assert not look.is_problem, look.message
        assert "has started" in panel.news.value
        assert told == [panel.model.run]
        assert told[0].monitor is not None, "the live monitor is on unless told otherwise"
        look = until_over(panel, stage)
        assert look.run is not None
        assert look.run.outcome == "done"
        assert panel.progress.value == 1.0
        assert panel.progress.bar_style == "success"
        assert "job: done" in panel.run.value
        assert "weights: AA" in panel.run.value
    assert (stage.root / "job.difx").is_dir()
    placed = (stage.root / "job.machines").read_text().split()
    assert placed == ["127.0.0.1" if quirks else "localhost"] * 4
    assert "job: done" in panel.twin().text
    assert placed[0] in panel.twin().html


def test_what_is_read_of_a_job_is_shown(stage: Stage) -> None:
    with launch_at(stage) as panel:
        for said in ("AA BB", "No0000", "SRC0", "1 s", "There is no output yet"):
            assert said in panel.facts.value
        source, found = panel.model.snapshot().sources[0]
        assert (source.antenna, source.kind) == ("AA", "FILE")
        assert found.text == "1 file seen", "beside the job, as the correlator in a box looks for it"
        assert panel.sources.rows["0"].node.value == "localhost"


def test_a_path_that_leads_nowhere_is_refused_in_words(stage: Stage) -> None:
    with launch_at(stage) as panel:
        for path, words in (("/nowhere/x.input", "x.input"), (f"{stage.root}/job.calc", ".input")):
            panel.path.value = path
            look = settle(panel, stage)
            assert look.is_problem
            assert words in panel.news.value
        assert look.reading is not None
        assert look.reading.name == "job", "what could be read stays"


def test_a_job_is_chosen_among_files(stage: Stage) -> None:
    files = FilesModel(stage.difx, stage.work, str(stage.root))
    with LaunchPanel(LaunchModel(stage.difx, stage.work), files) as panel:
        files.refresh()
        settle(panel, stage)
        panel.listed.value = str(stage.input_file)
        settle(panel, stage)
        assert panel.path.value == str(stage.input_file)
        assert panel.model.snapshot().reading is not None
        panel.model.choose("/elsewhere/job.input")
        files.choose(str(stage.input_file))
        stage.until_idle()
        assert panel.model.snapshot().wanted == str(stage.input_file)
    assert files.on_chosen == []


def test_a_check_is_shown_with_its_findings(stage: Stage) -> None:
    with launch_at(stage) as panel:
        panel.check.click()
        look = settle(panel, stage)
        assert [finding.id for finding in look.findings or () if finding.blocks] == ["no-machines"]
        assert "would be refused" in panel.findings.title.value
        assert "against the job" in panel.news.value
        panel.write_nodes.click()
        settle(panel, stage)
        panel.check.click()
        look = settle(panel, stage)
        assert look.passed
        assert "would run" in panel.findings.title.value


def test_a_run_is_stopped_by_the_second_press(make_stage: MakeStage) -> None:
    stage = make_stage("patient")
    with launch_at(stage) as panel:
        panel.monitor.value = False
        started(panel, stage)
        stage.until(lambda: panel.model.run.state == "Running")
        panel.paint()
        assert panel.start_job.disabled
        assert "runs already" in panel.ready.value
        assert "Cannot" not in panel.ready.value  # that it runs is no trouble
        panel.stop_job.click()
        panel.paint()
        assert "press again within 5 s" in panel.news.value
        assert "difxnb-tone-warn" in panel.news.value  # nothing is done yet
        assert panel.stop_job.description == "Press again to stop"
        assert not panel.model.run.done
        panel.stop_job.click()
        stage.until_idle()
        look = until_over(panel, stage)
        assert look.run is not None
        assert look.run.outcome == "stopped"
        assert "does not run any more" in panel.news.value
        assert panel.stop_job.disabled
        assert not panel.start_job.disabled


def test_progress_weights_and_pace_of_a_run(make_stage: MakeStage) -> None:
    stage = make_stage("patient")
    with launch_at(stage) as panel:
        panel.monitor.value = False
        started(panel, stage)
        stage.until(lambda: panel.model.snapshot().run.weights, "no weights came")
        panel.paint()
        assert "AA 0.90, BB 0.80; least BB with 0.80" in panel.run.value
        stage.until(lambda: panel.model.snapshot().run.progress > 0.5)
        panel.paint()
        assert 0.5 < panel.progress.value <= 1.0
        panel.model.stop()
        panel.model.stop()
        stage.until_idle()


def test_a_run_of_somebody_else_is_followed(make_stage: MakeStage) -> None:
    stage = make_stage("patient")
    job = stage.placed_job()
    theirs = stage.call(job.start())
    with launch_at(stage) as panel:
        told: list[Any] = []
        panel.model.on_started.append(told.append)
        panel.follow.click()
        look = settle(panel, stage)
        assert "is followed" in look.message
        assert len(told) == 1
        assert look.run is not None
        assert not look.run.is_over
        stage.call(theirs.stop())
        until_over(panel, stage)


def test_a_run_goes_on_in_the_panel_when_the_connection_comes_back(far: FarEnd, stage: Stage) -> None:
    with cabled(far, stage.root, stage.input_file, "patient") as broken, launch_at(broken) as panel:
        panel.monitor.value = False
        started(panel, broken)
        broken.until(lambda: panel.model.run.state == "Running")
        broken.cut()
        broken.until(lambda: not broken.difx.connected)
        panel.paint()
        assert "there is no connection: lost" in panel.ready.value
        assert "comes back by itself" in panel.ready.value
        broken.mend()
        broken.until(lambda: broken.difx.connected)
        panel.model.stop()
        panel.model.stop()
        broken.until_idle()
        look = until_over(panel, broken)
        assert look.run is not None
        assert look.run.is_over
        assert "log" in look.run.evidence, "how it ended was looked for after the loss"


def test_when_a_run_has_ended_the_panel_knows_of_its_output(stage: Stage) -> None:
    with launch_at(stage) as panel:
        panel.monitor.value = False
        started(panel, stage)
        until_over(panel, stage)
        settle(panel, stage)
        assert "There is output already" in panel.facts.value
        assert "A start would be refused" in panel.ready.value
        panel.overwrite.value = True
        panel.paint()
        assert "Ready" in panel.ready.value
        assert panel.model.snapshot().options.overwrite, "reading the same job again keeps what is chosen"


def test_a_question_is_asked_no_longer_than_an_answer_counts(make_stage: MakeStage) -> None:
    stage = make_stage()
    seconds = [0.0]
    with LaunchPanel(LaunchModel(stage.difx, stage.work, clock=lambda: seconds[0])) as panel:
        panel.path.value = str(stage.input_file)
        settle(panel, stage)
        panel.stop_job.click()
        panel.paint()
        assert "press again" in panel.news.value
        seconds[0] = 6.0
        panel.paint()
        assert "press again" not in panel.news.value
        assert panel.stop_job.description == "Stop…"
        panel.stop_job.click()
        panel.paint()
        assert "press again" in panel.news.value, "too late to be the second press"
        assert not stage.work.under_way


def test_a_start_is_called_off_by_two_presses(make_stage: MakeStage) -> None:
    stage = make_stage("patient")
    with launch_at(stage) as panel:
        panel.monitor.value = False
        panel.start_job.click()
        panel.paint()
        assert panel.start_job.disabled
        assert "under way: start of job" in panel.news.value
        panel.stop_job.click()
        panel.stop_job.click()
        look = settle(panel, stage)
        assert "called off" in look.message
        assert look.run is None
        stage.until(lambda: not stage.difx.head_node.running_jobs, "the job goes on")


def test_closing_the_panel_leaves_the_run_alone(make_stage: MakeStage) -> None:
    stage = make_stage("patient")
    panel = launch_at(stage)
    panel.monitor.value = False
    started(panel, stage)
    run = panel.model.run
    stage.until(lambda: "job: Running" in panel.twin().text)
    panel.close()
    assert not run.done
    assert "Running" in panel.twin().text
    before = run.watch.last_heard
    stage.until(lambda: run.watch.last_heard > before, "it is not heard any more")
    stage.call(run.stop())


def test_names_from_the_network_do_not_act_on_the_page(stage: Stage) -> None:
    body = Load(cpu_load=0.1, total_memory=1000, used_memory=1, n_core=4)
    message = Message(Header("<img src=x>\x1b[2J", (), -1, "mk5daemon", ""), body, 1, 400)
    stage.difx.nodes.add(message, time.time())
    with launch_at(stage) as panel:
        html = panel.twin().html
        assert "<img" not in html
        assert "&lt;img src=x&gt;" in html
        assert "\x1b" not in html
        described = [row.threads.description for row in rows(panel)]
        assert any("<img" in text for text in described), "descriptions are shown as text"
        assert not any("\x1b" in text for text in described)
        assert not any(row.threads.description_allow_html for row in rows(panel))


def names(panel: LaunchPanel) -> list[str]:
    return [node.name for node in panel.model.snapshot().nodes]


def rows(panel: LaunchPanel) -> list[NodeView]:
    return [panel.nodes.rows[name] for name in names(panel)]
