# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching a job over changes of selection, losses of the connection, and a server that gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.monitor_feed import MonitorFeed
from difxnb.client.monitor_watch import MonitorWatch
from difxnb.errors import ConnectionFailed, ConnectionLost, DifxError, RemoteFileNotFound
from difxnb.wire.monitor import MonitorText, Product
from difxnb.wire.monitor_packets import (
    CloseConnection,
    EndProductRequests,
    FftSize,
    InputFilePath,
    ProductRequest,
    StartProductRequests,
    encode_text_packet,
)
from tests.client.fake_monitor import JOB, Blocks, FakeMonitor, block, in_exchanges, monitored, polite
from tests.client.peers import ROBUST

PAUSE = 0.25
PATIENCE = replace(ROBUST, monitor_close=PAUSE)


class Watched:
    """A watch with what a test wants to see of it."""

    def __init__(self, node: AsyncHeadNode, **options: object) -> None:
        self.numbers: Sequence[int] = [0]
        self.blocks = Blocks()
        self.gaps = 0
        self.wanted = True
        self.opening: Callable[[], Awaitable[MonitorFeed]] = lambda: node.open_monitor(JOB)
        self.watch = MonitorWatch(
            lambda: self.opening(),
            begin=self.begin,
            on_block=self.blocks.append,
            on_gap=self.gap,
            is_wanted=lambda: self.wanted,
            pauses=(0.02,),
            **options,
        )

    def begin(self, feed: MonitorFeed) -> list[Product]:
        found = [product for product in feed.products if product.number in self.numbers]
        if not found:
            raise ValueError("no such product")
        return found

    def gap(self) -> None:
        self.gaps += 1

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.watch.events]

    async def until(self, found: Callable[[], bool]) -> None:
        """Wait for what no block announces."""
        async with asyncio.timeout(10):
            while not found():
                await asyncio.sleep(0)


async def sending(monitor: FakeMonitor, request: object) -> None:
    """Send two integrations of what is asked for, in seconds that go on over all exchanges."""
    await polite(monitor, request)
    if isinstance(request, EndProductRequests):
        numbers = [r.number for r in in_exchanges(monitor.requests)[-1] if isinstance(r, ProductRequest)]
        for _ in range(2):
            monitor.second = getattr(monitor, "second", 43200) + 1
            for number in numbers:
                await monitor.say(*block(number, monitor.second))


@asynccontextmanager
async def watching(
    hear=sending, **options: object
) -> AsyncIterator[tuple[FakeMonitor, AsyncHeadNode, Watched]]:
    async with monitored(hear, **{"patience": PATIENCE, **options}) as (monitor, node):
        watched = Watched(node)
        await watched.watch.open()
        try:
            yield monitor, node, watched
        finally:
            await watched.watch.close()


def request(*numbers: int) -> list[object]:
    products = [ProductRequest(number, 16 * number, 16) for number in numbers]
    return [InputFilePath(JOB), FftSize(32), StartProductRequests(), *products, EndProductRequests()]


async def test_a_selection_is_changed_by_closing_waiting_and_beginning_on_another_channel() -> None:
    """7.13; H11 and H13: no FFT size and no request after data have begun to flow."""
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)
        assert watched.watch.pause_of_change == PAUSE
        watched.numbers = [0, 1]
        closing = asyncio.get_running_loop().time()
        await watched.watch.change("both")
        await watched.blocks.wait_for(6)
        assert monitor.begun[1] - closing >= PAUSE, "a real server is busy that long"
        assert len(set(monitor.channels)) == 2
        assert watched.watch.blocks == 6
    assert in_exchanges(monitor.requests) == [
        [*request(0), CloseConnection()],
        [*request(0, 1), CloseConnection()],
    ]
    assert [(b.product, b.time - 43200) for b in watched.blocks] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 3),
        (0, 4),
        (1, 4),
    ]
    assert watched.events == ["opened", "selected", "closed"]
    assert watched.gaps == 2
    assert watched.watch.failure is None


async def test_a_lost_connection_is_not_the_end() -> None:
    async with watching() as (monitor, node, watched):
        await watched.blocks.wait_for(2)
        monitor.talker.writer.transport.abort()
        await watched.blocks.wait_for(4)
        assert (node.reconnections, len(monitor.channels)) == (1, 2)
        assert watched.events == ["opened", "lost", "resumed"]
        assert not watched.watch.ended
        watched.numbers = [1]
        await watched.watch.change("one")
        await watched.blocks.wait_for(6)
    assert [b.product for b in watched.blocks] == [0, 0, 0, 0, 1, 1]


async def test_a_connection_lost_in_the_middle_of_a_change() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)
        right, watched.numbers = watched.opening, [1]

        async def lose() -> MonitorFeed:
            watched.opening = right
            monitor.talker.writer.transport.abort()
            return await right()

        watched.opening = lose
        try:
            await watched.watch.change("one")
        except ConnectionLost:
            assert "gone" in watched.watch.interruption
        await watched.blocks.wait_for(4)
        assert [b.product for b in watched.blocks] == [0, 0, 1, 1]


async def test_what_is_not_wanted_any_more_ends_with_the_connection() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)
        watched.wanted = False
        monitor.talker.writer.transport.abort()
        await watched.until(lambda: watched.watch.ended)
        assert isinstance(watched.watch.failure, ConnectionLost)
        assert watched.events == ["opened", "failed"]
    assert watched.watch.failure is None


async def test_a_job_that_is_gone_after_a_loss_is_a_failure() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)

        async def nothing() -> MonitorFeed:
            raise RemoteFileNotFound("no job")

        watched.opening = nothing
        monitor.talker.writer.transport.abort()
        await watched.until(lambda: watched.watch.ended)
        assert isinstance(watched.watch.failure, RemoteFileNotFound)


async def test_an_error_of_the_server_ends_it_and_another_selection_begins_anew() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await sending(monitor, request)
        if isinstance(request, EndProductRequests) and len(monitor.channels) == 1:
            await monitor.say(*encode_text_packet(MonitorText(102, "monitor_server is gone\n")))

    async with watching(hear) as (_, _, watched):
        await watched.until(lambda: watched.watch.ended)
        assert isinstance(watched.watch.failure, ConnectionFailed)
        await watched.watch.change("again")
        assert watched.watch.failure is None
        await watched.blocks.wait_for(4)
        assert [text.text.strip() for text in watched.watch.texts] == ["monitor_server is gone"]
        assert watched.events == ["opened", "failed", "selected"]


async def test_the_gap_of_a_server_that_gave_up_is_recorded() -> None:
    async def hear(monitor: FakeMonitor, request: object) -> None:
        await sending(monitor, request)
        if isinstance(request, EndProductRequests) and monitor.requests.count(EndProductRequests()) == 1:
            await monitor.say(*encode_text_packet(MonitorText(101, "timed out after 0 seconds\n")))

    async with watching(hear) as (monitor, _, watched):
        await watched.blocks.wait_for(4)
        assert watched.events == ["opened", "restarted"]
        assert (watched.gaps, len(monitor.channels)) == (2, 1)


async def test_an_interrupted_change_says_so_and_can_be_repeated() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)
        changing = asyncio.ensure_future(watched.watch.change("x"))
        await monitor.closed.wait()
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        assert changing.cancelled()
        assert "select again" in str(watched.watch.failure)
        await watched.watch.change("y")
        await watched.blocks.wait_for(4)
        assert watched.watch.failure is None


async def test_a_selection_that_the_new_list_does_not_have() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)
        watched.numbers = [7]
        with pytest.raises(ValueError, match="no such product"):
            await watched.watch.change("x")
        assert isinstance(watched.watch.failure, DifxError)
        watched.numbers = [1]
        await watched.watch.change("y")
        await watched.blocks.wait_for(4)
    # H10: what was never asked for is left in the right order, too
    assert in_exchanges(monitor.requests)[1] == [InputFilePath(JOB), FftSize(32), CloseConnection()]


async def test_closing_while_the_connection_is_gone() -> None:
    async with watching() as (monitor, _, watched):
        await watched.blocks.wait_for(2)

        async def never() -> MonitorFeed:
            await asyncio.Event().wait()
            raise AssertionError

        watched.opening = never
        monitor.talker.writer.transport.abort()
        await watched.until(lambda: "gone" in watched.watch.interruption)
        await watched.watch.close()
        await watched.watch.close()
        assert watched.watch.ended
        assert watched.watch.failure is None
        with pytest.raises(ValueError, match="has been closed; open another one"):
            await watched.watch.change("x")


async def test_the_record_is_a_ring_that_counts() -> None:
    async with watching() as (_, _, watched):
        for number in range(1004):
            watched.watch.note("note", str(number))
        assert len(watched.watch.events) == 1000
        assert watched.watch.dropped_events == 5
