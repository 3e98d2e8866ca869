# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator for panels to work with: a server, a connection to it on a loop of its own, and what cells display."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output
from traitlets.config import Config

from difxnb.client.blocking import LoopThread
from difxnb.panels import open_panels
from tests.jobs_to_run import put
from tests.notebook.conftest import far
from tests.notebook.far_end import FarEnd
from tests.panels.stage import MakeStage, Stage, connected, server_at

__all__ = ["far"]


@pytest.fixture(autouse=True)
def no_panel_left() -> Iterator[None]:
    """Fail a test that leaves a panel open, and close it for the sake of the next one."""
    yield
    left = open_panels()
    for panel in left:
        panel.close()
    assert not left, f"panels left open: {left}"


@pytest.fixture
def make_stage(far: FarEnd, made: Path, tmp_path: Path) -> Iterator[MakeStage]:
    """Make a stage: ``make_stage()``, ``make_stage(behaviour="patient")``, ``make_stage(job="long")``…"""
    stages: list[Stage] = []

    def make(
        behaviour: str | None = None, *, job: str = "short", quirks: str | None = None, **options: object
    ) -> Stage:
        root = tmp_path.resolve() / f"root-{len(stages)}"
        root.mkdir()
        path = put(made, job, root)
        server = far.enter(server_at(root, behaviour, quirks, **options))
        loop = LoopThread("client of panels")
        loop.start()
        stage = Stage(loop.call(connected(server.port, quirks)), loop, root, path, server.port)
        stages.append(stage)
        return stage

    try:
        yield make
    finally:
        for stage in stages:
            stage.close()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """The package's own server and correlator with the job ``short``, and a connection."""
    return make_stage()


@pytest.fixture
def cell() -> Iterator[CapturedIO]:
    """What a cell displays: ``cell.outputs``, each with `data`, `transient` and `update`."""
    made_here = not InteractiveShell.initialized()
    InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        with capture_output(stdout=False, stderr=False) as captured:
            yield captured
    finally:
        if made_here:
            InteractiveShell.clear_instance()
