# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of jobs as tables, through ``difxnb.read_difxlog``: all runs, all writers, all kinds of damage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import difxnb
from difxnb.tables.difxlog import JobLog

REFERENCE = Path(__file__).parent / "reference"
LOGS = sorted(REFERENCE.rglob("*.difxlog"))

MIXED = """\
Sun Dec 29 07:30:02 2024  -1 ctrl1  STATUS Spawning  Spawning 12 processes
Sun Dec 29 07:30:05 2024   0 head INFO  STARTING mpifxcorr version 2.9.0
Sun Dec 29 07:30:05 2024   0 head  STATUS Starting  Version 2.9.0
2024-12-29 07:30:06,418 DiFXAlert VERBOSE MPI[ 0] head      v252f_03     Vis. 0 to write out time 0
Sun Dec 29 07:30:21 2024   0 head  STATUS Running\x20\x20
Sun Dec 29 07:30:21 2024   0 head  WEIGHTS 0.96-1.00 1.00
Sun Dec 29 07:30:22 2024   2 n1 WARNING  ds 3[[ 10]]gr\u00fcn
Transient event received: jobId=e_1 priority=8.250000 startMJD=60672.31270000 stopMJD=60672.31271157 \
destDir="/data/x" comment="S/N 8.2, "quoted""
what is this
Sun Dec 29 07:35:40 2024   0 head  STATUS Done\x20\x20
Sun Dec 29 08:00:00 2024   0 head  STATUS Starting  Version 2.9.1
Sun Dec 29 08:00:09 2024   0 head  STATUS Running\x20\x20
Sun Dec 29 08:00:09 2024   0 head  WEIGHTS 0.50 0.75 1.00
"""


@pytest.fixture
def log(tmp_path: Path) -> JobLog:
    path = tmp_path / "e_1.difxlog"
    path.write_text(MIXED)
    return difxnb.read_difxlog(path)


def test_lines_of_all_writers(log: JobLog) -> None:
    frame = log.frame()
    assert list(frame) == [
        "time",
        "type",
        "from",
        "job",
        "mpi_id",
        "severity",
        "state",
        "text",
        "run",
        "line",
    ]
    assert frame["type"].tolist() == [
        "status", "alert", "status", "alert", "status", "weights", "alert", "transient", "unreadable",
        "status", "status", "status", "weights",
    ]  # fmt: skip
    assert frame["time"].dtype == "datetime64[ns]"
    assert frame["time"][3] == pd.Timestamp("2024-12-29 07:30:06.418")
    assert frame["time"].isna().tolist() == [False] * 7 + [True] * 2 + [False] * 4
    assert frame["job"].tolist()[2:4] == ["e_1", "v252f_03"]
    assert frame["severity"].tolist()[3] == "VERBOSE"
    assert (frame["severity"] >= "WARNING").sum() == 1
    assert frame["text"].tolist()[6] == "ds 3\ngr\u00fcn"
    assert frame["text"].tolist()[0] == "Spawning 12 processes"
    assert frame["run"].tolist() == [1] * 10 + [2] * 3
    assert frame["line"].tolist() == list(range(1, 14))
    assert (len(log), log.unreadable, log.unfinished, log.state, log.job) == (13, 1, "", "Running", "e_1")
    assert "13 lines, 2 runs, Running, 1 unreadable" in repr(log)
    assert "<table" in log._repr_html_()


def test_runs(log: JobLog) -> None:
    assert log.runs[["run", "state", "is_over", "version", "lines"]].to_numpy().tolist() == [
        [1, "Done", True, "2.9.0", 10],
        [2, "Running", False, "2.9.1", 3],
    ]
    assert log.frame(run=-1)["line"].tolist() == [11, 12, 13]
    assert log.frame(run=1)["line"].tolist() == list(range(1, 11))
    with pytest.raises(IndexError, match="e_1 has 2 runs; there is no run 3"):
        log.frame(run=3)
    with pytest.raises(IndexError, match="no run 0"):
        log.frame(run=0)


def test_weights_are_those_of_the_latest_run(log: JobLog) -> None:
    assert log.weights()["weight"].tolist() == [0.5, 0.75, 1.0]
    first = log.weights(run=1)
    assert first["datastream"].tolist() == [0, 1, 2]
    assert np.isnan(first["weight"][1]), "what did not report is unknown, not zero"
    assert len(log.weights(run=None)) == 6


def test_times_become_utc_where_the_zone_is_known(log: JobLog) -> None:
    offset = timedelta(hours=1)
    assert log.frame(utc_offset=offset)["time"][0] == pd.Timestamp("2024-12-29 06:30:02")
    assert log.weights(utc_offset=offset)["time"][0] == pd.Timestamp("2024-12-29 07:00:09")
    assert log.frame(utc_offset=offset).attrs["utc_offset"] == pd.Timedelta("1h")
    assert log.frame().attrs["utc_offset"] is None


def test_transients(log: JobLog) -> None:
    (row,) = log.transients.to_dict("records")
    assert row == {
        "job": "e_1",
        "priority": 8.25,
        "start_mjd": 60672.3127,
        "stop_mjd": 60672.31271157,
        "directory": "/data/x",
        "comment": 'S/N 8.2, "quoted"',
        "line": 8,
    }


@pytest.mark.parametrize(
    ("tail", "kind", "state"),
    [
        ("Sun Dec 29 08:00:10 2024   0 head  STATUS Do", "unreadable", "Running"),
        ("Sun Dec 29 08:00:10 2024   0 head  STATUS Done  ", "status", "Done"),
        ("Sun Dec 29 08:00:10 2024   0 head  WEIGHTS 0.50 0.7", "unreadable", "Running"),
        ("Sun Dec 29 08:00:10 2024   0 head INFO  half a te", "alert", "Running"),
        ("Sun Dec 29 08:0", "unreadable", "Running"),
        ("Transient event received: jobId=e", "unreadable", "Running"),
    ],
)
def test_a_line_that_is_being_written_is_believed_as_far_as_it_can_be(
    tail: str, kind: str, state: str
) -> None:
    log = JobLog(MIXED + tail)
    assert log.unfinished == tail
    assert log.frame()["type"].tolist()[-1] == kind
    assert log.state == state
    assert len(log.weights()) == 3


def test_damage_of_disks_and_other_systems() -> None:
    data = MIXED.encode()
    damaged = data.replace(b"\n", b"\r\n").replace(
        b"Sun Dec 29 08:00:00", b"\0" * 500 + b"Sun Dec 29 08:00:00"
    )
    log = JobLog(damaged.replace("\u00fc".encode(), b"\xfc"))
    assert log.frame()["text"].tolist() == JobLog(data).frame()["text"].tolist()
    assert log.runs["state"].tolist() == ["Done", "Running"]


@pytest.mark.parametrize("data", [b"", b"\n", b"\0" * 100, b"\n\n\n"])
def test_logs_without_a_word(data: bytes) -> None:
    log = JobLog(data)
    assert (log.state, log.weights().empty, log.transients.empty) == ("", True, True)
    assert list(log.frame())[:3] == ["time", "type", "from"]
    assert log.frame(run=-1).shape[1] == 10
    assert isinstance(repr(log), str)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_logs_of_the_real_correlator(path: Path) -> None:
    log = difxnb.read_difxlog(path)
    assert log.unreadable == 0
    assert log.runs[["run", "version"]].to_numpy().tolist() == [[1, "2.9"]]
    assert log.state == ("Running" if path.stem == "eta_1" else "Done")
    assert log.weights()["weight"].between(0, 1.1).all()
    assert log.frame()["severity"].notna().sum() > 40


def test_a_log_of_several_attempts_at_a_real_job() -> None:
    data = LOGS[0].read_bytes()
    log = JobLog(data * 3)
    assert log.runs["lines"].tolist() == [len(JobLog(data))] * 3
    assert log.weights().shape == JobLog(data).weights().shape


def test_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        difxnb.read_difxlog(tmp_path / "none.difxlog")


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.binary(max_size=5)), max_size=6))
def test_a_damaged_log_gives_every_line(damage: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(MIXED.encode())
    for place, removed, inserted in damage:
        place %= len(data) + 1
        data[place : place + removed] = inserted
    log = JobLog(bytes(data))
    frame = log.frame()
    assert len(frame) == len(log) >= bytes(data).count(b"\n")
    assert frame["run"].is_monotonic_increasing
    assert len(log.weights(run=None)) >= 0
    assert len(log.runs) == frame["run"].nunique()
