# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a queue of jobs, and what of it is next.

In: rows. Out: rows, a table, the one to start. Nothing here waits or knows a connection, so that what is decided can be
looked at, and decided again elsewhere, from the rows alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from difxnb.tables import columns
from difxnb.wire.job import JobOutcome

MOST_ROWS = 1000
"""Jobs that a queue holds; of those that are over, the oldest fall out, and are counted."""


class QueueState(StrEnum):
    """Where a job of a queue stands."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    DONE_WITH_ERRORS = "done with errors"
    FAILED = "failed"
    STOPPED = "stopped"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def is_under_way(self) -> bool:
        """Whether it has been begun and is not over."""
        return self in (QueueState.STARTING, QueueState.RUNNING)

    @property
    def is_over(self) -> bool:
        """Whether the queue will do nothing more with it."""
        return self is not QueueState.WAITING and not self.is_under_way


STATE_OF = {
    JobOutcome.DONE: QueueState.DONE,
    JobOutcome.DONE_WITH_ERRORS: QueueState.DONE_WITH_ERRORS,
    JobOutcome.FAILED: QueueState.FAILED,
    JobOutcome.STOPPED: QueueState.STOPPED,
    JobOutcome.REFUSED: QueueState.REFUSED,
    JobOutcome.UNKNOWN: QueueState.UNKNOWN,
}
"""What becomes of a job that ends so."""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One job of a queue.

    Attributes
    ----------
    number : int
        Its own, never given twice in one queue.
    input_file : str
        Path of the ``.input`` file on the server.
    state : QueueState
    why : str
        What that state is due to, in words; empty where it says it all.
    since : float
        When it came about, unix seconds.
    progress : float
        Share that has been correlated, 0 to 1.
    machines, options : mapping
        Where and how to start it: keywords of `Job.set_machines` (none: as its files say) and of `Job.start`.
    """

    number: int
    input_file: str
    state: QueueState = QueueState.WAITING
    why: str = ""
    since: float = field(default_factory=time.time)
    progress: float = 0.0
    machines: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def job(self) -> str:
        """Name of the job."""
        return PurePosixPath(self.input_file).stem

    def now(self, state: QueueState, why: str = "", **changes: Any) -> QueueRow:
        """The same job in another state, as of now."""
        return replace(self, state=state, why=why, since=time.time(), **changes)


def next_to_start(rows: Sequence[QueueRow], *, paused: bool) -> QueueRow | None:
    """The job to start now; None where there is none, or something speaks against starting any.

    Parameters
    ----------
    rows : sequence of QueueRow
        All of the queue, in its order.
    paused : bool
        Whether nothing is to be started.
    """
    if paused or any(row.state.is_under_way for row in rows):
        return None
    return next((row for row in rows if row.state is QueueState.WAITING), None)


def positions(rows: Sequence[QueueRow]) -> dict[int, int]:
    """Place in the line of each job, by its number: 0 is under way, 1 is next; those that are over have none."""
    waiting = [row for row in rows if row.state is QueueState.WAITING]
    places = {row.number: 0 for row in rows if row.state.is_under_way}
    return places | {row.number: place for place, row in enumerate(waiting, 1)}


def find(rows: Sequence[QueueRow], job: str) -> QueueRow:
    """A job by the path of its ``.input`` file or by its name.

    Raises
    ------
    ValueError
        There is no such job, or the name is that of several.
    """
    found = [row for row in rows if job in (row.input_file, row.job)]
    if not found:
        known = ", ".join(dict.fromkeys(row.job for row in rows[-10:])) or "nothing"
        raise ValueError(f"no job {job!r} in the queue; in it: {known}")
    if len(found) > 1:
        raise ValueError(f"several jobs of the queue are named {job!r}; give the path of the .input file")
    return found[0]


def moved(rows: Sequence[QueueRow], number: int, position: int) -> list[QueueRow]:
    """All rows, with one that waits at another place of the line.

    Raises
    ------
    ValueError
        It does not wait, or there is no such place.
    """
    row = next(row for row in rows if row.number == number)
    if row.state is not QueueState.WAITING:
        raise ValueError(f"{row.job} is {row.state}; only jobs that wait can be moved")
    places = [index for index, one in enumerate(rows) if one.state is QueueState.WAITING]
    if not 1 <= position <= len(places):
        raise ValueError(f"{len(places)} jobs wait: there is no position {position}")
    left = [one for one in rows if one.number != number]
    left.insert(places[position - 1], row)
    return left


def without_oldest(rows: Sequence[QueueRow], most: int = MOST_ROWS) -> list[QueueRow]:
    """As many rows as there is room for: of those that are over, the oldest go."""
    too_many = len(rows) - most
    going = {row.number for row in [row for row in rows if row.state.is_over][: max(0, too_many)]}
    return [row for row in rows if row.number not in going]


def queue_frame(rows: Sequence[QueueRow], dropped: int) -> pd.DataFrame:
    """Rows as a table; see `JobQueue.frame`."""
    places = positions(rows)
    frame = pd.DataFrame(
        {
            "position": pd.array([places.get(row.number) for row in rows], dtype="Int64"),
            "job": columns.texts(row.job for row in rows),
            "state": columns.texts(str(row.state) for row in rows),
            "progress": columns.numbers(row.progress for row in rows),
            "since": columns.times(row.since for row in rows),
            "why": columns.texts(row.why for row in rows),
            "input": columns.texts(row.input_file for row in rows),
        }
    )
    frame.attrs["dropped"] = dropped
    return frame
