# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of sessions, made of records and of what was expected."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

import difxnb
from tests.sessions.made_records import FIRST, code, put


def expected(days: int) -> pd.DataFrame:
    starts = [(FIRST + dt.timedelta(days=day)).replace(tzinfo=None) for day in range(days)]
    return pd.DataFrame(
        {"session": [code(day).upper() for day in range(days)], "start": starts, "duration": 3600.0}
    )


def at(day: float) -> float:
    return (FIRST + dt.timedelta(days=day)).timestamp()


def test_two_missing_days_are_found(tmp_path: Path) -> None:
    for day in (0, 1, 3, 4, 6):
        put(tmp_path, day)
    table = difxnb.session_calendar(tmp_path, expected(8), now=lambda: at(6.5))
    assert list(table["session"]) == [code(day) for day in range(7)]
    assert list(table["state"]) == ["done", "done", "missing", "done", "done", "missing", "done"]
    assert table.attrs["not_due"] == 1
    done = table[table["state"] == "done"]
    assert (done["start"] == done["expected_start"]).all()
    assert (done["jobs"] == 1).all()
    assert set(done["stations"]) == {"Kk Wz"}
    assert set(done["missing"]) == {"Ny"}
    assert table["done"].notna().tolist() == [True, True, False, True, True, False, True]
    assert {str(table[name].dtype) for name in ("start", "expected_start", "done")} == {"datetime64[ns]"}


def test_what_runs_and_what_failed_is_told_apart(tmp_path: Path) -> None:
    put(tmp_path, 0, until="correlate")
    put(tmp_path, 1, fails="clocks")
    put(tmp_path, 2)
    table = difxnb.session_calendar(tmp_path)
    assert dict(zip(table["session"], table["state"], strict=True)) == {
        code(0): "running",
        code(1): "failed",
        code(2): "done",
    }


def test_a_session_that_failed_and_was_taken_up_again_is_not_failed(tmp_path: Path) -> None:
    record = put(tmp_path, 0, fails="correlate")
    record.begin("correlate", {})
    assert list(difxnb.session_calendar(tmp_path)["state"]) == ["running"]


def test_a_hook_that_failed_leaves_a_session_done(tmp_path: Path) -> None:
    record = put(tmp_path, 0)
    record.begin("hooks", {})
    record.fail("hooks", "nobody answers")
    assert list(difxnb.session_calendar(tmp_path)["state"]) == ["done"]


def test_a_session_that_is_not_over_is_not_missing(tmp_path: Path) -> None:
    table = difxnb.session_calendar(tmp_path, expected(1), now=lambda: at(0.01))
    assert table.empty
    assert table.attrs["not_due"] == 1
    assert len(difxnb.session_calendar(tmp_path, expected(1), now=lambda: at(0.05))) == 1


def test_expected_sessions_may_be_a_master_schedule(tmp_path: Path) -> None:
    put(tmp_path / "sessions", 0)
    master = tmp_path / "master2026-int.txt"
    master.write_text(
        "## Master file format version 2.0\n"
        f"|MADE UP|20261101|{code(0)}|305|07:30|1:00|KkWz -Ny|HERE|HERE||XX|HERE| |\n"
        f"|MADE UP|20261102|{code(1)}|306|07:30|1:00|KkWz|HERE|HERE||XX|HERE| |\n"
    )
    table = difxnb.session_calendar(tmp_path / "sessions", master, now=lambda: at(3))
    assert list(table["state"]) == ["done", "missing"]


def test_records_are_found_by_pattern_and_one_by_one(tmp_path: Path) -> None:
    for day in range(3):
        put(tmp_path, day)
    assert len(difxnb.session_calendar(str(tmp_path / "i2630*"))) == 3
    assert len(difxnb.session_calendar([tmp_path / code(0), tmp_path / code(2) / "record.jsonl"])) == 2
    assert len(difxnb.session_calendar([tmp_path, tmp_path])) == 3
    with pytest.raises(FileNotFoundError):
        difxnb.session_calendar(tmp_path / "absent")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    put(tmp_path, 0)
    broken = put(tmp_path, 1)
    broken.path.write_text('{"v": 9}\n')
    cut = put(tmp_path, 2)
    cut.path.write_bytes(cut.path.read_bytes()[:-5])
    table = difxnb.session_calendar(tmp_path)
    assert list(table["state"]) == ["done", "running"]
    assert len(table.attrs["notes"]) == 2
    assert "version 9" in table.attrs["notes"][0]


def test_a_table_without_starts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lacks start"):
        difxnb.session_calendar(tmp_path, pd.DataFrame({"session": ["a"]}))
    with pytest.raises(ValueError, match="no time"):
        difxnb.session_calendar(tmp_path, pd.DataFrame({"session": ["a"], "start": ["soon"]}))
