# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of alerts: each trouble in one row, live and from logs, bounded, with antennas where they are known."""

from __future__ import annotations

import random
import re
import threading
from pathlib import Path

import pandas as pd
import pytest

from difxnb.formats.input import read_input
from difxnb.tables import AlertTable, MessageTable, gather_alerts
from difxnb.tables.difxlog import JobLog, read_difxlog
from difxnb.wire.control import Notice
from difxnb.wire.events import NoticeSeverity
from difxnb.wire.message import Alert, Header, Load, Message, Status, Unparsed

T0 = 1_704_110_400.0  # 2024-01-01T12:00:00
ALPHA = Path(__file__).parent / "reference" / "mpifxcorr-output" / "alpha_1"
NO_FILE = "Cannot open baseband data file bb.vdif"
NO_DATA = "Couldn't find any valid data - will be shutting down gracefully!!!"
COLUMNS = [
    "severity", "cause", "count", "first", "last", "job", "from", "antenna", "datastream", "file", "node", "senders",
    "rule", "text",
]  # fmt: skip


def alert(severity, text, *, job="alpha_1", source="n1", rank=2, sequence=None):
    return Message(Header(source, (), rank, job, ""), Alert(None, text, severity), sequence, 300)


def at(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(T0 + seconds, unit="s")


@pytest.fixture
def table():
    made = AlertTable()
    made.add(alert(4, "STARTING mpifxcorr version 2.9", rank=0), T0)
    made.add(alert(2, NO_FILE), T0 + 1)
    made.add(alert(1, NO_DATA), T0 + 2)
    made.add(alert(3, "The 3rd dish is full of snow"), T0 + 3)
    made.add(alert(3, "The 4th dish is full of snow"), T0 + 4)
    made.add(alert(3, "The 5 dishes are full of snow"), T0 + 5)
    made.add(alert(3, NO_DATA, job="beta_1", source="n7"), T0 + 6)
    return made


def test_each_trouble_is_one_row(table: AlertTable) -> None:
    frame = table.frame()
    assert list(frame) == COLUMNS
    assert frame["severity"].dtype == "category"
    assert frame["severity"].cat.ordered
    assert (frame["severity"] >= "WARNING").all()
    first = frame.iloc[0]
    assert first["cause"] == "no data from datastream 1: bb.vdif cannot be opened", (
        "the more telling text has the word"
    )
    assert (first["severity"], first["count"], first["job"], first["from"]) == ("SEVERE", 2, "alpha_1", "n1")
    assert (first["first"], first["last"]) == (at(1), at(2))
    assert (first["text"], first["rule"], first["file"]) == (NO_FILE, "file not found", "bb.vdif")
    assert frame["cause"].tolist()[1:] == [
        "no data from datastream 1",
        "The 5 dishes are full of snow",
        "The 4th dish is full of snow",
        "The 3rd dish is full of snow",
    ]
    assert frame["rule"].iloc[2] is None, "missing texts are None"
    assert frame.attrs["dropped"] == 0


def test_texts_that_differ_in_numbers_are_the_same() -> None:
    table = AlertTable()
    for number in range(50):
        table.add(
            alert(3, f"Dish {number} is {number / 3:.2f} % full of snow since {number}:30"), T0 + number
        )
    (row,) = table.frame().to_dict("records")
    assert (row["count"], row["first"], row["last"]) == (50, at(0), at(49))
    assert row["cause"] == row["text"] == "Dish 49 is 16.33 % full of snow since 49:30"


def test_antennas_have_names_when_the_input_file_is_known(table: AlertTable) -> None:
    version = table.version
    table.name_antennas("alpha_1", read_input(ALPHA / "alpha_1.input"))
    assert table.version > version
    frame = table.frame()
    assert frame["cause"].tolist()[:2] == [
        "no data from antenna BB: bb.vdif cannot be opened",
        "no data from datastream 1",
    ]
    assert frame["antenna"].tolist()[:2] == ["BB", None]
    assert frame["datastream"].tolist()[:2] == [1, 1]


def test_filters(table: AlertTable) -> None:
    everything = table.frame(None)
    assert everything["severity"].iloc[-1] == "INFO"
    assert everything["cause"].iloc[-1] == "mpifxcorr 2.9 has started"
    assert len(everything) == 6
    assert table.frame("severe")["severity"].tolist() == ["SEVERE"]
    assert table.frame(0).empty
    assert list(table.frame(0)) == COLUMNS
    assert table.frame(job="beta_1")["from"].tolist() == ["n7"]
    assert len(table.frame(since=T0 + 5)) == 2
    with pytest.raises(ValueError, match="no severity 'bad'"):
        table.frame("bad")
    with pytest.raises(TypeError, match="job is a name"):
        table.frame(job=3)
    with pytest.raises(ValueError, match="room"):
        AlertTable(0)


def test_snapshots_are_made_anew_only_when_something_came(table: AlertTable) -> None:
    first = table.frame()
    first["mine"] = 1
    first.loc[0, "cause"] = "changed"
    again = table.frame()
    assert "mine" not in again
    assert again["cause"].iloc[0] != "changed"
    assert again["count"].to_numpy().base is table.frame()["count"].to_numpy().base
    table.add(alert(1, NO_DATA), T0 + 9)
    assert table.frame()["count"].iloc[0] == 3


def test_what_comes_twice_counts_once() -> None:
    table = AlertTable()
    for sequence in (5, 5, 6, 0, 0, None, None):
        table.add(alert(3, "snow", sequence=sequence), T0)
    assert table.frame()["count"].tolist() == [6]
    assert table.duplicates == 1


def test_what_else_counts_as_an_alert() -> None:
    table = AlertTable()
    refused = "Error: input file /d/e_9.input not found"
    table.add(Message(Header("ctrl", (), -1, "e_9", ""), Status(None, "ABORTED", refused)), T0)
    table.add(Message(Header("ctrl", (), -1, "e_8", ""), Status(None, "Crashed", "")), T0 + 1)
    table.add(Message(Header("ctrl", (), -1, "e_7", ""), Status(None, "Done", "")), T0 + 2)
    table.add(Message(Header("n1", (), -1, "mk5daemon", ""), Load(1.0)), T0 + 3)
    table.add(Unparsed("<difx", "ill-formed", 5), T0)
    table.add(Notice(NoticeSeverity.ERROR, "Output file /d/e_6.difx exists.  Aborting correlation."), T0 + 4)
    table.add(Notice(NoticeSeverity.ERROR, "-" * 70), T0 + 5)
    table.add(Notice(NoticeSeverity.WARNING, "executing: mpirun -np 5"), T0 + 6)
    table.add(alert(None, "without a severity"), T0 + 7)
    frame = table.frame()
    assert frame["cause"].tolist() == [
        "/d/e_6.difx exists already",
        "Crashed",
        "the input file /d/e_9.input is not there",
    ]
    assert frame["job"].tolist() == ["e_6", "e_8", "e_9"]
    assert frame["from"].tolist() == ["guiServer", "ctrl", "ctrl"]
    assert (frame["severity"] == "ERROR").all()
    assert table.frame(None)["text"].tolist()[-1] == "without a severity"
    assert pd.isna(table.frame(None)["severity"].iloc[-1]), "a missing severity is no FATAL"


def test_programs_with_one_name_on_all_hosts_are_kept_apart() -> None:
    table = AlertTable()
    for host in ("n1", "n2", "n1"):
        text = "4321 kB of operating system swap memory in use.  This could lead to horrible performance!"
        table.add(alert(3, text, job="mk5daemon", source=host, rank=-1), T0)
    frame = table.frame()
    assert sorted(frame["cause"]) == [
        f"host {host} runs out of memory and swaps (4321 kB)" for host in ("n1", "n2")
    ]
    assert sorted(frame["count"]) == [1, 2]
    assert sorted(frame["node"]) == ["n1", "n2"]


def test_hostile_traffic_takes_no_room_and_progress_pushes_out_no_trouble() -> None:
    rng = random.Random(3)
    table = AlertTable(50, limit_progress=20)
    table.add(alert(2, NO_FILE), T0)
    for number in range(3000):
        word = "".join(rng.choices("abcdefgh", k=12))
        table.add(alert(rng.choice([4, 5, 6, None]), word, job=word, source=word), T0 + number)
    assert len(table) == 1
    assert table.frame()["rule"].tolist() == ["file not found"]
    for number in range(3000):
        word = "".join(rng.choices("abcdefgh", k=12))
        table.add(alert(3, word * 1000, job=word * 100, source=word * 100), T0 + number)
    assert len(table) == 50
    assert table.dropped == 2951 + 2980
    assert table.frame().attrs["dropped"] == table.dropped
    assert table.frame()["text"].str.len().max() <= 1023
    assert re.search("5931 dropped", repr(table))
    assert "&lt;" in (table.add(alert(0, "<script>"), T0 + 4000), table._repr_html_())[1]


def test_one_thread_adds_while_others_look() -> None:
    table = AlertTable(100)
    done = threading.Event()

    def feed() -> None:
        for number in range(3000):
            table.add(alert(3, f"dish {number}", job=f"job_{'abc'[number % 3]}"), T0 + number)
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    before = 0
    while not done.is_set():
        now = int(table.frame()["count"].sum())
        assert now >= before
        before = now
    thread.join()
    assert table.frame()["count"].tolist() == [1000, 1000, 1000]


# --- frames of messages and of logs ------------------------------------------------------------------------------


def test_a_frame_of_messages_gives_the_same_as_the_table() -> None:
    messages, alerts = MessageTable(), AlertTable()
    for number, text in enumerate([NO_FILE, NO_DATA, "snow 1", "snow 2"]):
        item = alert(number % 3, text)
        messages.add(item, T0 + number)
        alerts.add(item, T0 + number)
    messages.add(Message(Header("n1"), Load(1.0)), T0)
    pd.testing.assert_frame_equal(gather_alerts(messages.frame()), alerts.frame(), check_flags=False)
    assert gather_alerts(messages.frame(type="load")).empty
    assert list(gather_alerts(MessageTable().frame())) == COLUMNS


def test_a_log_gives_its_troubles() -> None:
    lines = [
        "Sun Dec 29 07:30:05 2024   0 head INFO  STARTING mpifxcorr version 2.9.0",
        f"Sun Dec 29 07:30:22 2024   2 n1 ERROR  {NO_FILE}",
        f"Sun Dec 29 07:30:23 2024   2 n1 SEVERE  {NO_DATA}",
        "Sun Dec 29 07:30:24 2024   0 head WARNING  Stale data was received from core 3 regarding scan 0, time 1 s",
        "Sun Dec 29 07:31:24 2024   0 head WARNING  Stale data was received from core 3 regarding scan 0, time 9 s",
        "Sun Dec 29 07:35:40 2024   0 head  STATUS Done  ",
    ]
    log = JobLog("\n".join(lines) + "\n", Path("alpha_1.difxlog"))
    frame = gather_alerts(log.frame(), read_input(ALPHA / "alpha_1.input"))
    assert frame["cause"].tolist() == [
        "no data from antenna BB: bb.vdif cannot be opened",
        "core 3 is too slow: its results come too late and are lost",
    ]
    assert frame["count"].tolist() == [2, 2]
    assert frame["first"].tolist() == [
        pd.Timestamp("2024-12-29 07:30:22"),
        pd.Timestamp("2024-12-29 07:30:24"),
    ]
    assert frame["last"].tolist() == [
        pd.Timestamp("2024-12-29 07:30:23"),
        pd.Timestamp("2024-12-29 07:31:24"),
    ]
    assert set(frame["job"]) == {"alpha_1"}
    named = gather_alerts(log.frame(), {"alpha_1": read_input(ALPHA / "alpha_1.input")})
    pd.testing.assert_frame_equal(frame, named)
    assert len(gather_alerts(log.frame(), severity=None)) == 3


def test_the_log_of_a_real_job_that_went_well_has_no_trouble() -> None:
    log = read_difxlog(ALPHA / "alpha_1.difxlog")
    assert gather_alerts(log.frame()).empty
    everything = gather_alerts(log.frame(), read_input(ALPHA / "alpha_1.input"), severity=None)
    written = everything.set_index("rule").loc["written"]
    assert written["count"] == 8
    assert everything["count"].sum() == sum(
        entry.kind in ("INFO", "WARNING", "ERROR") for entry in log.entries
    )
    assert "antenna AA reads aa.vdif" in set(everything["cause"])
