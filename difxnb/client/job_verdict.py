# SPDX-License-Identifier: GPL-3.0-or-later
"""How a job ended, from what it said of itself: the states of its messages, or the lines of its log.

In: states in their order, or the text of a ``.difxlog``. Out: an outcome with the reasons for it, or nothing: where a
job only stopped talking, nobody knows. Mirrors difxmessage.md 6.3, 7.2 and 10, guiserver.md 8.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from difxnb.formats.difxlog import LogEntry, parse_line
from difxnb.formats.difxlog_facts import ERRORS, Verdict, verdict_of_states
from difxnb.wire.message import JobState

__all__ = ["Attempt", "Verdict", "last_attempt", "verdict_of_states"]

_WORTH_KNOWING = ERRORS | {"WARNING"}
_VERSION_ALERT, _RANK_ALERT = "STARTING mpifxcorr", "is running on host"
_WRITTEN = " to write out time "


@dataclass(slots=True)
class Attempt:
    """One run of a job, as its log tells it.

    Attributes
    ----------
    states : list of str
        In order, repetitions left out.
    errors : int
        Lines of severity ``ERROR`` and worse.
    notable : list of LogEntry
        Changes of state, warnings and errors.
    weights : list of (float or None, list of float)
        Start of each integration in seconds from the start of the job, where that is told, and its weights.
    last_time : str
        Local time of its last line, as it stands there.
    """

    states: list[str] = field(default_factory=list)
    errors: int = 0
    notable: list[LogEntry] = field(default_factory=list)
    weights: list[tuple[float | None, list[float]]] = field(default_factory=list)
    last_time: str = ""
    _written: float | None = None

    @property
    def state(self) -> str | None:
        """The last state; None before the first."""
        return self.states[-1] if self.states else None

    @property
    def seconds_done(self) -> float | None:
        """Start of the last integration, from the start of the job; None before the first."""
        return self._written

    def verdict(self) -> Verdict | None:
        """How it ended; None while the log does not say so."""
        return verdict_of_states(self.states, self.errors, "log")

    def add(self, entry: LogEntry) -> None:
        """Take in a line."""
        self.last_time = entry.time_text or self.last_time
        if entry.kind == "STATUS":
            if entry.state != self.state:
                self.states.append(entry.state)
                self.notable.append(entry)
        elif entry.kind == "WEIGHTS":
            self.weights.append((self._written, entry.weights))
        elif entry.kind in _WORTH_KNOWING:
            self.errors += entry.kind in ERRORS
            self.notable.append(entry)
        elif _WRITTEN in entry.text:
            self._written = _seconds(entry.text.rpartition(_WRITTEN)[2])


def last_attempt(text: str) -> Attempt:
    """Read the last run out of the text of a log; empty where the log holds none."""
    attempts = [Attempt()]
    for entry in _entries(text):
        if _begins(entry, attempts[-1]):
            attempts.append(Attempt())
        attempts[-1].add(entry)
    return attempts[-1]


def _entries(text: str) -> Iterable[LogEntry]:
    # What has no line end yet is still being written.
    whole, _, _ = text.rpartition("\n")
    return (parse_line(line.removesuffix("\r")) for line in whole.split("\n"))


def _begins(entry: LogEntry, attempt: Attempt) -> bool:
    """Whether a line belongs to a new run: launchers say Spawning, the manager its version and Starting."""
    if entry.kind == "STATUS" and entry.state == JobState.STARTING:
        return attempt.state not in (None, JobState.SPAWNING)
    if entry.kind == "INFO" and entry.text.startswith(_VERSION_ALERT):
        return attempt.state not in (None, JobState.SPAWNING)
    first_words = entry.state == JobState.SPAWNING or (entry.kind == "INFO" and _RANK_ALERT in entry.text)
    return first_words and attempt.verdict() is not None


def _seconds(text: str) -> float | None:
    try:
        return float(text.split()[0])
    except (ValueError, IndexError):
        return None  # a line that was cut
