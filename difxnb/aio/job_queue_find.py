# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking for a job of a queue that nobody follows: whether it runs, has ended, or was never begun.

In: what is heard of it, its job status and its log, its output, look after look. Out: a run to be followed, or what was
found in its place. Nothing is started here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from difxnb.errors import ConnectionLost, DifxError, NoReply, RemoteFileNotFound
from difxnb.formats.difxlog import parse_time
from difxnb.queue import QueueEntry, QueueState

if TYPE_CHECKING:
    from difxnb.aio.job_queue_desk import QueueDesk
    from difxnb.aio.job_run import JobRun
    from difxnb.client.job_traces import JobTraces

_log = logging.getLogger(__name__)

# Logs and the clock that their times are held against have whole seconds.
_LOG_SLACK_S = 2.0
_TICK_S, _OLD_LOG_S = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Missing:
    """A job of which no run was found.

    Attributes
    ----------
    never_began : bool
        Whether it has left nothing that was not there before.
    signs : str
        What was found in its place.
    """

    never_began: bool
    signs: str


class QueueSearch:
    """Looks for one job until it is found, or nothing was seen of it for as long as the limits say.

    Parameters
    ----------
    desk : QueueDesk
    entry : QueueEntry
        As it stands: ``starting`` or ``running``.
    begun : float
        When it was last begun, unix seconds.
    before : JobTraces, optional
        What was there right before it was begun, where somebody has looked.
    """

    def __init__(
        self, desk: QueueDesk, entry: QueueEntry, begun: float, before: JobTraces | None = None
    ) -> None:
        self._desk, self._entry, self._before = desk, entry, before
        # A clock that was set back meanwhile: what is heard from now on is of this start all the same.
        self._begun = min(begun, time.time())
        self._traces: JobTraces | None = None
        self._grew_at: float | None = None
        self._hindrance = ""

    async def find(self) -> JobRun | Missing:
        """Look until it is found, or was missed for long enough while the server could be asked."""
        desk = self._desk
        connected, since = desk.connected_since, time.monotonic()
        while True:
            run, asked = await self._look()
            if run is not None and is_of(run, self._begun):
                return run
            if connected != desk.connected_since:  # what was said without a connection was not heard
                connected, since = desk.connected_since, time.monotonic()
            left = desk.limits.silent - (time.monotonic() - max(since, self._grew_at or since))
            if asked and left <= 0:
                return self._missing(run)
            pause = _TICK_S
            if run is not None and run.done:  # one that is long over: its log may yet go on
                run.let_go()
                pause = _OLD_LOG_S
            await asyncio.sleep(min(pause, max(0.01, left)))

    async def _look(self) -> tuple[JobRun | None, bool]:
        """A run of it, where it was heard or has a log; and whether the server has answered."""
        await self._desk.until_connected()
        job, run = self._desk.correlator.job(self._entry.input_file), None
        try:
            try:
                run = await job.attach()
            except RemoteFileNotFound as error:
                _log.info("%s was not found: %s", self._entry.job, error)
            outputs = job.outputs(await job.input())
            traces = await self._desk.correlator.head_node.look_at_job(self._entry.input_file, outputs)
        except (NoReply, ConnectionLost) as error:
            _log.info("%s cannot be looked for: %s", self._entry.job, error)
            return run, False
        except (DifxError, OSError, ValueError) as error:  # such as files that are not there any more
            self._hindrance = str(error)
            return run, True
        if self._traces is not None and _sizes(traces) != _sizes(self._traces):
            self._grew_at = time.monotonic()
        self._traces, self._hindrance = traces, ""
        return run, True

    # --- what was found in its place ------------------------------------------------------------------

    def _missing(self, run: JobRun | None) -> Missing:
        signs = [self._hindrance] if self._hindrance else []
        if self._grew_at is not None:
            ago = time.monotonic() - self._grew_at
            signs.append(f"its log or output changed {ago:.0f} s ago for the last time")
        if self._entry.state is QueueState.RUNNING:
            signs.append("it has no log" if run is None else run.outcome_evidence)
        signs += _left(self._traces)
        never = not self._hindrance and self._grew_at is None and self._has_left_nothing()
        if never and run is not None:  # one of before, which is not waited for any more
            run.let_go()
        return Missing(never, "; ".join(signs))

    def _has_left_nothing(self) -> bool:
        """Whether there is nothing that was not there before; an older log is taken for one of this start."""
        now, before = self._traces, self._before
        if now is None or self._entry.state is not QueueState.STARTING:
            return False
        if before is None:
            return _sizes(now) == (None, None)
        # What was in the way may have been moved aside before the start was sent.
        return now.log_size == before.log_size and now.output_size in (before.output_size, None)


def _left(traces: JobTraces | None) -> list[str]:
    log, output = (None, None) if traces is None else _sizes(traces)
    found = [f"a log of {log} bytes"] if log is not None else []
    found += [f"output of {output} bytes"] if output is not None else []
    return [f"there is {' and '.join(found)}, of this start or of one before"] if found else []


def _sizes(traces: JobTraces) -> tuple[int | None, int | None]:
    return traces.log_size, traces.output_size


def is_of(run: JobRun, begun: float) -> bool:
    """Whether what is known of a run is of a start at that time, and not of one before."""
    heard = run.watch.last_heard
    if heard != run.watch.begun and heard >= begun:
        return True
    if run.search is None:  # it was started over this connection
        return run.begun >= begun - _LOG_SLACK_S
    return log_is_of(run, begun)


def log_is_of(run: JobRun, begun: float) -> bool:
    """Whether the log of a run begins after that time, by the clock of the server as it is now.

    A log that begins in the future was written before that clock was set back, nobody knows when. One that was written
    then and seems to begin between the start and now is taken for one of this start: its row would tell how the run
    before has ended. It would not be started again.
    """
    search = run.search
    if search is None:
        return run.begun >= begun - _LOG_SLACK_S
    first = next((parse_time(line.time_text or "") for line in search.attempt.notable), None)
    if first is None or search.clock_offset is None:
        return False
    logged = (first - datetime(1970, 1, 1)).total_seconds() + search.clock_offset
    return begun - _LOG_SLACK_S <= logged <= time.time() + _LOG_SLACK_S
