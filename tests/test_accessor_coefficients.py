# SPDX-License-Identifier: GPL-3.0-or-later
"""Correlation coefficients: what was put into made and real jobs comes out, and nothing where it cannot be known."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from difxnb.visibility import open_visibilities
from tests.made_visibilities import DELAYS, SHARES, made, waiting

REFERENCE = Path(__file__).parent / "reference"
RAW_JOBS, SWIN_JOBS = REFERENCE / "raw-jobs", REFERENCE / "mpifxcorr-output"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(name="ds", scope="module")
def _ds():
    return made(samples=200)


def gone(ds, **where):
    """The same without some products."""
    there = xr.ones_like(ds.WEIGHT, dtype=bool)
    there.loc[where] = False
    return ds.assign(
        VISIBILITY=ds.VISIBILITY.where(there, np.complex64(complex(np.nan, np.nan))),
        WEIGHT=ds.WEIGHT.where(there, np.float32(0)),
    )


def stopped(rho, delay):
    """Mean coefficient with a delay (s) taken out."""
    turn = np.exp(-2j * np.pi * rho.frequency * delay)
    return (rho.VISIBILITY * turn).mean(("time", "channel")).values


# --- values -----------------------------------------------------------------------------------------------


def test_every_value_is_divided_by_its_own_two_autocorrelations(ds):
    rho = ds.difx.normalized()
    for pair, hands in product(ds.baseline.values, ds.polarization.values):
        one, other = pair.split("-")
        powers = [
            ds.VISIBILITY.sel(baseline=f"{name}-{name}", polarization=2 * hand).values.real
            for name, hand in zip((one, other), hands, strict=True)
        ]
        with np.errstate(invalid="ignore"):  # behind the last channel of the narrower band
            wanted = ds.VISIBILITY.sel(baseline=pair, polarization=hands).values / np.sqrt(
                np.prod(powers, axis=0)
            )
        np.testing.assert_allclose(
            rho.VISIBILITY.sel(baseline=pair, polarization=hands), wanted, rtol=1e-5, equal_nan=True
        )
    assert rho.VISIBILITY.dtype == np.complex64
    assert rho.VISIBILITY.dims == ds.VISIBILITY.dims
    assert rho.VISIBILITY.attrs["units"] == "1"
    xr.testing.assert_identical(rho.WEIGHT, ds.WEIGHT)
    xr.testing.assert_identical(rho.UVW, ds.UVW)


@pytest.mark.parametrize("band", [0, 3])
def test_the_share_of_the_common_signal_comes_out_whatever_the_gains(ds, band):
    """The mean of n products of noise has an error of 1/sqrt(n); four of these are allowed."""
    rho = ds.difx.normalized().difx.cross().sel(band=band)
    error = 4 / np.sqrt(200 * int(rho.n_channels) * rho.sizes["time"])
    for pair in rho.baseline.values:
        one, other = pair.split("-")
        found = stopped(rho.sel(baseline=pair), DELAYS[other] - DELAYS[one])
        share = np.sqrt(SHARES[one] * SHARES[other])
        np.testing.assert_allclose(found, share * np.array([1, 1, 0.5, 0.5]), atol=error)


def test_autocorrelations_become_one(ds):
    autos = ds.difx.normalized().difx.auto().difx.parallel().sel(band=0)
    np.testing.assert_allclose(autos.VISIBILITY, 1, atol=1e-6)


@pytest.mark.parametrize("job", ["usb2bit", "lsb1bit"])
def test_real_jobs_show_the_coefficients_that_were_put_in(job):
    """After sampling 0.88 (2 bits; measured 0.86 to 0.88) or 2/pi (1 bit) of a coefficient is left.

    The mean over one second, one or two hands and two bands of 1 or 2 MHz has an error below 0.001.
    """
    measured = {"AA-BB": 0.241, "AA-CC": 0.300, "BB-CC": 0.273} if job == "usb2bit" else {"AA-BB": 0.189}
    truth = json.loads((RAW_JOBS / job / "truth.json").read_text())["antennas"]
    dataset = open_visibilities(RAW_JOBS / job / f"{job}.input")
    rho = dataset.difx.normalized().difx.cross().difx.parallel().isel(channel=slice(1, -1))
    for pair, wanted in measured.items():
        one, other = (truth[name] for name in pair.split("-"))
        begun = (rho.time - np.datetime64("2020-04-09T12:00:00")) / np.timedelta64(1, "s")
        late = sum(
            sign * (end["residual_delay_us_r0"] + end["residual_rate_us_per_s_r1"] * begun) * 1e-6
            for sign, end in ((1, other), (-1, one))
        )
        phase = np.deg2rad(one["phase_deg"] - other["phase_deg"])
        found = stopped(rho.sel(baseline=pair), late) * np.exp(-1j * phase)
        assert found.mean().real == pytest.approx(wanted, abs=0.003)
        assert abs(found.mean().imag) < 0.003
        before = np.sqrt(one["common_power_fraction"] * other["common_power_fraction"])
        low, high = (0.85, 0.89) if job == "usb2bit" else (0.62, 0.65)
        assert low < found.mean().real / before < high


def test_phase_centres_share_the_autocorrelations_of_the_first():
    dataset = open_visibilities(SWIN_JOBS / "zeta_1" / "zeta_1.input")
    rho = dataset.difx.normalized()
    one, two = (
        dataset.VISIBILITY.sel(phase_center=0, baseline=pair, polarization="LL")
        for pair in ("AA-AA", "BB-BB")
    )
    cross = dataset.VISIBILITY.sel(phase_center=1, baseline="AA-BB", polarization="LL")
    found = rho.VISIBILITY.sel(phase_center=1, baseline="AA-BB", polarization="LL")
    np.testing.assert_allclose(found, cross / np.sqrt(one.real * two.real).values, rtol=1e-5)
    assert dataset.sizes["phase_center"] == 2


# --- what is missing --------------------------------------------------------------------------------------


def test_without_an_autocorrelation_there_is_no_coefficient(ds):
    rho = gone(ds, baseline="CC-CC", polarization="LL", time=ds.time[2], band=0).difx.normalized()
    lost = ds.difx.normalized().VISIBILITY.notnull() & rho.VISIBILITY.isnull()
    products = lost.any("channel")
    assert (products == (lost.sum("channel") == 32)).all(), "whole spectra"
    found = {
        (int(t), str(ds.baseline[b].item()), int(ds.band[f]), HANDS_OF[p])
        for t, b, f, p in np.argwhere(products.values)
    }
    wanted = {(2, pair, 0, hands) for pair in ("AA-CC", "BB-CC") for hands in ("LL", "RL")}
    assert found == wanted | {(2, "CC-CC", 0, hands) for hands in ("LL", "RL", "LR")}
    assert (rho.WEIGHT.values == 0).sum() == len(found)
    assert (rho.WEIGHT.where(products, 0) == 0).all()


HANDS_OF = ("RR", "LL", "RL", "LR")


def test_an_antenna_without_autocorrelation_has_no_coefficients(ds):
    left = ds.isel(baseline=[0, 1, 2, 3, 4])
    rho = left.difx.normalized()
    assert rho.sel(baseline=["AA-CC", "BB-CC"]).VISIBILITY.isnull().all()
    assert (rho.sel(baseline=["AA-CC", "BB-CC"]).WEIGHT == 0).all()
    xr.testing.assert_identical(rho.sel(baseline="AA-BB"), ds.difx.normalized().sel(baseline="AA-BB"))


def test_a_hand_without_its_parallel_hand_has_no_coefficients(ds):
    rho = ds.difx.polarization("RR", "RL").difx.normalized()
    assert rho.VISIBILITY.sel(polarization="RL").isnull().all()
    assert rho.VISIBILITY.sel(polarization="RR", band=0).notnull().all()


def test_an_autocorrelation_may_stand_under_another_row_with_the_same_edges(ds):
    """As when one station recorded the band as lower sideband: its FREQ row is another."""
    twin = ds.sel(band=[0]).assign_coords(band=[7], sideband=("band", ["L"]))
    cross = gone(ds, baseline=["AA-AA", "BB-BB"], band=0)
    twin = gone(twin, baseline=["AA-BB", "AA-CC", "BB-CC", "CC-CC"])
    both = xr.concat(
        [cross, twin], "band", data_vars="minimal", coords="minimal", compat="override", join="override"
    )
    rho = both.difx.normalized()
    wanted = ds.difx.normalized().difx.cross()
    xr.testing.assert_equal(rho.difx.cross().sel(band=0).VISIBILITY, wanted.sel(band=0).VISIBILITY)
    assert (rho.difx.cross().sel(band=0).WEIGHT == 1).all()
    shifted = both.assign_coords(frequency=both.frequency + xr.DataArray([0, 0, 1e6], dims="band"))
    assert shifted.difx.normalized().difx.baseline("AA-BB").sel(band=0).VISIBILITY.isnull().all()


def test_spoilt_autocorrelations_are_refused():
    with pytest.warns(UserWarning, match="stitched"):
        dataset = open_visibilities(SWIN_JOBS / "beta_1" / "beta_1.input")
    for data in (dataset, dataset.VISIBILITY, dataset.difx.antenna("AA")):
        with pytest.raises(ValueError, match=r"not to be trusted.*exhaustiveAutocorrs"):
            data.difx.normalized()


def test_refusals_say_what_to_do(ds):
    with pytest.raises(ValueError, match="normalize before selecting baselines, or give the Dataset"):
        ds.difx.cross().difx.normalized()
    with pytest.raises(ValueError, match="give the whole Dataset as autos="):
        ds.difx.cross().difx.normalized(ds.difx.cross())
    with pytest.raises(ValueError, match='over "integration" or "scan"; got \'time\''):
        ds.difx.normalized(over="time")
    with pytest.raises(ValueError, match="none of the times"):
        ds.difx.scan(1).difx.normalized(ds.difx.scan(2))
    with pytest.raises(ValueError, match="differ in their channels"):
        ds.isel(channel=slice(1, 5)).difx.normalized(ds)


# --- autocorrelations from elsewhere, means of them -------------------------------------------------------


def test_one_baseline_can_be_normalized_without_reading_the_others(ds):
    lazy, arrays = waiting(ds, "VISIBILITY")
    rho = lazy.difx.baseline("AA-BB").difx.normalized(lazy)
    xr.testing.assert_identical(rho.load(), ds.difx.normalized().difx.baseline("AA-BB"))
    spectra = 6 * 2 * 4 * 32
    assert sum(arrays["VISIBILITY"].read) <= (1 + 3) * spectra


def test_other_times_and_single_times_find_their_autocorrelations(ds):
    whole = ds.difx.normalized()
    assert ds.difx.scan(2).difx.cross().difx.normalized(ds).equals(whole.difx.scan(2).difx.cross())
    one = ds.isel(time=3).difx.cross().difx.normalized(ds)
    assert one.VISIBILITY.equals(whole.isel(time=3).difx.cross().VISIBILITY)
    backwards = ds.isel(time=slice(None, None, -1)).difx.cross().difx.normalized(ds)
    assert backwards.isel(time=slice(None, None, -1)).VISIBILITY.equals(whole.difx.cross().VISIBILITY)


def test_means_over_a_scan_divide_by_the_mean_and_fill_what_is_missing(ds):
    hole = gone(ds, baseline="BB-BB", time=ds.time[1])
    rho = hole.difx.normalized(over="scan")
    scan = hole.difx.scan(1)
    powers = [
        scan.VISIBILITY.sel(baseline=name, polarization="RR", band=0).real.mean("time")
        for name in ("AA-AA", "BB-BB")
    ]
    wanted = scan.VISIBILITY.sel(baseline="AA-BB", polarization="RR", band=0) / np.sqrt(powers[0] * powers[1])
    found = rho.difx.scan(1).VISIBILITY.sel(baseline="AA-BB", polarization="RR", band=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert (rho.difx.cross().WEIGHT == 1).all()


def test_axes_that_are_gone_stay_away(ds):
    whole = ds.difx.normalized()
    one = ds.sel(band=0, polarization="RR")
    xr.testing.assert_allclose(
        one.difx.normalized().VISIBILITY, whole.sel(band=0, polarization="RR").VISIBILITY
    )
    assert one.difx.normalized().VISIBILITY.dims == one.VISIBILITY.dims


def test_arrays_are_normalized_like_datasets(ds):
    found = ds.VISIBILITY.difx.normalized()
    assert found.name == "VISIBILITY"
    np.testing.assert_array_equal(found, ds.difx.normalized().VISIBILITY)
