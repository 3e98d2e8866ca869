# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs: what starts when, what is kept of each, and that a queue never makes two of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.aio.job_queue_rows import (
    QueueRow,
    QueueState,
    find,
    moved,
    next_to_start,
    positions,
    queue_frame,
    without_oldest,
)
from difxnb.errors import RemoteFileNotFound
from tests.aio.stage import Cable, stage, until_state, until_true
from tests.client.peers import ROBUST, scripted
from tests.queued_jobs import MACHINES, put_named

WAITING, RUNNING, DONE = QueueState.WAITING, QueueState.RUNNING, QueueState.DONE


def rows(*states: QueueState) -> list[QueueRow]:
    return [QueueRow(k, f"/data/e_{k}.input", state) for k, state in enumerate(states, 1)]


def test_the_first_that_waits_is_next_unless_something_runs() -> None:
    line = rows(DONE, QueueState.REFUSED, WAITING, WAITING)
    assert next_to_start(line, paused=False) == line[2]
    assert next_to_start(line, paused=True) is None
    assert next_to_start(line[:2], paused=False) is None
    for state in (RUNNING, QueueState.STARTING):
        assert next_to_start([*line, *rows(state)], paused=False) is None


def test_places_in_the_line() -> None:
    assert positions(rows(DONE, RUNNING, WAITING, WAITING)) == {2: 0, 3: 1, 4: 2}
    frame = queue_frame(rows(DONE, RUNNING, WAITING), dropped=3)
    assert frame["position"].isna().tolist() == [True, False, False]
    assert frame["job"].tolist() == ["e_1", "e_2", "e_3"]
    assert frame.attrs["dropped"] == 3
    assert queue_frame([], dropped=0).columns.equals(frame.columns)


def test_moving_keeps_what_does_not_wait_in_its_place() -> None:
    line = rows(WAITING, RUNNING, WAITING, WAITING)
    assert [row.number for row in moved(line, 4, 1)] == [4, 1, 2, 3]
    assert [row.number for row in moved(line, 1, 3)] == [2, 3, 4, 1]
    assert moved(line, 3, 2) == line
    with pytest.raises(ValueError, match="running; only jobs that wait"):
        moved(line, 2, 1)
    for position in (0, 4):
        with pytest.raises(ValueError, match=f"no position {position}"):
            moved(line, 1, position)


def test_a_job_is_found_by_path_or_by_a_clear_name() -> None:
    line = [*rows(DONE, WAITING), QueueRow(3, "/else/e_2.input")]
    assert find(line, "/else/e_2.input").number == 3
    assert find(line, "e_1").number == 1
    with pytest.raises(ValueError, match="several jobs"):
        find(line, "e_2")
    with pytest.raises(ValueError, match=r"no job 'e_9'.*e_1, e_2"):
        find(line, "e_9")
    with pytest.raises(ValueError, match="nothing"):
        find([], "e_9")


def test_of_too_many_the_oldest_that_are_over_go() -> None:
    line = rows(WAITING, DONE, DONE, DONE)
    assert [row.number for row in without_oldest(line, 2)] == [1, 4]
    assert without_oldest(line, 4) == line
    assert [row.number for row in without_oldest(rows(WAITING, WAITING), 1)] == [1, 2]


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
    return difx.queue.frame()["state"].tolist()


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


async def test_a_start_that_nobody_knows_of_holds_the_queue(tmp_path: Path, made: Path) -> None:
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
            cable.cut_before = b".difx"  # an answer of the start: that output is looked for
            await difx.queue.resume()
            await until_true(lambda: difx.queue.paused)
            assert states(difx) == ["unknown", "waiting"]
            assert "whether one still runs is not known" in difx.queue.why_paused
            await until_true(lambda: difx.connected)
            await difx.queue.remove("one")
            await difx.queue.resume()
            await until_true(lambda: states(difx) == ["done"])
