# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, versions and states of jobs as a cell has them: blocking, with bars, and warnings where they are seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import NotConfirmed, VersionMismatch
from difxnb.formats.calc import read_calc, write_calc
from difxnb.notebook import Correlator
from difxnb.notebook.transfer_bar import transferring
from tests.client.peers import own_server, patience_for
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd

LOG = "Thu Mar 12 10:20:59 2015   0 head  STATUS Done  \n"


@pytest.fixture
def difx(far: FarEnd, tmp_path: Path) -> Iterator[Correlator]:
    for k in range(5):
        (tmp_path / f"j_{k}.input").touch()
        (tmp_path / f"j_{k}.difxlog").write_text(LOG * 3)
    server = far.enter(own_server(tmp_path, "2.9"))
    with difxnb.connect("127.0.0.1", server.port, patience=patience_for("2.9")) as connected:
        yield connected


def test_messages_in_a_cell(difx: Correlator, tmp_path: Path) -> None:
    seen: list[object] = []
    end = difx.messages.subscribe(seen.append, type="command")
    sent = difx.send("GetVSN", to="mark5")
    assert (sent.heard, len(seen)) == (True, 1)
    assert difx.send("GetVSN", to="mark5", preview=True).sent is False
    with pytest.raises(NotConfirmed):
        difx.send("poweroff", to="all")
    end()
    difx.messages.select(["alert"])
    assert difx.messages.selection == ("alert",)
    assert difx.messages.is_selected_at_server
    assert difx.send("GetVSN", to="mark5").heard is None
    difx.messages.select()
    assert difx.messages.statistics()["messages"].tolist() == [1]
    assert difx.messages.statistics("sender")["job"].tolist() == ["difxnb"]
    assert difx.messages.frame(envelope=True)["to"].tolist() == [("mark5",)]
    assert difx.messages.counts().to_dict() == {"DifxCommand": 1}
    assert (len(difx.messages), difx.messages.dropped, difx.messages.hidden) == (1, 0, 0)
    assert (difx.messages.failed_callbacks, len(difx.messages.callback_errors)) == (0, 0)
    assert "1 kept" in repr(difx.messages)
    assert "<table" in difx.messages._repr_html_()
    difx.messages.save(tmp_path / "messages.parquet")
    assert (tmp_path / "messages.parquet").exists()


def test_server_facts_in_a_cell(difx: Correlator) -> None:
    server = difx.server
    assert server.difx_versions["version"].tolist() == ["DIFX-2.9"]
    assert (server.version, server.is_embedded, server.version_in_use) == ("DEVELr7531", False, "DIFX-2.9")
    server.use_version("DIFX-2.9")
    assert server.setup_path == difx.server.setup_path == f"{server.difx_base}/bin/rungeneric.DIFX-2.9"
    with pytest.raises(ValueError, match="installed: DIFX-2"):
        server.use_version("DIFX-1.0")
    server.use_version(None)
    assert difx.server.setup_path == ""
    assert server.environment["DIFX_VERSION"] == "DIFX-2.9"
    assert server.user == difx.server.user
    assert "guiServer" in repr(server)


def test_states_of_jobs_in_a_cell(difx: Correlator, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    assert difx.job_status(root / "*.input")["state"].tolist() == ["Done"] * 5
    counts: list[tuple[int, int]] = []
    history = difx.job_status(
        f"{root}/*.input", history=True, progress=lambda *numbers: counts.append(numbers)
    )
    assert len(history) == 15
    assert counts[-1] == (5, 5)
    assert len(difx.job_status([f"{root}/j_0.input", root / "j_1.input"], history=True)) == 6
    assert len(difx.job_status(f"{root}/*.input", True, progress=False)) == 15


def test_logs_that_take_long_are_counted_by_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("difxnb.notebook.transfer_bar.PATIENCE_S", 0.0)
    with transferring(None, "logs", unit=" logs") as show:
        show.hear(3, 5)
        show.draw()
    assert "3/5" in capsys.readouterr().err


def test_a_warning_of_versions_is_shown_where_the_cell_is(
    difx: Correlator, made: Path, tmp_path: Path
) -> None:
    input_file = put(made, "short", tmp_path.resolve())
    calc = read_calc(input_file.with_suffix(".calc"))
    calc.difx_version = "DiFX-2.8.1"
    write_calc(calc, input_file.with_suffix(".calc"), overwrite=True)
    job = difx.job(input_file)
    assert job.versions().attrs["differ"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        findings = job.check()
    shown = [w for w in caught if w.category is VersionMismatch]
    assert [w.filename for w in shown] == [__file__]
    assert "server DIFX-2.9 (its environment), files DiFX-2.8.1" in str(shown[0].message)
    (row,) = findings[findings["id"] == "versions"].to_dict("records")
    assert (row["severity"], row["blocks"]) == ("WARNING", False)


def test_parameters_in_a_cell(difx: Correlator, made: Path, tmp_path: Path) -> None:
    job = difx.job(put(made, "short", tmp_path.resolve()))
    assert job.send_parameter("dumpsta", True).heard is True
    antenna = job.input.telescopes[0].name
    assert job.update_clock(antenna, 0.5, preview=True).message.body.value == "0:0.5"
    begin = (job.input.start_mjd - 40587) * 86400 + job.input.start_seconds
    assert job.stop_at(begin + job.input.execute_time, preview=True).sent is False
