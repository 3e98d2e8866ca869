# SPDX-License-Identifier: GPL-3.0-or-later
"""Several bands and both hands with one delay; phases of bands free, none, or those of a calibrator."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.visibility import fringe_fit
from tests.injected_fringes import Band, Station, expected, injected, regular

BANDS = (
    Band(8400e6, 16e6, 32),
    Band(8424e6, 16e6, 64, "L"),
    Band(8472e6, 8e6, 16),
    Band(8560e6, 16e6, 32),
)
TRUE = {"AA": Station(), "BB": Station(delay=83e-9, rate=3e-12), "CC": Station(delay=-120e-9, rate=-5e-12)}
OFFSETS = {"AA": {0: 0.3, 1: -1.0, 3: 2.2}, "BB": {0: 1.9, 2: 0.6}, "CC": {1: -2.5, 2: 1.2, 3: 0.4}}
SPOILT = {name: Station(one.delay, one.rate, band_phase=OFFSETS[name]) for name, one in TRUE.items()}
CALIBRATOR, TARGET = ("No0001", "CALI", regular(20, 0.5)), ("No0002", "FAINT", regular(20, 0.5, begun=60.0))


def in_errors(table, stations=TRUE):
    return ((table["delay"] - expected(stations, table)[0]) / table["delay_error"]).to_numpy()


@pytest.fixture(scope="module")
def clean():
    return injected(TRUE, bands=BANDS, scans=(CALIBRATOR,))


@pytest.fixture(scope="module")
def spoilt():
    return injected(SPOILT, bands=BANDS, scans=(CALIBRATOR, TARGET))


def test_bands_without_offsets(clean):
    table = fringe_fit(clean, multiband=True)
    assert "band" not in table
    assert len(table) == 3 * 2
    assert np.abs(in_errors(table)).max() < 4
    single = fringe_fit(clean).groupby(["baseline", "polarization"])["delay_error"].min()
    both = table.set_index(["baseline", "polarization"])["delay_error"]
    assert (both < single[both.index] / 5).all()
    assert (table["n_bands"] == 4).all()
    assert (
        np.abs(table["single_band_delay"] - table["delay"]).max() < 4 * table["single_band_delay_error"].max()
    )
    middle = (BANDS[0].centres[0] + BANDS[3].centres[-1]) / 2
    np.testing.assert_allclose(table["reference_frequency"], middle)


def test_ambiguity_is_that_of_the_spacing_of_bands():
    """Bands 40 MHz apart look the same every 25 ns."""
    bands = tuple(Band(8400e6 + 40e6 * k, 8e6, 16) for k in range(4))
    table = fringe_fit(injected(TRUE, bands=bands, amplitude=2.0), multiband=True)
    np.testing.assert_allclose(table["delay_ambiguity"], 1 / 40e6, rtol=1e-3)
    assert not table["flags"].str.contains("ambiguous_delay").any()
    faint = fringe_fit(injected(TRUE, bands=bands, amplitude=0.35, seed=2), multiband=True)
    assert faint["flags"].str.contains("ambiguous_delay").all()
    away = (faint["delay"] - expected(TRUE, faint)[0]) / faint["delay_ambiguity"]
    within = (away - np.rint(away)) * faint["delay_ambiguity"] / faint["delay_error"]
    found = faint["false_alarm_probability"] < 1e-3
    assert found.any()
    assert np.abs(within[found]).max() < 4


def test_free_phases(spoilt):
    """Each band keeps its phase, and is told by how much it differs."""
    table = fringe_fit(spoilt, multiband=True, band_phases="free")
    assert np.abs(in_errors(table)).max() < 4
    np.testing.assert_allclose(table["delay"], table["single_band_delay"])
    np.testing.assert_allclose(table["delay_ambiguity"], 1 / (16e6 / 32), rtol=1e-6)
    for _, row in table.iterrows():
        a, b = row["baseline"].split("-")
        offset = np.array([OFFSETS[b].get(k, 0.0) - OFFSETS[a].get(k, 0.0) for k in range(4)])
        late = row["delay"] - expected(TRUE, table.loc[[row.name]])[0][0]
        slope = [2 * np.pi * (band.centres.mean() - row["reference_frequency"]) * late for band in BANDS]
        found = np.array([row[f"band_phase_{k}"] for k in range(4)], dtype=float)
        error = np.array([row[f"band_phase_error_{k}"] for k in range(4)], dtype=float)
        left = np.exp(1j * (found - offset + slope))
        assert np.abs(np.angle(left / left.mean())).max() < 4 * np.hypot(error.max(), row["phase_error"])


def test_offsets_of_a_calibrator(spoilt):
    """Coherent over all bands, on a source of which no band says anything alone."""
    faint = injected(SPOILT, bands=BANDS, scans=(CALIBRATOR, TARGET), amplitude=0.18, seed=4)
    faint = faint.where(faint["scan_name"] == "No0002", drop=True).assign_coords(
        {name: spoilt[name] for name in ("is_autocorrelation", "n_channels", "bandwidth", "sideband")}
    )
    calibrator = fringe_fit(spoilt.difx.scan("No0001"), multiband=True, band_phases="free")
    alone = fringe_fit(faint, delay_window=(-250e-9, 250e-9), rate_window=(-2e-11, 2e-11))
    window = {"delay_window": (-250e-9, 250e-9), "rate_window": (-2e-11, 2e-11), "multiband": True}
    table = fringe_fit(faint, band_phases=calibrator, **window)
    assert (table["false_alarm_probability"] < 1e-6).all()
    keys = ["baseline", "polarization"]
    best = alone.groupby(keys)["snr"].max()
    assert (table.set_index(keys)["snr"] / best > 1.1).all()
    assert (fringe_fit(faint, **window)["snr"] < table["snr"]).all()
    both = table.merge(calibrator, on=keys, suffixes=("", "_calibrator"))
    error = np.hypot(both["delay_error"], both["delay_error_calibrator"])
    away = table["delay"] - expected(TRUE, table)[0]
    assert np.abs(away / error).max() < 4
    as_arrays = fringe_fit(spoilt.difx.scan("No0001"), multiband=True, band_phases="free", as_dataset=True)
    np.testing.assert_allclose(fringe_fit(faint, band_phases=as_arrays, **window)["delay"], table["delay"])


def test_bands_of_which_a_calibrator_knows_nothing(spoilt):
    known = fringe_fit(spoilt.difx.scan("No0001").difx.band(0, 1, 2), multiband=True, band_phases="free")
    table = fringe_fit(spoilt.difx.scan("No0002"), multiband=True, band_phases=known)
    assert (table["n_bands"] == 3).all()
    assert table["band_phase_3"].isna().all()
    with pytest.raises(ValueError, match="no phase of any baseline"):
        fringe_fit(spoilt.isel(baseline=[0]), multiband=True, band_phases=known.query("baseline == 'BB-CC'"))


def test_both_hands_with_one_delay():
    """RR and LL with phases of their own: one delay, its error that of both."""
    stations = {name: Station(one.delay, one.rate) for name, one in TRUE.items()}
    data = injected(stations, bands=BANDS, hands=("RR", "LL", "RL"), amplitude=3.0)
    data["VISIBILITY"].loc[{"polarization": "LL"}] *= np.exp(1.3j)
    table = fringe_fit(data, combine_polarizations=True)
    assert set(table["polarization"]) == {"RR+LL"}
    assert len(table) == 3 * 4
    delay, rate = expected(TRUE, table.assign(polarization="RR"))
    assert np.abs((table["delay"] - delay) / table["delay_error"]).max() < 4
    assert np.abs((table["delay_rate"] - rate) / table["delay_rate_error"]).max() < 4
    alone = fringe_fit(data.difx.polarization("RR")).set_index(["baseline", "band"])
    together = table.set_index(["baseline", "band"])
    np.testing.assert_allclose(together["snr"] / alone["snr"], np.sqrt(2), rtol=0.15)
    np.testing.assert_allclose(together["phase"], together["phase_RR"])
    apart = np.angle(np.exp(1j * (together["phase_LL"] - together["phase_RR"] - 1.3)))
    assert np.abs(apart / np.hypot(together["phase_error_LL"], together["phase_error_RR"])).max() < 4


def test_all_bands_and_both_hands():
    data = injected(SPOILT, bands=BANDS, scans=(CALIBRATOR, TARGET))
    data["VISIBILITY"].loc[{"polarization": "LL"}] *= np.exp(1.3j)
    calibrator = fringe_fit(
        data.difx.scan("No0001"), multiband=True, band_phases="free", combine_polarizations=True
    )
    assert {"band_phase_0_RR", "band_phase_3_LL"} <= set(calibrator)
    table = fringe_fit(
        data.difx.scan("No0002"), multiband=True, band_phases=calibrator, combine_polarizations=True
    )
    assert len(table) == 3
    assert (table["n_bands"] == 4).all()
    error = np.hypot(table["delay_error"], calibrator["delay_error"].to_numpy())
    assert np.abs((table["delay"] - expected(TRUE, table.assign(polarization="RR"))[0]) / error).max() < 4


def test_a_hand_or_a_band_that_is_missing(clean):
    gaps = clean.copy(deep=True)
    gaps["WEIGHT"].loc[{"baseline": "AA-BB", "polarization": "LL"}] = 0
    gaps["WEIGHT"].loc[{"baseline": "BB-CC", "band": [1, 2]}] = 0
    table = fringe_fit(gaps, multiband=True, combine_polarizations=True).set_index("baseline")
    assert table["n_bands"].to_dict() == {"AA-BB": 4, "AA-CC": 4, "BB-CC": 2}
    assert table["phase_LL"].isna().to_dict() == {"AA-BB": True, "AA-CC": False, "BB-CC": False}
    away = table["delay"] - expected(TRUE, table.reset_index().assign(polarization="RR"))[0]
    turns = away / table["delay_ambiguity"]
    assert np.abs((turns - np.rint(turns)) * table["delay_ambiguity"] / table["delay_error"]).max() < 4
    none = clean.assign(WEIGHT=clean["WEIGHT"] * 0)
    assert len(fringe_fit(none, multiband=True)) == 0


def test_coefficients_and_intervals_of_all_bands():
    powers = {"AA": 2.0, "BB": 8.0, "CC": 0.5}
    stations = {name: Station(one.delay, one.rate, power=powers[name]) for name, one in TRUE.items()}
    data = injected(stations, bands=BANDS, scans=(CALIBRATOR,), autos=True)
    table = fringe_fit(data, "2s", multiband=True)
    assert len(table) == 5 * 3 * 2
    assert np.abs(in_errors(table)).max() < 4.5
    a, b = (table[f"antenna{end}_name"].map(powers) for end in (1, 2))
    np.testing.assert_allclose(table["correlation"], table["amplitude"] / np.sqrt(a * b), rtol=1e-6)
