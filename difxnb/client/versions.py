# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation about versions on one connection, and the fences that are made of it.

In: events of the server. Out: its description, and proof that it has read everything sent before: guiServer has
no acknowledgements, but the ends of its version lists come in the order of the requests. Mirrors guiserver.md
3.2, 3.3 and 9.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from difxnb.client.fence import Fences
from difxnb.client.patience import Patience, within
from difxnb.client.server_description import Draft, ServerDescription
from difxnb.errors import ConnectionLost, NoReply
from difxnb.wire.control import ServerEvent, ServerVersion, VersionRequest, VersionsComplete, encode


class Versions:
    """What a server says of itself.

    Parameters
    ----------
    send : callable
        Sends one packet; raises ConnectionLost.
    patience : Patience

    Attributes
    ----------
    description : ServerDescription
        What the server last said; empty before it has.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]], patience: Patience) -> None:
        self.description = ServerDescription()
        self._send, self._patience = send, patience
        self._draft = Draft()
        self._fences = Fences()
        self._ends_with_version = False

    def receive(self, event: ServerEvent) -> None:
        """Take in what the server says; what does not belong here is passed over."""
        if isinstance(event, ServerVersion):
            self._draft = Draft()
        self._draft.add(event)
        if isinstance(event, VersionsComplete) or self._ends_with_version:
            self.description = self._draft.finish(knows_channels=not self._ends_with_version)
        if isinstance(event, ServerVersion if self._ends_with_version else VersionsComplete):
            self._fences.answer()

    def fail(self, loss: Callable[[], ConnectionLost]) -> None:
        """Let everyone who waits end with an error of their own."""
        self._fences.fail(loss)

    async def fence(self, wait: float, silence: str) -> None:
        """Ask, and wait for the answer; NoReply with the text `silence` when it does not come in time."""
        # A server that has stopped reading takes nothing in: the sending can hang as well.
        async with within(wait, silence):
            answer = self._fences.expect()
            await self._send(encode(VersionRequest()))
            await answer

    async def greet(self) -> bool:
        """Ask for the version list until it comes; real servers lose what comes right after the connect (H20).

        Returns
        -------
        bool
            False where the server is so old that it knows no channels and never ends the list.

        Raises
        ------
        NoReply
            Nothing that belongs to the list came.
        ConnectionLost
        """
        asked: list[asyncio.Future[None]] = []
        # The last of them must be over before the time for connecting is, or nobody learns what is wrong.
        wait = min(self._patience.version, self._patience.connect / (self._patience.version_tries + 1))
        for _ in range(self._patience.version_tries):
            asked.append(self._fences.expect())
            await self._send(encode(VersionRequest()))
            done, _ = await asyncio.wait(asked, timeout=wait)
            for answer in done:
                answer.result()
            if done:
                await self._settle_answers(asked)
                return True
            if self._draft.version is not None:
                self._take_for_old()
                return False
        raise NoReply(f"no answer to {len(asked)} version requests, {wait:g} s waited for each")

    async def _settle_answers(self, asked: list[asyncio.Future[None]]) -> None:
        """Make requests and answers match again, when nobody knows which of the requests got lost."""
        if len(asked) == 1:
            return
        expected = [*asked, self._fences.expect()]
        await self._send(encode(VersionRequest()))
        wait = self._patience.version
        while pending := [answer for answer in expected if not answer.done()]:
            done, _ = await asyncio.wait(pending[:1], timeout=wait)
            if not done:
                break
            wait = self._patience.version / 4  # answers to requests that did arrive follow each other closely
        self._fences.forget()

    def _take_for_old(self) -> None:
        self._fences.forget()
        self._ends_with_version = True
        self.description = self._draft.finish(knows_channels=False)
