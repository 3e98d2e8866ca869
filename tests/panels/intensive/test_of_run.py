# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of sessions as cells ask for them: of one, and behind the tabs of a correlator."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from IPython.utils.capture import CapturedIO

import difxnb
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe
from difxnb.panels.intensive import IntensivePanel
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import write_observing_files
from tests.client.peers import own_server
from tests.notebook.far_end import FarEnd


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A schedule without any data."""
    root = tmp_path.resolve() / "root"
    root.mkdir()
    write_observing_files(small_experiment(), root)
    return Recipe(
        name="test",
        schedule=f"{root}/demo.vex",
        v2d=f"{root}/demo.v2d",
        directory=f"{root}/{{session}}",
        newest=0,
        wait_s=0,
        look_s=0.01,
    )


def test_a_dry_run_has_a_panel_that_begins_it_and_ends_with_its_connection(
    far: FarEnd, recipe: Recipe, tmp_path: Path, cell: CapturedIO
) -> None:
    server = far.enter(own_server(tmp_path.resolve() / "root"))
    place = tmp_path / "record"
    with difxnb.connect("127.0.0.1", server.port) as difx:
        planned = difx.intensive(recipe, session="one", directory=place, dry_run=True)
        panel = planned.panel()
        panel.paint()
        assert "a dry run of test" in panel.standing.value
        assert not place.exists()
        difx._loop.call(difx._sessions.begin(planned._inner))
        tabs = difx.panel()
        tabs.open("Intensive")
        for _ in range(2):
            tabs.paint()
        behind = tabs.panels["Intensive"]
        assert isinstance(behind, IntensivePanel)
        assert behind.model.run is not planned._inner

        run = difx.intensive(recipe, session="two", directory=tmp_path / "two")
        own = run.panel()
        own.show()
        shown = len(cell.outputs)
        with pytest.raises(SessionNotDone, match="data of 0 stations"):
            run.wait(30)
        twins = [out.data["text/html"] for out in cell.outputs[shown:] if "text/html" in out.data]
        assert any("failed" in one for one in twins), "the cell that waits keeps the end"
        behind.paint()
        behind.chosen.value = str(tmp_path / "two")
        behind.paint()
        assert "two in data" in behind.standing.value
        assert "data of 0 stations" in behind.decisions.value
        assert not behind.resume.disabled
        behind.anew.click()
        behind.paint()
        assert "begin two anew?" in behind.news.value
        assert (behind.anew.description, behind.stop.description) == ("Press again to begin anew", "Stop…")
        behind.anew.click()
        while behind.model.run is run._inner:
            difx._loop.call(asyncio.sleep(0))
        anew = behind.model.run
        assert isinstance(anew, IntensiveRun)
        assert anew is not run._inner
        with pytest.raises(SessionNotDone, match="data of 0 stations"):
            difx._loop.call(anew.wait(30))
        begun = [line for line in anew.record.lines if (line.step, line.state) == ("schedule", "started")]
        assert [line.inputs.get("anew") for line in begun] == [None, 1]
    assert panel.closed
    assert own.closed
    assert behind.closed
    assert "two: failed in data" in own.twin().text
