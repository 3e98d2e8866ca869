# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, rates, losses and duplicates of messages, as their sequence numbers tell them."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.tables.traffic import RATE_SECONDS, Recent, Traffic
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.events import Gap
from difxnb.wire.message import Alert, Header, Info, Load, Message, Unknown, Unparsed

T0 = 1_704_110_400.0


def said(
    number: int | None, text: str = "", *, source: str = "n1", job: str = "e_1", rank: int = 0
) -> Message:
    return Message(Header(source, (), rank, job, ""), Alert(None, text or str(number), 4), number, 100)


def heard(traffic: Traffic, numbers: list[int | None]) -> list[tuple[int | None, bool]]:
    return [tuple(traffic.add(said(number), T0 + k)) for k, number in enumerate(numbers)]


def sender(traffic: Traffic) -> dict[str, object]:
    (row,) = traffic.senders(T0).to_dict("records")
    return {name: row[name] for name in ("lost", "missed", "late", "duplicates", "restarts")}


@pytest.mark.parametrize(
    ("numbers", "lost", "told"),
    [
        ([1, 2, 3], [None, 0, 0], {"lost": 0}),
        ([1, 2, 5, 6], [None, 0, 2, 0], {"lost": 2}),
        ([1, 4, 2, 5], [None, 2, -1, 0], {"lost": 1, "late": 1}),
        ([1, 4, 3, 2, 5], [None, 2, -1, -1, 0], {"lost": 0, "late": 2}),
        ([7, 8, 0, 1], [None, 0, None, 0], {"lost": 0, "restarts": 1}),
        ([90_000, 3, 4], [None, None, 0], {"lost": 0, "restarts": 1}),
        ([3, 900_000, 900_001], [None, None, 0], {"lost": 0, "restarts": 1}),
        ([5, 5, 5, 6], [None, None, None, 0], {"lost": 0, "duplicates": 2}),
        ([5, 6, 5, 7], [None, 0, None, 0], {"lost": 0, "duplicates": 1}),
    ],
)
def test_what_numbers_tell(numbers: list[int], lost: list[int | None], told: dict[str, int]) -> None:
    traffic = Traffic()
    assert [found for found, _ in heard(traffic, numbers)] == lost
    assert sender(traffic) == {"lost": 0, "missed": 0, "late": 0, "duplicates": 0, "restarts": 0} | told


@pytest.mark.parametrize("numbers", [[0, 0, 0], [-1, -1, -1], [None, None]])
def test_numbers_that_are_none(numbers: list[int | None]) -> None:
    traffic = Traffic()
    assert heard(traffic, numbers) == [(None, False)] * len(numbers)
    assert traffic.senders(T0)["lost"].isna().all()


def test_the_same_number_with_other_content_is_no_duplicate() -> None:
    traffic = Traffic()
    assert not traffic.add(said(5, "a"), T0).duplicate
    assert not traffic.add(said(5, "b"), T0).duplicate, "threads of one process may count alike"


def test_ranks_and_jobs_of_one_host_count_for_themselves() -> None:
    """difxmessage.md 2.3: the counter belongs to the sender, the job and the rank together."""
    traffic = Traffic()
    for number in range(1, 4):
        for job, rank in (("e_1", 0), ("e_1", 1), ("e_2", 0)):
            assert traffic.add(said(number, job=job, rank=rank), T0).lost in (None, 0)
    assert traffic.senders(T0)[["job", "mpi_id", "messages", "lost"]].to_numpy().tolist() == [
        ["e_1", 0, 3, 0],
        ["e_1", 1, 3, 0],
        ["e_2", 0, 3, 0],
    ]


def test_what_came_while_there_was_no_connection_is_missed_and_not_lost() -> None:
    traffic = Traffic()
    heard(traffic, [1, 2])
    traffic.interrupt(is_gap=True)
    assert heard(traffic, [9, 10, 12]) == [(None, False), (0, False), (1, False)]
    assert sender(traffic) | {"lost": 1, "missed": 6} == sender(traffic)


def test_nothing_is_lost_while_a_server_selects() -> None:
    traffic = Traffic()
    heard(traffic, [1, 2])
    traffic.interrupt(is_gap=False, complete=False)
    assert heard(traffic, [5, 9]) == [(None, False)] * 2
    traffic.interrupt(is_gap=False)
    assert heard(traffic, [20, 21, 23]) == [(None, False), (0, False), (1, False)]
    assert sender(traffic) | {"lost": 1, "missed": 0} == sender(traffic)


def test_types_and_rates() -> None:
    traffic = Traffic()
    for k in range(100):
        traffic.add(said(k + 1), T0 + 0.1 * k)
    traffic.add(Message(Header("n2", (), -1, "mk5daemon", ""), Load(1.0), 1, 440), T0 + 1)
    traffic.add(Message(Header("n2", (), -1, "x", "DifxFuture"), Unknown(), 1, 7), T0 + 1)
    traffic.add(Unparsed("x", "not XML", 1), T0 + 2)
    traffic.add(Notice(NoticeSeverity.ERROR, "no"), T0 + 3)
    traffic.add(Gap(T0, None, "lost"), T0 + 3)
    types = traffic.types(T0 + 10).set_index("type")
    assert types["messages"].to_dict() == {
        "DifxAlertMessage": 100, "DifxLoadMessage": 1, "DifxFuture": 1, "Unparsed": 1, "Notice": 1, "Gap": 1,
    }  # fmt: skip
    assert types.loc["DifxAlertMessage", "bytes"] == 10_000
    assert 5 < types.loc["DifxAlertMessage", "rate"] < 10, "ten a second, over as long as the rate looks back"
    assert str(types.loc["DifxLoadMessage", "first"]) == "2024-01-01 12:00:01"
    later = traffic.types(T0 + 10 + 10 * RATE_SECONDS).set_index("type")
    assert later.loc["DifxAlertMessage", "rate"] < 0.01
    assert set(traffic.senders(T0)["from"]) == {"n1", "n2"}, "what has no sender is counted by type alone"


def test_senders_are_bounded_and_counted() -> None:
    traffic = Traffic(limit=3)
    for k in range(10):
        traffic.add(said(1, source=f"n{k}"), T0 + k)
    senders = traffic.senders(T0)
    assert sorted(senders["from"]) == ["n7", "n8", "n9"]
    assert (traffic.dropped, senders.attrs["dropped_senders"]) == (7, 7)
    assert traffic.types(T0)["messages"].tolist() == [10]


def test_empty_statistics_have_their_columns() -> None:
    traffic = Traffic()
    assert list(traffic.types(T0)) == ["type", "messages", "bytes", "rate", "first", "last"]
    assert list(traffic.senders(T0))[:3] == ["from", "job", "mpi_id"]
    assert traffic.senders(T0).empty


@settings(max_examples=60)
@given(st.integers(2, 60), st.integers(0, 10), st.integers(0, 2**32), st.booleans())
def test_a_shuffled_and_thinned_stream_is_accounted_for(
    count: int, dropped: int, seed: int, twice: bool
) -> None:
    """Every number is lost or heard, whatever the order within a window, and no loss is counted twice."""
    rng = random.Random(seed)
    kept = sorted(rng.sample(range(2, count + 1), max(0, count - 1 - dropped)))
    numbers = [1, *kept]
    for k in range(1, len(numbers) - 1):
        if rng.random() < 0.3:
            numbers[k], numbers[k + 1] = numbers[k + 1], numbers[k]
    traffic = Traffic()
    for number in numbers:
        for _ in range(2 if twice else 1):
            traffic.add(said(number), T0)
    row = sender(traffic)
    if len(numbers) > 1 and row["restarts"] == 0:
        assert row["lost"] == max(numbers) - len(numbers)
        assert row["duplicates"] == (len(numbers) if twice else 0)


def test_one_thread_counts_while_another_looks() -> None:
    traffic, done = Traffic(limit=5), threading.Event()

    def feed() -> None:
        for k in range(3000):
            traffic.add(said(k + 1, source=f"n{k % 9}"), T0 + k)
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    looks = 0
    while not done.is_set() or looks < 3:
        assert traffic.types(T0)["messages"].sum() <= 3000
        assert len(traffic.senders(T0)) <= 5
        looks += 1
    thread.join()
    assert traffic.types(T0)["messages"].tolist() == [3000]


def test_what_was_seen_is_forgotten_after_a_while() -> None:
    recent = Recent(2)
    assert [recent.has_seen(thing) for thing in ("a", "a", "b", "c", "b", "a")] == [
        False, True, False, False, True, False,
    ]  # fmt: skip


def test_messages_without_an_alert_count_as_well() -> None:
    traffic = Traffic()
    traffic.add(Message(Header("n1", (), 0, "e_1", ""), Info("a"), 1, 50), T0)
    traffic.add(Unparsed("<difx", "ill-formed", 60, Header("n1", (), 0, "e_1", ""), 2), T0)
    (row,) = traffic.senders(T0).to_dict("records")
    assert (row["messages"], row["bytes"], row["lost"]) == (2, 110, 0)
