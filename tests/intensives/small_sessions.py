# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that end before anything is correlated: a schedule, a ``.v2d``, and something in place of recordings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe, run_intensive
from difxnb.intensives.recipe import ReportRecipe
from difxnb.intensives.steps import Context
from difxnb.sessions import SessionRecord
from difxnb.synthetic import default_experiment, make_experiment, small_experiment
from difxnb.synthetic.observing_files import write_observing_files
from tests.client.peers import own_server

EXPERIMENT = small_experiment()


def put_down(root: Path) -> Recipe:
    """A schedule and a ``.v2d``, and something in place of recordings."""
    write_observing_files(EXPERIMENT, root)
    for station in range(len(EXPERIMENT.stations)):
        for scan in range(len(EXPERIMENT.scans)):
            (root / EXPERIMENT.recording_name(station, scan)).write_bytes(b"frames")
    return Recipe(
        name="test",
        schedule=f"{root}/demo.vex",
        v2d=f"{root}/demo.v2d",
        directory=f"{root}/{{session}}",
        newest=0,
        wait_s=0,
        look_s=0.01,
    )


def put_down_recordings(root: Path, stations: int = 2) -> Recipe:
    """An experiment that can be correlated: one scan of two seconds, one band."""
    experiment = default_experiment(
        n_stations=stations, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    make_experiment(root, experiment=experiment, model="full")
    return Recipe(
        name="test",
        schedule=f"{root}/demo.vex",
        v2d=f"{root}/demo.v2d",
        directory=f"{root}/{{session}}",
        newest=0,
        wait_s=0,
        look_s=0.01,
        report=ReportRecipe(html=False),
    )


async def begun(difx: aio.Correlator, root: Path, recipe: Recipe) -> IntensiveRun:
    return await run_intensive(difx, recipe, session="one", directory=root / "record")


def ended(root: Path, recipe: Recipe) -> tuple[str, str, IntensiveRun]:
    """The step with which a session ends, and why."""

    async def main() -> tuple[str, str, IntensiveRun]:
        async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
            run = await begun(difx, root, recipe)
            with pytest.raises(SessionNotDone) as caught:
                await run.wait(timeout=30)
            assert run.state == "failed"
            return caught.value.step, caught.value.why, run

    return asyncio.run(main())


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def context(tmp_path: Path, recipe: Recipe, **outputs: Mapping[str, Any]) -> Context:
    """A step's surroundings without a server."""
    record = SessionRecord.open(tmp_path / "record", "one")
    return Context(None, recipe, "one", record, dict(outputs))  # type: ignore[arg-type]
