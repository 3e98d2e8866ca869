# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of hosts: loads in SI units, processes of jobs, silence, and bounds."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from difxnb.tables import NodeTable
from difxnb.tables.node_places import Places
from difxnb.wire.events import Gap
from difxnb.wire.message import (
    Alert,
    Command,
    Diagnostic,
    Header,
    Info,
    Load,
    Mark5Status,
    Message,
    Status,
    parse,
)

T0 = 1_704_110_400.0  # 2024-01-01T12:00:00
COLUMNS = [
    "node", "load", "cores", "cpu", "memory_used", "memory_total", "memory", "network_in", "network_out", "processes",
    "jobs", "last_heard", "age", "silent", "name",
]  # fmt: skip
# An example of difxmessage.md 6.1.
DOCUMENT = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<difxMessage><header><from>node07</from>'
    b"<mpiProcessId>-1</mpiProcessId><identifier>mk5daemon</identifier><type>DifxLoadMessage</type></header><body>"
    b"<seqNumber>48213</seqNumber><difxLoad><cpuLoad>17.42</cpuLoad><totalMemory>263838464</totalMemory>"
    b"<usedMemory>41207312</usedMemory><netRXRate>812345670</netRXRate><netTXRate>9034112</netTXRate>"
    b"<nCore>40</nCore></difxLoad></body></difxMessage>"
)


def load(source="n1", *, sequence=None, **fields):
    values = {"cpu_load": 2.0, "total_memory": 1000, "used_memory": 250, "n_core": 4} | fields
    return Message(Header(source, (), -1, "mk5daemon", ""), Load(**values), sequence, 400)


def said(body, source="n1", *, job="e_1", rank=1, sequence=None):
    return Message(Header(source, (), rank, job, ""), body, sequence, 300)


def only(nodes: NodeTable, now: float = T0):
    (row,) = nodes.frame(now).to_dict("records")
    return row


def test_a_load_report_in_si_units() -> None:
    nodes = NodeTable()
    nodes.add(parse(DOCUMENT), T0)
    frame = nodes.frame(T0 + 3)
    assert list(frame) == COLUMNS
    row = frame.iloc[0]
    assert (row["node"], row["load"], row["cores"]) == ("node07", 17.42, 40)
    assert row["cpu"] == pytest.approx(17.42 / 40)
    assert (row["memory_used"], row["memory_total"]) == (41207312 * 1024, 263838464 * 1024)
    assert row["memory"] == pytest.approx(41207312 / 263838464)
    assert (row["network_in"], row["network_out"]) == (812345670.0, 9034112.0)
    assert (row["age"], row["silent"]) == (3.0, False)
    assert row["last_heard"] == pd.Timestamp("2024-01-01 12:00")
    assert [str(frame[name].dtype) for name in ("cores", "memory_used", "cpu")] == [
        "Int64",
        "Int64",
        "float64",
    ]


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"n_core": 0}, {"cores", "cpu"}),
        ({"n_core": None}, {"cores", "cpu"}),
        ({"total_memory": 0}, {"memory_total", "memory"}),
        ({"total_memory": -5}, {"memory_total", "memory"}),
        ({"used_memory": 2**62}, {"memory_used", "memory"}),
        ({"cpu_load": None}, {"load", "cpu"}),
        ({"net_rx_rate": None}, {"network_in"}),
    ],
)
def test_what_was_not_reported_is_missing_and_no_zero(fields: dict[str, object], missing: set[str]) -> None:
    nodes = NodeTable()
    nodes.add(load(net_tx_rate=5, **{"net_rx_rate": 3, **fields}), T0)
    row = nodes.frame(T0).iloc[0]
    assert {name for name in COLUMNS[1:9] if pd.isna(row[name])} == missing
    assert nodes.history().iloc[0].drop("time").isna().sum() == len(missing)


def test_empty_tables_have_their_columns() -> None:
    assert list(NodeTable().frame()) == COLUMNS
    assert str(NodeTable().frame()["cores"].dtype) == "Int64"
    assert list(NodeTable().history()) == ["time", *COLUMNS[:9]]


def test_one_host_has_one_row_whatever_it_calls_itself() -> None:
    nodes = NodeTable()
    nodes.add(load("Node07.corr.example"), T0)
    nodes.add(load("node07", cpu_load=3.0), T0 + 10)
    row = only(nodes)
    assert (row["node"], row["load"], row["name"]) == ("node07", 3.0, "Node07.corr.example")
    assert nodes.history("NODE07.corr.example")["load"].tolist() == [2.0, 3.0]


def test_only_hosts_have_rows() -> None:
    nodes = NodeTable()
    nodes.add(said(Status(None, "Spawning", "Spawning 3 processes"), "startdifx", rank=-1), T0)
    nodes.add(said(Command("GetVSN"), "gui-host", job="doi", rank=0), T0)
    nodes.add(said(Info("starting"), "n1", job="mk5daemon", rank=-1), T0)
    assert len(nodes) == 0
    nodes.add(said(Diagnostic("BufferStatus"), "n2", rank=1), T0)
    assert only(nodes)["node"] == "n2"
    assert pd.isna(only(nodes)["load"])


def test_processes_of_jobs() -> None:
    nodes = NodeTable()
    for rank, host in enumerate(["head", "n1", "n1", "n2"]):
        nodes.add(
            said(Alert("/d/e_1.input", f"MPI Process {rank} is running on host {host}", 4), host, rank=rank),
            T0,
        )
    nodes.add(said(Diagnostic("BufferStatus"), "n1", job="e_2", rank=1), T0)

    def now(moment: float = T0) -> dict[str, tuple[int, str | None]]:
        frame = nodes.frame(moment)
        return dict(zip(frame["node"], zip(frame["processes"], frame["jobs"], strict=True), strict=True))

    assert now() == {"head": (1, "e_1"), "n1": (3, "e_1, e_2"), "n2": (1, "e_1")}
    nodes.add(said(Alert(None, "MPI ID 2 says BYE!", 4), "n1", rank=2), T0 + 1)
    assert now()["n1"] == (2, "e_1, e_2")
    nodes.add(said(Status(None, "Done", ""), "head", rank=0), T0 + 2)
    assert now() == {"head": (0, None), "n1": (1, "e_2"), "n2": (0, None)}
    assert now(T0 + 299)["n1"] == (1, "e_2")
    assert now(T0 + 340)["n1"] == (0, None), "nothing says that a job crashed"


def test_silence_of_those_who_used_to_report() -> None:
    nodes = NodeTable()
    nodes.add(load("n1"), T0)
    nodes.add(said(Diagnostic("BufferStatus"), "n2"), T0)

    def silent(now: float) -> list[bool]:
        return nodes.frame(now)["silent"].tolist()

    assert silent(T0 + 59) == [False, False]
    assert silent(T0 + 61) == [True, False], "a host without mk5daemon has nothing to report"
    nodes.add(Gap(T0 + 40, None, "lost"), T0 + 40)
    assert silent(T0 + 61) == [False, False], "nobody is silent while we cannot hear"
    nodes.add(Gap(T0 + 40, T0 + 100, "lost"), T0 + 100)
    assert silent(T0 + 159) == [False, False]
    assert silent(T0 + 161) == [True, False]
    nodes.hearing.is_open = False
    assert silent(T0 + 161) == [False, False]


def test_what_is_told_again_is_no_sign_of_life() -> None:
    nodes = NodeTable()
    nodes.add(load(sequence=7), T0)
    nodes.add(load(sequence=7), T0 + 50)
    nodes.add(said(Mark5Status(state="Idle"), job="mk5daemon", rank=-1, sequence=3), T0 + 55)
    assert only(nodes, T0 + 61)["silent"]
    assert only(nodes, T0 + 61)["age"] == 61.0
    assert nodes.duplicates == 1
    nodes.add(load(sequence=8), T0 + 60)
    assert not only(nodes, T0 + 61)["silent"]
    nodes.add(said(Alert(None, "Bank B is active now.", 5), job="mk5daemon", rank=-1), T0 + 90)
    assert only(nodes, T0 + 91)["age"] == 1.0


def test_history_of_one_host_and_of_all() -> None:
    nodes = NodeTable(limit_history=6)
    for number in range(10):
        nodes.add(load(f"n{number % 2}", cpu_load=float(number)), T0 + number)
        if number % 3 == 0:
            nodes.history()
    history = nodes.history()
    assert history["load"].tolist() == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert history.attrs["dropped"] == nodes.dropped_history == 4
    assert history["time"].iloc[0] == pd.Timestamp(T0 + 4, unit="s")
    assert nodes.history("n1")["load"].tolist() == [5.0, 7.0, 9.0]
    with pytest.raises(KeyError, match="n7"):
        nodes.history("n7")
    with pytest.raises(ValueError, match="room"):
        NodeTable(0)


def test_snapshots_are_made_anew_only_when_something_came() -> None:
    nodes = NodeTable()
    nodes.add(load(), T0)
    first = nodes.frame(T0)
    first.loc[0, "node"] = "changed"
    again = nodes.frame(T0 + 1)
    assert again["node"].tolist() == ["n1"]
    assert np.shares_memory(again["load"].to_numpy(), nodes.frame(T0 + 2)["load"].to_numpy())
    assert nodes.frame(T0 + 9)["age"].tolist() == [9.0]


def test_millions_of_hosts_and_jobs_take_no_room() -> None:
    nodes = NodeTable(100, limit_history=500)

    def feed(begin: int, end: int) -> None:
        for number in range(begin, end):
            nodes.add(load(f"n{number}" + "x" * 1000), T0 + number)
            nodes.add(
                said(Diagnostic("BufferStatus"), f"m{number}", job=f"j{number}", rank=number), T0 + number
            )
            nodes.add(
                said(Alert(None, f"MPI ID {number} says BYE!", 4), f"m{number}", job=f"k{number}"),
                T0 + number,
            )

    feed(0, 1000)
    tracemalloc.start()
    feed(1000, 2000)
    before = tracemalloc.get_traced_memory()[0]
    feed(2000, 6000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 3_000_000
    assert len(nodes) == 100
    assert nodes.dropped == 11_900
    assert nodes.frame(T0).attrs["dropped"] == nodes.dropped
    assert "11900 dropped" in repr(nodes)


def test_processes_are_bounded_over_all_jobs() -> None:
    places = Places(limit=10)
    for number in range(25):
        places.add(said(Diagnostic("BufferStatus"), job=f"e_{number % 4}", rank=number), "n1", T0 + number)
    assert places.by_host(T0 + 25)["n1"].total() <= 10
    for rank in range(1000):
        places.add(said(Diagnostic("BufferStatus"), job="e_9", rank=rank), "n1", T0 + 30)
    assert sum(places.by_host(T0 + 30).get("n1", {}).values()) <= 10


def test_one_thread_adds_while_others_look() -> None:
    nodes = NodeTable(50, limit_history=300)
    done = threading.Event()

    def feed() -> None:
        for number in range(4000):
            nodes.add(load(f"n{number % 60}", cpu_load=float(number)), T0 + number)
        done.set()

    thread = threading.Thread(target=feed)
    thread.start()
    while not done.is_set():
        assert np.all(np.diff(nodes.history()["load"]) == 1)
        assert len(nodes.frame(T0)) <= 50
    thread.join()
    assert len(nodes.history()) == 300
    assert "<pre>" in nodes._repr_html_()
