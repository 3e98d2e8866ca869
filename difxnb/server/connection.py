# SPDX-License-Identifier: GPL-3.0-or-later
"""One client of the server: its socket, its operations, and what it hears from the network.

In: actions of the conversation. Out: effects, in order where the real server is synchronous, as tasks where
it starts threads. When the client goes, its operations end and its jobs go on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from difxnb.server import operations
from difxnb.server.access import Doorkeeper
from difxnb.server.actions import (
    Action,
    Begin,
    ChangeFiles,
    ChannelBytes,
    Close,
    Publish,
    Recall,
    Reply,
    Side,
    StartJob,
    StopJob,
    Threaded,
)
from difxnb.server.client_sides import ClientSides
from difxnb.server.confinement import Confinement
from difxnb.server.entrance import let_in, turn_away
from difxnb.server.files import error_text, operate
from difxnb.server.follower import Follower
from difxnb.server.greeting import Greeting, error_notice, warning_notice
from difxnb.server.host_load import HostLoad
from difxnb.server.job_process import RunningJob
from difxnb.server.monitor_feed import MonitorFeed, serve_monitor
from difxnb.server.outbox import Outbox
from difxnb.server.pace import Pace
from difxnb.server.protocol import Conversation
from difxnb.server.quirks import Quirks
from difxnb.server.relay import Document, MessageNetwork, Network
from difxnb.server.running_jobs import Jobs
from difxnb.server.side import SideConnection
from difxnb.server.start_plan import ACCEPTED, StartPlan, find_input, plan_start
from difxnb.server.workshop import Workshop
from difxnb.wire.control import StartMonitor, StatusRequest
from difxnb.wire.message import FileOperation, FileTransfer, MachinesDefinition

_LOG = logging.getLogger(__name__)
_READ = 2**18


@dataclass
class Services:
    """What all clients of a server share."""

    root: Confinement
    quirks: Quirks
    greeting: Greeting
    network: MessageNetwork
    where: Network
    publish: Callable[[Network, bytes], None]
    load: HostLoad | None
    jobs: Jobs
    monitors: MonitorFeed
    workshop: Workshop
    keeper: Doorkeeper
    read_only: bool
    local_names: frozenset[str] = field(default_factory=frozenset)


class ClientConnection:
    """Serves one client until it goes."""

    def __init__(
        self, services: Services, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._services, self._reader = services, reader
        self._limits = limits = services.keeper.limits
        self._outbox = Outbox(writer, relay_limit=limits.memory, stall=limits.stall)
        self._clock = asyncio.get_running_loop().time
        self._pace = Pace(limits.rate, self._clock)
        self._host = str((writer.get_extra_info("peername") or ("",))[0])  # a client may be gone already
        self._conversation = Conversation(
            services.greeting,
            peer=self._host,
            quirks=services.quirks,
            connected=self._clock(),
            network=services.where,
            max_payload=limits.packet,
            read_only=services.read_only,
        )
        self._sides = ClientSides(self._outbox, limits, late_close=services.quirks.late_close)
        self._operations: set[asyncio.Task[None]] = set()
        self._searches = asyncio.Semaphore(limits.searches)
        self._started: set[RunningJob] = set()

    async def serve(self) -> None:
        """Let the client in, then read and obey until it closes or breaks the protocol."""
        keeper = self._services.keeper
        no_room = keeper.arrive(self._host)
        try:
            if no_room:
                await turn_away(keeper, self._host, self._reader, self._outbox, no_room)
            elif (begun := await let_in(keeper, self._host, self._reader, self._outbox)) is not None:
                await self._obey(begun)
        except ConnectionError as error:
            _LOG.debug("client lost: %s", error)
        finally:
            if not no_room:
                keeper.leave(self._host)
            await self._end()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._outbox.abort()

    async def _obey(self, begun: bytes) -> None:
        forget = self._services.network.listen(lambda: self._conversation.network, self._hear)
        try:
            while data := begun or await self._reader.read(_READ):
                begun = b""
                if not await self._take(data):
                    await self._outbox.part(self._reader)
                    return
        finally:
            forget()

    async def _take(self, data: bytes) -> bool:
        """Do what the client asks for, at its pace; False when the stream makes no sense any more."""
        self._pace.begin_turn()
        conversation, counted = self._conversation, self._conversation.packets
        for action in conversation.receive_data(data, self._clock()):
            await self._perform(action)
            if isinstance(action, Close):
                return False
            counted, new = conversation.packets, conversation.packets - counted
            await self._pace.rest(new)
        await self._pace.rest(conversation.packets - counted)
        return True

    async def _end(self) -> None:
        try:
            self._sides.end()
            for task in self._operations:
                task.cancel()
            if self._operations:
                await asyncio.wait(self._operations)
            await self._outbox.close()
        finally:  # the server may be closing and not wait for any of this
            self._sides.abort()
            self._outbox.abort()

    def _hear(self, document: Document) -> None:
        packet = self._conversation.relayed(document)
        if packet is not None:
            self._outbox.offer(packet)

    async def _perform(self, action: Action) -> None:
        match action:
            case Reply(data) | Close(data):
                await self._outbox.send(data)
            case Publish(payload, network):
                self._services.publish(network, payload)
            case Recall():
                await self._recall()
            case ChangeFiles():
                await self._change_files(action)
            case ChannelBytes(channel, data):
                await self._sides.take(channel, data)
            case StopJob(input_file):
                await self._stop_job(input_file)
            case StartJob():
                await self._start_job(action)
            case Begin(request, side):
                await self._begin(request, side)

    # --- what is done before the next packet is read ---------------------------------------------------

    async def _recall(self) -> None:
        services = self._services
        if services.quirks.forgotten_jobs or self._conversation.network != services.where:
            return
        last_words = [*services.jobs.last_words, *(services.load.last_words if services.load else ())]
        packets = (self._conversation.relayed(document) for document in last_words)
        await self._outbox.send(b"".join(packet for packet in packets if packet is not None))

    async def _change_files(self, action: ChangeFiles) -> None:
        root = self._services.root
        try:
            await asyncio.to_thread(operate, root, action.operation, action.path, action.argument)
        except (OSError, ValueError) as error:
            if not self._services.quirks.silent_files:
                await self._complain(f"{action.operation} {action.path}: {error_text(error)}")

    async def _stop_job(self, input_file: str) -> None:
        job = self._services.jobs.find(input_file)
        if job is None:
            return  # harmless and silent, as with the real server
        text = f"killing PID {job.process_id} on {socket.gethostname()}"
        await self._outbox.send(warning_notice(text))
        job.stop(known=not self._services.quirks.lost_stops or job in self._started)
        await job.ended.wait()

    async def _start_job(self, action: StartJob) -> None:
        if await self._has_too_many():
            return
        side = await self._sides.open(action.side)
        if side is None:
            return
        follower, job = Follower(side, self._outbox.send), None
        try:
            for step in ACCEPTED:
                await follower.say(step)
            plan = await self._plan(action)
            job = self._services.jobs.start(plan.launch, follower.report) if plan.launch else None
            for step in plan.steps:
                await follower.say(step)
        finally:
            if job is None:
                await self._sides.close(side)
            else:
                self._started.add(job)
                self._spawn(self._follow(follower, side, job))

    async def _plan(self, action: StartJob) -> StartPlan:
        """Do the checks; a job that is running, or being started by somebody else, is refused."""
        root, jobs = self._services.root, self._services.jobs
        input_file = await asyncio.to_thread(find_input, root, action.request.input)
        claimed = input_file is not None and jobs.claim(input_file)
        plan = StartPlan(())
        try:
            is_running = input_file is not None and not claimed
            plan = await asyncio.to_thread(plan_start, root, action.request, is_running=is_running)
        finally:
            if input_file is not None and claimed and plan.launch is None:
                jobs.release(input_file)
        return plan

    async def _follow(self, follower: Follower, side: SideConnection, job: RunningJob) -> None:
        try:
            await follower.run()
        finally:
            self._started.discard(job)
            await self._sides.close(side)
        if self._services.quirks.dies_after_job:
            self.abort()

    # --- what runs beside it ---------------------------------------------------------------------------

    async def _begin(self, request: Threaded, side: Side) -> None:
        if not await self._has_too_many():
            self._spawn(self._operation(request, side))

    async def _has_too_many(self) -> bool:
        bound = self._limits.operations
        if len(self._operations) < bound:
            return False
        await self._complain(f"refused: {bound} operations of this client are running")
        return True

    async def _operation(self, request: Threaded, where: Side) -> None:
        side = await self._sides.open(where)
        if side is None:
            return
        try:
            await self._converse(request, side)
        finally:
            await self._sides.close(side)

    async def _converse(self, request: Threaded, side: SideConnection) -> None:
        services = self._services
        match request:
            case FileOperation() | StatusRequest() | MachinesDefinition():
                async with self._searches:  # or one client could keep all threads of the server busy
                    await self._search(request, side)
            case FileTransfer(direction="to DiFX"):
                text_only = services.quirks.text_uploads
                await operations.upload(services.root, request, side, text_only=text_only)
            case FileTransfer():
                await operations.send_file(services.root, request, side)
            case StartMonitor():
                await serve_monitor(services.monitors, services.root, services.quirks, side)
            case _:
                prefix = self._conversation.setup_path
                await services.workshop.serve(request, side, self._outbox.send, prefix)

    async def _search(
        self, request: FileOperation | StatusRequest | MachinesDefinition, side: SideConnection
    ) -> None:
        root = self._services.root
        match request:
            case FileOperation():
                await operations.list_directory(root, request, side, self._complain_about_files)
            case StatusRequest():
                await operations.report_status(root, request, side)
            case MachinesDefinition():
                names = self._services.local_names
                await operations.make_machines(root, request, side, local_names=names)

    async def _complain(self, text: str) -> None:
        await self._outbox.send(error_notice(text))

    async def _complain_about_files(self, text: str) -> None:
        if not self._services.quirks.silent_files:
            await self._complain(text)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._operations.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._operations.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        error = task.exception()
        if not isinstance(error, ConnectionError):  # a client that goes is no fault of the server
            _LOG.error("an operation failed", exc_info=error)
            self._outbox.offer(error_notice(f"the server failed in this operation: {error!r}"))
