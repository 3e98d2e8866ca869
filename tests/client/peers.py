# SPDX-License-Identifier: GPL-3.0-or-later
"""Far ends for the client: scripted ones on real sockets, and the package's own server."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.patience import Patience
from difxnb.server.gui_server import GuiServer
from difxnb.wire.control import (
    AvailableVersion,
    ChannelData,
    ChannelOpened,
    Command,
    DifxBase,
    EnvironmentVariable,
    ServerEvent,
    ServerVersion,
    StatusRequest,
    VersionRequest,
    VersionsComplete,
    decode_from_client,
    encode,
)
from difxnb.wire.message import Message, parse
from difxnb.wire.packet import Packet, PacketReader

CAPTURES = Path(__file__).parents[1] / "wire" / "captures"

BRIEF = Patience(
    settle=0.0,
    version=0.2,
    fence=0.4,
    check=1.0,
    first_sign=0.4,
    listing=0.4,
    stall=0.4,
    stop=0.5,
    echo=0.2,
    quiet=0.3,
    gentle=0.3,
    look=0.1,
    gone=0.5,
    idle=30.0,
    monitor_close=0.3,
    transfer_close=0.0,
    recorder_close=0.0,
    vex2difx_close=0.0,
    after_job=5.0,
    reconnect=(0.01, 0.05, 0.1),
)
"""Time-outs short enough for tests of silence."""

ROBUST = replace(
    Patience(),
    settle=0.0,
    quiet=0.3,
    look=0.3,
    monitor_close=0.3,
    transfer_close=0.0,
    recorder_close=0.0,
    vex2difx_close=0.0,
    reconnect=BRIEF.reconnect,
)
"""Time-outs long enough for a busy machine, where answers are expected."""


def patience_for(quirks: str | None) -> Patience:
    """Patience with a server that loses what comes in its first moments, or does not."""
    return replace(ROBUST, settle=0.1) if quirks else ROBUST


VERSION_REPLY: tuple[ServerEvent, ...] = (
    ServerVersion("DEVELr7531"),
    DifxBase("/opt/difx"),
    AvailableVersion("DIFX-2.9"),
    EnvironmentVariable("DIFX_BASE", "/opt/difx"),
    VersionsComplete(),
)


class Talker:
    """One accepted connection, seen from the far end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._packets = PacketReader()

    async def packet(self) -> Packet | None:
        """Next packet of the client; None at the end."""
        while (packet := self._packets.next_packet()) is None:
            data = await self.reader.read(65536)
            if not data:
                return None
            self._packets.receive_data(data)
        return packet

    async def events(self) -> AsyncIterator[object]:
        """Everything that the client sends, decoded."""
        while (packet := await self.packet()) is not None:
            yield decode_from_client(packet)

    async def say(self, *events: ServerEvent | bytes) -> None:
        """Send events or bytes."""
        for event in events:
            self.writer.write(event if isinstance(event, bytes) else encode(event))
        await self.writer.drain()

    async def on_channel(self, channel: int, *pieces: bytes) -> None:
        """Open a channel and send pieces on it."""
        await self.say(ChannelOpened(channel), *(ChannelData(channel, piece) for piece in pieces))

    async def serve(
        self,
        answer: Callable[[Talker, object, int], Awaitable[None]],
        data: Callable[[int, bytes], Awaitable[None]] | None = None,
    ) -> None:
        """Answer version requests; hand each body of a command, or status request, with its port to `answer`.

        What comes on channels goes to `data`, or nowhere.
        """
        while (packet := await self.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await self.say(*VERSION_REPLY)
            elif isinstance(event, Command):
                message = parse(event.payload)
                assert isinstance(message, Message), message
                await answer(self, message.body, getattr(message.body, "port", None) or 0)
            elif isinstance(event, StatusRequest):
                await answer(self, event, event.port)
            elif isinstance(event, ChannelData) and data is not None:
                await data(event.channel, event.data)


Script = Callable[[Talker], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[int]:
    """Listen on a free port; each connection is handed to `script` and closed when that returns."""
    tasks: set[asyncio.Task[None]] = set()
    mistakes: list[Exception] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(Talker(reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        except Exception as error:  # noqa: BLE001 - a mistake in a script fails the test at its end
            mistakes.append(error)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        if mistakes:
            raise mistakes[0]


@asynccontextmanager
async def head_node_at(
    port: int, *, patience: Patience = ROBUST, timeout: float = 20.0, **options: object
) -> AsyncIterator[AsyncHeadNode]:
    """A connected head node, closed by force at the end."""
    node = AsyncHeadNode("127.0.0.1", port, patience=patience, timeout=timeout, **options)
    try:
        await node.connect()
        yield node
    finally:
        await node.close(force=True)


@asynccontextmanager
async def own_server(
    root: Path, quirks: str | None = None, port: int = 0, **options: Any
) -> AsyncIterator[GuiServer]:
    """The package's own server, on a free port if none is given."""
    server = GuiServer(root.resolve(), quirks=quirks, port=port, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def relayed(port: int) -> AsyncIterator[int]:
    """Relay to a server that may go on when the relay is gone."""

    async def relay(talker: Talker) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ways = {
            asyncio.create_task(_copy(talker.reader, writer)),
            asyncio.create_task(_copy(reader, talker.writer)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()

    async with scripted(relay) as outside:
        yield outside


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def captured(name: str) -> list[tuple[str, bytes]]:
    """Chunks of a recorded conversation: direction (``"c2s"``, ``"s2c"``) and bytes."""
    plain = CAPTURES / f"{name}.jsonl"
    packed = plain.with_name(f"{name}.jsonl.gz")
    text = plain.read_text() if plain.exists() else gzip.decompress(packed.read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    return [(row["dir"], bytes.fromhex(row["hex"])) for row in rows]


def captured_reply(name: str) -> tuple[int, bytes]:
    """The first channel of a recording, and everything that the server sent for it."""
    packets = PacketReader()
    packets.receive_data(b"".join(data for direction, data in captured(name) if direction == "s2c"))
    channel, stream = 0, b""
    while (packet := packets.next_packet()) is not None:
        number = int.from_bytes(packet.payload[:4], "big")
        if packet.id == 21 and not channel:
            channel = number
        elif packet.id == 22 and number == channel:
            stream += packet.payload[4:]
    return channel, stream
