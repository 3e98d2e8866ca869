# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator as a user sees it: server, files, messages and jobs of one guiServer."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from difxnb.aio.address import Address, find_address
from difxnb.aio.frames import entries_frame, status_frame
from difxnb.aio.heard import Item, Jobs, Messages
from difxnb.aio.job import Job
from difxnb.aio.server_info import ServerInfo
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.patience import Patience
from difxnb.client.remote_files import Progress
from difxnb.errors import DifxError

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.job_run import JobRun
    from difxnb.aio.live_monitor import Monitor

__all__ = ["Connecting", "Correlator", "Jobs", "Messages", "Progress", "ServerInfo", "connect"]

_log = logging.getLogger(__name__)

Listener = Callable[[Item, float], None]


class Correlator:
    """One guiServer, connected. Made by `connect`.

    ``async with`` closes it at the end. Jobs are never ended by that: an embedded server goes on with them,
    and with a real one, which would crash, the end of the jobs is waited for.

    Attributes
    ----------
    messages : Messages
        Everything that the server relays and says.
    jobs : Jobs
        Every job that was heard of.
    address : Address
    """

    def __init__(
        self, address: Address, *, transport: str, timeout: float, patience: Patience | None
    ) -> None:
        self.address = address
        self.messages, self.jobs = Messages(), Jobs()
        self._listeners: dict[object, Listener] = {1: self.messages.add, 2: self.jobs.add}
        self.runs: dict[str, JobRun] = {}
        self.monitors: set[Monitor] = set()
        self.head_node = AsyncHeadNode(
            address.host,
            address.port,
            transport=transport,
            timeout=timeout,
            subscriber=self._hear,
            patience=patience,
        )

    @property
    def server(self) -> ServerInfo:
        """What the server says of itself."""
        return ServerInfo(self.head_node.description)

    @property
    def closed(self) -> bool:
        """Whether the connection has been closed or lost."""
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

    # --- files ----------------------------------------------------------------------------------------

    async def ls(self, path: str) -> pd.DataFrame:
        """List a directory, a file, or what a pattern matches.

        Returns
        -------
        DataFrame
            ``name path type mode owner group size modified`` (size in bytes, time in UTC); empty only where
            the directory is empty.

        Raises
        ------
        RemoteFileNotFound
            There is nothing of that name, or nothing matches.
        UnsafeValue, ValueError
            The path holds what a shell would act on, or is not absolute.
        NoReply, ConnectionLost
        """
        return entries_frame(await self.head_node.ls_entries(path))

    async def mkdir(self, path: str) -> None:
        """Make a directory, and those above it; nothing happens where it exists.

        Raises
        ------
        RemoteFileExists, RemotePermission, RemoteFileError
            It is not there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.make_directory(path)

    async def rm(self, path: str, recursive: bool = False, force: bool = False) -> None:
        """Remove a file, or with `recursive` a directory and all that is in it.

        Parameters
        ----------
        path : str
            Absolute. ``/`` is always refused.
        recursive : bool
            Allow directories.
        force : bool
            Allow wildcards, and do not complain where there is nothing to remove.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
            There was nothing, or it is still there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        await self.head_node.remove(path, recursive=recursive, force=force)

    async def get_file(self, path: str, *, progress: Progress | None = None) -> bytes:
        """Fetch a file, whole or not at all.

        Parameters
        ----------
        path : str
            Absolute path on the server.
        progress : callable, optional
            Called with bytes received and bytes in all, on the connection's thread.

        Raises
        ------
        RemoteFileNotFound, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return await self.head_node.get_file(path, progress=progress)

    async def send_file(self, path: str, data: bytes | str, *, progress: Progress | None = None) -> int:
        """Send a file, whole or not at all; one that is there is replaced when everything has arrived.

        Parameters
        ----------
        path : str
            Absolute path on the server, in a directory that exists.
        data : bytes or str
            Content; text is sent as UTF-8. A real guiServer damages NUL bytes, so they are refused there.
        progress : callable, optional
            Called with bytes sent and bytes in all, on the connection's thread.

        Returns
        -------
        int
            Bytes stored.

        Raises
        ------
        RemoteFileNotFound, RemoteFileExists, RemotePermission, RemoteFileError
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        if not isinstance(data, str | bytes | bytearray | memoryview):
            raise TypeError(f"a file holds bytes or text; got {type(data).__name__}")
        content = data.encode() if isinstance(data, str) else bytes(data)
        return await self.head_node.send_file(path, content, progress=progress)

    async def download(self, path: str, local: str | Path, *, progress: Progress | None = None) -> Path:
        """Fetch a file into a local one, or into a local directory; gives the local path.

        A local file is replaced when everything has arrived, and not touched before. Errors as those of
        `get_file`, and OSError of the local disk.
        """
        target = Path(local)
        if target.is_dir():
            target /= path.rpartition("/")[2]
        content = await self.get_file(path, progress=progress)
        await asyncio.to_thread(_write_whole, target, content)
        return target

    async def upload(self, local: str | Path, path: str, *, progress: Progress | None = None) -> int:
        """Send a local file; gives its size. Errors as those of `send_file`, and OSError of the disk."""
        content = await asyncio.to_thread(Path(local).read_bytes)
        return await self.send_file(path, content, progress=progress)

    # --- jobs -----------------------------------------------------------------------------------------

    async def job_status(self, pattern: str) -> pd.DataFrame:
        """What the logs of jobs last said, one row per job.

        Parameters
        ----------
        pattern : str
            Absolute path of ``.input`` files, with or without wildcards: ``"/data/exp/*.input"``.

        Returns
        -------
        DataFrame
            ``job state logged message log input``; empty where nothing matches. ``logged`` is local time of
            the server host.

        Raises
        ------
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        return status_frame(await self.head_node.job_status(pattern))

    def job(self, input_file: str) -> Job:
        """A job, by the absolute path of its ``.input`` file; nothing is asked of the server yet."""
        return Job(self, str(input_file))

    # --- connection -----------------------------------------------------------------------------------

    async def reconnect(self) -> None:
        """Connect anew, after a loss or instead of the connection that stands.

        Calls under way end with ConnectionLost; tables and subscriptions stay.

        Raises
        ------
        ConnectionFailed, NotGuiServer, NoReply
        """
        await self.head_node.reconnect()

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
        for monitor in tuple(self.monitors):
            try:
                await monitor.close()
            except DifxError:
                # A lost connection ends a monitor as well; closing goes on.
                self.monitors.discard(monitor)
        await self.head_node.close(force=force)

    async def __aenter__(self) -> Correlator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.server.is_embedded:
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

    def __repr__(self) -> str:
        state = "closed" if self.closed else self.transport
        heard = f"{len(self.messages)} messages, {len(self.jobs)} jobs"
        return f"<Correlator {self.address}: {self.server!r}, {state}, {heard}>"


def _write_whole(target: Path, content: bytes) -> None:
    """Write a local file under a temporary name first, so that nobody ever sees half of it."""
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise


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
    transport: str = "auto",
    timeout: float = 10.0,
    patience: Patience | None = None,
) -> Connecting:
    """Connect to a guiServer.

    Parameters
    ----------
    host : str, optional
        Without it ``DIFX_CONTROL_HOST``, then ``localhost``.
    port : int, optional
        Without it ``DIFX_CONTROL_PORT``, then ``DIFX_MESSAGE_PORT``, then 50200.
    transport : {"auto", "channel", "dial-back"}
        How side connections travel: inside the main one, which works through NAT and tunnels, or dialled
        back by the server. ``"auto"`` means channels wherever the server knows them.
    timeout : float
        Seconds that connecting may take.
    patience : Patience, optional
        All other time-outs.

    Returns
    -------
    Connecting
        To be awaited, or used with ``async with``; both give a `Correlator` and raise ConnectionFailed
        (nobody there), NotGuiServer (somebody else there) or NoReply (silence).
    """
    correlator = Correlator(find_address(host, port), transport=transport, timeout=timeout, patience=patience)
    return Connecting(correlator)
