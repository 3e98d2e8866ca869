# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue starts, in which order, and what follows an end: from entries alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.queue import (
    Attach,
    Blame,
    Facts,
    GiveUp,
    Keep,
    NodeSeen,
    QueueEntry,
    QueueLimits,
    QueueState,
    RetryNow,
    RetryPolicy,
    RetryWithout,
    Start,
    next_action,
    planned_actions,
    server_name,
)
from difxnb.queue import next_to_start as rule
from difxnb.queue.frames import queue_frame
from difxnb.queue.policy import limits_json, limits_of, policy_json, policy_of
from difxnb.queue.rules import find, in_line, moved, positions
from difxnb.wire.job import JobOutcome

WAITING, RUNNING, DONE = QueueState.WAITING, QueueState.RUNNING, QueueState.DONE
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


def entries(*states: QueueState) -> list[QueueEntry]:
    return [QueueEntry(k, f"/data/e_{k}.input", state) for k, state in enumerate(states, 1)]


def next_to_start(
    line: list[QueueEntry],
    limits: QueueLimits | None = None,
    *,
    paused: bool = False,
    now: float = NOON,
    nodes: Mapping[str, NodeSeen] | None = None,
    facts: Mapping[int, Facts] | None = None,
) -> QueueEntry | None:
    running = [one for one in line if one.state.is_under_way]
    return rule(
        line, running, limits or QueueLimits(), paused=paused, now=now, nodes=nodes or {}, facts=facts
    )


def test_the_first_that_waits_is_next_unless_something_runs() -> None:
    line = entries(DONE, QueueState.REFUSED, WAITING, WAITING)
    assert next_to_start(line) == line[2]
    assert next_to_start(line, paused=True) is None
    assert next_to_start(line[:2]) is None
    for state in (RUNNING, QueueState.STARTING):
        assert next_to_start([*line, replace(line[0], number=9, state=state)]) is None


def test_a_higher_priority_goes_first_and_equal_ones_in_their_order() -> None:
    line = entries(WAITING, RUNNING, WAITING, WAITING)
    line[3] = replace(line[3], priority=2)
    line[0] = replace(line[0], priority=-1)
    assert [one.number for one in in_line(line)] == [4, 2, 3, 1]
    assert next_to_start([one for one in line if one.number != 2]) == line[3]


def test_as_many_at_once_as_the_limits_say_but_never_two_of_one_name() -> None:
    line = entries(RUNNING, WAITING, WAITING)
    two = QueueLimits(at_once=2)
    assert next_to_start(line, two) == line[1]
    namesake = replace(line[1], input_file="/else/e_1.input")
    assert next_to_start([line[0], namesake, line[2]], two) == line[2]
    assert next_to_start(entries(RUNNING, RUNNING, WAITING), two) is None


def test_hosts_that_are_taken_or_busy_are_left_alone_and_others_are_used() -> None:
    line = entries(RUNNING, WAITING, WAITING)
    on_one = {"head_node": "head", "datastreams": ["one"], "processors": {"one": 2}}
    line[0], line[1] = replace(line[0], machines=on_one), replace(line[1], machines=on_one)
    facts = {3: Facts(frozenset({"two"}))}
    assert next_to_start(line, QueueLimits(at_once=3, per_node=1), facts=facts) == line[2]
    busy = {"one": NodeSeen(load=0.95), "two": NodeSeen(load=math.nan)}
    assert next_to_start(line, QueueLimits(at_once=3), nodes=busy, facts=facts) == line[2]
    assert next_to_start(line[1:], nodes=busy) == line[1], "one after another waits for nobody"


@pytest.mark.parametrize(
    ("between", "may"),
    [
        ((time(8), time(16)), True),
        ((time(22), time(6)), False),
        ((time(11, 59), time(6)), True),
        ((time(12), time(13)), True),
        ((time(8), time(12)), False),
    ],
)
def test_nothing_is_started_outside_of_the_hours(between: tuple[time, time], may: bool) -> None:
    line = entries(WAITING)
    assert (next_to_start(line, QueueLimits(between=between)) is not None) == may


def test_a_job_that_is_too_long_lets_others_pass() -> None:
    line = entries(WAITING, WAITING)
    facts = {1: Facts(seconds=7200.0), 2: Facts(seconds=60.0)}
    assert next_to_start(line, QueueLimits(longest=3600.0), facts=facts) == line[1]
    assert next_to_start(line, QueueLimits(longest=3600.0)) == line[0], (
        "one of unknown length is not held back"
    )


def test_a_job_is_tried_again_when_its_time_has_come() -> None:
    again = QueueEntry(1, "/e_1.input", QueueState.RETRYING, since=NOON, policy=RetryPolicy(wait=30.0))
    assert next_to_start([again], now=NOON + 29) is None
    assert next_to_start([again], now=NOON + 30) == again


def ended(outcome: JobOutcome, tries: int, *blames: Blame, policy: RetryPolicy | None = None) -> object:
    entry = QueueEntry(1, "/data/e_1.input", RUNNING, tries=tries)
    return next_action(entry, outcome, blames, policy, now=NOON, why="the log says so")


def test_again_then_without_a_station_then_stop_and_tell() -> None:
    policy = RetryPolicy(again=2, wait=10.0)
    weak = Blame("BB", "weights", "0.02 of its data")
    for tries in (1, 2):
        again = ended(JobOutcome.FAILED, tries, weak, policy=policy)
        assert isinstance(again, RetryNow)
        assert again.at == NOON + 10
    without = ended(JobOutcome.DONE_WITH_ERRORS, 3, weak, policy=policy)
    assert isinstance(without, RetryWithout)
    assert without.stations == ("BB",)
    assert "weights of BB, 0.02" in without.text
    assert isinstance(ended(JobOutcome.FAILED, 3, policy=policy), GiveUp)
    assert isinstance(
        ended(JobOutcome.FAILED, 3, weak, policy=replace(policy, without_station=False)), GiveUp
    )
    assert isinstance(ended(JobOutcome.FAILED, 3, Blame("BB", "mood"), policy=policy), GiveUp)


@pytest.mark.parametrize(
    "outcome", [JobOutcome.DONE, JobOutcome.STOPPED, JobOutcome.REFUSED, JobOutcome.UNKNOWN]
)
def test_what_was_stopped_refused_or_is_unknown_is_never_tried_again(outcome: JobOutcome) -> None:
    assert isinstance(ended(outcome, 1, policy=RetryPolicy(again=9)), Keep)


def test_without_a_policy_nothing_follows() -> None:
    assert isinstance(ended(JobOutcome.FAILED, 1), Keep)


def test_a_dry_run_names_every_action() -> None:
    line = entries(RUNNING, QueueState.STARTING, WAITING, WAITING, DONE)
    line.append(
        QueueEntry(6, "/e_6.input", QueueState.RETRYING, "it failed", since=NOON, policy=RetryPolicy())
    )
    plan = planned_actions(line, QueueLimits(at_once=3), held="", now=NOON, nodes={}, followed=[1])
    assert [type(one) for one in plan] == [Keep, Attach, Start, Keep, RetryNow]
    assert [one.number for one in plan] == [1, 2, 3, 4, 6]
    assert plan[2].text == "start e_3"
    assert "3 at once" in plan[3].text
    assert "start e_6 again at 2026-11-23 12:01:00 UTC: it failed" in plan[4].text
    held = planned_actions(line, QueueLimits(at_once=3), held="it was paused", now=NOON, nodes={})
    assert {one.why for one in held[2:]} == {"it was paused"}


def test_a_server_has_one_name_for_all_who_queue_jobs_for_it() -> None:
    assert server_name("head", 50200) == "head:50200"
    assert server_name("head", 50200, "oper@gate") == "head:50200 behind oper@gate"


def test_places_in_the_line() -> None:
    assert positions(entries(DONE, RUNNING, WAITING, WAITING)) == {2: 0, 3: 1, 4: 2}
    frame = queue_frame(entries(DONE, RUNNING, WAITING), dropped=3)
    assert frame["position"].isna().tolist() == [True, False, False]
    assert frame["job"].tolist() == ["e_1", "e_2", "e_3"]
    assert frame.attrs["dropped"] == 3
    assert queue_frame([], dropped=0).columns.equals(frame.columns)
    assert (queue_frame([], dropped=0).dtypes == frame.dtypes).all()


def test_moving_keeps_what_does_not_wait_in_its_place() -> None:
    line = entries(WAITING, RUNNING, WAITING, WAITING)
    assert [one.number for one in moved(line, 4, 1)] == [4, 1, 2, 3]
    assert [one.number for one in moved(line, 1, 3)] == [2, 3, 4, 1]
    assert moved(line, 3, 2) == line
    with pytest.raises(ValueError, match="running; only jobs that wait"):
        moved(line, 2, 1)
    for position in (0, 4):
        with pytest.raises(ValueError, match=f"no position {position}"):
            moved(line, 1, position)


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=8), st.data())
def test_a_job_stays_where_it_was_moved_to(priorities: list[int], data: st.DataObject) -> None:
    line = in_line([QueueEntry(k, f"/e_{k}.input", priority=value) for k, value in enumerate(priorities, 1)])
    number, position = (data.draw(st.integers(1, len(line))) for _ in range(2))
    after = moved(line, number, position)
    assert in_line(after) == after
    assert positions(after)[number] == position
    others = [one for one in line if one.number != number]
    assert [one for one in after if one.number != number] == others


def test_a_job_is_found_by_path_or_by_a_clear_name() -> None:
    line = [*entries(DONE, WAITING), QueueEntry(3, "/else/e_2.input")]
    assert find(line, "/else/e_2.input").number == 3
    assert find(line, "e_1").number == 1
    with pytest.raises(ValueError, match="several jobs"):
        find(line, "e_2")
    with pytest.raises(ValueError, match=r"no job 'e_9'.*e_1, e_2"):
        find(line, "e_9")
    with pytest.raises(ValueError, match="nothing"):
        find([], "e_9")


def test_limits_and_policies_are_checked_and_survive_being_written_down() -> None:
    limits = QueueLimits(at_once=4, per_node=2, between=(time(22), time(6, 30)), longest=60.0)
    assert limits_of(limits_json(limits)) == limits
    assert limits_of(limits_json(QueueLimits())) == QueueLimits()
    policy = RetryPolicy(again=0, blame=("no data",))
    assert policy_of(policy_json(policy)) == policy
    assert policy_of(policy_json(None)) is None
    for wrong in ({"at_once": 0}, {"disk_low": 2.0}, {"longest": -1.0}, {"between": (time(1), time(1))}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            QueueLimits(**wrong)  # type: ignore[arg-type]
    for wrong in ({"at_once": 1.5}, {"silent": "long"}, {"between": time(1)}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            QueueLimits(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="blame"):
        RetryPolicy(blame="weights")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wait"):
        RetryPolicy(wait=math.nan)


def test_a_clock_that_was_set_back_keeps_no_job_waiting() -> None:
    policy = RetryPolicy(again=1, wait=60.0)
    again = QueueEntry(1, "/a_1.input", state=QueueState.RETRYING, since=1000.0, policy=policy)

    def started(now: float) -> bool:
        return rule([again], [], QueueLimits(), paused=False, now=now, nodes={}) is not None

    assert [started(now) for now in (1000.0, 1059.0, 1060.0)] == [False, False, True]
    assert started(-3000.0), "the wait is a minute and not an hour"
