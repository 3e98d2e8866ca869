# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs: what starts when, what is kept of each, and that a queue never makes two of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import RemoteFileNotFound
from difxnb.queue import QueueState
from tests.aio.stage import Cable, stage, until_state, until_true
from tests.client.peers import ROBUST, scripted
from tests.queued_jobs import MACHINES, put_named

RUNNING, DONE = QueueState.RUNNING, QueueState.DONE


@asynccontextmanager
async def queue_at(
    tmp_path: Path, made: Path, behaviour: str, *names: str
) -> AsyncIterator[tuple[aio.Correlator, list[str]]]:
    """A connection, and jobs that do as they are told."""
    paths = put_named(made, "short", tmp_path.resolve(), *names)
    async with (
        stage(tmp_path, behaviour) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx,
    ):
        yield difx, paths


def states(difx: aio.Correlator) -> list[str]:
    return [str(row.state) for row in difx.queue.rows]


async def test_one_job_after_another_and_what_is_refused_keeps_its_reason(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "integrates", "one", "two", "three") as (difx, paths):
        Path(paths[1]).with_suffix(".difx").mkdir()
        order: list[str] = []
        difx.messages.subscribe(lambda item: order.append(item.header.identifier), type="status")
        for path in paths:
            shown = await difx.queue.add(path, machines=MACHINES)
        assert shown["position"].tolist() == [0, 1, 2]
        await until_true(lambda: all(row.state.is_over for row in difx.queue.rows))
        frame = difx.queue.frame()
        assert frame["state"].tolist() == ["done", "refused", "done"]
        assert frame["progress"].tolist() == [1.0, 0.0, 1.0]
        assert "overwrite=True" in frame["why"][1]
        assert order.index("three") > order.index("one")
        assert set(order[: order.index("three")]) == {"one"}
        assert "2 done, 1 refused" in repr(difx.queue)


async def test_what_waits_can_be_moved_and_removed_and_what_runs_cannot(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two", "three") as (difx, paths):
        queue = difx.queue
        for path in paths:
            await queue.add(path, machines=MACHINES)
        await until_true(lambda: queue.rows[0].state is RUNNING and queue.rows[0].progress > 0)
        version = queue.version
        await queue.move("three", 1)
        assert queue.version > version
        assert queue.frame()["job"].tolist() == ["one", "three", "two"]
        with pytest.raises(ValueError, match="in the queue already"):
            await queue.add(paths[2])
        with pytest.raises(ValueError, match="one is running; stop"):
            await queue.remove("one")
        await queue.remove(paths[1])
        assert states(difx) == ["running", "waiting"]
        await queue.pause()
        await difx.job(paths[0]).stop()
        await until_true(lambda: queue.rows[0].state.is_over)
        assert states(difx) == ["stopped", "waiting"]
        assert "paused" in repr(queue)
        await queue.resume()
        await until_true(lambda: queue.rows[1].state is RUNNING)
        await queue.add(paths[0], overwrite=True)
        assert states(difx) == ["running", "waiting"]  # it begins anew
        await queue.remove("one")
        await difx.job(paths[2]).stop()


async def test_what_cannot_be_run_is_not_taken_in(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one") as (difx, paths):
        with pytest.raises(RemoteFileNotFound):
            await difx.queue.add(str(tmp_path / "none.input"))
        with pytest.raises(TypeError, match="overwrites"):
            await difx.queue.add(paths[0], overwrites=True)
        with pytest.raises(TypeError, match="hosts"):
            await difx.queue.add(paths[0], machines={**MACHINES, "hosts": ["localhost"]})
        with pytest.raises(ValueError, match="datastream"):
            await difx.queue.add(paths[0], machines={**MACHINES, "datastreams": ["localhost"]})
        assert not difx.queue.rows


async def test_a_job_without_machines_is_refused_in_words(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "patient", "one") as (difx, paths):
        await difx.queue.add(difx.job(paths[0]))
        await until_true(lambda: difx.queue.rows[0].state is QueueState.REFUSED)
        assert "set_machines" in difx.queue.rows[0].why


async def test_a_job_that_fails_tells_why_and_the_next_one_starts(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "dies", "one", "two") as (difx, paths):
        for path in paths:
            await difx.queue.add(path, machines=MACHINES)
        await until_true(lambda: all(row.state.is_over for row in difx.queue.rows))
        assert not set(states(difx)) & {"done", "unknown"}
        assert all(row.why for row in difx.queue.rows)


async def test_closing_stops_nothing_that_runs(tmp_path: Path, made: Path) -> None:
    async with stage(tmp_path, "patient") as server:
        paths = put_named(made, "short", tmp_path.resolve(), "one", "two")
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
            for path in paths:
                await difx.queue.add(path, machines=MACHINES)
            await until_true(lambda: difx.queue.rows[0].state is RUNNING)
        assert states(difx) == ["unknown", "waiting"]
        assert "connection was closed" in difx.queue.rows[0].why
        assert difx.queue.paused
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as again:
            await until_state(again)
            run = await again.job(paths[0]).attach()
            assert not run.done
            await run.stop()


async def test_a_queue_goes_on_after_the_connection_was_lost(tmp_path: Path, made: Path) -> None:
    paths = put_named(made, "short", tmp_path.resolve(), "one", "two")
    async with stage(tmp_path, "integrates") as server:
        cable = Cable(server.port)
        async with (
            scripted(cable) as port,
            aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
        ):
            await difx.queue.pause()
            for path in paths:
                await difx.queue.add(path, machines=MACHINES)
            cable.cut(broken=True)
            await until_true(lambda: not difx.connected)
            await difx.queue.resume()
            assert states(difx) == ["waiting", "waiting"]  # nobody to ask
            cable.broken = False
            async with asyncio.timeout(30):
                await until_true(lambda: all(row.state is DONE for row in difx.queue.rows))
