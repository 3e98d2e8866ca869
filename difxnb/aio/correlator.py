# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator as a user sees it: server, files, messages and jobs of one guiServer."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from difxnb.aio.coverage import CoverageVerbs
from difxnb.aio.experiments import ExperimentVerbs
from difxnb.aio.files import FileVerbs
from difxnb.aio.heard import Item, Jobs, Messages
from difxnb.aio.job import Job
from difxnb.aio.job_queue import JobQueue
from difxnb.aio.making import MakingVerbs
from difxnb.aio.runs import Runs
from difxnb.aio.sending import SendVerbs
from difxnb.aio.server_info import ServerInfo
from difxnb.aio.session_recorder import SessionRecorder
from difxnb.aio.status import StatusVerbs
from difxnb.aio.tape import Situation, Tape
from difxnb.client.address import Address, find_address, find_token
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.patience import Patience
from difxnb.client.remote_files import Progress
from difxnb.errors import DifxError
from difxnb.tables import AlertTable, NodeTable, RecorderTable
from difxnb.wire.events import Gap
from difxnb.wire.selection import selects

if TYPE_CHECKING:
    from difxnb.aio.live_monitor import Monitor

__all__ = ["Connecting", "Correlator", "Jobs", "Messages", "Progress", "ServerInfo", "connect"]

_log = logging.getLogger(__name__)

Listener = Callable[[Item, float], None]


def _warn(warning: Warning) -> None:
    warnings.warn(warning, stacklevel=2)


class Correlator(FileVerbs, MakingVerbs, ExperimentVerbs, CoverageVerbs, SendVerbs, StatusVerbs):
    """One guiServer, connected. Made by `connect`.

    ``async with`` closes it at the end. Jobs are never ended by that: an embedded server goes on with them,
    and with a real one, which would crash, the end of the jobs is waited for.

    Attributes
    ----------
    messages : Messages
        Everything that the server relays and says.
    jobs : Jobs
        Every job that was heard of.
    nodes : NodeTable
        Every host that reports its load, or computes: `frame`, `history`.
    recorders : RecorderTable
        Every Mark5 and Mark6 unit that was heard of: `frame`, `modules`, `smart`, `drive_statistics`, `versions`.
    alerts : AlertTable
        Every trouble that was told of, once, with its cause in plain language: `frame`.
    queue : JobQueue
        Jobs to run one after another: `add`, `remove`, `move`, `pause`, `resume`, `frame`.
    address : Address
    warn : callable
        Shows a warning, as :func:`warnings.warn` does; to be replaced where that would be out of sight.
    """

    def __init__(
        self,
        address: Address,
        *,
        transport: str,
        timeout: float,
        patience: Patience | None,
        token: str | None = None,
    ) -> None:
        self.address = address
        self.messages, self.jobs = Messages(self._choose_messages), Jobs()
        self.nodes, self.recorders, self.alerts = NodeTable(), RecorderTable(), AlertTable()
        self._listeners: dict[object, Listener] = {
            1: self.messages.add,
            2: self.jobs.add,
            3: self.nodes.add,
            4: self.recorders.add,
            5: self.alerts.add,
        }
        self.runs = Runs()
        self.queue = JobQueue(self)
        self._sent: Counter[str] = Counter()
        self.warn: Callable[[Warning], None] = _warn
        self.monitors: set[Monitor] = set()
        self.tape = Tape()
        self._recordings: list[SessionRecorder] = []
        self.head_node = AsyncHeadNode(
            address.host,
            address.port,
            ssh=address.ssh,
            transport=transport,
            timeout=timeout,
            subscriber=self._hear,
            patience=patience,
            token=token,
            tap=self.tape.datagram,
        )

    @property
    def server(self) -> ServerInfo:
        """What the server says of itself."""
        return ServerInfo(self.head_node.description, self.head_node.settings.setup_path, self.head_node)

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as anyone can know."""
        return self.head_node.connected

    @property
    def closed(self) -> bool:
        """Whether there is no connection: it was closed here, or is lost and has not come back yet."""
        return not self.head_node.connected

    @property
    def transport(self) -> str:
        """How the server's side connections are made: ``"channel"`` or ``"dial-back"``."""
        return "dial-back" if self.head_node.dial_back else "channel"

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with everything heard; the answer ends that. It must not raise."""
        key = object()
        self._listeners[key] = listener

        def end() -> None:
            self._listeners.pop(key, None)

        return end

    def _hear(self, item: Item, time: float) -> None:
        for listener in tuple(self._listeners.values()):
            listener(item, time)
        self.tape.hear(item, time)
        if isinstance(item, Gap) and item.end is not None:
            self.tape.connected(self._situation())

    async def _choose_messages(self, lines: tuple[str, ...]) -> None:
        self.tape.selected(self.messages.selection)
        await self.head_node.select_messages(lines)
        self.nodes.hearing.is_open = selects(lines, "DifxLoadMessage")
        self.recorders.hearing.is_open = selects(lines, "Mark5StatusMessage")

    # --- recordings -----------------------------------------------------------------------------------

    def record(self, path: str | Path) -> SessionRecorder:
        """Record everything that comes from now on to a file, for `difxnb.open_recording`.

        Messages are kept as they came, with the times at which they did; besides notices, gaps, what the server says
        of itself, the files of jobs that are looked at, every visibility of live monitors, and what guiServer says of
        runs. What was heard before is not in it (`messages.save` keeps that); monitors and runs that go on are. Any
        number of recordings may be made at once. Closing the connection ends them.

        The file is written every fifth of a second, and survives the end of this process but for that.

        Parameters
        ----------
        path : path
            File to make.

        Returns
        -------
        SessionRecorder
            To be stopped, or used with ``async with``.

        Raises
        ------
        OutputExists
            The file is there already; it is never overwritten.
        RecordingFailed
            It cannot be made.
        """
        self._recordings = [recording for recording in self._recordings if not recording.closed]
        made = SessionRecorder(path, self.tape, self._situation(), warn=self._pass_on)
        self._recordings.append(made)
        return made

    def _pass_on(self, warning: Warning) -> None:
        self.warn(warning)

    def _situation(self) -> Situation:
        node = self.head_node
        selection, setup_path = self.messages.selection, node.settings.setup_path
        return Situation(str(self.address), self.transport, node.description, setup_path, selection)

    async def _end_recordings(self) -> None:
        recordings, self._recordings = self._recordings, []
        for recording in recordings:
            await recording.stop()

    # --- jobs -----------------------------------------------------------------------------------------

    def job(self, input_file: str) -> Job:
        """A job, by the absolute path of its ``.input`` file; nothing is asked of the server yet."""
        return Job(self, str(input_file))

    # --- connection -----------------------------------------------------------------------------------

    async def reconnect(self, force: bool = False) -> None:
        """Connect anew at once, after a loss or instead of the connection that stands.

        A connection that is lost comes back by itself; this does not wait for the next attempt. Calls under way end
        with ConnectionLost; tables and subscriptions stay.

        Raises
        ------
        ConnectionFailed, NotGuiServer, NoReply, AccessDenied
            It did not come about; attempts go on in the background.
        StillRunning
            The connection stands, and jobs would not survive its end: see `close`.
        """
        await self.head_node.reconnect(force=force)

    async def close(self, force: bool = False) -> None:
        """Close the connection, live monitors first. A second call does nothing.

        Raises
        ------
        StillRunning
            Jobs started over this connection still run on a real guiServer, which would crash now and take
            them with it. Wait for them, stop them, or say ``force=True``.
        """
        if self.head_node.closed:
            return
        self.head_node.require_leavable(force=force)
        await self.queue.end()
        for monitor in tuple(self.monitors):
            try:
                await monitor.close()
            except DifxError:
                # A lost connection ends a monitor as well; closing goes on.
                self.monitors.discard(monitor)
        try:
            await self.head_node.close(force=force)
        finally:
            self.runs.let_go()
            await self._end_recordings()

    async def __aenter__(self) -> Correlator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.server.is_embedded:
                self.queue.start_no_more("the connection is being closed")
                await self._wait_for_jobs()
            await self.close()
        finally:
            # Interrupted while waiting: leaving now is what was asked for.
            await self.close(force=True)

    async def _wait_for_jobs(self) -> None:
        running = sorted(self.head_node.running_jobs)
        if running:
            _log.warning(
                "waiting for %s: guiServer would crash with it if it were left now", ", ".join(running)
            )
        await asyncio.gather(*(run.ended() for run in self.runs.values()))

    def _whereabouts(self) -> str:
        """Why there is no connection, in a few words."""
        absence = self.head_node.absence
        return "closed" if self.head_node.closed or absence is None else str(absence)

    def __repr__(self) -> str:
        state = self.transport if self.connected else self._whereabouts()
        heard = f"{len(self.messages)} messages, {len(self.jobs)} jobs"
        return f"<Correlator {self.address}: {self.server!r}, {state}, {heard}>"


class Connecting:
    """A connection about to be made: ``await`` it, or use it with ``async with``."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator

    async def _connect(self) -> Correlator:
        await self._correlator.head_node.connect()
        return self._correlator

    def __await__(self) -> Generator[Any, None, Correlator]:
        return self._connect().__await__()

    async def __aenter__(self) -> Correlator:
        return await self._connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._correlator.__aexit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<not connected yet to {self._correlator.address}; await it, or use it with 'async with'>"


def connect(
    host: str | None = None,
    port: int | None = None,
    *,
    ssh: str | None = None,
    transport: str = "auto",
    timeout: float = 10.0,
    patience: Patience | None = None,
    token_file: str | Path | None = None,
) -> Connecting:
    """Connect to a guiServer.

    Parameters
    ----------
    host : str, optional
        Without it ``DIFX_CONTROL_HOST``, then the configuration file, then ``localhost``.
    port : int, optional
        Without it ``DIFX_CONTROL_PORT``, then ``DIFX_MESSAGE_PORT``, then the configuration file, then 50200.
    ssh : str, optional
        Gateway to go through: ``"user@gateway"``, ``"gateway:2222"`` or a name in ``~/.ssh/config``, whose keys,
        agent, jump hosts and known hosts are used. Nothing is asked, and no local port is opened. `host` and `port`
        are then as the gateway sees them. Without it the one in the configuration file, if `host` is from there
        too; ``""`` means none. Needs ``difxnb[ssh]``.
    transport : {"auto", "channel", "dial-back"}
        How side connections travel: inside the main one, which works through NAT and tunnels, or dialled
        back by the server. ``"auto"`` means dialled back by real servers that get through, which now and then die
        of channels, and channels otherwise. Through `ssh` a server cannot dial back.
    timeout : float
        Seconds that connecting may take.
    patience : Patience, optional
        All other time-outs.
    token_file : path, optional
        File with the access token, for a server of this package that wants one. Without it
        ``DIFX_CONTROL_TOKEN_FILE``, then ``token_file`` in the configuration file, then no token.

    Returns
    -------
    Connecting
        To be awaited, or used with ``async with``; both give a `Correlator` and raise ConnectionFailed
        (nobody there; GatewayRefused where an ssh gateway does not let us in), NotGuiServer (somebody else
        there), AccessDenied (it wants another token) or NoReply (silence).

    Raises
    ------
    TokenFileError
        The file holds no token, or others may read it.
    """
    correlator = Correlator(
        find_address(host, port, ssh=ssh),
        transport=transport,
        timeout=timeout,
        patience=patience,
        token=find_token(token_file),
    )
    return Connecting(correlator)
