# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a job: followed from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.aio.frames import EVENT_COLUMNS, conversation_frame
from difxnb.client.job_control import StartedJob
from difxnb.client.patience import within
from difxnb.errors import DifxError
from difxnb.wire.job import JobEvent, JobOutcome
from difxnb.wire.message import JobState, Message, Status

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.heard import Item
    from difxnb.aio.job import Job
    from difxnb.aio.live_monitor import Monitor

_KEPT_EVENTS = 10_000

_log = logging.getLogger(__name__)
# Between two looks at the interrupt button: a kernel's own loop notices it only when it wakes up.
_TICK_S = 0.2

_ENDED = frozenset({JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS})
OVER = frozenset(state.value for state in JobState if state.is_terminal)


class JobRun:
    """One run of a job. Made by `Job.start`; may be awaited, which is the same as ``await run.wait()``.

    Everything but `wait` and `stop` is a snapshot of what has been heard, usable from any thread.

    Attributes
    ----------
    job : Job
    monitor : Monitor or None
        Live visibilities, when the job was started with ``monitor=``.
    """

    def __init__(self, job: Job, correlator: Correlator) -> None:
        self.job = job
        self.monitor: Monitor | None = None
        self.started: StartedJob | None = None
        self.begun = time.time()
        self.dropped_events = 0
        self._correlator = correlator
        self._lock = threading.Lock()
        self._events: deque[tuple[float, JobEvent]] = deque(maxlen=_KEPT_EVENTS)
        self._state = "Spawning"
        self._progress = 0.0
        self._heard_running = False
        self._latest_weights: tuple[tuple[int, float], ...] = ()
        self.stop_listening = correlator.listen(self._hear)

    @property
    def state(self) -> str:
        """State as the job last told it: ``Starting``, ``Running``, ``Done``…; ``Spawning`` before that."""
        return self._state

    @property
    def progress(self) -> float:
        """Share of the observation that has been correlated, 0 to 1."""
        return 1.0 if self.outcome in _ENDED else self._progress

    @property
    def done(self) -> bool:
        """Whether it has ended, or nobody will learn how it ends."""
        return self.started is not None and self.started.ended

    @property
    def outcome(self) -> JobOutcome | None:
        """How it ended; None while it runs, UNKNOWN where the connection broke before."""
        return None if self.started is None else self.started.outcome

    @property
    def outcome_evidence(self) -> str:
        """What `outcome` is based on; what was looked at in vain where that is UNKNOWN."""
        return ""

    @property
    def silence(self) -> float | None:
        """Seconds since anything was heard of the run, from the job or from guiServer; None when it is over."""
        return None

    @property
    def stalled(self) -> bool:
        """Whether it made no progress for `stall_after` seconds."""
        return False

    @property
    def events(self) -> pd.DataFrame:
        """What was said about this run: ``time source event severity text`` (times received, UTC).

        From guiServer (its stages, and the output of the programs), and from the job's own messages
        (changes of state, warnings, errors).
        """
        with self._lock:
            told = list(self._events)
        return _merged(conversation_frame(told), self._heard_events())

    @property
    def weights(self) -> xr.DataArray:
        """Weights so far, (time, antenna), 0 to 1; empty before the first integration."""
        from difxnb.visibility import weights_array

        try:
            weights = self._correlator.jobs.weights(self.job.identifier)
        except KeyError:
            return weights_array(_NO_WEIGHTS)
        # Before this run has reported, the table still holds the one before.
        return weights if self._heard_running else weights_array(_NO_WEIGHTS)

    @property
    def latest_weights(self) -> dict[str, float]:
        """Weight of each antenna in the latest integration; empty before the first."""
        from difxnb.visibility.fits import antenna_name

        latest = self._latest_weights
        return {antenna_name(index, self.job.known_input): weight for index, weight in latest}

    async def wait(self, timeout: float | None = None) -> JobOutcome:
        """Wait for the end. Cancelling it leaves the job running.

        Raises
        ------
        NoReply
            `timeout` seconds have passed; the job goes on.
        ConnectionLost
            The connection broke: `outcome` is UNKNOWN, the job may go on or have ended.
        """
        async with within(timeout, f"{self.job.name} still runs, and goes on"):
            outcome = await self._started.wait()
            await self._started.settle()
        return outcome

    async def ended(self) -> None:
        """Wait for the end, or for the loss of the connection; raises nothing."""
        await self._started.wait_ended()

    async def stop(self) -> None:
        """Stop the job; return when its end has been confirmed. Nothing happens where it has ended.

        After the loss of the connection, and `reconnect`, the job is stopped like one that others started.

        Raises
        ------
        JobNotStopped
            The end did not come in time.
        NoReply, ConnectionLost
        """
        if not self.done:
            await self._correlator.head_node.stop_job(self.job.input_file, self._started)
        elif self.outcome is JobOutcome.UNKNOWN:
            await self.job.stop()

    def add_event(self, event: JobEvent) -> None:
        """Take in what guiServer says."""
        with self._lock:
            if len(self._events) == self._events.maxlen:
                self.dropped_events += 1
            self._events.append((time.time(), event))

    async def abandon(self) -> None:
        """Give up a run that did not come about."""
        self.stop_listening()
        if self.monitor is not None:
            try:
                await self.monitor.close()
            except DifxError as error:
                _log.info("the monitor of a start that failed could not be closed: %s", error)

    def __await__(self) -> Generator[Any, None, JobOutcome]:
        return self._wait_in_ticks().__await__()

    async def _wait_in_ticks(self) -> JobOutcome:
        waiting = asyncio.ensure_future(self.wait())
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=_TICK_S)
        finally:
            waiting.cancel()
        return waiting.result()

    @property
    def _started(self) -> StartedJob:
        if self.started is None:
            raise ValueError(f"{self.job.name} was not started")
        return self.started

    def _hear(self, item: Item, when: float) -> None:
        if not isinstance(item, Message) or not isinstance(item.body, Status):
            return
        if item.header.identifier != self.job.identifier:
            return
        status = item.body
        if self.done and (self._state in OVER or status.state not in OVER):
            # The last state may arrive after the end; anything else belongs to another run of the same job.
            self.stop_listening()
            return
        self._heard_running = self._heard_running or status.state == JobState.RUNNING
        self._state = status.state or self._state
        self._latest_weights = status.weights or self._latest_weights
        start, stop, now = status.job_start_mjd, status.job_stop_mjd, status.visibility_mjd
        if start and stop and now and stop > start:
            share = (now - start) / (stop - start)
            self._progress = min(1.0, max(self._progress, share)) if math.isfinite(share) else self._progress

    def _heard_events(self) -> pd.DataFrame:
        try:
            heard = self._correlator.jobs.events(self.job.identifier)
        except KeyError:
            return conversation_frame([])
        heard = heard[heard["time"] >= pd.Timestamp(self.begun, unit="s")]
        severity = heard["severity"].astype(object).where(heard["severity"].notna(), None)
        return heard.assign(source="mpifxcorr", severity=severity)[list(EVENT_COLUMNS)].astype(
            dict.fromkeys(("source", "event", "severity", "text"), object)
        )

    def __repr__(self) -> str:
        state = f"{self.outcome}" if self.done else f"{self.state}, {100 * self.progress:.0f} %"
        return f"<JobRun of {self.job.name}: {state}>"


_NO_WEIGHTS = pd.DataFrame({"time": [], "datastream": [], "weight": []})


def _merged(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    if first.empty or second.empty:
        return second if first.empty else first
    return pd.concat([first, second]).sort_values("time", kind="stable", ignore_index=True)
