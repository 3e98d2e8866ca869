# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors in cells: what can be watched, what is watched, and a change of mind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import difxnb
from tests.client.peers import ROBUST, own_server, patience_for
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd


def test_choosing_and_changing(far: FarEnd, tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        job = difx.job(path)
        with pytest.raises(ValueError, match="no product has antenna 'ZZ'; there are AA, BB"):
            job.monitor({"antenna": "ZZ"})
        with job.monitor({"baseline": "BB-AA", "polarization": "parallel"}, limit_bytes=2**20) as monitor:
            assert monitor.products["polarization"].tolist() == ["RR", "LL"]
            assert set(monitor.available["baseline"]) == {"AA-BB", "AA-AA", "BB-BB"}
            assert monitor.scans["scan_name"].tolist() == ["No0000"]
            assert monitor.select({"kind": "auto", "antenna": "AA"})["baseline"].unique().tolist() == [
                "AA-AA"
            ]
            assert monitor.products["is_autocorrelation"].all()
            with pytest.raises(
                ValueError, match="no product has polarization 'XX'; there are RR, LL, RL, LR"
            ):
                monitor.select({"polarization": "XX"})
            assert monitor.events["event"].tolist() == ["opened", "selected"]
            assert monitor.events["text"].tolist()[1] == "kind auto, antenna AA: 4 products"
            assert (monitor.passed_over, monitor.dropped, monitor.closed) == (0, 0, False)
            assert "open, 4 products" in repr(monitor)
            assert "open, 4 products" in monitor._repr_html_()
            report = monitor.quality()
            assert report.running
            assert report["fringes"].verdict == "not applicable", "nothing has come"
        assert monitor.closed
        with pytest.raises(ValueError, match="has been closed; open another one"):
            monitor.select()
        assert monitor.events["event"].tolist()[-1] == "closed"


def test_a_change_that_takes_long_shows_a_bar(
    far: FarEnd, tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real server must be left alone for a while between two exchanges (7.13)."""
    path = put(made, "short", tmp_path.resolve())
    server = far.enter(own_server(tmp_path, "real-name"))
    patience = replace(patience_for("real-name"), monitor_close=1.3)
    with difxnb.connect("127.0.0.1", server.port, patience=patience) as difx:
        monitor = difx.job(path).monitor({"polarization": "RR"})
        assert monitor.select({"polarization": "LL"})["polarization"].unique().tolist() == ["LL"]
    assert "waiting for the server to end the selection before" in capsys.readouterr().err


def test_a_short_one_shows_nothing(
    far: FarEnd, tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(made, "short", tmp_path.resolve())
    server = far.enter(own_server(tmp_path))
    with difxnb.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        difx.job(path).monitor().select({"polarization": "LL"})
    assert capsys.readouterr().err == ""
