# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser of jobs knows: who was heard of, what was asked for, what is open and what is looked at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from difxnb.panels.jobs.row import JobRow, heard_row, told_row
from difxnb.panels.jobs.tree import Line, lines_of
from difxnb.panels.seldom import Seldom
from difxnb.panels.work import Work

if TYPE_CHECKING:
    import pandas as pd

_MOST_LINES = 60
_MOST_EVENTS = 30
_MOST_TOLD = 5000
_TICK_S = 5.0  # how often ages are told anew


class JobsHeard(Protocol):
    """A table of jobs, such as ``difx.jobs`` or that of a recording."""

    @property
    def version(self) -> int:
        """Moves with every message of a job."""

    @property
    def dropped(self) -> int:
        """Jobs that fell out."""

    def frame(self) -> pd.DataFrame:
        """One row per job."""

    def latest_weights(self, job: str) -> dict[str, float]:
        """Weights of the last integration."""

    def events(self, job: str) -> pd.DataFrame:
        """What happened to a job."""


Ask = Callable[[str], Coroutine[Any, Any, "pd.DataFrame"]]
"""Asks for the states of jobs by a pattern of ``.input`` files, as ``job_status`` does."""


@dataclass(frozen=True)
class JobDetail:
    """What is told of the job that was chosen."""

    row: JobRow
    facts: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, float], ...]
    events: tuple[tuple[str, str, str], ...]
    events_left_out: int


@dataclass(frozen=True)
class JobsSnapshot:
    """All that a browser of jobs shows."""

    lines: tuple[Line, ...]
    left_out: int
    dropped: int
    n_jobs: int
    detail: JobDetail | None
    can_ask: bool
    message: str
    is_problem: bool


@dataclass(frozen=True)
class _Tree:
    """The tree as it was made last, and of what."""

    heard: list[JobRow]
    version: int
    rows: list[JobRow]
    lines: list[Line]


class JobsModel:
    """A browser of jobs.

    Parameters
    ----------
    jobs : JobsHeard
        Jobs that were heard of.
    work : Work, optional
        Runs questions to the server; without it, and `ask`, none can be asked.
    ask : callable, optional
        Asks for the states of jobs by a pattern.
    """

    def __init__(self, jobs: JobsHeard, work: Work | None = None, ask: Ask | None = None) -> None:
        self.version = 0
        self._jobs, self._work, self._ask = jobs, work, ask
        self._closed: frozenset[str] = frozenset()
        self._filter = self._chosen = ""
        self._told: dict[str, JobRow] = {}
        self._message, self._is_problem = "", False
        self._rows: Seldom[list[JobRow]] = Seldom()
        self._tree: _Tree | None = None
        self._lock = threading.Lock()

    # --- what can be done -------------------------------------------------------------------------------

    def choose(self, name: str) -> None:
        """Look at a job more closely; with the empty name at none."""
        self._set(_chosen=name)

    def only(self, text: str) -> None:
        """Show only jobs with this text in their names or paths, whatever its case; empty for all."""
        self._set(_filter=text.strip())

    def toggle(self, key: str) -> None:
        """Close what is open of the tree, and open what is closed: ``"exp"``, or ``"exp/pass"``."""
        with self._lock:
            self._closed = self._closed ^ {key}
            self.version += 1

    def ask(self, pattern: str) -> None:
        """Ask the server for the states of jobs, heard of or not: ``"/data/exp/*.input"``."""
        if self._work is None or self._ask is None:
            self._say("nobody can be asked here: this was recorded", is_problem=True)
            return
        asking = self._ask
        self._say(f"asking for {pattern}…")
        begun = self._work.do(
            f"states of {pattern}",
            lambda: asking(pattern),
            lambda frame: self._hear(pattern, frame),
            lambda error: self._say(str(error), is_problem=True),
        )
        if not begun:
            self._say(
                f"{pattern} is being asked for already, or the connection was closed here", is_problem=True
            )

    def _hear(self, pattern: str, frame: pd.DataFrame) -> None:
        rows = [told_row(row) for row in _records(frame.head(_MOST_TOLD))]
        with self._lock:
            self._told.update({row.input_file: row for row in rows})
        more = f"; only {_MOST_TOLD} of them are shown" if len(frame) > _MOST_TOLD else ""
        self._say(f"{pattern}: {len(frame)} jobs{more}")

    def _say(self, message: str, *, is_problem: bool = False) -> None:
        self._set(_message=message, _is_problem=is_problem)

    def _set(self, **changes: object) -> None:
        with self._lock:
            for name, value in changes.items():
                setattr(self, name, value)
            self.version += 1

    # --- what is shown ----------------------------------------------------------------------------------

    def snapshot(self, *, at_once: bool = False) -> JobsSnapshot:
        """What is shown now; with `at_once` the very last state, though a look at it is not due."""
        heard = self._rows.look(
            self._heard,
            asked=None,
            version=(self._jobs.version, time.monotonic() // _TICK_S),
            at_once=at_once,
        )
        with self._lock:
            version, chosen, message, is_problem = self.version, self._chosen, self._message, self._is_problem
            if self._tree is None or self._tree.heard is not heard or self._tree.version != version:
                self._tree = _Tree(heard, version, *self._grown(heard))
            rows, lines = self._tree.rows, self._tree.lines
        return JobsSnapshot(
            tuple(lines[:_MOST_LINES]),
            max(0, len(lines) - _MOST_LINES),
            self._jobs.dropped,
            len(rows),
            self._detail(next((row for row in rows if row.name == chosen), None)),
            self._ask is not None,
            message,
            is_problem,
        )

    def _grown(self, heard: list[JobRow]) -> tuple[list[JobRow], list[Line]]:
        """All jobs, and the tree of those that are wanted."""
        known = {row.input_file for row in heard}
        rows = [*heard, *(row for path, row in self._told.items() if path not in known)]
        sought = self._filter.casefold()
        wanted = [row for row in rows if sought in f"{row.input_file} {row.name}".casefold()]
        return rows, lines_of(wanted, self._closed)

    def _heard(self) -> list[JobRow]:
        frame = self._jobs.frame()
        return [heard_row(row, self._weights(row["job"])) for row in _records(frame)]

    def _weights(self, job: str) -> dict[str, float]:
        try:
            return self._jobs.latest_weights(job)
        except KeyError:  # it fell out of the table meanwhile
            return {}

    def _detail(self, row: JobRow | None) -> JobDetail | None:
        if row is None:
            return None
        if not row.is_heard:
            return JobDetail(row, (("input", row.input_file),), (), (), 0)
        frame = self._jobs.frame()  # cheap, where nothing came since the rows were made
        found = frame[frame["job"] == row.name]
        if found.empty:
            return JobDetail(row, (), (), (), 0)
        events = self._jobs.events(row.name)
        shown = events.tail(_MOST_EVENTS)[::-1]
        return JobDetail(
            row,
            _facts(found.iloc[0]),
            tuple(sorted(self._weights(row.name).items(), key=lambda pair: pair[1])),
            tuple((f"{when:%H:%M:%S}", kind, text or "") for when, kind, text in _event_rows(shown)),
            max(0, len(events) - _MOST_EVENTS),
        )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _facts(row: pd.Series) -> tuple[tuple[str, str], ...]:
    texts = {
        "state": row["state"],
        "message": row["message"],
        "input": row["input"],
        "mpifxcorr": row["version"],
        "attempt": str(row["attempt"]),
        **{name: _moment(row[name]) for name in ("started", "finished", "last_heard", "visibility_time")},
        "alerts": f"{row['alerts']}, {row['warnings']} warnings, {row['errors']} errors",
    }
    return tuple((name.replace("_", " "), value) for name, value in texts.items() if value)


def _moment(when: pd.Timestamp) -> str:
    return "" if when != when else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _event_rows(events: pd.DataFrame) -> zip[tuple[Any, ...]]:
    kinds = [
        kind if severity != severity or severity is None else str(severity)
        for kind, severity in zip(events["event"], events["severity"], strict=True)
    ]
    return zip(events["time"], kinds, events["text"], strict=True)
