# SPDX-License-Identifier: GPL-3.0-or-later
"""Message and job tables: columns, filters, bounds, and the life of jobs as the network shows it."""

from __future__ import annotations

import gzip
import json
import re
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from difxnb.errors import OutputExists
from difxnb.tables import JobTable, MessageTable
from difxnb.wire.control import Notice
from difxnb.wire.events import NoticeSeverity
from difxnb.wire.message import (
    Alert,
    Diagnostic,
    DriveStats,
    Header,
    Info,
    Load,
    Mark6Status,
    Message,
    Status,
    Unknown,
    Unparsed,
    parse,
)

CAPTURES = Path(__file__).parent / "wire" / "captures"
T0 = 1_704_110_400.0  # 2024-01-01T12:00:00


def message(body, *, job="job_1", source="node1", mpi_id=0, sequence=None, kind=""):
    return Message(Header(source, (), mpi_id, job, kind), body, sequence, 500)


def running(
    progress, *, job="job_1", sequence=None, start=60310.5, stop=60310.6, weights=((0, 1.0), (1, 0.5))
):
    at = start + progress * (stop - start)
    status = Status("/data/job_1.input", "Running", "", at, start, stop, weights)
    return message(status, job=job, sequence=sequence)


def state(name, *, job="job_1", text="", sequence=None, mpi_id=0):
    return message(Status(None, name, text), job=job, sequence=sequence, mpi_id=mpi_id)


def alert(severity, text="text", **kwargs):
    return message(Alert("/data/job_1.input", text, severity), **kwargs)


@pytest.fixture
def table():
    made = MessageTable()
    made.add(alert(4, "hello"), T0)
    made.add(alert(3, "careful", job="job_2"), T0 + 1)
    made.add(alert(0, "broken", source="node2"), T0 + 2)
    made.add(running(0.5), T0 + 3)
    made.add(message(Load(1.5, 1000, 500, 10, 20, 8), job="mk5daemon", mpi_id=-1), T0 + 4)
    made.add(message(Load(2.5, None, 500, 10, 20, 8), job="mk5daemon", mpi_id=None), T0 + 5)
    made.add(Unparsed("<difx", "ill-formed XML", 5), T0 + 6)
    made.add(Notice(NoticeSeverity.WARNING, "no such directory"), T0 + 7)
    made.add(message(Unknown((("a", "b"),)), kind="DifxFutureMessage"), T0 + 8)
    return made


def test_frame_has_a_row_per_message(table):
    frame = table.frame()
    assert list(frame) == ["time", "type", "from", "job", "mpi_id", "severity", "state", "text"]
    assert frame["time"].dtype == "datetime64[ns]"
    assert frame["time"].iloc[0] == pd.Timestamp("2024-01-01 12:00:00")
    assert frame["type"].tolist() == [
        "DifxAlertMessage", "DifxAlertMessage", "DifxAlertMessage", "DifxStatusMessage", "DifxLoadMessage",
        "DifxLoadMessage", "Unparsed", "Notice", "DifxFutureMessage",
    ]  # fmt: skip
    assert frame["text"].iloc[6] == "<difx"
    assert frame["text"].iloc[7] == "no such directory"
    assert frame["severity"].iloc[7] == "WARNING"
    assert frame["severity"].isna().sum() == 5
    assert (frame["severity"] >= "WARNING").sum() == 3
    assert frame["mpi_id"].isna().sum() == 3
    assert frame["state"].iloc[3] == "Running"
    assert frame.attrs["dropped"] == 0


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"type": "alert"}, [0, 1, 2]),
        ({"type": "DifxAlertMessage"}, [0, 1, 2]),
        ({"type": "Alert", "job": "job_1"}, [0, 2]),
        ({"type": ["status", "notice"]}, [3, 7]),
        ({"type": "unparsed"}, [6]),
        ({"type": "future"}, [8]),
        ({"type": "DifxStart"}, []),
        ({"source": "node2"}, [2]),
        ({"severity": "warning"}, [1, 2, 7]),
        ({"severity": 0}, [2]),
        ({"since": T0 + 6.5}, [7, 8]),
        ({"since": "2024-01-01 12:00:08"}, [8]),
        ({"since": pd.Timestamp("2024-01-01 13:00:08", tz="Europe/Berlin")}, [8]),
        ({"job": "nobody"}, []),
    ],
)
def test_filters(table, query, rows):
    everything = table.frame()
    chosen = table.frame(**query)
    assert chosen["time"].tolist() == everything["time"].iloc[rows].tolist()
    assert list(chosen)[:8] == list(everything)


def test_types_bring_their_fields(table):
    loads = table.frame(type="load")
    assert loads["cpu_load"].tolist() == [1.5, 2.5]
    assert loads["total_memory"].dtype == "Int64"
    assert loads["total_memory"].isna().tolist() == [False, True]
    status = table.frame(type="status")
    assert status["visibility_mjd"].iloc[0] == pytest.approx(60310.55)
    assert status["weights"].iloc[0] == ((0, 1.0), (1, 0.5))
    assert table.frame(type="unparsed")["reason"].tolist() == ["ill-formed XML"]
    made = MessageTable()
    made.add(message(DriveStats(type="read", bins=(1,) * 8)), T0)
    assert made.frame(type="mark5drivestats")["body_type"].tolist() == ["read"]
    assert "cpu_load" in made.frame(type="load"), "columns must not depend on what came"


def test_unknown_names_are_refused(table):
    with pytest.raises(ValueError, match="no message type 'alrt'"):
        table.frame(type="alrt")
    with pytest.raises(ValueError, match="no severity 'bad'"):
        table.frame(severity="bad")
    with pytest.raises(ValueError, match="room"):
        MessageTable(0)


def test_old_rows_fall_out_and_are_counted():
    table = MessageTable(3)
    for k in range(10):
        table.add(alert(4, str(k)), T0 + k)
    assert table.dropped == 7
    assert len(table) == 3
    assert table.frame()["text"].tolist() == ["7", "8", "9"]
    assert table.frame().attrs["dropped"] == 7
    assert table.counts().to_dict() == {"DifxAlertMessage": 10}
    heavy = MessageTable(1000, limit_bytes=100_000)
    for _ in range(10):
        heavy.add(Unparsed("x" * 60_000, "not XML", 60_000), T0)
    assert (len(heavy), heavy.dropped) == (1, 9)


def test_frames_share_their_values_until_something_comes(table):
    first = table.frame(type="alert")
    again = table.frame(type="alert")
    assert np.shares_memory(first["time"].to_numpy(), again["time"].to_numpy())
    again["mine"] = 1
    assert "mine" not in table.frame(type="alert")
    version = table.version
    table.add(alert(4), T0 + 20)
    assert table.version > version
    assert len(table.frame(type="alert")) == len(first) + 1


def test_empty_tables_have_their_columns():
    frame = MessageTable().frame(type="status")
    assert len(frame) == 0
    assert "severity" in frame
    assert frame["time"].dtype == "datetime64[ns]"
    assert len(MessageTable().counts()) == 0
    jobs = JobTable().frame()
    assert len(jobs) == 0
    assert "progress" in jobs


def test_save_keeps_everything_and_never_overwrites(table, tmp_path):
    path = tmp_path / "messages.parquet"
    table.add(message(Mark6Status(msn=("A", None), state="Idle")), T0 + 9)
    table.save(path)
    back = pd.read_parquet(path)
    assert back["time"].dtype == "datetime64[ns]"
    pd.testing.assert_series_equal(back["time"], table.frame()["time"])
    fields = [json.loads(text) for text in back["fields"]]
    assert fields[3]["weights"] == [[0, 1.0], [1, 0.5]]
    assert fields[6]["reason"] == "ill-formed XML"
    assert fields[9] == {"msn": ["A", None], "group": [], "disks": [], "missing_disks": [], "state": "Idle"}
    content = path.read_bytes()
    with pytest.raises(OutputExists, match="Choose another name"):
        table.save(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_one_thread_adds_while_another_looks():
    table, jobs = MessageTable(500), JobTable()
    done = threading.Event()

    def feed():
        for k in range(5000):
            table.add(alert(4, str(k)), T0 + k)
            jobs.add(running(k / 5000), T0 + k)
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    looks = 0
    while not done.is_set() or looks < 3:
        numbers = table.frame(type="alert")["text"].astype(int).to_numpy()
        assert np.all(np.diff(numbers) == 1)
        jobs.frame(now=T0)
        looks += 1
    thread.join()
    assert table.dropped + len(table) == 5000
    assert table.version == 5000


def test_memory_is_flat():
    table, jobs = MessageTable(2000), JobTable(20, limit_weights=2000, limit_events=500)

    def feed(count):
        for k in range(count):
            item = running(k % 100 / 100, job=f"job_{k % 50}")
            table.add(item, T0 + k)
            jobs.add(item, T0 + k)

    feed(3000)
    tracemalloc.start()
    feed(3000)
    before = tracemalloc.get_traced_memory()[0]
    feed(10_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000
    assert len(jobs) == 20
    assert jobs.dropped > 0
    assert jobs.dropped_weights > 0


# --- jobs -------------------------------------------------------------------------------------------------


def life(*steps):
    jobs = JobTable()
    for k, item in enumerate(steps):
        jobs.add(item, T0 + 10 * k)
    return jobs


def only(jobs, now=T0):
    frame = jobs.frame(now)
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_job_from_start_to_end():
    jobs = JobTable()
    jobs.add(state("Spawning", text="Spawning 12 processes", mpi_id=-1), T0)
    jobs.add(state("Starting", text="Version 2.9.0"), T0 + 1)
    assert only(jobs)["state"] == "Starting"
    assert np.isnan(only(jobs)["progress"])
    jobs.add(running(0.1), T0 + 11)
    jobs.add(running(0.3), T0 + 31)
    row = only(jobs, T0 + 40)
    assert row["progress"] == pytest.approx(0.3)
    assert row["eta"] == pd.Timestamp(T0 + 101, unit="s")
    assert row["speed_up"] == pytest.approx(0.3 * 8640 / 30)
    assert row["started"] == pd.Timestamp(T0 + 1, unit="s")
    assert row["last_heard"] == pd.Timestamp(T0 + 31, unit="s")
    assert row["silence"] == pytest.approx(9.0)
    assert row["weight_mean"] == pytest.approx(0.75)
    assert row["weight_min"] == pytest.approx(0.5)
    assert abs(row["visibility_time"] - pd.Timestamp("2024-01-01 12:43:12")) < pd.Timedelta("10ms")
    assert row["input"] == "/data/job_1.input"
    jobs.add(state("Ending"), T0 + 100)
    assert only(jobs)["progress"] == pytest.approx(0.3)
    jobs.add(state("Done"), T0 + 101)
    jobs.add(state("MpiDone", mpi_id=-1), T0 + 103)
    row = only(jobs, T0 + 5000)
    assert (row["state"], row["progress"]) == ("Done", 1.0)
    assert row["finished"] == pd.Timestamp(T0 + 101, unit="s")
    assert pd.isna(row["eta"])
    assert np.isnan(row["silence"])
    assert not row["stalled"]
    assert row["speed_up"] == pytest.approx(8640 / 100)
    assert row["attempt"] == 1


@pytest.mark.parametrize(
    ("steps", "final", "progress", "attempt"),
    [
        ([state("Starting"), running(0.5), state("Terminating"), state("Terminated"), state("MpiDone")],
         "Terminated", 0.5, 1),
        ([state("Spawning"), state("ABORTED", text="output exists")], "ABORTED", None, 1),
        ([state("Starting"), running(0.5), state("MpiDone")], "MpiDone", 0.5, 1),
        ([state("Starting"), state("MpiDone"), state("Done")], "Done", 1.0, 1),
        ([state("Starting"), running(0.9), state("Done"), state("Starting")], "Starting", None, 2),
        ([state("Starting"), running(0.9), state("Starting"), running(0.1)], "Running", 0.1, 2),
        ([state("Starting"), running(0.9), state("Done"), running(0.1)], "Running", 0.1, 2),
        ([state("Info", text="Deleting"), state("Spawning"), state("Starting")], "Starting", None, 1),
        ([state("Starting"), running(0.5), state("Done", sequence=12), running(0.9, sequence=11)], "Done", 1.0, 1),
        ([state("Starting"), running(0.5), state("Done"), state("Ending")], "Done", 1.0, 1),
        ([state("Starting"), running(0.5), state("Sleeping")], "Sleeping", 0.5, 1),
        ([running(0.5), running(0.6)], "Running", 0.6, 1),
        ([running(1.2)], "Running", 1.0, 1),
        ([running(0.5, start=0.0, stop=0.0)], "Running", None, 1),
        ([running(0.5, stop=60310.5)], "Running", None, 1),
    ],
)  # fmt: skip
def test_states(steps, final, progress, attempt):
    row = only(life(*steps))
    assert (row["state"], row["attempt"]) == (final, attempt)
    assert row["progress"] == pytest.approx(np.nan if progress is None else progress, nan_ok=True)


def test_a_job_that_was_over_when_it_was_first_heard_of():
    jobs = JobTable()
    jobs.add(state("Done"), T0)
    row = only(jobs, T0 + 5000)
    assert (row["state"], row["progress"], row["attempt"], row["stalled"]) == ("Done", 1.0, 1, False)
    assert row[["started", "finished", "eta", "silence", "speed_up"]].isna().all()
    assert row["last_heard"] == pd.Timestamp(T0, unit="s")
    jobs.add(state("Done"), T0 + 10)
    assert only(jobs)["attempt"] == 1
    jobs.add(state("Starting"), T0 + 20)
    jobs.add(state("Done"), T0 + 30)
    row = only(jobs)
    assert row["attempt"] == 2
    assert row["started"] == pd.Timestamp(T0 + 20, unit="s")
    assert row["finished"] == pd.Timestamp(T0 + 30, unit="s")


def test_a_job_that_was_running_when_it_was_first_heard_of():
    jobs = JobTable()
    jobs.add(running(0.5), T0)
    row = only(jobs, T0 + 5)
    assert (row["state"], row["progress"], row["silence"]) == ("Running", pytest.approx(0.5), 5.0)
    assert row[["started", "finished", "eta", "speed_up"]].isna().all()
    jobs.add(running(0.6), T0 + 10)
    row = only(jobs, T0 + 10)
    assert row["speed_up"] == pytest.approx(0.1 * 8640 / 10), "the first half took nobody knows how long"
    assert row["eta"] == pd.Timestamp(T0 + 50, unit="s")
    jobs.add(state("Done"), T0 + 50)
    row = only(jobs)
    assert row["finished"] == pd.Timestamp(T0 + 50, unit="s")
    assert row["speed_up"] == pytest.approx(0.5 * 8640 / 50)


def test_a_running_job_that_falls_silent_is_stalled():
    jobs = life(state("Starting"), running(0.2))
    assert not only(jobs, T0 + 309)["stalled"]
    assert only(jobs, T0 + 311)["stalled"]
    jobs.add(alert(4, "still here"), T0 + 305)
    assert only(jobs, T0 + 311)["stalled"], "other messages are no progress"


def test_alerts_are_counted_and_make_jobs_only_when_mpifxcorr_sent_them():
    jobs = JobTable()
    jobs.add(message(Alert(None, "mk5daemon starting", 4), job="mk5daemon", mpi_id=-1), T0)
    jobs.add(message(Info("starting"), job="mk5daemon", mpi_id=-1), T0)
    jobs.add(message(Load(1.0), job="mk5daemon"), T0)
    jobs.add(Unparsed("x", "not XML", 1), T0)
    jobs.add(Notice(NoticeSeverity.ERROR, "x"), T0)
    assert len(jobs) == 0
    jobs.add(alert(3, "late data"), T0)
    assert only(jobs)["state"] == "unknown"
    for severity in (4, 5, 2, 0, None):
        jobs.add(alert(severity), T0 + 1)
    row = only(jobs)
    assert (row["alerts"], row["warnings"], row["errors"]) == (6, 1, 2)
    jobs.add(message(Diagnostic("BufferStatus"), job="job_9", mpi_id=2), T0)
    assert len(jobs) == 2
    events = jobs.events("job_1")
    assert events["text"].tolist() == ["late data", "text", "text"]
    assert events["severity"].tolist() == ["WARNING", "ERROR", "FATAL"]


def test_weights_are_those_of_the_last_run():
    jobs = life(state("Starting"), running(0.5), state("Done"), state("Starting"), running(0.1), running(0.2))
    weights = jobs.weights("job_1")
    assert list(weights) == ["time", "received", "datastream", "weight"]
    assert weights["datastream"].tolist() == [0, 1, 0, 1]
    assert weights["weight"].tolist() == [1.0, 0.5, 1.0, 0.5]
    assert weights["received"].iloc[0] == pd.Timestamp(T0 + 40, unit="s")
    assert jobs.events("job_1")["text"].tolist() == ["Starting", "Running", "Done", "Starting", "Running"]
    assert jobs.events("job_1")["attempt"].tolist() == [1, 1, 1, 2, 2]
    with pytest.raises(KeyError, match="job_7"):
        jobs.weights("job_7")


def test_the_job_heard_of_least_recently_falls_out():
    jobs = JobTable(2)
    jobs.add(state("Starting", job="a"), T0)
    jobs.add(state("Starting", job="b"), T0 + 1)
    jobs.add(state("Done", job="a"), T0 + 2)
    jobs.add(state("Starting", job="c"), T0 + 3)
    assert jobs.frame(T0)["job"].tolist() == ["a", "c"]
    assert jobs.dropped == 1


def test_conversation_with_a_real_server():
    """All messages that a real server relayed during a whole job."""
    stream = bytearray()
    with gzip.open(CAPTURES / "25_start_monitor_relay.jsonl.gz", "rt") as lines:
        for line in map(json.loads, lines):
            if line["conn"] == 1 and line["dir"] == "s2c":
                stream += bytes.fromhex(line.get("hex", ""))
    table, jobs = MessageTable(), JobTable()
    documents = re.findall(rb"<\?xml.*?</difxMessage>", bytes(stream), re.DOTALL)
    for k, document in enumerate(documents):
        table.add(parse(document), T0 + k)
        jobs.add(parse(document), T0 + k)
    assert len(table) == len(documents) > 400
    assert (table.frame()["type"] != "Unparsed").all()
    row = only(jobs, T0)
    assert (row["job"], row["state"], row["progress"]) == ("demo1", "Done", 1.0)
    assert 0.5 < row["weight_mean"] <= 1.01
    reports = table.frame(type="status")
    assert len(jobs.weights("demo1")) == sum(len(found) for found in reports["weights"])
