# SPDX-License-Identifier: GPL-3.0-or-later
"""A job, and one run of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.aio.live_monitor import Monitor, Select
    from difxnb.formats.input import Input
    from difxnb.wire.job import JobOutcome


class Job:
    """One ``.input`` file on the server."""

    input_file: str
    name: str

    async def input(self) -> Input:
        """The parsed ``.input`` file."""
        raise NotImplementedError

    async def machines(self) -> pd.DataFrame:
        """Rows ``node role threads`` from ``.machines`` and ``.threads``."""
        raise NotImplementedError

    async def set_machines(
        self,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``; gives what was written, as `machines` does."""
        raise NotImplementedError

    async def check(self) -> pd.DataFrame:
        """Findings ``severity text`` of the configuration check."""
        raise NotImplementedError

    async def start(
        self,
        monitor: Select | bool | None = None,
        overwrite: bool = False,
        bail_on_config_fail: bool = True,
    ) -> JobRun:
        """Start."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop."""
        raise NotImplementedError

    async def status(self) -> pd.DataFrame:
        """Row of job status."""
        raise NotImplementedError

    async def log(self) -> str:
        """Text of the ``.difxlog``."""
        raise NotImplementedError

    async def monitor(self, select: Select | None = None) -> Monitor:
        """Watch the job that is running."""
        raise NotImplementedError


class JobRun:
    """One run of a job."""

    job: Job
    monitor: Monitor | None

    @property
    def state(self) -> str:
        """State as the job last told it."""
        raise NotImplementedError

    @property
    def progress(self) -> float:
        """0…1."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        """Whether the conversation has ended."""
        raise NotImplementedError

    @property
    def outcome(self) -> JobOutcome | None:
        """How it ended; None while it runs."""
        raise NotImplementedError

    @property
    def events(self) -> pd.DataFrame:
        """What guiServer said."""
        raise NotImplementedError

    @property
    def weights(self) -> xr.DataArray:
        """(time, antenna)."""
        raise NotImplementedError

    async def wait(self, timeout: float | None = None) -> JobOutcome:
        """Wait for the end."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop, verified."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, JobOutcome]:
        raise NotImplementedError
