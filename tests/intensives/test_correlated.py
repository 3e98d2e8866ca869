# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session makes of its queue: where its jobs are, what took the place of which, and what became of them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.intensives.correlated import QUEUE, correlating
from difxnb.intensives.recipe import CorrelateRecipe, Recipe
from difxnb.intensives.steps import Context, Done, StepFailed
from difxnb.queue import QueueLimits, QueueState, RetryPolicy
from difxnb.sessions import SessionRecord
from difxnb.sessions.record import RECORD
from tests.aio.stage import stage, until_true
from tests.client.peers import ROBUST
from tests.queued_jobs import put_named

HERE = CorrelateRecipe(
    head_node="localhost",
    datastreams=("localhost",),
    processors={"localhost": 2},
    policy=RetryPolicy(again=0, without_station=False),
)


@asynccontextmanager
async def night(root: Path, made: Path, behaviour: str = "integrates") -> AsyncIterator[aio.Correlator]:
    """A server whose jobs end at once, and the job of a session on it."""
    if not (root / "one_1.input").exists():
        put_named(made, "short", root, "one_1")
    async with (
        stage(root, behaviour) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx,
    ):
        yield difx


def put(difx: aio.Correlator, path: str, state: QueueState, why: str = "", server: str = "") -> None:
    """Into the queue, as another process has left it."""
    desk = difx.queue.desk
    with desk.store.together():
        entry = desk.store.add(path, server=server or desk.server, session="one")
        desk.store.set_state(entry.number, state, why)


async def correlated(difx: aio.Correlator, root: Path) -> Done:
    recipe = Recipe(name="n", schedule="/s.vex", v2d="/s.v2d", correlate=HERE)
    jobs = [str(root / "one_1.input")]
    at = Context(difx, recipe, "one", SessionRecord.open(root / "record", "one"))
    at.step, at.outputs["jobs"] = "correlate", {"jobs": jobs}
    at.record.begin("correlate", {"jobs": jobs})
    try:
        return await correlating("jobs")(at)
    except StepFailed as error:
        at.record.fail("correlate", str(error), error.outputs)
        raise


def kept(difx: aio.Correlator) -> list[tuple[str, str, int]]:
    """All that is in the queue, shown or not: job, state and tries."""
    rows = difx.queue.desk.entries(hidden=True)
    return [(row.job, str(row.state), row.tries) for row in rows]


async def test_a_job_is_put_in_once_and_never_again(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        done = await correlated(difx, root)
        assert [(one["state"], one["tries"]) for one in done.outputs["jobs"]] == [("done", 1)]
        assert difx.queue.kept_in == root / "record" / QUEUE
        again = await correlated(difx, root)
        assert again.outputs["jobs"] == done.outputs["jobs"]
        await difx.queue.drop_over()
        assert (await correlated(difx, root)).outputs["jobs"] == done.outputs["jobs"]
        assert kept(difx) == [("one_1", "done", 1)]


async def test_jobs_are_looked_for_in_the_queue_that_they_went_into(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as first:
        await first.queue.keep(root / "ours.sqlite")
        put(first, f"{root}/one_1.input", QueueState.UNKNOWN, "no log")
        address = first.queue.desk.server
        with pytest.raises(
            StepFailed, match=r"unknown: no log .nobody knows whether it still runs: look at its log"
        ):
            await correlated(first, root)
    async with night(root, made) as second:
        await second.queue.keep(root / "other.sqlite")
        with pytest.raises(StepFailed, match=r"in the queue that is kept in .*ours\.sqlite"):
            await correlated(second, root)
        assert not kept(second)
    async with night(root, made) as third:
        with pytest.raises(StepFailed, match=f"one_1 was submitted to {address}, and this is"):
            await correlated(third, root)
        assert third.queue.kept_in == root / "ours.sqlite"


async def test_what_was_made_without_a_station_takes_the_place_of_a_job(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        put(difx, f"{root}/one_1.input", QueueState.FAILED, "no data of BO")
        put(difx, f"{root}/one-2_1.input", QueueState.DONE)
        done = await correlated(difx, root)
        assert [one["input"] for one in done.outputs["jobs"]] == [
            f"{root}/one-2_1.input",
            f"{root}/one_1.input",
        ]
        assert done.why == "one_1 failed: no data of BO; another was made in its place"


@pytest.mark.parametrize("other", ["one-r2_1", "one-2_2", "two/one-2_1", "onex_1"])
async def test_other_jobs_of_the_session_take_no_place(tmp_path: Path, made: Path, other: str) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        put(difx, f"{root}/one_1.input", QueueState.FAILED, "it broke")
        put(difx, f"{root}/{other}.input", QueueState.DONE)
        with pytest.raises(StepFailed, match="one_1 failed: it broke"):
            await correlated(difx, root)


async def test_what_has_failed_is_tried_again_only_when_the_session_is_taken_up(
    tmp_path: Path, made: Path
) -> None:
    root = tmp_path.resolve()
    async with night(root, made, "dies") as difx:
        with pytest.raises(StepFailed, match=r"one_1 .*taken up again, the session tries it again"):
            await correlated(difx, root)
        ((_, _, tries),) = kept(difx)
        with pytest.raises(StepFailed, match="one_1"):
            await correlated(difx, root)
        assert [row[2] for row in kept(difx)] == [tries + 1]


async def test_what_was_taken_out_of_the_queue_is_put_in_again_when_the_session_is_taken_up(
    tmp_path: Path, made: Path
) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        put(difx, f"{root}/one_1.input", QueueState.WAITING)
        await difx.queue.pause()
        await difx.queue.remove("one_1")
        await difx.queue.resume()
        await correlated(difx, root)
        assert kept(difx) == [("one_1", "done", 1)]


async def test_a_job_that_was_submitted_over_another_way_is_not_submitted_again(
    tmp_path: Path, made: Path
) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        put(difx, f"{root}/one_1.input", QueueState.RUNNING, server="head-node:50200")
        with pytest.raises(StepFailed, match="one_1 was submitted to head-node:50200, and this is"):
            await correlated(difx, root)
        assert not kept(difx)


async def test_a_job_that_was_taken_out_elsewhere_is_submitted_here(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    async with night(root, made) as difx:
        put(difx, f"{root}/one_1.input", QueueState.UNKNOWN, server="head-node:50200")
        with pytest.raises(StepFailed, match="remove the job from its queue"):
            await correlated(difx, root)
        store = difx.queue.desk.store
        store.remove(store.entries()[0].number)
        assert [one["state"] for one in (await correlated(difx, root)).outputs["jobs"]] == ["done"]


async def test_a_session_says_what_its_jobs_wait_for_in_the_queue(tmp_path: Path, made: Path) -> None:
    async with night(tmp_path.resolve(), made) as difx:
        root = tmp_path.resolve()
        difx.queue.limits = QueueLimits(between=_not_now())
        task = asyncio.create_task(correlated(difx, root))
        record = root / "record" / RECORD
        await until_true(
            lambda: (
                record.is_file()
                and "one_1 waits in the queue: jobs are started between" in record.read_text()
            )
        )
        difx.queue.limits = QueueLimits()
        await task


def _not_now() -> tuple[dt.time, dt.time]:
    """Hours of the day that are not these."""
    now = dt.datetime.now(dt.UTC)
    return (now + dt.timedelta(hours=6)).time(), (now + dt.timedelta(hours=7)).time()
