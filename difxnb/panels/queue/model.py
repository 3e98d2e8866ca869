# SPDX-License-Identifier: GPL-3.0-or-later
"""What a panel of a queue knows: the jobs, which of them is chosen, and what is about to be added."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Protocol

from difxnb.panels.acting import ActingModel, ActingSnapshot
from difxnb.panels.work import Work

_WAITS = ("waiting", "retrying")
_UNDER_WAY = ("starting", "running")
_AGAIN = ("failed", "done with errors", "stopped", "refused")
_SHOWN_HISTORY = 50


class Row(Protocol):
    """One job of a queue, such as :class:`difxnb.queue.QueueEntry`."""

    @property
    def job(self) -> str: ...

    @property
    def input_file(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def why(self) -> str: ...

    @property
    def since(self) -> float: ...

    @property
    def progress(self) -> float: ...

    @property
    def priority(self) -> int: ...


class Queue(Protocol):
    """What is shown, such as :class:`difxnb.aio.JobQueue`."""

    @property
    def dropped(self) -> int: ...

    @property
    def rows(self) -> Sequence[Row]: ...

    @property
    def version(self) -> int: ...

    @property
    def why_paused(self) -> str: ...

    @property
    def why_suspended(self) -> str: ...

    def history(self, since: Any = ..., limit: int = ...) -> Any: ...

    def add(
        self, input_file: str, *, priority: int = ..., overwrite: bool = ..., monitor: bool = ...
    ) -> Coroutine[Any, Any, object]: ...

    def priority(self, job: str, value: int) -> Coroutine[Any, Any, object]: ...

    def retry(self, job: str) -> Coroutine[Any, Any, object]: ...

    def remove(self, job: str) -> Coroutine[Any, Any, object]: ...

    def move(self, job: str, position: int) -> Coroutine[Any, Any, object]: ...

    def drop_over(self, jobs: Collection[str]) -> Coroutine[Any, Any, object]: ...

    def pause(self) -> Coroutine[Any, Any, None]: ...

    def resume(self) -> Coroutine[Any, Any, None]: ...


@dataclass(frozen=True)
class QueuedJob:
    """One line of the panel.

    Attributes
    ----------
    position : int or None
        Place in the line: 0 is under way, 1 is next, None is over.
    since : str
        When its state came about, UTC.
    progress : float
        0 to 1.
    """

    position: int | None
    job: str
    state: str
    progress: float
    since: str
    why: str
    input_file: str
    priority: int = 0

    @property
    def may_be_tried_again(self) -> bool:
        """Whether it ended so that it can be put into the line again."""
        return self.state in _AGAIN


@dataclass(frozen=True)
class ToldLine:
    """One line of the history."""

    at: str
    job: str
    what: str
    state: str
    why: str


@dataclass(frozen=True)
class QueueSnapshot(ActingSnapshot):
    """All that a panel of a queue shows.

    Attributes
    ----------
    chosen : str
        Path of the job that the buttons act upon; empty for none.
    why_paused : str
        Empty where the queue goes on.
    dropped : int
        Jobs that were over and are not kept any more.
    path, overwrite, watch, priority
        What `QueueModel.add` adds.
    why_suspended : str
        Why nothing is started for the moment; empty where that is not so.
    history : tuple of ToldLine, optional
        What happened, the latest first; None where it is not shown.
    """

    rows: tuple[QueuedJob, ...]
    chosen: str
    why_paused: str
    dropped: int
    path: str
    overwrite: bool
    watch: bool
    priority: int = 0
    why_suspended: str = ""
    history: tuple[ToldLine, ...] | None = None

    @property
    def chosen_row(self) -> QueuedJob | None:
        """The job that the buttons act upon."""
        return next((row for row in self.rows if row.input_file == self.chosen), None)

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return sum(row.state in _WAITS for row in self.rows)

    @property
    def over(self) -> tuple[QueuedJob, ...]:
        """Jobs that are over."""
        return tuple(row for row in self.rows if row.position is None)


class QueueModel(ActingModel):
    """A queue to look at and to change.

    Parameters
    ----------
    queue : Queue
    work : Work
    """

    def __init__(self, queue: Queue, work: Work) -> None:
        super().__init__(work)
        self._queue = queue
        self._chosen = self._path = ""
        self._overwrite = self._watch = self._shows_history = False
        self._priority = 0
        self._told: tuple[int, tuple[ToldLine, ...]] = (-1, ())

    def snapshot(self) -> QueueSnapshot:
        """All that is to be shown."""
        with self._lock:
            return QueueSnapshot(
                rows=lines_of(self._queue.rows),
                chosen=self._chosen,
                why_paused=self._queue.why_paused,
                dropped=self._queue.dropped,
                path=self._path,
                overwrite=self._overwrite,
                watch=self._watch,
                priority=self._priority,
                why_suspended=self._queue.why_suspended,
                history=self._history() if self._shows_history else None,
                said=self.said,
                under_way=self.under_way,
            )

    def _history(self) -> tuple[ToldLine, ...]:
        version = self._queue.version
        if self._told[0] != version:
            rows = self._queue.history(limit=_SHOWN_HISTORY).to_dict("records")
            self._told = version, tuple(_told(row) for row in reversed(rows))
        return self._told[1]

    def show_history(self, shown: bool) -> None:
        """Show what happened, or not."""
        with self._changing():
            self._shows_history = shown

    # --- what is to be added --------------------------------------------------------------------------

    def set_path(self, path: str) -> None:
        """Name the ``.input`` file that `add` adds."""
        with self._changing():
            self._path = path

    def set_overwrite(self, overwrite: bool) -> None:
        """Say whether output of the job that is added may be moved aside."""
        with self._changing():
            self._overwrite = overwrite

    def set_watch(self, watch: bool) -> None:
        """Say whether the job that is added is to be watched live."""
        with self._changing():
            self._watch = watch

    def set_priority(self, priority: int) -> None:
        """Give the job that is added this priority."""
        with self._changing():
            self._priority = priority

    def add(self, path: str = "") -> None:
        """Add a job: this one, or the one that was named with `set_path`."""
        with self._lock:
            wanted, priority = path or self._path.strip(), self._priority
            overwrite, watch = self._overwrite, self._watch
        if not wanted:
            self._say("name an .input file first", is_problem=True)
            return
        self._do(
            f"adding {PurePosixPath(wanted).stem}",
            lambda: self._queue.add(wanted, priority=priority, overwrite=overwrite, monitor=watch),
            lambda _: self._added(wanted),
        )

    def _added(self, path: str) -> None:
        with self._changing():
            self._path = "" if self._path.strip() == path else self._path
            self._overwrite = False  # of one job, never of the next
            self._priority = 0
            self._chosen = path
        self._say(f"{PurePosixPath(path).stem} is in the queue")

    # --- what is in it --------------------------------------------------------------------------------

    def choose(self, input_file: str) -> None:
        """Choose the job that the other verbs act upon; an empty path for none."""
        with self._changing():
            self._chosen = input_file

    def remove(self) -> None:
        """Remove the chosen job."""
        row = self._chosen_row()
        if row is not None:
            self._have(f"removing {row.job}", lambda: self._queue.remove(row.input_file))

    def move(self, steps: int) -> None:
        """Move the chosen job by some places: forward where `steps` is below 0."""
        row = self._chosen_row()
        if row is None:
            return
        if row.state not in _WAITS or row.position is None:
            self._say(f"{row.job} is {row.state}; only jobs that wait can be moved", is_problem=True)
            return
        position = min(max(1, row.position + steps), self.snapshot().waiting)
        self._have(
            f"moving {row.job} to position {position}", lambda: self._queue.move(row.input_file, position)
        )

    def change_priority(self, steps: int) -> None:
        """Raise the priority of the chosen job, or lower it: where `steps` is below 0."""
        row = self._chosen_row()
        if row is not None:
            wanted = row.priority + steps
            title = f"giving {row.job} the priority {wanted}"
            self._have(title, lambda: self._queue.priority(row.input_file, wanted))

    def retry(self) -> None:
        """Put the chosen job, which has failed or was stopped, into the line again."""
        row = self._chosen_row()
        if row is not None:
            self._have(f"trying {row.job} again", lambda: self._queue.retry(row.input_file))

    def clear(self) -> None:
        """Remove all jobs that are over."""
        over = [row.input_file for row in self.snapshot().over]
        self._have(f"removing {len(over)} jobs that are over", lambda: self._queue.drop_over(over))

    def pause(self) -> None:
        """Start nothing more; what runs goes on."""
        self._have("pausing the queue", self._queue.pause)

    def resume(self) -> None:
        """Go on with the next job."""
        self._have("resuming the queue", self._queue.resume)

    def _chosen_row(self) -> QueuedJob | None:
        row = self.snapshot().chosen_row
        if row is None:
            self._say("choose a job of the queue first", is_problem=True)
        return row

    def _have(self, title: str, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._do(title, make, lambda _: self._say(f"{title}: done"))


def lines_of(rows: Sequence[Row]) -> tuple[QueuedJob, ...]:
    """What is shown of the jobs of a queue, in their order."""
    waiting = [row.input_file for row in rows if row.state in _WAITS]
    places = {path: place for place, path in enumerate(waiting, 1)}
    places |= {row.input_file: 0 for row in rows if row.state in _UNDER_WAY}
    return tuple(
        QueuedJob(
            position=places.get(row.input_file),
            job=row.job,
            state=str(row.state),
            progress=row.progress,
            since=f"{datetime.fromtimestamp(row.since, UTC):%Y-%m-%d %H:%M:%S}",
            why=row.why,
            input_file=row.input_file,
            priority=row.priority,
        )
        for row in rows
    )


def _told(row: dict[str, Any]) -> ToldLine:
    texts = {name: str(row[name] or "") for name in ("job", "what", "state", "why")}
    return ToldLine(at=f"{row['at']:%Y-%m-%d %H:%M:%S}", **texts)
