# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs as a real guiServer, mpifxcorr and monitor_server sent them, played back to the client."""

from __future__ import annotations

import asyncio

import numpy as np

from difxnb.client.placement import Placement
from difxnb.client.start_options import StartOptions
from difxnb.wire.control import (
    ChannelData,
    ChannelOpened,
    Command,
    Notice,
    Relayed,
    StartMonitor,
    VersionRequest,
    decode_from_client,
    decode_from_server,
)
from difxnb.wire.files import encode_line
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import FileOperation, Message, Start, Status, Stop, parse
from difxnb.wire.monitor import VisibilityBlock
from difxnb.wire.monitor_packets import CloseConnection, EndProductRequests, InputFilePath, decode_request
from difxnb.wire.packet import PacketReader, UnknownPacket
from tests.client.peers import VERSION_REPLY, Talker, captured, head_node_at, scripted

JOB = "/srv/difx-soft/jobs/demo1/demo1.input"
WHERE = Placement(("vm",) * 6, (1, 1))


class Recording:
    """The server's packets of a recording; those of the job and the monitor under the numbers of the client."""

    def __init__(self, name: str) -> None:
        self.monitor = self.job = 0
        for event in self._events(name, "c2s"):
            if isinstance(event, StartMonitor):
                self.monitor = event.port
            elif isinstance(event, Command):
                message = parse(event.payload)
                if isinstance(message, Message) and isinstance(message.body, Start):
                    self.job = message.body.port or 0
        everything = list(self._events(name, "s2c"))
        self.listing = [
            e for e in everything[: self._end_of_list(everything)] if self._is_of(e, self.monitor)
        ]
        self.rest = everything[self._end_of_list(everything) :]

    @staticmethod
    def _events(name: str, direction: str) -> list[object]:
        reader = PacketReader()
        reader.receive_data(b"".join(data for which, data in captured(name) if which == direction))
        decode = decode_from_client if direction == "c2s" else decode_from_server
        events: list[object] = []
        while (packet := reader.next_packet()) is not None:
            events.append(decode(packet))
        return events

    def _end_of_list(self, events: list[object]) -> int:
        """Index behind the last piece of the product list (packet 143, without payload)."""
        ends = [
            index
            for index, event in enumerate(events)
            if event == ChannelData(self.monitor, (143).to_bytes(4, "big"))
        ]
        return ends[0] + 2 if ends else 0

    @staticmethod
    def _is_of(event: object, channel: int) -> bool:
        return isinstance(event, ChannelOpened | ChannelData) and event.channel == channel


class Playback:
    """Server that plays a recording: the list when asked for it, the rest at the start of the job."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.numbers: dict[int, int] = {}
        self.stopped = self.left = False
        self._requests = PacketReader()

    async def __call__(self, talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await talker.say(*VERSION_REPLY)
            elif isinstance(event, StartMonitor):
                self.numbers[self.recording.monitor] = event.port
                await talker.say(ChannelOpened(event.port))
            elif isinstance(event, ChannelData):
                self._requests.receive_data(event.data)
                await self.answer_monitor(talker)
            elif isinstance(event, Command):
                await self.answer(talker, parse(event.payload))

    async def answer_monitor(self, talker: Talker) -> None:
        while (packet := self._requests.next_packet()) is not None:
            request = decode_request(packet)
            if isinstance(request, InputFilePath):
                await self.play(talker, self.recording.listing)
            self.left = self.left or isinstance(request, CloseConnection)
            assert not isinstance(request, UnknownPacket)
            assert not (self.left and isinstance(request, EndProductRequests))

    async def answer(self, talker: Talker, message: object) -> None:
        body = message.body if isinstance(message, Message) else None
        if isinstance(body, FileOperation):
            line = b"-rw-r--r-- 1 o o 1 2026-11-22 10:52:00.000000000 +0000 " + JOB.encode()
            await talker.on_channel(body.port or 0, encode_line(line), bytes(4))
        elif isinstance(body, Start):
            self.numbers[self.recording.job] = body.port or 0
            await self.play(talker, self.recording.rest)
        elif isinstance(body, Stop):
            self.stopped = True

    async def play(self, talker: Talker, events: list[object]) -> None:
        for event in events:
            if isinstance(event, ChannelOpened) and event.channel in self.numbers:
                await talker.say(ChannelOpened(self.numbers[event.channel]))
            elif isinstance(event, ChannelData) and event.channel in self.numbers:
                await talker.say(ChannelData(self.numbers[event.channel], event.data))
            elif isinstance(event, Relayed | Notice):
                await talker.say(event)


async def test_monitored_job() -> None:
    heard: list[object] = []
    blocks: list[VisibilityBlock] = []
    playback = Playback(Recording("25_start_monitor_relay"))

    def subscriber(item: object, time: float) -> None:
        heard.append(item)

    async with scripted(playback) as port, head_node_at(port, subscriber=subscriber) as node:
        feed = await node.open_monitor(JOB)
        assert len(feed.scans) == 2
        assert len(feed.products) == 96
        first = [product for product in feed.products if product.scan == feed.scans[0].index]
        # A real 2.9 announces one offset for the four products of a baseline and band.
        assert [product.offset for product in first[:5]] == [0, 128, 256, 384, 1536]
        await feed.request(first[:3], blocks.append)
        started = await node.start_job(
            JOB, WHERE, options=StartOptions("RUN_MONITOR"), on_event=lambda _: None
        )
        async with asyncio.timeout(20):
            outcome = await started.wait()
        await node.fence()
        await feed.close()
    assert outcome is JobOutcome.DONE
    # What the recorded client had asked for: each product in each integration.
    numbers, times = {block.product for block in blocks}, {block.time for block in blocks}
    assert len(blocks) == feed.blocks
    assert {(block.product, block.time) for block in blocks} >= {(n, t) for n in numbers for t in times}
    assert len(blocks) > 40
    assert all(np.isfinite(block.visibility).all() and block.channels == 128 for block in blocks)
    assert {block.scan for block in blocks} == {"No0001", "No0002"}
    states = [m.body.state for m in heard if isinstance(m, Message) and isinstance(m.body, Status)]
    assert states[0] == "Starting"
    assert states[-1] == "Done"
    assert playback.left


async def test_stopped_job() -> None:
    playback = Playback(Recording("27_stop_running_job"))
    async with scripted(playback) as port, head_node_at(port) as node:
        started = await node.start_job(JOB, WHERE, on_event=lambda _: None)
        await node.stop_job(JOB, started)
        assert started.outcome is JobOutcome.STOPPED
    assert playback.stopped


async def test_job_without_data() -> None:
    """A real server calls it a graceful end when all recordings are missing."""
    playback = Playback(Recording("31_start_missing_data"))
    async with scripted(playback) as port, head_node_at(port) as node:
        started = await node.start_job(JOB, WHERE, on_event=lambda _: None)
        async with asyncio.timeout(20):
            assert await started.wait() in (JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS)
