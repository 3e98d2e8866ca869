# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end with a live monitor that does as a test says, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from difxnb.client.head_node import AsyncHeadNode
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
    Product,
    Scan,
    VisibilityBlock,
    encode_block,
    encode_product_list,
    encode_scan,
    measure_lags,
)
from difxnb.wire.monitor_packets import CloseConnection, InputFilePath, decode_request
from difxnb.wire.packet import PacketReader
from tests.client.peers import VERSION_REPLY, Talker, head_node_at, scripted

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
        self.begun: list[float] = []  # when each exchange began, on the loop's clock
        self.channels: list[int] = []
        self.version_reply = VERSION_REPLY

    async def __call__(self, talker: Talker) -> None:
        self.talker = talker
        reader = PacketReader()
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await talker.say(*self.version_reply)
            elif isinstance(event, Command):
                await self.look(parse(event.payload))
            elif isinstance(event, StartMonitor):
                reader = PacketReader()
                self.channel = event.port
                self.channels.append(event.port)
                self.begun.append(asyncio.get_running_loop().time())
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


def in_exchanges(requests: list[object]) -> list[list[object]]:
    """Requests of each exchange; a path begins one."""
    found: list[list[object]] = []
    for request in requests:
        if isinstance(request, InputFilePath):
            found.append([])
        found[-1].append(request)
    return found


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
