# SPDX-License-Identifier: GPL-3.0-or-later
"""One main connection to guiServer: it reads without pause and hands out what it hears.

In: packets 1-24 of the server. Out: messages and notices to one subscriber, bytes to the side connections
in channels, answers to fences. A session is never repaired; after a loss :mod:`difxnb.client.lifeline`
makes a new one. Mirrors guiserver.md 3, 4, 6 and 9.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import islice

from difxnb.client.exchange import ByteStream
from difxnb.client.line import Line
from difxnb.client.patience import Patience
from difxnb.client.pulse import Pulse
from difxnb.client.server_description import ServerDescription
from difxnb.client.settings import Settings
from difxnb.client.side_connections import Request, SideConnections
from difxnb.client.versions import Versions
from difxnb.errors import ConnectionLost, ProtocolError
from difxnb.wire.control import (
    AccessRefused,
    ChannelOpened,
    ControlId,
    MulticastSettings,
    Notice,
    Relayed,
    ServerEvent,
    UnknownPacket,
    decode_from_server,
    encode,
)
from difxnb.wire.events import Gap
from difxnb.wire.message import Message, Unparsed, parse
from difxnb.wire.packet import PacketReader, StreamPart

Item = Message | Unparsed | Notice | Gap
Subscriber = Callable[[Item, float], None]
Tap = Callable[[bytes, float], None]

_READ_SIZE = 2**18
_BULK = 2**15
_KEPT_NOTICES = 200
# A real server that is told of another multicast group sooner after the connect may lose it (guiserver.md 3.4).
_MULTICAST_AFTER = 0.2


class Session:
    """One TCP connection to a guiServer.

    Parameters
    ----------
    line : Line
        The connection, fresh.
    peer : str
        ``host:port`` as the user knows it, for texts.
    patience : Patience
    subscriber : callable
        Gets every message, unparsed text and notice with its time of arrival (unix seconds). It is called on
        the loop's thread and must not raise.
    rng : random.Random
        Draws channel numbers; two clients must not draw the same (guiserver.md 6.2.3).
    tap : callable, optional
        Gets every datagram as it came, with its time, before the subscriber gets what it says; must not raise either.

    Attributes
    ----------
    dial_back : bool
        The server connects back to us; otherwise side connections are channels.
    lost : ConnectionLost or None
        Why this session is over; `reason` is the short form.
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
    leftovers : set of str
        Files of ours on the server that could not be taken away because the connection was lost.
    """

    def __init__(
        self,
        line: Line,
        *,
        peer: str,
        patience: Patience,
        subscriber: Subscriber,
        rng: random.Random,
        tap: Tap | None = None,
    ) -> None:
        self._line = line
        self.peer, self.patience, self._subscriber, self._tap = peer, patience, subscriber, tap
        self.dial_back = False
        self.lost: ConnectionLost | None = None
        self.refused = False
        self.on_lost: Callable[[], None] | None = None
        self.jobs: set[str] = set()
        self.job_ended: float | None = None
        self.leave_not_before = self._stay_until = 0.0
        self.unknown_packets = self.bytes_sent = self.bytes_received = self.notice_count = 0
        self._notices: deque[Notice] = deque(maxlen=_KEPT_NOTICES)
        self._settings: Settings | None = None
        self._versions = Versions(self.send, patience)
        self._pulse = Pulse(self.fence, self.lose)
        self._sides = SideConnections(self, rng)
        self._blocking = 0
        self._loop = asyncio.get_running_loop()
        self.reason = ""
        self._soon_after_job = False
        self._begun = self._loop.time()
        self._tasks: set[asyncio.Task[None]] = set()
        self._winding_down: set[asyncio.Task[None]] = set()
        self.leftovers: set[str] = set()

    # --- life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read."""
        self.spawn(self._read(), f"difxnb reader {self.peer}")

    def watch(self) -> None:
        """Begin to ask for signs of life whenever the server is silent."""
        watching = self._pulse.watch(self.patience.idle, self.patience.fence)
        self.spawn(watching, f"difxnb watch {self.peer}")

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run something in the background that ends with this session at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def wind_down(self, work: Coroutine[None, None, None], name: str) -> None:
        """Bring something that was broken off here to its end with the server, in the background."""
        task = self.spawn(work, name)
        self._winding_down.add(task)
        task.add_done_callback(self._winding_down.discard)

    async def wound_down(self, timeout: float) -> None:
        """Wait for what is being brought to its end; a real server dies if it is left before (H2)."""
        if self._winding_down:
            await asyncio.wait(self._winding_down, timeout=timeout)
        if self.lost is None:
            await asyncio.sleep(max(0.0, self._stay_until - self._loop.time()))

    def stay(self, seconds: float) -> None:
        """Do not leave a real server sooner: its threads use the connection after their last word (H2)."""
        if not self.description.is_own:
            self._stay_until = max(self._stay_until, self._loop.time() + seconds)

    async def close(self, reason: str = "it was closed here") -> None:
        """Close the socket and end the tasks; without a fence before, the last commands are lost (9.3)."""
        self.lose(reason)
        own = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._line.close()

    def lose(self, reason: str, cause: BaseException | None = None) -> None:
        """Declare the session over; everyone who waits for it gets ConnectionLost. Later calls do nothing."""
        if self.lost is not None:
            return
        self.reason = reason
        self.lost = ConnectionLost(f"the connection to guiServer at {self.peer} is gone: {reason}")
        self.lost.__cause__ = cause
        ended = self.job_ended
        self._soon_after_job = ended is not None and self._loop.time() - ended < self.patience.after_job
        if self.on_lost is not None:
            self.on_lost()
        self._pulse.stop()
        self._versions.fail(self.loss)
        self._sides.fail(self.loss)
        self._line.abort()

    def loss(self) -> ConnectionLost:
        """Give the reason of the loss as a new error; one error object raised twice would mix its traces."""
        error = ConnectionLost(str(self.lost))
        error.__cause__ = self.lost.__cause__ if self.lost is not None else None
        return error

    @property
    def description(self) -> ServerDescription:
        """What the server last said of itself."""
        return self._versions.description

    @property
    def heard_until(self) -> float:
        """When something was last heard, unix seconds; what came later, before the loss was noticed, is missing."""
        return self._pulse.heard_until

    @property
    def lost_after_job(self) -> bool:
        """Whether it was lost so soon after the end of a job that it is the known fault of real servers (H1)."""
        return self.lost is not None and self._soon_after_job

    @property
    def local_address(self) -> str:
        """Our own address, as the server sees it where nothing translates addresses."""
        return self._line.local_address

    @property
    def server_address(self) -> str:
        """The server's address."""
        return self._line.server_address

    # --- talking ------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Send whole packets and wait until the system has taken them.

        Raises
        ------
        ConnectionLost
        """
        if self.lost is not None:
            raise self.loss()
        try:
            self.bytes_sent += len(data)
            await self._line.send(data)
        except OSError as error:
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
        wait = self.allowance(self.patience.fence if timeout is None else timeout)
        await self._versions.fence(wait, f"guiServer at {self.peer} gave no sign of life")

    async def greet(self) -> bool:
        """Ask for the version list until it comes; see `Versions.greet`."""
        return await self._versions.greet()

    async def take_settings(self, settings: Settings) -> None:
        """Have the server take what differs from the settings that it was given before.

        Raises
        ------
        NoReply, ConnectionLost
        """
        before, self._settings = self._settings, settings
        for event in settings.events(before):
            if isinstance(event, MulticastSettings):
                await asyncio.sleep(self._begun + _MULTICAST_AFTER - self._loop.time())
            await self.send(encode(event))
        await self.fence()

    def doubt(self, patience: float) -> None:
        """Find out in the background whether the server is still there; `certainty` waits for the answer."""
        if self.lost is None:
            self._pulse.doubt()
            self.spawn(self._pulse.resolve(patience), f"difxnb doubt {self.peer}")

    async def certainty(self) -> None:
        """Wait until the server has answered since the last doubt, or the session is lost.

        By then everything has been read that was sent before.
        """
        await self._pulse.certainty()

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
        packets = PacketReader(joined_id=ControlId.CHANNEL_DATA)
        try:
            while data := await self._line.read(_READ_SIZE):
                self.bytes_received += len(data)
                self._pulse.beat()
                if len(data) < _BULK:  # in the middle of a file the system acknowledges often enough
                    self._line.acknowledge()
                packets.receive_data(data)
                while (packet := packets.next_packet()) is not None:
                    if isinstance(packet, StreamPart):
                        self._sides.receive_data(packet.number, packet.payload)
                    else:
                        self._take(decode_from_server(packet))
            self._pulse.beat()  # an end in good order comes after everything else
            self.lose("the server closed it")
        except ProtocolError as error:
            self.lose(f"what the server sends is not guiServer's protocol ({error})", error)
        except OSError as error:
            self.lose(f"it broke ({error})", error)
        finally:
            self.lose("its reader ended")  # whatever the reason, nobody must wait for it any more

    def _take(self, event: ServerEvent) -> None:
        match event:
            case Relayed(payload):
                now = time.time()
                if self._tap is not None:
                    self._tap(payload, now)
                self._subscriber(parse(payload), now)
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
                self._versions.receive(event)
