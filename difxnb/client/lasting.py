# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server does for long: waited for in bounded time, and followed to its end even when nobody waits any more.

A real server goes on with what was given up here, and dies if the connection is closed meanwhile (H2, guiserver.md
9.6); so its words are read on in the background, and leaving waits for them. Ours ends it with its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from difxnb.client.patience import within
from difxnb.client.session import Session

_log = logging.getLogger(__name__)


async def lasting(session: Session, work: Coroutine[None, None, None], what: str, timeout: float) -> None:
    """Wait for something that reads what a server says until it has said it all.

    Parameters
    ----------
    session : Session
        Over which the server speaks.
    work : coroutine
        Reads to the end, and closes what it reads from.
    what : str
        What was asked, for texts.
    timeout : float
        Seconds.

    Raises
    ------
    NoReply
        The time is over; the server may go on.
    ConnectionLost
        The session ended before.
    DifxError
        What `work` raises.
    """
    task = session.spawn(work, f"difxnb {what}")
    try:
        async with within(timeout, f"{what}: {session.peer} did not finish, and may go on"):
            await asyncio.shield(task)
    except asyncio.CancelledError:
        if (
            task.cancelled() and session.lost is not None
        ):  # ended with its session, not by whoever waits for it
            raise session.loss() from None
        raise
    finally:
        if not task.done():
            await _give_up(session, task, what)


async def _give_up(session: Session, task: asyncio.Task[None], what: str) -> None:
    if session.description.is_own or session.lost is not None:
        task.cancel()
        await asyncio.wait({task})
        return
    _log.warning(
        "%s was given up here and goes on at guiServer, which would crash if it were left now: "
        "closing the connection waits for its end, for up to %g s",
        what,
        session.patience.check,
    )
    session.wind_down(_see_out(task, what), f"rest of {what}")


async def _see_out(task: asyncio.Task[None], what: str) -> None:
    """Wait for the end of something that nobody waits for."""
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.info("the rest of %s: %s", what, error)
