# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: how a start goes on, what refusals become, and what is left when the server dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.patience import Patience
from difxnb.client.placement import Placement
from difxnb.client.start_options import StartOptions
from difxnb.errors import (
    ConnectionLost,
    DifxError,
    JobNotStopped,
    JobRefused,
    NoReply,
    OutputExists,
    ProtocolError,
    RemoteFileNotFound,
)
from difxnb.wire.control import ChannelData
from difxnb.wire.files import encode_line
from difxnb.wire.job import JobEvent, JobId, JobOutcome, Refusal, encode_job
from difxnb.wire.message import FileOperation, Start, Stop
from tests.client.peers import BRIEF, ROBUST, Talker, captured_reply, head_node_at, own_server, scripted

JOB = "/data/exp/e_1.input"
WHERE = Placement(("head", "n1", "n2", "n3"), (7,))
ACCEPTED = (102, 103, 127, 125, 104, 113)


def packets(*ids: int | tuple[int, str]) -> list[bytes]:
    """Elementary writes of a conversation; the id alone, or with a text."""
    pieces = []
    for item in ids:
        number, text = (item, "") if isinstance(item, int) else item
        pieces += encode_job(JobEvent(JobId(number), text))
    return pieces


class Correlator:
    """Script of a server with one job; `play` is called with each start."""

    def __init__(self, play: Callable[[Talker, int], Awaitable[None]]) -> None:
        self.play = play
        self.bodies: list[object] = []
        self.stopped = asyncio.Event()
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, talker: Talker) -> None:
        self.connections += 1
        await talker.serve(self.answer)

    async def answer(self, talker: Talker, body: object, port: int) -> None:
        self.bodies.append(body)
        if isinstance(body, FileOperation):
            line = b"-rw-r--r-- 1 o o 1 2026-11-22 10:52:00.000000000 +0000 " + (body.path or "").encode()
            await talker.on_channel(port, encode_line(line + b"\n"), bytes(4))
        elif isinstance(body, Start):
            task = asyncio.create_task(self.play(talker, port))
            self._tasks.add(task)
        elif isinstance(body, Stop):
            self.stopped.set()

    @property
    def starts(self) -> list[Start]:
        return [body for body in self.bodies if isinstance(body, Start)]


@asynccontextmanager
async def correlator(
    play: Callable[[Talker, int], Awaitable[None]], patience: Patience = ROBUST
) -> AsyncIterator[tuple[Correlator, AsyncHeadNode]]:
    script = Correlator(play)
    async with scripted(script) as port, head_node_at(port, patience=patience) as node:
        yield script, node
    for task in script._tasks:
        task.cancel()
    await asyncio.gather(*script._tasks, return_exceptions=True)


def saying(*ids: int | tuple[int, str]) -> Callable[[Talker, int], Awaitable[None]]:
    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ids))

    return play


async def start(node: AsyncHeadNode, events: list[JobEvent] | None = None) -> object:
    on_event = (lambda _: None) if events is None else events.append
    options = StartOptions(function="BAIL_ON_CONFIG_FAIL")
    return await node.start_job(JOB, WHERE, options=options, on_event=on_event)


ENDS = {
    "graceful": ((117, 101), JobOutcome.DONE),
    "with errors": (((116, "oops"), 117, 120), JobOutcome.DONE_WITH_ERRORS),
    "failed": (((116, "oops"), 119), JobOutcome.FAILED),
    "stopped": ((100,), JobOutcome.STOPPED),
}


@pytest.mark.parametrize(("end", "outcome"), ENDS.values(), ids=ENDS)
async def test_outcomes(end: tuple[int, ...], outcome: JobOutcome) -> None:
    events: list[JobEvent] = []
    async with correlator(saying(*ACCEPTED, (114, "a line"), *end)) as (script, node):
        started = await start(node, events)
        assert await started.wait() is outcome
        assert started.outcome is outcome
        assert node.running_jobs == frozenset()
    assert [event.id for event in events][:6] == list(ACCEPTED)
    assert JobEvent(JobId.DIFX_MESSAGE, "a line") in events
    (asked,) = script.starts
    assert asked.input == JOB
    assert (asked.head_node, asked.datastreams, asked.force) == ("head", ("n1", "n2"), False)
    assert [(p.nodes, p.threads) for p in asked.processors] == [(("n3",), 7)]
    assert asked.function == "BAIL_ON_CONFIG_FAIL"


REFUSALS = {
    "no head node": (
        (102, 103, 127, 125, 105, 100),
        JobRefused,
        Refusal.NO_HEADNODE,
        "set the machines first",
    ),
    "no datastreams": (
        (102, 103, 127, 125, 106, 100),
        JobRefused,
        Refusal.NO_DATASOURCES,
        "set the machines",
    ),
    "no processors": ((102, 103, 127, 125, 107, 100), JobRefused, Refusal.NO_PROCESSORS, "set the machines"),
    "input missing": ((102, 103, 109, 100), RemoteFileNotFound, None, "cannot read the input file"),
    "output exists": ((102, 103, 127, 125, 104, 111, 100), OutputExists, None, "moves it aside"),
    "bad configuration": (
        (102, 103, 127, (115, "no such station"), 124, (116, "Execution stopped"), 128),
        JobRefused,
        Refusal.BAD_CONFIG,
        "no such station",
    ),
    "stopped during the check": (
        (102, 103, 127, 100),
        JobRefused,
        Refusal.STOPPED_BEFORE_START,
        "stopped before",
    ),
}


@pytest.mark.parametrize(("ids", "error", "reason", "text"), REFUSALS.values(), ids=REFUSALS)
async def test_refusals(
    ids: tuple[int, ...], error: type[DifxError], reason: Refusal | None, text: str
) -> None:
    async with correlator(saying(*ids)) as (_, node):
        with pytest.raises(error, match=text) as caught:
            await start(node)
        assert getattr(caught.value, "reason", None) == reason
        assert node.running_jobs == frozenset()
        await node.fence()


RECORDED = [("28_start_missing_input", RemoteFileNotFound), ("29_start_output_exists", OutputExists)]


@pytest.mark.parametrize(("name", "error"), RECORDED)
async def test_recorded_refusals(name: str, error: type[DifxError]) -> None:
    _, stream = captured_reply(name)

    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *(stream[at : at + 5] for at in range(0, len(stream), 5)))

    async with correlator(play) as (_, node):
        with pytest.raises(error):
            await start(node)


async def test_no_such_job(tmp_path: Path) -> None:
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        path = f"{tmp_path.resolve()}/none.input"
        with pytest.raises(RemoteFileNotFound, match=r"no .*none\.input"):
            await node.start_job(path, WHERE, on_event=lambda _: None)
        with pytest.raises(RemoteFileNotFound, match=r"no .*none\.input"):
            await node.check_job(path, WHERE)
        with pytest.raises(RemoteFileNotFound, match=r"no .*none\.input"):
            await node.open_monitor(path)
        with pytest.raises(RemoteFileNotFound, match=r"none\.machines"):
            await node.read_placement(path)


async def test_a_name_that_is_no_job() -> None:
    async with correlator(saying()) as (script, node):
        with pytest.raises(ValueError, match=r"named by its \.input file"):
            await node.start_job("/data/exp/e_1.calc", WHERE, on_event=lambda _: None)
        with pytest.raises(ValueError, match=r"\.input files"):
            await node.job_status("/data/exp")
        assert script.bodies == []


async def test_a_job_larger_than_a_document() -> None:
    """5.2: the parser keeps 50 and 100 hosts; the real ones are in the files."""
    large = Placement(("head", *["n"] * 60, *(f"c{i}" for i in range(150))), (8,) * 150)
    async with correlator(saying(*ACCEPTED, 117, 101)) as (script, node):
        started = await node.start_job(JOB, large, on_event=lambda _: None)
        assert await started.wait() is JobOutcome.DONE
    (asked,) = script.starts
    assert (len(asked.datastreams), len(asked.processors)) == (50, 100)


async def test_check() -> None:
    async with correlator(saying(102, 103, 127, (114, "fine"), 125, 128)) as (script, node):
        conversation = await node.check_job(JOB, WHERE)
        assert conversation.config_passed is True
        assert [line.text for line in conversation.lines] == ["fine"]
        assert script.starts[0].function == "CONFIG_ONLY"
    async with correlator(saying(102, 103, 127, (115, "bad"), 124, (116, "stopped"), 128)) as (_, node):
        conversation = await node.check_job(JOB, WHERE)
        assert conversation.config_passed is False


async def test_silence_during_the_check() -> None:
    async with correlator(saying(102, 103, 127), replace(BRIEF, check=0.2)) as (_, node):
        with pytest.raises(NoReply, match=r"stopped in the middle of its checks.*The outcome is unknown"):
            await start(node)


async def test_server_dies_during_the_job() -> None:
    die = asyncio.Event()

    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ACCEPTED, (114, "working")))
        await die.wait()
        talker.writer.transport.abort()

    async with correlator(play) as (_, node):
        started = await start(node)
        waiting = asyncio.create_task(started.wait())
        die.set()
        with pytest.raises(ConnectionLost, match="The outcome is unknown: the job may go on or have ended"):
            await waiting
        assert started.outcome is JobOutcome.UNKNOWN


@pytest.mark.parametrize("nonsense", [b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\0\0\x72\x7f\xff\xff\xff"])
async def test_nonsense_during_the_job(nonsense: bytes) -> None:
    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ACCEPTED), nonsense)

    async with correlator(play) as (_, node):
        started = await start(node)
        with pytest.raises(ProtocolError, match="outcome is unknown"):
            await started.wait()
        await node.fence()


async def test_stop_is_confirmed_by_the_end() -> None:
    stopped: list[asyncio.Event] = []

    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ACCEPTED))
        await stopped[0].wait()
        await talker.say(*(ChannelData(port, piece) for piece in packets(100)))

    async with correlator(play) as (script, node):
        stopped.append(script.stopped)
        started = await start(node)
        await node.stop_job(JOB, started)
        assert started.outcome is JobOutcome.STOPPED


async def test_stop_without_effect() -> None:
    async with correlator(saying(*ACCEPTED), BRIEF) as (_, node):
        started = await start(node)
        with pytest.raises(JobNotStopped, match="no sign that it has ended"):
            await node.stop_job(JOB, started)


async def test_a_cancelled_start_is_taken_back() -> None:
    checking = asyncio.Event()

    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(102, 103, 127))
        checking.set()

    async with correlator(play) as (script, node):
        starting = asyncio.create_task(start(node))
        await checking.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await asyncio.wait_for(script.stopped.wait(), 5)


async def test_real_server_that_dies_after_the_job() -> None:
    """A real server falls over after each job (H1): the connection is made again, and calls go through."""

    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ACCEPTED, 117, 101))
        # An end, not a reset: that could overtake the last packets, and then nobody can know the outcome.
        talker.writer.close()

    async with correlator(play) as (script, node):
        started = await start(node)
        assert await started.wait() is JobOutcome.DONE
        await node.ls_entries("/data/exp/file")
        assert script.connections == 2
        assert node.reconnections == 1
        assert node.connected


async def test_a_loss_soon_after_a_check_says_why() -> None:
    """The connection comes back by itself then, and the job that ran meanwhile still tells what happened."""
    die = asyncio.Event()

    async def play(talker: Talker, port: int) -> None:
        if script.starts[-1].function == "CONFIG_ONLY":
            await talker.on_channel(port, *packets(102, 103, 127, 125, 128))
            return
        await talker.on_channel(port, *packets(*ACCEPTED))
        await die.wait()
        talker.writer.transport.abort()

    async with correlator(play) as (script, node):
        await node.check_job(JOB, WHERE)
        started = await start(node)
        die.set()
        with pytest.raises(ConnectionLost, match=r"is gone: (it broke|the server closed it).*unknown"):
            await started.wait()
        await node.ls_entries("/data/exp/file")
        assert node.reconnections == 1


async def test_real_server_that_stays_dead_after_the_job() -> None:
    async def play(talker: Talker, port: int) -> None:
        await talker.on_channel(port, *packets(*ACCEPTED, 117, 101))
        script.dead = True
        talker.writer.close()

    class Mortal(Correlator):
        dead = False

        async def __call__(self, talker: Talker) -> None:
            if not self.dead:
                await super().__call__(talker)

    script = Mortal(play)
    async with scripted(script) as port, head_node_at(port, patience=BRIEF, timeout=0.5) as node:
        started = await start(node)
        assert await started.wait() is JobOutcome.DONE
        with pytest.raises(ConnectionLost, match=r"reconnect\(\)"):
            await node.ls_entries("/data")
        await asyncio.gather(*script._tasks, return_exceptions=True)


async def test_old_output_is_moved_aside(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "e_1.difx").mkdir()
    (root / "e_1.difx/data").write_text("precious")
    async with own_server(root) as server, head_node_at(server.port) as node:
        with pytest.raises(OutputExists, match=r"overwrite=True moves it aside"):
            await node.clear_output(f"{root}/e_1.difx", overwrite=False)
        assert await node.clear_output(f"{root}/e_1.difx", overwrite=True) == f"{root}/e_1.difx.1"
        assert await node.clear_output(f"{root}/e_1.difx", overwrite=True) is None
        (root / "e_1.difx").mkdir()
        assert await node.clear_output(f"{root}/e_1.difx/", overwrite=True) == f"{root}/e_1.difx.2"
    assert (root / "e_1.difx.1/data").read_text() == "precious"
    assert sorted(path.name for path in root.iterdir()) == ["e_1.difx.1", "e_1.difx.2"]
