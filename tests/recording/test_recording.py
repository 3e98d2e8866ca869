# SPDX-License-Identifier: GPL-3.0-or-later
"""What was recorded is what was seen live, whatever happened to the file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import difxnb
from difxnb.errors import FileFormatError, OutputExists
from difxnb.formats.input import read_input
from difxnb.formats.journal import HEADER_BYTES, Kind, encode_header, encode_record, read_journal
from difxnb.formats.journal_content import encode_facts
from difxnb.recording import Recording, open_recording
from difxnb.wire.job import JobOutcome
from tests.recording.conftest import Live


def test_the_tables_are_those_of_the_session(recording: Recording, live: Live) -> None:
    pd.testing.assert_frame_equal(recording.messages.frame(), live.messages)
    assert len(live.messages) > 20
    pd.testing.assert_frame_equal(recording.messages.statistics("sender", now=0.0), live.senders)
    pd.testing.assert_frame_equal(recording.jobs._table.frame(0.0), live.jobs)
    pd.testing.assert_frame_equal(recording.jobs.events("demo_1"), live.job_events)
    xr.testing.assert_identical(recording.jobs.weights("demo_1"), live.weights)
    pd.testing.assert_frame_equal(recording.nodes.frame(0.0), live.nodes)
    pd.testing.assert_frame_equal(recording.recorders.frame(0.0), live.recorders)
    pd.testing.assert_frame_equal(recording.alerts.frame(), live.alerts)
    assert list(live.weights["antenna"].values) == ["AL", "BO", "CE"]


def test_the_monitor_is_that_of_the_session(recording: Recording, live: Live, tmp_path: Path) -> None:
    monitor = recording.monitors["demo_1"]
    xr.testing.assert_identical(monitor.dataset, live.dataset)
    xr.testing.assert_identical(monitor.latest(1), live.dataset.isel(time=[-1]))
    assert live.dataset.sizes["time"] == 2
    assert np.isfinite(monitor.dataset["UVW"]).any()
    for name in ("products", "available", "scans", "fringes"):
        pd.testing.assert_frame_equal(getattr(monitor, name), getattr(live, name))
    pd.testing.assert_frame_equal(monitor.events, live.monitor_events)
    assert monitor.quality()["fringes"].verdict == "go"
    assert (monitor.dropped, monitor.passed_over, monitor.failure) == (0, 0, "")
    saved = monitor.save(tmp_path / "v.nc")
    with xr.open_dataset(saved, engine="netcdf4", auto_complex=True) as again:
        np.testing.assert_array_equal(again["VISIBILITY"].values, live.dataset["VISIBILITY"].values)


def test_the_run_is_that_of_the_session(recording: Recording, live: Live) -> None:
    run = recording.runs["demo_1"]
    assert (run.outcome, run.outcome_evidence) == (JobOutcome.DONE, live.evidence)
    assert (run.state, run.progress, run.done) == ("Done", 1.0, True)
    pd.testing.assert_frame_equal(run.events, live.run_events)
    xr.testing.assert_identical(run.weights, live.weights)
    assert set(run.latest_weights) == {"AL", "BO", "CE"}
    assert run.monitor is recording.monitors["demo_1"]


def test_the_server_is_that_of_the_session(recording: Recording, live: Live) -> None:
    assert repr(recording.server) == repr(live.server)
    assert recording.server.environment.equals(live.server.environment)
    assert recording.server.is_embedded


def test_a_recording_tells_what_it_is(recording: Recording, live: Live) -> None:
    assert recording.is_complete
    assert recording.damage == []
    assert recording.start <= live.messages["time"].min() <= recording.stop
    assert recording.duration == recording.stop - recording.start
    assert list(recording.connections["event"]) == ["recording began", "recording ended"]
    assert f"{len(live.messages)} messages" in repr(recording)
    assert "96 spectra" in repr(recording)
    html = recording._repr_html_()
    assert "session.dxr" in html
    assert "96 spectra" in html
    assert "watched demo_1, run demo_1" in repr(recording)
    assert recording.path == live.path
    assert difxnb.open_recording is open_recording
    with pytest.raises(KeyError, match="demo_1"):
        recording.monitors["other"]


def test_ages_are_measured_against_the_end(recording: Recording) -> None:
    """A job that was heard of last year is not silent since last year."""
    assert recording.messages.statistics()["rate"].sum() > 0
    assert not recording.jobs.frame()["stalled"].any()


def test_what_is_cut_off_is_as_if_it_had_not_come_yet(live: Live, tmp_path: Path) -> None:
    """As after a crash: everything before is there, and the loss is told."""
    data = live.path.read_bytes()
    journal = read_journal(live.path)
    last = [r.offset for r in journal.records({Kind.BLOCK})][60]
    (tmp_path / "cut").write_bytes(data[: last + 30])
    cut = open_recording(tmp_path / "cut")
    assert [(one.begin, one.end) for one in cut.damage] == [(last, last + 30)]
    assert not cut.is_complete
    assert "not closed" in repr(cut)
    assert "30 bytes lost" in repr(cut)
    frame = cut.messages.frame()
    pd.testing.assert_frame_equal(frame, live.messages.iloc[: len(frame)])
    assert len(frame)
    dataset = cut.monitors["demo_1"].dataset
    there = np.isfinite(dataset["VISIBILITY"].values).all(axis=-1)
    assert there.sum() == 60
    whole = live.dataset.sel(time=dataset["time"])["VISIBILITY"].values
    np.testing.assert_array_equal(dataset["VISIBILITY"].values[there], whole[there])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(data=st.data())
def test_damage_costs_no_more_than_what_was_hit(live: Live, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(live.path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(HEADER_BYTES, len(content) - 1))
        noise = data.draw(st.binary(min_size=1, max_size=60))
        content[begin : begin + len(noise)] = noise[: len(content) - begin]
    path = tmp_path / "hit"
    path.write_bytes(content)
    found = open_recording(path)
    frame = found.messages.frame()
    assert set(frame["time"]) <= set(live.messages["time"])
    for monitor in found.monitors.values():
        assert len(monitor.events) <= len(live.monitor_events)
        if monitor.input is not None and monitor._filled()._series is not None:
            assert set(monitor.dataset["time"].values) <= set(live.dataset["time"].values)
    repr(found.runs)
    assert len(frame) + len(found.damage) >= len(live.messages) - 8 or found.damage


RECORDS = [
    (Kind.MONITOR, encode_facts(monitor=1, event="begin", job="j", input_file="/j.input", limit_bytes=-1)),
    (Kind.MONITOR, encode_facts(monitor=1, event="event", name=3, text=None)),
    (Kind.MONITOR, encode_facts(monitor="x", event="begin")),
    (Kind.CHOICE, encode_facts(monitor=1, numbers=[1], scan=0, scans=None, left_out=[])),
    (Kind.OFFER, encode_facts(monitor=1, scans=[], products=[[1, 2]])),
    (Kind.RUN, encode_facts(run=1, event="begin", job="j", input_file="/j.input", stall_after=-1)),
    (Kind.RUN, encode_facts(run=1, event="said", id=9999, text="")),
    (Kind.RUN, encode_facts(run=2, event="over", outcome="none", notes=[1])),
    (Kind.SERVER, encode_facts(version=None, environment=[])),
    (Kind.SELECTION, encode_facts(types=["no such type"])),
    (Kind.DROPPED, encode_facts(records="many")),
    (Kind.FILE, encode_facts(what="input", path="/j.input") + b"\nnot an input"),
    (Kind.NOTICE, b"\x63what"),
    (Kind.GAP, encode_facts(begin=None)),
    (Kind.BLOCK, b"\0\0\0\1"),
    (Kind.SESSION, b"[]"),
    (99, b"of a later version"),
]
ALWAYS_READ = {
    Kind.SERVER,
    Kind.SELECTION,
    Kind.DROPPED,
    Kind.FILE,
    Kind.NOTICE,
    Kind.GAP,
    Kind.SESSION,
    Kind.RUN,
}


@given(rows=st.lists(st.sampled_from(RECORDS), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_records_that_make_no_sense_are_told(tmp_path: Path, rows: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "odd"
    path.write_bytes(encode_header(1) + b"".join(encode_record(k, 1.0, p, 1) for k, p in rows))
    found = open_recording(path)
    assert len(found.messages) == 0
    repr(found)
    repr(found.monitors)
    repr(found.runs)
    for monitor in found.monitors.values():
        with pytest.raises(ValueError, match="use_input"):
            _ = monitor.dataset
    told_at_once = [kind for kind, _ in rows if kind in ALWAYS_READ]
    assert len(found.damage) >= len(told_at_once)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """And what to do is said."""
    (tmp_path / "empty").touch()
    with pytest.raises(FileFormatError, match=r"the file is empty.*record\(path\)"):
        open_recording(tmp_path / "empty")
    with pytest.raises(FileFormatError, match="a folder is no recording; tables of an export"):
        open_recording(tmp_path)
    (tmp_path / "later").write_bytes(encode_header(1)[:10] + b"\0\2" + encode_header(1)[12:])
    with pytest.raises(FileFormatError, match=r"version 2.*reads 1\. Update"):
        open_recording(tmp_path / "later")
    (tmp_path / "x").write_bytes(b"neither this nor that")
    with pytest.raises(FileFormatError, match="no recording"):
        open_recording(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        open_recording(tmp_path / "y")


def test_a_recording_without_the_input_can_be_given_it(live: Live, tmp_path: Path) -> None:
    journal = read_journal(live.path)
    path = tmp_path / "bare"
    with open(path, "wb") as file:
        file.write(encode_header(1))
        for record in journal.records(set(Kind) - {Kind.FILE}):
            file.write(encode_record(record.kind, record.time, record.payload, 1))
    monitor = open_recording(path).monitors["demo_1"]
    assert len(monitor.products) == 48
    assert monitor.dropped == 96
    with pytest.raises(ValueError, match="use_input"):
        _ = monitor.dataset
    monitor.use_input(live.root / "demo_1.input", live.root / "demo_1.im")
    got, expected = monitor.dataset, live.dataset
    xr.testing.assert_equal(got, expected)
    assert read_input(live.root / "demo_1.input").job_name == "demo_1"


def test_it_can_be_saved_as_another(recording: Recording, live: Live, tmp_path: Path) -> None:
    saved = recording.save_journal(tmp_path / "copy.dxr")
    again = open_recording(saved)
    pd.testing.assert_frame_equal(again.messages.frame(), live.messages)
    xr.testing.assert_identical(again.monitors["demo_1"].dataset, live.dataset)
    assert again.is_complete
    shutil.copy(saved, tmp_path / "other")
    with pytest.raises(OutputExists):
        recording.save_journal(tmp_path / "other")


def frames_of(recording: Recording) -> dict[str, pd.DataFrame]:
    """Every table that is there whatever was heard."""
    messages, recorders = recording.messages, recording.recorders
    kinds = ("alert", "status", "load", "diagnostic", "mark5status", "notice", "gap", "unparsed", "unknown")
    return {
        **{kind: messages.frame(type=kind, envelope=True) for kind in kinds},
        "messages": messages.frame(),
        "types": messages.statistics(),
        "senders": messages.statistics("sender"),
        "jobs": recording.jobs.frame(),
        "nodes": recording.nodes.frame(),
        "history": recording.nodes.history(),
        "alerts": recording.alerts.frame(None),
        "recorders": recorders.frame(),
        "modules": recorders.modules(),
        "connections": recording.connections,
    }


def test_types_of_columns_do_not_depend_on_what_came(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(encode_header(1))
    found, empty = frames_of(recording), frames_of(open_recording(tmp_path / "empty"))
    assert sum(len(frame) > 0 for frame in found.values()) > 8
    for name, frame in empty.items():
        assert len(frame) == 0, name
        assert frame.dtypes.to_dict() == found[name].dtypes.to_dict(), name
    counts, none = recording.messages.counts(), open_recording(tmp_path / "empty").messages.counts()
    assert (counts.dtype, counts.index.dtype) == (none.dtype, none.index.dtype)


def test_what_is_written_into_a_frame_stays_there(recording: Recording) -> None:
    """Frames share their values with the snapshot they came from, but nobody's changes."""
    before = {name: frame.copy(deep=True) for name, frame in frames_of(recording).items()}
    for frame in frames_of(recording).values():
        for place in range(frame.shape[1] if len(frame) else 0):
            frame.iat[0, place] = frame.iat[-1, place]
        frame["another"] = 1
    for name, frame in frames_of(recording).items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_very_long_recordings_keep_no_more_than_their_tables(
    live: Live, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above some number of messages all tables are filled at once, and nothing waits to be looked at."""
    expected = recording.jobs.frame()
    monkeypatch.setattr("difxnb.recording.played._MOST_KEPT", 10)
    long = open_recording(live.path)
    pd.testing.assert_frame_equal(long.jobs.frame(), expected)
    pd.testing.assert_frame_equal(long.messages.frame(), live.messages)
    assert long._session.tables._log == []
