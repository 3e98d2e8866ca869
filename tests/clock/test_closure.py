# SPDX-License-Identifier: GPL-3.0-or-later
"""Closure delays and phases: what belongs to a station drops out, what does not comes out with its sign."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from difxnb.clock import clock_search, closure_delays, closure_phases
from tests.clock.made_fringes import random_network


def test_stations_drop_out():
    rng = np.random.default_rng(51)
    offsets = {("S1", 0, "R"): 40e-9, ("S2", 1, "L"): -70e-9}
    network = random_network(rng, offsets=offsets)
    fringes = network.fringes(rng, noise=0)
    delays, phases = closure_delays(fringes), closure_phases(fringes)
    names = {"-".join(three) for three in combinations(network.delay, 3)}
    assert len(delays) == len(phases) == len(names) * 3 * 2 * 2
    assert set(delays["triangle"]) == names
    assert set(delays["polarization"]) == {"RR", "LL"}
    assert np.abs(delays["value"]).max() < 1e-20
    assert np.abs(phases["value"]).max() < 1e-6


@pytest.mark.parametrize(("baseline", "sign"), [("S0-S1", 1), ("S1-S2", 1), ("S0-S2", -1)])
def test_what_is_of_a_baseline_comes_out(baseline, sign):
    rng = np.random.default_rng(52)
    fringes = random_network(rng, stations=3).fringes(rng, noise=0)
    wrong = fringes["baseline"] == baseline
    fringes.loc[wrong, "delay"] += 30e-9
    fringes.loc[wrong, "phase"] += 0.5
    np.testing.assert_allclose(closure_delays(fringes)["value"], sign * 30e-9, rtol=1e-9)
    np.testing.assert_allclose(closure_phases(fringes)["value"], sign * 0.5, atol=1e-6)
    # A baseline may be given in either direction.
    fringes.loc[wrong, ["delay", "delay_rate", "phase"]] *= -1
    ends = ["antenna1_name", "antenna2_name"]
    fringes.loc[wrong, ends] = fringes.loc[wrong, ends[::-1]].to_numpy()
    np.testing.assert_allclose(closure_delays(fringes)["value"], sign * 30e-9, rtol=1e-9)
    np.testing.assert_allclose(closure_phases(fringes)["value"], sign * 0.5, atol=1e-6)


def test_errors_are_true():
    rng = np.random.default_rng(53)
    fringes = random_network(rng, stations=3, scans=150).fringes(rng)
    for closures in (closure_delays(fringes), closure_phases(fringes)):
        assert len(closures) == 600
        assert closures["n_sigma"].std() == pytest.approx(1, abs=4 / np.sqrt(1200))
        assert abs(closures["n_sigma"].mean()) < 4 / np.sqrt(600)


def test_whole_ambiguities_are_taken_off():
    rng = np.random.default_rng(54)
    network = random_network(rng, stations=4, spacing=2e-7)
    fringes = network.fringes(rng)
    unknown = closure_delays(fringes.drop(columns="delay_ambiguity"))
    assert (unknown["value"].abs() > network.spacing / 2).any()
    assert (closure_delays(fringes)["n_sigma"].abs() < 5).all()


def test_undetected_fringes_and_cross_hands_take_no_part():
    rng = np.random.default_rng(55)
    fringes = random_network(rng, stations=4, scans=1).fringes(rng)
    whole = closure_delays(fringes)
    lost = fringes["baseline"] == "S0-S1"
    rest = closure_delays(fringes.assign(false_alarm_probability=np.where(lost, 1e-3, 1e-9)))
    assert set(rest["triangle"]) == {"S0-S2-S3", "S1-S2-S3"}
    weak = fringes.assign(false_alarm_probability=np.where(lost, 1e-3, 1e-9))
    pd.testing.assert_frame_equal(closure_delays(weak, max_false_alarm=0.01), whole)
    crossed = pd.concat([fringes, fringes.assign(polarization="RL", delay=1e-6)[:6]], ignore_index=True)
    pd.testing.assert_frame_equal(closure_delays(crossed), whole)


def test_intervals_of_a_scan_are_kept_apart():
    rng = np.random.default_rng(56)
    fringes = random_network(rng, stations=3, scans=2).fringes(rng)
    one_scan = fringes.assign(scan="No0000")
    assert len(closure_delays(one_scan)) == len(closure_delays(fringes))
    with pytest.raises(ValueError, match="several fringes of one baseline"):
        closure_delays(pd.concat([fringes, fringes]))


def test_bands_of_several_jobs_are_kept_apart_though_their_numbers_are_the_same():
    rng = np.random.default_rng(58)
    network = random_network(rng, stations=4, scans=2, bands=1)
    low, high = network.fringes(rng), network.fringes(rng)
    high["reference_frequency"] += 300e6
    both = pd.concat([low, high], ignore_index=True)
    assert len(closure_delays(both)) == 2 * len(closure_delays(low))
    phases = clock_search(both, "S0").phases()
    assert len(phases) == 2 * len(clock_search(low, "S0").phases())
    assert set(phases["reference_frequency"]) == set(both["reference_frequency"])


def test_two_stations_make_no_triangle():
    rng = np.random.default_rng(57)
    fringes = random_network(rng, stations=2).fringes(rng)
    for closures in (closure_delays(fringes), closure_phases(fringes), closure_delays(fringes.iloc[:0])):
        assert closures.empty
        assert {"triangle", "scan", "band", "polarization", "value", "error", "n_sigma"} <= set(closures)
