# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator as a cell holds it: server, files, messages and jobs of one guiServer."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook.files import FileVerbs
from difxnb.notebook.job import Job
from difxnb.notebook.making import MakingVerbs
from difxnb.notebook.markup import titled

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import ServerInfo
    from difxnb.aio.heard import Jobs, Messages
    from difxnb.client.patience import Patience


def connect(
    host: str | None = None,
    port: int | None = None,
    *,
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
    AccessDenied, TokenFileError
        The server wants another token; the file holds none, or others may read it.
    """
    loop = LoopThread()
    loop.start()
    try:
        inner = loop.call(
            _connected(
                aio.connect(
                    host, port, transport=transport, timeout=timeout, patience=patience, token_file=token_file
                )
            )
        )
    except BaseException:
        loop.stop()
        raise
    return Correlator(inner, loop)


async def _connected(connecting: aio.Connecting) -> aio.Correlator:
    return await connecting


class Correlator(FileVerbs, MakingVerbs):
    """One guiServer, connected. Close it, or use it with ``with``."""

    def __init__(self, inner: aio.Correlator, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def server(self) -> ServerInfo:
        """What the server says of itself: `version`, `user`, `difx_base`, `difx_versions`, `environment`."""
        return self._inner.server

    @property
    def messages(self) -> Messages:
        """Everything the server relays: `frame`, `counts`, `subscribe`, `save`."""
        return self._inner.messages

    @property
    def jobs(self) -> Jobs:
        """Every job heard of, ours or not: `frame`, `weights`, `events`."""
        return self._inner.jobs

    @property
    def closed(self) -> bool:
        """Whether the connection has been closed or lost."""
        return self._inner.closed

    @property
    def transport(self) -> str:
        """How the server's side connections are made: ``"channel"`` or ``"dial-back"``."""
        return self._inner.transport

    def job_status(self, pattern: str | Path) -> pd.DataFrame:
        """Last known state of the jobs whose ``.input`` files match a pattern, one row each."""
        return self._loop.call(self._inner.job_status(str(pattern)))

    def job(self, input_file: str | Path) -> Job:
        """A job, by its ``.input`` file; nothing is asked of the server yet."""
        return Job(self._inner.job(str(input_file)), self, self._loop)

    def reconnect(self) -> None:
        """Connect again after the connection was lost."""
        self._loop.call(self._inner.reconnect())

    def close(self, force: bool = False) -> None:
        """Close the connection and end its thread. Closing twice is harmless."""
        if self._loop.running:
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
                self._loop.stop()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return titled(repr(self), self.jobs.frame())
