# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue in a file: whoever opens it next goes on with it, and no job is started twice, however the last one ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.errors import QueueTaken
from difxnb.queue import Attach, Keep, QueueLimits, QueueState, QueueStore, RetryPolicy, Start
from difxnb.server.gui_server import GuiServer
from difxnb.wire.message import Status
from tests.aio.stage import Cable, until_state, until_true
from tests.client.peers import ROBUST, Talker, scripted
from tests.queued_jobs import MACHINES, put_named
from tests.server.job_clients import scripted as behaving

STARTING, RUNNING, DONE = QueueState.STARTING, QueueState.RUNNING, QueueState.DONE
ROOT = Path(__file__).parents[2]


def states(difx: aio.Correlator) -> list[str]:
    return [str(row.state) for row in difx.queue.rows]


@dataclass
class Counted:
    """A server, and every job that it has launched."""

    port: int
    launches: list[str]

    def starts(self, path: str) -> int:
        return self.launches.count(path)


@asynccontextmanager
async def counting(root: Path, behaviour: str) -> AsyncIterator[Counted]:
    launches: list[str] = []

    def command(launch: Any, where: Path) -> list[str]:
        launches.append(str(launch.input_file))
        return behaving(behaviour)(launch, where)

    server = GuiServer(root.resolve(), correlator=command)
    await server.start()
    try:
        yield Counted(server.port, launches)
    finally:
        await server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[aio.Correlator]:
    async with aio.connect("127.0.0.1", port, patience=ROBUST) as difx:
        difx.queue.desk.tick = 0.05
        yield difx


async def test_what_waits_and_what_runs_is_taken_up_again_by_the_next_connection(
    tmp_path: Path, made: Path
) -> None:
    file = tmp_path / "queue.sqlite"
    one, two, three = put_named(made, "short", tmp_path.resolve(), "one", "two", "three")
    async with counting(tmp_path, "patient") as server:
        async with connected(server.port) as difx:
            await difx.queue.add(one, machines=MACHINES)
            await until_true(lambda: difx.queue.rows[0].state is RUNNING)
            assert await difx.queue.keep(file) == file
            assert await difx.queue.keep(file) == file, "once more is no harm"
            with pytest.raises(ValueError, match=r"kept in .*queue.sqlite already"):
                await difx.queue.keep(tmp_path / "other.sqlite")
            await difx.queue.add(two, machines=MACHINES, priority=-1)
            await difx.queue.add(three, machines=MACHINES)
            assert states(difx) == ["running", "waiting", "waiting"]
        assert states(difx) == ["running", "waiting", "waiting"], (
            "it is followed again, so its end is not lost"
        )
        async with connected(server.port) as again:
            assert await again.queue.keep(file) == file
            assert not again.queue.paused, "a connection that was closed pauses nothing that is kept"
            assert again.queue.frame()["job"].tolist() == ["one", "three", "two"]
            await until_true(lambda: again.queue.history()["what"].tolist()[-1] == "attached")
            await until_true(lambda: again.queue.rows[0].progress > 0)
            assert server.starts(one) == 1
            await again.job(one).stop()
            await until_true(lambda: again.queue.rows[1].state is RUNNING)
            assert states(again)[1:] == ["running", "waiting"]
            await again.job(three).stop()
            await until_true(lambda: again.queue.rows[2].state is RUNNING)
            await again.job(two).stop()
            await until_true(lambda: again.queue.rows[2].state.is_over)
        assert [server.starts(path) for path in (one, two, three)] == [1, 1, 1]


async def test_an_end_that_nobody_saw_is_read_from_the_log(tmp_path: Path, made: Path) -> None:
    file = tmp_path / "queue.sqlite"
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    async with counting(tmp_path, "patient") as server, connected(server.port) as other:
        async with connected(server.port) as difx:
            await difx.queue.keep(file)
            await difx.queue.add(one, machines=MACHINES, policy=RetryPolicy())
            await until_true(lambda: difx.queue.rows[0].progress > 0)
        run = await other.job(one).attach()
        await run.stop()
        async with connected(server.port) as again:
            await again.queue.keep(file)
            await until_true(lambda: again.queue.rows[0].state.is_over)
            told = again.queue.history()["what"].tolist()
            assert told[-2:] == ["attached", "ended"]
            assert states(again) == ["done"]
            assert again.queue.frame()["tries"].tolist() == [1]
            await again.queue.add(two, machines=MACHINES)
            await until_true(lambda: again.queue.rows[1].state is RUNNING)
            await again.job(two).stop()
        assert server.starts(one) == 1


async def test_one_process_or_connection_at_a_time_runs_a_queue(tmp_path: Path, made: Path) -> None:
    file = tmp_path / "queue.sqlite"
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as first:
        await first.queue.keep(file)
        async with connected(server.port) as second:
            await second.queue.pause()
            await second.queue.add(one, machines=MACHINES)
            with pytest.raises(QueueTaken, match=f"process {os.getpid()}"):
                await second.queue.keep(file)
            assert second.queue.kept_in is None
            assert states(second) == ["waiting"], "it goes on as it was"
        with QueueStore(file) as other:  # anybody may add to it
            other.add(two, server=first.queue.desk.server, machines=MACHINES)
            other.add(one, server="elsewhere:1", machines=MACHINES)
        await until_true(lambda: states(first) == ["done"])
        assert first.queue.frame()["job"].tolist() == ["two"]


async def test_a_pause_by_another_process_counts(tmp_path: Path, made: Path) -> None:
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        await difx.queue.keep(file)
        with QueueStore(file) as other:
            other.put_setting("paused", "somebody looks at the disks")
            await until_true(lambda: difx.queue.why_paused == "somebody looks at the disks")
            await difx.queue.add(one, machines=MACHINES)
            assert [type(action) for action in difx.queue.actions()] == [Keep]
            assert states(difx) == ["waiting"]
            other.put_setting("paused", "")
        await until_true(lambda: states(difx) == ["done"])


async def test_a_job_that_was_running_and_left_no_log_is_unknown_and_holds_the_queue(
    tmp_path: Path, made: Path
) -> None:
    file = tmp_path / "queue.sqlite"
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        with QueueStore(file) as store:
            for path in (one, two):
                store.add(path, server=difx.queue.desk.server, machines=MACHINES)
            store.claim(1)
            store.set_state(1, RUNNING, tries=1)
        difx.queue.limits = QueueLimits(silent=0.3)
        await difx.queue.keep(file)
        await until_true(lambda: states(difx) == ["unknown", "waiting"])
        assert "it has no log" in difx.queue.rows[0].why
        assert "whether one still runs is not known" in difx.queue.why_paused
        assert server.starts(one) == server.starts(two) == 0
        await difx.queue.remove("one")
        await difx.queue.resume()
        await until_true(lambda: states(difx) == ["done"])
        assert server.starts(one) == 0


class Hush(Cable):
    """A cable that falls silent when a start goes up, which arrives or does not."""

    def __init__(self, port: int, *, arrives: bool) -> None:
        super().__init__(port)
        self.arrives, self.armed, self.hushed = arrives, True, asyncio.Event()

    async def _up(self, talker: Talker, writer: asyncio.StreamWriter) -> None:
        while data := await talker.reader.read(65536):
            if self.armed and b"DifxStart" in data:
                self.silent = True
                self.hushed.set()
            if self.arrives or not self.silent:
                writer.write(data)
                await writer.drain()


_RUNNER = """
import asyncio, sys
from difxnb import aio
from tests.queued_jobs import MACHINES

async def main(port, file, *jobs):
    async with aio.connect("127.0.0.1", int(port)) as difx:
        await difx.queue.keep(file)
        for job in jobs:
            await difx.queue.add(job, machines=MACHINES)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("arrives", [True, False], ids=["the start arrived", "the start was lost"])
async def test_a_process_killed_while_it_starts_a_job_never_starts_it_twice(
    tmp_path: Path, made: Path, arrives: bool
) -> None:
    file = tmp_path / "queue.sqlite"
    one, two = put_named(made, "short", tmp_path.resolve(), "one", "two")
    async with counting(tmp_path, "patient") as server, connected(server.port) as observer:
        cable = Hush(server.port, arrives=arrives)
        async with scripted(cable) as port:
            command = [sys.executable, "-c", _RUNNER, str(port), str(file), one, two]
            child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE)
            try:
                async with asyncio.timeout(30):
                    await cable.hushed.wait()
                if arrives:
                    await until_state(observer)
            finally:
                os.kill(child.pid, signal.SIGKILL)
                await child.communicate()
            with QueueStore(file) as store:
                assert store.entries()[0].state is STARTING
            cable.silent = cable.armed = False
            cable.cut()
            await _taken_up(server, port, file, one, arrives=arrives)
        assert server.starts(one) == 1


async def _taken_up(server: Counted, port: int, file: Path, one: str, *, arrives: bool) -> None:
    async with connected(port) as difx:
        difx.queue.limits = QueueLimits(silent=0.4)
        await difx.queue.keep(file)
        plan = {action.job: type(action) for action in difx.queue.actions()}
        assert plan["one"] is Keep, "it is being looked for"
        await until_true(lambda: difx.queue.rows[0].state is RUNNING)
        told = difx.queue.history()
        mine = told[told["job"] == "one"]
        if arrives:
            assert mine["what"].tolist() == ["added", "started", "attached"]
        else:
            assert mine["what"].tolist() == ["added", "started", "noted", "started", "accepted"]
            assert "and was not" in mine["why"].tolist()[2]
        assert server.starts(one) == 1
        await difx.queue.pause()
        await difx.job(one).stop()
        await until_true(lambda: difx.queue.rows[0].state.is_over)


async def test_what_was_about_to_be_started_and_left_traces_is_to_be_looked_at(
    tmp_path: Path, made: Path
) -> None:
    """An older log may hide that the start arrived: nobody starts it, and the row says what to look at."""
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    old = "Thu Mar 12 10:20:31 2015   0 head"
    Path(one).with_suffix(".difxlog").write_text(f"{old}  STATUS Starting  \n{old}  STATUS Done  \n")
    async with counting(tmp_path, "integrates") as server, connected(server.port) as difx:
        with QueueStore(file) as store:
            store.add(one, server=difx.queue.desk.server, machines=MACHINES)
            store.claim(1)
        difx.queue.limits = QueueLimits(silent=0.3)
        await difx.queue.keep(file)
        await until_true(lambda: states(difx) == ["unknown"])
        assert "log of" in difx.queue.rows[0].why
        assert "of this start or of one before" in difx.queue.rows[0].why
        assert difx.queue.paused
        assert server.starts(one) == 0


async def test_a_dry_run_prints_every_action_and_does_none(tmp_path: Path, made: Path) -> None:
    one, two, three = put_named(made, "short", tmp_path.resolve(), "one", "two", "three")
    async with counting(tmp_path, "patient") as server, connected(server.port) as difx:
        heard: list[object] = []
        difx.messages.subscribe(lambda item: heard.append(item.body), type="status")
        await difx.queue.pause()
        for path in (one, two, three):
            await difx.queue.add(path, machines=MACHINES)
        assert [action.why for action in difx.queue.actions()] == ["it was paused"] * 3
        difx.queue.limits = QueueLimits(at_once=2)
        await difx.queue.resume()
        await until_true(lambda: states(difx) == ["running", "running", "waiting"])
        difx.queue.limits = QueueLimits(at_once=1)
        version, plan = difx.queue.version, difx.queue.actions()
        assert [type(action) for action in plan] == [Keep, Keep, Keep]
        assert "1 at once" in plan[2].text
        assert difx.queue.version == version
        assert not {Attach, Start} & {type(action) for action in plan}
        await difx.queue.pause()
        for path in (one, two):
            await difx.job(path).stop()
        assert server.starts(three) == 0
        assert all(isinstance(body, Status) for body in heard)
