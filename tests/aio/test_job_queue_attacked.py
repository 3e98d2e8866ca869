# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue against those who kill it, set the clock, edit jobs and remove what they write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.errors import QueueTaken
from difxnb.queue import Lease, QueueLimits, QueueState, QueueStore, RetryPolicy
from difxnb.wire.job import JobOutcome
from tests.aio.stage import until_true
from tests.aio.test_job_queue_kept import connected, counting, states
from tests.client.peers import ROBUST
from tests.queued_jobs import MACHINES, put_named

HOUR = 3600.0
STARTING, RUNNING = QueueState.STARTING, QueueState.RUNNING


def left_behind(file: Path, server: str, path: str, *changes: QueueState, wait: float = 0.0) -> None:
    """Leave a file as a process does that is killed after it has written these states."""
    with QueueStore(file) as store:
        store.add(path, server=server, machines=MACHINES, policy=RetryPolicy(again=1, wait=wait))
        for state in changes:
            if state is STARTING:
                store.claim(1)
                continue
            what = {RUNNING: "accepted", QueueState.RETRYING: "retried"}.get(state, "ended")
            store.set_state(1, state, what=what, tries=1)


@pytest.mark.parametrize("state", ["waiting", "retrying", "failed", "done", "refused"])
async def test_a_queue_whose_process_was_killed_goes_on_from_any_state(
    tmp_path: Path, made: Path, state: str
) -> None:
    file, root = tmp_path / "queue.sqlite", tmp_path.resolve()
    one, two = put_named(made, "short", root, "one", "two")
    before = {"waiting": (), "refused": (STARTING, QueueState.REFUSED)}.get(state, (STARTING, RUNNING))
    after = {"retrying": (QueueState.FAILED, QueueState.RETRYING)}.get(state, (QueueState(state),))
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        left_behind(file, difx.queue.desk.server, one, *before, *after)
        (root / "one.difx").mkdir()
        (root / "one.difx" / "first").touch()
        if state == "waiting":
            shutil.rmtree(root / "one.difx")
        await difx.queue.keep(file)
        if state == "failed":
            assert "one ended badly, and nothing followed" in difx.queue.why_paused
            await difx.queue.resume()
        await difx.queue.add(two, machines=MACHINES)
        await until_true(lambda: difx.queue.rows[1].state is QueueState.DONE)
        goes_on = state in ("waiting", "retrying")
        assert states(difx)[0] == ("done" if goes_on else state)
        assert server.starts(one) == goes_on
    if state == "retrying":
        assert (root / "one.difx.1" / "first").exists(), "nothing that was written is lost"


@pytest.mark.parametrize("state", [STARTING, RUNNING])
@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["back", "forth"])
async def test_a_job_that_runs_is_found_though_the_clock_was_set(
    tmp_path: Path, made: Path, state: QueueState, by: float
) -> None:
    """Set back an hour, the job seems to have been begun in an hour from now."""
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with (
        counting(tmp_path, "patient") as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
    ):
        await other.job(one).set_machines(**MACHINES)
        run = await other.job(one).start()
        async with connected(server.port) as difx:
            left_behind(file, difx.queue.desk.server, one, STARTING, *([RUNNING] if state is RUNNING else []))
            with QueueStore(file) as store, store.together():
                for text in (
                    "UPDATE history SET at = at + ?",
                    "UPDATE entries SET since = since + ?, added = added + ?",
                ):
                    store._file.execute(text, *[by] * text.count("?"))
            difx.queue.limits = QueueLimits(silent=20.0)
            await difx.queue.keep(file)
            await until_true(lambda: difx.queue.rows[0].progress > 0)
            assert states(difx) == ["running"]
            assert difx.queue.history()["what"].tolist()[-1] == "attached"
            await difx.job(one).stop()
            await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert await run.wait(30) in (JobOutcome.DONE, JobOutcome.STOPPED)
        assert server.starts(one) == 1


async def test_a_clock_that_is_set_back_keeps_no_job_waiting(tmp_path: Path, made: Path) -> None:
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        states_left = (STARTING, RUNNING, QueueState.FAILED, QueueState.RETRYING)
        left_behind(file, difx.queue.desk.server, one, *states_left, wait=600.0)
        with QueueStore(file) as store, store.together():
            store._file.execute("UPDATE entries SET since = since + ?", HOUR)
        await difx.queue.keep(file)
        await until_true(lambda: states(difx) == ["done"])
        assert server.starts(one) == 1


async def test_a_job_that_was_edited_since_it_was_looked_at_is_refused_and_the_next_one_starts(
    tmp_path: Path, made: Path
) -> None:
    root = tmp_path.resolve()
    paths = put_named(made, "short", root, "one", "two", "three", "four")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        await difx.queue.pause()
        for path in paths:
            assert difx.queue.frame()["state"].isin(["waiting"]).all()
            await difx.queue.add(path, machines=MACHINES)
        one, two, three, four = map(Path, paths)
        one.write_text("rubbish\n" * 100)
        two.unlink()
        text = three.read_text()
        three.write_text(text.replace("ACTIVE DATASTREAMS: 2", "ACTIVE DATASTREAMS: 1"))
        assert three.read_text() != text
        await difx.queue.resume()
        await until_true(lambda: difx.queue.rows[3].state.is_over)
        assert states(difx) == ["refused", "refused", "refused", "done"]
        assert server.launches == [str(four)]
        assert all(row.why for row in difx.queue.rows[:3])


async def test_a_job_whose_output_was_removed_while_nobody_looked_is_never_started_again(
    tmp_path: Path, made: Path
) -> None:
    file, root = tmp_path / "queue.sqlite", tmp_path.resolve()
    (one,) = put_named(made, "short", root, "one")
    async with counting(tmp_path, "patient") as server:
        async with connected(server.port) as difx:
            await difx.queue.keep(file)
            await difx.queue.add(one, machines=MACHINES)
            await until_true(lambda: difx.queue.rows[0].progress > 0)
        shutil.rmtree(root / "one.difx", ignore_errors=True)
        (root / "one.difxlog").unlink()
        async with connected(server.port) as difx:
            await difx.queue.keep(file)
            await until_true(lambda: difx.queue.rows[0].progress > 0)
            await difx.job(one).stop()
            await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert server.starts(one) == 1


async def test_where_no_file_can_be_made_the_queue_goes_on_in_memory(tmp_path: Path, made: Path) -> None:
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        for wrong in (Path("/proc/queue.sqlite"), tmp_path / "none" / "queue.sqlite", tmp_path):
            with pytest.raises(OSError):  # noqa: PT011 - which one, is for the file system to say
                await difx.queue.keep(wrong)
        assert difx.queue.kept_in is None
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: states(difx) == ["done"])


async def test_a_file_that_somebody_else_holds_is_left_and_can_be_taken_later(
    tmp_path: Path, made: Path
) -> None:
    file = tmp_path / "queue.sqlite"
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        held = Lease(file)
        with pytest.raises(QueueTaken):
            await difx.queue.keep(file)
        held.give_back()
        file.write_text("no queue " * 100)
        with pytest.raises(ValueError, match="no queue"):
            await difx.queue.keep(file)
        file.unlink()
        await difx.queue.keep(file)
        assert difx.queue.kept_in == file
