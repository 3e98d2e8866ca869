# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of messages: their types for every kind of message, and that those grown are those made anew."""

from __future__ import annotations

import random
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from difxnb.tables import MessageTable
from difxnb.tables.traffic import COUNTED_TYPES, OTHER_TYPES, Traffic
from difxnb.wire import message as m
from difxnb.wire.events import Gap, Notice, NoticeSeverity
from difxnb.wire.message import Header, Message, Unparsed
from difxnb.wire.message_types import CATALOGUE

T0 = 1_704_110_400.0  # 2024-01-01T12:00:00
KINDS = {"time": "datetime64[ns]", "mpi_id": "Int64", "severity": "category"}


def message(body: object, *, kind: str = "", job: str = "e_1", source: str = "n1") -> Message:
    return Message(Header(source, (), 0, job, kind), body, 7, 500)


def expected(column: str, declared: dict[str, str]) -> str:
    if column.endswith("_time") or column in KINDS:
        return KINDS.get(column, "datetime64[ns]")
    kind = declared.get(column.removeprefix("body_"), "str").removesuffix(" | None")
    return {"int": "Int64", "float": "float64", "bool": "boolean"}.get(kind, "object")


def declared(cls: type) -> dict[str, str]:
    fields = {name: str(kind) for name, kind in cls.__annotations__.items()}
    board = fields.pop("daughter_board", None)
    parts = m.DaughterBoard.__annotations__ if board else {}
    return fields | {f"daughter_board_{name}": str(kind) for name, kind in parts.items()}


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.type)
@pytest.mark.parametrize("rows", [0, 2])
def test_every_type_has_columns_whose_types_do_not_depend_on_what_came(entry, rows: int) -> None:
    table = MessageTable()
    for _ in range(rows):
        table.add(message(entry.layout.cls()), T0)
    frame = table.frame(type=entry.type)
    fields = declared(entry.layout.cls)
    assert len(frame) == rows
    for name in fields:
        column = name if name in frame else f"body_{name}"
        assert name in ("text", "message", "state", "severity") or column in frame
    for column, dtype in frame.dtypes.items():
        assert str(dtype) == expected(column, fields), column
    missing = [column for column in frame if frame[column].dtype == object and rows]
    empty = [frame[column].iloc[0] for column in missing if column not in ("type", "from", "job")]
    assert all(value is None or value == () for value in empty), "missing texts are None, and nothing else"


def test_dates_are_times_as_well_and_what_is_no_date_is_missing() -> None:
    table = MessageTable()
    table.add(message(m.Status(None, "Running", "", 60310.5, 60310.25, None)), T0)
    table.add(message(m.Status(None, "Done", "")), T0 + 1)
    frame = table.frame(type="status")
    assert frame["visibility_time"].iloc[0] == pd.Timestamp("2024-01-01 12:00")
    assert frame["job_start_time"].iloc[0] == pd.Timestamp("2024-01-01 06:00")
    assert frame["visibility_mjd"].iloc[0] == 60310.5
    assert frame[["visibility_time", "job_stop_time"]].iloc[1].isna().all()
    table.add(message(m.Mark5Status(data_mjd=0.25)), T0)
    table.add(message(m.Mark5Status(data_mjd=60310.5)), T0)
    status = table.frame(type="mark5status")
    assert status["data_time"].isna().tolist() == [True, False], "a fraction of a day is no date"
    assert status["data_mjd"].tolist() == [0.25, 60310.5]
    table.add(message(m.Smart(mjd=60310.5)), T0)
    assert table.frame(type="smart")["read_time"].tolist() == [pd.Timestamp("2024-01-01 12:00")]


def test_gaps_begin_and_end_at_times() -> None:
    table = MessageTable()
    table.add(message(m.Info("before")), T0)
    table.add(Gap(T0 + 1, None, "the line was cut"), T0 + 1)
    frame = table.frame(type="gap")
    assert frame["begin"].tolist() == [pd.Timestamp("2024-01-01 12:00:01")]
    assert frame["end"].isna().all()
    assert len(table.frame()) == 2
    table.add(Gap(T0 + 1, T0 + 5, "the line was cut"), T0 + 5)
    frame = table.frame(type="gap")
    assert frame["end"].tolist() == [pd.Timestamp("2024-01-01 12:00:05")]
    assert str(frame["begin"].dtype) == str(frame["end"].dtype) == "datetime64[ns]"
    assert table.frame()["text"].tolist() == ["before", "the line was cut"], "a gap is one row"


def anything(rng: random.Random, number: int) -> object:
    return rng.choice(
        [
            message(
                m.Alert(None, f"alert {number}", rng.choice([None, 0, 3, 4])), job=rng.choice(["e_1", "e_2"])
            ),
            message(m.Status(None, "Running", "", 60310.0 + number, weights=((0, 1.0),)), source="n2"),
            message(m.Load(1.5, rng.choice([None, 100]), 50, 10, 20, 8)),
            message(m.Unknown((("a", "b"),)), kind=rng.choice(["DifxFutureMessage", "Difx2"])),
            Unparsed("<difx", "ill-formed XML", 5),
            Notice(NoticeSeverity.WARNING, f"notice {number}"),
        ]
    )


QUERIES = (
    {},
    {"type": "alert"},
    {"type": ["status", "load"]},
    {"type": "unknown"},
    {"type": ["alert", "notice"], "severity": "warning"},
    {"source": "n2"},
    {"job": "e_1", "since": T0 + 30},
    {"envelope": True},
    {"type": "unparsed", "envelope": True},
    {"type": "gap"},
)


@pytest.mark.parametrize("seed", range(6))
def test_grown_columns_are_those_made_anew(seed: int) -> None:
    rng = random.Random(seed)
    limits = {"limit": rng.choice([5, 40, 400]), "limit_bytes": rng.choice([20_000, 10**9])}
    looked_at, never = MessageTable(**limits), MessageTable(**limits)
    time = T0
    for step in range(30):
        for number in range(rng.choice([0, 1, 1, 20])):
            time += 1.0
            item = anything(rng, number)
            looked_at.add(item, time, lost=number, duplicate=number == 3)
            never.add(item, time, lost=number, duplicate=number == 3)
        if rng.random() < 0.3:
            for end in (None, time + 1):
                looked_at.add(Gap(time, end, f"cut {step}"), time)
                never.add(Gap(time, end, f"cut {step}"), time)
                if rng.random() < 0.5:
                    looked_at.frame(**rng.choice(QUERIES))
        for query in rng.sample(QUERIES, 2):
            looked_at.frame(**query)
    for query in QUERIES:
        pd.testing.assert_frame_equal(looked_at.frame(**query), never.frame(**query))
        assert looked_at.frame(**query).attrs == never.frame(**query).attrs


def test_a_snapshot_is_its_owners() -> None:
    table = MessageTable()
    for number in range(3):
        table.add(message(m.Alert(None, str(number), 4)), T0)
    mine = table.frame()
    mine.loc[:, "text"] = "changed"
    mine.loc[0, "job"] = "changed"
    table.add(message(m.Alert(None, "3", 4)), T0)
    assert table.frame()["text"].tolist() == ["0", "1", "2", "3"]
    assert set(table.frame()["job"]) == {"e_1"}
    assert len(mine) == 3


def test_looking_does_not_hold_up_who_adds() -> None:
    table = MessageTable(50_000)
    for number in range(50_000):
        table.add(message(m.Alert(None, str(number), 4)), T0)
    held = threading.Event()
    original = table._looking  # held by whoever makes columns

    def add() -> None:
        table.add(message(m.Alert(None, "while somebody looks", 4)), T0)
        held.set()

    with original:
        threading.Thread(target=add).start()
        assert held.wait(20)
    assert table.frame()["text"].iloc[-1] == "while somebody looks"


def test_rows_that_fell_out_do_not_live_on_in_columns() -> None:
    table = MessageTable(200)
    tracemalloc.start()
    for number in range(3000):
        table.add(Unparsed("x" * 20_000 + str(number), "not XML", 20_000), T0)
        if number % 50 == 0:
            table.frame(type="unparsed")
        if number == 1000:
            before = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 8_000_000
    assert table.dropped == 2800


def test_names_of_types_that_a_sender_makes_up_take_no_room() -> None:
    table, traffic = MessageTable(10), Traffic()
    for number in range(5000):
        item = message(m.Unknown(), kind=f"Type{number}")
        table.add(item, T0)
        traffic.add(item, T0)
    counts = table.counts()
    assert len(counts) == COUNTED_TYPES + 1
    assert counts[OTHER_TYPES] == 5000 - COUNTED_TYPES
    types = traffic.types(T0)
    assert len(types) == COUNTED_TYPES + 1
    assert types["messages"].sum() == 5000
    assert np.all(types.loc[types["type"] == OTHER_TYPES, "messages"] == 5000 - COUNTED_TYPES)
