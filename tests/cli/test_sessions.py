# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that were done, from a shell: the calendar, trends, and the record of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.in_process import difxnb_program as difxnb
from tests.sessions.made_records import code, put

MASTER = """\
## Master file format version 2.0
|MADE UP|20011101|{}|305|07:30|1:00|KkWz -Ny|HERE|HERE||XX|HERE| |
|MADE UP|20011102|{}|306|07:30|1:00|KkWz|HERE|HERE||XX|HERE| |
"""


def test_sessions_that_failed_or_are_missing_are_status_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    none = difxnb("sessions", "calendar")
    assert (none.status, "there are no sessions" in none.complaints) == (1, True)
    kept = tmp_path / "difxnb" / "sessions"
    put(kept, 0)
    usual = difxnb("sessions", "calendar")
    assert (usual.status, len(usual.lines)) == (0, 2)
    assert usual.lines[0].split()[:2] == ["session", "start"]
    put(kept, 2, fails="clocks")
    (answer,) = difxnb("sessions", "calendar", kept, "--json").objects
    assert [row["state"] for row in answer["rows"]] == ["done", "failed"]
    assert difxnb("sessions", "calendar", kept).status == 3
    master = tmp_path / "master26-int.txt"
    master.write_text(MASTER.format(code(0), code(1)))
    due = difxnb("sessions", "calendar", kept / code(0), "--expected", master)
    assert (due.status, " missing" in due.lines[1]) == (3, True)
    assert difxnb("sessions", "calendar", kept, "--expected", kept / "none").status == 1


def test_values_unlike_those_before_are_status_3(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for day in range(6):
        put(tmp_path, day)
    calm = difxnb("sessions", "trends", tmp_path)
    assert (calm.status, calm.lines[0]) == (0, "6 sessions, 0 values unlike those before them")
    (answer,) = difxnb("sessions", "trends", tmp_path, "--json", "--last", 3, "--of", "weight").objects
    assert {row["of"] for row in answer["rows"]} == {"weight"}
    assert len({row["session"] for row in answer["rows"]}) == 3
    assert len(difxnb("sessions", "trends", tmp_path, "--all").lines) > len(calm.lines)
    picture = tmp_path / "trends.svg"
    assert difxnb("sessions", "trends", tmp_path, "--picture", picture).status == 0
    assert "<svg" in picture.read_text()
    refused = difxnb("sessions", "trends", tmp_path, "--picture", picture)
    assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    assert difxnb("sessions", "trends", tmp_path, "--of", "colour").status == 2
    put(tmp_path, 6, delay=9e-6)
    odd = difxnb("sessions", "trends", tmp_path)
    assert (odd.status, f"{code(6)} clock of Kk" in odd.out) == (3, True)


def test_the_record_of_a_session_is_shown(tmp_path: Path) -> None:
    put(tmp_path, 0)
    (answer,) = difxnb("sessions", "show", tmp_path / code(0), "--json").objects
    (newest,) = difxnb("sessions", "show", tmp_path / code(0), "--last", "--json").objects
    assert len(answer["rows"]) > len(newest["rows"])
    assert {row["state"] for row in newest["rows"]} == {"done"}
    assert difxnb("sessions", "show", tmp_path / code(0)).lines[0].split() == [
        *("at", "step", "state", "seconds", "why"),
    ]
    put(tmp_path, 1, fails="clocks")
    assert difxnb("sessions", "show", tmp_path / code(1)).status == 3
    assert difxnb("sessions", "show", tmp_path / "none").status == 1
