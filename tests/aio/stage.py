# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on a server whose correlator does as it is told, and what tests wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from difxnb import aio
from difxnb.server.gui_server import GuiServer
from difxnb.wire.message import Message, Status
from tests.client.peers import ROBUST, Talker
from tests.server.job_clients import scripted as behaving


@asynccontextmanager
async def stage(root: Path, behaviour: str, quirks: str | None = None) -> AsyncIterator[GuiServer]:
    """A server that runs ``scripted_correlator.py BEHAVIOUR`` for every job."""
    server = GuiServer(root.resolve(), quirks=quirks, correlator=behaving(behaviour))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def job_at(path: Path, port: int, **options: object) -> AsyncIterator[tuple[aio.Correlator, aio.Job]]:
    """A connection, and a job on it."""
    async with aio.connect("127.0.0.1", port, **{"patience": ROBUST, **options}) as difx:
        yield difx, difx.job(str(path))


async def place(job: aio.Job) -> None:
    """Set the machines of a job."""
    n_datastreams = (await job.input()).active_datastreams
    await job.set_machines(
        head_node="localhost", datastreams=["localhost"] * n_datastreams, processors={"localhost": 2}
    )


async def until_state(difx: aio.Correlator, state: str = "Running") -> None:
    """Wait for the next message of a state."""
    await until(difx, lambda status: status.state == state)


async def until(difx: aio.Correlator, fits: Callable[[Status], bool]) -> None:
    """Wait for the next status message that fits."""
    told = asyncio.Event()

    def look(item: object) -> None:
        if isinstance(item, Message) and isinstance(item.body, Status) and fits(item.body):
            told.set()

    end = difx.messages.subscribe(look, type="status")
    async with asyncio.timeout(30):
        await told.wait()
    end()


async def until_true(holds: Callable[[], bool]) -> None:
    """Let everything else work until something holds, connected or not."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


class Cable:
    """A relay to a server, to be used with `peers.scripted`: it can be cut, stay cut, or fall silent.

    Attributes
    ----------
    broken : bool
        Whoever connects is dropped at once.
    silent : bool
        Nothing comes down any more.
    cut_before : bytes
        The first data from the server with these bytes in them is not passed on, and the cable is cut.
    """

    def __init__(self, port: int) -> None:
        self.port, self.broken, self.silent, self.cut_before = port, False, False, b""
        self._talkers: list[Talker] = []

    async def __call__(self, talker: Talker) -> None:
        if self.broken:
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

    def cut(self, *, broken: bool = False) -> None:
        """Drop every connection; with `broken` those that come later too."""
        self.broken = broken
        for talker in self._talkers:
            talker.writer.transport.abort()
        self._talkers.clear()

    async def _up(self, talker: Talker, writer: asyncio.StreamWriter) -> None:
        while data := await talker.reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, talker: Talker) -> None:
        while data := await reader.read(65536):
            if self.cut_before and self.cut_before in data:
                self.cut_before = b""
                self.cut()
                return
            if not self.silent:
                await talker.say(data)
