# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw traffic of real servers, opened as recordings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.recording import Recording, open_recording
from difxnb.wire.control import Notice, Relayed
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import parse
from tests.monitor_lists import plain
from tests.recordings import events

TESTS = Path(__file__).parents[1]
WHOLE_JOB = TESTS / "wire" / "captures" / "25_start_monitor_relay.jsonl.gz"
REFERENCE = TESTS / "reference" / "guiserver-2.9"
CAPTURES = sorted([*REFERENCE.glob("*.jsonl*"), *(TESTS / "wire" / "captures").glob("*.jsonl*")])


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", CAPTURES, ids=name_of)
def test_every_capture_opens(path: Path) -> None:
    recording = open_recording(path)
    damage = (
        []
        if name_of(path) != "crash_negative_length"
        else ["line 6: packet 3 announces a negative length, -5"]
    )
    frame = recording.messages.frame()
    for monitor in recording.monitors.values():
        repr(monitor)
        assert len(monitor.scans) == len(monitor.scans.drop_duplicates())
    for run in recording.runs.values():
        assert run.outcome is not None
    assert [one.problem for one in recording.damage] == damage
    assert list(frame["time"]) == sorted(frame["time"])


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.jsonl*")), ids=name_of)
def test_everything_that_was_said_is_there(path: Path) -> None:
    """Against the decoder of the main connection, which knows nothing of recordings."""
    said = [event for event in events(name_of(path), "s2c") if isinstance(event, (Relayed, Notice))]
    table = open_recording(path).messages._table
    items = [row.item for row in table._rows]
    assert items == [parse(e.payload) if isinstance(e, Relayed) else e for e in said]


def test_captures_beside_the_checkout(shared: Path) -> None:
    paths = sorted((shared / "captures").glob("*.jsonl*"))
    assert len(paths) > 30
    for path in paths:
        recording = open_recording(path)
        assert len(recording.messages) >= 0
        assert recording.damage == []


@pytest.fixture(scope="module")
def whole_job() -> Recording:
    return open_recording(WHOLE_JOB, epoch="2020-04-09 07:00")


def test_a_whole_job_of_a_real_server(whole_job: Recording) -> None:
    assert whole_job.start.floor("s") == pd.Timestamp("2020-04-09 07:00")
    assert 19 < whole_job.duration.total_seconds() < 20
    jobs = whole_job.jobs.frame()
    assert jobs[["job", "state", "progress"]].values.tolist() == [["demo1", "Done", 1.0]]
    run = whole_job.runs["demo1"]
    assert run.outcome is JobOutcome.DONE
    assert "job_started" in set(run.events["event"])
    assert len(whole_job.jobs.weights("demo1")["time"]) > 10
    assert whole_job.server.difx_versions["version"].tolist()
    assert not whole_job.server.is_embedded
    assert set(whole_job.messages.counts().index) >= {"DifxStatusMessage", "DifxAlertMessage", "Notice"}


def test_the_monitor_of_a_real_server(whole_job: Recording) -> None:
    """Its data have a place when somebody says what the job's .input is; three products were asked for."""
    monitor = whole_job.monitors["demo1"]
    assert monitor.closed
    assert len(monitor.products) == 3
    assert (monitor.version, monitor.dropped) == (54, 54)
    with pytest.raises(ValueError, match="use_input"):
        _ = monitor.dataset
    inp = plain(bands=((2200.0, "U"), (2204.0, "U")), bandwidth=4.0, channels=128, int_time=1.0)
    inp.start_mjd, inp.start_seconds, inp.execute_time = 58948, 25200, 20
    for telescope, name in zip(inp.telescopes, ("A1", "A2", "A3"), strict=True):
        telescope.name = name
    monitor.use_input(inp)
    assert monitor.dropped == 0
    dataset = monitor.dataset
    seconds = (dataset["time"].values - np.datetime64("2020-04-09T07:00:00")) / np.timedelta64(1, "s")
    assert seconds.tolist() == [k + 0.5 for k in range(19) if k != 13]
    there = np.isfinite(dataset["VISIBILITY"].values).all(axis=-1)
    assert there.sum() == 54
    assert dataset["baseline"].values.tolist() == ["A1-A2", "A1-A3", "A2-A3"]


def test_a_capture_becomes_a_recording(whole_job: Recording, tmp_path: Path) -> None:
    again = open_recording(whole_job.save_journal(tmp_path / "kept.dxr"))
    pd.testing.assert_frame_equal(again.messages.frame(), whole_job.messages.frame())
    pd.testing.assert_frame_equal(again.runs["demo1"].events, whole_job.runs["demo1"].events)
    assert again.monitors["demo1"].version == 54
    assert again.is_complete


def test_a_capture_can_be_replayed(whole_job: Recording) -> None:
    with whole_job.replay(float("inf")) as replay:
        replay.wait(60)
        pd.testing.assert_frame_equal(replay.messages.frame(), whole_job.messages.frame())


def test_refused_starts_are_runs(tmp_path: Path) -> None:
    runs = open_recording(REFERENCE / "start_refused.jsonl").runs
    assert list(runs) == ["job", "job:2", "job:3", "job:4"]
    assert {run.outcome for run in runs.values()} == {JobOutcome.REFUSED}
    back = open_recording(REFERENCE / "dialback_start_refused.jsonl").runs
    assert [run.outcome for run in back.values()] == [run.outcome for run in runs.values()]


def test_a_job_file_that_was_fetched_is_kept(tmp_path: Path) -> None:
    recording = open_recording(REFERENCE / "transfer_text.jsonl.gz")
    _ = recording.messages
    assert recording.damage == []


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n')
    with pytest.raises(FileFormatError, match="no capture"):
        open_recording(path)
    path.write_bytes(gzip.compress(b"\0\1\2"))
    with pytest.raises(FileFormatError, match="no capture"):
        open_recording(path)


LINES = gzip.decompress((REFERENCE / "relay_selection_kinds.jsonl.gz").read_bytes()).splitlines(keepends=True)


def test_a_packed_file_that_breaks_off(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(LINES))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    recording = open_recording(path)
    assert len(recording.messages) < 10
    assert "damaged" in recording.damage[0].problem


ODD = [
    b"\n",
    b"{}\n",
    b"[" * 100_000 + b"\n",
    json.dumps({"t": 1e300, "conn": 1, "dir": "s2c", "hex": ""}).encode() + b"\n",
    json.dumps({"t": 1, "conn": 1, "dir": "s2c", "hex": "zz"}).encode() + b"\n",
    json.dumps({"t": 1, "conn": 1, "dir": "c2s", "hex": "0000000e00000004000003e8"}).encode() + b"\n",
    json.dumps({"t": 1, "conn": 7, "dir": "s2c", "hex": "00000064"}).encode() + b"\n",
    json.dumps({"t": 1, "conn": 1, "dir": "s2c", "hex": "0000001600000008000003e8ffffffff"}).encode() + b"\n",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(lines=st.lists(st.sampled_from([*LINES[:40], *ODD]), max_size=30))
def test_lines_in_any_order(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b"".join([LINES[0], *lines]))
    recording = open_recording(path)
    assert len(recording.messages) <= len(lines) * 10
    repr(recording.monitors)
