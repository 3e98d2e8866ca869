# SPDX-License-Identifier: GPL-3.0-or-later
"""The first moments of a connection: who has to show a token does, in time, and who may not stay hears why.

In: a fresh connection. Out: what a client said after its token, or its end. Old clients read the reason in an ERROR
packet; those of this package know packet 1000.
"""

from __future__ import annotations

import asyncio
import logging

from difxnb.server.access import NO_TOKEN, TOO_LATE, TOO_MANY_GUESSES, WRONG_TOKEN, Doorkeeper, Verdict
from difxnb.server.greeting import error_notice
from difxnb.server.outbox import Outbox
from difxnb.wire.control import AccessRefused, encode

_LOG = logging.getLogger(__name__)
_READ = 2048
_ABOUT_TOKENS = (NO_TOKEN, WRONG_TOKEN, TOO_LATE)


async def let_in(keeper: Doorkeeper, host: str, reader: asyncio.StreamReader, outbox: Outbox) -> bytes | None:
    """Wait for the token where one is wanted.

    Returns
    -------
    bytes or None
        What came after it; None when the client is not let in or has gone.
    """
    if not keeper.wants_token:
        return b""
    keeper.meet(host)
    try:
        verdict = await _first_words(keeper, reader)
    finally:
        keeper.know(host)
    if keeper.is_guessed_at(
        host
    ):  # or many tokens at once would be looked at before the first one costs time
        verdict = Verdict(TOO_MANY_GUESSES)
    elif verdict.refusal == WRONG_TOKEN:
        await _wait_out(keeper, host)
    if verdict.refusal:
        await turn_away(keeper, host, reader, outbox, verdict.refusal)
        return None
    return verdict.rest


async def turn_away(
    keeper: Doorkeeper, host: str, reader: asyncio.StreamReader, outbox: Outbox, reason: str
) -> None:
    """Tell a client why it may not stay, and see to it that it can read that."""
    keeper.refused[reason] += 1
    count = keeper.refused[reason]
    _LOG.log(
        logging.WARNING if count & (count - 1) == 0 else logging.DEBUG,  # a flood must not fill the log
        "a client at %s was refused: %s (%d so far)",
        host,
        reason,
        count,
    )
    refusal = encode(AccessRefused(reason)) if reason in _ABOUT_TOKENS else b""
    await outbox.send(error_notice(f"access refused: {reason}") + refusal)
    await outbox.part(reader)


async def _wait_out(keeper: Doorkeeper, host: str) -> None:
    """Keep who guesses waiting, and its address out, whether or not it stays for the answer."""
    try:
        await asyncio.sleep(keeper.penalty(host, asyncio.get_running_loop().time()))
    finally:
        keeper.forgive(host)


async def _first_words(keeper: Doorkeeper, reader: asyncio.StreamReader) -> Verdict:
    said = b""
    try:
        async with asyncio.timeout(keeper.limits.token_time):
            while (verdict := keeper.hear(said)) is None:
                data = await reader.read(_READ)
                if not data:
                    raise ConnectionResetError("the client went before it showed a token")
                said += data
    except TimeoutError:
        return Verdict(TOO_LATE)
    return verdict
