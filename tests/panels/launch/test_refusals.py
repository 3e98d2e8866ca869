# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a launch, in words: output, data, nodes, a server that may only be read, bad files."""

from __future__ import annotations

import shutil

import pytest

from difxnb.panels.launch import LaunchModel, LaunchPanel
from tests.panels.launch.launching import launch_at, settle, started, until_over
from tests.panels.stage import MakeStage, Stage


def test_nothing_is_begun_without_a_job(stage: Stage) -> None:
    with LaunchPanel(LaunchModel(stage.difx, stage.work)) as panel:
        panel.paint()
        assert panel.start_job.disabled
        assert "choose a job first" in panel.ready.value
        for act in (panel.model.start, panel.model.check, panel.model.follow, panel.model.stop):
            act()
            assert panel.model.snapshot().message == "choose a job first: its .input file"
        for act in (panel.model.recommend, panel.model.test_machines, panel.model.write_machines):
            act()
            assert panel.model.snapshot().is_problem


def test_output_that_is_there_is_moved_aside_only_when_told(stage: Stage) -> None:
    with launch_at(stage) as panel:
        (stage.root / "job.difx").mkdir()
        (stage.root / "job.difx" / "old").write_text("kept")
        look = started(panel, stage)
        assert look.is_problem
        assert "not started" in panel.news.value
        assert "Tick “move output aside”" in panel.news.value
        stage.until_idle()
        panel.paint()
        assert "There is output already" in panel.facts.value
        panel.overwrite.value = True
        panel.paint()
        assert "It will be moved aside" in panel.facts.value
        look = started(panel, stage)
        assert not look.is_problem, look.message
        assert until_over(panel, stage).run.outcome == "done"
    assert (stage.root / "job.difx.1" / "old").read_text() == "kept"


def test_data_that_are_missing_are_seen_before_and_told_after(stage: Stage) -> None:
    (stage.root / "BB.vdif").unlink()
    with launch_at(stage) as panel:
        words = panel.sources.rows["1"].words.value
        assert "/elsewhere/BB.vdif: not seen" in words
        assert "⚠" in words
        look = started(panel, stage)
        assert look.message.startswith("not started: ")
        assert "no such recording" in look.message
        assert "BB.vdif" in look.message
        assert "tick “start all the same”" in look.message
        assert not (stage.root / "job.difx").exists()


def test_a_configuration_that_is_wrong_is_refused_with_findings_to_waive(stage: Stage) -> None:
    text = stage.input_file.read_text()
    stage.input_file.write_text(text.replace("DATA FORMAT:        VDIF", "DATA FORMAT:        MKIV"))
    assert stage.input_file.read_text() != text
    with launch_at(stage) as panel:
        look = started(panel, stage)
        assert look.is_problem
        assert look.message.startswith("not started: ")
        blocking = [finding for finding in look.findings or () if finding.blocks]
        assert blocking, "the findings are shown without another press"
        row = panel.findings.rows[blocking[0].id]
        assert "keeps the job from starting" in row.words.value
        row.waived.value = True
        panel.paint()
        assert "waived" in row.words.value
        assert panel.model.snapshot().passed == (len(blocking) == 1)


def test_a_plan_that_lacks_something_says_what(stage: Stage) -> None:
    with launch_at(stage) as panel:
        row = panel.nodes.rows["localhost"]
        row.threads.value = 0
        panel.paint()
        assert "give at least one node threads" in panel.ready.value
        assert panel.start_job.disabled
        row.threads.value = 1
        panel.paint()
        assert "keeps one thread for itself" in panel.ready.value
        row.threads.value = 3
        panel.sources.rows["1"].node.value = ""
        panel.paint()
        assert "choose a node for datastream 1" in panel.ready.value
        panel.sources.rows["1"].node.value = "localhost"
        panel.head.value = ""
        panel.paint()
        assert "choose a head node" in panel.ready.value
        panel.shows_preview.value = True
        panel.paint()
        assert "nothing can be written yet" in panel.preview.value
        panel.model.write_machines()
        assert "choose a head node" in panel.model.snapshot().message


def test_a_host_name_that_is_none_is_refused_by_the_server_side(stage: Stage) -> None:
    with launch_at(stage) as panel:
        panel.model.set_datastream(0, "n1; reboot")
        look = started_by_model(panel, stage)
        assert look.is_problem
        assert "n1; reboot" in look.message
        assert "nothing can be written" in panel.model.preview()
        assert not (stage.root / "job.machines").exists()


def started_by_model(panel: LaunchPanel, stage: Stage):
    panel.model.start()
    return settle(panel, stage)


def test_a_server_that_may_only_be_read_checks_and_starts_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(read_only=True)
    with launch_at(stage) as panel:
        assert "open for reading only" in panel.ready.value
        for button in (panel.start_job, panel.stop_job, panel.write_nodes, panel.try_nodes):
            assert button.disabled
        panel.check.click()
        look = settle(panel, stage)
        assert look.findings is not None, "looking is allowed"
        panel.model.write_machines()
        assert "open for reading only" in settle(panel, stage).message
        panel.model.start()
        assert "open for reading only" in settle(panel, stage).message
    assert not (stage.root / "job.difx").exists()


def test_damaged_files_of_a_job_are_told_and_keep_it_from_nothing_else(stage: Stage) -> None:
    (stage.root / "job.machines").write_text("localhost\n")
    (stage.root / "job.threads").write_text("nonsense\n")
    (stage.root / "job.calc").write_text("nonsense\n")
    with launch_at(stage) as panel:
        notes = panel.facts.value
        assert "the scans are not known" in notes
        assert "the machines cannot be read" in notes
        assert "Ready" in panel.ready.value


def test_a_job_that_is_gone_by_now_is_refused_in_words(stage: Stage) -> None:
    with launch_at(stage) as panel:
        shutil.rmtree(stage.root)
        stage.root.mkdir()
        look = started(panel, stage)
        assert look.is_problem
        assert "job.input" in look.message


@pytest.mark.parametrize("seconds", [1, 5])
def test_a_beginning_behind_the_end_is_refused(stage: Stage, seconds: int) -> None:
    with launch_at(stage) as panel:
        panel.restart.value = seconds
        panel.paint()
        assert "begin before its end" in panel.ready.value
        assert panel.start_job.disabled
