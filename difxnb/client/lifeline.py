# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a head node over its whole life: made, lost, made again, left.

In: the address. Out: sessions, one after the other. A connection that is lost is made again by itself until it is
closed here, with what the server was told of it; the time without is told to the subscriber as a
:class:`~difxnb.wire.events.Gap`. Mirrors guiserver.md 9.3 to 9.8.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from dataclasses import replace

from difxnb.client.absence import Absence, Gate
from difxnb.client.patience import Patience
from difxnb.client.server_description import ServerDescription
from difxnb.client.session import Item, Session, Subscriber, Tap
from difxnb.client.settings import Settings
from difxnb.client.start_up import TRANSPORTS, open_session
from difxnb.client.tunnel import Gateway, Tunnel
from difxnb.errors import (
    AccessDenied,
    ConnectionFailed,
    ConnectionLost,
    GatewayRefused,
    NoReply,
    NotGuiServer,
    StillRunning,
)

_log = logging.getLogger(__name__)

# Asking again and again would change nothing, and might lock the user out.
_IN_VAIN = (GatewayRefused, AccessDenied)


def _ignore(item: Item, time: float) -> None:
    """Take a message and do nothing with it."""


class Lifeline:
    """A connection to a guiServer that outlives its sessions.

    Parameters
    ----------
    host, port : str, int
        Where it listens.
    ssh : str, optional
        Gateway to go through, as ``user@host:port`` or a name in the user's ssh configuration; `host` and `port`
        are then those that the gateway sees.
    transport : {"auto", "channel", "dial-back"}
        How side connections are made: inside the main connection (channels), or by the server to us. ``"auto"``
        means channels, but for real servers that get through to us, which do not bear channels well; with `ssh`
        there are no others.
    timeout : float
        Seconds that connecting may take.
    subscriber : callable, optional
        Gets every `Message`, `Unparsed`, `Notice` and `Gap` with its time of arrival, on the loop's thread.
    patience : Patience, optional
        All other time-outs.
    rng : random.Random, optional
        Draws channel numbers.
    token : str, optional
        Sent before anything else, for servers of this package that want one.
    tap : callable, optional
        Gets every datagram as it came, with its time, before the subscriber gets what it says.

    Attributes
    ----------
    settings : Settings
        What the server is told at the start of every connection; `apply` changes it.
    absence : Absence or None
        Since when the connection is lost, why, and what is done against it.
    reconnections : int
        How often the connection was made anew.

    Raises
    ------
    ValueError
        No transport, port, time-out or gateway; a dial-back through ssh.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        ssh: str | None = None,
        transport: str = "auto",
        timeout: float = 10.0,
        subscriber: Subscriber = _ignore,
        patience: Patience | None = None,
        rng: random.Random | None = None,
        token: str | None = None,
        tap: Tap | None = None,
    ) -> None:
        if transport not in TRANSPORTS:
            raise ValueError(f"transport is one of {', '.join(TRANSPORTS)}; got {transport!r}")
        if not 0 < port < 65536:
            raise ValueError(f"a TCP port lies between 1 and 65535; got {port}")
        if not timeout > 0:
            raise ValueError(f"connecting takes more than {timeout!r} s; timeout must be positive")
        if ssh and transport == "dial-back":
            raise ValueError(
                f"a server behind the ssh gateway {ssh} cannot dial back to us; use transport='channel', or 'auto'"
            )
        self.host, self.port, self.transport = host, port, transport
        self._tunnel = Tunnel(Gateway.parse(ssh)) if ssh else None
        self.patience = replace(patience or Patience(), connect=timeout)
        self._subscriber = subscriber
        self._rng = rng or random.SystemRandom()
        self._token, self._tap = token, tap
        self._session: Session | None = None
        self._again: asyncio.Task[None] | None = None
        self._closed = False
        self._closings = 0
        self._sent_before = 0
        self._making = asyncio.Lock()
        # Not set while the connection is lost and may come back.
        self._settled = asyncio.Event()
        self.absence: Absence | None = None
        self.reconnections = 0
        self.settings = Settings()
        self._leftovers: set[str] = set()

    @property
    def where(self) -> str:
        """Host, port and gateway, for texts."""
        return f"{self.host}:{self.port}" + (f" behind {self._tunnel.gateway}" if self._tunnel else "")

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
    def bytes_sent(self) -> int:
        """Bytes that were sent over all connections so far."""
        return self._sent_before + (0 if self._session is None else self._session.bytes_sent)

    @property
    def running_jobs(self) -> frozenset[str]:
        """Input files of jobs that were started over this connection and have not ended."""
        return frozenset() if self._session is None else frozenset(self._session.jobs)

    async def connect(self) -> None:
        """Connect; where the connection was lost, at once.

        Raises
        ------
        ConnectionFailed
            Nobody there, refused, unreachable; GatewayRefused where an ssh gateway is to blame.
        AccessDenied
            The server wants an access token that it has not got.
        NotGuiServer
            Somebody else answers there.
        NoReply
            Nobody answers there.
        """
        async with self._making:
            if self.connected:
                return
            if self.absence is not None:
                await self._stop_coming_back()
                await self._replace()
                return
            try:
                await self._open()
            except BaseException:
                if self._tunnel is not None:
                    await self._tunnel.close()
                raise

    async def reconnect(self, *, force: bool = False) -> None:
        """Make the connection anew at once, after a loss or instead of the one that stands.

        Calls that are under way end with ConnectionLost. Where it does not come about, attempts go on in the
        background.

        Raises
        ------
        StillRunning
            As with `close`: the connection stands, and jobs would suffer from its end.
        ConnectionFailed, AccessDenied, NotGuiServer, NoReply
            As with `connect`.
        """
        async with self._making:
            if self._session is not None and self.connected:
                self.require_leavable(force=force)
                await self._take_leave(self._session, self.patience.version)
            await self._stop_coming_back()
            await self._replace()

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
        self._closings += 1
        self.absence = None
        self._settled.set()
        try:
            await self._stop_coming_back()
            if self._session is not None and not force:
                await self._take_leave(self._session)
        finally:
            if self._session is not None:
                await self._session.close()
            if self._tunnel is not None:
                await self._tunnel.close()

    def require_leavable(self, *, force: bool = False) -> None:
        """Raise StillRunning where closing would hurt jobs, unless `force`."""
        if self.running_jobs and not force and not self.description.is_own:
            raise StillRunning(self.running_jobs, f"guiServer at {self.where}")

    async def _take_leave(self, session: Session, patience: float | None = None) -> None:
        """Give the server what it needs before it can be left (9.3, and section 15 on monitors)."""
        await asyncio.sleep(max(0.0, session.leave_not_before - asyncio.get_running_loop().time()))
        await session.wound_down(self.patience.check)
        if session.lost is None:
            try:
                await session.fence(patience)
            except (NoReply, ConnectionLost) as error:
                _log.warning("closed without knowing whether the last commands arrived: %s", error)

    # --- losses -------------------------------------------------------------------------------------

    async def _open(self) -> None:
        gate, closings = Gate(self._subscriber, self._tap), self._closings
        session = await open_session(
            self.host,
            self.port,
            transport=self.transport,
            patience=self.patience,
            subscriber=gate,
            rng=self._rng,
            settings=self.settings,
            tunnel=self._tunnel,
            token=self._token,
            tap=gate.tap,
        )
        if session.lost is not None or closings != self._closings:
            await session.close("it was closed here meanwhile")
            raise ConnectionFailed(f"{self.where} answered, and then: {session.lost}")
        session.on_lost = lambda: self._take_loss(session)
        self._sent_before = self.bytes_sent
        session.leftovers = self._leftovers
        self._session, self._closed = session, False
        if self.absence is not None:
            self._tell_of_absence(end=gate.begin or time.time())
            self.absence = None
            self.reconnections += 1
        gate.open()
        self._settled.set()

    async def _replace(self) -> None:
        """Open another session in place of the last one, which may still stand."""
        last = self._session
        if last is not None and last.lost is None:
            last.on_lost = None
            self._begin_absence(time.time(), "it was made anew on request")
            self._tell_of_absence()
        try:
            if last is not None:
                await last.close("it is being made anew")
            await self._open()
        except BaseException:
            if self.absence is not None:
                self._again = self._in_background(self._come_back(self.absence))
            raise

    def _take_loss(self, session: Session) -> None:
        if session is self._session and not self._closed:
            absence = self._begin_absence(session.heard_until, session.reason)
            self._again = self._in_background(self._recover(session, absence))

    def _begin_absence(self, begin: float, reason: str) -> Absence:
        self.absence = Absence(begin, reason)
        self._settled.clear()
        return self.absence

    def _tell_of_absence(self, end: float | None = None) -> None:
        if self.absence is not None:
            self._subscriber(self.absence.gap(end), self.absence.begin)

    async def _recover(self, lost: Session, absence: Absence) -> None:
        await lost.close()
        self._tell_of_absence()
        await self._come_back(absence)

    async def _come_back(self, absence: Absence) -> None:
        """Connect again until it works; close() and reconnect() end it."""
        absence.given_up = False
        try:
            for pause in self.patience.pauses(self._rng):
                await asyncio.sleep(pause)
                if await self._attempt(absence):
                    break
        except asyncio.CancelledError:
            raise  # whoever ended this goes on, and those who wait go on waiting
        except BaseException:
            self._stay_away(absence)
            raise
        if self.absence is absence:
            self._stay_away(absence)

    async def _attempt(self, absence: Absence) -> bool:
        """Try to connect; whether another attempt makes no sense, after a success or a refusal."""
        try:
            await self._open()
        except (ConnectionFailed, NoReply, NotGuiServer, AccessDenied) as error:
            absence.note(error)
            _log.info("connecting again to %s failed: %s", self.where, error)
            return isinstance(error, _IN_VAIN)
        return True

    def _stay_away(self, absence: Absence) -> None:
        absence.given_up = True
        self._settled.set()
        _log.warning("the connection to %s stays lost: %s", self.where, absence)

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=f"difxnb reconnect {self.where}")

    async def _stop_coming_back(self) -> None:
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
            self._again = None
