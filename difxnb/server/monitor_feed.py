# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of running jobs on their way to live monitors.

In: the array of results of each integration, as it is written. Out: the same to every monitor of that job,
through a bounded queue each, so that a slow one skips integrations and holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

import numpy as np

from difxnb.server.confinement import Confinement
from difxnb.server.monitor import MonitorSession
from difxnb.server.quirks import Quirks
from difxnb.server.side import SideConnection
from difxnb.wire.monitor import MonitorId, MonitorText, encode_text_packet

QUEUE_LIMIT = 64 * 2**20
"""Bytes of results that may wait for one monitor."""


class DumpQueue:
    """Integrations waiting for one monitor.

    Attributes
    ----------
    skipped : int
        Integrations that found no room, and were not told of yet.
    """

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit, self._bytes = limit, 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._news = asyncio.Event()
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, time: int, result: bytes) -> None:
        """Add an integration, or count it as skipped; one always has room."""
        if self._waiting and self._bytes + len(result) > self._limit:
            self.skipped += 1
            return
        self._waiting.append((time, result))
        self._bytes += len(result)
        self._news.set()

    async def get(self) -> tuple[int, bytes]:
        """Wait for the next integration."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        time, result = self._waiting.popleft()
        self._bytes -= len(result)
        return time, result


class MonitorFeed:
    """All monitors of a server."""

    def __init__(self) -> None:
        self._listeners: list[tuple[MonitorSession, DumpQueue]] = []

    def add(self, session: MonitorSession, queue: DumpQueue) -> None:
        """Begin to feed a monitor."""
        self._listeners.append((session, queue))

    def remove(self, session: MonitorSession) -> None:
        """End it."""
        self._listeners = [(other, queue) for other, queue in self._listeners if other is not session]

    def publish(self, input_file: Path, time: int, result: bytes) -> None:
        """Hand an integration to every monitor of the job."""
        for session, queue in self._listeners:
            if session.input_file == input_file:
                queue.put(time, result)


async def serve_monitor(feed: MonitorFeed, root: Confinement, quirks: Quirks, side: SideConnection) -> None:
    """Converse with a monitor until it closes or its client goes."""
    session, queue = MonitorSession(root, quirks), DumpQueue()
    feed.add(session, queue)
    try:
        async with asyncio.TaskGroup() as both:  # when one fails, so does the other
            sender = both.create_task(_send_data(session, queue, side))
            while not session.closed and (data := await side.read()):
                for pieces in session.receive_data(data):
                    await side.write(pieces)
            sender.cancel()
    except* ConnectionError as lost:
        raise ConnectionResetError("the monitor's client is gone") from lost
    finally:
        feed.remove(session)


async def _send_data(session: MonitorSession, queue: DumpQueue, side: SideConnection) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        # What is here already is not late, however long it took to send what was before it.
        patience = None if queue else session.patience(clock())
        try:
            time, result = await asyncio.wait_for(queue.get(), patience)
        except TimeoutError:
            await side.write(session.give_up())
            continue
        for pieces in session.dump(time, np.frombuffer(result, "<c8"), clock()):
            await side.write(pieces)
            await asyncio.sleep(0)  # encoding takes a while: let other clients have their turn
        if queue.skipped:
            text = f"{queue.skipped} integrations were skipped: this client reads too slowly"
            queue.skipped = 0
            await side.write(encode_text_packet(MonitorText(MonitorId.WARNING, text)))
