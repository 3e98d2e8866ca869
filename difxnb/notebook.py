# SPDX-License-Identifier: GPL-3.0-or-later
"""What a notebook cell holds: the verbs of :mod:`difxnb.aio`, blocking.

Every object here wraps its awaitable twin and hands each call to the loop of one thread, which belongs to the
:class:`Correlator` and ends with it. The kernel's own loop is never touched. Snapshots (tables, states, datasets) are
read directly. An interrupt cancels the waiting, not the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from tqdm import tqdm

    from difxnb.aio.correlator import ServerInfo
    from difxnb.aio.heard import Jobs, Messages
    from difxnb.aio.live_monitor import Select
    from difxnb.client.remote_files import Progress
    from difxnb.formats.im import Im
    from difxnb.formats.input import Input

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed} {postfix}"


def connect(
    host: str | None = None, port: int | None = None, *, transport: str = "auto", timeout: float = 10.0
) -> Correlator:
    """Connect to a guiServer.

    Parameters
    ----------
    host : str, optional
        Default: ``DIFX_CONTROL_HOST``, then ``localhost``.
    port : int, optional
        Default: ``DIFX_CONTROL_PORT``, then ``DIFX_MESSAGE_PORT``, then 50200.
    transport : {"auto", "channel", "dial-back"}
        How the server's side connections travel: inside this one (works through tunnels), or dialled back.
    timeout : float
        Seconds that each step may take.

    Returns
    -------
    Correlator

    Raises
    ------
    ConnectionFailed, NoReply, NotGuiServer
        Nothing there, silence, or something that is no guiServer.
    """
    loop = LoopThread()
    loop.start()
    try:
        inner = loop.call(_connected(host, port, transport, timeout))
    except BaseException:
        loop.stop()
        raise
    return Correlator(inner, loop)


async def _connected(host: str | None, port: int | None, transport: str, timeout: float) -> aio.Correlator:
    return await aio.connect(host, port, transport=transport, timeout=timeout)


class Correlator:
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

    def ls(self, path: str | Path) -> pd.DataFrame:
        """List a directory, a file or a glob: columns name path type mode owner group size modified."""
        return self._loop.call(self._inner.ls(str(path)))

    def mkdir(self, path: str | Path) -> None:
        """Make a directory with its parents; raises where it is not there afterwards."""
        self._loop.call(self._inner.mkdir(str(path)))

    def rm(self, path: str | Path, recursive: bool = False, force: bool = False) -> None:
        """Remove a file, or a directory when `recursive`; globs only when `force`; raises where it stays."""
        self._loop.call(self._inner.rm(str(path), recursive, force))

    def get_file(self, path: str | Path, *, progress: Progress | None = None) -> bytes:
        """Fetch a file, whole or not at all."""
        return self._loop.call(self._inner.get_file(str(path), progress=progress))

    def send_file(self, path: str | Path, data: bytes | str, *, progress: Progress | None = None) -> int:
        """Send a file, whole or not at all; gives its size in bytes."""
        return self._loop.call(self._inner.send_file(str(path), data, progress=progress))

    def download(self, path: str | Path, local: str | Path, *, progress: Progress | None = None) -> Path:
        """Fetch a file into a local one."""
        return self._loop.call(self._inner.download(str(path), local, progress=progress))

    def upload(self, local: str | Path, path: str | Path, *, progress: Progress | None = None) -> int:
        """Send a local file; gives its size in bytes."""
        return self._loop.call(self._inner.upload(local, str(path), progress=progress))

    def job_status(self, pattern: str | Path) -> pd.DataFrame:
        """Last known state of the jobs whose ``.input`` files match a pattern, one row each."""
        return self._loop.call(self._inner.job_status(str(pattern)))

    def job(self, input_file: str | Path) -> Job:
        """A job, by its ``.input`` file; nothing is asked of the server yet."""
        return Job(self._inner.job(str(input_file)), self._loop)

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
        return f"<pre>{escape(repr(self))}</pre>{self.jobs.frame().to_html(max_rows=10)}"


class Job:
    """One ``.input`` file on the server."""

    def __init__(self, inner: aio.Job, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def name(self) -> str:
        """Name of the job: its file name without directory and extension."""
        return self._inner.name

    @property
    def input_file(self) -> str:
        """Path of the ``.input`` file on the server."""
        return self._inner.input_file

    @property
    def input(self) -> Input:
        """The parsed ``.input`` file."""
        return self._loop.call(self._inner.input())

    @property
    def delay_model(self) -> Im | None:
        """The parsed ``.im`` file; None where there is none."""
        return self._loop.call(self._inner.delay_model())

    @property
    def machines(self) -> pd.DataFrame:
        """Rows ``node role threads`` from ``.machines`` and ``.threads``."""
        return self._loop.call(self._inner.machines())

    def set_machines(
        self,
        *,
        head_node: str,
        datastreams: Sequence[str],
        processors: Mapping[str, int],
        test: bool = False,
    ) -> pd.DataFrame:
        """Write ``.machines`` and ``.threads``; gives what was written, as `machines` does."""
        return self._loop.call(
            self._inner.set_machines(
                head_node=head_node, datastreams=datastreams, processors=processors, test=test
            )
        )

    def check(self) -> pd.DataFrame:
        """Run the configuration check; gives its findings, columns ``severity text``."""
        return self._loop.call(self._inner.check())

    def start(
        self,
        monitor: Select | bool | None = None,
        overwrite: bool = False,
        bail_on_config_fail: bool = True,
    ) -> JobRun:
        """Start the job; returns when the correlator has accepted it, raises when it has refused.

        Parameters
        ----------
        monitor : bool, mapping, DataFrame or callable, optional
            True watches every product, a selection some of them; None does without.
        overwrite : bool
            Move existing output aside. It is never deleted.
        bail_on_config_fail : bool
            Refuse to run a job whose configuration check fails.
        """
        return JobRun(
            self._loop.call(
                self._inner.start(
                    monitor=monitor, overwrite=overwrite, bail_on_config_fail=bail_on_config_fail
                )
            ),
            self,
            self._loop,
        )

    def stop(self) -> None:
        """Stop the job, whoever started it."""
        self._loop.call(self._inner.stop())

    def status(self) -> pd.DataFrame:
        """The job's row of job status."""
        return self._loop.call(self._inner.status())

    def log(self) -> str:
        """Text of the ``.difxlog``."""
        return self._loop.call(self._inner.log())

    def monitor(self, select: Select | None = None) -> Monitor:
        """Watch the job that is running."""
        return Monitor(self._loop.call(self._inner.monitor(select)), self._loop)

    def __repr__(self) -> str:
        return repr(self._inner)


class JobRun:
    """One run of a job. Looking at it never waits; `wait` and `stop` do."""

    def __init__(self, inner: aio.JobRun, job: Job, loop: LoopThread) -> None:
        self._inner, self.job, self._loop = inner, job, loop
        self._monitor = None if inner.monitor is None else Monitor(inner.monitor, loop)

    @property
    def monitor(self) -> Monitor | None:
        """Live visibilities, when the job was started with ``monitor=``."""
        return self._monitor

    @property
    def state(self) -> str:
        """State as the job last told it."""
        return self._inner.state

    @property
    def progress(self) -> float:
        """Share of the job that has been correlated, 0 to 1."""
        return self._inner.progress

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self._inner.done

    @property
    def outcome(self) -> JobOutcome | None:
        """How it ended; None while it runs."""
        return self._inner.outcome

    @property
    def events(self) -> pd.DataFrame:
        """What guiServer said of this run, one row each."""
        return self._inner.events

    @property
    def weights(self) -> xr.DataArray:
        """Weights (time, antenna), 0 to 1."""
        return self._inner.weights

    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: bool = True,
        while_waiting: Callable[[JobRun], None] | None = None,
    ) -> JobOutcome:
        """Wait for the end of the run.

        Parameters
        ----------
        timeout : float, optional
            Seconds; `NoReply` is raised when they have passed. The job goes on.
        progress : bool
            Show a progress bar.
        while_waiting : callable, optional
            Called with this run some five times a second, on the calling thread; the progress bar is left to it.

        Returns
        -------
        JobOutcome

        Raises
        ------
        NoReply
            The time is up.
        KeyboardInterrupt
            Waiting was interrupted. The job goes on; `stop` ends it.
        """
        if while_waiting is not None:
            return self._wait(timeout, while_waiting)
        if not progress:
            return self._loop.call(self._inner.wait(timeout))
        from tqdm.auto import tqdm

        with tqdm(total=100.0, desc=self.job.name, bar_format=_BAR) as bar:
            return self._wait(timeout, lambda run: _show(bar, run))

    def _wait(self, timeout: float | None, look: Callable[[JobRun], None]) -> JobOutcome:
        outcome = self._loop.call(self._inner.wait(timeout), while_waiting=lambda: look(self))
        look(self)
        return outcome

    def stop(self) -> None:
        """Stop the job; returns when it has ended, raises when it has not."""
        self._loop.call(self._inner.stop())

    def __repr__(self) -> str:
        return repr(self._inner)


def _show(bar: tqdm[NoReturn], run: JobRun) -> None:
    """Move a progress bar to where a run is, with the weights of its latest integration."""
    bar.n = 100.0 * run.progress
    weights = run.weights
    if weights.sizes["time"]:
        latest = weights.isel(time=-1)
        bar.set_postfix_str("weights " + " ".join(f"{w:.2f}" for w in latest.values), refresh=False)
    bar.refresh()


class Monitor:
    """Live visibilities of a running job. Looking at it never waits."""

    def __init__(self, inner: aio.Monitor, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def products(self) -> pd.DataFrame:
        """Products of the monitor, one row each, named from the ``.input`` file."""
        return self._inner.products

    @property
    def dataset(self) -> xr.Dataset:
        """A snapshot of everything received so far."""
        return self._inner.dataset

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization."""
        return self._inner.fringes

    @property
    def version(self) -> int:
        """Grows with everything received."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Integrations that fell out of the bounded memory."""
        return self._inner.dropped

    @property
    def texts(self) -> list[str]:
        """What the server's monitor said in words."""
        return self._inner.texts

    @property
    def closed(self) -> bool:
        """Whether watching has ended."""
        return self._inner.closed

    def save(self, path: str | Path) -> Path:
        """Write the dataset to a netCDF file; refuses to overwrite."""
        return self._inner.save(path)

    def close(self) -> None:
        """Stop watching. The job goes on."""
        self._loop.call(self._inner.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._inner)
