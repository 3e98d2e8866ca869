# SPDX-License-Identifier: GPL-3.0-or-later
"""Trends over sessions: what jumps is found, what only scatters is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import difxnb
from difxnb.sessions import SessionTrends
from tests.browser.pictures import is_blank
from tests.sessions.made_records import code, put

DAYS = 14
JUMP = 10


@pytest.fixture(scope="module")
def trends(tmp_path_factory: pytest.TempPathFactory) -> SessionTrends:
    """A clock that scatters by some ns about 3 µs and jumps by 100 ns on one day; a weight that falls on another."""
    root = tmp_path_factory.mktemp("sessions")
    random = np.random.default_rng(4)
    for day in range(DAYS):
        put(
            root,
            day,
            delay=3.0e-6 + random.normal(0, 5e-9) + (1e-7 if day >= JUMP else 0.0),
            snr=40.0 + random.normal(0, 2.0),
            weight=0.4 if day == 12 else 0.98 + random.normal(0, 0.002),
        )
    return difxnb.session_trends(root)


def test_the_jump_of_a_clock_is_found(trends: SessionTrends) -> None:
    clocks = trends.outliers().query("of == 'clock'")
    assert clocks["session"].min() == code(JUMP)
    assert set(clocks["name"]) == {"Kk"}
    first = trends.frame().query(f"of == 'clock' and session == '{code(JUMP)}'").iloc[0]
    assert first["value"] - first["median"] == pytest.approx(1e-7, abs=2e-8)
    assert first["deviation"] > 6
    assert first["reference"] == "Wz"
    assert first["unit"] == "s"


def test_a_low_weight_is_found_and_scatter_is_not(trends: SessionTrends) -> None:
    others = trends.outliers().query("of != 'clock'")
    assert list(zip(others["session"], others["of"], others["name"], strict=True)) == [
        (code(12), "weight", "Kk")
    ]


def test_a_frame_has_a_row_per_session_and_value(trends: SessionTrends) -> None:
    frame = trends.frame()
    assert len(frame) == DAYS * (1 + 1 + 2)
    assert set(frame["of"]) == {"clock", "snr", "weight"}
    assert set(frame.query("of == 'snr'")["name"]) == {"Kk-Wz band X"}
    assert frame["start"].dtype == "datetime64[ns]"
    assert "i26315 clock of Kk" in repr(trends)
    assert trends._repr_html_().startswith("<pre>14 sessions")


def test_only_the_last_sessions_and_what_is_asked_for(tmp_path: Path) -> None:
    for day in range(6):
        put(tmp_path, day)
    few = difxnb.session_trends(tmp_path, last=3, of=["weight"]).frame()
    assert set(few["session"]) == {code(3), code(4), code(5)}
    assert set(few["of"]) == {"weight"}
    with pytest.raises(ValueError, match="not colour"):
        difxnb.session_trends(tmp_path, of=["colour"])
    with pytest.raises(ValueError, match="not 0"):
        difxnb.session_trends(tmp_path, last=0)


def test_a_value_that_is_not_known_well_is_no_outlier(tmp_path: Path) -> None:
    for day in range(8):
        put(tmp_path, day, delay=3e-6 + day * 1e-10, error=1e-6 if day == 7 else 1e-9)
    put(tmp_path, 8, delay=4e-6, error=1e-6)
    assert difxnb.session_trends(tmp_path, of="clock").outliers().empty


def test_clocks_that_never_moved_do_not_make_a_nanosecond_an_outlier(tmp_path: Path) -> None:
    for day in range(8):
        put(tmp_path, day, delay=3e-6 if day < 7 else 3.002e-6, error=1e-12)
    assert difxnb.session_trends(tmp_path, of="clock").outliers().empty
    put(tmp_path, 8, delay=3.05e-6, error=1e-12)
    assert list(difxnb.session_trends(tmp_path, of="clock").outliers()["session"]) == [code(8)]


def test_the_figure_shows_something(trends: SessionTrends, tmp_path: Path) -> None:
    picture = trends.figure()._repr_png_()  # type: ignore[attr-defined]
    assert not is_blank(picture)
    empty = difxnb.session_trends(tmp_path)
    assert empty.frame().empty
    assert empty.figure().get_axes() == []
    assert repr(empty) == "0 sessions, 0 values unlike those before them"


def test_damaged_values_are_not_known(tmp_path: Path) -> None:
    record = put(tmp_path, 0, until="data")
    record.begin("clocks", {})
    record.end(
        "clocks", {"reference": "Wz", "stations": [{"antenna": "Kk", "delay": "late"}, 3, {"delay": 1.0}]}
    )
    record.begin("quality", {})
    record.end("quality", {"snr": "high", "weights": [{"antenna": "Kk", "mean": True}]})
    frame = difxnb.session_trends(tmp_path).frame()
    assert list(frame["of"]) == ["clock", "weight"]
    assert frame["value"].isna().all()
