# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of jobs and of messages: what the envelope tells, which version runs, what comes twice or broken."""

from __future__ import annotations

import pytest

from difxnb.tables import JobTable, MessageTable
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
