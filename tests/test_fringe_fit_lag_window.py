# SPDX-License-Identifier: GPL-3.0-or-later
"""By how much the lag window of an FX correlator pulls delays, against what `fringe_fit` adds to their errors.

The expected spectrum of white noise that fills a band: the products x1(k) · x2(k - m) of real samples, the second late
by τ, have the mean sinc(m + τ fs); of segments of 2N samples 2N - |m| products reach lag m; the transform of both is
the mean spectrum.
"""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import estimate_fringe
from difxnb.visibility import fringe_fit
from difxnb.visibility.fits.search import FX_PULL, lag_window_pull
from tests.injected_fringes import Band, Station, injected

BANDWIDTH = 4e6


def mean_spectra(channels, delays):
    """Expected spectra (delay, channel) of a band, and frequencies of the channels, Hz from its edge."""
    segment, rate = 2 * channels, 2 * BANDWIDTH
    lags = np.arange(-segment + 1, segment)
    correlation = np.sinc(lags + np.asarray(delays)[:, None] * rate) * (1 - np.abs(lags) / segment)
    frequency = np.arange(channels) * rate / segment
    return correlation @ np.exp(-2j * np.pi * lags[:, None] * frequency / rate), frequency


def pulls(channels, delays):
    """Delay that is fitted less that of the signal, in units of 1/(bandwidth · channels)."""
    spectra, frequency = mean_spectra(channels, delays)
    found = estimate_fringe(spectra, 8.4e9 + frequency, noise=1.0).delay
    return (found - delays) * BANDWIDTH * channels


@pytest.mark.parametrize("channels", [32, 128, 256])
def test_the_pull_is_no_more_than_is_said(channels):
    """It grows slowly with the number of channels."""
    found = pulls(channels, np.arange(-8, 8, 0.1) / (2 * BANDWIDTH))
    assert np.abs(found).max() < 2 * FX_PULL
    assert 0.3 * FX_PULL < np.sqrt(np.mean(found**2)) < FX_PULL


def test_a_delay_on_a_lag_is_not_pulled():
    found = pulls(128, np.arange(-20, 21) / (2 * BANDWIDTH))
    assert np.abs(found).max() < 1e-3


def test_the_pull_is_in_the_errors_of_delays_of_a_band():
    """At any SNR the error stays above it; a multi-band delay knows none."""
    band = Band(8400e6, 16e6, 32)
    data = injected(
        {"AA": Station(), "BB": Station(delay=31e-9)}, bands=(band, Band(8440e6, 16e6, 32)), amplitude=1e3
    )
    least = FX_PULL / (band.width_hz * band.channels)
    assert lag_window_pull(band.centres) == pytest.approx(least)
    table = fringe_fit(data)
    np.testing.assert_allclose(table["delay_error"], least, rtol=0.01)
    together = fringe_fit(data, multiband=True)
    assert (together["delay_error"] < least / 20).all()
    np.testing.assert_allclose(together["single_band_delay_error"], least, rtol=0.01)
