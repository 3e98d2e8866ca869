# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the client waits for what, in one place, so that a slow link or a test can change it.

The values follow guiserver.md 9.5, where what was measured on a real server is listed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
    fence, check : float
        Wait for a fence; longer while the server runs a configuration check, which blocks its reader.
    first_sign : float
        From a request to the server's opening of the side connection.
    listing : float
        Between two lines of a listing or two records of a status report.
    stall : float
        Silence in the middle of a transfer.
    stop : float
        From a stop to the end of the job.
    quiet : float
        How long a stopped job that another connection started must stay silent to count as stopped.
    idle : float
        Silence after which the server is asked for a sign of life.
    monitor_close : float
        After the end of a live monitor a real server must not be left for this long.
    after_job : float
        A main connection lost this soon after the end of a job is a known fault of real servers.
    reconnect : tuple of float
        Pauses before each attempt to connect again after that.
    """

    connect: float = 10.0
    settle: float = 0.1
    version: float = 2.0
    version_tries: int = 3
    fence: float = 30.0
    check: float = 120.0
    first_sign: float = 15.0
    listing: float = 60.0
    stall: float = 30.0
    stop: float = 60.0
    quiet: float = 3.0
    idle: float = 30.0
    monitor_close: float = 10.0
    after_job: float = 10.0
    reconnect: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0)


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
