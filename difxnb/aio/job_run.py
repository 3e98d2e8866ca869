# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a job: followed from its start, or from when somebody attached to it, to its end."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.aio.frames import EVENT_COLUMNS, conversation_frame
from difxnb.aio.run_history import NO_WEIGHTS, not_heard, older_first, rows_frame, rows_of_log, weights_of_log
from difxnb.aio.run_search import OutcomeSearch
from difxnb.aio.run_watch import OVER, RunWatch
from difxnb.client.job_control import StartedJob
from difxnb.client.patience import within
from difxnb.client.start_options import USUAL, StartOptions
from difxnb.errors import DifxError, NoReply
from difxnb.tables.jobs import STALL_SECONDS
from difxnb.wire.events import Gap
from difxnb.wire.job import JobConversation, JobEvent, JobId, JobOutcome

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.heard import Item
    from difxnb.aio.job import Job
    from difxnb.aio.live_monitor import Monitor
    from difxnb.formats.input import Input

__all__ = ["OVER", "JobRun"]

_KEPT_EVENTS = 10_000

_log = logging.getLogger(__name__)
# Between two looks at the interrupt button: a kernel's own loop notices it only when it wakes up.
_TICK_S = 0.2

_ENDED = frozenset({JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS})


class JobRun:
    """One run of a job. Made by `Job.start` and `Job.attach`; ``await run`` is the same as ``await run.wait()``.

    Everything but `wait` and `stop` is a snapshot of what has been heard, usable from any thread.

    Attributes
    ----------
    job : Job
    monitor : Monitor or None
        Live visibilities, when the job was started with ``monitor=``.
    options : StartOptions
        How it was started; the usual way where somebody else did.
    over_since : float or None
        When guiServer reported its end, unix seconds.
    """

    def __init__(
        self,
        job: Job,
        correlator: Correlator,
        *,
        options: StartOptions = USUAL,
        stall_after: float = STALL_SECONDS,
    ) -> None:
        self.job, self.options = job, options
        self.monitor: Monitor | None = None
        self.started: StartedJob | None = None
        self.begun = time.time()
        self.dropped_events = 0
        self.over_since: float | None = None
        self._correlator = correlator
        self._lock = threading.Lock()
        self._events: deque[tuple[float, JobEvent]] = deque(maxlen=_KEPT_EVENTS)
        self.watch = RunWatch(job.identifier, job.input_file, begun=self.begun, stall_after=stall_after)
        self.search: OutcomeSearch | None = None
        self._watching_end: asyncio.Task[None] | None = None
        self.stop_listening = correlator.listen(self._hear)

    @property
    def state(self) -> str:
        """State as the job last told it: ``Starting``, ``Running``, ``Done``…; ``Spawning`` before that."""
        return self.watch.state

    @property
    def progress(self) -> float:
        """Share of the observation that has been correlated, 0 to 1."""
        return 1.0 if self.outcome in _ENDED else self.watch.progress

    @property
    def done(self) -> bool:
        """Whether it has ended, or was silent for so long that nobody waits for its end any more."""
        if self.search is not None:
            return self.search.finished.is_set()
        return self.started is not None and self.started.ended and self.started.failure is None

    @property
    def outcome(self) -> JobOutcome | None:
        """How it ended; None while it runs.

        UNKNOWN after the connection broke, or after `Job.attach`, as long as neither an end nor a sign of life was
        found since. It is looked for in messages, job status, log and output; see `outcome_evidence`.
        """
        if self.search is not None:
            return self.search.outcome
        return None if self.started is None else self.started.outcome

    @property
    def outcome_evidence(self) -> str:
        """What `outcome` is based on; what was looked at in vain where that is UNKNOWN."""
        if self.search is not None:
            return self.search.evidence
        return "" if self.started is None else _told(self.started.conversation)

    @property
    def silence(self) -> float | None:
        """Seconds since anything was heard of the run, from the job or from guiServer; None when it is over."""
        return None if self.done else self.watch.silence(time.time())

    @property
    def stalled(self) -> bool:
        """Whether it told no progress for longer than `Job.start` was given as ``stall_after``."""
        return not self.done and self.watch.stalled(time.time())

    @property
    def events(self) -> pd.DataFrame:
        """What was said about this run: ``time source event severity text`` (times received, UTC).

        From guiServer (its stages, and the output of the programs), from the job's own messages (changes of state,
        warnings, errors), from its log where somebody attached later, and from here: waived findings, stalls.
        """
        told, heard = self.told, self._heard_events()
        rows = self.watch.notes(time.time())
        if self.search is not None and self.started is None:
            logged = rows_of_log(self.search.attempt, self.search.clock_offset)
            rows += logged if heard.empty else not_heard(logged, heard)
        return _merged(conversation_frame(told), heard, rows_frame(rows))

    @property
    def weights(self) -> xr.DataArray:
        """Weights so far, (time, antenna), 0 to 1; empty before the first integration."""
        from difxnb.visibility import weights_array

        inp, table = self.job.known_input, NO_WEIGHTS
        # Before this run has reported, the table of all jobs still holds the one before.
        if self.watch.heard_running:
            table = self._correlator.jobs.weights_table(self.job.identifier)
        if self.search is not None and inp is not None:
            table = older_first(weights_of_log(self.search.attempt, inp), table)
        return weights_array(table, inp)

    @property
    def latest_weights(self) -> dict[str, float]:
        """Weight of each antenna in the latest integration; empty before the first."""
        from difxnb.visibility.fits import antenna_name

        latest = self.watch.weights
        return {antenna_name(index, self.job.known_input): weight for index, weight in latest}

    async def wait(self, timeout: float | None = None) -> JobOutcome:
        """Wait for the end. Cancelling it leaves the job running.

        Where the connection breaks meanwhile, the outcome is looked for as soon as the server can be reached again:
        in messages, job status and log. A live monitor of the run is given five seconds to get what was written
        last. UNKNOWN is returned only after a long silence, or after a last word that
        leaves it open; `outcome_evidence` says which.

        Raises
        ------
        NoReply
            `timeout` seconds have passed; the job goes on.
        ConnectionLost
            The connection was closed here before the outcome was found.
        """
        try:
            async with within(timeout, f"{self.job.name} still runs, and goes on"):
                return await self._wait_for_outcome()
        except NoReply as error:
            if timeout is None or self.outcome is not JobOutcome.UNKNOWN:
                raise
            raise NoReply(
                f"it is not known yet whether {self.job.name} has ended ({self.outcome_evidence}); where it still "
                f"runs, it goes on (waited {timeout:g} s)"
            ) from error

    async def _wait_for_outcome(self) -> JobOutcome:
        if self.search is None:
            await self._wait_for_conversation()
        if self.monitor is not None and self.watch.reached_mjd:
            await self.monitor.catch_up(self.watch.reached_mjd)
        if self.search is not None:
            return await self.search.found()
        return self.outcome or JobOutcome.UNKNOWN

    async def ended(self) -> None:
        """Wait until nothing here depends on the connection any more; raises nothing."""
        if self.started is not None:
            await self.started.wait_ended()

    async def stop(self) -> None:
        """Stop the job; return when its end has been verified. Nothing happens where it has ended.

        Raises
        ------
        JobNotStopped
            It still shows signs of life; its `signs` say which.
        NoReply, ConnectionLost
        """
        if not self.done or self.outcome is JobOutcome.UNKNOWN:
            await self.job.stop_run(self)

    # --- what the job does with it --------------------------------------------------------------------

    @property
    def told(self) -> list[tuple[float, JobEvent]]:
        """What guiServer said, with the times."""
        with self._lock:
            return list(self._events)

    def add_event(self, event: JobEvent) -> None:
        """Take in what guiServer says."""
        now = time.time()
        self.watch.told(now)
        self._correlator.tape.follow(self)
        with self._lock:
            if len(self._events) == self._events.maxlen:
                self.dropped_events += 1
            self._events.append((now, event))
        self._correlator.tape.said(self, event, now)

    def follow(self, started: StartedJob, inp: Input, log_size: int) -> None:
        """See a start to its end, and beyond the end of its connection."""
        self.started = started
        work = self._follow(started, inp, log_size)
        self._watching_end = asyncio.create_task(work, name=f"difxnb run {self.job.name}")

    def look_for_outcome(self, inp: Input, *, log_from: int = 0, alive: bool = False) -> OutcomeSearch:
        """Find out by other means than a conversation how it ends."""
        self.search = OutcomeSearch(
            self._correlator.head_node,
            self.job.input_file,
            inp,
            self.job.outputs(inp),
            self.watch,
            log_from=log_from,
            alive=alive,
        )
        return self.search

    async def cut_off(self) -> None:
        """Wait until the end of the conversation has been noticed, and the search for the outcome has begun."""
        if self._watching_end is not None:
            await asyncio.wait({self._watching_end})

    def let_go(self) -> None:
        """Follow it no further: the connection is being closed here."""
        self.stop_listening()
        if self._watching_end is not None:
            self._watching_end.cancel()
        if self.search is not None:
            self.search.end()

    async def abandon(self) -> None:
        """Give up a run that did not come about."""
        self.let_go()
        self._correlator.tape.abandon(self)
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

    async def _wait_for_conversation(self) -> None:
        if self.started is None:
            raise ValueError(f"{self.job.name} was not started")
        await self.started.wait_ended()
        if self.started.failure is None:
            await self.started.settle()
        else:
            await self.cut_off()
            if self.search is None:
                await self.started.wait()  # which says what was lost

    async def _follow(self, started: StartedJob, inp: Input, log_size: int) -> None:
        await started.wait_ended()
        if started.failure is None:
            self.over_since = time.time()
            return
        search = self.look_for_outcome(inp, log_from=log_size)
        if self._correlator.head_node.closed:
            search.end()
        else:
            self.watch.note(time.time(), "lost", "WARNING", str(started.failure))
            search.begin()

    def _hear(self, item: Item, when: float) -> None:
        if isinstance(item, Gap):
            if self.search is not None and item.end is not None:
                self.search.wake()
            return
        if self.done:
            self.watch.close()
        if self.watch.hear(item, when) and self.search is not None and self.watch.state in OVER:
            self.search.wake()

    def _heard_events(self) -> pd.DataFrame:
        try:
            heard = self._correlator.jobs.events(self.job.identifier)
        except KeyError:
            return conversation_frame([])
        if self.started is None:
            heard = heard[heard["attempt"] == heard["attempt"].max()]
        else:
            heard = heard[heard["time"] >= pd.Timestamp(self.begun, unit="s")]
        severity = heard["severity"].astype(object).where(heard["severity"].notna(), None)
        return heard.assign(source="mpifxcorr", severity=severity)[list(EVENT_COLUMNS)].astype(
            dict.fromkeys(("source", "event", "severity", "text"), object)
        )

    def __repr__(self) -> str:
        return f"<JobRun of {self.job.name}: {self._how()}>"

    def _how(self) -> str:
        if self.done:
            return f"{self.outcome}"
        progress = f"{self.state}, {100 * self.progress:.0f} %"
        if self.outcome is JobOutcome.UNKNOWN:
            return f"{progress} when last heard of, outcome unknown: {self.outcome_evidence}"
        if self.stalled:
            return f"{progress}, stalled: none for {time.time() - self.watch.last_progress:.0f} s"
        return progress


def _told(said: JobConversation) -> str:
    """How a conversation ended, and what was complained of last."""
    if said.terminal is None:
        return ""
    text = f"guiServer: {said.terminal.name.lower()} ({said.terminal.value})"
    if said.terminal is JobId.JOB_ENDED_WITH_ERRORS and said.only_notices:
        return f"{text}, which mpirun says of its own options alone"
    if said.outcome not in (JobOutcome.FAILED, JobOutcome.DONE_WITH_ERRORS):
        return text
    # "mpifxcorr FAILED" is the end once more, in other words.
    last = [one for one in said.complaints if not one.endswith(" FAILED")][-1:]
    return "; ".join([text, *last])


def _merged(*frames: pd.DataFrame) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    if not filled:
        return frames[0]
    return pd.concat(filled).sort_values("time", kind="stable", ignore_index=True)
