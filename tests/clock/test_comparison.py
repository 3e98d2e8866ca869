# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks from fringes beside those of field systems: both signs, jumps, and tables that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from difxnb import clock_search
from difxnb.formats.input_model import Input, Telescope
from difxnb.formats.mjd import MJD_ZERO
from tests.clock.made_fringes import EPOCH, Network

NOISE = 20e-9
CABLES = {"AA": 1.2e-6, "BB": 0.4e-6, "CC": -0.3e-6}  # what a station's cables add to its readings
IN_USE = {"AA": (2e-6, 1e-13), "BB": (-5e-6, -2e-12), "CC": (1e-6, 0.0)}  # clocks of the job, late positive
LATE = Network({"AA": 0.0, "BB": 0.25e-6, "CC": -0.1e-6}, {"AA": 0.0, "BB": -3e-12, "CC": 2e-12})


@pytest.fixture(scope="module")
def solution():
    return clock_search(LATE.fringes(np.random.default_rng(61)), "AA", epoch=EPOCH)


@pytest.fixture(scope="module")
def header() -> Input:
    """Clocks about a time half a day before the epoch."""
    mjd = (EPOCH - pd.Timestamp(MJD_ZERO)).total_seconds() / 86400
    return Input(
        telescopes=[
            Telescope(name, mjd - 0.5, [(offset - rate * 43200) * 1e6, rate * 1e6])
            for name, (offset, rate) in IN_USE.items()
        ]
    )


def readings(sign: float, names=tuple(IN_USE)) -> pd.DataFrame:
    """What counters would show in the day around the epoch: the true clocks and cables, in µs."""
    rng = np.random.default_rng(62)
    hours = np.sort(rng.uniform(-12, 12, 200))
    parts = [
        pd.DataFrame(
            {
                "station": name.title(),
                "time": EPOCH + pd.to_timedelta(hours, unit="h"),
                "offset": sign
                * 1e6
                * (true_clock(name, hours * 3600) + CABLES[name] + NOISE * rng.normal(size=200)),
            }
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def true_clock(name: str, later: np.ndarray) -> np.ndarray:
    """The clock in use, less what the fringes show."""
    offset, rate = IN_USE[name]
    return offset - LATE.delay[name] + (rate - LATE.rate[name]) * later


@pytest.mark.parametrize(("positive", "sign"), [("late", 1.0), ("early", -1.0)])
def test_what_is_left_are_cables(solution, header, positive, sign):
    table = solution.compare(readings(sign), positive=positive, input=header).set_index("antenna")
    assert list(table.index) == ["AA", "BB", "CC"]
    for name, cable in CABLES.items():
        row = table.loc[name]
        assert row["n_points"] == 200
        assert row["scatter"] == pytest.approx(NOISE, rel=0.25)
        assert row["measured_error"] == pytest.approx(NOISE / np.sqrt(200), rel=0.3)
        assert row["clock"] == pytest.approx(
            float(true_clock(name, np.zeros(()))), abs=4 * row["clock_error"] + 1e-12
        )
        assert abs(row["difference"] - cable) <= 4 * row["difference_error"]
        assert abs(row["rate_difference"]) <= 4 * row["rate_difference_error"]
        relative = cable - CABLES["AA"]
        assert abs(row["relative_difference"] - relative) <= 4 * row["relative_difference_error"]
    assert table.loc["AA", "relative_difference"] == 0


def test_readings_that_jump_are_counted_and_left_out(solution, header):
    table = readings(1.0, ["BB"])
    table.loc[[3, 50, 51], "offset"] += [1e6, 2.0, -7.5]
    table.loc[60, "offset"] = np.nan
    row = solution.compare(table, positive="late", input=header).set_index("antenna").loc["BB"]
    assert row["n_points"] == 199
    assert row["n_outliers"] == 3
    assert abs(row["difference"] - CABLES["BB"]) <= 4 * row["difference_error"]


def test_stations_that_only_one_side_knows(solution, header):
    table = pd.concat([readings(1.0, ["CC"]), readings(1.0, ["BB"]).assign(station="zz")])
    found = solution.compare(table, positive="late", input=header).set_index("antenna")
    assert list(found.index) == ["AA", "BB", "CC", "ZZ"]
    assert np.isnan(found.loc["AA", "measured"])
    assert np.isnan(found.loc["ZZ", "clock"])
    assert np.isnan(found.loc["BB", "difference"])
    assert found.loc["BB", "n_points"] == 0
    assert np.isfinite(found.loc["CC", "difference"])
    assert np.isnan(found.loc["CC", "relative_difference"])


def test_few_readings_have_no_errors(solution):
    few = readings(1.0, ["BB"]).iloc[:2]
    row = solution.compare(few, positive="late").set_index("antenna").loc["BB"]
    assert np.isfinite(row["measured_rate"])
    assert np.isnan(row["measured_error"])
    row = solution.compare(few.iloc[:1], positive="late").set_index("antenna").loc["BB"]
    assert row["measured"] == pytest.approx(few["offset"].iloc[0] / 1e6)
    assert np.isnan(row["measured_rate"])
    # Without the .input, clocks count as 0 before the fringes.
    assert row["clock"] == -solution.frame().set_index("antenna").loc["BB", "delay"]


def test_a_csv_file_says_the_same(solution, header, tmp_path):
    table = readings(1.0)
    path = tmp_path / "clocks.csv"
    path.write_text("# gps-fmout\n" + table.to_csv(index=False))
    one = solution.compare(path, positive="late", input=header)
    two = solution.compare(table, positive="late", input=header)
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame({"station": ["AA"], "when": ["2024-01-01"]}), "lacks time, offset"),
        (pd.DataFrame({"station": ["AA"], "time": ["lunch"], "offset": [1.0]}), "no time .UTC. or number"),
        (
            pd.DataFrame({"station": ["AA"], "time": ["2024-01-01"], "offset": ["late"]}),
            "no time .UTC. or number",
        ),
    ],
)
def test_tables_that_are_none(solution, table, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        solution.compare(table, positive="late")
    path = tmp_path / "clocks.csv"
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match=said):
        solution.compare(path, positive="late")


def test_the_sign_has_to_be_stated(solution, tmp_path):
    with pytest.raises(ValueError, match=r'"late" .as of gps-fmout. or "early"'):
        solution.compare(readings(1.0), positive="gps")
    divided = clock_search(LATE.fringes(np.random.default_rng(63)), by="scan")
    with pytest.raises(ValueError, match="divided by scan"):
        divided.compare(readings(1.0), positive="late")
    junk = tmp_path / "junk.csv"
    junk.write_bytes(b"\x00\xff\xfe" * 100)
    with pytest.raises(ValueError, match=r"junk.csv|lacks station"):
        solution.compare(junk, positive="late")
    junk.write_bytes(b"")
    with pytest.raises(ValueError, match=r"junk.csv is no table"):
        solution.compare(junk, positive="late")
