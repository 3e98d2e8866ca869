# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator as a cell holds it: server, files, messages and jobs of one guiServer."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.markup import titled
from difxnb.notebook.coverage import CoverageVerbs
from difxnb.notebook.experiments import ExperimentVerbs
from difxnb.notebook.files import FileVerbs
from difxnb.notebook.intensive_desk import IntensiveDesk
from difxnb.notebook.job import Job
from difxnb.notebook.job_queue import JobQueue
from difxnb.notebook.making import MakingVerbs
from difxnb.notebook.messages import Messages, ServerInfo
from difxnb.notebook.panels import OpenPanels
from difxnb.notebook.session_recorder import SessionRecorder
from difxnb.notebook.status import MessageVerbs
from difxnb.notebook.tables import Alerts, Jobs, Nodes, Recorders

if TYPE_CHECKING:
    from difxnb.client.patience import Patience
    from difxnb.intensives import Recipe
    from difxnb.notebook.intensive_run import IntensiveRun
    from difxnb.panels.dashboard import Dashboard


def connect(
    host: str | None = None,
    port: int | None = None,
    *,
    ssh: str | None = None,
    transport: str = "auto",
    timeout: float = 10.0,
    patience: Patience | None = None,
    token_file: str | Path | None = None,
) -> Correlator:
    """Connect to a guiServer.

    Parameters
    ----------
    host : str, optional
        Default: ``DIFX_CONTROL_HOST``, then the configuration file, then ``localhost``.
    port : int, optional
        Default: ``DIFX_CONTROL_PORT``, ``DIFX_MESSAGE_PORT``, the configuration file, then 50200.
    ssh : str, optional
        Gateway to go through: ``"user@gateway"``, ``"gateway:2222"`` or a name in ``~/.ssh/config``, whose keys,
        agent, jump hosts and known hosts are used; nothing is asked. `host` and `port` are then as the gateway sees
        them. Default: the configuration file, if `host` is from there too. Needs ``difxnb[ssh]``.
    transport : {"auto", "channel", "dial-back"}
        How the server's side connections travel: inside this one (works through tunnels), or dialled back.
    timeout : float
        Seconds that connecting may take.
    patience : Patience, optional
        All other time-outs.
    token_file : path, optional
        File with the access token. Default: ``DIFX_CONTROL_TOKEN_FILE``, the configuration file, then none.

    Returns
    -------
    Correlator

    Raises
    ------
    ConnectionFailed, NoReply, NotGuiServer
        Nothing there, silence, or something that is no guiServer.
    GatewayRefused
        The ssh gateway is not known, or does not let us in.
    AccessDenied, TokenFileError
        The server wants another token; the file holds none, or others may read it.
    """
    loop = LoopThread()
    loop.start()
    try:
        inner = loop.call(
            _connected(
                aio.connect(
                    host,
                    port,
                    ssh=ssh,
                    transport=transport,
                    timeout=timeout,
                    patience=patience,
                    token_file=token_file,
                )
            )
        )
    except BaseException:
        loop.stop()
        raise
    return Correlator(inner, loop)


async def _connected(connecting: aio.Connecting) -> aio.Correlator:
    return await connecting


class Correlator(FileVerbs, MakingVerbs, ExperimentVerbs, CoverageVerbs, MessageVerbs):
    """One guiServer, connected. Close it, or use it with ``with``."""

    def __init__(self, inner: aio.Correlator, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop
        inner.warn = loop.warn
        self._panels = OpenPanels(loop)
        self._queue = JobQueue(inner.queue, loop, self._panels)
        self._sessions = IntensiveDesk(inner)

    @property
    def server(self) -> ServerInfo:
        """What the server says of itself: `version`, `user`, `difx_base`, `difx_versions`…; and `use_version`."""
        return ServerInfo(self._inner.server, self._loop)

    @property
    def messages(self) -> Messages:
        """Everything the server relays: `frame`, `counts`, `statistics`, `select`, `subscribe`, `save`."""
        return Messages(self._inner.messages, self._loop, self)

    @property
    def jobs(self) -> Jobs:
        """Every job heard of, ours or not: `frame`, `weights`, `events`."""
        return Jobs(self._inner.jobs, self)

    @property
    def queue(self) -> JobQueue:
        """Jobs to run one after another: `add`, `remove`, `move`, `pause`, `resume`, `frame`, `panel`."""
        return self._queue

    @property
    def nodes(self) -> Nodes:
        """Every host that reports its load, or computes: `frame`, `history`."""
        return Nodes(self._inner.nodes, self)

    @property
    def recorders(self) -> Recorders:
        """Every Mark5 and Mark6 unit heard of: `frame`, `modules`, `smart`, `drive_statistics`, `versions`."""
        return Recorders(self._inner.recorders, self)

    @property
    def alerts(self) -> Alerts:
        """Every trouble that was told of, once, with its cause in plain language: `frame`."""
        return Alerts(self._inner.alerts, self)

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as anyone can know."""
        return self._inner.connected

    @property
    def closed(self) -> bool:
        """Whether there is no connection: it was closed here, or is lost and has not come back yet."""
        return self._inner.closed

    @property
    def transport(self) -> str:
        """How the server's side connections are made: ``"channel"`` or ``"dial-back"``."""
        return self._inner.transport

    def job(self, input_file: str | Path) -> Job:
        """A job, by its ``.input`` file; nothing is asked of the server yet."""
        return Job(self._inner.job(str(input_file)), self, self._loop)

    def panel(self) -> Dashboard:
        """Everything behind tabs: from the connection and its files to the queue and unattended sessions.

        A cell that ends with it shows it. It ends with the connection, or with its own `close`, and leaves a table and
        a picture of what was last seen in the notebook.
        """
        from difxnb.notebook.dashboard import Tabs

        return self._panels.add(Tabs(self).of_correlator())

    def intensive(
        self,
        recipe: Recipe | str | PathLike[str],
        *,
        session: str | None = None,
        directory: str | PathLike[str] | None = None,
        dry_run: bool = False,
        resume: bool = True,
    ) -> IntensiveRun:
        """Begin an unattended session over this connection, or take up one that was begun.

        As :func:`difxnb.intensive`, which tells more.
        """
        from difxnb.notebook.intensive_run import intensive

        return intensive(
            recipe, difx=self, session=session, directory=directory, dry_run=dry_run, resume=resume
        )

    @property
    def _home(self) -> str:
        """Directory of the server that browsing begins in."""
        return "/"

    def record(self, path: str | Path) -> SessionRecorder:
        """Record everything that comes from now on to a file, for `difxnb.open_recording`.

        Messages are kept as they came; besides notices, gaps, the files of jobs that are looked at, all visibilities of
        live monitors, and what guiServer says of runs. What was heard before is not in it. The file survives the end
        of this process but for its last fifth of a second. Closing the connection ends the recording.

        Raises
        ------
        OutputExists
            The file is there already; it is never overwritten.
        RecordingFailed
            It cannot be made.
        """
        return SessionRecorder(self._loop.call(self._begin_recording(path)), self._loop)

    async def _begin_recording(self, path: str | Path) -> aio.SessionRecorder:
        return self._inner.record(path)

    def reconnect(self, force: bool = False) -> None:
        """Connect again at once, after a loss or instead of the connection that stands.

        A connection that is lost comes back by itself; this does not wait for the next attempt. StillRunning is
        raised where jobs would not survive it, unless ``force=True``.
        """
        self._loop.call(self._inner.reconnect(force))

    def close(self, force: bool = False) -> None:
        """Close the connection and end its thread. Closing twice is harmless."""
        if self._loop.running:
            self._inner.head_node.require_leavable(force=force)
            self._panels.close()
            self._loop.call(self._inner.close(force))
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop.running:
            try:
                self._loop.call(self._inner.__aexit__(kind, error, trace))
            finally:
                self._panels.close()
                self._loop.stop()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return titled(repr(self), self.jobs.frame())
