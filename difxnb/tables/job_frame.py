# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as rows: what they said, and what only the clock adds to it.

In go the lives of jobs, out comes a DataFrame; the columns that move with the clock alone are set anew for every look.
Progress and stalls follow ``difxmessage.md`` 6.3 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.tables import columns
from difxnb.tables.hearing import Hearing
from difxnb.tables.job_life import JobLife
from difxnb.wire.message import JobState

STALL_SECONDS = 300.0
"""A running job that has not reported progress for so long counts as stalled."""


def job_frame(jobs: Sequence[JobLife]) -> pd.DataFrame:
    """All columns; those that `set_clock` sets are empty."""
    latest = [[weight for _, weight in job.weights] for job in jobs]
    etas = [job.eta() for job in jobs]
    return pd.DataFrame(
        {
            "job": columns.texts(job.name for job in jobs),
            "state": columns.texts(job.state for job in jobs),
            "progress": columns.numbers(job.progress for job in jobs),
            "eta": columns.times(etas),
            "remaining": np.nan,
            "elapsed": np.nan,
            "speed_up": columns.numbers(job.speed_up() for job in jobs),
            "speed_up_now": columns.numbers(job.speed_up_now() for job in jobs),
            "started": columns.times(job.started for job in jobs),
            "last_heard": columns.times(job.last_heard for job in jobs),
            "finished": columns.times(job.finished for job in jobs),
            "wall_clock": columns.numbers(job.wall_clock for job in jobs),
            "silence": np.nan,
            "stalled": False,
            "weight_mean": columns.numbers(sum(w) / len(w) if w else None for w in latest),
            "weight_min": columns.numbers(min(w, default=None) for w in latest),
            "visibility_time": columns.times(columns.mjd_seconds(job.visibility_mjd) for job in jobs),
            "alerts": pd.Series([job.alerts for job in jobs], dtype="int64"),
            "warnings": pd.Series([job.warnings for job in jobs], dtype="int64"),
            "errors": pd.Series([job.errors for job in jobs], dtype="int64"),
            "attempt": pd.Series([job.attempt for job in jobs], dtype="int64"),
            "version": columns.texts(job.version for job in jobs),
            "input": columns.texts(job.input for job in jobs),
            "message": columns.texts(job.message for job in jobs),
        }
    )


def set_clock(frame: pd.DataFrame, jobs: Sequence[JobLife], hearing: Hearing, now: float) -> None:
    """Set what moves with the clock, in place; `jobs` are the rows of `frame`."""
    is_over = np.array([job.is_over for job in jobs], dtype=bool)
    until = np.where(is_over, _seconds(jobs, lambda job: job.finished), now)
    progressed = _seconds(jobs, lambda job: job.last_running if job.state == JobState.RUNNING else None)
    frame["remaining"] = np.maximum(0.0, _seconds(jobs, JobLife.eta) - now)
    frame["elapsed"] = np.maximum(0.0, until - _seconds(jobs, lambda job: job.started))
    frame["silence"] = np.where(is_over, np.nan, now - _seconds(jobs, lambda job: job.last_heard))
    frame["stalled"] = hearing.is_quiet(progressed, now, STALL_SECONDS)


def _seconds(jobs: Sequence[JobLife], of: Callable[[JobLife], float | None]) -> NDArray[np.float64]:
    return np.array([of(job) for job in jobs], dtype=float)
