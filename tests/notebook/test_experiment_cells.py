# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments and what was recorded of them, from cells: every verb blocks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from baseband.data import SAMPLE_VDIF

import difxnb
from difxnb.errors import RemoteFileExists
from tests.aio.test_experiments import NAME, STATIONS, V2D, VEX
from tests.client.peers import ROBUST, own_server
from tests.notebook.far_end import FarEnd
from tests.server.recorder_rooms import bank


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    root.mkdir()
    (root / "in.vex").write_text(VEX)
    return root


@pytest.fixture
def difx(far: FarEnd, root: Path) -> object:
    server = far.enter(own_server(root, recorders=bank()))
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as connected:
        yield connected


def test_experiments(difx: difxnb.notebook.Correlator, root: Path) -> None:
    shown = difx.new_experiment(root / "exp", vex=root / "in.vex", v2d=V2D, preview=True)
    assert not (root / "exp").exists()
    assert shown.attrs["jobs"]["job"].tolist() == [f"{NAME}_1"]
    lines: list[str] = []
    jobs = difx.new_experiment(root / "exp", vex=root / "in.vex", v2d=V2D, progress=lines.append)
    assert jobs["input"].tolist() == [str(root / "exp" / f"{NAME}_1.input")]
    assert jobs["input"][0] in lines
    with pytest.raises(RemoteFileExists, match="overwrite=True"):
        difx.new_experiment(root / "exp", vex=root / "in.vex", v2d=V2D, progress=False)
    again = difx.rebuild_without(root / "exp" / f"{NAME}.v2d", STATIONS[:1])
    assert again["job"].tolist() == [f"{NAME}-2_1"]
    files = difx.experiment_files(root / "exp")
    assert files.loc[files["kind"] == "input", "job"].tolist() == [f"{NAME}-2_1", f"{NAME}_1"]


def test_recordings(difx: difxnb.notebook.Correlator, root: Path) -> None:
    table = difx.coverage(root / "in.vex", {STATIONS[0]: "mark5fx01:NRAO+321"})
    assert set(table.loc[table["station"] == STATIONS[0], "state"]) == {"missing"}
    assert table.attrs["failed"].empty
    (root / f"{NAME}.v2d").write_text(V2D)
    shutil.copy(SAMPLE_VDIF, root / "a.vdif")
    listed = difx.list_recordings(root / f"{NAME}.v2d", STATIONS[0], root / "a.vdif", "VDIF", 56800)
    assert listed["file"].tolist() == [str(root / "a.vdif")]
    assert f"{NAME}-{STATIONS[0]}.filelist" in listed.attrs["diff"]
