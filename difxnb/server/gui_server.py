# SPDX-License-Identifier: GPL-3.0-or-later
"""The server itself: listens, and ties clients, jobs, monitors and the message network together.

In: a root directory and connections. Out: what guiServer 2.9 sends, in its order. Everything that can be
decided without a socket is decided in :mod:`difxnb.server.protocol` and its siblings.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import socket
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path

from difxnb.server import read_only
from difxnb.server.access import TOO_MANY, Doorkeeper, Limits
from difxnb.server.confinement import Confinement
from difxnb.server.connection import ClientConnection, Services
from difxnb.server.greeting import Greeting
from difxnb.server.host_load import HostLoad
from difxnb.server.listening import listening_address, notice_dead_peers
from difxnb.server.monitor_feed import MonitorFeed
from difxnb.server.multicast import Multicast
from difxnb.server.programs import Programs
from difxnb.server.quirks import REAL_LABEL, REAL_VERSION, Quirks
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.relay import DEFAULT_NETWORK, MessageNetwork, Network, checked_network
from difxnb.server.running_jobs import Correlator, Jobs, embedded_correlator
from difxnb.server.workshop import Workshop

_LOG = logging.getLogger(__name__)
_CLOSING_TIME = 2.0
_BACKLOG = 100
_READ_AHEAD = 2**18
_BEING_REFUSED = 32


class GuiServer:
    """A guiServer in Python, confined to one directory and bound to loopback by default.

    Parameters
    ----------
    root : Path
        Directory that clients see: absolute machine paths inside it, and nothing outside.
    host, port : str, int
        Where to listen; port 0 lets the system choose, see the attribute `port`.
    quirks : str, optional
        ``"2.9"`` reproduces the faults of the real server that a client must survive; see
        :meth:`difxnb.server.quirks.Quirks.of`.
    multicast : tuple of (str, int), optional
        Group and port of a real DiFX message network to join; none by default.
    environment : mapping, optional
        Variables shown to clients beside those that always are; the process's own are never shown.
    version : str, optional
        Answer to the version request, instead of this package's name and version.
    correlator : callable
        Gives the command of the child process for a launch; see :mod:`difxnb.server.child_frames`.
    token : str, optional
        What clients must send before anything else; needed beyond loopback.
    limits : Limits, optional
        What one client, and all together, may take.
    read_only : bool
        Whether everything that changes files, jobs or other computers is refused.
    recorders : RecorderBank, optional
        Recorders to simulate; it belongs to this server from now on.
    programs : Path, optional
        Directory of the programs that clients may have run: vex2difx, the delay model programs, vsum, m5bsum. Without
        vex2difx in it jobs and models are made here (:mod:`difxnb.server.job_maker`).
    report_load : bool
        Whether the load of this host is told to the network every ten seconds.

    Raises
    ------
    NotADirectoryError
        `root` or `programs` is no directory.
    ValueError
        A quirk or the multicast group is not known, or the server could be reached from elsewhere by anybody.
    OSError
        `host` has no IPv4 address.

    Attributes
    ----------
    keeper : Doorkeeper
        Knows how many clients there are, and how many were refused and why.
    port : int
        The port that is listened on, once started.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        quirks: str | None = None,
        multicast: tuple[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        version: str | None = None,
        correlator: Correlator = embedded_correlator,
        token: str | None = None,
        limits: Limits | None = None,
        read_only: bool = False,
        recorders: RecorderBank | None = None,
        programs: Path | None = None,
        report_load: bool = False,
    ) -> None:
        self.host, self.port = host, port
        self._address = listening_address(host, token)
        self.keeper, self._read_only = Doorkeeper(limits or Limits(), token), read_only
        self._confinement = Confinement(root)
        self._quirks = Quirks.of(quirks)
        self._where: Network = checked_network(*multicast) if multicast else DEFAULT_NETWORK
        self._network = MessageNetwork()
        self._multicast = Multicast(self._where, self._heard) if multicast else None
        self._correlator = correlator
        self._recorders, self._programs = recorders, Programs(programs)
        self._load = HostLoad(lambda payload: self._publish(self._where, payload)) if report_load else None
        self._services = self._make_services(self._greeting(version, environment or {}))
        self._listener: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], ClientConnection] = {}

    @property
    def root(self) -> Path:
        """The directory that clients see, free of links."""
        return self._confinement.root

    async def start(self) -> None:
        """Listen; OSError when the port or the multicast group cannot be had."""
        if self._multicast is not None:
            await self._multicast.start()
        if self._recorders is not None:
            self._recorders.start(self._confinement, lambda payload: self._publish(self._where, payload))
            self._network.listen(lambda: self._where, self._recorders.hear)
        self._listener = await asyncio.start_server(
            self._accept, self._address, self.port, backlog=_BACKLOG, limit=_READ_AHEAD
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        if self._recorders is not None:
            self._recorders.beat()
        if self._load is not None:
            self._load.start()

    async def close(self) -> None:
        """Stop every job and end every connection; nothing is left running."""
        if self._listener is not None:
            self._listener.close()
        await self._services.jobs.close()
        await self._close_clients()
        await self._services.jobs.close()  # a client may have started another one just before it went
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None
        if self._recorders is not None:
            await self._recorders.close()
        if self._load is not None:
            await self._load.close()
        if self._multicast is not None:
            await self._multicast.close()

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then close."""
        try:
            await stop.wait()
        finally:
            await self.close()

    async def _close_clients(self) -> None:
        for task in self._clients:
            task.cancel()
        if self._clients:
            _, late = await asyncio.wait(self._clients, timeout=_CLOSING_TIME)
            for task in late:
                self._clients[task].abort()
            if late:
                await asyncio.wait(late, timeout=_CLOSING_TIME)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= self.keeper.limits.clients + _BEING_REFUSED:
            self.keeper.refused[TOO_MANY] += 1
            writer.transport.abort()  # not even time for a word: somebody is flooding us
            return
        notice_dead_peers(writer.get_extra_info("socket"))
        client = ClientConnection(self._services, reader, writer)
        task = asyncio.get_running_loop().create_task(client.serve())
        self._clients[task] = client
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        del self._clients[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a client's connection failed", exc_info=error)

    def _greeting(self, version: str | None, environment: Mapping[str, str]) -> Greeting:
        own = f"difxnb-{installed_version('difxnb')}"
        is_disguised = self._quirks.real_name
        text, label = (REAL_VERSION, REAL_LABEL) if is_disguised else (own, own)
        group, port = self._where
        root = str(self.root)
        shown = {
            "DIFX_BASE": root,
            "DIFX_VERSION": label,
            "DIFX_MESSAGE_GROUP": group,
            "DIFX_MESSAGE_PORT": str(port),
        }
        if not is_disguised:
            shown["DIFXNB_SERVER"] = own
            shown |= {read_only.VARIABLE: read_only.VALUE} if self._read_only else {}
        return Greeting(version or text, root, _user(), (label,), {**shown, **environment})

    def _make_services(self, greeting: Greeting) -> Services:
        monitors = MonitorFeed()
        jobs = Jobs(
            self._confinement,
            self._quirks,
            self._network,
            self._where,
            publish=lambda payload: self._publish(self._where, payload),
            dump=monitors.publish,
            correlator=self._correlator,
        )
        return Services(
            root=self._confinement,
            quirks=self._quirks,
            greeting=greeting,
            network=self._network,
            where=self._where,
            publish=self._publish,
            jobs=jobs,
            load=self._load,
            monitors=monitors,
            workshop=Workshop(
                self._confinement,
                self._programs,
                self._recorders,
                publish=lambda payload: self._publish(self._where, payload),
                alone=self._multicast is None,
                by_output=self._quirks.ignored_status,
            ),
            keeper=self.keeper,
            read_only=self._read_only,
            local_names=frozenset(
                {socket.gethostname(), socket.gethostname().partition(".")[0], "localhost"}
            ),
        )

    def _publish(self, network: Network, payload: bytes) -> None:
        self._network.send(network, payload)
        if self._multicast is not None and network == self._where:
            self._multicast.send(payload)

    def _heard(self, payload: bytes) -> None:
        self._network.send(self._where, payload)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without an entry, as containers have; the packet is then left out
        return ""
