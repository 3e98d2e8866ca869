# SPDX-License-Identifier: GPL-3.0-or-later
"""Master schedules, of made-up sessions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.sessions import read_master
from difxnb.sessions.master import parse_master

SECOND = """## Master file format version 2.0                             2022.11.01

                      2026 MULTI-AGENCY INTENSIVES SCHEDULE
                       Last Updated - January 1, 2026
--------------------------------------------------------------------------------
   SESSION      DATE     SESSION    DOY TIME   DUR      STATIONS     SKED CORR  STATUS  DBC  SUBM DEL
     TYPE     yyyymmdd     CODE     ddd hh:mm  h:mm                            yyyymmdd CODE      days
--------------------------------------------------------------------------------
|MADE-UP-DAY |20261101|I26305      |305|07:30| 1:00|KkWz           |HERE|THERE|20261103|XU|HERE|   2|
|MADE-UP-DAY |20261102|I26306      |306|07:30| 1:30|KkWz -Ny       |HERE|THERE|        |XU|HERE|    |
|MADE-UP-DAY |20261103|I26307      |307|     |     |K2Ws           |HERE|THERE|        |XU|HERE|    |
--------------------------------------------------------------------------------
"""
FIRST = """## Master file format version 1.0           2001.08.21

                      2016 MULTI-AGENCY SCHEDULE
--------------------------------------------------------------------------------
   SESSION     SESSION  DATE   DOY TIME  DUR   STATIONS      SKED CORR  STATUS  PF  DBC  SUBM DEL MK4
    NAME        CODE    mmmdd  ddd hh:mm  hr                                        CODE          NUM
--------------------------------------------------------------------------------
|MADE-UP-A   |MA0001  |JAN04| 4|17:30|24|HtKkNy -Ur      |HERE|THERE|16JAN26|1.0|XA|HERE|  22|3100|
|MADE-UP-B   |MB0002  |FEB 5|36|18:00| 1|KkWz            |HERE|THERE|       |1.0|XU|HERE|    |    |
"""


def test_both_generations_give_the_same_columns(tmp_path: Path) -> None:
    second, first = tmp_path / "master2026-int.txt", tmp_path / "master16.txt"
    second.write_text(SECOND)
    first.write_text(FIRST)
    new, old = read_master(second), read_master(first)
    assert list(new.columns) == list(old.columns)
    assert list(new.columns)[:7] == ["session", "date", "doy", "start", "duration", "stations", "corr"]
    assert [new.attrs["version"], old.attrs["version"]] == ["2.0", "1.0"]
    assert (new.dtypes == old.dtypes).all()


def test_a_session_is_told_as_the_line_has_it() -> None:
    table = parse_master(SECOND)
    assert list(table["session"]) == ["i26305", "i26306", "i26307"]
    assert list(table["start"]) == [
        pd.Timestamp("2026-11-01 07:30"),
        pd.Timestamp("2026-11-02 07:30"),
        pd.NaT,
    ]
    assert list(table["duration"][:2]) == [3600.0, 5400.0]
    assert pd.isna(table["duration"][2])
    assert list(table["stations"]) == ["Kk Wz", "Kk Wz", "K2 Ws"]
    assert list(table["removed"]) == ["", "Ny", ""]
    assert list(table["doy"]) == [305, 306, 307]
    assert set(table["corr"]) == {"THERE"}


def test_the_year_of_old_schedules_stands_in_their_title() -> None:
    table = parse_master(FIRST)
    assert list(table["start"]) == [pd.Timestamp("2016-01-04 17:30"), pd.Timestamp("2016-02-05 18:00")]
    assert list(table["duration"]) == [86400.0, 3600.0]
    assert list(table["removed"]) == ["Ur", ""]
    with pytest.raises(FileFormatError, match=r"line 8.*which year"):
        parse_master(FIRST.replace("2016 MULTI-AGENCY SCHEDULE", ""))


def test_the_names_of_columns_tell_the_generation_where_no_version_does() -> None:
    for text, version in ((FIRST, "1.0"), (SECOND, "2.0")):
        assert parse_master(text.partition("\n")[2]).attrs["version"] == version


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("20261102", "20261302", "line 10.*no date"),
        ("|306|", "|307|", "line 10.*day 306 of its year"),
        (" 1:30", "long", "line 10.*no duration"),
        ("KkWz -Ny", "KkW", "line 10.*two letters"),
        ("|I26306      ", "|I 26306", "line 10.*no code"),
        ("|306|07:30", "|306|27:30", "line 10.*no time"),
        ("version 2.0", "version 3.0", "line 1.*version 3.0"),
        ("|MADE-UP-DAY |20261102|", "|", "line 10"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(old: str, new: str, problem: str) -> None:
    with pytest.raises(FileFormatError, match=problem):
        parse_master(SECOND.replace(old, new))


def test_what_is_no_master_schedule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no master schedule"):
        parse_master("|a|b|\n")
    with pytest.raises(FileNotFoundError):
        read_master(tmp_path / "absent")
    assert parse_master("## Master file format version 2.0\n").empty


@given(st.text(max_size=300))
def test_any_text_is_a_schedule_or_a_format_error(text: str) -> None:
    for whole in (text, "## Master file format version 2.0\n" + text, FIRST[:200] + text):
        try:
            table = parse_master(whole)
        except FileFormatError:
            continue
        assert len(table) <= whole.count("\n") + 1


FIELD = st.sampled_from(
    ["", "JAN04", "20260101", "1", "7:30", "24:59", "KkWz", "K", "0" * 30, "é", "-", "99999999"]
)


@given(st.lists(FIELD, min_size=0, max_size=16), st.sampled_from(["1.0", "2.0"]))
def test_any_fields_are_a_session_or_a_format_error(fields: list[str], version: str) -> None:
    line = f"## Master file format version {version}\n 2026 SCHEDULE\n|{'|'.join(fields)}|\n"
    try:
        table = parse_master(line)
    except FileFormatError as error:
        table, said = None, str(error)
    assert "line 3" in said if table is None else len(table) == 1
