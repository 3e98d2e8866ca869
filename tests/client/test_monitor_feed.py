# SPDX-License-Identifier: GPL-3.0-or-later
"""The live monitor: order of requests, products, blocks, gaps, errors, leaving."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from difxnb.client import monitor_feed
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.errors import ConnectionFailed, ConnectionLost, NoReply, ProtocolError
from difxnb.wire.control import (
    ChannelsOff,
    ChannelsOn,
    RelaySwitch,
)
from difxnb.wire.monitor import (
    MonitorText,
)
from difxnb.wire.monitor_packets import (
    CloseConnection,
    EndProductRequests,
    FftSize,
    InputFilePath,
    ProductRequest,
    StartProductRequests,
    encode_text_packet,
)
from tests.client.fake_monitor import JOB, Blocks, FakeMonitor, block, monitored, polite
from tests.client.peers import BRIEF, ROBUST, VERSION_REPLY, head_node_at, scripted


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
    """H10: a path and a size before the close."""
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


async def test_asking_in_vain_becomes_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    """7.13: a server that gives up at once, again and again, is not asked without a pause; nor is it given up."""

    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            if monitor.requests.count(EndProductRequests()) <= 6:
                await monitor.say(*encode_text_packet(MonitorText(101, "timed out after 0 seconds\n")))
            else:
                await monitor.say(*block())

    assert monitor_feed.RESTART_PAUSES[0] == 0.0
    assert min(monitor_feed.RESTART_PAUSES[3:]) >= 1.0
    monkeypatch.setattr(monitor_feed, "RESTART_PAUSES", (0.0, 0.0, 0.05))
    blocks = Blocks()
    async with monitored(hear) as (monitor, node):
        feed = await node.open_monitor(JOB)
        begin = asyncio.get_running_loop().time()
        await feed.request(feed.products, blocks.append)
        await blocks.wait_for(1)
        assert asyncio.get_running_loop().time() - begin >= 4 * 0.05
        assert monitor.requests.count(EndProductRequests()) == 7
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


async def test_a_real_server_watches_one_job_per_connection() -> None:
    """9.7: one monitor at a time."""
    async with monitored(polite, patience=BRIEF) as (monitor, node):
        first = await node.open_monitor(JOB)
        with pytest.raises(ConnectionFailed, match=r"one monitor per connection, and that of .*e_1\.input"):
            await node.open_monitor(JOB)
        assert len(monitor.channels) == 1
        await first.close()
        second = await node.open_monitor(JOB)
        assert len(set(monitor.channels)) == 2
        await second.close()


async def test_a_real_server_without_channels_is_not_asked_for_a_monitor() -> None:
    """H3, H4, H13: it would have to dial back, and dies of that."""
    script = FakeMonitor(polite)
    script.version_reply = VERSION_REPLY[:-1]
    async with scripted(script) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(
            ConnectionFailed, match="knows no channels, and a monitor that it has to dial back"
        ):
            await node.open_monitor(JOB)
        assert script.channels == []


async def test_gaps_are_told_of() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            if monitor.requests.count(EndProductRequests()) == 1:
                await monitor.say(*encode_text_packet(MonitorText(101, "timed out after 3 seconds\n")))
            else:
                await monitor.say(*block())

    blocks, gaps = Blocks(), []
    async with monitored(hear) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, blocks.append, on_gap=gaps.append)
        await blocks.wait_for(1)
        await feed.close()
    assert gaps == ["timed out after 3 seconds"]


async def test_texts_are_kept_in_a_ring_that_counts() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await polite(monitor, request)
        if isinstance(request, EndProductRequests):
            for number in range(1003):
                await monitor.say(*encode_text_packet(MonitorText(100, f"{number}")))
            await monitor.say(*block())

    blocks = Blocks()
    async with monitored(hear) as (_, node):
        feed = await node.open_monitor(JOB)
        await feed.request(feed.products, blocks.append)
        await blocks.wait_for(1)
        assert (feed.texts[0].text, len(feed.texts), feed.dropped_texts) == ("3", 1000, 3)
        await feed.close()
