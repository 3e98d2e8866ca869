# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of a running job as packets, and its messages as a log."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.server.job_output import JobOutput, Lines, log_lines
from difxnb.wire.control import Notice
from difxnb.wire.job import JobEvent
from difxnb.wire.message import Alert, Header, Load, Message, Status, Transient, Unparsed, message_type

WHEN = datetime(2015, 3, 12, 10, 20, 31)


def ids(steps):
    return [int(step.id) for step in steps if isinstance(step, JobEvent)]


def texts(steps):
    return [(int(step.severity), step.text) for step in steps if isinstance(step, Notice)]


def test_lines_by_kind():
    output = JobOutput()
    assert ids(output.stdout("hello")) == [114]
    assert ids(output.stderr("a WARNING: hot")) == [115]
    assert ids(output.stderr("broken")) == [116]
    assert texts(output.stdout("hello")) == [(4, "mpifxcorr... hello")]


@pytest.mark.parametrize(
    ("lines", "status", "expected"),
    [
        ("o", 0, [117, 101]),
        ("", 0, [117, 101]),
        ("ow", 0, [117, 101]),
        ("oeo", 0, [117, 120]),
        ("oe", 0, [116, 119]),
        ("oeo", 1, [116, 119]),
        ("o", -9, [116, 119]),
    ],
)
def test_the_end_follows_from_what_was_said_and_the_status(lines, status, expected):
    output = JobOutput()
    for kind in lines:
        output.stdout("line") if kind == "o" else output.stderr("warning" if kind == "w" else "error")
    assert ids(output.ended(status)) == expected


def test_a_stop_is_the_end_whatever_else_happened():
    output = JobOutput()
    output.stderr("error")
    output.stopped = True
    steps = output.ended(-9)
    assert ids(steps) == [100]
    assert texts(steps) == [(5, "mpifxcorr terminated by user")]


def test_long_lines_are_cut():
    event = JobOutput().stdout("x" * 20000)[1]
    assert len(event.text) == 7999
    assert event.text.endswith("x (cut: it had 20000 characters)")


def test_a_line_without_end_is_not_kept_whole():
    """H25: a real server overruns its buffer at 1 MiB."""
    lines = Lines(limit=10)
    assert lines.receive_data(b"one\ntw") == ["one"]
    assert lines.receive_data(b"o" + b"x" * 100) == []
    assert lines.receive_data(b"y" * 50 + b"\nnext\r\n") == [
        "twoxxxxxxx (143 more bytes were not kept)",
        "next",
    ]
    assert lines.receive_eof() == []
    assert lines.receive_data(b"") == []
    assert lines.receive_data(b"last") == []
    assert lines.receive_eof() == ["last"]


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_lines_do_not_depend_on_how_they_arrive(pieces):
    whole, cut = Lines(), Lines()
    at_once = [*whole.receive_data(b"".join(pieces)), *whole.receive_eof()]
    assert [line for piece in pieces for line in cut.receive_data(piece)] + cut.receive_eof() == at_once


def message(body, identifier="job", mpi_id=0):
    return Message(
        header=Header(source="head", mpi_id=mpi_id, identifier=identifier, type=message_type(body)),
        body=body,
        sequence=0,
        size=0,
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Alert(text="some text", severity=3), ["Thu Mar 12 10:20:31 2015   0 head WARNING  some text"]),
        (Alert(text="two\nlines", severity=0), ["Thu Mar 12 10:20:31 2015   0 head FATAL  two lines"]),
        (Alert(text="verbose", severity=5), []),
        (Alert(text="none"), []),
        (Status(state="Done"), ["Thu Mar 12 10:20:31 2015   0 head  STATUS Done  "]),
        (
            Status(state="Running", weights=((0, 0.98), (2, 0.97))),
            [
                "Thu Mar 12 10:20:31 2015   0 head  STATUS Running  ",
                "Thu Mar 12 10:20:31 2015   0 head  WEIGHTS 0.98 -1.00 0.97",
            ],
        ),
        (Load(cpu_load=1.0), []),
    ],
)
def test_what_goes_into_the_log(body, expected):
    assert log_lines(message(body), "job", WHEN) == expected


def test_other_jobs_and_rubbish_do_not():
    assert log_lines(message(Status(state="Done"), identifier="job2"), "job", WHEN) == []
    assert log_lines(Unparsed("x", "no xml", 1), "job", WHEN) == []


def test_transients_are_one_line_without_tag():
    (line,) = log_lines(
        message(Transient(job_id="job", start_mjd=60000.5, stop_mjd=60000.6, priority=1.0)), "job", WHEN
    )
    assert line.startswith("Transient event received: jobId=job priority=1.000000 startMJD=60000.50000000 ")
