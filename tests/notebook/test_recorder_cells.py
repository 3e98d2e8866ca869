# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorders, lists and the making of jobs from cells: every verb blocks, and what lasts is seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

import difxnb
from difxnb.errors import NoReply, NotConfirmed
from difxnb.notebook import Recorder, line_bar
from difxnb.notebook.line_bar import LineBar
from tests.client.peers import ROBUST, own_server
from tests.notebook.far_end import FarEnd
from tests.server.recorder_rooms import bank, install

VEX2DIFX = "echo one; echo 1 > e_1.input; echo 1 > e_1.calc"
CALC = 'echo im > "${2%.calc}.im"'


@pytest.fixture
def difx(far: FarEnd, tmp_path: Path) -> object:
    root = (tmp_path / "root").resolve()
    root.mkdir()
    (root / "e.v2d").write_text("vex = e.vex\n")
    programs = install(tmp_path / "bin", {"vex2difx": VEX2DIFX, "difxcalc": CALC})
    server = far.enter(own_server(root, recorders=bank(), programs=programs))
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as connected:
        yield connected


def root_of(tmp_path: Path) -> Path:
    return (tmp_path / "root").resolve()


def test_every_verb_of_a_recorder(difx: difxnb.notebook.Correlator, tmp_path: Path) -> None:
    recorder = difx.recorder("mark5fx01")
    assert isinstance(recorder, Recorder)
    assert (recorder.name, repr(recorder)) == ("mark5fx01", "<Recorder mark5fx01 of 127.0.0.1>")
    assert recorder.modules()["vsn"].tolist() == ["NRAO+321", "MPI-0042"]
    assert recorder.clear()["state"].tolist() == ["Idle", "Idle"]
    assert set(recorder.versions()["recorder"]) == {"mark5fx01"}
    assert recorder.smart()["vsn"].nunique() == 2
    assert recorder.file_systems() == ["no file systems with labels"]
    assert recorder.send("getvsn").empty
    assert len(recorder.directory("NRAO+321")) == 3
    assert len(recorder.copy("NRAO+321", "1", root_of(tmp_path))) == 1
    for verb in (
        "stop_directory",
        "stop_copy",
        "stop_condition",
        "bank_on",
        "unmount_module",
        "unmount_disk",
    ):
        assert getattr(recorder, verb)() is None
    recorder.extract_directory("A")
    recorder.mount_disk("b1")
    recorder.slot_files(1)
    for verb in ("erase", "condition", "bank_off", "reset", "reboot", "stop_daemon", "kill_correlator"):
        with pytest.raises(NotConfirmed):
            getattr(recorder, verb)()
    with pytest.raises(NotConfirmed):
        recorder.initialize_slot(1, "BHC%0101")
    recorder.mount_module("A")
    recorder.poweroff(confirm=True)
    with pytest.raises(NoReply):
        recorder.modules(timeout=0.1)


def test_jobs_models_and_lists(difx: difxnb.notebook.Correlator, tmp_path: Path) -> None:
    root = root_of(tmp_path)
    lines: list[str] = []
    assert difx.make_jobs(root / "e.v2d", progress=lines.append)["job"].tolist() == ["e_1"]
    assert "vex2difx... one" in lines
    assert difx.make_models(root / "e_*", overwrite=True, progress=False)["job"].tolist() == ["e_1"]
    (root / "a.vdif").write_text("damaged")
    made = difx.file_list(root / "a.vdif", root / "list", "VDIF", 60000)
    assert made.empty
    assert made.attrs["errors"]
    recorder = difx.recorder("mark5fx01")
    assert recorder.file_list([root / "a.vdif"], root / "list", "VDIF", 60000, overwrite=True).empty


def test_what_lasts_has_a_bar(
    difx: difxnb.notebook.Correlator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(line_bar, "PATIENCE_S", 0.0)
    difx.make_jobs(root_of(tmp_path) / "e.v2d")
    shown = capsys.readouterr().err
    assert "vex2difx e.v2d: 00:0" in shown
    assert "lines, " in shown
    difx.make_jobs(root_of(tmp_path) / "e.v2d", overwrite=True, progress=False)
    assert capsys.readouterr().err == ""


def test_a_bar_waits_and_shows_the_latest_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = LineBar("work")
    bar.hear("first")
    bar.draw()
    bar.close()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(line_bar, "PATIENCE_S", 0.0)
    bar.hear("second")
    bar.draw()
    bar.hear("x" * 200)
    bar.close()
    shown = capsys.readouterr().err
    assert "work: " in shown
    assert "second" in shown
    assert "[3 lines, " in shown
    assert "x" * 60 in shown
    assert "x" * 61 not in shown
