# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of jobs and of messages: what the envelope tells, which version runs, what comes twice or broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from difxnb.tables import JobTable, MessageTable
from difxnb.wire.events import Gap
from difxnb.wire.message import Alert, Header, Message, Status, Unknown, Unparsed

T0 = 1_704_110_400.0


def said(body: object, number: int | None = None, *, job: str = "e_1", kind: str = "") -> Message:
    return Message(Header("Node1.corr.example", ("a", "b"), 0, job, kind), body, number, 50, ("latin-1",))


@pytest.mark.parametrize(
    ("bodies", "version"),
    [
        ([Status(None, "Starting", "Version 2.9.0")], "2.9.0"),
        ([Alert("/d/e_1.input", "STARTING mpifxcorr version 2.8", 4), Status(None, "Starting", "")], "2.8"),
        ([Status(None, "Spawning", "Spawning 3 processes")], ""),
        (
            [
                Status(None, "Starting", "Version 2.8"),
                Status(None, "Done"),
                Status(None, "Starting", "Version 2.9"),
            ],
            "2.9",
        ),
    ],
)
def test_the_version_that_a_job_runs_with(bodies: list[object], version: str) -> None:
    jobs = JobTable()
    for number, body in enumerate(bodies, start=1):
        jobs.add(said(body, number), T0 + number)
    assert jobs.version_of("e_1") == version
    assert jobs.frame(now=T0)["version"].tolist() == [version]
    assert jobs.version_of("e_2") == ""


def test_what_comes_twice_counts_once() -> None:
    jobs = JobTable()
    warning = Alert("/d/e_1.input", "late data", 3)
    for number in (1, 1, 2, 2, None, None, 0, 0):
        jobs.add(said(warning, number), T0)
    (row,) = jobs.frame(now=T0).to_dict("records")
    assert (row["warnings"], jobs.duplicates) == (6, 2), "without a number nobody can tell"
    assert len(jobs.events("e_1")) == 6


def running(progress: float, number: int, **fields: object) -> Message:
    body = Status(None, "Running", "", 60310.5 + progress * 0.1, 60310.5, 60310.6, ((0, 1.0),))
    return said(replace(body, **fields), number)


def test_how_fast_it_is_just_now_and_how_long_it_takes() -> None:
    jobs = JobTable()
    jobs.add(said(Status(None, "Starting", "Version 2.9"), 1), T0)
    for second in range(0, 1000, 10):  # 8640 s of data: 10 s per second at first, later 5
        progress = second * 10 / 8640 if second <= 500 else (5000 + (second - 500) * 5) / 8640
        jobs.add(running(progress, second + 2), T0 + second)
    (row,) = jobs.frame(now=T0 + 995).to_dict("records")
    assert row["speed_up_now"] == pytest.approx(5.0, rel=1e-3)
    assert row["speed_up"] == pytest.approx((5000 + 490 * 5) / 990, rel=1e-3)
    assert row["elapsed"] == 995.0
    assert row["remaining"] == pytest.approx((row["eta"].timestamp() - T0 - 995), abs=1e-3)
    assert pd.isna(row["wall_clock"])
    jobs.add(said(Alert("/d/e_1.input", "Total wallclock time was **1001.5** seconds", 4), 2000), T0 + 1001)
    jobs.add(said(Status(None, "Done"), 2001), T0 + 1002)
    (row,) = jobs.frame(now=T0 + 5000).to_dict("records")
    assert (row["elapsed"], row["wall_clock"]) == (1002.0, 1001.5)
    assert pd.isna(row["remaining"])
    assert pd.isna(row["speed_up_now"])


def test_nobody_stalls_while_we_cannot_hear() -> None:
    jobs = JobTable()
    jobs.add(running(0.1, 1), T0)

    def stalled(now: float) -> bool:
        (found,) = jobs.frame(now=now)["stalled"]
        return bool(found)

    assert [stalled(T0 + 299), stalled(T0 + 301)] == [False, True]
    jobs.add(Gap(T0 + 10, None, "lost"), T0 + 10)
    assert not stalled(T0 + 301)
    jobs.add(Gap(T0 + 10, T0 + 200, "lost"), T0 + 200)
    assert [stalled(T0 + 499), stalled(T0 + 501)] == [False, True]


def test_a_snapshot_is_made_anew_only_when_a_job_spoke() -> None:
    jobs = JobTable()
    jobs.add(running(0.1, 1), T0)
    first, again = jobs.frame(now=T0 + 1), jobs.frame(now=T0 + 2)
    assert np.shares_memory(first["progress"].to_numpy(), again["progress"].to_numpy())
    assert (first["silence"].tolist(), again["silence"].tolist()) == ([1.0], [2.0])
    first.loc[0, "state"] = "changed"
    assert jobs.frame(now=T0)["state"].tolist() == ["Running"]


def test_impossible_numbers_do_no_harm() -> None:
    jobs = JobTable(limit_weights=10)
    many = tuple((index, 1.0) for index in range(400))
    for number in range(30):
        weights = ((10**400, 1.0), *many) if number % 2 else ((10**400, 1.0),)
        jobs.add(running(1e-14 * number, number + 1, weights=weights), T0 + number)
    assert jobs.frame(now=T0)["eta"].isna().all(), "so far off is no time"
    assert jobs.weights("e_1")["datastream"].max() == 399
    assert jobs.dropped_weights == 14, "room is for fifty datastreams in each integration"


def test_a_broken_message_is_a_sign_of_life_of_a_known_job() -> None:
    jobs = JobTable()
    broken = Unparsed("<difx", "ill-formed", 5, Header("n1", (), 0, "e_1", "DifxStatusMessage"), 2)
    jobs.add(broken, T0)
    assert len(jobs) == 0
    jobs.add(said(Status(None, "Running"), 1), T0)
    version = jobs.version
    jobs.add(broken, T0 + 9)
    jobs.add(Unparsed("x", "not XML", 1), T0 + 20)
    (row,) = jobs.frame(now=T0 + 10).to_dict("records")
    assert (row["state"], row["silence"], jobs.version) == ("Running", 1.0, version + 1)


def test_envelopes_on_request() -> None:
    table = MessageTable()
    table.add(said(Alert(None, "a", 4), 5), T0, lost=2, duplicate=False)
    table.add(Unparsed("x", "not XML", 7), T0, duplicate=True)
    frame = table.frame(envelope=True)
    assert list(frame)[8:] == ["host", "to", "sequence", "size", "lost", "duplicate", "flags"]
    assert frame["host"].tolist() == ["node1", ""]
    assert frame["to"].tolist() == [("a", "b"), ()]
    assert frame["sequence"].fillna(-1).tolist() == [5, -1]
    assert frame["size"].tolist() == [50, 7]
    assert frame["lost"].fillna(-1).tolist() == [2, -1]
    assert frame["duplicate"].tolist() == [False, True]
    assert frame["flags"].tolist() == [("latin-1",), ()]
    assert list(table.frame())[-1] == "text"
    assert "weights" in table.frame(type="status", envelope=True)


def test_unknown_types_are_found_as_such_and_by_their_own_name() -> None:
    table = MessageTable()
    table.add(said(Unknown((("a", "b"),)), 1, kind="DifxFutureMessage"), T0)
    table.add(said(Unknown(), 2), T0)
    table.add(said(Alert(None, "a", 4), 3), T0)
    assert table.frame(type="unknown")["type"].tolist() == ["DifxFutureMessage", "Unknown"]
    assert table.frame(type="future")["type"].tolist() == ["DifxFutureMessage"]
