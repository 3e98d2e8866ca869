# SPDX-License-Identifier: GPL-3.0-or-later
"""Lag functions: a delay that was put in comes out, finer than the lags, with its sign, in both sidebands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.visibility import open_visibilities
from tests.made_visibilities import Band, dataset, made

RAW_JOBS = Path(__file__).parent / "reference" / "raw-jobs"
SWIN_JOBS = Path(__file__).parent / "reference" / "mpifxcorr-output"
UPPER, LOWER = Band(0, 8400.5e6, 2e6, 32), Band(3, 8420e6, 1e6, 16, "L")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def signal(delay, *, amplitude=0.3, phase=0.0, bands=(UPPER, LOWER), scans=(("No0001", "SRCA", 2),)):
    """One baseline with nothing but a signal, antenna 2 late by `delay`."""
    times, most = scans[0][2], max(band.channels for band in bands)
    spectra = np.full((times, 1, len(bands), 1, most), np.nan + 1j * np.nan)
    for place, band in enumerate(bands):
        turn = np.exp(1j * (2 * np.pi * band.centres * delay + phase))
        spectra[:, 0, place, 0, : band.channels] = amplitude * turn
    return dataset(spectra, scans, bands, [("AA", "BB")], np.random.default_rng(1))


def peaks(lag_function):
    """Delay (s) and height of the highest point of |LAG|, by a parabola through three of its values."""
    height, lags = np.abs(lag_function.values), lag_function.lag.values
    k = int(np.nanargmax(height))
    left, top, right = height[k - 1 : k + 2]
    shift = 0.5 * (left - right) / (left - 2 * top + right)
    return lags[k] + shift * (lags[1] - lags[0]), top - 0.25 * (left - right) * shift


@given(st.floats(-7.5e-6, 7.5e-6), st.floats(-3, 3), st.sampled_from([0, 3]))
@settings(max_examples=20)
def test_a_delay_comes_out_finer_than_the_lags(delay, phase, row):
    found = signal(delay, phase=phase).difx.lags().LAG.sel(band=row)[0, 0, 0]
    late, height = peaks(found)
    assert late == pytest.approx(delay, abs=0.01 / float(found.bandwidth))
    assert height == pytest.approx(0.3, rel=2e-3)


def test_the_phase_is_that_at_the_reference_frequency():
    delay = 3 / (2e6 * 8)  # on a lag
    found = signal(delay, phase=0.4).difx.lags().LAG.sel(band=0)[0, 0, 0]
    top = found[int(np.abs(found.values).argmax())]
    assert float(top.lag) == pytest.approx(delay)
    assert float(found.reference_frequency) == UPPER.centres[0]
    turned = top.values * np.exp(-1j * (2 * np.pi * UPPER.centres[0] * delay + 0.4))
    assert turned == pytest.approx(0.3, rel=1e-4)


def test_bands_have_lags_of_their_own():
    lags = signal(1e-7).difx.lags(padding=2)
    assert lags.LAG.dims == ("time", "baseline", "band", "polarization", "lag_index")
    assert lags.LAG.dtype == np.complex64
    assert lags.lag.dims == ("band", "lag_index")
    assert lags.lag.attrs["units"] == "s"
    np.testing.assert_allclose(lags.lag.sel(band=0), np.arange(-32, 32) / (2 * 2e6))
    np.testing.assert_allclose(lags.lag.sel(band=3)[:32], np.arange(-16, 16) / (2 * 1e6))
    assert np.isnan(lags.lag.sel(band=3)[32:]).all()
    assert np.isnan(lags.LAG.sel(band=3)[..., 32:]).all()
    assert np.isfinite(lags.LAG.sel(band=3)[..., :32]).all()
    assert "channel" not in lags.dims
    assert {"WEIGHT", "UVW"} <= set(lags.data_vars)


def test_padding_only_adds_lags_in_between():
    source = made()
    coarse, fine = (source.difx.lags(padding=padding).LAG for padding in (1, 4))
    np.testing.assert_allclose(fine.sel(band=0)[..., ::4], coarse.sel(band=0), atol=1e-5)
    energy = (np.abs(coarse.sel(band=0)) ** 2).sum("lag_index")
    power = (np.abs(source.VISIBILITY.sel(band=0)) ** 2).mean("channel")
    np.testing.assert_allclose(energy, power, rtol=1e-4)


def test_missing_channels_are_absent_and_missing_spectra_missing():
    source = signal(1e-7)
    values = source.VISIBILITY.values.copy()
    values[0, :, :, :, [2, 7, 11]] = np.nan
    values[1] = np.nan
    lags = source.assign(VISIBILITY=(source.VISIBILITY.dims, values)).difx.lags().LAG.sel(band=0)
    late, height = peaks(lags[0, 0, 0])
    assert (late, height) == (pytest.approx(1e-7, abs=5e-9), pytest.approx(0.3, rel=5e-3))
    assert np.isnan(lags[1]).all()


def test_selected_channels_keep_the_delay():
    source = signal(1.1e-6)
    inner = source.isel(channel=slice(1, 15)).difx.lags().LAG
    assert peaks(inner.sel(band=3)[0, 0, 0])[0] == pytest.approx(1.1e-6, abs=1e-8)
    assert inner.reference_frequency.values.tolist() == [UPPER.centres[1], LOWER.centres[1]]
    second = source.isel(channel=slice(0, 16, 2)).difx.lags(padding=1)
    assert float(second.lag.sel(band=0).max() - second.lag.sel(band=0).min()) == pytest.approx(7 / 8 * 8e-6)
    with pytest.raises(ValueError, match="at equal distances"):
        source.isel(channel=[0, 1, 3]).difx.lags()
    with pytest.raises(ValueError, match="a band has no channel left"):
        source.isel(channel=slice(20, 30)).difx.lags()


def test_a_window_lowers_side_lobes_and_keeps_the_peak():
    plain, hann = (signal(0.0).difx.lags(window=window).LAG.sel(band=0)[0, 0, 0] for window in (None, "hann"))
    for found in (plain, hann):
        assert peaks(found)[1] == pytest.approx(0.3, rel=1e-4)
    far = np.abs(plain.lag) > 3 / 2e6
    assert float(np.abs(plain.where(far)).max()) > 0.02
    assert float(np.abs(hann.where(far)).max()) < 0.005


def test_edge_channels_do_not_count():
    source = signal(2e-7)
    values = source.VISIBILITY.values.copy()
    for place, last in ((0, 31), (1, 15)):
        values[:, :, place, :, [0, last]] = 5.0
    spoilt = source.assign(VISIBILITY=(source.VISIBILITY.dims, values)).difx.lags(edge_channels=1)
    for row in (0, 3):
        late, height = peaks(spoilt.LAG.sel(band=row)[0, 0, 0])
        assert (late, height) == (pytest.approx(2e-7, abs=1e-8), pytest.approx(0.3, rel=5e-3))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"padding": 0}, "padding is a whole number from 1 on; got 0"),
        ({"padding": 1.5}, "padding is a whole number"),
        ({"edge_channels": 8}, "8 channels at either end leave nothing of a band of 16"),
        ({"edge_channels": -1}, "-1 channels at either end"),
    ],
)
def test_options_without_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        signal(0.0).difx.lags(**options)


def test_spectra_without_channels_have_no_lags():
    with pytest.raises(ValueError, match="no axis 'channel'"):
        signal(0.0).difx.mean_over("channel").difx.lags()


def test_arrays_and_single_bands_work_too():
    source = signal(1e-7)
    whole = source.difx.lags()
    np.testing.assert_array_equal(source.VISIBILITY.difx.lags(), whole.LAG)
    one = source.isel(band=1).difx.lags()
    assert one.lag.dims == ("lag_index",)
    np.testing.assert_array_equal(one.LAG, whole.LAG.isel(band=1, lag_index=slice(0, 128)))
    assert one.LAG.swap_dims(lag_index="lag").sel(lag=1e-7, method="nearest").ndim == 3


# --- real jobs --------------------------------------------------------------------------------------------


def truth_of_raw(job):
    """Lateness of each antenna (µs), and what its second hand adds."""
    antennas = json.loads((RAW_JOBS / job / "truth.json").read_text())["antennas"]
    return {name: (one["residual_delay_us_r0"], 0.0) for name, one in antennas.items()}


def truth_of_alpha():
    antennas = json.loads((SWIN_JOBS / "truth.json").read_text())["antennas"]
    return {name: (one["tau_ns"] / 1e3, one["extra_tau_L_ns"] / 1e3) for name, one in antennas.items()}


@pytest.mark.parametrize("job", ["usb2bit", "lsb1bit", "alpha_1"])
def test_real_jobs_peak_at_the_delays_that_were_put_in(job):
    """Upper and lower sidebands; noise (2 to 4 ns) and the pull of the lag window leave less than 10 ns."""
    folder = SWIN_JOBS if job == "alpha_1" else RAW_JOBS
    truth = truth_of_alpha() if job == "alpha_1" else truth_of_raw(job)
    lags = open_visibilities(folder / job / f"{job}.input").difx.cross().difx.lags(edge_channels=1)
    power = (np.abs(lags.LAG) ** 2).mean("time")
    assert job == "usb2bit" or set(lags.sideband.values) == {"U", "L"}
    for pair in lags.baseline.values:
        one, other = (truth[name] for name in pair.split("-"))
        for row in lags.band.values:
            for hand, hands in enumerate(hands for hands in ("RR", "LL") if hands in lags.polarization):
                wanted = other[0] - one[0] + (other[1] - one[1] if hand else 0)
                late, _ = peaks(np.sqrt(power.sel(baseline=pair, band=row, polarization=hands)))
                assert late * 1e6 == pytest.approx(wanted, abs=0.010), (pair, row, hands)
