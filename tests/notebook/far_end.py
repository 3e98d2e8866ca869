# SPDX-License-Identifier: GPL-3.0-or-later
"""The far end of blocking calls: servers on a loop of another thread, and lines to them that fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from difxnb.client.blocking import LoopThread
from difxnb.notebook import Correlator, Job
from difxnb.wire.message import Message, Status
from tests.client.peers import Talker, own_server, scripted

T = TypeVar("T")


class FarEnd:
    """Servers for a client on this thread."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop, self.stack = loop, AsyncExitStack()

    def enter(self, server: AbstractAsyncContextManager[T]) -> T:
        return self.loop.call(self.stack.enter_async_context(server))


class Line:
    """A relay to a server that can be cut, fall silent, or bring nonsense."""

    def __init__(self, port: int) -> None:
        self.port, self.silent, self.dead = port, False, False
        self._talkers: list[Talker] = []

    async def __call__(self, talker: Talker) -> None:
        if self.dead:
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._talkers.append(talker)
        ways = {
            asyncio.create_task(self._up(talker, writer)),
            asyncio.create_task(self._down(reader, talker)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()

    async def _up(self, talker: Talker, writer: asyncio.StreamWriter) -> None:
        while data := await talker.reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, talker: Talker) -> None:
        while data := await reader.read(65536):
            if not self.silent:
                await talker.say(data)

    async def cut(self) -> None:
        for talker in self._talkers:
            talker.writer.transport.abort()

    async def go_dead(self) -> None:
        """Cut it, and let nobody in any more."""
        self.dead = True
        await self.cut()

    async def fall_silent(self) -> None:
        self.silent = True

    async def rave(self) -> None:
        await self._talkers[-1].say(b"\0\0\0\x08\xff\xff\xff\xff")


@asynccontextmanager
async def line_to(root: Path) -> AsyncIterator[tuple[Line, int]]:
    """A server that passes for a real one, behind a line."""
    async with own_server(root, "real-name") as server:
        line = Line(server.port)
        async with scripted(line) as port:
            yield line, port


def job_at(difx: Correlator, path: Path) -> Job:
    """A job whose machines are set."""
    job = difx.job(path)
    hosts = ["localhost"] * job.input.active_datastreams
    job.set_machines(head_node="localhost", datastreams=hosts, processors={"localhost": 2})
    return job


def once_running(difx: Correlator, act: object) -> threading.Event:
    """Call `act` (or nothing) when a job reports progress; the event is set then."""
    running = threading.Event()

    def look(item: object) -> None:
        if isinstance(item, Message) and isinstance(item.body, Status) and item.body.state == "Running":
            if not running.is_set() and callable(act):
                act()
            running.set()

    difx.messages.subscribe(look, type="status")
    return running
