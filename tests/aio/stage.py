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
from tests.client.peers import ROBUST
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


async def until_true(difx: aio.Correlator, holds: Callable[[], bool]) -> None:
    """Let the connection work until something holds."""
    async with asyncio.timeout(30):
        while not holds():
            await difx.head_node.fence()
