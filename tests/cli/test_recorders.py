# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorders, what was recorded, and lists of recordings, from a shell."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from baseband.data import SAMPLE_VDIF

from tests.aio.test_coverage import V2D, VEX
from tests.cli.conftest import lead_to
from tests.cli.in_process import difxnb_program as difxnb
from tests.client.peers import own_server
from tests.notebook.far_end import FarEnd
from tests.server.recorder_rooms import bank


@pytest.fixture
def room(far: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a server that has recorders."""
    exp = (tmp_path / "root" / "exp").resolve()
    exp.mkdir(parents=True)
    (exp / "e.vex").write_text(VEX)
    lead_to(far.enter(own_server(exp.parent, recorders=bank())), monkeypatch)
    return exp


def test_modules_of_a_recorder_are_shown_and_copied(room: Path) -> None:
    (answer,) = difxnb("recorder", "show", "mark5fx01", "--json").objects
    assert [row["vsn"] for row in answer["rows"]] == ["NRAO+321", "MPI-0042"]
    assert difxnb("recorder", "show", "mark5fx01", "versions").status == 0
    assert difxnb("recorder", "show", "mark5fx01", "colours").status == 2
    (scans,) = difxnb("recorder", "directory", "mark5fx01", "NRAO+321", "--json").objects
    assert [row["duration"] for row in scans["rows"]] == [10.0, 20.0, 5.0]
    unread = difxnb("recorder", "directory", "mark5fx01", "MPI-0042")
    assert (unread.status, "--generate" in unread.complaints) == (1, True)
    assert difxnb("recorder", "directory", "mark5fx01", "MPI-0042", "--generate", "--dry-run").lines == [
        "would make the directory of MPI-0042"
    ]
    assert difxnb("recorder", "directory", "mark5fx01", "MPI-0042", "--generate").status == 0
    copying = ("recorder", "copy", "mark5fx01", "NRAO+321", "1-2", room / "raw")
    (room / "raw").mkdir()
    assert difxnb(*copying, "--dry-run").lines == [f"would copy scans 1-2 of NRAO+321 to {room}/raw"]
    assert list((room / "raw").iterdir()) == []
    assert len(difxnb(*copying, "--json").objects[0]["rows"]) == 2
    again = difxnb(*copying)
    assert (again.status, "--overwrite" in again.complaints) == (1, True)
    assert difxnb(*copying, "--overwrite").status == 0


def test_what_destroys_has_to_be_confirmed(room: Path) -> None:
    assert difxnb("recorder", "send", "mark5fx01", "getvsn").status == 0
    refused = difxnb("recorder", "send", "mark5fx01", "reboot")
    assert (refused.status, "--confirm" in refused.complaints) == (1, True)
    assert difxnb("recorder", "send", "mark5fx01", "reboot", "--confirm", "--dry-run").lines == [
        "would send reboot to mark5fx01"
    ]
    assert difxnb("recorder", "send", "a;b", "getvsn").status == 1


def test_what_of_a_schedule_was_recorded(room: Path) -> None:
    whole = difxnb("coverage", room / "e.vex", "Aa=mark5fx01:NRAO+321", "--slack", 1, "--json")
    states = [row["state"] for row in whole.objects[0]["rows"] if row["station"] == "Aa"]
    assert (whole.status, states) == (3, ["complete", "partly", "missing"])
    some = difxnb("coverage", room / "e.vex", f"Aa={room}/none,mark5fx01:NRAO+321")
    assert (some.status, f"Aa {room}/none: " in some.complaints) == (3, True)
    for wrong in ("Aa", "=x", "Zz=mark5fx01:NRAO+321"):
        assert difxnb("coverage", room / "e.vex", wrong).status == 2, wrong
    assert difxnb("coverage", room / "none.vex", "Aa=mark5fx01:NRAO+321").status == 1


def test_recordings_are_listed_for_a_v2d(room: Path) -> None:
    shutil.copy(SAMPLE_VDIF, room / "a.vdif")
    (room / "e.v2d").write_text(V2D)
    listing = ("filelist", f"{room}/*.vdif", "--format", "VDIF", "--mjd", 56824)
    planned = difxnb(*listing, "--to", room / "aa.filelist", "--dry-run")
    assert planned.lines == [f"would list {room}/a.vdif to {room}/aa.filelist"]
    assert difxnb(*listing, "--to", room / "aa.filelist").status == 0
    assert (room / "aa.filelist").read_text().startswith(f"{room}/a.vdif ")
    again = difxnb(*listing, "--to", room / "aa.filelist")
    assert (again.status, "--overwrite" in again.complaints) == (1, True)
    named = difxnb(*listing, "--v2d", room / "e.v2d", "--antenna", "Aa", "--json", "--overwrite")
    assert named.status == 0, named
    assert "filelist" in named.objects[0]["attrs"]["diff"]
    for wrong in ([], ["--v2d", room / "e.v2d"], ["--to", "/x", "--antenna", "Aa"]):
        assert difxnb(*listing, *wrong).status == 2, wrong
