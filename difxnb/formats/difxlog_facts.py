# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of one run tells of it: how it ended, how long it took, how far it came.

In: the lines of a run. Out: facts that the lines state, and None where they do not. Mirrors ``difxmessage.md`` 6.3,
7.2 and 10.4.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from difxnb.formats.difxlog_bulk import LogLines
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import JobState

ERRORS = frozenset({"FATAL", "SEVERE", "ERROR"})
"""Severities of which a job that is done can be done with errors."""

_ENDS = {
    JobState.DONE: JobOutcome.DONE,
    JobState.TERMINATED: JobOutcome.STOPPED,
    JobState.CRASHED: JobOutcome.FAILED,
    JobState.ABORTING: JobOutcome.FAILED,
    JobState.REFUSED: JobOutcome.REFUSED,
}
_WRITTEN = re.compile(r"Vis\. \d+ to write out time (\S+)", re.ASCII)
_WALL = re.compile(r"Total wallclock time was \*\*(\S+)\*\* seconds", re.ASCII)
_TELLING = ("Vis. ", "Total wallclock")


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome, and what it is based on."""

    outcome: JobOutcome
    evidence: str


def verdict_of_states(states: Sequence[str], errors: int, where: str) -> Verdict | None:
    """Judge one run.

    Parameters
    ----------
    states : sequence of str
        In the order in which they were told.
    errors : int
        Errors that were told; a job that is done with some is `DONE_WITH_ERRORS`, as with guiServer.
    where : str
        Who told them, for the evidence.

    Returns
    -------
    Verdict or None
        None while nothing says that the run is over.
    """
    for end, outcome in _ENDS.items():
        if end in states:
            return _with_errors(outcome, errors, f"{where}: {end}")
    if JobState.MPI_DONE in states:
        before = states[: list(states).index(JobState.MPI_DONE)]
        last = f"after {before[-1]}" if before else "and nothing before"
        return Verdict(JobOutcome.FAILED, f"{where}: MPI ended {last}, and the job was not done")
    return None


def _with_errors(outcome: JobOutcome, errors: int, evidence: str) -> Verdict:
    if errors:
        evidence = f"{evidence}, {errors} errors"
    if outcome is JobOutcome.DONE and errors:
        outcome = JobOutcome.DONE_WITH_ERRORS
    return Verdict(outcome, evidence)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the lines of one run state.

    Attributes
    ----------
    verdict : Verdict
        `UNKNOWN` where no line says how it ended: a job that died tells nothing, and neither does one that still runs.
    errors, warnings : int
        Lines of severity ``ERROR`` and worse, and of ``WARNING``.
    weights : int
        Lines with weights.
    written_s : tuple of float
        Start of every integration that was written, s from the start of the job, in the order of the log.
    wall_time_s : float or None
        Seconds that the correlator itself counted, which it says at the very end.
    """

    verdict: Verdict
    errors: int
    warnings: int
    weights: int
    written_s: tuple[float, ...]
    wall_time_s: float | None

    def step_s(self) -> float | None:
        """Length of an integration as the log shows it: the step that is most frequent; None with less than two."""
        steps = [
            round(after - before, 6)
            for before, after in zip(self.written_s, self.written_s[1:], strict=False)
        ]
        found = Counter(step for step in steps if step > 0)
        return min(found, key=lambda step: (-found[step], step)) if found else None

    def span_s(self, step_s: float | None, longest_s: float | None) -> tuple[float, float] | None:
        """Start of the first and end of the last integration that was written, s from the start of the job.

        None where nothing was written, or where `step_s`, the length of an integration, is not known. `longest_s` is
        the length of the job, which the last integration may exceed.
        """
        if not self.written_s or step_s is None:
            return None
        first, end = min(self.written_s), max(self.written_s) + step_s
        if longest_s is not None and end > longest_s > first:
            end = longest_s
        return first, end


def facts_of(lines: LogLines) -> RunFacts:
    """Gather what the lines of a run state."""
    kinds = Counter(lines.kinds)
    states: list[str] = []
    written: list[float] = []
    wall_time = None
    for kind, text in zip(lines.kinds, lines.texts, strict=True):
        if kind == "STATUS":
            state = text.partition(" ")[0]
            if state and (not states or states[-1] != state):
                states.append(state)
        elif text.startswith(_TELLING):
            if match := _WRITTEN.match(text):
                written += _seconds(match[1])
            elif match := _WALL.match(text):
                wall_time = next(iter(_seconds(match[1])), wall_time)
    errors = sum(kinds[name] for name in ERRORS)
    verdict = verdict_of_states(states, errors, "log") or Verdict(JobOutcome.UNKNOWN, _nothing_tells(states))
    return RunFacts(verdict, errors, kinds["WARNING"], kinds["WEIGHTS"], tuple(written), wall_time)


def _nothing_tells(states: Sequence[str]) -> str:
    last = f"the last state is {states[-1]}" if states else "it has no state"
    return f"log: {last}, and nothing tells how it ended"


def _seconds(text: str) -> list[float]:
    """A number of seconds; none where a line was broken."""
    try:
        value = float(text)
    except ValueError:
        return []
    return [value] if value >= 0 and math.isfinite(value) else []
