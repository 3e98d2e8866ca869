# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clock search leaves out, does not invent, and refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from difxnb import clock_search
from difxnb.clock import closure_delays
from tests.clock.made_fringes import EPOCH, random_network


@pytest.fixture(scope="module")
def fringes() -> pd.DataFrame:
    rng = np.random.default_rng(41)
    return random_network(rng, stations=4, scans=2).fringes(rng)


def test_a_station_without_baselines_to_the_reference_is_named_and_has_no_clock(fringes):
    apart = fringes[fringes["baseline"].isin(["S0-S1", "S2-S3"])]
    unseen = apart[apart["baseline"] == "S0-S1"].assign(antenna2_name="S9", false_alarm_probability=0.5)
    table = pd.concat([apart, unseen])  # indices occur twice, as in tables put together
    solution = clock_search(table, "S0", epoch=EPOCH)
    clocks = solution.frame().set_index("antenna")
    assert clocks.loc["S1"].notna()[["delay", "delay_rate", "delay_error"]].all()
    assert (
        clocks.loc[["S2", "S3", "S9"], ["delay", "delay_error", "delay_rate", "phase"]].isna().all(axis=None)
    )
    assert solution.undetermined == {
        "S2": "no fringes that lead to S0",
        "S3": "no fringes that lead to S0",
        "S9": "no fringe is detected",
    }
    assert [change.antenna for change in solution.changes()] == ["S1"]
    reasons = solution.not_used["reason"].value_counts()
    assert reasons["does not lead to the reference S0"] == (apart["baseline"] == "S2-S3").sum()
    assert reasons["not detected: false alarm probability above 0.0001"] == len(unseen)
    assert "S9: no fringe is detected" in repr(solution)
    assert np.isnan(solution.covariance.sel(antenna="S9")).all()


def test_scans_without_the_reference_have_no_clocks(fringes):
    away = fringes[(fringes["scan"] == "No0000") | (fringes["antenna1_name"] != "S0")]
    solution = clock_search(away, "S0", by="scan")
    frame = solution.frame().set_index(["scan", "antenna"])
    assert frame.loc["No0000", "delay"].notna().all()
    assert frame.loc["No0001", "delay"].isna().all()
    assert solution.undetermined["S1"] == "no fringes that lead to S0 in 1 of 2 solutions"


def test_what_does_not_tell_of_clocks_is_left_out(fringes):
    table = fringes.copy()
    table["phase_center"] = 0
    table.loc[0, "polarization"] = "RL"
    table.loc[1, "phase_center"] = 1
    table.loc[2, "delay"] = np.nan
    table.loc[3, "delay_error"] = 0.0
    table.loc[4, "delay"] = 1e300
    table.loc[5, "delay_error"] = np.inf
    table.loc[6, "reference_time"] = pd.NaT
    table.loc[7, "false_alarm_probability"] = np.nan
    table.loc[8, "antenna2_name"] = table.loc[8, "antenna1_name"]
    table.loc[9, ["delay_rate", "delay_rate_error"]] = [1e200, 1e-300]
    table["flags"] = ""
    table.loc[10, "flags"] = "few_channels window_edge"
    solution = clock_search(table, "S0")
    assert sorted(solution.not_used.index) == [*range(9), 10]
    assert solution.not_used.loc[0, "reason"] == "cross hands"
    assert solution.not_used.loc[10, "reason"] == "at the edge of what was searched"
    assert solution.not_used.loc[1, "reason"] == "not the first phase centre"
    assert np.isnan(solution.residuals().loc[9, "delay_rate_residual"])
    assert len(solution.residuals()) == len(table) - 10
    assert solution.outliers().empty
    # Other phase centres do close.
    assert (closure_delays(table)["phase_center"] == 0).all()


def test_a_job_with_several_phase_centres_stands_beside_one_with_one(fringes):
    """Tables of jobs with one centre have no such column, so that it is empty there when tables are put together."""
    table = fringes.assign(phase_center=np.where(fringes["scan"] == "No0000", np.nan, 0))
    assert clock_search(table, "S0").not_used.empty
    table.loc[table.index[-1], "phase_center"] = 1
    assert list(clock_search(table, "S0").not_used.index) == [table.index[-1]]


def test_the_reference_is_the_best_connected_station(fringes):
    assert clock_search(fringes[fringes["baseline"] != "S0-S1"]).reference in ("S2", "S3")
    strong = fringes.assign(snr=np.where(fringes["baseline"].str.contains("S2"), 500.0, 10.0))
    assert clock_search(strong).reference == "S2"


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (lambda table: table.drop(columns=["delay_error", "phase"]), {}, "lacks delay_error, phase"),
        (lambda table: table.iloc[:0], {}, "table of fringes is empty"),
        (lambda table: table.assign(false_alarm_probability=0.2), {}, "no fringe to search clocks with"),
        (lambda table: pd.concat([table, table[:3]]), {}, "fringes twice, 3 of them, such as S0-S1"),
        (lambda table: table.assign(delay="late"), {}, "no number or time"),
        (lambda table: table.assign(reference_time="after lunch"), {}, "no number or time"),
        (lambda table: table, {"reference": "XX"}, "no fringes of a station 'XX'; there are S0, S1, S2, S3"),
        (lambda table: table, {"by": "weather"}, "by: 'weather' is none of the columns"),
        (lambda table: table, {"by": []}, "is none of the columns"),
        (lambda table: table.drop(columns="band"), {"offsets": "band"}, "offsets: 'band' is none"),
        (lambda table: table, {"offsets": "scan"}, "offsets: 'scan' is none"),
        (lambda table: table, {"epoch": "teatime"}, "epoch: 'teatime' is no time"),
        (lambda table: table, {"epoch": "NaT"}, "epoch: 'NaT' is no time"),
        (lambda table: table, {"epoch": 60310.5}, "epoch: 60310.5 is no time; give one as"),
        (
            lambda table: table,
            {"epoch": "1969-07-20"},
            "epoch: 1969-07-20 00:00:00 is years from the fringes",
        ),
        (lambda table: table, {"max_false_alarm": 0}, "max_false_alarm is a probability"),
    ],
)
def test_refusals_say_what_was_asked(fringes, change, arguments, said):
    with pytest.raises(ValueError, match=said):
        clock_search(change(fringes), **arguments)


def test_a_reference_that_is_never_detected_is_refused(fringes):
    lost = fringes["baseline"].str.contains("S0")
    table = fringes.assign(false_alarm_probability=np.where(lost, 0.9, 1e-9))
    with pytest.raises(ValueError, match="no fringe of the reference S0 is detected; there are some of S"):
        clock_search(table, "S0")


def test_something_else_than_a_table_is_refused():
    with pytest.raises(TypeError, match="without as_dataset, not a list"):
        clock_search([1, 2])


def test_names_do_nothing_on_a_terminal_or_a_page(fringes):
    evil = "<script>\x1b[2J"
    table = fringes.replace({"S1": evil})
    solution = clock_search(table.assign(baseline=""), "S0")
    assert "\x1b" not in repr(solution)
    assert "\x1b" not in solution._repr_html_()
    assert "<script>" not in solution._repr_html_()
    assert solution.residuals()["baseline"].str.contains(evil, regex=False).any()


def test_what_was_given_is_not_changed(fringes):
    before = fringes.copy(deep=True)
    clock_search(fringes).phases()
    pd.testing.assert_frame_equal(fringes, before)
