# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of every job that the real correlator made, against what was put into its data."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import DoubtfulAutocorrelations
from difxnb.formats.input import read_input
from difxnb.visibility import fringe_fit, open_visibilities

pytestmark = pytest.mark.agreement

REFERENCE = Path(__file__).parent / "reference"
JOBS = {
    folder.name: folder
    for kind in ("mpifxcorr-output", "raw-jobs")
    for folder in sorted((REFERENCE / kind).iterdir())
    if folder.is_dir()
}
PICO = 1e-12


class Truth:
    """What the stations of a job are late by, s, and how fast that grows."""

    def __init__(self, folder):
        inp = read_input(folder / f"{folder.name}.input")
        days = np.timedelta64(inp.start_mjd, "D") + np.timedelta64(round(inp.start_seconds * 1e9), "ns")
        self.start = np.datetime64("1858-11-17", "ns") + days
        own = folder / "truth.json"
        told = json.loads((own if own.exists() else folder.parent / "truth.json").read_text())
        self.antennas, self.is_raw = told["antennas"], own.exists()
        self.extra = told.get("second_phase_centre_extra_model_delay_us", {})

    def station(self, name, letter, center):
        one = self.antennas[name]
        if self.is_raw:
            return one["residual_delay_us_r0"] * 1e-6, one["residual_rate_us_per_s_r1"] * 1e-6
        late = one["tau_ns"] * 1e-9 + (one["extra_tau_L_ns"] * 1e-9 if letter == "L" else 0.0)
        late += self.extra[name] * 1e-6 if center else 0.0
        return late, one["tau_rate_ps_s"] * PICO

    def of(self, table):
        """Delay at the reference time, and rate, of every row."""
        found = np.empty((2, len(table)))
        for row, one in enumerate(table.to_dict("records")):
            ends = [
                self.station(
                    one[f"antenna{end + 1}_name"], one["polarization"][end], one.get("phase_center", 0)
                )
                for end in (0, 1)
            ]
            rate = ends[1][1] - ends[0][1]
            after = (one["reference_time"] - self.start).total_seconds()
            found[:, row] = ends[1][0] - ends[0][0] + rate * after, rate
        return found


@pytest.fixture(scope="module", params=sorted(JOBS))
def job(request):
    folder = JOBS[request.param]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulAutocorrelations)
        return Truth(folder), open_visibilities(folder / f"{folder.name}.difx").load()


def require_delays(table, truth):
    """Delays within their errors, rates as well as gaps of single stations, which shift their times, allow."""
    delay, rate = truth.of(table)
    scaled = (table["delay"] - delay) / table["delay_error"]
    assert np.abs(scaled).max() < 4
    assert np.sqrt(np.mean(scaled**2)) < 1.3
    assert np.abs(table["delay_rate"] - rate).max() < PICO
    assert (table["false_alarm_probability"] < 1e-10).all()


def test_delays_per_band_and_hand(job):
    truth, dataset = job
    table = fringe_fit(dataset)
    products = np.isfinite(dataset["VISIBILITY"].isel(baseline=~dataset["is_autocorrelation"]))
    axes = [axis for axis in products.dims if axis not in ("time", "channel")]
    scans = len(set(dataset["scan_name"].values))
    assert len(table) == scans * int(products.any(["time", "channel"]).sum(axes))
    require_delays(table, truth)


def test_delays_within_a_window(job):
    truth, dataset = job
    table = fringe_fit(dataset, delay_window=(-1e-6, 1e-6), rate_window=(-1e-9, 1e-9))
    require_delays(table, truth)
    assert not table["flags"].str.contains("window_edge").any()


def test_one_delay_for_all_bands(job):
    """Slopes alone, and with the phases between bands: the raw data have the same phase in every band."""
    truth, dataset = job
    free = fringe_fit(dataset, multiband=True, band_phases="free")
    require_delays(free, truth)
    coherent = fringe_fit(dataset, multiband=True)
    delay, _ = truth.of(coherent)
    away = (coherent["delay"] - delay) / coherent["delay_ambiguity"]
    assert np.abs(away - np.rint(away)).max() < 0.02
    known = ~coherent["flags"].str.contains("ambiguous_delay")
    assert (np.rint(away[known]) == 0).all()
    assert (coherent["delay_error"] < free["delay_error"] / 5).all()


def test_intervals_within_scans(job):
    """Every half second by itself says the same as the whole."""
    truth, dataset = job
    table = fringe_fit(dataset, "0.5s")
    assert len(table) > len(fringe_fit(dataset))
    delay, _ = truth.of(table)
    scaled = (table["delay"] - delay) / table["delay_error"]
    assert np.abs(scaled).max() < 5
    single = fringe_fit(dataset, "integration")
    assert single["delay_rate"].isna().all()
    assert single["flags"].str.contains("one_integration").all()
    scaled = (single["delay"] - truth.of(single)[0]) / single["delay_error"]
    assert np.abs(scaled).max() < 6


def test_phase_centers_and_pulsar_bins_are_axes(job):
    """The same numbers as arrays and as rows, wherever there are several of either."""
    _, dataset = job
    table, arrays = fringe_fit(dataset, multiband=True), fringe_fit(dataset, multiband=True, as_dataset=True)
    several = [name for name in ("phase_center", "pulsar_bin") if name in dataset.dims]
    assert set(arrays["delay"].dims) == {"scan", "baseline", "polarization", *several}
    assert set(several) <= set(table)
    for row in table.to_dict("records"):
        place = {name: row[name] for name in ("baseline", "polarization", *several)}
        one = arrays.sel(place).isel(scan=list(arrays["start"].values).index(row["start"].to_datetime64()))
        assert (one["delay"].item(), one["snr"].item()) == (row["delay"], row["snr"])
