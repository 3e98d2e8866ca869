# SPDX-License-Identifier: GPL-3.0-or-later
"""Work handed over: once at a time, its outcome kept, cancelled when asked or when all ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from difxnb.client.blocking import LoopThread
from difxnb.errors import ConnectionLost
from difxnb.panels.work import Work

DEADLINE_S = 30.0


class Outcomes:
    """What came of work, and how often somebody was told that something had ended."""

    def __init__(self, loop: LoopThread) -> None:
        self.results: list[object] = []
        self.failures: list[Exception] = []
        self.told = threading.Semaphore(0)
        self.work = Work(loop.submit, self.told.release)

    def do(self, title: str, make: object) -> bool:
        return self.work.do(title, make, self.results.append, self.failures.append)  # type: ignore[arg-type]

    def ended(self) -> None:
        assert self.told.acquire(timeout=DEADLINE_S)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread("work") as loop:
        yield loop


@pytest.fixture
def outcomes(loop: LoopThread) -> Outcomes:
    return Outcomes(loop)


async def give(value: object) -> object:
    return value


async def fail() -> None:
    raise ValueError("refused")


async def for_ever() -> None:
    await asyncio.Event().wait()


def test_results_and_failures_are_kept(outcomes: Outcomes) -> None:
    assert outcomes.do("one", lambda: give(7))
    outcomes.ended()
    assert outcomes.do("two", fail)
    outcomes.ended()
    assert outcomes.results == [7]
    assert [str(error) for error in outcomes.failures] == ["refused"]
    assert not outcomes.work.under_way


def test_the_same_is_done_once_at_a_time_and_again_when_it_was_cancelled(outcomes: Outcomes) -> None:
    assert outcomes.do("wait", for_ever)
    assert not outcomes.do("wait", for_ever)
    assert [what.title for what in outcomes.work.under_way] == ["wait"]
    assert outcomes.work.cancel("wait")
    outcomes.ended()
    assert not outcomes.work.cancel("wait")
    assert outcomes.do("wait", lambda: give("now"))
    outcomes.ended()
    assert (outcomes.results, outcomes.failures) == (["now"], [])


def test_what_is_done_when_something_has_ended_may_ask_for_more(outcomes: Outcomes) -> None:
    def more(value: object) -> None:
        outcomes.do("second", lambda: give(value))

    assert outcomes.work.do("first", lambda: give(7), more, outcomes.failures.append)
    outcomes.ended()
    outcomes.ended()
    assert outcomes.results == [7]


def test_a_mistake_in_what_keeps_the_result_is_told(outcomes: Outcomes) -> None:
    def keep(value: object) -> None:
        raise KeyError(value)

    assert outcomes.work.do("one", lambda: give("lost"), keep, outcomes.failures.append)
    outcomes.ended()
    assert [str(error) for error in outcomes.failures] == ["'lost'"]


def test_a_connection_that_is_closed_is_told_at_once(loop: LoopThread, outcomes: Outcomes) -> None:
    loop.stop()
    assert outcomes.do("late", lambda: give(7))
    outcomes.ended()
    (error,) = outcomes.failures
    assert isinstance(error, ConnectionLost)
    assert not outcomes.work.under_way


def test_the_end_cancels_everything_and_begins_nothing(loop: LoopThread, outcomes: Outcomes) -> None:
    for title in ("one", "two"):
        assert outcomes.do(title, for_ever)
    outcomes.work.close()
    outcomes.work.close()
    assert not outcomes.do("three", lambda: give(7))
    assert not outcomes.work.under_way
    assert (outcomes.results, outcomes.failures) == ([], [])


def test_the_end_of_the_loop_is_no_failure(loop: LoopThread, outcomes: Outcomes) -> None:
    assert outcomes.do("wait", for_ever)
    loop.stop()
    outcomes.ended()
    assert (outcomes.results, outcomes.failures) == ([], [])
