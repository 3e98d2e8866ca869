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
from difxnb.client.job_verdict import last_attempt
from difxnb.errors import FileFormatError
from difxnb.tables.difxlog import JobLog

REFERENCE = Path(__file__).parent / "reference"
LOGS = sorted(REFERENCE.rglob("*.difxlog"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.difxlog"

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
    assert repr(log) == "<JobLog e_1: 13 lines, 2 runs, Running (unknown), 1 unreadable>"


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
    assert log.weights().values.tolist() == [[0.5, 0.75, 1.0]]
    assert log.weights()["antenna"].values.tolist() == ["datastream 0", "datastream 1", "datastream 2"]
    assert np.isnan(log.weights(run=1)[0, 1]), "what did not report is unknown, not zero"
    assert log.weights_table()["weight"].tolist() == [0.5, 0.75, 1.0]
    first = log.weights_table(run=1)
    assert first["datastream"].tolist() == [0, 1, 2]
    assert np.isnan(first["weight"][1])
    assert log.weights_table(run=None)["run"].tolist() == [1] * 3 + [2] * 3
    with pytest.raises(IndexError, match="no run 3"):
        log.weights(run=3)


def test_antennas_have_names_where_the_input_lies_beside_or_is_given(tmp_path: Path) -> None:
    log = difxnb.read_difxlog(ALPHA)
    weights = log.weights()
    assert weights["antenna"].values.tolist() == ["AA", "BB", "CC"]
    assert (weights.dims, weights.name, weights.attrs["units"]) == (("time", "antenna"), "WEIGHT", "1")
    np.testing.assert_allclose(weights[3:5], [[1, 1, 0.92], [1, 1, 0.6]])
    (tmp_path / "alpha_1.difxlog").write_bytes(ALPHA.read_bytes())
    alone = difxnb.read_difxlog(tmp_path / "alpha_1.difxlog")
    assert alone.weights()["antenna"].values.tolist() == [f"datastream {n}" for n in range(3)]
    for named in (ALPHA.with_suffix(".input"), difxnb.read_input(ALPHA.with_suffix(".input"))):
        assert alone.weights(input=named).identical(weights)
        assert difxnb.read_difxlog(alone.path, input=named).weights().identical(weights)


def test_weights_stand_at_their_integration_where_the_log_leaves_no_doubt() -> None:
    """Visibilities of the same job have the same times; where lines are missing or late there is none."""
    observed = difxnb.read_difxlog(ALPHA).weights()["observed"].values
    first = np.datetime64("2024-01-01T12:00:00.256", "ns")
    np.testing.assert_array_equal(observed, first + np.arange(8) * np.timedelta64(512, "ms"))
    lossy = JobLog(
        ALPHA.read_text().replace("Vis. 3 to write", "Vis. lost"),
        None,
        difxnb.read_input(ALPHA.with_suffix(".input")),
    )
    assert np.isnat(lossy.weights()["observed"].values).all()
    assert np.isnat(JobLog(ALPHA.read_bytes()).weights()["observed"].values).all()


def test_datastreams_of_one_antenna_are_averaged() -> None:
    job = REFERENCE / "raw-jobs/lsb1bit/lsb1bit"
    inp = difxnb.read_input(job.with_suffix(".input"))
    inp.datastreams[1].telescope_index = inp.datastreams[0].telescope_index
    text = job.with_suffix(".difxlog").read_text().replace("WEIGHTS 1.00 1.00", "WEIGHTS 0.50 1.00", 1)
    text = text.replace("WEIGHTS 1.00 1.00", "WEIGHTS 0.50-1.00", 1)
    weights = JobLog(text, None, inp).weights()
    assert weights["antenna"].values.tolist() == [inp.telescopes[0].name]
    assert weights.values[:3, 0].tolist() == [0.75, 0.5, 1.0]


def test_times_become_utc_where_the_zone_is_known(log: JobLog) -> None:
    offset = timedelta(hours=1)
    assert log.frame(utc_offset=offset)["time"][0] == pd.Timestamp("2024-12-29 06:30:02")
    assert log.weights(utc_offset=offset)["time"].values[0] == np.datetime64("2024-12-29T07:00:09")
    assert log.weights_table(utc_offset=offset)["time"][0] == pd.Timestamp("2024-12-29 07:00:09")
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
    assert log.weights().shape == (1, 3)


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
    assert (log.state, log.weights().size, log.weights_table().empty, log.transients.empty) == (
        "",
        0,
        True,
        True,
    )
    assert (log.outcome, log.ended_well) == ("unknown", None)
    assert list(log.runs)[:3] == ["run", "state", "outcome"]
    assert log.alerts().empty
    assert isinstance(log._repr_html_(), str)
    assert list(log.frame())[:3] == ["time", "type", "from"]
    assert log.frame(run=-1).shape[1] == 10
    assert isinstance(repr(log), str)


# What the logs say, read by eye: the correlator's own wall time, the last integration it announced, INT TIME.
FACTS = {
    "alpha_1": ("done", True, 3.79759, 4.0, 8),
    "beta_1": ("done", True, 5.11168, 4.0, 8),
    "epsilon_1": ("done", True, 5.14909, 4.0, 8),
    "zeta_1": ("done", True, 2.54043, 4.0, 8),
    "eta_1": ("unknown", None, np.nan, 1.792, 7),
    "lsb1bit": ("done", True, 1.67032, 3.792, 10),
    "usb2bit": ("done", True, 1.64441, 1.0, 5),
}


def check_real_log(path: Path) -> None:
    log = difxnb.read_difxlog(path)
    outcome, well, wall_time, observed, integrations = FACTS[path.stem]
    assert log.unreadable == 0
    (run,) = log.runs.to_dict("records")
    assert (run["run"], run["version"], run["errors"], run["warnings"]) == (1, "2.9", 0, 0)
    assert (run["outcome"], log.outcome, log.ended_well) == (outcome, outcome, well)
    assert log.state == ("Running" if path.stem == "eta_1" else "Done")
    np.testing.assert_equal(run["wall_time"], wall_time)
    assert run["observed"] == pytest.approx(observed, abs=1e-9)
    assert run["integrations"] == integrations
    np.testing.assert_allclose(run["speed_up"], observed / wall_time)
    assert run["elapsed"] == (run["ended"] - run["begun"]).total_seconds()
    assert run["progress"] == (1.0 if well else 1.792 / 4)
    weights = log.weights()
    assert bool(((weights >= 0) & (weights <= 1.1)).all())
    assert weights["antenna"].values.tolist() == [telescope.name for telescope in log.input.telescopes]
    assert log.frame()["severity"].notna().sum() > 40
    # The rule by which a run that is watched is judged says the same.
    verdict = last_attempt(path.read_text()).verdict()
    assert (verdict.outcome if verdict else "unknown") == outcome


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_logs_of_the_real_correlator(path: Path) -> None:
    check_real_log(path)


def test_logs_of_the_real_correlator_beside_this_checkout(shared: Path) -> None:
    found = sorted(shared.glob("data/**/*.difxlog"))
    assert {path.stem for path in found} <= set(FACTS)
    for path in found:
        check_real_log(path)


def test_without_the_input_the_log_shows_how_long_an_integration_is() -> None:
    (run,) = JobLog(ALPHA.read_bytes()).runs.to_dict("records")
    assert run["observed"] == pytest.approx(4.096)
    assert run["progress"] == 1.0
    (lost,) = JobLog((REFERENCE / "mpifxcorr-output/eta_1/eta_1.difxlog").read_bytes()).runs.to_dict(
        "records"
    )
    assert lost["observed"] == pytest.approx(1.792)
    assert np.isnan(lost["progress"])


def run_of(*steps: str, second: int = 0) -> str:
    """Lines of a run, a second apart."""
    return "".join(
        f"Sun Dec 29 08:00:{second + k:02d} 2024   0 head {step}\n" for k, step in enumerate(steps)
    )


STARTED = ("INFO  STARTING mpifxcorr version 2.9.0", " STATUS Starting  Version 2.9.0", " STATUS Running  ")


@pytest.mark.parametrize(
    ("steps", "outcome", "well", "evidence"),
    [
        ((" STATUS Done  ",), "done", True, "log: Done"),
        (("ERROR  lost data", " STATUS Done  "), "done_with_errors", False, "log: Done, 1 errors"),
        ((" STATUS Terminating  ", " STATUS Terminated  "), "stopped", False, "log: Terminated"),
        ((" STATUS Crashed  ",), "failed", False, "log: Crashed"),
        ((" STATUS MpiDone  ",), "failed", False, "log: MPI ended after Running, and the job was not done"),
        ((" STATUS Done  ", " STATUS MpiDone  "), "done", True, "log: Done"),
        ((), "unknown", None, "log: the last state is Running, and nothing tells how it ended"),
        (("FATAL  Cannot open file", "INFO  MPI ID 0 says BYE!"), "unknown", None, "nothing tells"),
    ],
)
def test_how_runs_end(steps: tuple[str, ...], outcome: str, well: bool | None, evidence: str) -> None:
    log = JobLog(run_of(*STARTED, " STATUS Done  ") + run_of(*STARTED, *steps, second=20))
    assert log.runs["outcome"].tolist() == ["done", outcome]
    assert evidence in log.runs["evidence"][1]
    assert (log.outcome, log.ended_well) == (outcome, well)


def test_progress_and_speed_of_runs_that_are_not_done() -> None:
    written = [f"INFO  Vis. {k} to write out time {100 + 0.512 * k}" for k in range(4)]
    inp = difxnb.read_input(ALPHA.with_suffix(".input"))
    inp.execute_time = 1000.0
    log = JobLog(run_of(*STARTED) + run_of(*STARTED, *written, second=20), None, inp)
    first, second = log.runs.to_dict("records")
    assert (first["progress"], first["integrations"]) == (0.0, 0)
    assert np.isnan(first["observed"])
    assert second["observed"] == pytest.approx(4 * 0.512), "of a job that was restarted in the middle"
    assert second["progress"] == pytest.approx((100 + 4 * 0.512) / 1000)
    assert second["elapsed"] == 6
    assert second["speed_up"] == pytest.approx(4 * 0.512 / 6), (
        "the log itself is the clock where no wall time is told"
    )
    assert "10% reached" in repr(log)
    broken = JobLog(
        run_of(*STARTED, "INFO  Vis. 0 to write out time nan", "INFO  Total wallclock time was **x** seconds")
    )
    assert broken.runs["wall_time"].isna().all()
    assert broken.runs["integrations"].tolist() == [0]


def test_alerts_are_told_once_and_the_worst_come_first() -> None:
    steps = [
        "WARNING  Datastream 1 lost 3 frames",
        "INFO  fine",
        "WARNING  Datastream 1 lost 9 frames",
        "ERROR  <b>",
    ]
    log = JobLog(run_of("WARNING  of an earlier run", *STARTED) + run_of(*STARTED, *steps, second=20))
    alerts = log.alerts()
    assert alerts["severity"].tolist() == ["ERROR", "WARNING"]
    assert alerts["count"].tolist() == [1, 2]
    assert alerts["first"][1] == pd.Timestamp("2024-12-29 08:00:23")
    assert alerts["last"][1] == pd.Timestamp("2024-12-29 08:00:25")
    assert len(log.alerts(run=None)) == 3
    assert len(log.alerts(severity="error")) == 1
    assert log.runs[["errors", "warnings"]].to_numpy().tolist() == [[0, 1], [1, 2]]
    shown = log._repr_html_()
    assert shown.index("outcome") < shown.index("ERROR") < shown.index("WARNING")
    assert "&lt;b&gt;" in shown
    assert "1 errors, 2 warnings" in repr(log)


def test_a_damaged_input_beside_the_log_takes_only_the_names(tmp_path: Path) -> None:
    (tmp_path / "e_1.difxlog").write_text(MIXED)
    (tmp_path / "e_1.input").write_text("CALC FILENAME: none\n")
    log = difxnb.read_difxlog(tmp_path / "e_1.difxlog")
    assert log.input is None
    assert "e_1.input" in log.input_problem
    assert f"without .input: {log.input_problem}" in repr(log)
    assert log.weights()["antenna"].values[0] == "datastream 0"
    with pytest.raises(FileFormatError, match=r"e_1\.input"):
        difxnb.read_difxlog(tmp_path / "e_1.difxlog", input=tmp_path / "e_1.input")


def test_a_log_of_several_attempts_at_a_real_job() -> None:
    data = LOGS[0].read_bytes()
    log = JobLog(data * 3)
    assert log.runs["lines"].tolist() == [len(JobLog(data))] * 3
    assert log.weights().shape == JobLog(data).weights().shape
    assert log.runs["outcome"].nunique() == 1


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
    assert len(log.weights_table(run=None)) >= 0
    assert log.weights().dims == ("time", "antenna")
    assert len(log.runs) == frame["run"].nunique()
    assert set(log.runs["outcome"]) <= {"done", "done_with_errors", "failed", "stopped", "unknown", "refused"}
    assert isinstance(log._repr_html_() + repr(log), str)
