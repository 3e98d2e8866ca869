# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a head node over its whole life: made, lost, made again, left.

In: the address. Out: sessions, one after the other, to `ask` and to `do` things with. A connection that is lost
right after the end of a job, which is how real servers of version 2.9 behave, is made again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from difxnb.client.patience import Patience
from difxnb.client.server_description import ServerDescription
from difxnb.client.session import Session, Subscriber
from difxnb.client.settings import Settings
from difxnb.client.start_up import TRANSPORTS, open_session
from difxnb.errors import (
    AccessDenied,
    ConnectionFailed,
    ConnectionLost,
    NoReply,
    NotGuiServer,
    StillRunning,
)
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap
from difxnb.wire.message import Message, Unparsed

T = TypeVar("T")

_log = logging.getLogger(__name__)


def _ignore(item: Message | Unparsed | Notice | Gap, time: float) -> None:
    """Take a message and do nothing with it."""


class Link:
    """A connection to a guiServer that outlives its sessions.

    Parameters
    ----------
    host, port : str, int
        Where it listens.
    transport : {"auto", "channel", "dial-back"}
        How side connections are made: inside the main connection, or by the server to us. ``"auto"`` means
        channels wherever the server knows them.
    timeout : float
        Seconds that connecting may take.
    subscriber : callable, optional
        Gets every `Message`, `Unparsed` and `Notice` with its time of arrival, on the loop's thread.
    patience : Patience, optional
        All other time-outs.
    rng : random.Random, optional
        Draws channel numbers.
    token : str, optional
        Sent before anything else, for servers of this package that want one.

    Attributes
    ----------
    settings : Settings
        What the server is told at the start of every connection; `apply` changes it.
    reconnections : int
        How often the connection was made anew.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        transport: str = "auto",
        timeout: float = 10.0,
        subscriber: Subscriber = _ignore,
        patience: Patience | None = None,
        rng: random.Random | None = None,
        token: str | None = None,
    ) -> None:
        if transport not in TRANSPORTS:
            raise ValueError(f"transport is one of {', '.join(TRANSPORTS)}; got {transport!r}")
        if not 0 < port < 65536:
            raise ValueError(f"a TCP port lies between 1 and 65535; got {port}")
        if not timeout > 0:
            raise ValueError(f"connecting takes more than {timeout!r} s; timeout must be positive")
        self.host, self.port, self.transport = host, port, transport
        self.patience = replace(patience or Patience(), connect=timeout)
        self._subscriber = subscriber
        self._rng = rng or random.SystemRandom()
        self._token = token
        self._session: Session | None = None
        self._again: asyncio.Task[None] | None = None
        self._closed = False
        self.reconnections = 0
        self.settings = Settings()

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as anyone can know."""
        return self._session is not None and self._session.lost is None

    @property
    def closed(self) -> bool:
        """Whether it was closed here."""
        return self._closed

    @property
    def description(self) -> ServerDescription:
        """What the server last said of itself; empty before the first connection."""
        return ServerDescription() if self._session is None else self._session.description

    @property
    def dial_back(self) -> bool:
        """Whether the server connects back to us; otherwise everything runs over one connection."""
        return self._session is not None and self._session.dial_back

    @property
    def running_jobs(self) -> frozenset[str]:
        """Input files of jobs that were started over this connection and have not ended."""
        return frozenset() if self._session is None else frozenset(self._session.jobs)

    async def connect(self) -> None:
        """Connect, and switch the relay of messages on.

        Raises
        ------
        ConnectionFailed
            Nobody there, refused, unreachable.
        AccessDenied
            The server wants an access token that it has not got.
        NotGuiServer
            Somebody else answers there.
        NoReply
            Nobody answers there.
        """
        if self.connected:
            return
        session = await open_session(
            self.host,
            self.port,
            transport=self.transport,
            patience=self.patience,
            subscriber=self._subscriber,
            rng=self._rng,
            settings=self.settings,
            token=self._token,
        )
        session.on_lost = lambda: self._take_loss(session)
        self._session, self._closed = session, False

    async def reconnect(self) -> None:
        """Make the connection anew, after a loss or instead of the one that stands.

        Calls that are under way end with ConnectionLost. Errors as those of `connect`.
        """
        await self._end_reconnecting()
        if self._session is not None:
            await self._session.close("it is being made anew")
        self._session = None
        await self.connect()
        self.reconnections += 1

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

    async def close(self, *, force: bool = False) -> None:
        """Wait until the server has taken in everything sent, and close the connection.

        Raises
        ------
        StillRunning
            Jobs started over this connection still run, and a real guiServer would crash, and take them with
            it, if it were left now. Wait for them, stop them, or say ``force=True``. (The server of this
            package does not mind; there nothing is raised, and the jobs go on.)
        """
        self.require_leavable(force=force)
        self._closed = True
        await self._end_reconnecting()
        if self._session is not None:
            try:
                if not force:
                    await self._take_leave(self._session)
            finally:
                await self._session.close()

    def require_leavable(self, *, force: bool = False) -> None:
        """Raise StillRunning where closing would hurt jobs, unless `force`."""
        if self.running_jobs and not force and not self.description.is_own:
            raise StillRunning(self.running_jobs, f"guiServer at {self.host}:{self.port}")

    async def _take_leave(self, session: Session) -> None:
        """Give the server what it needs before it can be left (9.3, and section 15 on monitors)."""
        await asyncio.sleep(max(0.0, session.leave_not_before - asyncio.get_running_loop().time()))
        if session.lost is None:
            try:
                await session.fence()
            except (NoReply, ConnectionLost) as error:
                _log.warning("closed without knowing whether the last commands arrived: %s", error)

    def _take_loss(self, session: Session) -> None:
        """Connect again by itself after the one kind of loss that is nobody's fault."""
        loop = asyncio.get_running_loop()
        expected = (
            session.job_ended is not None and loop.time() - session.job_ended < session.patience.after_job
        )
        if expected and not self._closed and session is self._session:
            self._again = loop.create_task(self._connect_again(session), name="difxnb reconnect")

    async def _connect_again(self, lost: Session) -> None:
        await lost.close()
        for pause in self.patience.reconnect:
            await asyncio.sleep(pause)
            try:
                self._session = None
                await self.connect()
            except (ConnectionFailed, NoReply, NotGuiServer) as error:
                self._session = lost
                _log.info("connecting again failed: %s", error)
            else:
                self.reconnections += 1
                return

    async def _end_reconnecting(self) -> None:
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
            self._again = None

    async def _ready(self) -> Session:
        if self._session is not None:
            await self._session.certainty()
        if self._again is not None:
            await asyncio.shield(self._again)
        if self._session is None or self._closed:
            raise ConnectionLost(f"there is no connection to {self.host}:{self.port}; connect first")
        if self._session.lost is not None:
            raise ConnectionLost(f"{self._session.lost}; reconnect() makes it anew") from self._session.lost
        return self._session

    async def ask(self, what: str, question: Callable[[Session], Awaitable[T]]) -> T:
        """Ask something that changes nothing, and ask again if the connection was made anew meanwhile."""
        session = await self._ready()
        try:
            return await question(session)
        except ConnectionLost as error:
            if self._again is None or self._again.done():
                raise ConnectionLost(f"{what}: {error}. Nothing was changed by it") from error
        return await question(await self._ready())

    async def do(self, what: str, deed: Callable[[Session], Awaitable[T]], *, changes: bool = True) -> T:
        """Do something that has an effect: once.

        Raises
        ------
        AccessDenied
            It `changes` something on the server, and the server is open for reading only.
        """
        session = await self._ready()
        if changes and session.description.is_read_only:
            raise AccessDenied(f"{what}: {session.peer} is open for reading only; nothing was changed")
        try:
            return await deed(session)
        except ConnectionLost as error:
            raise ConnectionLost(f"{what}: {error}. It may or may not have had its effect: look") from error
