# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards of a correlator, a job, a run and a recording, with a real server and real jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ipywidgets as widgets
import pytest
from IPython.utils.capture import CapturedIO

import difxnb
from difxnb.errors import StillRunning
from difxnb.notebook import Correlator
from difxnb.panels import Panel
from difxnb.panels.dashboard import ChoicePanel, Dashboard
from difxnb.panels.launch import LaunchPanel
from difxnb.panels.quality import QualityPanel
from difxnb.recording import open_recording
from tests.client.peers import ROBUST, own_server
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd, job_at

DEADLINE_S = 100.0
CHANGED = threading.Event()
"""Set by every message: what is waited for may have come."""


@pytest.fixture
def input_file(made: Path, tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    root.mkdir()
    return put(made, "short", root)


@pytest.fixture
def difx(far: FarEnd, input_file: Path) -> Iterator[Correlator]:
    server = far.enter(own_server(input_file.parent))
    with difxnb.connect("127.0.0.1", server.port) as connected:
        connected.messages.subscribe(lambda _: CHANGED.set())
        yield connected


def test_a_job_is_launched_watched_and_checked_behind_tabs(
    difx: Correlator, input_file: Path, tmp_path: Path
) -> None:
    with difx.record(tmp_path / "session"):
        panel = difx.panel()
        launch = opened(panel, "Launch")
        assert isinstance(launch, LaunchPanel)
        job_at(difx, input_file)
        launch.model.choose(str(input_file))
        until(panel, lambda: launch.model.snapshot().reading is not None)
        launch.model.start()
        until(panel, lambda: launch.model.run is not None)
        assert launch.model.run.monitor is not None
        until(panel, lambda: launch.model.run.done)
        news = panel.model.snapshot().news
        assert news is not None
        assert (news.tab, "job was started" in news.text) == ("Monitor", True)
        follow_news(panel)
        until(panel, lambda: "Job job" in panel.twin().text)
        quality = opened(panel, "Quality")
        assert isinstance(quality, ChoicePanel)
        for place in ("(live)", "(written)"):
            choose(quality, place)
            until(panel, lambda: report_of(quality) is not None)
        for name in panel.model.snapshot().names:
            opened(panel, name)
        assert not panel.failures
        assert not [failure for one in panel.panels.values() for failure in one.failures]
    difx.close()
    assert panel.closed
    assert all(one.closed for one in panel.panels.values())
    twin = panel.twin()
    for told in ("✓ done job", "launch of", "Monitor of job"):
        assert told in twin.text
    assert twin.picture is not None
    look_at_recording(tmp_path / "session")


def look_at_recording(path: Path) -> None:
    """The same behind tabs, without a server."""
    recording = open_recording(path)
    with recording.panel() as panel:
        for name in ("Jobs", "Monitor", "Messages", "Nodes"):
            opened(panel, name)
        assert "✓ done job" in panel.twin().text
        assert "Job job" in panel.twin().text
        opened(panel, "Quality")
        until(panel, lambda: report_of(panel.panels["Quality"]) is not None)
        assert not [failure for one in panel.panels.values() for failure in one.failures]
    for part in (recording.alerts, recording.recorders, recording.nodes, recording.messages, recording.jobs):
        with part.panel() as one:
            one.paint()
            assert not one.failures
    for part in (recording.runs["job"], recording.monitors["job"]):
        with part.panel() as one:
            one.paint()
            assert "job" in one.twin().text


def test_waiting_shows_the_last_state_in_the_cell_that_waits(
    difx: Correlator, input_file: Path, cell: CapturedIO
) -> None:
    run = job_at(difx, input_file).start()
    panel = run.panel()
    panel.show()
    shown = len(cell.outputs)
    other = difx.jobs.panel()
    other.show()
    run.wait(progress=False)
    twins = [out for out in cell.outputs[shown:] if not out.update and f"{panel.name}-table" in id_of(out)]
    assert len(twins) == 1
    assert "done" in twins[0].data["text/html"]
    again = [out for out in cell.outputs[shown:] if f"{other.name}-table" in id_of(out) and not out.update]
    assert len(again) == 1, "other panels are shown in their own cells alone"


def id_of(output: object) -> str:
    return str(getattr(output, "transient", None) or "")


def test_every_table_has_a_panel_that_ends_with_the_connection(difx: Correlator) -> None:
    panels: list[Panel] = [
        difx.jobs.panel(),
        difx.messages.panel(),
        difx.nodes.panel(),
        difx.recorders.panel(),
        difx.alerts.panel(),
        difx.job("/data/e_1.input").panel(),
    ]
    for panel in panels:
        panel.paint()
        assert not panel.failures
    difx.close()
    assert all(panel.closed for panel in panels)


def test_panels_stay_where_the_connection_may_not_be_closed(far: FarEnd, input_file: Path) -> None:
    """A real server would crash: what shows its job is not to be lost by the attempt."""
    server = far.enter(own_server(input_file.parent, "real-name"))
    difx = difxnb.connect("127.0.0.1", server.port, patience=ROBUST)
    run = job_at(difx, input_file).start()
    panel = run.panel()
    with pytest.raises(StillRunning):
        difx.close()
    assert not panel.closed
    run.wait(progress=False)
    difx.close(force=True)
    assert panel.closed


def opened(panel: Dashboard, name: str) -> Panel:
    panel.open(name)
    until(panel, lambda: name in panel.panels)
    panel.paint()
    return panel.panels[name]


def until(panel: Panel, holds: Callable[[], object]) -> None:
    """Paint, as a painter does, until something holds."""
    end = time.monotonic() + DEADLINE_S
    panel.paint()
    while not holds():
        assert time.monotonic() < end, f"what was waited for did not come: {panel!r}"
        CHANGED.wait(0.05)
        CHANGED.clear()
        panel.paint()


def follow_news(panel: Dashboard) -> None:
    panel.paint()
    next(one for one in all_widgets(panel.widget) if getattr(one, "description", "") == "Show it").click()


def choose(panel: ChoicePanel, part: str) -> None:
    chooser = next(one for one in all_widgets(panel.widget) if isinstance(one, widgets.Dropdown))
    chooser.value = next(key for name, key in chooser.options if part in name)


def report_of(panel: Panel) -> object:
    """The report of the card that was chosen."""
    assert isinstance(panel, ChoicePanel)
    chosen = panel.chosen_panel
    assert isinstance(chosen, QualityPanel) or chosen is None
    return None if chosen is None else chosen.model.snapshot().checked


def all_widgets(root: widgets.Widget) -> list[widgets.Widget]:
    return [root, *(one for child in getattr(root, "children", ()) for one in all_widgets(child))]
