# SPDX-License-Identifier: GPL-3.0-or-later
"""A launch panel before a real server, and what tests wait for."""

from __future__ import annotations

from difxnb.panels.launch import LaunchModel, LaunchPanel, LaunchSnapshot
from tests.panels.stage import Stage


def launch_at(stage: Stage) -> LaunchPanel:
    """A panel that has read the job of a stage."""
    panel = LaunchPanel(LaunchModel(stage.difx, stage.work))
    panel.paint()
    panel.path.value = str(stage.input_file)
    settle(panel, stage)
    return panel


def settle(panel: LaunchPanel, stage: Stage) -> LaunchSnapshot:
    """Wait for what was asked for, and paint what came of it."""
    stage.until_idle()
    panel.paint()
    return panel.model.snapshot()


def started(panel: LaunchPanel, stage: Stage) -> LaunchSnapshot:
    """Press "start" and wait for the answer of the correlator."""
    assert not panel.start_job.disabled, panel.ready.value
    panel.start_job.click()
    return settle(panel, stage)


def until_over(panel: LaunchPanel, stage: Stage) -> LaunchSnapshot:
    """Wait for the end of the run, and paint it."""
    stage.until(lambda: panel.model.run is not None and panel.model.run.done, "the run did not end")
    panel.paint()
    return panel.model.snapshot()
