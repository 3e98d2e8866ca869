# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for tests of the server: says what it is told, keeps all it hears, waits for events and never sleeps."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from difxnb.server import GuiServer
from difxnb.wire import control
from difxnb.wire.job import TERMINAL, JobEvent, decode_job
from difxnb.wire.message import Alert, Body, Header, Message, Unparsed, command_xml, parse, to_xml
from difxnb.wire.packet import BodyLength, Packet, PacketReader

TIMEOUT = 60.0


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test on a loop of its own, in bounded time."""
    asyncio.run(asyncio.wait_for(main, 2 * TIMEOUT))


@asynccontextmanager
async def serving(root: Path, **options: Any) -> AsyncIterator[GuiServer]:
    """A server on a free port."""
    server = GuiServer(root, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def alert(text: str) -> bytes:
    """A document that is only there to be relayed."""
    header = Header(source="h", mpi_id=0, identifier="j", type="DifxAlertMessage")
    return to_xml(Message(header=header, body=Alert(text=text, severity=4), sequence=0, size=0))


class Peer:
    """One main connection, with everything that came in on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.packets = PacketReader()
        self.raw: list[Packet] = []
        self.events: list[control.ServerEvent] = []
        self.streams: dict[int, bytearray] = defaultdict(bytearray)
        self.pieces: dict[int, list[bytes]] = defaultdict(list)
        self.exchanges: dict[int, tuple[PacketReader, list[Packet], int]] = {}
        self.closed = False

    @classmethod
    async def connect(cls, server: GuiServer, *, channels: bool = True) -> Peer:
        peer = cls(*await asyncio.open_connection("127.0.0.1", server.port))
        if channels:
            await peer.send(control.ChannelsOn())
        return peer

    async def send(self, *events: control.ClientEvent | bytes) -> None:
        self.writer.write(b"".join(e if isinstance(e, bytes) else control.encode(e) for e in events))
        await self.writer.drain()

    async def command(self, body: Body) -> None:
        await self.send(control.Command(command_xml(body)))

    async def say(self, channel: int, *pieces: bytes) -> None:
        await self.send(*(control.ChannelData(channel, piece) for piece in pieces))

    async def until(self, found: Callable[[], bool], what: str = "") -> None:
        """Read until something is true; TimeoutError and EOFError say what was waited for."""
        async with asyncio.timeout(TIMEOUT):
            while not found():
                data = await self.reader.read(2**16)
                if not data:
                    self.closed = True
                    if not found():
                        raise EOFError(
                            f"closed before {what or 'what was waited for'}; heard {self.events[-5:]}"
                        )
                    return
                self._take(data)

    async def fence(self) -> None:
        """Wait until all that was sent before has been dealt with."""
        before = sum(isinstance(e, control.VersionsComplete) for e in self.events)
        await self.send(control.VersionRequest())
        await self.until(
            lambda: sum(isinstance(e, control.VersionsComplete) for e in self.events) > before, "18"
        )

    async def eof(self) -> None:
        """Read to the end of the connection."""
        await self.until(lambda: self.closed, "the end")

    async def stream(self, channel: int, length: int) -> bytes:
        """Wait for so many bytes of a channel."""
        await self.until(lambda: len(self.streams[channel]) >= length, f"{length} bytes on channel {channel}")
        return bytes(self.streams[channel])

    async def ended(self, channel: int) -> list[int]:
        """Wait for the terminal packet of a job's channel; the ids of all packets on it."""
        await self.until(lambda: self.job_has_ended(channel), f"the end of job {channel}")
        return [int(e.id) for e in self.job(channel)]

    async def reaches(self, channel: int, packet: int) -> None:
        """Wait for one packet of a job's channel."""
        await self.until(lambda: packet in [int(e.id) for e in self.job(channel)], f"{packet} on {channel}")

    def exchange(self, channel: int, body_length: BodyLength | None = None) -> list[Packet]:
        """Packets on a channel so far; only what is new is parsed."""
        if channel not in self.exchanges:
            self.exchanges[channel] = (PacketReader(body_length=body_length), [], 0)
        reader, found, fed = self.exchanges[channel]
        reader.receive_data(bytes(self.streams[channel][fed:]))
        while (packet := reader.next_packet()) is not None:
            found.append(packet)
        self.exchanges[channel] = (reader, found, len(self.streams[channel]))
        return found

    def job(self, channel: int) -> list[JobEvent]:
        return [e for e in map(decode_job, self.exchange(channel)) if isinstance(e, JobEvent)]

    def job_has_ended(self, channel: int) -> bool:
        last = self.exchange(channel)[-1:]
        return bool(last) and last[0].id in TERMINAL

    def notices(self, severity: int | None = None) -> list[str]:
        return [
            e.text
            for e in self.events
            if isinstance(e, control.Notice) and severity in (None, int(e.severity))
        ]

    def relayed(self) -> list[Message | Unparsed]:
        return [parse(e.payload) for e in self.events if isinstance(e, control.Relayed)]

    async def close(self) -> None:
        self.writer.close()
        await asyncio.wait([asyncio.ensure_future(self._closed())], timeout=TIMEOUT)

    async def _closed(self) -> None:
        try:
            await self.writer.wait_closed()
        except ConnectionError:  # the server was quicker
            return

    def _take(self, data: bytes) -> None:
        self.packets.receive_data(data)
        while (packet := self.packets.next_packet()) is not None:
            self.raw.append(packet)
            event = control.decode_from_server(packet)
            self.events.append(event)
            if isinstance(event, control.ChannelData):
                self.streams[event.channel] += event.data
                self.pieces[event.channel].append(event.data)
