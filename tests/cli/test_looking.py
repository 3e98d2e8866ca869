# SPDX-License-Identifier: GPL-3.0-or-later
"""What only looks: ``version``, ``status``, ``completion``, and the text that tables are printed as."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer

from difxnb.cli import app
from difxnb.cli.printed import cell, plain, print_rows
from tests.aio.test_status import LOG
from tests.cli.in_process import difxnb_program as difxnb
from tests.cli.programs import Program


def test_what_a_server_says_of_itself(served: Path) -> None:
    said = difxnb("version")
    assert said.status == 0
    assert said.lines[0].startswith("guiServer  difxnb-")
    assert "DIFX_BASE" not in said.out
    assert f"DIFX_BASE={served}" in difxnb("version", "--difx").out
    assert len(difxnb("version", "-e").lines) >= len(difxnb("version", "-d").lines) > len(said.lines)
    (facts,) = difxnb("version", "--json").objects
    assert facts["embedded"] is True
    assert facts["environment"]["DIFX_BASE"] == str(served)
    (label,) = (one["version"] for one in facts["difx_versions"] if one["in_use"])
    table = difxnb("version", "--versions").lines[-2:]
    assert table[0].split() == ["version", "setup", "in", "use"]
    assert table[1].split()[0] == label
    assert difxnb("version", "--use", label).status == 0
    assert "rungeneric" in difxnb("version", "--use", label).out
    wrong = difxnb("version", "--use", label.upper())
    assert (wrong.status, "did you mean" in wrong.complaints) == (2, True)


@pytest.fixture
def jobs(served: Path) -> Path:
    for name, log in {"a_1": LOG, "a_2": None, "b_1": "nothing yet\n"}.items():
        (served / f"{name}.input").touch()
        if log is not None:
            (served / f"{name}.difxlog").write_text(log)
    return served


def test_states_of_jobs(jobs: Path) -> None:
    expected = [["job", "state"], ["a_1", "Done"], ["a_2", "never", "started"], ["b_1", "no", "state", "yet"]]
    for asked in ([jobs], ["-s", f"{jobs}/"], [f"{jobs}/*.input"]):
        assert [line.split() for line in difxnb("status", *asked).lines] == expected
    head, row = difxnb("status", "--long", jobs / "a_1.input").lines
    assert head.split() == ["job", "state", "time", "message", "input"]
    assert f"{jobs}/a_1.input" in row
    (answer,) = difxnb("status", "--json", f"{jobs}/a_*.input").objects
    assert [(one["job"], one["state"], one["log"]) for one in answer["rows"]] == [
        ("a_1", "Done", "status"),
        ("a_2", None, "no_log"),
    ]
    logged = datetime(2015, 3, 12, 10, 20, 59) - timedelta(seconds=answer["attrs"]["utc_offset"])
    assert answer["rows"][0]["time"] == f"{logged.isoformat()}Z"


def test_all_lines_of_the_logs(jobs: Path) -> None:
    (answer,) = difxnb("status", "--history", "--json", jobs).objects
    assert [row["state"] for row in answer["rows"] if row["state"]] == ["Starting", "Running", "Done"]
    assert "logged" not in answer["rows"][0]
    assert answer["attrs"]["without_log"] == [f"{jobs}/a_2.input"]
    assert "mpifxcorr version 2.9.0" in difxnb("status", "--history", jobs).out


def test_no_job_at_all_is_status_3(jobs: Path) -> None:
    for options in ([], ["--json"], ["--history"]):
        done = difxnb("status", *options, f"{jobs}/c*.input")
        assert (done.status, "no job" in done.complaints) == (3, True)
    assert difxnb("status", "relative").status == 2
    assert difxnb("status", "-s", "-l", jobs).status == 2


def test_states_are_asked_for_again_and_again(jobs: Path) -> None:
    with Program("status", "-r", "0.1", jobs, fresh=True) as program:
        program.until(lambda said: said.count("UTC") > 2)
        assert program.interrupt() == (130, "")
    assert program.said.count("a_1  Done") > 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = difxnb("completion", shell)
    assert (done.status, "_DIFXNB_COMPLETE" in done.out) == (0, True)
    assert difxnb("completion", "cmd").status == 2


def test_verbs_and_options_are_completed_by_the_program(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(difxnb("completion", "bash").out)
    program = tmp_path / "difxnb"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m difxnb "$@"\n')
    program.chmod(0o755)
    for words, expected in (("difxnb stat", ["status"]), ("difxnb ls --rec", ["--recursive"])):
        asked = (
            f"source {script}\nCOMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}\n"
            f"_difxnb_completion {program}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        )
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, timeout=60)
        assert done.stdout.split() == expected, done.stderr


def test_values_for_programs() -> None:
    east = timezone(timedelta(hours=3))
    assert plain({"a": float("nan"), 1: [np.float64(1.5), np.int64(2), np.bool_(True)]}) == {
        "a": None,
        "1": [1.5, 2, True],
    }
    assert plain(pd.Timestamp("2026-11-23 04:53:00.5")) == "2026-11-23T04:53:00.500000Z"
    assert plain(datetime(2026, 11, 23, 4, tzinfo=east)) == "2026-11-23T01:00:00Z"
    assert [plain(one) for one in (pd.NaT, pd.NA, None, np.nan, float("inf"))] == [None] * 5
    assert plain(np.datetime64("2026-11-23T04:53", "ns")) == "2026-11-23T04:53:00Z"
    assert plain(np.array(["2026-11-23"], "M8[D]")) == ["2026-11-23T00:00:00Z"]
    assert plain(np.timedelta64(90, "s")) == 90.0
    assert plain(pd.DataFrame({"a": [1]})) == {"rows": [{"a": 1}], "attrs": {}}
    assert plain(timedelta(minutes=1)) == plain(pd.Timedelta("60s")) == 60.0
    assert plain({"path": Path("/data"), "names": frozenset({"x"})}) == {"path": "/data", "names": ["x"]}


def test_values_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert [
        cell(one) for one in (None, pd.NaT, float("nan"), True, np.bool_(False), 0.1 + 0.2, ["a", 1])
    ] == [
        *("", "", "", "yes", "no", "0.3", "a, 1"),
    ]
    assert cell(datetime(2026, 11, 23, tzinfo=UTC)) == "2026-11-23 00:00:00"
    print_rows([("x\n", 1), ("long", 100)], ("name", "n"), right=("n",))
    print_rows([], ("name", "n"))
    assert capsys.readouterr().out.splitlines() == ["name    n", "x\\n     1", "long  100", "name  n"]


def verbs_of(group: Any, before: str = "") -> Iterator[str]:
    """All verbs of the program, those of its groups with the name of the group."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from verbs_of(one, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_help_of_every_verb_has_an_example() -> None:
    verbs = list(verbs_of(typer.main.get_command(app)))
    assert {"ls", "intensive", "queue add", "sessions calendar"} <= set(verbs)
    for verb in verbs:
        done = difxnb(*verb.split(), "--help")
        assert done.status == 0
        assert re.search(rf"(\n  | \| )difxnb {verb}[ \n]", done.out), verb
        lines = done.lines
        broken = [
            lines[number]
            for number, line in enumerate(lines[:-1])
            if line.startswith(f"  difxnb {verb} ") and lines[number + 1].strip()
        ]
        assert not broken, f"too long for a terminal: {broken}"


def test_help_is_quick() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "difxnb", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"difxnb.cli.files", "difxnb.cli.messages"} <= loaded
    assert not {"asyncio", "difxnb.client", "numpy", "pandas", "rich", "tqdm"} & loaded
