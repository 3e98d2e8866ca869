# SPDX-License-Identifier: GPL-3.0-or-later
"""SNR of other programs: their definitions carried out on injected data, against what is expected of them."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import fringe_scan, snr_in_convention
from difxnb.visibility import open_visibilities
from tests.stored_jobs import REFERENCE

CHANNELS, BANDWIDTH = 64, 4e6
TRIALS = 60
MAXCHANNELS = 33_000


def records(snr, cells, phase):
    """Spectra of a fringe `cells` lags late; `snr` over all channels."""
    rng = np.random.default_rng([int(snr), int(100 + 10 * cells)])
    turns = cells * (np.arange(CHANNELS) - (CHANNELS - 1) / 2) / CHANNELS
    noise = rng.normal(size=(TRIALS, CHANNELS)) + 1j * rng.normal(size=(TRIALS, CHANNELS))
    return snr / np.sqrt(CHANNELS) * np.exp(1j * (phase + 2 * np.pi * turns)) + noise


def as_plotdifx(spectrum):
    """Highest lag over the scatter of a list that is longer than the spectrum, highest and previous lag zeroed."""
    lags = np.zeros(MAXCHANNELS)
    lags[:CHANNELS] = np.fft.fftshift(np.abs(np.fft.ifft(spectrum)))
    top = int(lags.argmax())
    highest = lags[top]
    lags[top] = 0
    if top > 0:
        lags[top - 1] = 0
    return highest / lags.std()


def as_vcal(spectrum):
    """Highest lag of a real function over the scatter of those farther than ten lags."""
    lags = np.abs(np.fft.irfft(np.append(spectrum, 0), 2 * CHANNELS))
    top = int(lags.argmax())
    return lags[top] / np.roll(lags, 10 - top)[20:].std()


@pytest.mark.parametrize("phase", [0.0, 1.0])
@pytest.mark.parametrize("cells", [0.0, 5.3, -7.3])
@pytest.mark.parametrize("snr", [15, 40, 300])
@pytest.mark.parametrize(("convention", "measure"), [("plotDiFX", as_plotdifx), ("vcal", as_vcal)])
def test_what_other_programs_measure(convention, measure, snr, cells, phase):
    measured = [measure(spectrum) for spectrum in records(snr, cells, phase)]
    expected = snr_in_convention(
        snr,
        convention,
        channels=CHANNELS,
        edge_channels=0,
        delay=cells / BANDWIDTH,
        phase=phase,
        bandwidth=BANDWIDTH,
    )
    # a maximum takes up to one and a half of the noise along where two lags are equally high
    assert np.mean(measured) == pytest.approx(expected, rel=0.04 + 1.5 / snr)


def test_a_fit_of_many_records_is_put_as_one_of_them():
    """Our SNR over 9 records without edges becomes that of a single record with them."""
    spectra = records(30, 0.0, 0.0)[:9]
    nu = 8.4e9 + np.arange(CHANNELS) * BANDWIDTH / CHANNELS
    fringe = fringe_scan(spectra, np.arange(9.0), nu, noise=1.0)
    expected = snr_in_convention(fringe.snr, "plotDiFX", channels=CHANNELS, integrations=9)
    assert np.mean([as_plotdifx(one) for one in spectra]) == pytest.approx(float(expected), rel=0.1)


def test_fourfit_is_the_theoretical_one_with_its_loss():
    """0.970 · r √(2BT): the correlation coefficient r of samples whose products have the noise of theory."""
    coefficient, bandwidth, length = 1e-3, 16e6, 60.0
    rms = np.sqrt(CHANNELS / (2 * bandwidth * length))  # one component of one channel: 2BT/N samples
    spectrum = np.full((1, CHANNELS), coefficient, dtype=complex)
    nu = 8.4e9 + np.arange(CHANNELS) * bandwidth / CHANNELS
    ours = fringe_scan(spectrum, [0.0], nu, noise=rms).snr
    theirs = 0.970 * coefficient * np.sqrt(2 * bandwidth * length)
    assert snr_in_convention(ours, "fourfit", channels=CHANNELS) == pytest.approx(theirs, rel=1e-6)


# what fourfit 3.24 says of the first scan of each job, one band at a time, after difx2mark4 1.8
FOURFIT = [
    ("mpifxcorr-output/alpha_1", "AA-BB", 0, "RR", 979.824),
    ("mpifxcorr-output/alpha_1", "AA-CC", 0, "RR", 619.308),
    ("mpifxcorr-output/alpha_1", "BB-CC", 0, "RR", 596.168),
    ("mpifxcorr-output/alpha_1", "AA-CC", 0, "RL", 185.726),
    ("raw-jobs/usb2bit", "AA-BB", 0, "RR", 323.533),
    ("raw-jobs/usb2bit", "AA-CC", 0, "RR", 404.601),
    ("raw-jobs/usb2bit", "AA-CC", 0, "RL", 202.695),
    ("raw-jobs/lsb1bit", "AA-BB", 1, "RR", 364.039),
]


@pytest.mark.parametrize(("job", "baseline", "band", "polarization", "said"), FOURFIT)
def test_fourfit_itself_says_so(job, baseline, band, polarization, said):
    """Correlation coefficients with the noise of theory; 0.2 % are the rounding of fourfit's sampling loss."""
    folder = REFERENCE / job
    whole = open_visibilities(folder / f"{folder.name}.input").isel(band=band)
    scan = whole.isel(time=whole["scan_name"].values == "No0001")

    def spectra(name, hands):
        return scan["VISIBILITY"].sel(baseline=name, polarization=hands).values

    power = [
        spectra(f"{antenna}-{antenna}", 2 * hand).real.mean(axis=-1, keepdims=True)
        for antenna, hand in zip(baseline.split("-"), polarization, strict=True)
    ]
    channels = scan.sizes["channel"]
    bandwidth, length = float(scan["bandwidth"]), scan.attrs["integration_time"]
    fringe = fringe_scan(
        spectra(baseline, polarization) / np.sqrt(power[0] * power[1]),
        (scan["time"].values - scan["time"].values[0]) / np.timedelta64(1, "s"),
        scan["frequency"].values,
        scan["WEIGHT"].sel(baseline=baseline, polarization=polarization).values,
        edge_channels=0,
        noise=np.sqrt(channels / (2 * bandwidth * length)),
    )
    ours = snr_in_convention(fringe.snr, "fourfit", channels=channels, edge_channels=0)
    assert said == pytest.approx(float(ours), rel=0.003)


def test_our_own_is_left_alone_and_shapes_are_kept():
    snr = np.array([[5.0, np.nan], [100.0, 7.0]])
    np.testing.assert_array_equal(snr_in_convention(snr, "difxnb", channels=32), snr)
    stated = snr_in_convention(snr, "vcal", channels=32, delay=np.zeros((2, 2)), phase=np.ones((2, 2)))
    assert stated.shape == (2, 2)
    assert np.isnan(stated[0, 1])
    assert stated[1, 0] > stated[1, 1] > stated[0, 0]


def test_unknown_conventions_and_too_few_channels_are_refused():
    with pytest.raises(ValueError, match="SNR conventions are difxnb, plotDiFX, vcal, fourfit"):
        snr_in_convention(10.0, "aips", channels=32)
    with pytest.raises(ValueError, match="vcal needs 11 channels"):
        snr_in_convention(10.0, "vcal", channels=8)
