# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that can be lost and found again, and what a client heard of it: for tests of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from difxnb.client.head_node import AsyncHeadNode
from difxnb.wire.control import (
    VersionRequest,
    decode_from_client,
)
from difxnb.wire.events import Gap
from tests.client.peers import ROBUST, VERSION_REPLY, Talker, head_node_at, scripted


class Server:
    """A scripted guiServer that answers version requests, and can be told to fail.

    Attributes
    ----------
    told : list of list
        What each connection was told, oldest first.
    """

    def __init__(self) -> None:
        self.told: list[list[object]] = []
        self.talkers: list[Talker] = []
        self.silent = False
        self._news = asyncio.Event()

    async def __call__(self, talker: Talker) -> None:
        told: list[object] = []
        self.told.append(told)
        self.talkers.append(talker)
        while (packet := await talker.packet()) is not None:
            told.append(decode_from_client(packet))
            self._news.set()
            if isinstance(told[-1], VersionRequest) and not self.silent:
                await talker.say(*VERSION_REPLY)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that follows from what is heard."""
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        self.talkers[-1].writer.close()

    async def reset(self) -> None:
        self.talkers[-1].writer.transport.abort()

    async def rave(self) -> None:
        await self.talkers[-1].say(b"\0\0\0\x08\xff\xff\xff\xff")

    async def fall_silent(self) -> None:
        self.silent = True


class Heard:
    """A subscriber that keeps gaps and can be waited for."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.times: list[float] = []
        self._news = asyncio.Event()

    def __call__(self, item: object, when: float) -> None:
        if isinstance(item, Gap):
            self.gaps.append(item)
            self.times.append(when)
            self._news.set()

    async def wait_for(self, count: int) -> list[Gap]:
        async with asyncio.timeout(20):
            while len(self.gaps) < count:
                self._news.clear()
                await self._news.wait()
        return self.gaps


@asynccontextmanager
async def connected(
    **options: object,
) -> AsyncIterator[tuple[Server, AsyncHeadNode, Heard]]:
    """A scripted server, a head node connected to it, and what that hears of gaps."""
    server, heard = Server(), Heard()
    async with (
        scripted(server) as port,
        head_node_at(port, **{"subscriber": heard, "patience": ROBUST, **options}) as node,
    ):
        yield server, node, heard
