# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings from a shell: made, and looked into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.in_process import difxnb_program as difxnb
from tests.cli.programs import Program


def test_what_a_correlator_says_is_recorded_until_an_interrupt(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "night.difxrec"
    planned = difxnb("record", file, "--dry-run")
    assert (planned.status, planned.out.startswith("would record "), file.exists()) == (0, True, False)
    with Program("record", file) as program:
        program.until(lambda said: f"recording into {file}; Ctrl-C ends it\n" in said)
        assert program.interrupt() == (130, "")
    assert f"{file}: " in program.said
    again = difxnb("record", file, "--for", 0)
    assert (again.status, "night.difxrec" in again.complaints) == (1, True)


@pytest.mark.parametrize("table", ["messages", "jobs", "nodes", "recorders", "alerts", "connections"])
def test_tables_of_a_recording(served: Path, tmp_path: Path, table: str) -> None:
    file = tmp_path / "night.difxrec"
    (told,) = difxnb("record", file, "--for", 0, "--json").objects
    assert (told["path"], told["dropped"], told["done"]) == (str(file), 0, True)
    (answer,) = difxnb("recording", file, table, "--json").objects
    assert {"rows", "attrs", "start", "stop"} <= answer.keys()
    assert difxnb("recording", file, table).status == 0


def test_what_is_no_recording_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("nothing of the kind")
    for name in ("text", "none"):
        done = difxnb("recording", tmp_path / name)
        assert (done.status, done.complaints.count("\n")) == (1, 1), name
