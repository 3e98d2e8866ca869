# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients of the soak: one process of them, what each does, and what each counts.

In: where the server is, and how long. Out: one `Tally` per client. Publishers number their messages and put the time
into them, so that receivers see what is missing, what came twice, and how late.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from typing import Any

from difxnb import aio
from difxnb.client.head_node import AsyncHeadNode
from difxnb.wire import control
from difxnb.wire.message import Alert, Header, Message, Status, message_type, to_xml
from difxnb.wire.packet import PacketReader

IDENTIFIER = "soak"
STATUS_EVERY = 20
"""One message in so many is a status, which every client hears; the rest is for those who hear everything."""

_DROPPED = re.compile(r"^(\d+) messages were dropped")
_SAMPLE = 10
_PIECE = bytes(range(256)) * 800
_PAUSE_BETWEEN_JOBS = 5.0
_DEAF_TIME = 20.0


@dataclass(frozen=True)
class Plan:
    """What all shares of the clients know."""

    port: int
    seconds: float
    clients: int
    listeners: int
    rate: float
    shares: int
    root: str
    input_file: str


@dataclass
class Tally:
    """What one client counted.

    Attributes
    ----------
    kind : str
        ``"all"``, ``"status"`` or ``"slow"``: what it listens to, and how.
    received, ours : int
        Messages in all, and those of the soak among them.
    told : int
        Messages that the server said it dropped.
    out_of_order : int
        Messages of the soak that did not follow the one before from the same sender.
    """

    kind: str
    received: int = 0
    ours: int = 0
    told: int = 0
    out_of_order: int = 0
    sent: int = 0
    statuses: int = 0
    transfers: int = 0
    jobs: int = 0
    reconnections: int = 0
    failures: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


def message(sender: str, number: int) -> bytes:
    """The next message of a sender."""
    is_status = number % STATUS_EVERY == 0
    text = f"{time.time():.6f} {'.' * 80}"
    body = Status(state="Running", message=text) if is_status else Alert(text=text, severity=4)
    header = Header(source=sender, mpi_id=0, identifier=IDENTIFIER, type=message_type(body))
    return to_xml(Message(header=header, body=body, sequence=number, size=0))


class Counter:
    """Counts what one client hears."""

    def __init__(self, kind: str) -> None:
        self.tally = Tally(kind)
        self._step = STATUS_EVERY if kind == "status" else 1
        self._last: dict[str, int] = {}

    def hear(self, item: Any, when: float) -> None:
        """Take a message or a notice."""
        if isinstance(item, Message):
            self.tally.received += 1
            if item.header.identifier == IDENTIFIER:
                self._count(item, when)
        elif isinstance(item, control.Notice) and (found := _DROPPED.match(item.text)):
            self.tally.told += int(found[1])

    def _count(self, item: Message, when: float) -> None:
        self.tally.ours += 1
        number, sender = item.sequence or 0, item.header.source
        if number != self._last.get(sender, -self._step) + self._step:
            self.tally.out_of_order += 1
        self._last[sender] = number
        if self.tally.ours % _SAMPLE == 0:
            text = item.body.text if isinstance(item.body, Alert) else item.body.message
            self.tally.latencies.append(when - float(text.split()[0]))


class Client:
    """One client of this package: it publishes, listens, and may transfer files."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._plan, self._number = plan, number
        self._counter = Counter("all" if number < plan.listeners else "status")
        self.tally = self._counter.tally
        self._node = AsyncHeadNode("127.0.0.1", plan.port, subscriber=self._counter.hear)

    async def connect(self) -> None:
        """Connect, and choose what to hear."""
        await self._node.connect()
        if self.tally.kind == "status":
            await self._node.select_messages(("SELECTED_MESSAGES", "STATUS_MESSAGES"))

    async def work(self, end: float) -> None:
        """Publish until `end`, and transfer files meanwhile."""
        works = [self._publish(end)]
        if self._number % 10 == 0:
            works.append(self._transfer(end))
        await asyncio.gather(*works)

    async def fence(self) -> None:
        """Know that all that was sent so far has been heard."""
        await self._node.fence()

    async def close(self) -> None:
        """Leave."""
        self.tally.reconnections = self._node.reconnections
        await self._node.close()

    async def _publish(self, end: float) -> None:
        pause, begin = self._plan.clients / self._plan.rate, time.monotonic()
        while (now := time.monotonic()) < end:
            data = control.encode(control.RelayCommand(message(f"c{self._number}", self.tally.sent)))
            await self._node.do("publish", lambda session, data=data: session.send(data))
            self.tally.statuses += self.tally.sent % STATUS_EVERY == 0
            self.tally.sent += 1
            await asyncio.sleep(max(0.0, begin + self.tally.sent * pause - now))

    async def _transfer(self, end: float) -> None:
        path = f"{self._plan.root}/file{self._number}"
        while time.monotonic() < end:
            await self._node.send_file(path, _PIECE)
            if await self._node.get_file(path) != _PIECE:
                self.tally.failures.append("a file came back changed")
            await self._node.ls_entries(self._plan.root)
            await self._node.remove(path)
            self.tally.transfers += 1
            await asyncio.sleep(0.5)


class Starter:
    """A client with everything that a notebook has: it runs one small job after the other."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self.tally = plan, Tally("notebook")

    async def connect(self) -> None:
        """Connect, and run a first job: the server then has in memory all that it needs for jobs."""
        self._difx = await aio.connect("127.0.0.1", self._plan.port)
        await self._run_job()

    async def work(self, end: float) -> None:
        """Run jobs until `end`."""
        while time.monotonic() < end:
            await self._run_job()
            await asyncio.sleep(_PAUSE_BETWEEN_JOBS)

    async def _run_job(self) -> None:
        run = await self._difx.job(self._plan.input_file).start(overwrite=True)
        outcome = str(await run.wait())
        if outcome != "done":
            self.tally.failures.append(f"a job ended {outcome!r}")
        self.tally.jobs += 1

    async def fence(self) -> None:
        """Nothing that it hears is counted."""

    async def close(self) -> None:
        """Leave."""
        self.tally.reconnections = self._difx.head_node.reconnections
        await self._difx.close()


class SlowReader:
    """A client that does not read for a while, again and again, and must be told what it lost by that."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._counter, self._packets = plan, Counter("slow"), PacketReader()
        self.tally = self._counter.tally
        self._answers = 0

    async def connect(self) -> None:
        """Connect through a small window, so that what it does not read fills the server's queue soon."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**15)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._plan.port))
        self._reader, self._writer = await asyncio.open_connection(sock=connection, limit=2**15)
        self._writer.write(control.encode(control.RelaySwitch(True)))
        await self.fence()

    async def work(self, end: float) -> None:
        """Read what is there, then nothing for a while."""
        while time.monotonic() < end:
            await self.fence()
            await asyncio.sleep(min(_DEAF_TIME, max(0.0, end - time.monotonic())))

    async def fence(self) -> None:
        """Read until a question is answered, and no word about losses is outstanding."""
        self._writer.write(control.encode(control.VersionRequest()))
        expected = self._answers + 1
        while self._answers < expected:
            data = await self._reader.read(2**16)
            if not data:
                raise ConnectionResetError("the server left the slow reader")
            self._packets.receive_data(data)
            for packet in self._packets.whole_packets():
                self._take(control.decode_from_server(packet))

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        await self._writer.wait_closed()

    def _take(self, event: control.ServerEvent) -> None:
        if isinstance(event, control.Relayed):
            self.tally.received += 1
        elif isinstance(event, control.Notice):
            self._counter.hear(event, 0.0)
        elif isinstance(event, control.VersionsComplete):
            self._answers += 1


Member = Client | Starter | SlowReader


def members_of(plan: Plan, share: int) -> list[Member]:
    """The clients of one process."""
    numbers = range(share, plan.clients, plan.shares)
    extra: list[Member] = [Starter(plan), SlowReader(plan)] if share == 0 else []
    return [*(Client(plan, number) for number in numbers), *extra]


async def run_share(plan: Plan, share: int, barrier: Barrier) -> list[Tally]:
    """Be one process of clients; `barrier` keeps all of them in step."""
    members = members_of(plan, share)
    await asyncio.gather(*(member.connect() for member in members))
    await asyncio.to_thread(barrier.wait)
    end = time.monotonic() + plan.seconds
    await asyncio.gather(*(member.work(end) for member in members))
    await asyncio.gather(*(member.fence() for member in members))  # the server has all that was sent here
    await asyncio.to_thread(barrier.wait)
    for _ in range(2):  # what was lost is told after what came, once there is room: twice, to be told
        await asyncio.gather(*(member.fence() for member in members))
    await asyncio.to_thread(barrier.wait)
    await asyncio.gather(*(member.close() for member in members))
    return [member.tally for member in members]
