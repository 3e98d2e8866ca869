# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock searches on networks of made-up stations: what was put in comes out, with errors that are true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from difxnb import clock_search
from difxnb.clock import station_solutions
from tests.clock.made_fringes import EPOCH, Network, random_network


def truth(network: Network, names) -> np.ndarray:
    """Delays and rates, shape (antenna, 2)."""
    return np.array([(network.delay[name], network.rate[name]) for name in names])


def found(solution) -> np.ndarray:
    return solution.frame()[["delay", "delay_rate"]].to_numpy()


def errors(solution) -> np.ndarray:
    return solution.frame()[["delay_error", "delay_rate_error"]].to_numpy()


def test_late_stations_come_out_late():
    network = Network({"AA": 0.0, "BB": 250e-9, "CC": -90e-9}, {"AA": 0.0, "BB": -3e-12, "CC": 2e-12})
    solution = clock_search(network.fringes(np.random.default_rng(1), noise=0), "AA", epoch=EPOCH)
    np.testing.assert_allclose(found(solution), truth(network, ["AA", "BB", "CC"]), rtol=1e-9, atol=1e-21)
    assert solution.reference == "AA"
    assert solution.epoch == EPOCH
    changes = {change.antenna: change for change in solution.changes()}
    assert set(changes) == {"BB", "CC"}
    assert changes["BB"].delay_s == pytest.approx(network.delay["BB"])
    assert changes["CC"].delay_rate == pytest.approx(network.rate["CC"])
    assert changes["CC"].epoch == EPOCH.to_datetime64()


def test_another_reference_shifts_all_and_another_epoch_follows_the_rate():
    rng = np.random.default_rng(2)
    network = random_network(rng)
    fringes = network.fringes(rng, noise=0)
    solution = clock_search(fringes, "S2", epoch=EPOCH + pd.Timedelta(hours=1))
    clocks = truth(network, network.delay) - truth(network, ["S2"])
    clocks[:, 0] += 3600 * clocks[:, 1]
    np.testing.assert_allclose(found(solution), clocks, rtol=1e-9, atol=1e-20)
    later = clock_search(fringes, "S2", epoch="2024-01-01T14:00:00+01:00")
    np.testing.assert_array_equal(found(later), found(solution))


def test_solution_is_that_of_plain_least_squares():
    rng = np.random.default_rng(3)
    network = random_network(rng, stations=4)
    fringes = network.fringes(rng)
    solution = clock_search(fringes, "S0", epoch=EPOCH, robust=False)
    names = list(network.delay)
    later = (fringes["reference_time"] - EPOCH).dt.total_seconds().to_numpy()
    ends = [fringes[f"antenna{n}_name"].to_numpy()[:, None] == np.array(names[1:]) for n in (1, 2)]
    signs = ends[1].astype(float) - ends[0]
    scale = 1e-6  # of rates, for a matrix whose columns are alike
    design = np.block([[signs, signs * later[:, None] * scale], [0 * signs, signs * scale]])
    weight = 1 / np.concatenate([fringes["delay_error"], fringes["delay_rate_error"]])
    observed = np.concatenate([fringes["delay"], fringes["delay_rate"]])
    values, square, *_ = np.linalg.lstsq(design * weight[:, None], observed * weight)
    spread = np.sqrt(np.linalg.inv((design * weight[:, None]).T @ (design * weight[:, None])).diagonal())
    frame = solution.frame().iloc[1:]
    np.testing.assert_allclose(frame["delay"], values[:3], rtol=1e-8)
    np.testing.assert_allclose(frame["delay_rate"], values[3:] * scale, rtol=1e-8)
    np.testing.assert_allclose(frame["delay_error"], spread[:3], rtol=1e-8)
    np.testing.assert_allclose(frame["delay_rate_error"], spread[3:] * scale, rtol=1e-8)
    assert solution.chi_squared == pytest.approx(float(square[0]))
    assert solution.degrees_of_freedom == len(observed) - len(values)


def test_errors_covariances_and_residuals_are_true():
    """The deviation in the metric of the covariance is χ², and so are the residuals."""
    rng = np.random.default_rng(4)
    deviations, residuals, own, chi_squared, freedom = [], [], 0, 0.0, 0
    for _ in range(12):
        network = random_network(rng, stations=4, scans=2)
        solution = clock_search(network.fringes(rng), "S0", epoch=EPOCH)
        off = (found(solution) - truth(network, network.delay))[1:].ravel()
        covariance = solution.covariance.values[1:, :, 1:, :].reshape(6, 6)
        scale = np.sqrt(covariance.diagonal())
        deviations.append(
            np.linalg.solve(np.linalg.cholesky(covariance / scale / scale[:, None]), off / scale)
        )
        np.testing.assert_allclose(scale.reshape(3, 2), errors(solution)[1:])
        own += len(solution.outliers())
        chi_squared += solution.chi_squared
        freedom += solution.degrees_of_freedom
        residuals.append(solution.residuals()[["delay_n_sigma", "delay_rate_n_sigma"]])
    pulls = np.concatenate(deviations)
    assert abs(pulls.mean()) < 4 / np.sqrt(pulls.size)
    assert 1e-3 < stats.chi2.sf((pulls**2).sum(), pulls.size) < 1 - 1e-3
    assert 1e-3 < stats.chi2.sf(chi_squared, freedom) < 1 - 1e-3
    assert own == 0
    assert pd.concat(residuals).to_numpy().std() == pytest.approx(1, abs=0.06)


def test_delays_of_several_scans_tell_rates():
    rng = np.random.default_rng(5)
    network = random_network(rng)
    fringes = network.fringes(rng)
    alone = clock_search(fringes, "S0", epoch=EPOCH)
    silent = fringes.assign(delay_rate=np.nan, delay_rate_error=np.nan)
    by_delays = clock_search(silent, "S0", epoch=EPOCH)
    off = (found(by_delays) - truth(network, network.delay))[1:] / errors(by_delays)[1:]
    assert np.abs(off).max() < 4
    assert (errors(alone)[1:] < errors(by_delays)[1:]).all()


def test_one_time_without_rates_gives_delays_alone():
    rng = np.random.default_rng(6)
    network = random_network(rng, scans=1)
    fringes = network.fringes(rng, noise=0).assign(
        delay_rate=np.nan, delay_rate_error=np.nan, reference_time=EPOCH
    )
    fringes["delay"] = [
        network.delay[two] - network.delay[one]
        for one, two in zip(fringes["antenna1_name"], fringes["antenna2_name"], strict=True)
    ]
    solution = clock_search(fringes, "S0")
    np.testing.assert_allclose(solution.frame()["delay"], list(network.delay.values()), atol=1e-20)
    assert solution.frame()["delay_rate"].iloc[1:].isna().all()
    assert all(change.delay_rate == 0 for change in solution.changes())
    assert "unknown" in repr(solution)


def test_rates_that_are_not_sure_are_not_taken_out():
    """Delays of a few seconds tell a rate badly; what is taken out are then the delays of a search without rates."""
    rng = np.random.default_rng(20)
    network = random_network(rng, scans=4)
    fringes = network.fringes(rng)
    close = EPOCH + (fringes["reference_time"] - EPOCH) / 600
    fringes["delay"] -= [
        (network.rate[two] - network.rate[one]) * (time - EPOCH).total_seconds()
        for one, two, time in zip(
            fringes["antenna1_name"], fringes["antenna2_name"], fringes["reference_time"], strict=True
        )
    ]
    silent = fringes.assign(reference_time=close, delay_rate=np.nan, delay_rate_error=np.nan)
    plain = clock_search(silent.assign(reference_time=EPOCH), "S0", robust=False).frame().set_index("antenna")
    for hours in (0, 5):  # hours later the delay of the solution is far off
        solution = clock_search(silent, "S0", epoch=EPOCH + pd.Timedelta(hours=hours), robust=False)
        assert (solution.frame()["delay_rate"].iloc[1:].abs() > 1e-11).any()
        for change in solution.changes():
            assert change.delay_rate == 0
            assert abs(change.delay_s - plain["delay"][change.antenna]) < plain["delay_error"][change.antenna]
    sure = clock_search(network.fringes(rng), "S0")
    assert [change.delay_rate for change in sure.changes()] == list(sure.frame()["delay_rate"].iloc[1:])


def test_offsets_of_bands_and_hands():
    rng = np.random.default_rng(7)
    keys = [(f"S{n}", band, hand) for n in range(1, 4) for band in range(2) for hand in "RL"]
    offsets = dict(zip(keys, rng.uniform(-5e-8, 5e-8, len(keys)), strict=True))
    network = random_network(rng, stations=4, offsets=offsets)
    fringes = network.fringes(rng)
    solution = clock_search(fringes, "S0", epoch=EPOCH, offsets=("band", "polarization"))
    assert solution.chi_squared / solution.degrees_of_freedom == pytest.approx(1, abs=0.3)
    clocks = solution.frame().set_index("antenna")
    table = solution.station_offsets()
    for row in table.itertuples():
        whole = row.offset + clocks["delay"][row.antenna]
        key = (row.antenna, row.band, row.polarization)
        injected = network.delay[row.antenna] + offsets.get(key, 0.0)
        assert abs(whole - injected) <= 4 * np.hypot(row.offset_error, clocks["delay_error"][row.antenna])
    assert len(table) == 4 * 4
    # Without them nothing fits, errors say so, and the reader is told what to try.
    plain = clock_search(fringes, "S0", epoch=EPOCH)
    assert (plain.summary()["delay_error_scale"] > 5).all()
    assert "offsets=('band', 'polarization')" in repr(plain)


def test_offsets_take_as_many_parameters_as_there_are():
    rng = np.random.default_rng(8)
    fringes = random_network(rng, stations=4).fringes(rng)
    plain = clock_search(fringes, "S0", epoch=EPOCH)
    by_hand = clock_search(fringes, "S0", epoch=EPOCH, offsets="polarization")
    assert plain.degrees_of_freedom - by_hand.degrees_of_freedom == 3
    # The clock is the weighted mean: nearly the same whether offsets are asked for or not, where there are none.
    off = (found(by_hand) - found(plain))[1:, 0] / errors(plain)[1:, 0]
    assert np.abs(off).max() < 0.6


def test_fringes_of_linear_and_circular_hands_hang_together():
    """X and Y of one station see R and L of the others: one network, with one hand of the reference at 0."""
    rng = np.random.default_rng(9)
    delays = {("AA", "R"): 0.0, ("AA", "L"): 30e-9, ("BB", "R"): 50e-9, ("BB", "L"): 80e-9}
    delays |= {("MM", "X"): -20e-9, ("MM", "Y"): 10e-9}
    pairs = [("AA", "BB", "RR"), ("AA", "BB", "LL")]
    pairs += [(one, "MM", hand + letter) for one in ("AA", "BB") for hand in "RL" for letter in "XY"]
    pattern = Network({"AA": 0.0, "BB": 0.0}, {"AA": 0.0, "BB": 0.0}, scans=1, bands=1, hands=("R",))
    one = pattern.fringes(rng, noise=0)
    fringes = pd.concat([one] * len(pairs), ignore_index=True).assign(
        antenna1_name=[pair[0] for pair in pairs],
        antenna2_name=[pair[1] for pair in pairs],
        polarization=[pair[2] for pair in pairs],
        delay=[delays[pair[1], pair[2][1]] - delays[pair[0], pair[2][0]] for pair in pairs],
    )
    solution = clock_search(fringes, "AA", offsets="polarization")
    table = solution.station_offsets().set_index(["antenna", "polarization"])["offset"]
    clocks = solution.frame().set_index("antenna")["delay"]
    whole = {key: table[key] + clocks[key[0]] for key in delays}
    shift = whole["AA", "R"] - delays["AA", "R"]
    np.testing.assert_allclose([whole[key] - shift for key in delays], list(delays.values()), atol=1e-18)


def test_solutions_by_scan_and_band():
    rng = np.random.default_rng(10)
    network = random_network(rng, stations=4, scans=2)
    fringes = network.fringes(rng)
    solution = clock_search(fringes, "S0", by=["scan", "band"])
    frame = solution.frame()
    assert len(frame) == 2 * 2 * 4
    assert solution.covariance.sizes["solution"] == len(solution.summary()) == 4
    own = frame["delay"].to_numpy() - [network.delay[name] for name in frame["antenna"]]
    own -= [network.rate[name] for name in frame["antenna"]] * (frame["epoch"] - EPOCH).dt.total_seconds()
    used = frame["antenna"] != "S0"
    assert np.abs(own / frame["delay_error"])[used].max() < 4.5
    with pytest.raises(ValueError, match="divided by scan, band"):
        solution.changes()
    scans = station_solutions(fringes, reference="S0")
    pd.testing.assert_frame_equal(scans, clock_search(fringes, "S0").per_scan())
    assert scans["scan"].nunique() == 2


def test_phases_of_stations():
    rng = np.random.default_rng(11)
    network = random_network(rng, scans=1, bands=1, hands=("R",))
    frame = clock_search(network.fringes(rng), "S0", epoch=EPOCH).frame()
    off = frame["phase"] - list(network.phase.values())
    turned = np.angle(np.exp(1j * off)) / frame["phase_error"]
    assert np.abs(turned.iloc[1:]).max() < 4
    assert frame["phase"].iloc[0] == frame["phase_error"].iloc[0] == 0

    network = random_network(rng)
    solution = clock_search(network.fringes(rng), "S0")
    assert solution.frame()["phase"].isna().all()
    phases = solution.phases()
    assert len(phases) == 3 * 2 * 2 * 5
    later = (phases["reference_time"] - EPOCH).dt.total_seconds()
    turns = phases["reference_frequency"] * [network.rate[name] for name in phases["antenna"]] * later
    expected = [network.phase[name] for name in phases["antenna"]] + 2 * np.pi * turns
    others = phases["antenna"] != "S0"
    pulls = (np.angle(np.exp(1j * (phases["phase"] - expected))) / phases["phase_error"])[others]
    assert pulls.std() == pytest.approx(1, abs=0.2)
    assert np.abs(pulls).max() < 5


def test_bands_that_were_fitted_together():
    """A table of multi-band fits has no bands, and labels of hands that were put together."""
    rng = np.random.default_rng(12)
    network = random_network(rng, bands=1, hands=("R",))
    fringes = network.fringes(rng).drop(columns=["band", "start", "source"]).assign(polarization="RR+LL")
    solution = clock_search(fringes, "S0", epoch=EPOCH)
    off = (found(solution) - truth(network, network.delay))[1:] / errors(solution)[1:]
    assert np.abs(off).max() < 4
    assert set(solution.phases()["polarization"]) == {"RR+LL"}
    assert "hands were fitted together" in repr(solution)
    assert "hands were fitted together" not in repr(clock_search(fringes.assign(polarization="RR"), "S0"))
    assert "band" not in solution.residuals()


def test_turned_baselines_tell_the_same():
    rng = np.random.default_rng(13)
    network = random_network(rng)
    fringes = network.fringes(rng)
    turned = fringes.copy()
    half = rng.uniform(size=len(fringes)) < 0.5
    for name in ("delay", "delay_rate", "phase"):
        turned.loc[half, name] *= -1
    ends = ["antenna1_name", "antenna2_name"]
    turned.loc[half, ends] = fringes.loc[half, ends[::-1]].to_numpy()
    one, two = clock_search(fringes, "S0").frame(), clock_search(turned, "S0").frame()
    two = two.set_index("antenna").loc[one["antenna"]].reset_index()
    for name in ("delay", "delay_rate", "delay_error"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-9, atol=1e-24)
