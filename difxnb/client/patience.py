# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the client waits for what, in one place, so that a slow link or a test can change it.

The values follow guiserver.md 9.5, where what was measured on a real server is listed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain, repeat

from difxnb.errors import NoReply


@dataclass(frozen=True, slots=True)
class Patience:
    """Time-outs and intervals of one connection, all in seconds.

    Attributes
    ----------
    connect : float
        For the whole of connecting: TCP, settling and the version conversation.
    settle : float
        Pause after connecting; a real server drops what comes within its first milliseconds.
    version, version_tries : float, int
        Wait for the answer to a version request before it is repeated, and how many are sent.
    dial_back : float
        For finding out whether a real server gets through to us; through channels it is asked otherwise.
    fence, check : float
        Wait for a fence; longer while the server runs a configuration check, which blocks its reader.
    first_sign : float
        From a request to the server's opening of the side connection.
    echo : float
        From sending a message into the network to its coming back through the relay.
    listing : float
        Between two lines of a listing or two records of a status report.
    stall : float
        Silence in the middle of a transfer.
    stop : float
        From a stop to the end of the job.
    quiet : float
        How long a stopped job that another connection started must stay silent to count as stopped.
    gentle : float
        How long a job is given to end by itself before its processes are killed.
    look : float
        Between two looks at the status, log and output of a job that nobody reports the end of.
    gone : float
        Silence of such a job, no sign of life anywhere, after which its outcome counts as unknown.
    idle : float
        Silence after which the server is asked for a sign of life.
    monitor_close : float
        After the end of a live monitor a real server must not be left for this long.
    transfer_close, recorder_close, vex2difx_close : float
        The same after the end of such operations, whose threads there go on for a while (H2).
    after_job : float
        A main connection lost this soon after the end of a job is a known fault of real servers.
    keep_alive : float
        Between two signs of life that an ssh gateway is asked for; three missed ones end the connection.
    reconnect : tuple of float
        Pauses before the attempts to connect again after a loss; the last one counts for all that follow. Each is
        made up to a half longer or shorter, lest all clients of a server call at once. Empty: no attempts.
    """

    connect: float = 10.0
    settle: float = 0.1
    version: float = 2.0
    version_tries: int = 3
    dial_back: float = 1.5
    fence: float = 30.0
    check: float = 120.0
    first_sign: float = 15.0
    echo: float = 2.0
    listing: float = 60.0
    stall: float = 30.0
    stop: float = 60.0
    quiet: float = 3.0
    gentle: float = 5.0
    look: float = 10.0
    gone: float = 300.0
    idle: float = 30.0
    monitor_close: float = 10.0
    transfer_close: float = 0.3
    recorder_close: float = 1.5
    vex2difx_close: float = 2.5
    after_job: float = 10.0
    keep_alive: float = 15.0
    reconnect: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

    def pauses(self, rng: random.Random) -> Iterator[float]:
        """Pauses between attempts to connect again, without end."""
        for pause in chain(self.reconnect, repeat(self.reconnect[-1]) if self.reconnect else ()):
            yield pause * rng.uniform(0.5, 1.5)


@asynccontextmanager
async def within(seconds: float | None, silence: str) -> AsyncIterator[None]:
    """Raise NoReply with the text `silence` when the block takes longer than `seconds` (None: never)."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired() or isinstance(error, NoReply):
            raise
        raise NoReply(f"{silence} (waited {seconds:g} s)") from error
