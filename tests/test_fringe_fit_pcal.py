# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones applied: what stations lose behind the injection goes, sign included."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from difxnb.errors import OutputNotFound
from difxnb.visibility import fringe_fit, open_visibilities
from difxnb.visibility.phase_cal import read_pcal
from tests.injected_fringes import Station, expected, injected, regular

JOBS = Path(__file__).parent / "reference" / "mpifxcorr-output"
SKY = {"AA": Station(), "BB": Station(delay=60e-9, rate=1e-12), "CC": Station(delay=-45e-9)}
CABLES = {"AA": 130e-9, "BB": -70e-9, "CC": 310e-9}
PHASES = {"AA": {0: 0.4, 1: -2.0}, "BB": {0: 2.9, 1: 1.1}, "CC": {0: -1.3, 1: 0.2}}
LETTERS = {"R": 0.0, "L": 35e-9}
TIMES = regular(8, 0.5)


def late():
    """Stations as they are seen: the sky's, the cables', and phases of bands that tones see, too."""
    return {
        name: Station(sky.delay + CABLES[name], sky.rate, letter_delay=LETTERS, band_phase=PHASES[name])
        for name, sky in SKY.items()
    }


def tones(antennas=("AA", "BB", "CC"), *, step_hz=1e6, drift=0.0, seed=5):
    """Tones on the times of the visibilities: phase +2πντ of the cable, and of the band."""
    rng = np.random.default_rng(seed)
    frequency = np.arange(np.ceil(8400e6 / step_hz) * step_hz, 8456e6 + 1, step_hz)
    band = np.where((frequency >= 8440e6) & (frequency <= 8456e6), 1, 0)
    values = np.zeros((len(TIMES), len(antennas), 2, len(frequency)), dtype=complex)
    for row, name in enumerate(antennas):
        for column, letter in enumerate("RL"):
            cable = CABLES[name] + LETTERS[letter]
            phase = 2 * np.pi * frequency * cable + np.array([PHASES[name][k] for k in band])
            values[:, row, column] = 0.03 * np.exp(1j * (phase + drift * TIMES[:, None] * (row + 1)))
    values += 0.001 * (rng.standard_normal((*values.shape, 2)) @ [1, 1j])
    data = injected(SKY, scans=(("s", "q", TIMES),))
    return xr.Dataset(
        {"PHASE_CAL": (("time", "antenna", "polarization", "tone"), values.astype(np.complex64))},
        {
            "time": data["time"].values,
            "antenna": list(antennas),
            "polarization": ["R", "L"],
            "tone_frequency": ("tone", frequency),
            "band": ("tone", band),
        },
    )


@pytest.fixture(scope="module")
def dataset():
    return injected(late(), scans=(("s", "q", TIMES),), hands=("RR", "LL", "RL"), amplitude=4.0)


def require_sky(table, period=np.inf):
    delay, _ = expected(SKY, table)
    away = table["delay"] - delay
    if np.isfinite(period):
        away -= period * np.rint(away / period)
    assert np.abs(away / table["delay_error"]).max() < 4


def test_delays_behind_the_injection_go(dataset):
    assert (np.abs(fringe_fit(dataset)["delay"] - expected(SKY, fringe_fit(dataset))[0]) > 100e-9).any()
    table = fringe_fit(dataset, pcal=tones())
    require_sky(table)
    assert (table["flags"] == "").all()


def test_phases_behind_the_injection_go(dataset):
    """Tones line the bands up, so that all are coherent: the multi-band delay is that of the sky."""
    table = fringe_fit(dataset, pcal=tones(), multiband=True)
    require_sky(table, table["delay_ambiguity"].iloc[0])
    assert (table["delay_error"] < table["single_band_delay_error"] / 3).all()
    offsets = table[["band_phase_0", "band_phase_1"]].to_numpy()
    assert np.abs(offsets).max() < 0.05
    require_sky(fringe_fit(dataset, pcal=tones(), combine_polarizations=True).assign(polarization="RR"))


def test_phases_that_drift_within_the_scan():
    """Half a turn a second at one station, a whole one at the next: without tones that is a rate."""
    drift = np.pi
    stations = late()
    dataset = injected(stations, scans=(("s", "q", TIMES),), amplitude=4.0)
    spun = dataset.copy()
    rows = {"AA": 1, "BB": 2, "CC": 3}
    for place, (a, b) in enumerate(
        zip(*(dataset[f"antenna{end}_name"].values for end in (1, 2)), strict=True)
    ):
        turn = np.exp(1j * drift * TIMES * (rows[b] - rows[a]))[:, None, None, None]
        spun["VISIBILITY"][:, place] = spun["VISIBILITY"][:, place].values * turn
    table = fringe_fit(spun, pcal=tones(drift=drift))
    require_sky(table)
    _, rate = expected(SKY, table)
    assert np.abs((table["delay_rate"] - rate) / table["delay_rate_error"]).max() < 5
    assert np.abs(fringe_fit(spun)["delay_rate"] - rate).min() > 30e-12


def test_a_station_without_tones(dataset):
    """Those of the other end are applied, and the row says so."""
    table, plain = fringe_fit(dataset, pcal=tones(("AA", "BB"))), fringe_fit(dataset)
    lacking = table["flags"].str.contains("no_pcal")
    assert (lacking == (table["baseline"] != "AA-BB")).all()
    assert (table["flags"][~lacking] == "").all()
    one_end = table["baseline"] == "AA-CC"
    moved = (table["delay"] - plain["delay"])[one_end]
    ours = [CABLES["AA"] + LETTERS[hand[0]] for hand in table["polarization"][one_end]]
    np.testing.assert_allclose(moved, ours, atol=5e-10)


def test_times_and_tones_that_are_missing(dataset):
    """Where an integration has no tones, the mean of the interval serves; a tone that is NaN is left out."""
    some = tones()
    some["PHASE_CAL"][:, :, :, 3] = np.nan
    some["PHASE_CAL"][2:4, 1] = np.nan
    require_sky(fringe_fit(dataset, pcal=some))
    require_sky(fringe_fit(dataset, pcal=some.isel(time=slice(0, 5))))


def test_one_tone_in_each_band(dataset):
    """No delay comes of one tone, but the phases between bands do."""
    single = tones().isel(tone=[8, 48])
    moved = fringe_fit(dataset, pcal=single)["delay"] - fringe_fit(dataset)["delay"]
    assert np.abs(moved).max() < 1e-10
    turned = fringe_fit(dataset, pcal=single)["phase"] - fringe_fit(dataset)["phase"]
    assert np.abs(np.exp(1j * turned) - 1).max() > 0.5


def test_tones_of_another_job(dataset):
    other = tones()
    with pytest.raises(ValueError, match="none at the times and frequencies of these visibilities"):
        fringe_fit(dataset, pcal=other.assign_coords(time=other["time"] + np.timedelta64(1, "D")))
    with pytest.raises(ValueError, match="none at the times and frequencies"):
        fringe_fit(
            dataset, pcal=other.assign_coords(tone_frequency=("tone", other["tone_frequency"].values * 2))
        )


def test_tones_that_are_multiples_of_nothing(dataset):
    odd = tones()
    frequency = odd["tone_frequency"].values.copy()
    frequency[3] = frequency[2] + 2.0
    with pytest.raises(ValueError, match="multiples of some spacing"):
        fringe_fit(dataset, pcal=odd.assign_coords(tone_frequency=("tone", frequency)))


@pytest.mark.agreement
def test_tones_that_the_real_correlator_measured():
    """Tones of BB were put in late; that much, and nothing else, goes."""
    job = open_visibilities(JOBS / "alpha_1" / "alpha_1.difx").load()
    extra = json.loads((JOBS / "truth.json").read_text())["pcal"]["extra_delay_ns"] * 1e-9
    plain, table = fringe_fit(job), fringe_fit(job, pcal=True)
    moved = (table["delay"] - plain["delay"]).groupby(table["baseline"])
    np.testing.assert_allclose(moved.mean()[["AA-BB", "AA-CC", "BB-CC"]], [-extra, 0.0, extra], atol=1e-9)
    assert moved.std().max() < 1e-9
    given = fringe_fit(job, pcal=read_pcal(JOBS / "alpha_1" / "alpha_1.difx"))
    np.testing.assert_array_equal(given["delay"], table["delay"])
    with pytest.raises(OutputNotFound):
        fringe_fit(open_visibilities(JOBS / "eta_1" / "eta_1.difx"), pcal=True)
