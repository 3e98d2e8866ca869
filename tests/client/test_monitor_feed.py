# SPDX-License-Identifier: GPL-3.0-or-later
"""The live monitor: order of requests, products, blocks, gaps, errors, leaving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.errors import ConnectionFailed, ConnectionLost, NoReply, ProtocolError
from difxnb.wire.control import (
    ChannelData,
    ChannelOpened,
    ChannelsOff,
    ChannelsOn,
    Command,
    RelaySwitch,
    StartMonitor,
    VersionRequest,
    decode_from_client,
)
from difxnb.wire.files import encode_line
from difxnb.wire.message import FileOperation, Message, parse
from difxnb.wire.monitor import (
    MonitorText,
    Product,
    Scan,
    VisibilityBlock,
    encode_block,
    encode_product_list,
    encode_scan,
    measure_lags,
)
from difxnb.wire.monitor_packets import (
    CloseConnection,
    EndProductRequests,
    FftSize,
    InputFilePath,
    ProductRequest,
    StartProductRequests,
    decode_request,
    encode_text_packet,
)
from difxnb.wire.packet import PacketReader
from tests.client.peers import BRIEF, ROBUST, VERSION_REPLY, Talker, head_node_at, scripted

JOB = "/data/exp/e_1.input"
SCAN = Scan(0, "No0001", 58948.5, 58948.51, "SRCA", 0.1, 0.2)
PRODUCTS = [
    Product(0, number, 16 * number, 16, 0, "AA", "BB", 8.4e9, 0, 0, 0, number, False) for number in range(2)
]

Hear = Callable[["FakeMonitor", object], Awaitable[None]]


class FakeMonitor:
    """Server with a monitor; `hear` is called with each request that arrives on it."""

    def __init__(self, hear: Hear) -> None:
        self.hear = hear
        self.requests: list[object] = []
        self.switches: list[object] = []
        self.closed = asyncio.Event()
        self.channel = 0

    async def __call__(self, talker: Talker) -> None:
        self.talker = talker
        reader = PacketReader()
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await talker.say(*VERSION_REPLY)
            elif isinstance(event, Command):
                await self.look(parse(event.payload))
            elif isinstance(event, StartMonitor):
                self.channel = event.port
                await talker.say(ChannelOpened(event.port))
            elif isinstance(event, ChannelsOn | ChannelsOff | RelaySwitch):
                self.switches.append(event)
            elif isinstance(event, ChannelData):
                reader.receive_data(event.data)
                while (inner := reader.next_packet()) is not None:
                    await self.take(decode_request(inner))

    async def look(self, message: object) -> None:
        assert isinstance(message, Message)
        body = message.body
        assert isinstance(body, FileOperation)
        line = encode_line(b"-rw-r--r-- 1 o o 1 2026-11-22 10:52:00.000000000 +0000 " + JOB.encode())
        if ChannelsOn() not in self.switches:
            _, writer = await asyncio.open_connection(body.address, body.port)
            writer.write(line + bytes(4))
            await writer.drain()
            writer.close()
        else:
            await self.talker.on_channel(body.port or 0, line, bytes(4))

    async def take(self, request: object) -> None:
        self.requests.append(request)
        if isinstance(request, CloseConnection):
            self.closed.set()
        await self.hear(self, request)

    async def say(self, *pieces: bytes) -> None:
        await self.talker.say(*(ChannelData(self.channel, piece) for piece in pieces))

    async def list_products(self) -> None:
        await self.say(*encode_product_list("e_1", "EXP", [SCAN], PRODUCTS))


def block(product: int = 0, time: int = 43200, value: complex = 1 + 2j) -> list[bytes]:
    visibility = np.full(16, value, np.complex64)
    lags = measure_lags(visibility, 32, 1e6)
    return [*encode_scan("No0001", "SRCA"), *encode_block(product, time, 1, visibility, lags)]


async def polite(monitor: FakeMonitor, request: object) -> None:
    if isinstance(request, InputFilePath):
        await monitor.list_products()


@asynccontextmanager
async def monitored(hear: Hear, **options: Any) -> AsyncIterator[tuple[FakeMonitor, AsyncHeadNode]]:
    script = FakeMonitor(hear)
    async with scripted(script) as port, head_node_at(port, **options) as node:
        yield script, node


class Blocks(list[VisibilityBlock]):
    """Receiver that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    def append(self, item: VisibilityBlock) -> None:
        super().append(item)
        self.news.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self) < count:
                self.news.clear()
                await self.news.wait()


async def test_conversation() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            await monitor.say(*encode_text_packet(MonitorText(100, "sending")))
            for time in (43200, 43201):
                await monitor.say(*block(0, time), *block(1, time, 3j))

    blocks = Blocks()
    async with monitored(hear) as (monitor, node):
        feed = await node.open_monitor(JOB)
        assert [p.number for p in feed.products] == [0, 1]
        assert [s.identifier for s in feed.scans] == ["No0001"]
        await feed.request(feed.products, blocks.append)
        await blocks.wait_for(4)
        with pytest.raises(ValueError, match="one selection"):
            await feed.request(feed.products, blocks.append)
        await feed.close()
        await feed.close()
        await monitor.closed.wait()
        assert monitor.requests == [
            InputFilePath(JOB),
            FftSize(32),
            StartProductRequests(),
            ProductRequest(0, 0, 16),
            ProductRequest(1, 16, 16),
            EndProductRequests(),
            CloseConnection(),
        ]
        await node.fence()
    assert [(b.product, b.time, b.scan, b.source) for b in blocks] == [
        (0, 43200, "No0001", "SRCA"),
        (1, 43200, "No0001", "SRCA"),
        (0, 43201, "No0001", "SRCA"),
        (1, 43201, "No0001", "SRCA"),
    ]
    np.testing.assert_allclose(blocks[0].visibility, 1 + 2j, rtol=1e-5)
    assert feed.blocks == 4
    assert [text.text for text in feed.texts] == ["sending"]
    assert feed.failure is None


async def test_a_monitor_that_was_not_asked_for_anything_is_left_in_the_right_order() -> None:
    async with monitored(polite) as (monitor, node):
        feed = await node.open_monitor(JOB)
        with pytest.raises(ValueError, match="selection is empty"):
            await feed.request([], lambda _: None)
        await feed.close()
        await monitor.closed.wait()
    assert monitor.requests == [InputFilePath(JOB), FftSize(32), CloseConnection()]


async def test_data_are_asked_for_again_after_a_gap() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            rounds = monitor.requests.count(EndProductRequests())
            await monitor.say(*block(0, 43200 + rounds))
            if rounds < 3:
                await monitor.say(*encode_text_packet(MonitorText(101, "timed out after 0 seconds\n")))

    blocks = Blocks()
    async with monitored(hear) as (monitor, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, blocks.append)
        await blocks.wait_for(3)
        await feed.close()
        await monitor.closed.wait()
    assert [b.time for b in blocks] == [43201, 43202, 43203]
    assert monitor.requests.count(FftSize(32)) == 1
    assert monitor.requests.count(StartProductRequests()) == 3


async def test_asking_in_vain_has_an_end() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            await monitor.say(*encode_text_packet(MonitorText(101, "timed out after 0 seconds\n")))

    async with monitored(hear) as (monitor, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, lambda _: None)
        async with asyncio.timeout(5):
            while len(feed.texts) < 11:
                await node.fence()
        await node.fence()
        assert len(feed.texts) == 11
        assert monitor.requests.count(EndProductRequests()) == 11
        await feed.close()


async def test_server_cannot_watch() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        if isinstance(request, InputFilePath):
            await monitor.say(*encode_text_packet(MonitorText(102, "no monitor_server\n")))

    async with monitored(hear) as (_, node):
        with pytest.raises(ConnectionFailed, match="no monitor_server"):
            await node.open_monitor(JOB)
        await node.fence()


async def test_error_in_the_middle() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            await monitor.say(*block(), *encode_text_packet(MonitorText(102, "monitor_server is gone\n")))

    blocks = Blocks()
    async with monitored(hear) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, blocks.append)
        async with asyncio.timeout(5):
            await feed.wait_ended()
        assert isinstance(feed.failure, ConnectionFailed)
        assert len(blocks) == 1
        await feed.close()


async def test_no_products() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        return None

    async with monitored(hear, patience=BRIEF) as (_, node):
        with pytest.raises(NoReply, match="listed no products"):
            await node.open_monitor(JOB)


@pytest.mark.parametrize(
    "nonsense", [b"\0\0\0\x7e\xff\xff\xff\xff" + bytes(8), b"\0\0\0\x7e\0\0\0\x10" + b"\x7f" * 16]
)
async def test_nonsense_in_the_data(nonsense: bytes) -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            await monitor.say(nonsense)

    async with monitored(hear) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, lambda _: None)
        async with asyncio.timeout(5):
            await feed.wait_ended()
        assert isinstance(feed.failure, ProtocolError)
        await feed.close()
        await node.fence()


async def test_server_dies() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            monitor.talker.writer.transport.abort()

    async with monitored(hear) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, lambda _: None)
        async with asyncio.timeout(5):
            await feed.wait_ended()
        assert isinstance(feed.failure, ConnectionLost)
        await feed.close()


async def test_a_real_server_runs_the_monitor_in_a_channel_always() -> None:
    """Dialled back it would take a real server down; so channels are switched on for this one request."""
    async with monitored(polite, transport="dial-back") as (monitor, node):
        feed = await node.open_monitor(JOB)
        assert isinstance(feed, MonitorFeed)
        assert monitor.switches == [RelaySwitch(True), ChannelsOn(), ChannelsOff()]
        await feed.close()


async def test_a_real_server_is_not_left_soon_after_a_monitor() -> None:
    patience = replace(ROBUST, monitor_close=0.2)
    async with monitored(polite, patience=patience) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.close()
        assert node._session is not None
        free_at = node._session.leave_not_before
        await node.close()
        assert asyncio.get_running_loop().time() >= free_at > 0
