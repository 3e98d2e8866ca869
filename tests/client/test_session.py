# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that stands: fences, signs of life, loss, and leaving."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.errors import ConnectionLost, NoReply, StillRunning
from difxnb.wire.control import Notice, NoticeSeverity, Relayed, VersionRequest, decode_from_client
from difxnb.wire.message import Message, Unparsed
from difxnb.wire.packet import encode_packet
from tests.client.peers import BRIEF, ROBUST, VERSION_REPLY, Talker, head_node_at, own_server, scripted

ALERT = b"""<?xml version="1.0" encoding="UTF-8"?>
<difxMessage><header><from>n1</from><mpiProcessId>0</mpiProcessId><identifier>e_1</identifier>
<type>DifxAlertMessage</type></header><body><difxAlert><alertMessage>hello</alertMessage><severity>4</severity>
</difxAlert></body></difxMessage>"""


class Heard:
    """A subscriber that keeps what it gets."""

    def __init__(self) -> None:
        self.items: list[tuple[object, float]] = []
        self.news = asyncio.Event()

    def __call__(self, item: object, time: float) -> None:
        self.items.append((item, time))
        self.news.set()

    async def wait_for(self, count: int) -> list[object]:
        async with asyncio.timeout(5):
            while len(self.items) < count:
                self.news.clear()
                await self.news.wait()
        return [item for item, _ in self.items]


def answering(times: int, then: object) -> object:
    """Script of a server that answers some version requests; `then` gets the connection with the next one."""

    async def script(talker: Talker) -> None:
        answered = 0
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                if answered == times:
                    await then(talker)
                    return
                answered += 1
                await talker.say(*VERSION_REPLY)

    return script


async def test_subscriber_gets_everything_with_its_time() -> None:
    heard = Heard()

    async def say_things(talker: Talker) -> None:
        await talker.say(
            Relayed(ALERT),
            Relayed(b"no xml"),
            Notice(NoticeSeverity.WARNING, "careful"),
            encode_packet(77, b"?"),
        )
        await talker.say(*VERSION_REPLY)
        await talker.reader.read()

    async with scripted(answering(2, say_things)) as port, head_node_at(port, subscriber=heard) as node:
        await node.fence()
        alert, rest, notice = await heard.wait_for(3)
    assert isinstance(alert, Message)
    assert (alert.header.source, alert.header.identifier) == ("n1", "e_1")
    assert isinstance(rest, Unparsed)
    assert rest.text == "no xml"
    assert notice == Notice(NoticeSeverity.WARNING, "careful")
    times = [time for _, time in heard.items]
    assert times == sorted(times)
    assert times[0] > 1.6e9


async def silent(talker: Talker) -> None:
    await talker.reader.read()


async def test_fence_unanswered() -> None:
    async with scripted(answering(2, silent)) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(NoReply, match=r"no sign of life \(waited 0\.4 s\)"):
            await node.fence()


async def test_silent_server_is_found_dead() -> None:
    """The only heartbeat is a fence; without an answer all calls in flight end."""
    patience = replace(BRIEF, idle=0.05, first_sign=10.0)
    async with scripted(answering(2, silent)) as port, head_node_at(port, patience=patience) as node:
        with pytest.raises(ConnectionLost, match=r"ls /data: .*no sign of life.*Nothing was changed"):
            await node.ls_entries("/data")
        assert not node.connected
        assert node.absence is not None
        assert "no sign of life" in node.absence.reason


async def test_heartbeat_keeps_an_idle_connection(tmp_path: Path) -> None:
    beats = asyncio.Event()
    count = 0

    async def script(talker: Talker) -> None:
        nonlocal count
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                count += 1
                await talker.say(*VERSION_REPLY)
                if count == 6:
                    beats.set()

    async with scripted(script) as port, head_node_at(port, patience=replace(ROBUST, idle=0.02)) as node:
        await asyncio.wait_for(beats.wait(), 5)
        assert node.connected


async def test_server_dies_during_calls() -> None:
    async def die(talker: Talker) -> None:
        talker.writer.transport.abort()

    async with scripted(answering(2, die)) as port, head_node_at(port) as node:
        calls = [
            asyncio.create_task(node.ls_entries("/data")),
            asyncio.create_task(node.open_monitor("/data/e_1.input")),
        ]
        with pytest.raises(ConnectionLost, match="fence"):
            await node.fence()
        with pytest.raises(ConnectionLost, match=r"ls /data: .*Nothing was changed"):
            await calls[0]
        with pytest.raises(ConnectionLost, match=r"monitor of .*may or may not have had its effect"):
            await calls[1]


@pytest.mark.parametrize(
    "nonsense", [b"\0\0\0\x08\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", encode_packet(22, b"12")]
)
async def test_nonsense_in_the_middle(nonsense: bytes) -> None:
    async def rave(talker: Talker) -> None:
        await talker.say(nonsense)
        await talker.reader.read()

    async with scripted(answering(2, rave)) as port, head_node_at(port) as node:
        with pytest.raises(ConnectionLost, match="is not guiServer's protocol"):
            await node.fence()


async def test_reconnect(tmp_path: Path) -> None:
    async with own_server(tmp_path) as server, head_node_at(server.port) as node:
        await node.reconnect()
        assert node.reconnections == 1
        assert await node.ls_entries(str(tmp_path.resolve())) == []


async def test_server_restarted(tmp_path: Path) -> None:
    async with own_server(tmp_path) as first, head_node_at(first.port) as node:
        await first.close()
        async with own_server(tmp_path, port=first.port):
            await node.fence()
            assert node.reconnections == 1
            await node.close()


async def test_close_waits_for_what_was_sent() -> None:
    """H21: a command followed at once by the end of the connection is lost, so closing asks for a fence first."""
    seen: list[object] = []

    async def script(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            seen.append(decode_from_client(packet))
            if isinstance(seen[-1], VersionRequest):
                await talker.say(*VERSION_REPLY)

    async with scripted(script) as port, head_node_at(port) as node:
        before = len(seen)
        await node.close()
        assert seen[before:] == [VersionRequest()]
        assert node.closed
        await node.close()
        with pytest.raises(ConnectionLost, match="connect first"):
            await node.fence()


async def test_close_of_a_dead_connection_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with scripted(answering(2, silent)) as port, head_node_at(port, patience=BRIEF) as node:
        await node.close()
    assert "without knowing whether the last commands arrived" in caplog.text


async def test_a_real_server_is_not_left_alone_with_a_job() -> None:
    """H2."""
    async with scripted(answering(10, silent)) as port, head_node_at(port) as node:
        assert node._session is not None
        node._session.jobs.add("/data/e_1.input")
        with pytest.raises(StillRunning, match=r"/data/e_1\.input still runs") as caught:
            await node.close()
        assert caught.value.jobs == ("/data/e_1.input",)
        assert node.connected


async def test_allowance_while_the_server_is_busy() -> None:
    """During a configuration check the server answers nothing: more time is granted."""
    release = asyncio.Event()

    async def wait(talker: Talker) -> None:
        await release.wait()
        await talker.say(*VERSION_REPLY)
        await talker.reader.read()

    patience = replace(BRIEF, fence=0.05, check=20.0)
    async with scripted(answering(2, wait)) as port, head_node_at(port, patience=patience) as node:
        assert node._session is not None
        async with node._session.blocking_the_server():
            fence = asyncio.create_task(node.fence())
            await asyncio.wait({fence}, timeout=0.2)
            assert not fence.done()
            release.set()
            await fence
