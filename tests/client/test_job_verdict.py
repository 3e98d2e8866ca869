# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes from states and logs: never more than what was said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.client.job_verdict import last_attempt, verdict_of_states
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import JobState

TAG = "Thu Mar 12 10:20:31 2015   0 head"
STARTING = f"{TAG} INFO  STARTING mpifxcorr version 2.9\n{TAG}  STATUS Starting  Version 2.9\n"
RUNNING = (
    f"{TAG} INFO  Vis. 0 to write out time 0.5\n{TAG}  STATUS Running  \n{TAG}  WEIGHTS 0.98-1.00 0.97\n"
)
ENDING = f"{TAG}  STATUS Ending  \n"
DONE = f"{TAG}  STATUS Done  \n{TAG} INFO  MPI ID 0 says BYE!\n"

STATES: list[tuple[list[str], int, JobOutcome | None, str]] = [
    ([], 0, None, ""),
    (["Spawning", "Starting", "Running"], 0, None, ""),
    (["Running", "Ending"], 5, None, ""),
    (["Running", "Terminating"], 0, None, ""),
    (["Running", "Ending", "Done"], 0, JobOutcome.DONE, "log: Done"),
    (["Running", "Done", "MpiDone"], 2, JobOutcome.DONE_WITH_ERRORS, "log: Done, 2 errors"),
    (["Running", "Terminating", "Terminated"], 0, JobOutcome.STOPPED, "log: Terminated"),
    (["Running", "Crashed"], 0, JobOutcome.FAILED, "log: Crashed"),
    (["Aborting"], 1, JobOutcome.FAILED, "log: Aborting, 1 errors"),
    (["ABORTED"], 0, JobOutcome.REFUSED, "log: ABORTED"),
    (["Running", "MpiDone"], 0, JobOutcome.FAILED, "MPI ended after Running, and the job was not done"),
    (["MpiDone"], 0, JobOutcome.FAILED, "MPI ended and nothing before"),
    (["a state of tomorrow"], 0, None, ""),
]


@pytest.mark.parametrize(("states", "errors", "outcome", "evidence"), STATES)
def test_states(states: list[str], errors: int, outcome: JobOutcome | None, evidence: str) -> None:
    verdict = verdict_of_states(states, errors, "log")
    assert (None if verdict is None else verdict.outcome) == outcome
    assert evidence in ("" if verdict is None else verdict.evidence)


@given(st.lists(st.sampled_from([state.value for state in JobState]), max_size=8), st.integers(0, 3))
@settings(max_examples=200)
def test_no_end_without_a_last_word(states: list[str], errors: int) -> None:
    verdict = verdict_of_states(states, errors, "log")
    assert (verdict is None) == (not any(JobState(state).is_terminal for state in states))


def test_the_last_attempt_counts() -> None:
    """difxmessage.md 10.2: a file holds all attempts one after another."""
    attempt = last_attempt(STARTING + RUNNING + DONE + STARTING + RUNNING)
    assert attempt.states == ["Starting", "Running"]
    assert attempt.verdict() is None
    assert attempt.weights == [(0.5, [0.98, -1.0, 0.97])]
    assert (attempt.seconds_done, attempt.last_time) == (0.5, "Thu Mar 12 10:20:31 2015")
    done = last_attempt(STARTING + RUNNING + ENDING + DONE)
    assert done.states == ["Starting", "Running", "Ending", "Done"]
    assert done.verdict() is not None


BEGINNINGS = {
    "by a launcher": f"{TAG}  STATUS Spawning  Spawning 12 processes\n",
    "by its ranks": f"{TAG} INFO  MPI Process 3 is running on host node02\n",
    "by its manager": f"{TAG} INFO  STARTING mpifxcorr version 2.9\n",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_an_attempt_that_has_only_begun_does_not_end_like_the_one_before(beginning: str) -> None:
    attempt = last_attempt(
        STARTING + RUNNING + DONE + beginning + f"{TAG} FATAL  cannot open the delay model\n"
    )
    assert attempt.verdict() is None
    assert attempt.errors == 1


def test_all_of_one_beginning_is_one_attempt() -> None:
    text = BEGINNINGS["by a launcher"] + BEGINNINGS["by its ranks"] + STARTING + RUNNING
    assert last_attempt(text).states == ["Spawning", "Starting", "Running"]


def test_what_is_being_written_is_left_out() -> None:
    """8.2: status lines are not flushed one by one, so a log may end within a line."""
    assert last_attempt(STARTING + RUNNING + f"{TAG}  STATUS Do").states == ["Starting", "Running"]


def test_errors_and_warnings_are_kept() -> None:
    text = (
        STARTING + f"{TAG} WARNING  late\n{TAG} ERROR  broken\n{TAG} SEVERE  very\n{TAG} INFO  fine\n" + DONE
    )
    attempt = last_attempt(text)
    assert attempt.errors == 2
    assert [entry.kind for entry in attempt.notable] == ["STATUS", "WARNING", "ERROR", "SEVERE", "STATUS"]
    verdict = attempt.verdict()
    assert verdict is not None
    assert verdict.outcome is JobOutcome.DONE_WITH_ERRORS


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_gives_an_attempt(text: str) -> None:
    attempt = last_attempt(text)
    assert attempt.verdict() is None or "STATUS" in text


def test_real_logs_end_as_they_ended(shared: Path) -> None:
    logs = sorted(shared.glob("data/**/*.difxlog"))
    assert logs
    for log in logs:
        attempt = last_attempt(log.read_text())
        verdict = attempt.verdict()
        assert attempt.weights, log
        assert all(offset is not None for offset, _ in attempt.weights), log
        if log.stem == "eta_1":  # mpifxcorr crashed in the middle, and said nothing more
            assert (verdict, attempt.state) == (None, "Running")
        else:
            assert verdict is not None, log
            assert verdict.outcome in (JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS), log
