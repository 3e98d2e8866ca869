# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a queue at night: the line breaks, the disk fills up, conditions come and go, the process ends."""

from __future__ import annotations

import asyncio
import errno
import platform
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.queue import (
    Blame,
    NodeSeen,
    NodeSilent,
    QueueEntry,
    QueueLimits,
    QueueState,
    RetryPolicy,
    Seen,
)
from difxnb.queue.rules import seen_of, why_not_yet
from difxnb.queue.store_file import PATIENCE_S
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import Cable, stage, until_true
from tests.aio.test_job_queue_retry import queue_at, states
from tests.client.peers import ROBUST, scripted
from tests.queued_jobs import MACHINES, put_named

RUNNING = QueueState.RUNNING
NO_MORE = RetryPolicy(again=0)


async def _pass(seconds: float) -> None:
    until = time.monotonic() + seconds
    await until_true(lambda: time.monotonic() > until)


async def test_a_job_does_not_stall_while_nobody_can_hear_it(tmp_path: Path, made: Path) -> None:
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with stage(tmp_path, "patient") as server:
        cable = Cable(server.port)
        async with (
            scripted(cable) as port,
            aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
            aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
        ):
            await difx.queue.add(one, machines=MACHINES, policy=NO_MORE, stall_after=1.5)
            await until_true(lambda: difx.queue.rows[0].progress > 0)
            cable.cut(broken=True)
            await until_true(lambda: not difx.connected)
            run = difx.queue.desk.turns[1].run
            assert run is not None
            await _pass(2.2)
            assert run.stalled
            assert "no connection since" in difx.queue.why_suspended
            assert not difx.queue.paused
            cable.broken = False
            await until_true(lambda: difx.connected)
            await _pass(0.8)
            assert states(difx) == ["running"]
            await (await other.job(one).attach()).stop()


async def test_a_queue_goes_on_by_itself_once_its_file_can_be_written_again(
    tmp_path: Path, made: Path
) -> None:
    async with queue_at(tmp_path, made, "patient", "one", "two") as (difx, (one, two)):
        queue = difx.queue
        await queue.keep(tmp_path / "queue.sqlite")
        await queue.add(one, machines=MACHINES)
        await queue.add(two, machines=MACHINES)
        await until_true(lambda: queue.rows[0].state is RUNNING)
        database = queue.desk.store._file
        database.execute("PRAGMA query_only = ON")
        await difx.job(one).stop()
        await until_true(lambda: queue.rows[0].state.is_over)
        assert "cannot be read or written" in queue.why_paused
        database.execute("PRAGMA query_only = OFF")
        await until_true(lambda: queue.rows[1].state is RUNNING)
        assert not queue.paused
        assert "it can be written again; before that" in " ".join(queue.history()["why"])
        database.execute("PRAGMA query_only = ON")
        await queue.pause()
        assert queue.why_paused == "it was paused"
        database.execute("PRAGMA query_only = OFF")
        await until_true(lambda: queue.desk.store.setting("paused") == "it was paused")
        await difx.job(two).stop()
        await until_true(lambda: queue.rows[1].state.is_over)
        assert queue.why_paused == "it was paused", "what somebody said is not forgotten"


class _Moody:
    """A condition that changes its mind at each look, or fails at it."""

    id = "moody"

    def __init__(self, *, fails: bool = False) -> None:
        self.looks, self.fails = 0, fails

    def holds(self, seen: Seen, now: float) -> str | None:
        self.looks += 1
        if self.fails:
            raise ZeroDivisionError("no data")
        return "so it is" if self.looks % 2 else None


async def test_a_condition_that_comes_and_goes_does_not_fill_the_history(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "integrates", "one") as (difx, _):
        moody = _Moody()
        await difx.queue.suspend(moody)
        await until_true(lambda: moody.looks > 10)
        assert difx.queue.history()["what"].tolist() == ["suspended", "resumed"]
        await difx.queue.suspend(_Moody(fails=True))
        assert difx.queue.why_suspended == "moody cannot be judged: ZeroDivisionError: no data"
        await difx.queue.resume("moody")
        assert not difx.queue.why_suspended


async def test_a_condition_that_is_forgotten_is_seen_to_end_in_the_history(
    tmp_path: Path, made: Path
) -> None:
    async with queue_at(tmp_path, made, "integrates", "one") as (difx, _):
        moody = _Moody(fails=True)
        await difx.queue.suspend(moody)
        await difx.queue.resume("moody")
        assert difx.queue.history()["what"].tolist() == ["suspended", "resumed"]


async def _blame(run: aio.JobRun) -> Sequence[Blame]:
    return [Blame("BB", "weights")]


async def test_a_job_has_failed_whatever_becomes_of_making_it_again(tmp_path: Path, made: Path) -> None:
    async with queue_at(tmp_path, made, "dies", "one") as (difx, (one,)):

        async def rebuild(input_file: str, stations: Sequence[str]) -> list[str]:
            raise KeyError("BB")

        difx.queue.desk.blame, difx.queue.desk.rebuild = _blame, rebuild
        await difx.queue.add(one, machines=MACHINES, policy=NO_MORE)
        await until_true(lambda: difx.queue.paused)
        assert states(difx) == ["failed"]
        assert "KeyError: 'BB'" in difx.queue.rows[0].why
        assert "one has failed and is not tried again" in difx.queue.why_paused


async def test_what_ended_while_it_was_being_made_again_is_told_by_whoever_goes_on(
    tmp_path: Path, made: Path
) -> None:
    file, begun = tmp_path / "queue.sqlite", asyncio.Event()
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")

    async def rebuild(input_file: str, stations: Sequence[str]) -> list[str]:
        begun.set()
        await asyncio.Event().wait()
        return []

    async with stage(tmp_path, "dies") as server:
        for after in (False, True):
            async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
                difx.queue.desk.blame, difx.queue.desk.rebuild = _blame, rebuild
                await difx.queue.keep(file)
                if after:
                    assert states(difx) == ["failed"]
                    assert "one ended badly, and nothing followed" in difx.queue.why_paused
                else:
                    await difx.queue.add(one, machines=MACHINES, policy=NO_MORE)
                    await begun.wait()


async def test_a_queue_is_kept_while_a_job_of_a_row_that_was_dropped_is_made_again(
    tmp_path: Path, made: Path
) -> None:
    go_on = asyncio.Event()
    async with queue_at(tmp_path, made, "dies", "one", "two", "new") as (difx, (one, two, new)):

        async def rebuild(input_file: str, stations: Sequence[str]) -> list[str]:
            await go_on.wait()
            return [new]

        queue = difx.queue
        queue.desk.blame, queue.desk.rebuild = _blame, rebuild
        await queue.add(one, machines=MACHINES, policy=NO_MORE)
        await until_true(lambda: states(difx) == ["failed"])
        with pytest.raises(ValueError, match="one is being made again"):
            await queue.retry("one")
        queue.desk.store.set_state(
            1, QueueState.WAITING
        )  # as another process may, which knows nothing of that
        assert queue.desk.next() is None
        queue.desk.store.set_state(1, QueueState.FAILED)
        await queue.pause()
        await queue.drop_over()
        await queue.add(two, machines=MACHINES)
        await queue.keep(tmp_path / "queue.sqlite")
        assert queue.frame()["job"].tolist() == ["two"]
        go_on.set()
        await until_true(lambda: len(queue.rows) == 2)
        assert queue.frame()["job"].tolist() == ["two", "new"]
        assert queue.rows[1].why.startswith("in place of one, without BB")
        with pytest.raises(ValueError, match="no job 'one'"):
            await queue.retry("one")


async def test_hosts_are_held_to_what_they_tell_themselves(tmp_path: Path) -> None:
    """A host of this machine tells its load; one that is awaited and never says anything is silent."""
    server = GuiServer(tmp_path.resolve(), report_load=True)
    await server.start()
    try:
        async with aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
            desk = difx.queue.desk
            desk.tick = 0.05
            await difx.queue.suspend(NodeSilent(("no-such-host",), 0.1))
            await until_true(lambda: "no-such-host has said nothing" in difx.queue.why_suspended)
            mine = platform.node()
            await until_true(lambda: seen_of(desk.nodes(), mine).load >= 0.0)
            for name in (mine, f"{mine}.example.org"):
                await difx.queue.suspend(NodeSilent((name,), 3600.0))
                assert 0.0 <= seen_of(desk.nodes(), name).silence < 3600.0
            await difx.queue.resume("node silent no-such-host")
            assert not difx.queue.why_suspended
            limits = QueueLimits(at_once=2, node_load=0.0)
            seen = {mine: NodeSeen(load=2.6)}
            job = QueueEntry(1, "/d/a_1.input", machines={"head_node": f"{mine}.example.org"})
            why = why_not_yet(job, [], limits, now=time.time(), nodes=seen)
            assert why == f"the load of {mine}.example.org is 2.6 per processor, and above 0 it gets no job"
    finally:
        await server.close()


async def test_a_file_that_another_process_writes_for_long_stops_nothing_else(
    tmp_path: Path, made: Path
) -> None:
    """What is asked for waits for it; what the queue itself does is told, and made up for afterwards."""
    file, gaps = tmp_path / "queue.sqlite", [0.0]

    async def beat() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    async with queue_at(tmp_path, made, "patient", "one", "two") as (difx, (one, two)):
        await difx.queue.keep(file)
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: difx.queue.rows[0].progress > 0)
        other = sqlite3.connect(file, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            beating = asyncio.create_task(beat())
            adding = asyncio.create_task(difx.queue.add(two, machines=MACHINES))
            await _pass(1.0)
            assert not adding.done()
            await difx.job(one).stop()
            await until_true(lambda: difx.queue.rows[0].state.is_over)
            assert "another process is writing it" in difx.queue.why_paused
            with pytest.raises(OSError, match="another process is writing it") as caught:
                difx.queue.limits = QueueLimits(at_once=2)
            assert caught.value.errno == errno.EBUSY
            assert difx.queue.limits.at_once == 1
            other.execute("ROLLBACK")
        finally:
            other.close()
        await adding
        await until_true(lambda: difx.queue.rows[1].state is RUNNING)
        beating.cancel()
        assert max(gaps) < PATIENCE_S / 2, "a change of the queue itself does not wait as others do"
        assert not difx.queue.paused
        await difx.job(two).stop()
        await until_true(lambda: difx.queue.rows[1].state.is_over)
