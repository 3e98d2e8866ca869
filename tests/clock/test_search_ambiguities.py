# SPDX-License-Identifier: GPL-3.0-or-later
"""Delays and rates that are seen but for whole ambiguities."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb import clock_search
from tests.clock.made_fringes import EPOCH, random_network, wrapped


def whole_and_rest(solution, network, name: str, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Deviations from the truth: whole ambiguities, and what is left, in errors."""
    frame = solution.frame().iloc[1:]
    off = frame[name].to_numpy() - np.array(list(getattr(network, name.removeprefix("delay_")).values()))[1:]
    whole = np.rint(off / spacing)
    return whole, (off - whole * spacing) / frame[f"{name}_error"].to_numpy()


@pytest.mark.parametrize("seed", range(3))
def test_delays_and_rates_are_unwrapped_around_triangles(seed):
    """Stations of up to ±300 ns and ±3 ps/s, seen modulo 400 ns and 5 ps/s: rates are told by the delays of scans."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, spacing=4e-7, rate_spacing=5e-12)
    fringes = network.fringes(rng)
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert solution.chi_squared / solution.degrees_of_freedom == pytest.approx(1, abs=0.35)
    assert solution.outliers().empty
    _, rest = whole_and_rest(solution, network, "delay", network.spacing)
    whole, rate_rest = whole_and_rest(solution, network, "delay_rate", network.rate_spacing)
    assert not whole.any()
    assert max(np.abs(rest).max(), np.abs(rate_rest).max()) < 4
    residuals = solution.residuals()
    moved = residuals["ambiguities"] != 0
    assert moved.mean() < 0.5
    clocks = solution.frame().set_index("antenna")
    later = (fringes["reference_time"] - EPOCH).dt.total_seconds()
    ends = [clocks.loc[fringes[f"antenna{n}_name"]].reset_index() for n in (1, 2)]
    model = ends[1]["delay"] - ends[0]["delay"] + later * (ends[1]["delay_rate"] - ends[0]["delay_rate"])
    taken_off = residuals["delay"] - residuals["ambiguities"] * network.spacing
    np.testing.assert_allclose(taken_off - model, residuals["delay_residual"], atol=1e-15)


def test_without_need_nothing_is_moved():
    rng = np.random.default_rng(31)
    network = random_network(rng, spacing=4e-6, rate_spacing=5e-11)
    solution = clock_search(network.fringes(rng), "S0", epoch=EPOCH)
    assert not solution.residuals()[["ambiguities", "rate_ambiguities"]].any(axis=None)
    whole, rest = whole_and_rest(solution, network, "delay", network.spacing)
    assert not whole.any()
    assert np.abs(rest).max() < 4


def test_a_wrong_baseline_does_not_move_the_others_by_ambiguities():
    rng = np.random.default_rng(32)
    network = random_network(rng, spacing=2e-6, rate_spacing=5e-11)
    fringes = network.fringes(rng)
    wrong = fringes["baseline"] == "S0-S1"
    fringes.loc[wrong, "delay"] = [wrapped(one + 1.2e-6, 2e-6) for one in fringes.loc[wrong, "delay"]]
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert set(solution.outliers()["baseline"]) == {"S0-S1"}
    residuals = solution.residuals()
    assert not residuals.loc[~residuals["outlier"], "ambiguities"].any()
    whole, rest = whole_and_rest(solution, network, "delay", network.spacing)
    assert not whole.any()
    assert np.abs(rest).max() < 4


def test_a_single_fringe_that_is_a_whole_ambiguity_off_is_no_outlier():
    """Multi-band delays pick a neighbouring peak at times."""
    rng = np.random.default_rng(33)
    network = random_network(rng, spacing=2e-6)
    fringes = network.fringes(rng)
    fringes.loc[[7, 30], "delay"] += [network.spacing, -network.spacing]
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    assert solution.outliers().empty
    assert solution.residuals().loc[[7, 30], "ambiguities"].tolist() == [1, -1]
