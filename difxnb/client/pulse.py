# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server is still there: guiServer has no ping, and a dead one can look alive for hours.

In: the times at which something was heard. Out: the verdict that a connection is lost, when a silent server
does not answer a fence either. Mirrors guiserver.md 9.1 and 9.4.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from difxnb.errors import ConnectionLost, NoReply


class Pulse:
    """Signs of life of one server.

    Parameters
    ----------
    fence : callable
        Waits for an answer of the server, at most so many seconds; raises NoReply, ConnectionLost.
    lose : callable
        Told why the connection counts as lost.

    Attributes
    ----------
    heard_until : float
        When something last came, unix seconds.
    """

    def __init__(
        self, fence: Callable[[float], Awaitable[None]], lose: Callable[[str, BaseException], None]
    ) -> None:
        self.heard_until = time.time()
        self._fence, self._lose = fence, lose
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._certain = asyncio.Event()
        self._certain.set()

    def beat(self) -> None:
        """Note that something came."""
        self._last_heard, self.heard_until = self._loop.time(), time.time()

    def stop(self) -> None:
        """End all doubt: the connection is lost."""
        self._certain.set()

    async def probe(self, patience: float) -> bool:
        """Find out whether the server is still there; where it is not, the connection is lost."""
        try:
            await self._fence(patience)
        except NoReply as error:
            self._lose(f"{error}; it may have died, or the network between", error)
            return False
        except ConnectionLost:
            return False  # everyone has been told already
        return True

    async def watch(self, idle: float, patience: float) -> None:
        """Ask for a sign of life whenever the server was silent for `idle` seconds, until it is lost."""
        alive = True
        while alive:
            silent = self._loop.time() - self._last_heard
            if silent < idle:
                await asyncio.sleep(idle - silent)
            else:
                alive = await self.probe(patience)

    def doubt(self) -> None:
        """Let `certainty` wait until `resolve` has found out whether the server is still there."""
        self._certain.clear()

    async def resolve(self, patience: float) -> None:
        """Find out, after `doubt`."""
        try:
            await self.probe(patience)
        finally:
            self._certain.set()

    async def certainty(self) -> None:
        """Wait until the server has answered since the last doubt, or the connection is lost."""
        await self._certain.wait()
