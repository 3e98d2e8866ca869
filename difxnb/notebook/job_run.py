# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a job as a cell holds it: looked at without waiting, waited for with a progress bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NoReturn

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.errors import ConnectionLost
from difxnb.markup import listed
from difxnb.notebook.live_monitor import Monitor
from difxnb.notebook.slow_bar import SlowBar
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from tqdm import tqdm

    from difxnb.notebook.job import Job
    from difxnb.panels.dashboard import Dashboard

STOP_S = 10.0
"""Seconds that a stop takes where the job does not answer at once."""

_TICK_S = 0.2
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


class JobRun:
    """One run of a job. Looking at it never waits; `wait` and `stop` do."""

    def __init__(self, inner: aio.JobRun, job: Job, loop: LoopThread) -> None:
        self._inner, self.job, self._loop = inner, job, loop
        self._monitor = None if inner.monitor is None else Monitor(inner.monitor, loop, job._correlator)

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
    def outcome_evidence(self) -> str:
        """What `outcome` is based on; what was looked at in vain where that is UNKNOWN."""
        return self._inner.outcome_evidence

    @property
    def silence(self) -> float | None:
        """Seconds since anything was heard of the run; None when it is over."""
        return self._inner.silence

    @property
    def stalled(self) -> bool:
        """Whether it made no progress for longer than it was allowed at its start (five minutes)."""
        return self._inner.stalled

    @property
    def events(self) -> pd.DataFrame:
        """What guiServer said of this run, one row each."""
        return self._inner.events

    @property
    def weights(self) -> xr.DataArray:
        """Weights (time, antenna), 0 to 1."""
        return self._inner.weights

    @property
    def latest_weights(self) -> dict[str, float]:
        """Weight of each antenna in the latest integration; empty before the first."""
        return self._inner.latest_weights

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
        ConnectionLost
            The connection was closed here before the outcome was found. (Where it only broke, the outcome is looked
            for as soon as the server can be reached again.)
        KeyboardInterrupt
            Waiting was interrupted. The job goes on; `stop` ends it.
        """
        try:
            return self._shown_wait(timeout, progress, while_waiting)
        finally:
            # A notebook that is run as a program keeps only what a cell shows before it ends.
            self.job._correlator._panels.show_twins(self.job.input_file)

    def _shown_wait(
        self, timeout: float | None, progress: bool, while_waiting: Callable[[JobRun], None] | None
    ) -> JobOutcome:
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
        """Stop the job; returns when it shows no sign of life any more, raises JobNotStopped where it does."""
        with SlowBar(f"stop of {self.job.name}", STOP_S) as bar:
            self._loop.call(self._inner.stop(), while_waiting=bar.show)

    def panel(self) -> Dashboard:
        """How the run goes, behind tabs: what its monitor receives, what it tells of itself, and whether it is fine.

        `wait` shows its last state in the cell that waits, too.
        """
        from difxnb.notebook.dashboard import Tabs

        difx = self.job._correlator
        return difx._panels.add(Tabs(difx).of_run(self._inner), run=self.job.input_file)

    def __await__(self) -> Generator[Any, None, JobOutcome]:
        return self._awaited().__await__()

    async def _awaited(self) -> JobOutcome:
        waiting = asyncio.wrap_future(self._loop.submit(self._inner.wait()))
        try:
            while not waiting.done():
                # A kernel notices its interrupt button only when its loop wakes up.
                await asyncio.wait({waiting}, timeout=_TICK_S)
        finally:
            waiting.cancel()
        if waiting.cancelled():
            raise ConnectionLost(f"{self.job.name}: the connection was closed meanwhile")
        return waiting.result()

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        snr = None if self._inner.monitor is None else self._inner.monitor.best_snr
        return listed(
            repr(self),
            {
                "state": str(self.outcome or self.state),
                "because": self.outcome_evidence,
                "silent": "" if self.silence is None else f"{self.silence:.0f} s",
                "progress": f"{100 * self.progress:.0f} %",
                "weights": _weights_text(self.latest_weights),
                "best SNR": "" if snr is None else f"{snr:.0f}",
                "events dropped": str(self._inner.dropped_events + self._inner.watch.dropped_notes or ""),
            },
        )


def _show(bar: tqdm[NoReturn], run: JobRun) -> None:
    """Move a progress bar to where a run is, with the weights of its latest integration."""
    bar.n = 100.0 * run.progress
    if note := _note(run):
        bar.set_postfix_str(note, refresh=False)
    bar.refresh()


def _note(run: JobRun) -> str:
    """What to say beside the bar: first of all why it stands still."""
    if run.outcome is JobOutcome.UNKNOWN:
        return f"outcome unknown: {run.outcome_evidence}"
    if run.stalled:
        return f"no progress; nothing heard for {run.silence or 0:.0f} s"
    return f"weights {_weights_text(run.latest_weights)}" if run.latest_weights else ""


def _weights_text(weights: dict[str, float]) -> str:
    return " ".join(f"{antenna} {weight:.2f}" for antenna, weight in weights.items())
