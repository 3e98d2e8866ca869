# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking and doing things over a connection that may be lost and come back.

In: functions of a session. Out: what they give, or a ConnectionLost that says what may have happened. Calls made while
the connection is lost wait for it as long as connecting may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from difxnb.client.lifeline import Lifeline
from difxnb.client.session import Session
from difxnb.client.settings import Settings
from difxnb.errors import AccessDenied, ConnectionLost

T = TypeVar("T")

_log = logging.getLogger(__name__)

# A real server keeps every byte that it was ever sent, also when the connection has gone (guiserver.md 1.3, H28).
_MUCH_SENT = 2**30


class Link(Lifeline):
    """A guiServer that can be asked for things and told to do them; parameters as those of `Lifeline`."""

    _sent_when_told = 0

    async def apply(self, settings: Settings) -> None:
        """Have the server take `settings`, now and after every reconnection.

        They are kept whatever happens: where the connection is lost meanwhile, the next one gets them.

        Raises
        ------
        NoReply, ConnectionLost
        """
        self.settings = settings
        await self.do(
            "settings of the connection", lambda session: session.take_settings(settings), changes=False
        )

    async def _ready(self, what: str) -> Session:
        """Give a session that stands, as far as anyone knows; wait for one as long as connecting may take."""
        if self._session is not None:
            await self._session.certainty()
        if self.absence is not None:
            with contextlib.suppress(TimeoutError):  # what is known by then is said below
                async with asyncio.timeout(self.patience.connect):
                    await self._settled.wait()
        if self._session is None or self._closed:
            raise ConnectionLost(f"{what}: there is no connection to {self.where}; connect first")
        if self._session.lost is not None:
            raise ConnectionLost(
                f"{what}: not begun, {self._session.lost}; {self.absence}. reconnect() tries at once"
            ) from self._session.lost
        return self._session

    def _watch_what_was_sent(self) -> None:
        if self.bytes_sent - self._sent_when_told > _MUCH_SENT and not self.description.is_own:
            self._sent_when_told = self.bytes_sent
            _log.warning(
                "%.1f GB were sent to guiServer at %s, which gives no memory back as long as it runs; "
                "have it restarted when it is idle",
                self.bytes_sent / 1e9,
                self.where,
            )

    async def ask(self, what: str, question: Callable[[Session], Awaitable[T]]) -> T:
        """Ask something that changes nothing: again where the server died of the job before it (H1).

        Raises
        ------
        ConnectionLost
            It broke meanwhile, or there was none and it did not come back in the time for connecting.
        """
        session = await self._ready(what)
        try:
            return await question(session)
        except ConnectionLost as error:
            if not session.lost_after_job or self._closed:
                raise ConnectionLost(f"{what}: {error}. Nothing was changed by it") from error
        session = await self._ready(what)
        try:
            return await question(session)
        except ConnectionLost as error:
            raise ConnectionLost(f"{what}: {error}. Nothing was changed by it") from error

    async def do(self, what: str, deed: Callable[[Session], Awaitable[T]], *, changes: bool = True) -> T:
        """Do something that has an effect: once.

        Raises
        ------
        AccessDenied
            It `changes` something on the server, and the server is open for reading only.
        ConnectionLost
            It broke meanwhile; or there was none, it did not come back in time, and nothing was done.
        """
        session = await self._ready(what)
        if changes and session.description.is_read_only:
            raise AccessDenied(f"{what}: {session.peer} is open for reading only; nothing was changed")
        try:
            return await deed(session)
        except ConnectionLost as error:
            raise ConnectionLost(f"{what}: {error}. It may or may not have had its effect: look") from error
        finally:
            self._watch_what_was_sent()
