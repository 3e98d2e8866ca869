# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of a job: lines as guiServer writes them, and as the stand-alone logger does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from difxnb.formats.difxlog import (
    LogEntry,
    LogWriter,
    alert_line,
    last_status,
    parse_line,
    read_difxlog_lines,
    status_lines,
)

REFERENCE = Path(__file__).parents[1] / "reference"
LOGS = sorted(REFERENCE.rglob("*.difxlog"))
WHEN = datetime(2015, 3, 2, 10, 20, 31)


def test_lines_as_guiserver_writes_them() -> None:
    assert (
        alert_line(WHEN, 3, "n3", "WARNING", "some text")
        == "Mon Mar  2 10:20:31 2015   3 n3 WARNING  some text"
    )
    assert status_lines(WHEN, 0, "head", "Running", "", [0.98, 10.0, None]) == [
        "Mon Mar  2 10:20:31 2015   0 head  STATUS Running  ",
        "Mon Mar  2 10:20:31 2015   0 head  WEIGHTS 0.98 10.00 -1.00",
    ]
    assert status_lines(WHEN, -1, "head", "Done", "a\nb") == [
        "Mon Mar  2 10:20:31 2015  -1 head  STATUS Done  a b"
    ]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            "Sun Dec 29 07:30:02 2024  -1 ctrl1  STATUS Spawning  Spawning 12 processes",
            LogEntry("Sun Dec 29 07:30:02 2024", -1, "ctrl1", "STATUS", "Spawning  Spawning 12 processes"),
        ),
        (
            "Sun Dec  1 07:30:04 2024   3 node02.site INFO  STATUS of WEIGHTS is fine",
            LogEntry("Sun Dec  1 07:30:04 2024", 3, "node02.site", "INFO", "STATUS of WEIGHTS is fine"),
        ),
        (
            "Sun Dec 29 07:30:21 2024 1000 difx-head  WEIGHTS 0.96-1.00 1.00",
            LogEntry("Sun Dec 29 07:30:21 2024", 1000, "difx-head", "WEIGHTS", "0.96-1.00 1.00"),
        ),
        (
            "2024-12-29 07:30:21,418 DiFXAlert INFO    MPI[ 0] difx-head v252f_03     Vis. 0 to write out",
            LogEntry(
                "2024-12-29 07:30:21,418", 0, "difx-head", "INFO", "Vis. 0 to write out", "v252f_03"
            ),
        ),
        (
            "Transient event received: jobId=x priority=1",
            LogEntry("", None, "", "TRANSIENT", "Transient event received: jobId=x priority=1"),
        ),
        ("something else", LogEntry("", None, "", "", "something else")),
        ("", LogEntry("", None, "", "", "")),
    ],
)
def test_lines_are_understood(line: str, entry: LogEntry) -> None:
    assert parse_line(line) == entry


def test_state_and_weights() -> None:
    status = parse_line("Sun Dec 29 07:30:02 2024   0 h  STATUS Running  30% done")
    assert (status.state, status.weights) == ("Running", [])
    for text, weights in {" 0.98 10.00": [0.98, 10], " 0.96-1.00 1.00": [0.96, -1, 1], "10.00": [10]}.items():
        entry = parse_line(f"Sun Dec 29 07:30:02 2024   0 h  WEIGHTS{text}")
        assert (entry.state, entry.weights) == ("", weights)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_line_of_a_log_is_understood(path: Path) -> None:
    entries = list(read_difxlog_lines(path))
    assert len(entries) == path.read_text().count("\n") > 50
    assert {entry.kind for entry in entries} <= {
        "STATUS",
        "WEIGHTS",
        "INFO",
        "WARNING",
        "ERROR",
        "FATAL",
        "SEVERE",
    }
    assert all(entry.mpi_id is not None for entry in entries)
    assert all(0 <= weight <= 2 for entry in entries for weight in entry.weights)
    assert any(entry.weights for entry in entries)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "job.difxlog"
    with LogWriter(path) as log:
        log.status(WHEN, 0, "head", "Starting", "Version 2.9.0")
        log.alert(WHEN, 2, "n2", 3, "No more data")
        log.alert(WHEN, 2, "n2", 6, "too much detail")
    with LogWriter(path) as log:
        log.status(WHEN, 0, "head", "Running", "", [0.5, None])
    assert [(entry.kind, entry.text) for entry in read_difxlog_lines(path)] == [
        ("STATUS", "Starting  Version 2.9.0"),
        ("WARNING", "No more data"),
        ("STATUS", "Running  "),
        ("WEIGHTS", "0.50 -1.00"),
    ]


def test_last_status_is_what_guiserver_reports() -> None:
    lines = [*status_lines(WHEN, 0, "head", "Running", "", [1.0]), *status_lines(WHEN, 0, "head", "Done", "")]
    text = "\n".join([*lines, alert_line(WHEN, 0, "head", "INFO", "a STATUS Failed  line")]) + "\n"
    assert last_status(text) == "Mon Mar  2 10:20:31 2015Done  "
    assert last_status("") is None
    assert last_status("nothing\n") is None
    long = last_status(status_lines(WHEN, 0, "head", "Running", "x" * 200)[0])
    assert long is not None
    assert len(long) == 99


def test_last_status_of_a_crashed_job() -> None:
    text = (REFERENCE / "mpifxcorr-output/eta_1/eta_1.difxlog").read_text()
    found = last_status(text)
    assert found is not None
    assert not found[24:].startswith("Done")
