# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes that do not fit: named, left out, and never guessed at where nothing tells which of two is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from difxnb import clock_search
from tests.clock.made_fringes import EPOCH, Network, random_network


def worst(solution, network: Network) -> float:
    """Largest deviation of delays and rates from the truth, in their errors."""
    frame = solution.frame().set_index("antenna").drop("S0")
    delay = (frame["delay"] - pd.Series(network.delay)[frame.index]) / frame["delay_error"]
    rate = (frame["delay_rate"] - pd.Series(network.rate)[frame.index]) / frame["delay_rate_error"]
    return float(max(delay.abs().max(), rate.abs().max()))


def test_outliers_are_named_and_do_no_harm():
    rng = np.random.default_rng(21)
    network = random_network(rng)
    fringes = network.fringes(rng)
    fringes.loc[[5, 40], "delay"] += [30e-9, -1e-6]
    fringes.loc[90, "delay_rate"] += 1e-11
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    outliers = solution.outliers()
    assert sorted(outliers.index) == [5, 40, 90]
    assert outliers.index[0] == fringes.loc[outliers.index, "delay"].abs().idxmax()
    assert outliers["n_sigma"].abs().is_monotonic_decreasing
    assert worst(solution, network) < 4
    row = outliers.loc[40]
    assert row["delay_residual"] == pytest.approx(-1e-6, abs=10 * row["delay_error"])
    named = (
        f"outlier: {row['baseline']} scan {row['scan']} band {row['band']} polarization {row['polarization']}"
    )
    assert named in repr(solution)
    frame = solution.frame()
    assert frame["n_outliers"].sum() == 2 * len(outliers)
    assert frame["n_used"].sum() == 2 * (len(fringes) - len(outliers))
    kept = clock_search(fringes, "S0", epoch=EPOCH, robust=False)
    assert kept.outliers().empty
    assert worst(kept, network) < 4  # errors say what the outliers do to it
    assert kept.frame()["delay_error"].max() > 10 * solution.frame()["delay_error"].max()


def test_a_quarter_of_all_may_be_wrong():
    rng = np.random.default_rng(22)
    network = random_network(rng)
    fringes = network.fringes(rng)
    chosen = rng.choice(len(fringes), len(fringes) // 4, replace=False)
    fringes.loc[chosen, "delay"] += rng.choice([-1, 1], len(chosen)) * rng.uniform(5e-8, 1e-6, len(chosen))
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert sorted(solution.outliers().index) == sorted(chosen)
    assert worst(solution, network) < 4


def test_a_whole_baseline_may_be_wrong():
    rng = np.random.default_rng(23)
    network = random_network(rng)
    fringes = network.fringes(rng)
    wrong = fringes["baseline"] == "S1-S2"
    fringes.loc[wrong, "delay"] += 200e-9
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert set(solution.outliers()["baseline"]) == {"S1-S2"}
    assert len(solution.outliers()) == wrong.sum()
    assert worst(solution, network) < 4


def test_a_wrong_fringe_with_a_small_error_does_not_drag_the_others():
    rng = np.random.default_rng(24)
    network = random_network(rng)
    fringes = network.fringes(rng)
    fringes.loc[3, "delay"] += 100e-9
    fringes.loc[3, ["delay_error", "delay_rate_error"]] /= 1000
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert list(solution.outliers().index) == [3]
    assert worst(solution, network) < 4


def test_one_of_six_baselines_is_told_from_the_others():
    rng = np.random.default_rng(25)
    network = random_network(rng, stations=4, scans=1, bands=1, hands=("R",))
    fringes = network.fringes(rng)
    fringes.loc[1, "delay"] += 50e-9
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert list(solution.outliers().index) == [1]
    assert worst(solution, network) < 4


def test_of_a_triangle_none_is_called_wrong():
    """Its closure is all that tells; errors grow, and the reader is told."""
    rng = np.random.default_rng(26)
    network = random_network(rng, stations=3, scans=1, bands=1, hands=("R",))
    fringes = network.fringes(rng)
    fringes.loc[1, "delay"] += 50e-9
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert solution.outliers().empty
    assert abs(solution.closure["n_sigma"].iloc[0]) > 5
    expected = np.sqrt((solution.residuals()["delay_residual"] ** 2 / fringes["delay_error"] ** 2).sum())
    assert solution.summary()["delay_error_scale"].iloc[0] == pytest.approx(expected)
    assert "larger than stated errors explain" in repr(solution)
    sigmas = solution.residuals()["delay_n_sigma"].abs()
    np.testing.assert_allclose(sigmas, sigmas.iloc[0], rtol=1e-6)


def test_of_two_fringes_of_a_station_none_is_called_wrong():
    """A station hangs on one baseline with two bands that disagree."""
    rng = np.random.default_rng(27)
    network = random_network(rng, hands=("R",), scans=1)
    fringes = network.fringes(rng)
    leaf = fringes["antenna2_name"] == "S4"
    fringes = fringes[~leaf | (fringes["antenna1_name"] == "S0")]
    fringes.loc[fringes.index[fringes["antenna2_name"] == "S4"][0], "delay"] += 50e-9
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert solution.outliers().empty
    residuals = solution.residuals()
    pair = residuals[residuals["antenna2_name"] == "S4"]["delay_n_sigma"].abs()
    np.testing.assert_allclose(pair, pair.iloc[0], rtol=1e-6)
    assert worst(solution, network) < 4


def test_a_fringe_that_nothing_checks_has_no_sigma():
    rng = np.random.default_rng(28)
    network = random_network(rng, stations=2, scans=1, bands=1, hands=("R",))
    solution = clock_search(network.fringes(rng), "S0", epoch=EPOCH)
    assert solution.residuals()["n_sigma"].isna().all()
    assert solution.degrees_of_freedom == 0
    assert solution.chi_squared == pytest.approx(0, abs=1e-12)


def test_errors_that_are_too_small_are_made_larger_kind_by_kind():
    rng = np.random.default_rng(29)
    network = random_network(rng)
    fringes = network.fringes(rng)
    fringes["delay_error"] /= 3
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    (summary,) = solution.summary().to_dict("records")
    assert summary["delay_error_scale"] == pytest.approx(3, rel=0.15)
    assert summary["rate_error_scale"] == 1
    assert worst(solution, network) < 4
    assert "delays by" in repr(solution)
