# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard of a run: whose messages count, how long silence lasts, what a log adds."""

from __future__ import annotations

from typing import Any

import pytest

from difxnb.aio.run_watch import RunWatch
from difxnb.client.job_verdict import last_attempt
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Alert, Body, Diagnostic, Header, Load, Message, Status, Unparsed, message_type

JOB, BEGUN = "/data/e_1.input", 1000.0


def watch(**changes: Any) -> RunWatch:
    return RunWatch("e_1", JOB, **{"begun": BEGUN, "stall_after": 300.0, **changes})


def message(body: Body, identifier: str = "e_1") -> Message:
    header = Header(source="head", mpi_id=0, identifier=identifier, type=message_type(body))
    return Message(header=header, body=body, sequence=0, size=0)


def running(mjd: float = 60000.5, **changes: Any) -> Message:
    times = {"visibility_mjd": mjd, "job_start_mjd": 60000.0, "job_stop_mjd": 60001.0, "weights": ((0, 0.9),)}
    return message(Status(**{"input": JOB, "state": "Running", **times, **changes}))


def state(name: str, **changes: Any) -> Message:
    return message(Status(**{"input": JOB, "state": name, **changes}))


def test_states_progress_and_weights() -> None:
    run = watch()
    assert (run.state, run.progress, run.weights, run.heard_running) == ("Spawning", 0.0, (), False)
    assert run.hear(state("Starting"), 1001.0)
    assert run.hear(running(), 1002.0)
    assert (run.state, run.progress, run.weights, run.heard_running) == ("Running", 0.5, ((0, 0.9),), True)
    assert run.hear(running(60000.2, weights=()), 1003.0)
    assert (run.progress, run.weights) == (0.5, ((0, 0.9),))
    assert run.hear(running(float("inf")), 1004.0)
    assert run.hear(running(60007.0), 1005.0)
    assert run.progress == 1.0
    assert run.verdict() is None


@pytest.mark.parametrize(
    "item",
    [
        message(Status(state="Running"), identifier="e_2"),
        message(Status(state="Running", input="/elsewhere/e_1.input")),
        message(Status(state=None)),
        message(Load()),
        Unparsed("not XML", "text", 4),
    ],
)
def test_what_is_not_about_this_run(item: Any) -> None:
    """H27: jobs of equal names in other directories are told apart where their messages name a file."""
    run = watch()
    assert not run.hear(item, 1001.0)
    assert (run.state, run.last_heard) == ("Spawning", BEGUN)


def test_outcomes_by_messages() -> None:
    run = watch()
    for name in ("Starting", "Running", "Ending", "Done"):
        run.hear(state(name, input=None), 1001.0)
    verdict = run.verdict()
    assert verdict is not None
    assert (verdict.outcome, verdict.evidence) == (JobOutcome.DONE, "messages: Done")
    run.hear(message(Alert(severity=2, text="broken")), 1002.0)
    run.hear(message(Alert(severity=3, text="odd")), 1002.0)
    verdict = run.verdict()
    assert verdict is not None
    assert verdict.outcome is JobOutcome.DONE_WITH_ERRORS


def test_the_end_of_the_run_before_comes_late() -> None:
    run = watch()
    assert not run.hear(state("MpiDone"), BEGUN + 0.5)
    assert run.verdict() is None
    assert run.hear(state("Terminated"), BEGUN + 60)
    assert run.verdict() is not None


def test_after_its_end_only_its_last_state_counts() -> None:
    run = watch()
    run.hear(running(), 1001.0)
    run.close()
    assert not run.hear(state("Starting"), 1002.0)
    assert not run.hear(message(Alert(severity=0, text="another run")), 1002.0)
    assert run.hear(state("Done"), 1003.0)
    assert not run.hear(state("Terminated"), 1004.0)
    assert run.state == "Done"
    assert not run.stalled(9999.0)


def test_silence_and_stalls() -> None:
    run = watch(stall_after=100.0)
    run.hear(running(), 1010.0)
    run.told(1050.0)
    run.hear(message(Diagnostic()), 1100.0)
    assert (run.silence(1130.0), run.stalled(1110.0), run.stalled(1111.0)) == (30.0, False, True)
    (row,) = run.notes(1130.0)
    assert row[:4] == (1110.0, "difxnb", "stalled", "WARNING")
    assert row[4] == "no progress for 120 s (and counting); nothing heard at all for 30 s"
    run.hear(running(), 1200.0)
    assert not run.stalled(1201.0)
    stalled, resumed = run.notes(1201.0)
    assert stalled[2:] == (
        "stalled", "WARNING", "no progress for 190 s (then it went on); nothing heard at all for 100 s"
    )  # fmt: skip
    assert (resumed[0], resumed[2], resumed[4]) == (1200.0, "resumed", "progress again after 190 s")


def test_notes_are_bounded_and_counted() -> None:
    run = watch()
    for number in range(1100):
        run.note(number, "waived", None, str(number))
    assert (len(run.notes(0.0)), run.dropped_notes) == (1000, 100)


def test_a_stall_takes_some_time() -> None:
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="stalls after some time"):
            watch(stall_after=wrong)


TAG = "Thu Mar 12 10:20:31 2015   0 head"
LOG = (
    f"{TAG}  STATUS Starting  \n{TAG} INFO  Vis. 3 to write out time 30\n"
    f"{TAG}  STATUS Running  \n{TAG}  WEIGHTS 0.98-1.00 0.97\n"
)


def test_a_log_tells_of_the_time_before() -> None:
    run = watch()
    run.remember(last_attempt(LOG), seconds=100.0, int_time=10.0)
    assert (run.state, run.progress, run.weights) == ("Running", 0.35, ((0, 0.98), (2, 0.97)))
    # What was heard is newer.
    run = watch()
    run.hear(running(60000.9), 1001.0)
    run.remember(last_attempt(LOG), seconds=100.0, int_time=10.0)
    assert (run.state, run.progress, run.weights) == ("Running", pytest.approx(0.9), ((0, 0.9),))
    run.remember(last_attempt(""), seconds=0.0, int_time=0.0)
    assert run.state == "Running"


def test_what_the_connection_heard_before_is_recalled() -> None:
    run = watch()
    run.recall("Done", progress=1.0, errors=1, when=500.0)
    assert (run.state, run.progress, run.last_heard) == ("Done", 1.0, 500.0)
    verdict = run.verdict()
    assert verdict is not None
    assert verdict.outcome is JobOutcome.DONE_WITH_ERRORS
    run = watch()
    run.recall("Starting", progress=float("nan"), errors=0, when=500.0)
    assert (run.progress, run.heard_running, run.verdict()) == (0.0, False, None)
