# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a session: what is written is read again, whatever a crash left of the last line."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.sessions.record import RECORD, SessionRecord, fingerprint, read_record

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


class Clock:
    """Time that moves by a second each time somebody looks."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def record(tmp_path: Path) -> SessionRecord:
    return SessionRecord.open(tmp_path / "i26327", "i26327", now=Clock())


def test_a_step_is_a_line_before_and_a_line_after(record: SessionRecord) -> None:
    record.begin("clocks", {"reference": "Wz", "fringes": 24})
    record.end("clocks", {"stations": [{"antenna": "KK", "delay": 3.0e-06}]})
    frame = read_record(record.directory)
    assert list(frame["state"]) == ["started", "done"]
    assert list(frame.columns) == [
        *("v", "session", "step", "state", "at", "seconds", "why", "inputs", "outputs", "fingerprint")
    ]
    assert frame["outputs"][1] == {"stations": [{"antenna": "KK", "delay": 3.0e-06}]}
    assert frame["inputs"][1] == {"reference": "Wz", "fringes": 24}
    assert (
        frame["fingerprint"][0] == frame["fingerprint"][1] == fingerprint({"fringes": 24, "reference": "Wz"})
    )
    assert np.isnan(frame["seconds"][0])
    assert frame["seconds"][1] == 1.0
    assert frame["at"].dtype == "datetime64[ns]"
    assert frame.attrs["notes"] == ()


def test_a_line_has_the_layout_that_others_read(record: SessionRecord) -> None:
    record.begin("data", {})
    record.skip("data", "not arrived: Ny since 04:00", {"missing": [{"station": "Ny", "why": "not arrived"}]})
    found = [json.loads(line) for line in record.path.read_text().splitlines()]
    assert list(found[1]) == [
        *("v", "session", "step", "state", "at", "fingerprint"),
        *("inputs", "outputs", "why", "seconds", "host", "difxnb"),
    ]
    assert found[1]["v"] == 1
    assert found[1]["at"] == "2026-11-18T11:06:42.000Z"
    assert found[1]["state"] == "skipped"


def test_all_states_are_read_again_and_the_last_of_a_step_is_known(record: SessionRecord) -> None:
    record.begin("eop", {})
    record.wait("eop", "the table is 9 days old")
    record.begin("data", {})
    record.fail("eop", "no table")
    again = SessionRecord.open(record.directory, "i26327")
    last = again.last("eop")
    assert last is not None
    assert (last.state, last.why, last.seconds) == ("failed", "no table", 3.0)
    assert again.last("report") is None
    assert [line.state for line in again.lines] == ["started", "waiting", "started", "failed"]


def test_a_record_is_cut_anywhere_and_goes_on(record: SessionRecord) -> None:
    record.begin("jobs", {"v2d": "i26327.v2d"})
    record.end("jobs", {"jobs": ["a.input"]})
    whole = record.path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first + 1, len(whole) - 1):
        record.path.write_bytes(whole[:cut])
        frame = read_record(record.directory)
        assert list(frame["state"]) == ["started"]
        assert "line 2 is passed over: it is cut short" in frame.attrs["notes"][0]
    again = SessionRecord.open(record.directory, "i26327")
    assert again.notes
    again.end("jobs", {"jobs": ["a.input"]})
    frame = read_record(record.directory)
    assert list(frame["state"]) == ["started", "done"]
    assert len(frame.attrs["notes"]) == 1


def test_nothing_that_was_written_is_written_over(record: SessionRecord) -> None:
    record.begin("jobs", {})
    before = record.path.read_bytes()
    record.end("jobs", {})
    assert record.path.read_bytes().startswith(before)


def test_a_full_disk_leaves_no_half_of_a_line(record: SessionRecord) -> None:
    """The limit of the size of a file stands for the disk: what does not fit is not there at all."""
    import signal

    record.begin("jobs", {})
    before = record.path.read_bytes()
    old_limit, old_signal = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, old_limit[1]))
    try:
        with pytest.raises(OSError, match=r"record|large"):
            record.end("jobs", {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_signal)
    assert record.path.read_bytes() == before
    record.end("jobs", {})
    assert list(read_record(record.directory)["state"]) == ["started", "done"]


def test_values_of_numpy_and_pandas_become_plain_ones(record: SessionRecord) -> None:
    record.begin(
        "clocks",
        {
            "path": Path("a/b"),
            "number": np.float64(2.5),
            "counts": np.array([1, 2]),
            "when": pd.Timestamp("2026-11-23T04:00"),
            "then": np.datetime64("2026-11-23T04:00"),
            "never": pd.NaT,
            "unknown": float("nan"),
            "names": {"b", "a"},
        },
    )
    assert read_record(record.path)["inputs"][0] == {
        "path": "a/b",
        "number": 2.5,
        "counts": [1, 2],
        "when": "2026-11-23T04:00:00",
        "then": "2026-11-23T04:00",
        "never": None,
        "unknown": None,
        "names": ["a", "b"],
    }
    with pytest.raises(TypeError, match="not a object"):
        record.begin("clocks", {"what": object()})


@given(VALUES)
def test_what_is_recorded_is_read_again(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    record = SessionRecord.open(tmp_path_factory.mktemp("record"), "s")
    written = record.begin("step", {"value": value})
    found = read_record(record.path)
    assert found["inputs"][0] == written.inputs
    assert fingerprint(found["inputs"][0]) == found["fingerprint"][0]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_lines_or_a_format_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("record") / RECORD
    path.write_bytes(raw)
    try:
        frame = read_record(path)
    except FileFormatError:
        return
    assert len(frame) + len(frame.attrs["notes"]) <= raw.count(b"\n") + 1


@given(
    st.dictionaries(
        st.sampled_from(["v", "session", "step", "state", "at", "inputs", "outputs", "seconds", "why"]),
        VALUES,
    )
)
def test_any_object_is_a_line_or_passed_over(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("record") / RECORD
    path.write_text(json.dumps({"v": 1, "step": "a", "session": "s"} | found) + "\n")
    try:
        frame = read_record(path)
    except FileFormatError:
        return
    assert len(frame) + len(frame.attrs["notes"]) == 1


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    SessionRecord.open(tmp_path, "i26327").begin("schedule", {})
    with pytest.raises(ValueError, match="record of i26327, not of i26328"):
        SessionRecord.open(tmp_path, "i26328")
    with pytest.raises(ValueError, match="printable"):
        SessionRecord.open(tmp_path, "two\nlines")
    newer = tmp_path / "newer.jsonl"
    newer.write_text('{"v": 2}\n')
    with pytest.raises(FileFormatError, match="version 2"):
        read_record(newer)
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "absent")
    (tmp_path / "text").write_text("one\ntwo\n")
    with pytest.raises(FileFormatError, match="no line"):
        read_record(tmp_path / "text")
