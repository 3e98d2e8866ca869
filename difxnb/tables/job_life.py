# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one job as its messages tell it: where it stands, and when what is heard belongs to another run.

In go states in the order of their arrival, which is not always that of their sending; out come progress, pace, and the
answers to what a state means after another (``difxmessage.md`` 6.3, 7.2, 14.15).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from difxnb.wire.message import JobState

UNKNOWN = "unknown"  # a job whose alerts came before any state
_BEFORE_START = frozenset({UNKNOWN, JobState.NOTE, JobState.SPAWNING})
_SPACING_S, _POINTS = 10.0, 31  # of progress that is remembered: five minutes, as the pace is wanted over
_LATE_MESSAGES = 100  # a message this little behind the final one was overtaken, not sent by a new run


@dataclass(slots=True)
class JobLife:
    """What is known of one job; times are unix seconds."""

    name: str
    attempt: int = 1
    state: str = UNKNOWN
    message: str = ""
    input: str = ""
    version: str = ""
    progress: float = np.nan
    visibility_mjd: float | None = None
    start_mjd: float | None = None
    stop_mjd: float | None = None
    started: float | None = None
    first_running: tuple[float, float] | None = None
    last_running: float | None = None
    last_heard: float = 0.0
    is_over: bool = False
    finished: float | None = None
    wall_clock: float | None = None
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_POINTS))
    last_sequence: int | None = None
    weights: tuple[tuple[int, float], ...] = ()
    alerts: int = 0
    warnings: int = 0
    errors: int = 0

    def eta(self) -> float | None:
        """When it will be done at the pace since its first progress report."""
        if self.state != JobState.RUNNING or self.first_running is None or self.last_running is None:
            return None
        begun, at_first = self.first_running
        done = self.progress - at_first
        if not done > 0 or self.last_running <= begun:
            return None
        return self.last_running + (1 - self.progress) * (self.last_running - begun) / done

    def note_progress(self, time: float) -> None:
        """Remember where it stands, now and then."""
        if not self.recent or time - self.recent[-1][0] >= _SPACING_S:
            self.recent.append((time, self.progress))

    def speed_up_now(self) -> float | None:
        """Seconds of observation correlated per second of wall clock, over the last five minutes."""
        if self.state != JobState.RUNNING or not self.recent or self.last_running is None:
            return None
        begun, at_first = self.recent[0]
        if self.start_mjd is None or self.stop_mjd is None or self.last_running <= begun:
            return None
        done = self.progress - at_first
        return done * (self.stop_mjd - self.start_mjd) * 86400.0 / (self.last_running - begun)

    def speed_up(self) -> float | None:
        """Seconds of observation correlated per second of wall clock, since the start or since first heard of."""
        if self.start_mjd is None or self.stop_mjd is None or self.first_running is None:
            return None
        begun, at_first = self.first_running if self.started is None else (self.started, 0.0)
        until = self.finished if self.finished is not None else self.last_running
        if until is None or until <= begun:
            return None
        return (self.progress - at_first) * (self.stop_mjd - self.start_mjd) * 86400.0 / (until - begun)


def start_again(job: JobLife, time: float) -> None:
    """Begin another run in the same row."""
    fresh = JobLife(job.name, attempt=job.attempt + 1, input=job.input, last_heard=time)
    for name in JobLife.__slots__:
        setattr(job, name, getattr(fresh, name))


def is_terminal(state: str) -> bool:
    """Whether a run is over with this state."""
    return state in JobState.__members__.values() and JobState(state).is_terminal


def is_late(job: JobLife, state: str, sequence: int | None) -> bool:
    """Whether this was overtaken by the end of the run, or repeats it less precisely."""
    if not job.is_over or state in (JobState.SPAWNING, JobState.STARTING, JobState.NOTE):
        return False
    if is_terminal(state):
        return job.state != JobState.MPI_DONE or state == JobState.MPI_DONE
    if state != JobState.RUNNING or sequence is None or job.last_sequence is None:
        return state != JobState.RUNNING
    return 0 <= job.last_sequence - sequence <= _LATE_MESSAGES


def is_new_run(job: JobLife, state: str) -> bool:
    """Whether another run has begun with this state."""
    if state == JobState.RUNNING:
        return job.is_over
    if state == JobState.STARTING:
        return job.state not in _BEFORE_START
    return state == JobState.SPAWNING and job.state not in (*_BEFORE_START, JobState.REFUSED.value)
