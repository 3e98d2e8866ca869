# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on runs: of a session while its files are here, and of its recording when they are gone."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

import difxnb
from difxnb import aio
from difxnb.synthetic import make_experiment, small_experiment
from difxnb.wire.job import JobOutcome
from tests.client.peers import own_server
from tests.reports.pages import Page


async def recorded_session(root: Path, folder: Path) -> tuple[Path, Path]:
    """Run a job, and report on its run; gives the recording of the session, and the report."""
    path = folder / "session.dxr"
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx, difx.record(path):
        run = await difx.job(str(root / "demo_1.input")).start(monitor=True)
        assert await run.wait(60) is JobOutcome.DONE
        monitor = run.monitor
        assert monitor is not None
        async with asyncio.timeout(30):
            while monitor.version < 2 * len(monitor.products):
                await difx.head_node.fence()
        return path, await asyncio.to_thread(difxnb.report, run, folder / "live.html")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("session").resolve()
    root = folder / "exp"
    root.mkdir()
    make_experiment(root, experiment=small_experiment(scan_seconds=1))
    both = asyncio.run(recorded_session(root, folder))
    shutil.rmtree(root)
    return both


def test_of_a_live_run(session: tuple[Path, Path]) -> None:
    told = Page(session[1].read_text())
    assert "Run" in told.texts
    assert "done" in told.texts
    assert any(text.endswith("demo_1.input") for text in told.texts)
    assert len(told.pictures) >= 3


def test_of_a_recorded_run_whose_files_are_gone(session: tuple[Path, Path], tmp_path: Path) -> None:
    run = difxnb.open_recording(session[0]).runs["demo_1"]
    told = Page(difxnb.report(run, tmp_path).read_text())
    assert "Report on demo_1" in told.texts
    assert "done" in told.texts
    assert "the files of the job are not on this machine" in told.texts
    delays = difxnb.fringe_fit(run.monitor.dataset)["delay"]
    assert all(f"{delay * 1e9:.3f}" in told.texts for delay in delays)


def test_of_a_run_of_which_nothing_is_here(session: tuple[Path, Path]) -> None:
    run = difxnb.open_recording(session[0]).runs["demo_1"]
    run.monitor = None
    with pytest.raises(FileNotFoundError, match="fetches the files first"):
        difxnb.report(run)
