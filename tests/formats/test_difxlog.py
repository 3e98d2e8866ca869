# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of a job: lines as guiServer writes them, and as the stand-alone logger does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.formats.difxlog import (
    LogEntry,
    LogWriter,
    alert_line,
    last_status,
    parse_line,
    parse_time,
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
            LogEntry("2024-12-29 07:30:21,418", 0, "difx-head", "INFO", "Vis. 0 to write out", "v252f_03"),
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


WHEN_TEXT = "Sun Dec 29 07:30:02 2024"


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        # ranks and hosts of any width, and of none
        (f"{WHEN_TEXT} 12345 n INFO  x", LogEntry(WHEN_TEXT, 12345, "n", "INFO", "x")),
        (f"{WHEN_TEXT}  -1 ctrl1 FATAL  ", LogEntry(WHEN_TEXT, -1, "ctrl1", "FATAL", "")),
        (f"{WHEN_TEXT} -1000 n INFO  x", LogEntry(WHEN_TEXT, -1000, "n", "INFO", "x")),
        (f"{WHEN_TEXT} 99999999999 n INFO  x", LogEntry(WHEN_TEXT, None, "n", "INFO", "x")),
        (f"{WHEN_TEXT}   0  INFO  no host", LogEntry(WHEN_TEXT, 0, "", "INFO", "no host")),
        (f"{WHEN_TEXT}   0   STATUS Done  ", LogEntry(WHEN_TEXT, 0, "", "STATUS", "Done  ")),
        (f"{WHEN_TEXT}   0 {'h' * 120} INFO  x", LogEntry(WHEN_TEXT, 0, "h" * 120, "INFO", "x")),
        # texts that look like keywords, tags and blanks
        (f"{WHEN_TEXT}   0 n INFO   two", LogEntry(WHEN_TEXT, 0, "n", "INFO", " two")),
        (f"{WHEN_TEXT}   0 n INFO  STATUS Done  ", LogEntry(WHEN_TEXT, 0, "n", "INFO", "STATUS Done  ")),
        (
            f"{WHEN_TEXT}   0 n DEBUG  {WHEN_TEXT}   0 n  STATUS Done  ",
            LogEntry(WHEN_TEXT, 0, "n", "DEBUG", f"{WHEN_TEXT}   0 n  STATUS Done  "),
        ),
        (f"{WHEN_TEXT}   0 n  STATUS Running  a  b", LogEntry(WHEN_TEXT, 0, "n", "STATUS", "Running  a  b")),
        (f"{WHEN_TEXT}   0 n INFORMATION  x", LogEntry(WHEN_TEXT, 0, "n", "", "INFORMATION  x")),
        (f"{WHEN_TEXT}   0 n  STATUSES x", LogEntry(WHEN_TEXT, 0, "n", "", " STATUSES x")),
        # cut anywhere
        (f"{WHEN_TEXT}   0 n  STAT", LogEntry(WHEN_TEXT, 0, "n", "", " STAT")),
        (f"{WHEN_TEXT}   0 n", LogEntry(WHEN_TEXT, 0, "n", "", "")),
        (f"{WHEN_TEXT}   0", LogEntry(WHEN_TEXT, 0, "", "", "")),
        (f"{WHEN_TEXT}  ", LogEntry(WHEN_TEXT, None, "", "", " ")),
        ("Sun Dec 29 07:30", LogEntry("", None, "", "", "Sun Dec 29 07:30")),
        # the log of another program: names of jobs are padded, texts are not
        (
            "2024-12-29 07:30:21,418 DiFXAlertv252f_03 VERBOSE MPI[12] node01    v252f_03     Vis. 0",
            LogEntry("2024-12-29 07:30:21,418", 12, "node01", "VERBOSE", "Vis. 0", "v252f_03"),
        ),
        (
            "2024-12-29 07:30:21,418 DiFXAlert WARNING MPI[-1] h a_name_of_31_characters_xxxxxx  two",
            LogEntry("2024-12-29 07:30:21,418", -1, "h", "WARNING", " two", "a_name_of_31_characters_xxxxxx"),
        ),
    ],
)
def test_every_quirk_of_the_grammar(line: str, entry: LogEntry) -> None:
    """difxmessage.md 10.2 and 10.3."""
    assert parse_line(line) == entry


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        (" 0.96-1.00 1.00", [0.96, -1, 1]),
        (" 0.9610.0010.00-1.00", [0.96, 10, 10, -1]),
        ("  0.962 -1.000  1.000", [0.962, -1, 1]),
        ("0.960000-1.0000001.000000", [0.96, -1, 1]),
        (" 1 0 -1", [1, 0, -1]),
        (" 9.60e-01 1.00e+00", [0.96, 1]),
        (" 0.96,1.00,", [0.96, 1]),
        ("", []),
        (" no number", []),
    ],
)
def test_weights_in_any_format_of_a_site(text: str, weights: list[float]) -> None:
    """difxmessage.md 10.2: DIFX_WEIGHTS_FORMAT, and no blank between numbers as wide as their field."""
    entry = parse_line(f"{WHEN_TEXT}   0 n  WEIGHTS{text}")
    assert entry.weights == pytest.approx(weights)


def test_weights_that_are_no_numbers() -> None:
    found = parse_line(f"{WHEN_TEXT}   0 n  WEIGHTS  0.96  nan -nan  inf").weights
    assert [repr(weight) for weight in found] == ["0.96", "nan", "nan", "inf"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu Mar 12 10:20:32 2015", datetime(2015, 3, 12, 10, 20, 32)),
        ("Sun Dec  1 07:30:04 2024", datetime(2024, 12, 1, 7, 30, 4)),
        ("2024-12-29 07:30:21,418", datetime(2024, 12, 29, 7, 30, 21, 418000)),
        ("2024-12-29 07:30:21", datetime(2024, 12, 29, 7, 30, 21)),
        ("2024-12-29T07:30:21+01:00", None),
        ("Thu Feb 31 10:20:32 2015", None),
        ("Thu Okt 12 10:20:32 2015", None),
        ("Thu Mar 12 10:20:32 9999", None),
        ("Thu Mar 12 10:20", None),
        ("", None),
    ],
)
def test_times_are_english_and_without_zone(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


@given(st.text(max_size=80))
def test_any_line_gives_an_entry(text: str) -> None:
    for line in (text, f"{WHEN_TEXT}{text}", f"{WHEN_TEXT}   0 n{text}", f"{WHEN_TEXT}   0 n  WEIGHTS{text}"):
        entry = parse_line(line)
        assert isinstance(entry.weights, list)
        assert isinstance(entry.message, str)
        assert entry.time is None or entry.time.year < 2201


@given(
    st.integers(-99, 5000),
    st.text("abc.-0", min_size=1, max_size=9),
    st.text(st.characters(min_codepoint=32), max_size=40),
)
def test_written_lines_are_read_back(rank: int, host: str, text: str) -> None:
    found = parse_line(alert_line(WHEN, rank, host, "WARNING", text))
    assert (found.mpi_id, found.sender, found.kind) == (rank, host, "WARNING")
    assert found.text == text.replace("\r", "").replace("\n", " ")
