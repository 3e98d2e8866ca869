# SPDX-License-Identifier: GPL-3.0-or-later
"""Unattended sessions from a shell: done, left by Ctrl-C and taken up by the line that it says, failed, planned."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from difxnb.cli.session_look import SessionLook
from difxnb.sessions import read_record
from difxnb.synthetic import default_experiment, make_experiment
from tests.cli.in_process import difxnb_program as difxnb
from tests.cli.programs import Program

RECIPE = """\
name = "short night"
schedule = "{root}/{schedule}"
v2d = "{root}/demo.v2d"
directory = "{root}/{{session}}"
newest = 0
wait_s = {wait}
look_s = 0.05
on_missing = "{on_missing}"

[report]
html = false
"""


@pytest.fixture
def night(served: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stations and one short scan on a server; sessions are kept beside it."""
    experiment = default_experiment(
        n_stations=2, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    make_experiment(served, experiment=experiment, model="full")
    monkeypatch.setenv("XDG_STATE_HOME", str(served.parent / "state"))
    return served


def recipe(root: Path, schedule: str = "demo.vex", wait: float = 0.0, on_missing: str = "without") -> Path:
    file = root / "short.toml"
    file.write_text(RECIPE.format(root=root, schedule=schedule, wait=wait, on_missing=on_missing))
    return file


@pytest.mark.slow
def test_a_session_is_left_by_an_interrupt_and_the_line_that_it_says_ends_it(night: Path) -> None:
    with Program("intensive", recipe(night), "--session", "i26327") as program:
        program.until(lambda said: "search_correlate: waiting" in said)
        status, complaints = program.interrupt()
    assert (status, "Traceback" in complaints) == (130, False)
    assert "i26327: suspended in step " in program.said
    line = complaints.splitlines()[-1].split("'")[1]
    assert line == f"difxnb intensive {recipe(night)} --session i26327"
    done = difxnb(*shlex.split(line)[1:])
    assert done.status == 0, done
    kept = night.parent / "state" / "difxnb" / "sessions" / "i26327"
    assert done.lines[-3:] == [
        *("i26327: done", f"record: {kept}/record.jsonl", f"report: {kept}/i26327.ivs.txt"),
    ]
    assert any(
        text.endswith(" clocks: started") or " clocks: done (late against" in text for text in done.lines
    )
    began = read_record(kept).query("state == 'started'")["step"].tolist()
    assert began.count("schedule") == 1  # steps that were done stay so
    # Once more, there is nothing to do; programs get the end as an object.
    *_, last, end = difxnb(*shlex.split(line)[1:], "--json").objects
    assert {row["state"] for row in last["rows"]} == {"done"}
    assert end == {
        "session": "i26327",
        "state": "done",
        "step": "hooks",
        "why": "",
        "directory": str(kept),
        "report": f"{kept}/i26327.ivs.txt",
    }


def test_a_session_that_fails_is_status_3_and_says_where_and_how_to_go_on(night: Path) -> None:
    (night / "BO_No0001.vdif").unlink()
    stopped = recipe(night, on_missing="stop")
    failed = difxnb("intensive", stopped, "-s", "one", "-d", night.parent / "kept")
    assert failed.status == 3
    assert any(line.startswith("one: failed in step data: ") and "BO" in line for line in failed.lines)
    assert f"--session one --directory {night.parent}/kept' goes on" in failed.complaints
    (end,) = difxnb("intensive", stopped, "-s", "one", "-d", night.parent / "kept", "--json").objects[-1:]
    assert (end["state"], end["step"], end["report"]) == ("failed", "data", None)


def test_a_session_that_waits_is_one_process_at_a_time_and_ends_when_its_time_is_over(night: Path) -> None:
    later = recipe(night, "later.vex", wait=60)
    with Program("intensive", later, "-s", "one", "--json") as program:
        program.until(lambda _: any(one["state"] == "waiting" for one in program.objects))
        other = difxnb("intensive", later, "-s", "one")
        assert (other.status, "process" in other.complaints) == (1, True)
        assert program.interrupt()[0] == 130
    assert program.objects[-1]["state"] == "suspended"
    done = difxnb("intensive", later, "-s", "one", "--wait", "0.3")
    assert done.status == 3
    assert any("schedule: waiting" in line for line in done.lines)
    assert "suspended in step schedule" in done.lines[-2]
    assert "'difxnb intensive" in done.complaints


def test_a_plan_is_told_and_nothing_is_made(night: Path) -> None:
    before = sorted(night.iterdir())
    (plan,) = difxnb("intensive", recipe(night), "-s", "one", "--dry-run", "--json").objects
    assert [(row["step"], row["state"]) for row in plan["rows"]][:2] == [
        *(("schedule", "planned"), ("eop", "planned")),
    ]
    assert plan["done"] is False
    shown = difxnb("intensive", recipe(night), "-s", "one", "--dry-run")
    assert shown.lines[0].split() == ["step", "state", "why"]
    assert shown.lines[4].startswith("search_jobs ")
    none = difxnb("intensive", recipe(night, "none.vex"), "-s", "one", "--dry-run")
    assert (none.status, "failed" in none.lines[1]) == (3, True)
    assert sorted(night.iterdir()) == sorted([*before, night / "short.toml"])
    assert not (night.parent / "state").exists()


def test_what_is_wrong_with_a_recipe_is_told_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFX_CONTROL_PORT", "9")  # nobody is there
    good = recipe(tmp_path)
    checked = difxnb("intensive", good, "--check")
    assert (checked.status, checked.lines) == (0, ["note: old schedules are taken, too"])
    assert difxnb("intensive", good, "-s", "one").status == 1  # and no server answers
    bad = recipe(tmp_path, "{year}.vex")
    (problems,) = difxnb("intensive", bad, "--check", "--json").objects
    assert (problems["attrs"]["passed"], problems["rows"][0]["name"]) == (False, "{year}")
    assert difxnb("intensive", bad, "--check").status == 3
    assert difxnb("intensive", tmp_path / "none.toml").status == 1
    good.write_text("name = 3\n")
    done = difxnb("intensive", good)
    assert (done.status, done.complaints.count("\n")) == (1, 1)


def test_wrong_use_is_status_2(served: Path) -> None:
    assert difxnb("intensive").status == 2
    assert difxnb("intensive", recipe(served), "--wait", "-1").status == 2
    assert difxnb("intensive", recipe(served), "--session", "../x").status == 2
    assert difxnb("intensive", recipe(served, "{year}.vex")).status == 2


def test_a_look_fits_a_terminal_and_says_what_is_new_in_lines() -> None:
    rows = (
        {
            "step": "schedule",
            "state": "done",
            "since": None,
            "progress": 1.0,
            "why": "by \x1b[2J itself " * 9,
        },
        {"step": "correlate", "state": "started", "since": None, "progress": 0.37, "why": ""},
        {"step": "hooks", "state": "planned", "since": None, "progress": 0.0, "why": ""},
    )
    look = SessionLook("i26327", "waiting", "correlate", "disk low", 0.5, rows, is_over=False)
    for columns in (40, 80):
        console = Console(file=io.StringIO(), width=columns, highlight=False)
        console.print(look.table(columns, 24))
        shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert max(map(len, shown)) <= columns
        assert len(shown) == 2 + len(rows)
        assert shown[-1].rstrip() == "i26327: waiting, disk low"
        assert "\x1b" not in "".join(shown)
    lines = look.lines()
    assert lines["correlate progress"] == "correlate: 30 %"
    assert (lines["session"], "hooks" in lines) == ("i26327: waiting, disk low", False)
