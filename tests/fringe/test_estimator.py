# SPDX-License-Identifier: GPL-3.0-or-later
"""The fringe estimator against injected fringes, pure noise and the worked examples of the file formats."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import estimate_fringe, false_alarm_probability, fringe_scan, lag_axis, lag_spectrum

WIDTH = 62_500.0
SKY = 8.4e9


def frequencies(channels: int) -> np.ndarray:
    return SKY + np.arange(channels) * WIDTH


def inject(rng, trials, integrations, channels, snr, *, weight=1.0, step=0.5):
    """Fringes of random delay, rate and phase in noise, with their truth; SNR as the estimator defines it."""
    nu, time = frequencies(channels), np.arange(integrations) * step
    delay = rng.uniform(-0.4, 0.4, trials) / WIDTH
    rate = rng.uniform(-0.3, 0.3, trials) / step / SKY * (integrations > 1)
    phase = rng.uniform(-np.pi, np.pi, trials)
    shape = (trials, integrations, channels)
    weights = np.broadcast_to(weight, shape)
    amplitude = snr / np.sqrt(weights[0, :, 1:-1].sum())
    turns = delay[:, None, None] * (nu - (nu[0] + nu[-1]) / 2)
    turns = turns + rate[:, None, None] * ((time - (time[0] + time[-1]) / 2)[:, None] * nu)
    noise = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(weights)
    signal = amplitude * np.exp(1j * (phase[:, None, None] + 2 * np.pi * turns))
    return signal + noise, nu, time, {"delay": delay, "delay_rate": rate, "phase": phase}


def deviations(fringe, truth, name):
    """Differences to the truth in units of the stated error."""
    difference = getattr(fringe, name) - truth[name]
    if name == "phase":
        difference = np.angle(np.exp(1j * difference))
    return difference / getattr(fringe, f"{name}_error")


@pytest.mark.parametrize("snr", [8, 15, 60, 1000])
@pytest.mark.parametrize("channels", [32, 64])
def test_one_spectrum_scatters_as_stated(snr, channels):
    visibility, nu, _, truth = inject(np.random.default_rng(snr), 2000, 1, channels, snr)
    fringe = estimate_fringe(visibility[:, 0], nu)
    for name in ("delay", "phase"):
        scaled = deviations(fringe, truth, name)
        assert abs(scaled.mean()) < 0.1, name
        assert 0.9 < scaled.std() < 1.12, name
    assert 0.97 < np.median(fringe.snr) / snr < 1.1
    assert np.isnan(fringe.delay_rate).all()
    assert fringe.delay.shape == (2000,)


@pytest.mark.parametrize("snr", [8, 30, 1000])
@pytest.mark.parametrize("integrations", [4, 12])
def test_scan_scatters_as_stated(snr, integrations):
    visibility, nu, time, truth = inject(np.random.default_rng(snr), 1500, integrations, 32, snr)
    fringe = fringe_scan(visibility, time, nu)
    for name in ("delay", "delay_rate", "phase"):
        scaled = deviations(fringe, truth, name)
        assert abs(scaled.mean()) < 0.1, name
        assert 0.88 < scaled.std() < 1.13, name


def test_weights_are_inverse_variances():
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.1, 1.0, (1, 6, 32))
    visibility, nu, time, truth = inject(rng, 1500, 6, 32, 40, weight=weight)
    fringe = fringe_scan(visibility, time, nu, np.broadcast_to(weight, visibility.shape))
    for name in ("delay", "delay_rate"):
        assert 0.88 < deviations(fringe, truth, name).std() < 1.13, name
    assert fringe.noise.mean() == pytest.approx(1.0, rel=0.03)
    unweighted = fringe_scan(visibility, time, nu)
    assert deviations(unweighted, truth, "delay").std() * np.median(unweighted.delay_error) > deviations(
        fringe, truth, "delay"
    ).std() * np.median(fringe.delay_error)


def test_weight_per_integration_equals_weight_per_channel():
    rng = np.random.default_rng(4)
    visibility, nu, time, _ = inject(rng, 3, 6, 32, 40)
    weight = rng.uniform(0.1, 1.0, (3, 6))
    short = fringe_scan(visibility, time, nu, weight)
    full = fringe_scan(visibility, time, nu, np.repeat(weight[..., None], 32, axis=-1))
    np.testing.assert_array_equal(short.delay, full.delay)


@pytest.mark.parametrize("low_edge", [8400e6, 8408e6])  # USB band at 8400, LSB band with its LO at 8412
def test_sign_of_worked_example(low_edge):
    """Phase that rises by 22.5 degrees per channel of 0.125 MHz is +500 ns: antenna 2 is late."""
    nu = low_edge + (np.arange(32) * 4 + 1.5) * 31250.0
    visibility = np.exp(1j * np.radians(22.5) * np.arange(32))
    fringe = estimate_fringe(visibility, nu, noise=1e-3)
    assert fringe.delay == pytest.approx(500e-9, abs=1e-15)
    assert fringe.phase == pytest.approx(np.angle(np.exp(1j * np.radians(22.5) * 15.5)), abs=1e-9)
    lags = lag_axis(32, 125e3)
    assert lags[np.abs(lag_spectrum(visibility)).argmax()] == pytest.approx(500e-9, abs=1e-15)


def test_rate_of_worked_example():
    """36 degrees per second at 8400 MHz are 11.9 ps/s."""
    time, nu = np.arange(10.0), 8400e6 + (np.arange(33) - 16) * WIDTH
    visibility = np.exp(2j * np.pi * 11.905e-12 * time[:, None] * nu)
    fringe = fringe_scan(visibility, time, nu, noise=1e-3)
    assert fringe.delay_rate == pytest.approx(11.905e-12, rel=1e-6)
    assert fringe.reference_time == 4.5


def test_what_has_no_weight_does_not_count():
    rng = np.random.default_rng(5)
    visibility, nu, _, _ = inject(rng, 4, 1, 40, 50)
    clean = visibility[:, 0]
    dirty, weight = clean.copy(), np.ones_like(clean, dtype=float)
    dirty[:, 7], weight[:, 7] = 1e6, 0.0
    dirty[:, 20], weight[:, 21] = np.nan, np.nan
    fringe = estimate_fringe(dirty, nu, weight)
    missing = clean.copy()
    missing[:, [7, 20, 21]] = np.nan
    np.testing.assert_allclose(fringe.delay, estimate_fringe(missing, nu).delay, rtol=1e-12)
    np.testing.assert_allclose(fringe.noise, estimate_fringe(missing, nu).noise, rtol=1e-12)


def test_nothing_gives_nan():
    nu = frequencies(16)
    visibility = np.full((2, 3, 16), np.nan, dtype=np.complex64)
    visibility[1] = 1
    fringe = fringe_scan(visibility, np.arange(3.0), nu, noise=np.array([0.1, 0.1]))
    for values in (fringe.delay, fringe.delay_rate, fringe.phase, fringe.snr, fringe.noise, fringe.amplitude):
        assert np.isnan(values[0])
        assert np.isfinite(values[1])
    assert np.isnan(fringe.false_alarm_probability[0])
    assert np.isnan(fringe_scan(np.zeros((2, 0, 16)), [], nu).delay).all()


def test_integrations_with_one_left_have_no_rate():
    visibility = np.full((2, 4, 16), np.nan, dtype=np.complex64)
    visibility[0], visibility[1, 2] = 1, 1
    fringe = fringe_scan(visibility, np.arange(4.0), frequencies(16), noise=0.1)
    assert np.isfinite(fringe.delay).all()
    assert np.isfinite(fringe.delay_rate[0])
    assert np.isnan(fringe.delay_rate[1])
    assert np.isnan(fringe.delay_rate_error[1])


def test_strong_fringe_with_bandpass_and_tone_does_not_raise_the_noise():
    rng = np.random.default_rng(6)
    visibility, nu, time, _ = inject(rng, 200, 8, 64, 3000)
    visibility *= 1 - 0.7 * np.linspace(-1, 1, 64) ** 4  # edges of a filter
    visibility[:, :, 30] *= 0.6  # a phase calibration tone in one station lowers a channel
    alone = estimate_fringe(visibility[:, 0], nu)
    together = fringe_scan(visibility, time, nu)
    true_noise = 1.0 - 0.7 * np.mean(np.linspace(-1, 1, 64) ** 4)
    assert np.median(together.noise) == pytest.approx(true_noise, rel=0.2)
    assert np.median(alone.noise) < 2 * true_noise


def test_phase_moves_with_the_reference_frequency():
    visibility, nu, _, _ = inject(np.random.default_rng(7), 1, 1, 32, 500)
    here = estimate_fringe(visibility[:, 0], nu)
    there = estimate_fringe(visibility[:, 0], nu, reference_frequency=nu[0])
    turned = here.phase - 2 * np.pi * here.delay * (here.reference_frequency - nu[0])
    assert np.angle(np.exp(1j * (turned - there.phase))) == pytest.approx(0.0, abs=1e-6)
    assert there.phase_error > 1.5 * here.phase_error
    assert there.delay_error == pytest.approx(here.delay_error, rel=1e-6)


def test_delay_close_to_the_ambiguity_stays_inside():
    nu = frequencies(32)
    for delay in (0.4999, -0.4999):
        fringe = estimate_fringe(np.exp(2j * np.pi * delay / WIDTH * nu), nu, noise=1e-3)
        assert fringe.delay == pytest.approx(delay / WIDTH, rel=1e-6)


def test_padded_band_and_long_scan_with_gap():
    nu = np.append(frequencies(16), [np.nan] * 8)
    time = np.append(np.arange(900), np.arange(3000, 3600)) * 0.1
    turns = 3e-6 * (nu - nu[0]) + 2e-13 * time[:, None] * nu
    visibility = np.exp(2j * np.pi * turns)
    fringe = fringe_scan(visibility, time, nu, noise=1e-3)
    assert fringe.delay_rate == pytest.approx(2e-13, rel=1e-6)
    assert fringe.amplitude == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize(
    ("integrations", "channels", "trials"), [(1, 34, 12_000), (1, 130, 5000), (8, 34, 3000)]
)
def test_false_alarms_of_noise_come_as_often_as_stated(integrations, channels, trials):
    rng = np.random.default_rng(channels)
    shape = (trials, integrations, channels)
    visibility = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    fringe = fringe_scan(visibility, np.arange(integrations), frequencies(channels))
    known = fringe_scan(visibility, np.arange(integrations), frequencies(channels), noise=1.0)
    for level in (0.3, 0.1, 0.03, 0.01):
        chance = np.sqrt(level * (1 - level) / trials)
        seen = np.mean(known.false_alarm_probability < level)
        assert 0.8 * level - 3 * chance < seen < level + 3 * chance
        # with the noise measured in the same data the statement is a little too careful, never too bold
        seen = np.mean(fringe.false_alarm_probability < level)
        assert 0.5 * level - 3 * chance < seen < level + 3 * chance


def test_false_alarm_probability_falls_with_snr():
    for integrations in (1, 10):
        chances = false_alarm_probability(np.linspace(0, 30, 200), 64, integrations)
        assert np.all(np.diff(chances) <= 0)
        assert chances[0] > 0.99
        assert chances[-1] < 1e-100
    assert np.isnan(false_alarm_probability(np.nan, 64))


def test_lag_spectrum_peaks_with_the_amplitude_and_leaves_gaps_out():
    nu = frequencies(32)
    visibility = 3.0 * np.exp(2j * np.pi * 2e-6 * nu)
    visibility[[0, 9]] = np.nan
    lags = lag_spectrum(np.stack([visibility, visibility]), padding=16)
    assert lags.shape == (2, 512)
    peak = np.abs(lags[1]).argmax()
    assert np.abs(lags[1, peak]) == pytest.approx(3.0, rel=1e-9)
    assert lag_axis(32, WIDTH, padding=16)[peak] == pytest.approx(2e-6, rel=1e-9)
    np.testing.assert_array_equal(lag_spectrum(visibility[:, None], padding=16, axis=0)[:, 0], lags[0])


@pytest.mark.parametrize(
    ("shape", "time", "nu"),
    [
        ((2, 16), [0.0], frequencies(16)),
        ((1, 16), [0.0], frequencies(15)),
        ((2, 16), [1.0, 0.0], frequencies(16)),
        ((1, 16), [0.0], frequencies(16)[::-1]),
        ((1, 16), [0.0], np.geomspace(8e9, 9e9, 16)),
        ((1, 1), [0.0], frequencies(1)),
    ],
)
def test_axes_that_do_not_fit_are_refused(shape, time, nu):
    with pytest.raises(ValueError, match="fit"):
        fringe_scan(np.ones(shape), time, nu)
