# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator as a user sees it: server, files, messages and jobs of one guiServer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.job_run import Job
    from difxnb.tables import JobTable

Progress = Callable[[int, int], None]


class ServerInfo:
    """What the server says of itself; plain values, usable from any thread."""

    version: str
    user: str
    difx_base: str

    @property
    def difx_versions(self) -> pd.DataFrame:
        """Installed DiFX versions, one row each."""
        raise NotImplementedError

    @property
    def environment(self) -> pd.Series[str]:
        """Environment variables of the server."""
        raise NotImplementedError


class Messages:
    """Every message that was relayed, as a table and as a stream."""

    callback_errors: list[Exception]

    def frame(
        self,
        type: str | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | None = None,
        since: object = None,
    ) -> pd.DataFrame:
        """Rows."""
        raise NotImplementedError

    def counts(self) -> pd.Series[int]:
        """How many of each type."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[object], None], type: str | None = None) -> Callable[[], None]:
        """Call ``callback(message)`` for each; the answer ends the subscription."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write the table to a file."""
        raise NotImplementedError


class Correlator:
    """One guiServer, connected."""

    messages: Messages
    jobs: JobTable

    @property
    def server(self) -> ServerInfo:
        """What the server says of itself."""
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        """Whether the connection has been closed or lost."""
        raise NotImplementedError

    async def ls(self, path: str) -> pd.DataFrame:
        """List."""
        raise NotImplementedError

    async def mkdir(self, path: str) -> None:
        """Make."""
        raise NotImplementedError

    async def rm(self, path: str, recursive: bool = False, force: bool = False) -> None:
        """Remove."""
        raise NotImplementedError

    async def get_file(self, path: str, *, progress: Progress | None = None) -> bytes:
        """Fetch."""
        raise NotImplementedError

    async def send_file(self, path: str, data: bytes | str, *, progress: Progress | None = None) -> int:
        """Send."""
        raise NotImplementedError

    async def download(self, path: str, local: str | Path, *, progress: Progress | None = None) -> Path:
        """Fetch into a local file."""
        raise NotImplementedError

    async def upload(self, local: str | Path, path: str, *, progress: Progress | None = None) -> int:
        """Send a local file."""
        raise NotImplementedError

    async def job_status(self, pattern: str) -> pd.DataFrame:
        """One row per job."""
        raise NotImplementedError

    def job(self, input_file: str) -> Job:
        """A job; nothing is asked of the server yet."""
        raise NotImplementedError

    async def reconnect(self) -> None:
        """Connect again after a loss."""
        raise NotImplementedError

    async def close(self, force: bool = False) -> None:
        """Close."""
        raise NotImplementedError

    async def __aenter__(self) -> Correlator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Connecting:
    """A connection about to be made: await it, or use it with ``async with``."""

    def __await__(self) -> Generator[None, None, Correlator]:
        raise NotImplementedError

    async def __aenter__(self) -> Correlator:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError


def connect(
    host: str | None = None, port: int | None = None, *, transport: str = "auto", timeout: float = 10.0
) -> Connecting:
    """Connect to a guiServer."""
    raise NotImplementedError
