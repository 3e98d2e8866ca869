# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of a job in its ``.difxlog``, which holds one attempt after the other without a mark between them.

In: entries, in the order of the file. Out: to which run each belongs. Mirrors ``difxmessage.md`` 10.2, which says
how a run begins, and why none of its lines can be counted on: each was a datagram.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from difxnb.formats.difxlog import LogEntry, parse_time
from difxnb.formats.difxlog_bulk import LogLines

_ENDS = frozenset({"Done", "Aborting", "Terminated", "MpiDone", "Crashed"})
_STARTED = frozenset({"starting", "announced"})
_RANK = re.compile(r"MPI Process (-?\d+) is running on host", re.ASCII)
_TELLING = ("STARTING ", "MPI Process ")
_VERSION = re.compile(r"STARTING \S+ version (\S+)")
# The last integrations may be logged after the end by so much; later ones are another run whose start was missed.
_LATE_SECONDS = 10.0


@dataclass(slots=True)
class LogRun:
    """One attempt at a job.

    Attributes
    ----------
    number : int
        Counted from 1, in the order of the file.
    state : str
        The last state it reported, which is not its outcome: a job that crashed says nothing of it.
    version : str
        Version of the correlator; empty where that line is missing.
    begun, ended : datetime or None
        Local times of the logging host at its first and its last line.
    is_over : bool
        Whether it reported its end.
    lines : int
    """

    number: int
    state: str = ""
    version: str = ""
    begun: datetime | None = None
    ended: datetime | None = None
    is_over: bool = False
    lines: int = 0
    over_at: datetime | None = None
    marks: set[str] = field(default_factory=set)

    def add(self, entry: LogEntry) -> None:
        """Take in a line that tells how the run goes; the others are counted with :meth:`close`."""
        self.marks |= _marks(entry)
        if entry.kind == "STATUS" and entry.text.strip():
            self._report(entry)
        elif found := _VERSION.match(entry.text):
            self.version = found[1]

    def close(self, time_texts: Sequence[str]) -> None:
        """Take in the times of all its lines, whatever they tell."""
        self.lines = len(time_texts)
        self.begun = next((when for text in time_texts if (when := parse_time(text)) is not None), None)
        self.ended = next(
            (when for text in reversed(time_texts) if (when := parse_time(text)) is not None), None
        )

    def _report(self, entry: LogEntry) -> None:
        if entry.state == "Starting":
            self.version = self.version or entry.message.removeprefix("Version").strip()
        if entry.state in _ENDS and not self.is_over:
            self.is_over, self.over_at = True, entry.time
        # A state that was broken on its way is logged as the first of all, and empty.
        is_broken = entry.state == "Spawning" and not entry.message and bool(self.state)
        # What ended the run is told by the first of its last states, unless that was only the end of MPI.
        is_late = self.state in _ENDS and (entry.state not in _ENDS or entry.state == "MpiDone")
        if not is_broken and not is_late:
            self.state = entry.state

    def is_followed_by(self, entry: LogEntry) -> bool:
        """Whether `entry` begins another run."""
        if entry.kind == "STATUS" and entry.state == "Running":
            return self.is_over and self._is_long_over(entry.time)
        if _is_spawning(entry) and (self.is_over or self.marks & _STARTED):
            return True
        marks = _marks(entry)
        return bool(marks) and (self.is_over or bool(marks & self.marks))

    def _is_long_over(self, when: datetime | None) -> bool:
        if when is None or self.over_at is None:
            return False
        return (when - self.over_at).total_seconds() > _LATE_SECONDS


def _is_spawning(entry: LogEntry) -> bool:
    """Whether this comes from a launcher: it spawns, deletes old output, or refuses; all are logged alike."""
    return entry.kind == "STATUS" and entry.state == "Spawning" and bool(entry.message)


def _marks(entry: LogEntry) -> set[str]:
    """What an entry proves of the beginning of a run; each happens once in a run."""
    if entry.kind == "STATUS":
        if _is_spawning(entry) and entry.message.startswith("Spawning "):
            return {"spawning"}
        return {"starting"} if entry.state == "Starting" else set()
    if entry.kind in ("", "WEIGHTS", "TRANSIENT"):
        return set()
    if entry.text.startswith("STARTING mpifxcorr version"):
        return {"announced"}
    found = _RANK.match(entry.text)
    return {f"rank {found[1]}"} if found else set()


def split_runs(entries: Iterable[LogEntry]) -> tuple[list[LogRun], list[int]]:
    """Tell the runs of a log apart.

    Returns
    -------
    list of LogRun, list of int
        The runs, and for every entry the number of its run; none where there is no entry.
    """
    lines = entries if isinstance(entries, LogLines) else LogLines.of(entries)
    runs: list[LogRun] = []
    firsts: list[int] = []
    for place, (kind, text) in enumerate(zip(lines.kinds, lines.texts, strict=True)):
        is_telling = kind == "STATUS" or text.startswith(_TELLING)  # of a hundred lines a few
        entry = lines[place] if is_telling else None
        if not runs or (entry is not None and runs[-1].is_followed_by(entry)):
            runs.append(LogRun(len(runs) + 1))
            firsts.append(place)
        if entry is not None:
            runs[-1].add(entry)
    numbers: list[int] = []
    for run, first, end in zip(runs, firsts, [*firsts, len(lines)][1:], strict=True):
        run.close(lines.time_texts[first:end])
        numbers += [run.number] * run.lines
    return runs, numbers
