# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation about one job with the client that started it.

In: steps, as the checks and the correlator give them. Out: packets on the side connection and notices on
the main one, in that order. A client that reads slowly loses lines of output, counted, and never holds
up the job.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from difxnb.server.side import SideConnection
from difxnb.server.start_plan import Step
from difxnb.wire.control import Notice, encode
from difxnb.wire.job import TERMINAL, JobEvent, JobId, encode_job

MAX_WAITING = 10_000
"""Steps that may wait for the client."""

MAX_CHARACTERS = 4 * 2**20
"""Characters of their texts."""


class Follower:
    """Tells one client about one job.

    Parameters
    ----------
    side : SideConnection
        Where job packets go.
    send : callable
        Sends a packet on the main connection.
    """

    def __init__(self, side: SideConnection, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._side, self._send = side, send
        self._waiting: deque[Step] = deque()
        self._news = asyncio.Event()
        self._dropped = self._characters = 0
        self._side_is_gone = False
        self.closed = False

    def report(self, step: Step) -> None:
        """Take a step; lines beyond the bound are dropped, the terminal packet never is."""
        if self.closed:
            return
        is_full = len(self._waiting) >= MAX_WAITING or self._characters >= MAX_CHARACTERS
        if is_full and not is_terminal(step):
            self._dropped += 1
            return
        self._characters += len(step.text)
        self._waiting.append(step)
        self._news.set()

    async def say(self, step: Step) -> None:
        """Send a step now. A side connection that broke loses its packets, and nothing else happens.

        Raises
        ------
        ConnectionError
            The main connection is gone.
        """
        if isinstance(step, Notice):
            await self._send(encode(step))
        elif not self._side_is_gone:
            try:
                await self._side.write(encode_job(step))
            except ConnectionError:
                self._side_is_gone = True

    async def run(self) -> None:
        """Send steps as they come, up to the terminal one."""
        try:
            while True:
                await self._news.wait()
                step = self._waiting.popleft()
                self._characters -= len(step.text)
                if not self._waiting:
                    self._news.clear()
                if is_terminal(step) and self._dropped:
                    await self.say(self._loss())
                await self.say(step)
                if is_terminal(step):
                    return
        finally:
            self.closed = True
            self._waiting.clear()

    def _loss(self) -> Step:
        text = f"warning: {self._dropped} lines of output were dropped: this client reads too slowly"
        return JobEvent(JobId.DIFX_WARNING, text)


def is_terminal(step: Step) -> bool:
    """Whether nothing follows this step."""
    return isinstance(step, JobEvent) and step.id in TERMINAL
