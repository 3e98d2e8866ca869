# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that nobody follows is looked for: it runs, has ended, or was never begun; it never runs twice."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.queue import QueueLimits, QueueState, QueueStore, RetryPolicy
from difxnb.server.gui_server import GuiServer
from tests.aio.stage import Cable, until_true
from tests.aio.test_job_queue_kept import ROOT, Counted, connected, counting, states
from tests.client.peers import ROBUST, Talker, scripted
from tests.queued_jobs import MACHINES, put_named
from tests.server.job_clients import scripted as behaving

RUNNING = QueueState.RUNNING

_RUNNER = """
import asyncio, sys
from difxnb import aio
from tests.queued_jobs import MACHINES

async def main(port, file, job):
    async with aio.connect("127.0.0.1", int(port)) as difx:
        await difx.queue.keep(file)
        await difx.queue.add(job, machines=MACHINES)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def held_back(root: Path, behaviour: str) -> AsyncIterator[Counted]:
    """A server whose jobs say and write nothing before there is a file ``go``."""
    launches: list[str] = []

    def command(launch: Any, where: Path) -> list[str]:
        launches.append(str(launch.input_file))
        then = shlex.join(behaving(behaviour)(launch, where))
        return ["sh", "-c", f"while ! test -e {root}/go; do sleep 0.05; done; exec {then}"]

    server = GuiServer(root, correlator=command)
    await server.start()
    try:
        yield Counted(server.port, launches)
    finally:
        await server.close()


async def until_stored(file: Path, state: QueueState) -> None:
    with QueueStore(file) as store:
        await until_true(lambda: bool(store.seen_version()) and [r.state for r in store.entries()] == [state])


@pytest.mark.parametrize("goes_on", [True, False], ids=["it goes on", "nothing comes"])
async def test_a_job_that_runs_and_has_said_nothing_yet_is_waited_for_by_whoever_comes_next(
    tmp_path: Path, made: Path, goes_on: bool
) -> None:
    """Killed between RUNNING and the first line of the log."""
    root, file = tmp_path.resolve(), tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", root, "one")
    async with held_back(root, "patient") as server:
        command = [sys.executable, "-c", _RUNNER, str(server.port), str(file), one]
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE)
        try:
            async with asyncio.timeout(30):
                while not file.exists():
                    await asyncio.sleep(0.05)
            await until_stored(file, RUNNING)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            await child.communicate()
        async with connected(server.port) as difx:
            difx.queue.limits = QueueLimits(silent=30.0 if goes_on else 0.4)
            await difx.queue.keep(file)
            looked_for = difx.queue.desk.turns[1]
            if goes_on:
                assert states(difx) == ["running"]
                (root / "go").touch()
                await until_true(lambda: looked_for.run is not None and looked_for.run.progress > 0)
                assert states(difx) == ["running"]
                assert not difx.queue.paused
            else:
                await until_true(lambda: states(difx) == ["unknown"])
                assert "it was running when it was last looked at" in difx.queue.rows[0].why
                (root / "go").touch()
            await difx.job(one).stop()
            await until_true(lambda: difx.queue.rows[0].state.is_over)
        assert server.starts(one) == 1


async def test_output_that_grows_is_a_sign_of_life(tmp_path: Path, made: Path) -> None:
    """A job that says nothing, and whose log is nowhere, is not given up as long as it writes."""
    root, file = tmp_path.resolve(), tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", root, "one")
    output = root / "one.difx"
    async with counting(tmp_path, "patient") as server, connected(server.port) as difx:
        with QueueStore(file) as store:
            store.add(one, server=difx.queue.desk.server, machines=MACHINES)
            store.claim(1)
            store.set_state(1, RUNNING, tries=1)
        output.mkdir()
        difx.queue.limits = QueueLimits(silent=1.5)
        await difx.queue.keep(file)
        begun = asyncio.get_running_loop().time()
        for size in range(8):
            (output / "data").write_bytes(b"x" * size)
            until = begun + 0.4 * size
            await until_true(lambda until=until: asyncio.get_running_loop().time() > until)
        assert states(difx) == ["running"]
        await until_true(lambda: states(difx) == ["unknown"])
        assert "its log or output changed" in difx.queue.rows[0].why
        assert "output of 7 bytes" in difx.queue.rows[0].why
        assert server.starts(one) == 0


class Cut(Cable):
    """A cable that is cut when a start goes up, which arrives or does not."""

    def __init__(self, port: int, *, arrives: bool, times: int = 1) -> None:
        super().__init__(port)
        self.arrives, self.times = arrives, times

    async def _up(self, talker: Talker, writer: asyncio.StreamWriter) -> None:
        while data := await talker.reader.read(65536):
            is_start = self.times > 0 and b"<type>DifxStart</type>" in data
            if self.arrives or not is_start:
                writer.write(data)
                await writer.drain()
            if is_start:
                self.times -= 1
                self.cut()
                return


@asynccontextmanager
async def over_a_cable(
    root: Path, made: Path, behaviour: str, *, arrives: bool, times: int = 1
) -> AsyncIterator[tuple[aio.Correlator, Counted, list[str]]]:
    paths = put_named(made, "short", root.resolve(), "one", "two")
    async with (
        counting(root, behaviour) as server,
        scripted(Cut(server.port, arrives=arrives, times=times)) as port,
        connected(port) as difx,
    ):
        difx.queue.limits = QueueLimits(silent=0.4)
        yield difx, server, paths


async def test_a_start_that_was_cut_off_and_arrived_is_followed(tmp_path: Path, made: Path) -> None:
    async with over_a_cable(tmp_path, made, "patient", arrives=True) as (difx, server, (one, two)):
        await difx.queue.add(one, machines=MACHINES)
        await difx.queue.add(two, machines=MACHINES)
        await until_true(lambda: difx.queue.rows[0].progress > 0)
        assert states(difx) == ["running", "waiting"]
        told = difx.queue.history()
        assert told["what"][told["job"] == "one"].tolist() == ["added", "started", "noted", "attached"]
        assert "its start was cut off" in " ".join(told["why"])
        for path in (one, two):
            await until_true(lambda path=path: path in server.launches)
            await difx.job(path).stop()
        await until_true(lambda: all(row.state.is_over for row in difx.queue.rows))
        assert server.launches == [one, two]


async def test_a_start_that_was_cut_off_and_whose_job_has_ended_meanwhile_is_told_by_its_log(
    tmp_path: Path, made: Path
) -> None:
    async with over_a_cable(tmp_path, made, "integrates", arrives=True) as (difx, server, (one, two)):
        await difx.queue.add(one, machines=MACHINES, policy=RetryPolicy(wait=0.0))
        await difx.queue.add(two, machines=MACHINES)
        await until_true(lambda: states(difx) == ["done", "done"])
        assert server.launches == [one, two]


@pytest.mark.parametrize("old_log", [False, True], ids=["no log", "a log of before"])
async def test_a_start_that_was_lost_is_made_again_as_its_policy_says(
    tmp_path: Path, made: Path, old_log: bool
) -> None:
    async with over_a_cable(tmp_path, made, "integrates", arrives=False) as (difx, server, (one, _)):
        old = "Thu Mar 12 10:20:31 2015   0 head"
        if old_log:
            text = f"{old}  STATUS Starting  \n{old}  STATUS Running  \n"
            Path(one).with_suffix(".difxlog").write_text(text)
        await difx.queue.add(one, machines=MACHINES, policy=RetryPolicy(wait=0.0))
        await until_true(lambda: states(difx) == ["done"])
        told = difx.queue.history()["what"].tolist()
        assert told == ["added", "started", "noted", "retried", "started", "accepted", "ended"]
        assert difx.queue.rows[0].tries == 1, "what was never begun is no try"
        assert server.launches == [one]


async def test_a_start_that_is_lost_again_and_again_is_left(tmp_path: Path, made: Path) -> None:
    async with over_a_cable(tmp_path, made, "integrates", arrives=False, times=3) as (difx, server, paths):
        one, two = paths
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: states(difx) == ["refused"])
        assert "it was never begun" in difx.queue.rows[0].why
        assert not difx.queue.paused, "without a policy the next job is started"
        await difx.queue.add(two, machines=MACHINES, policy=RetryPolicy(again=1, wait=0.0))
        await until_true(lambda: states(difx) == ["refused", "refused"])
        assert "two could not be started" in difx.queue.why_paused
        assert not server.launches
        await difx.queue.resume()
        await difx.queue.retry("two")
        await until_true(lambda: states(difx) == ["refused", "done"])
        assert server.launches == [two]


async def test_closing_while_a_start_is_looked_for_leaves_it_to_whoever_comes_next(
    tmp_path: Path, made: Path
) -> None:
    file = tmp_path / "queue.sqlite"
    async with over_a_cable(tmp_path, made, "patient", arrives=False) as (difx, server, (one, _)):
        difx.queue.limits = QueueLimits(silent=30.0)
        await difx.queue.keep(file)
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: "it is looked for" in difx.queue.rows[0].why)
    with QueueStore(file) as store:
        assert store.entries()[0].state is QueueState.STARTING
        assert store.told()[-1].why == "not followed any more: the connection was closed"
    assert not server.launches


@pytest.mark.parametrize("attached", [False, True], ids=["started here", "attached"])
async def test_a_job_that_another_program_stops_is_not_told_to_be_done(
    tmp_path: Path, made: Path, attached: bool
) -> None:
    """A job that a message asks to end says Done, wherever it is."""
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with (
        counting(tmp_path, "halfway") as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
    ):
        async with connected(server.port) as difx:
            await difx.queue.keep(file)
            await difx.queue.add(one, machines=MACHINES)
            await until_true(lambda: difx.queue.rows[0].progress > 0)
            if not attached:
                await _stopped_by(other, one, difx)
        if attached:
            async with connected(server.port) as again:
                await again.queue.keep(file)
                await until_true(lambda: again.queue.rows[0].progress > 0)
                await _stopped_by(other, one, again)
                assert "when 30% of it was correlated" in again.queue.rows[0].why


async def _stopped_by(other: aio.Correlator, one: str, difx: aio.Correlator) -> None:
    await other.head_node.ask_to_stop(one)
    await until_true(lambda: difx.queue.rows[0].state.is_over)
    assert states(difx) == ["stopped"]
