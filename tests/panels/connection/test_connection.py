# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection panel: who and where, a version chosen, a loss and its end, a server that may only be read."""

from __future__ import annotations

from pathlib import Path

from difxnb.panels.connection import ConnectionModel, ConnectionPanel
from tests.notebook.far_end import FarEnd
from tests.panels.cabled import cabled
from tests.panels.stage import MakeStage, Stage


def panel_of(stage: Stage) -> ConnectionPanel:
    return ConnectionPanel(ConnectionModel(stage.difx, stage.work))


def test_who_and_where_and_how_long_an_answer_takes(stage: Stage) -> None:
    with panel_of(stage) as panel:
        panel.paint()
        stage.until_idle()
        panel.paint()
        assert f"127.0.0.1:{stage.port}" in panel.state.value
        assert "connected" in panel.state.value
        assert "correlator in a box" in panel.facts.value
        assert "not measured" not in panel.facts.value
        latency = panel.model.snapshot().latency
        assert latency is not None
        assert 0 < latency < 30
    assert "connected" in panel.twin().text


def test_a_press_measures_and_says_what_came_of_it(stage: Stage) -> None:
    with panel_of(stage) as panel:
        panel.measure.click()
        stage.until_idle()
        panel.paint()
        assert "answered within" in panel.news.value


def test_a_version_is_chosen_by_name_and_shown_as_in_use(make_stage: MakeStage) -> None:
    stage = make_stage(quirks="2.9", environment={"DIFX_VERSION": "DIFX-2.6"})
    with panel_of(stage) as panel:
        panel.paint()
        installed = panel.model.snapshot().versions
        assert installed
        panel.difx_version.value = installed[0]
        stage.until_idle()
        panel.paint()
        assert panel.model.snapshot().version_in_use == installed[0]
        assert stage.difx.head_node.settings.setup_path.endswith(installed[0])
        panel.difx_version.value = ""
        stage.until_idle()
        assert stage.difx.head_node.settings.setup_path == ""


def test_a_version_that_is_not_installed_is_refused_in_words(stage: Stage) -> None:
    model = ConnectionModel(stage.difx, stage.work)
    model.use_version("DIFX-0.0")
    stage.until_idle()
    assert "no DiFX version 'DIFX-0.0'" in model.snapshot().message
    assert model.snapshot().is_problem


def test_a_server_that_may_only_be_read_says_so(make_stage: MakeStage) -> None:
    stage = make_stage(read_only=True)
    with panel_of(stage) as panel:
        panel.paint()
        assert "open for reading only" in panel.state.value


def test_a_name_from_the_server_does_not_act_on_the_page(make_stage: MakeStage) -> None:
    stage = make_stage(version="<script>alert(1)</script>")
    with panel_of(stage) as panel:
        panel.paint()
        assert "<script>" not in panel.facts.value
        assert "&lt;script&gt;" in panel.facts.value
        assert "<script>" not in panel.twin().html


def test_a_lost_connection_is_told_in_words_and_comes_back(far: FarEnd, tmp_path: Path) -> None:
    with cabled(far, tmp_path, tmp_path / "job.input") as stage, panel_of(stage) as panel:
        panel.paint()
        stage.cut()
        stage.until(lambda: not stage.difx.connected)
        panel.paint()
        assert "lost for" in panel.state.value
        assert "comes back by itself" in panel.state.value
        assert panel.measure.disabled
        stage.mend()
        panel.reconnect.click()
        stage.until(lambda: stage.difx.connected)
        stage.until_idle()
        panel.paint()
        assert ": connected" in panel.state.value
        assert panel.model.snapshot().reconnections == 1


def test_a_connection_that_was_closed_here_says_what_to_do(stage: Stage) -> None:
    with panel_of(stage) as panel:
        stage.close()
        panel.paint()
        assert "closed here" in panel.state.value
        assert "connect again" in panel.twin().text
