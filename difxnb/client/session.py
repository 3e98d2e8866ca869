# SPDX-License-Identifier: GPL-3.0-or-later
"""One main connection to guiServer: it reads without pause and hands out what it hears.

In: packets 1-24 of the server. Out: messages and notices to one subscriber, bytes to the side connections
in channels, answers to fences. A session is never repaired; after a loss :mod:`difxnb.client.head_node`
makes a new one. Mirrors guiserver.md 3, 4, 6 and 9.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import islice

from difxnb.client.exchange import ByteStream, close_writer
from difxnb.client.fence import Fences
from difxnb.client.patience import Patience, within
from difxnb.client.server_description import Draft, ServerDescription
from difxnb.client.settings import Settings
from difxnb.client.side_connections import Request, SideConnections
from difxnb.errors import ConnectionLost, NoReply, ProtocolError
from difxnb.wire.control import (
    AccessRefused,
    ChannelData,
    ChannelOpened,
    Notice,
    Relayed,
    ServerEvent,
    ServerVersion,
    UnknownPacket,
    VersionRequest,
    VersionsComplete,
    decode_from_server,
    encode,
)
from difxnb.wire.events import Gap
from difxnb.wire.message import Message, Unparsed, parse
from difxnb.wire.packet import PacketReader

Subscriber = Callable[[Message | Unparsed | Notice | Gap, float], None]

_READ_SIZE = 2**18
_KEPT_NOTICES = 200
# Without it a real server's many small writes cost 40 ms each (guiserver.md 15); Linux alone has it.
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Session:
    """One TCP connection to a guiServer.

    Parameters
    ----------
    reader, writer : asyncio streams
        The connection, fresh.
    peer : str
        ``host:port`` as the user knows it, for texts.
    patience : Patience
    subscriber : callable
        Gets every message, unparsed text and notice with its time of arrival (unix seconds). It is called on
        the loop's thread and must not raise.
    rng : random.Random
        Draws channel numbers; two clients must not draw the same (guiserver.md 6.2.3).

    Attributes
    ----------
    description : ServerDescription
        What the server last said of itself.
    dial_back : bool
        The server connects back to us; otherwise side connections are channels.
    lost : ConnectionLost or None
        Why this session is over.
    refused : bool
        The server wants an access token, and not the one that it got.
    on_lost : callable or None
        Called once, before anyone waiting is told.
    jobs : set of str
        Input files of jobs that were started here and have not ended.
    job_ended : float or None
        Loop time of the last end of a job.
    leave_not_before : float
        Loop time before which a real server would not survive our leaving.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        peer: str,
        patience: Patience,
        subscriber: Subscriber,
        rng: random.Random,
    ) -> None:
        self._reader, self._writer = reader, writer
        self.peer, self.patience, self._subscriber = peer, patience, subscriber
        self.description = ServerDescription()
        self.dial_back = False
        self.lost: ConnectionLost | None = None
        self.refused = False
        self.on_lost: Callable[[], None] | None = None
        self.jobs: set[str] = set()
        self.job_ended: float | None = None
        self.leave_not_before = 0.0
        self.unknown_packets = self.bytes_received = self.notice_count = 0
        self._notices: deque[Notice] = deque(maxlen=_KEPT_NOTICES)
        self._settings: Settings | None = None
        self._draft = Draft()
        self._fences = Fences()
        self._fence_by_version = False
        self._sides = SideConnections(self, rng)
        self._blocking = 0
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._socket: socket.socket = writer.get_extra_info("socket")
        self._tasks: set[asyncio.Task[None]] = set()
        self._certain = asyncio.Event()
        self._certain.set()

    # --- life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.spawn(self._read(), f"difxnb reader {self.peer}")

    def watch(self) -> None:
        """Begin to ask for signs of life whenever the server is silent."""
        self.spawn(self._watch(), f"difxnb watch {self.peer}")

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        """Run something in the background that ends with this session at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, reason: str = "it was closed here") -> None:
        """Close the socket and end the tasks; without a fence before, the last commands are lost (9.3)."""
        self.lose(reason)
        own = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close_writer(self._writer)

    def lose(self, reason: str, cause: BaseException | None = None) -> None:
        """Declare the session over; everyone who waits for it gets ConnectionLost. Later calls do nothing."""
        if self.lost is not None:
            return
        self.lost = ConnectionLost(f"the connection to guiServer at {self.peer} is gone: {reason}")
        self.lost.__cause__ = cause
        if self.on_lost is not None:
            self.on_lost()
        self._certain.set()
        self._fences.fail(self.loss())
        self._sides.fail(self.loss)
        self._writer.transport.abort()

    def loss(self) -> ConnectionLost:
        """Give the reason of the loss as a new error; one error object raised twice would mix its traces."""
        error = ConnectionLost(str(self.lost))
        error.__cause__ = self.lost.__cause__ if self.lost is not None else None
        return error

    @property
    def local_address(self) -> str:
        """Our own address, as the server sees it where nothing translates addresses."""
        return str(self._socket.getsockname()[0])

    @property
    def server_address(self) -> str:
        """The server's address."""
        return str(self._socket.getpeername()[0])

    # --- talking ------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Send whole packets and wait until the system has taken them.

        Raises
        ------
        ConnectionLost
        """
        if self.lost is not None:
            raise self.loss()
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            self.lose(f"sending failed ({error})", error)
            raise self.loss() from error

    async def fence(self, timeout: float | None = None) -> None:
        """Wait until the server has taken in everything sent before.

        Commands that the server carries out at once are finished then, the others have been started.

        Raises
        ------
        NoReply
            No answer; a server in the middle of a configuration check is given more time.
        ConnectionLost
        """
        answer = self._fences.expect()
        await self.send(encode(VersionRequest()))
        wait = self.allowance(self.patience.fence) if timeout is None else timeout
        async with within(wait, f"guiServer at {self.peer} gave no sign of life"):
            await answer

    async def take_settings(self, settings: Settings) -> None:
        """Have the server take what differs from the settings that it was given before.

        Raises
        ------
        NoReply, ConnectionLost
        """
        before, self._settings = self._settings, settings
        # A change of the multicast group keeps a real server from reading for a second.
        async with self.blocking_the_server():
            for event in settings.events(before):
                await self.send(encode(event))
            await self.fence()

    async def probe(self, patience: float) -> None:
        """Find out whether the server is still there; where it is not, the session is lost."""
        try:
            await self.fence(self.allowance(patience))
        except NoReply as error:
            self.lose(f"{error}; it may have died, or the network between", error)
        except ConnectionLost:
            return  # everyone has been told already

    def doubt(self, patience: float) -> None:
        """Find out in the background whether the server is still there; `certainty` waits for the answer."""
        if self.lost is not None:
            return
        self._certain.clear()
        self.spawn(self._resolve_doubt(patience), f"difxnb doubt {self.peer}")

    async def certainty(self) -> None:
        """Wait until the server has answered since the last doubt, or the session is lost.

        By then everything has been read that was sent before.
        """
        await self._certain.wait()

    async def _resolve_doubt(self, patience: float) -> None:
        try:
            await self.probe(patience)
        finally:
            self._certain.set()

    async def greet(self) -> bool:
        """Ask for the version list until it comes; real servers lose what comes right after the connect.

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
        wait = min(self.patience.version, self.patience.connect / (self.patience.version_tries + 1))
        for _ in range(self.patience.version_tries):
            asked.append(self._fences.expect())
            await self.send(encode(VersionRequest()))
            done, _ = await asyncio.wait(asked, timeout=wait)
            if self.lost is not None:
                raise self.loss()
            if done:
                await self._settle_answers(asked)
                return True
            if self._draft.version is not None:
                self._take_for_old()
                return False
        raise NoReply(f"no answer to {len(asked)} version requests, {wait:g} s waited for each")

    def allowance(self, seconds: float) -> float:
        """Give `seconds`, or more while the server is busy with something that blocks its reader."""
        return max(seconds, self.patience.check) if self._blocking else seconds

    @asynccontextmanager
    async def blocking_the_server(self) -> AsyncIterator[None]:
        """Grant the server more time meanwhile: it carries this out before it reads on (guiserver.md 9.1)."""
        self._blocking += 1
        try:
            yield
        finally:
            self._blocking -= 1

    def notices_since(self, count: int) -> list[Notice]:
        """Notices that came after `notice_count` was `count`, as far as they are kept."""
        fresh = min(self.notice_count - count, len(self._notices))
        return list(islice(self._notices, len(self._notices) - fresh, None))

    async def open_exchange(self, request: Request, what: str, *, channel: bool = False) -> ByteStream:
        """Open a side connection; see `SideConnections.open`."""
        return await self._sides.open(request, what, channel=channel)

    def said_since(self, count: int) -> str:
        """What the server complained about since, as an end for the text of an error."""
        texts = [n.text.strip() for n in self.notices_since(count) if n.severity.name != "INFORMATION"]
        return f"; it said: {' / '.join(texts[-3:])}" if texts else ""

    # --- hearing ------------------------------------------------------------------------------------

    async def _read(self) -> None:
        packets = PacketReader()
        try:
            while data := await self._reader.read(_READ_SIZE):
                self._acknowledge(len(data))
                packets.receive_data(data)
                while (packet := packets.next_packet()) is not None:
                    self._take(decode_from_server(packet))
            self.lose("the server closed it")
        except ProtocolError as error:
            self.lose(f"what the server sends is not guiServer's protocol ({error})", error)
        except OSError as error:
            self.lose(f"it broke ({error})", error)
        finally:
            self.lose("its reader ended")  # whatever the reason, nobody must wait for it any more

    def _acknowledge(self, count: int) -> None:
        self.bytes_received += count
        self._last_heard = self._loop.time()
        if _QUICKACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _take(self, event: ServerEvent) -> None:
        match event:
            case ChannelData(channel, data):
                self._sides.receive_data(channel, data)
            case Relayed(payload):
                self._subscriber(parse(payload), time.time())
            case Notice():
                self.notice_count += 1
                self._notices.append(event)
                self._subscriber(event, time.time())
            case ChannelOpened(channel):
                self._sides.receive_open(channel)
            case AccessRefused():
                self.refused = True
            case UnknownPacket():
                self.unknown_packets += 1
            case _:
                self._describe(event)

    def _describe(self, event: ServerEvent) -> None:
        if isinstance(event, ServerVersion):
            self._draft = Draft()
        self._draft.add(event)
        if isinstance(event, VersionsComplete) or self._fence_by_version:
            self.description = self._draft.finish(knows_channels=not self._fence_by_version)
        if isinstance(event, ServerVersion if self._fence_by_version else VersionsComplete):
            self._fences.answer()

    async def _settle_answers(self, asked: list[asyncio.Future[None]]) -> None:
        """Make requests and answers match again, when nobody knows which of the requests got lost."""
        if len(asked) == 1:
            return
        expected = [*asked, self._fences.expect()]
        await self.send(encode(VersionRequest()))
        wait = self.patience.version
        while pending := [answer for answer in expected if not answer.done()]:
            done, _ = await asyncio.wait(pending[:1], timeout=wait)
            if not done:
                break
            wait = self.patience.version / 4  # answers to requests that did arrive follow each other closely
        self._fences.forget()

    def _take_for_old(self) -> None:
        self._fences.forget()
        self._fence_by_version = True
        self.description = self._draft.finish(knows_channels=False)

    async def _watch(self) -> None:
        while self.lost is None:
            silent = self._loop.time() - self._last_heard
            if silent < self.patience.idle:
                await asyncio.sleep(self.patience.idle - silent)
                continue
            await self.probe(self.patience.fence)
