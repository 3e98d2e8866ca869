# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per job that was heard of: state, progress, weights, warnings.

In go messages with the time they were received, out come DataFrames. States, progress and stalls follow
``difxmessage.md`` 6.3, 7.2 and 11.
"""

from __future__ import annotations

import re
import threading
import time as clock
from collections import OrderedDict, deque

import numpy as np
import pandas as pd

from difxnb.markup import titled
from difxnb.tables import columns
from difxnb.tables.hearing import Hearing
from difxnb.tables.job_frame import STALL_SECONDS, job_frame, set_clock
from difxnb.tables.job_life import UNKNOWN, JobLife, is_late, is_new_run, is_terminal, start_again
from difxnb.tables.traffic import Recent
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap
from difxnb.wire.message import Alert, Diagnostic, JobState, Message, Severity, Status, Unparsed

__all__ = ["STALL_SECONDS", "JobTable"]

_STARTING = re.compile(r"STARTING mpifxcorr version (\S+)")
_WALL_CLOCK = re.compile(r"Total wallclock time was \*\*(\d{1,12}(?:\.\d{1,12})?)\*\* seconds", re.ASCII)
_LONGEST_TEXT = 1023  # of an event
_MOST_DATASTREAMS = 10_000
_MOST_WEIGHTS = 50  # datastreams of an average integration, for which there is room
_REAL_MJD = 50000.0  # start and stop are 0 outside Running
_REMEMBERED = 256  # messages of all jobs among which one that comes again is looked for


class JobTable:
    """Every job heard of, one row each; ours or not makes no difference.

    Rows are made by status messages, and by alerts and diagnostics of mpifxcorr. A job that starts again
    keeps its row, with `attempt` one higher and everything else anew. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most jobs kept; the one heard of least recently falls out.
    limit_weights, limit_events : int
        Most integrations with weights, and most events, kept over all jobs.

    Attributes
    ----------
    version : int
        Moves with every message that changed something.
    dropped, dropped_weights, dropped_events : int
        Jobs, integrations and events that fell out.
    duplicates : int
        Messages that came again, and were passed over.
    """

    def __init__(
        self, limit: int = 1000, *, limit_weights: int = 200_000, limit_events: int = 20_000
    ) -> None:
        if min(limit, limit_weights, limit_events) < 1:
            raise ValueError("a job table needs room for at least one job, integration and event")
        self.limit = limit
        self.version = 0
        self.dropped = self.dropped_weights = self.dropped_events = self.duplicates = 0
        self._jobs: OrderedDict[str, JobLife] = OrderedDict()
        self.limit_weights = limit_weights
        self._weights: deque[tuple[str, int, float, float, tuple[tuple[int, float], ...]]] = deque()
        self._events: deque[tuple[str, int, float, str, int | None, str]] = deque(maxlen=limit_events)
        self._values = 0  # weights in all integrations
        self._recent = Recent(_REMEMBERED)
        self._hearing = Hearing()
        self._cached: tuple[int, list[JobLife], pd.DataFrame] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, item: Message | Unparsed | Notice | Gap, time: float) -> None:
        """Follow one message; what concerns no job is passed over.

        Parameters
        ----------
        item : Message, Unparsed or Notice
            As the connection understood it.
        time : float
            When it was received, unix seconds.
        """
        if isinstance(item, Unparsed):
            self._note_alive(item, time)
        if isinstance(item, Gap):
            with self._lock:
                self._hearing.add(item)
        if not isinstance(item, Message) or not item.header.identifier:
            return
        body = item.body
        if not isinstance(body, (Status, Alert, Diagnostic)):
            return
        with self._lock:
            if self._is_repeated(item):
                self.duplicates += 1
                return
            job = self._job(item, body)
            if job is None:
                return
            self.version += 1
            if isinstance(body, Status):
                self._follow_status(job, body, item.sequence, time)
            elif isinstance(body, Alert):
                self._follow_alert(job, body, time)
            job.last_heard = time

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per job, by name.

        Parameters
        ----------
        now : float, optional
            Unix seconds against which silence is measured; the clock's by default.

        Returns
        -------
        DataFrame
            ``job``, ``state`` as sent, ``progress`` 0…1 (1 when done, the last known value when it ended
            otherwise), ``eta`` (UTC, at the pace so far), ``remaining`` (s until then), ``elapsed`` (s since its start;
            until its end when over), ``speed_up`` (seconds of data per second), ``speed_up_now`` (over the last five
            minutes), ``started``, ``last_heard``, ``finished`` (UTC; NaT where the start, or anything before the end,
            was not heard), ``wall_clock`` (s that it says it took), ``silence`` (s since last heard; NaN when over),
            ``stalled`` (running, and no progress for five minutes, though we were connected), ``weight_mean``,
            ``weight_min`` (of the last integration), ``visibility_time`` (UTC, middle of the last integration),
            ``alerts``, ``warnings``, ``errors`` (numbers), ``attempt``, ``version`` (of mpifxcorr), ``input``,
            ``message``.
        """
        moment = clock.time() if now is None else now
        with self._lock:
            if self._cached is None or self._cached[0] != self.version:
                jobs = sorted(self._jobs.values(), key=lambda job: job.name)
                self._cached = (self.version, jobs, job_frame(jobs))
                self._cached[2].attrs["dropped"] = self.dropped
            frame = self._cached[2].copy(deep=False)
            set_clock(frame, self._cached[1], self._hearing, moment)
        return frame

    def weights(self, job: str) -> pd.DataFrame:
        """Weights of the latest run of a job, one row per integration and datastream.

        Returns
        -------
        DataFrame
            ``time`` (UTC, middle of the integration), ``received`` (UTC), ``datastream`` (index in the job),
            ``weight``.

        Raises
        ------
        KeyError
            No such job was heard of.
        """
        with self._lock:
            attempt = self._known(job).attempt
            kept = list(self._weights)
        rows = [row for row in kept if row[0] == job and row[1] == attempt]
        flat = [(mjd, received, *pair) for _, _, received, mjd, pairs in rows for pair in pairs]
        return pd.DataFrame(
            {
                "time": columns.times(columns.mjd_seconds(row[0]) for row in flat),
                "received": columns.times(row[1] for row in flat),
                "datastream": pd.Series([row[2] for row in flat], dtype="int64"),
                "weight": pd.Series([row[3] for row in flat], dtype=float),
            }
        )

    def latest_weights(self, job: str) -> tuple[tuple[int, float], ...]:
        """Datastreams (their index in the job) and their weights in the last integration that a job told of.

        Raises
        ------
        KeyError
            No such job was heard of.
        """
        with self._lock:
            return self._known(job).weights

    def events(self, job: str) -> pd.DataFrame:
        """State changes, warnings and errors of a job, all its runs.

        Returns
        -------
        DataFrame
            ``time`` (UTC, received), ``attempt``, ``event`` (``state`` or ``alert``), ``severity``, ``text``.

        Raises
        ------
        KeyError
            No such job was heard of.
        """
        with self._lock:
            self._known(job)
            kept = list(self._events)
        rows = [row for row in kept if row[0] == job]
        return pd.DataFrame(
            {
                "time": columns.times(row[2] for row in rows),
                "attempt": pd.Series([row[1] for row in rows], dtype="int64"),
                "event": columns.texts(row[3] for row in rows),
                "severity": columns.severities(row[4] for row in rows),
                "text": columns.texts(row[5] for row in rows),
            }
        )

    def version_of(self, job: str) -> str:
        """Version of mpifxcorr that a job last said it runs with; empty where it has not been heard."""
        with self._lock:
            found = self._jobs.get(job)
            return "" if found is None else found.version

    def is_running(self, job: str) -> bool:
        """Whether a job was heard of and has not said that it is over."""
        with self._lock:
            found = self._jobs.get(job)
            return found is not None and not found.is_over

    def _is_repeated(self, item: Message) -> bool:
        # A counter that does not count is no proof: some programs send 0 or -1 with everything.
        if item.sequence is None or item.sequence <= 0:
            return False
        return self._recent.has_seen((item.header, item.sequence, item.body))

    def _note_alive(self, item: Unparsed, time: float) -> None:
        """Take a broken message of a known job as a sign of life, and as nothing else."""
        if item.header is None:
            return
        with self._lock:
            job = self._jobs.get(item.header.identifier)
            if job is not None:
                job.last_heard = time
                self.version += 1

    def _known(self, job: str) -> JobLife:
        if job not in self._jobs:
            raise KeyError(f"no message of a job {job!r} has been heard; known: {sorted(self._jobs)[:10]}")
        return self._jobs[job]

    def _job(self, item: Message, body: Status | Alert | Diagnostic) -> JobLife | None:
        """The job of a message, made if the message proves that it is one."""
        name = item.header.identifier
        job = self._jobs.get(name)
        if job is None:
            from_mpifxcorr = item.header.mpi_id is not None and item.header.mpi_id >= 0
            proof = isinstance(body, Status) or (
                from_mpifxcorr and (isinstance(body, Diagnostic) or bool(body.input))
            )
            if not proof:
                return None
            if len(self._jobs) >= self.limit:
                self._jobs.popitem(last=False)
                self.dropped += 1
            job = self._jobs[name] = JobLife(name)
        self._jobs.move_to_end(name)
        if not isinstance(body, Diagnostic) and body.input:
            job.input = body.input
        return job

    def _follow_alert(self, job: JobLife, alert: Alert, time: float) -> None:
        job.alerts += 1
        if (found := _STARTING.match(alert.text or "")) is not None:
            job.version = found[1]
        if (taken := _WALL_CLOCK.match(alert.text or "")) is not None:
            job.wall_clock = float(taken[1])
        if alert.severity is None or alert.severity > Severity.WARNING:
            return
        if alert.severity == Severity.WARNING:
            job.warnings += 1
        else:
            job.errors += 1
        self._note(job, time, "alert", alert.severity, alert.text or "")

    def _follow_status(self, job: JobLife, status: Status, sequence: int | None, time: float) -> None:
        state = status.state
        if state is None or is_late(job, state, sequence):
            return
        if is_new_run(job, state):
            start_again(job, time)
        if state == JobState.STARTING and (status.message or "").startswith("Version "):
            job.version = (status.message or "").removeprefix("Version ").strip()
        if state == JobState.STARTING or (state == JobState.SPAWNING and job.state == UNKNOWN):
            job.started = time
        if state == JobState.RUNNING:
            self._follow_progress(job, status, time)
        if state == JobState.DONE:
            job.progress = 1.0
        if is_terminal(state):
            # The first thing heard of a job may be how it ended before we came: nobody knows when that was.
            job.finished = job.finished or (time if job.last_heard else None)
            job.is_over = True
        if state != job.state:
            self._note(job, time, "state", None, f"{state} {status.message or ''}".strip())
        job.state, job.message = state, status.message or ""
        job.last_sequence = sequence

    def _follow_progress(self, job: JobLife, status: Status, time: float) -> None:
        job.visibility_mjd, job.last_running = status.visibility_mjd, time
        start, stop = status.job_start_mjd or 0.0, status.job_stop_mjd or 0.0
        if status.visibility_mjd is not None and start > _REAL_MJD and stop > start:
            job.start_mjd, job.stop_mjd = start, stop
            job.progress = min(1.0, max(0.0, (status.visibility_mjd - start) / (stop - start)))
            job.first_running = job.first_running or (time, job.progress)
            job.note_progress(time)
        weights = tuple(pair for pair in status.weights if pair[0] < _MOST_DATASTREAMS)
        if weights:
            job.weights = weights
            mjd = np.nan if status.visibility_mjd is None else status.visibility_mjd
            self._weights.append((job.name, job.attempt, time, mjd, weights))
            self._values += len(weights)
            self._drop_weights()

    def _drop_weights(self) -> None:
        room = self.limit_weights * _MOST_WEIGHTS
        while len(self._weights) > self.limit_weights or (self._values > room and len(self._weights) > 1):
            self._values -= len(self._weights.popleft()[4])
            self.dropped_weights += 1

    def _note(self, job: JobLife, time: float, event: str, severity: int | None, text: str) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped_events += 1
        self._events.append((job.name, job.attempt, time, event, severity, text[:_LONGEST_TEXT]))

    def __repr__(self) -> str:
        return f"<JobTable: {len(self)} jobs, {self.dropped} dropped>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())
