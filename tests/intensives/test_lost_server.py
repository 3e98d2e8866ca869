# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions whose connection breaks, or whose server goes away in the night, while a job runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import SessionNotDone
from difxnb.intensives import IntensiveRun, Recipe
from difxnb.queue import QueueState
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import Cable, stage, until_true
from tests.client.peers import ROBUST, scripted
from tests.intensives.small_sessions import begun, put_down_recordings

# A second of silence is long for a job that speaks every 10 ms, and short for a test.
SOON = replace(ROBUST, look=0.1, gone=1.0)
SEARCH = "one/one-search_1.input"


@asynccontextmanager
async def cabled(server: GuiServer) -> AsyncIterator[tuple[Cable, aio.Correlator]]:
    cable = Cable(server.port)
    async with scripted(cable) as port, aio.connect("127.0.0.1", port, patience=SOON) as difx:
        yield cable, difx


async def until_it_runs(run: IntensiveRun, difx: aio.Correlator, *, progress: bool = True) -> None:
    log = Path(str(run.recipe.v2d)).parent / SEARCH.replace(".input", ".difxlog")

    def progresses() -> bool:
        assert run.state != "failed", run.why
        rows = difx.queue.rows
        runs = [row for row in rows if row.state is QueueState.RUNNING]
        return log.is_file() and any(row.progress > 0 or not progress for row in runs)

    await until_true(progresses)


async def stopped(server: GuiServer, root: Path) -> None:
    """Have the job end, which it says to be done then."""
    async with aio.connect("127.0.0.1", server.port, patience=SOON) as other:
        await (await other.job(str(root / SEARCH)).attach()).stop()


def quick(root: Path, wait_s: float) -> Recipe:
    return put_down_recordings(root).with_(wait_s=wait_s)


async def test_a_session_waits_for_its_connection_and_goes_on_with_the_job_that_ran(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = quick(root, 60)
    async with stage(root, "patient") as server, cabled(server) as (cable, difx):
        run = await begun(difx, root, recipe)
        await until_it_runs(run, difx)
        cable.cut(broken=True)
        await until_true(lambda: run.state == "suspended")
        assert run.running
        assert "the connection to 127.0.0.1:" in run.why
        cable.broken = False
        await until_true(lambda: run.state == "running")
        await stopped(server, root)
        with pytest.raises(SessionNotDone, match="in step clocks: there is no output"):
            await run.wait(timeout=30)
        row = run.frame().set_index("step").loc["search_correlate"]
        assert [(one["state"], one["tries"]) for one in row["outputs"]["jobs"]] == [("done", 1)]
        said = [line.why for line in run.record.lines if line.state == "waiting"]
        assert any(
            re.search(
                r"is lost; jobs that run are looked for when it is back; waited for until 20.* UTC at", why
            )
            for why in said
        )
        assert not list(root.glob("one/*.difx.*"))


async def test_a_session_whose_server_stays_away_says_so_and_is_taken_up_later(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    recipe = quick(root, 0.3)
    async with stage(root, "patient") as server, cabled(server) as (cable, difx):
        run = await begun(difx, root, recipe)
        await until_it_runs(run, difx)
        cable.cut(broken=True)
        with pytest.raises(
            SessionNotDone, match=r"no connection to .* for 0.3 s; its jobs stay in the queue"
        ):
            await run.wait(timeout=30)
        assert run.frame().set_index("step")["state"][["search_correlate", "hooks"]].tolist() == [
            "failed",
            "done",
        ]
        cable.broken = False
        await until_true(lambda: difx.connected)
        await run.resume()
        await stopped(server, root)
        with pytest.raises(SessionNotDone, match="in step clocks"):
            await run.wait(timeout=30)
        assert [(row.state, row.tries) for row in difx.queue.rows] == [(QueueState.DONE, 1)]


@asynccontextmanager
async def after_a_restart(root: Path, *, crashed: bool) -> AsyncIterator[tuple[aio.Correlator, IntensiveRun]]:
    """The server is gone while the job runs, and another is in its place some time later."""
    async with stage(root, "stubborn") as first, cabled(first) as (cable, difx):
        run = await begun(difx, root, quick(root, 60))
        await until_it_runs(run, difx, progress=False)
        cable.cut(broken=True)
        await first.close()
        if crashed:  # it wrote no end
            log = root / SEARCH.replace(".input", ".difxlog")
            log.write_text("".join(line for line in log.read_text().splitlines(True) if "Running" in line))
        await until_true(lambda: run.state == "suspended")
        async with stage(root, "integrates") as second:
            cable.port, cable.broken = second.port, False
            yield difx, run


async def test_a_server_that_is_restarted_has_ended_the_job_and_it_is_tried_again_when_somebody_says_so(
    tmp_path: Path,
) -> None:
    root = tmp_path.resolve()
    async with after_a_restart(root, crashed=False) as (difx, run):
        with pytest.raises(
            SessionNotDone, match=r"one-search_1 stopped: log: Terminated \(taken up again, the"
        ):
            await run.wait(timeout=60)
        assert run.step == "search_correlate"
        await run.resume()
        with pytest.raises(SessionNotDone, match="in step clocks"):
            await run.wait(timeout=60)
        assert [(row.state, row.tries) for row in difx.queue.rows] == [(QueueState.DONE, 2)]


async def test_of_a_server_that_has_crashed_nobody_knows_and_nothing_is_started_beside_it(
    tmp_path: Path,
) -> None:
    root = tmp_path.resolve()
    async with after_a_restart(root, crashed=True) as (difx, run):
        said = r"one-search_1 unknown: .*look at its log; then take it out .*queue\.remove\('one-search_1'\)"
        for again in (False, True):
            if again:
                await run.resume()
            with pytest.raises(SessionNotDone, match=said):
                await run.wait(timeout=60)
            assert [(row.state, row.tries) for row in difx.queue.rows] == [(QueueState.UNKNOWN, 1)]
        await difx.queue.remove("one-search_1")
        await run.resume()
        await run.stop()  # before it has done anything
        assert (run.state, run.running) == ("suspended", False)
        await run.resume()
        with pytest.raises(SessionNotDone, match="in step clocks"):
            await run.wait(timeout=60)
        assert [(row.state, row.tries) for row in difx.queue.rows] == [(QueueState.DONE, 1)]
