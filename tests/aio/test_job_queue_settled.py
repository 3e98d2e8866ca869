# SPDX-License-Identifier: GPL-3.0-or-later
"""A row whose end was not known is taken up again when its job speaks; the job is never started a second time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.queue import QueueLimits, QueueState, QueueStore, RetryPolicy
from tests.aio.stage import until_true
from tests.aio.test_job_queue_found import held_back
from tests.aio.test_job_queue_kept import connected, counting, states
from tests.client.peers import ROBUST
from tests.queued_jobs import MACHINES, put_named

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<difxMessage><header><from>vm</from><mpiProcessId>0</mpiProcessId>'
    "<identifier>{}</identifier><type>DifxStatusMessage</type></header><body><seqNumber>{}</seqNumber>"
    "<difxStatus>{}<state>{}</state><message></message></difxStatus></body></difxMessage>\n"
)


def left_running(file: Path, server: str, *paths: str) -> None:
    """A queue whose process has ended while jobs ran."""
    with QueueStore(file) as store:
        for number, path in enumerate(paths, 1):
            store.add(path, server=server, machines=MACHINES, policy=RetryPolicy(wait=0.0))
            store.claim(number)
            store.set_state(number, QueueState.RUNNING, what="accepted", tries=1)


def log_lines(at: float, *states: str) -> str:
    head = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(at))
    return "".join(f"{head}   0 head  STATUS {state}  \n" for state in states)


@pytest.mark.parametrize("behaviour", ["patient", "integrates"])
async def test_a_job_that_speaks_again_is_followed_to_its_end(
    tmp_path: Path, made: Path, behaviour: str
) -> None:
    root, file = tmp_path.resolve(), tmp_path / "queue.sqlite"
    one, two = put_named(made, "short", root, "one", "two")
    async with (
        held_back(root, behaviour) as server,
        aio.connect("127.0.0.1", server.port, patience=ROBUST) as other,
    ):
        await other.job(one).set_machines(**MACHINES)
        async with connected(server.port) as difx:
            difx.queue.limits = QueueLimits(silent=0.3)
            left_running(file, difx.queue.desk.server, one)
            await other.job(one).start()
            await difx.queue.keep(file)
            await until_true(lambda: states(difx) == ["unknown"])
            await difx.queue.add(two, machines=MACHINES)
            (root / "go").touch()
            if behaviour == "patient":
                await until_true(lambda: difx.queue.rows[0].progress > 0)
                assert states(difx) == ["running", "waiting"]
                await difx.job(one).stop()
            await until_true(lambda: states(difx) == ["done", "waiting"])
            assert "still runs is not known" in difx.queue.why_paused, "somebody has to have seen it"
            await difx.queue.remove("two")
            told = difx.queue.history()
            assert told[told["job"] == "one"]["what"].tolist()[-2:] == ["attached", "ended"]
            assert difx.queue.rows[0].tries == 1
        assert server.launches == [one]


@pytest.mark.parametrize("where", ["", "<input>/elsewhere/one.input</input>"], ids=["by name", "elsewhere"])
async def test_words_that_may_be_of_another_job_of_the_name_settle_nothing(
    tmp_path: Path, made: Path, where: str
) -> None:
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with counting(tmp_path, "patient") as server, connected(server.port) as difx:
        difx.queue.limits = QueueLimits(silent=0.2)
        left_running(file, difx.queue.desk.server, one)
        await difx.queue.keep(file)
        await until_true(lambda: states(difx) == ["unknown"])
        await difx.send(_HEAD.format("one", 1, where, "Running"))
        await until_true(lambda: len(difx.jobs) == 1)
        await until_true(lambda: not difx.queue.desk.turns)
        assert states(difx) == ["unknown"]
        Path(one).with_suffix(".difxlog").write_text(log_lines(time.time(), "Starting", "Running", "Done"))
        difx.queue._settling._looked.clear()
        await difx.send(_HEAD.format("one", 2, where, "Done"))
        if where:
            await until_true(lambda: "Done" in difx.jobs.frame()["state"].tolist())
            await until_true(lambda: not difx.queue.desk.turns)
            assert states(difx) == ["unknown"]
        else:  # and its log says the same
            await until_true(lambda: states(difx) == ["done"])
        assert not server.launches


async def test_a_log_that_begins_in_the_future_is_not_of_this_start(tmp_path: Path, made: Path) -> None:
    """The clock of the server was ahead when the job ran before, and was put right since."""
    file = tmp_path / "queue.sqlite"
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    log = log_lines(time.time() + 1800, "Starting", "Running", "Done")
    Path(one).with_suffix(".difxlog").write_text(log)
    async with counting(tmp_path, "patient") as server, connected(server.port) as difx:
        difx.queue.limits = QueueLimits(silent=0.2)
        left_running(file, difx.queue.desk.server, one)
        await difx.queue.keep(file)
        await until_true(lambda: states(difx)[0] != "running")
        assert states(difx) == ["unknown"]
        assert not server.launches


async def test_a_job_whose_last_integrations_were_not_heard_is_done_where_its_log_says_so(
    tmp_path: Path, made: Path
) -> None:
    """By what was heard it was cut short when 30% of it was correlated."""
    (one,) = put_named(made, "short", tmp_path.resolve(), "one")
    async with counting(tmp_path, "muffled") as server, connected(server.port) as difx:
        await difx.queue.add(one, machines=MACHINES)
        await until_true(lambda: difx.queue.rows[0].state.is_over)
        run = difx.runs.get(one)
        assert run is not None
        assert run.watch.progress == pytest.approx(0.3, abs=1e-3)
        assert "write out time 0.8" in Path(one).with_suffix(".difxlog").read_text()
        assert states(difx) == ["done"], difx.queue.rows[0].why
