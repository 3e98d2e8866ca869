# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows, long scans, gaps, other references, threads and odd data: what a fit does where it could go wrong."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import Fringe, estimate_fringe, fringe_scan

WIDTH = 62_500.0
SKY = 8.4e9
DELAY, RATE = 2e-6, 1e-11


def inject(time, channels, snr, *, delay=DELAY, rate=RATE, items=1, sky=SKY, width=WIDTH, dtype=np.complex64):
    """Fringes of one delay and rate, phase 0 in the middle, each item with noise of its own."""
    rng = np.random.default_rng([channels, len(time)])
    nu = sky + np.arange(channels) * width
    turns = delay * (nu - (nu[0] + nu[-1]) / 2) + rate * (time - (time[0] + time[-1]) / 2)[:, None] * nu
    noise = rng.standard_normal((items, *turns.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    amplitude = snr / np.sqrt(turns.size)
    return (amplitude * np.exp(2j * np.pi * np.remainder(turns, 1.0)) + noise).astype(dtype), nu


def within(fringe, errors=5.0, delay=DELAY, rate=RATE):
    """Whether delay and rate are found within so many of their errors."""
    off = np.abs(fringe.delay - delay) < errors * fringe.delay_error
    return bool(np.all(off & (np.abs(fringe.delay_rate - rate) < errors * fringe.delay_rate_error)))


def brute_force(visibility, time, nu, weight, delays, rates):
    """|Σ w V exp(…)| at each of these delays and rates."""
    offset, later = nu - (nu[0] + nu[-1]) / 2, time - (time[0] + time[-1]) / 2
    best = np.zeros((delays.size, rates.size))
    for i, delay in enumerate(delays):
        for j, rate in enumerate(rates):
            turns = delay * offset + rate * later[:, None] * nu
            best[i, j] = np.abs((weight * visibility * np.exp(-2j * np.pi * turns)).sum())
    return best


def test_no_other_place_has_a_higher_sum():
    """Against a brute-force search of the whole range and a fine one about the peak."""
    rng = np.random.default_rng(1)
    time, nu = np.array([0.0, 0.5, 1.0, 2.0, 2.5, 3.0]), SKY + np.arange(12) * WIDTH
    visibility = rng.normal(size=(6, 12)) + 1j * rng.normal(size=(6, 12)) + 0.4
    weight = rng.uniform(0.2, 1, size=visibility.shape)
    fringe = fringe_scan(visibility, time, nu, weight, edge_channels=0, noise=1.0)
    found = fringe.snr * np.sqrt(weight.sum())
    rates = np.linspace(-0.5, 0.5, 61) / (0.5 * nu.mean())
    everywhere = brute_force(visibility, time, nu, weight, np.linspace(-0.5, 0.5, 61) / WIDTH, rates)
    assert everywhere.max() <= found * (1 + 1e-9)
    assert everywhere.max() > 0.95 * found
    near = np.linspace(-0.02, 0.02, 5)
    delays, rates = (
        fringe.delay + near * fringe.delay_error,
        fringe.delay_rate + near * fringe.delay_rate_error,
    )
    about = brute_force(visibility, time, nu, weight, delays, rates)
    assert about[2, 2] == pytest.approx(found, rel=1e-12)
    assert np.unravel_index(about.argmax(), about.shape) == (2, 2)


def test_the_precision_of_the_data_is_enough():
    time = np.arange(20.0)
    visibility, nu = inject(time, 64, 1000, items=5)
    single, double = (fringe_scan(visibility.astype(t), time, nu) for t in (np.complex64, np.complex128))
    for name in ("delay", "delay_rate", "phase", "amplitude"):
        error = getattr(double, f"{name}_error")
        assert np.all(np.abs(getattr(single, name) - getattr(double, name)) < 1e-3 * error), name
    np.testing.assert_allclose(single.noise, double.noise, rtol=1e-5)


def test_results_do_not_depend_on_the_number_of_threads():
    time = np.arange(40.0)
    visibility, nu = inject(time, 128, 30, items=120)
    alone, together = (fringe_scan(visibility, time, nu, workers=n) for n in (1, 3))
    for name in Fringe.__slots__:
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))
    assert np.unique(alone.delay).size == 120


@pytest.mark.parametrize(
    "place", [(0.5e-6, 2.5e-6), (DELAY - 1e-8, DELAY + 4e-8), (DELAY - 3e-7, DELAY + 2e-9)]
)
def test_a_fringe_inside_a_window_is_the_fringe_of_the_whole_range(place):
    time = np.arange(30.0)
    visibility, nu = inject(time, 64, 200, items=3)
    whole = fringe_scan(visibility, time, nu)
    inside = fringe_scan(visibility, time, nu, delay_window=place, rate_window=(0.0, 3e-11))
    np.testing.assert_allclose(inside.delay, whole.delay, atol=1e-3 * whole.delay_error.min())
    np.testing.assert_allclose(inside.snr, whole.snr, rtol=1e-6)
    assert not inside.at_edge.any()


def test_what_lies_outside_is_not_found_and_the_border_says_so():
    time = np.arange(30.0)
    visibility, nu = inject(time, 64, 200, items=3)
    window = (DELAY + 1e-7, DELAY + 6e-7)
    late = fringe_scan(visibility, time, nu, delay_window=window)
    assert np.all(late.at_edge)
    np.testing.assert_array_equal(late.delay, window[0])
    np.testing.assert_allclose(late.snr, 200 * np.sqrt(62 / 64) * np.sinc(1e-7 * 62 * WIDTH), rtol=0.05)
    fast = fringe_scan(visibility, time, nu, rate_window=(-3e-12, 0.9 * RATE))
    assert np.all(fast.at_edge)
    np.testing.assert_array_equal(fast.delay_rate, 0.9 * RATE)
    assert np.all(np.abs(fast.delay - DELAY) < 5 * fast.delay_error)
    spectrum = estimate_fringe(visibility[:, 0], nu, delay_window=window)
    assert np.all((spectrum.delay >= window[0]) & (spectrum.delay <= window[1]))


def test_a_window_beyond_the_ambiguity_gives_the_delay_in_it():
    time = np.arange(30.0)
    visibility, nu = inject(time, 64, 200)
    beyond = fringe_scan(visibility, time, nu, delay_window=(1 / WIDTH, 1 / WIDTH + 4e-6))
    assert within(beyond, delay=DELAY + 1 / WIDTH)
    assert not beyond.at_edge.any()


@pytest.mark.parametrize(
    ("integrations", "step", "channels", "rate"),
    [(3000, 0.05, 64, 9e-10), (100_000, 0.001, 16, -2e-8), (1500, 4.0, 64, 1.3e-11)],
)
def test_scans_of_any_length(integrations, step, channels, rate):
    time = np.arange(integrations) * step
    visibility, nu = inject(time, channels, 40, rate=rate)
    fringe = fringe_scan(visibility, time, nu)
    assert within(fringe, rate=rate)
    assert 36 < fringe.snr < 44
    assert fringe.noise == pytest.approx(1.0, rel=0.02)


def test_a_rate_that_moves_the_delay_through_many_channels_of_lag():
    """At 150 MHz the delay runs over 36 resolutions of the band, which a transform about ν₀ alone would smear."""
    time = np.arange(200.0)
    visibility, nu = inject(time, 64, 60, rate=2.3e-9, sky=150e6, width=1.25e6, delay=1e-7)
    fringe = fringe_scan(visibility, time, nu)
    assert within(fringe, delay=1e-7, rate=2.3e-9)
    assert 54 < fringe.snr < 66


def test_gaps_leave_the_rate_right():
    time = np.concatenate([np.arange(40.0), 55 + np.arange(20.0), 90 + np.arange(7.0)])
    visibility, nu = inject(time, 64, 40, items=20)
    assert within(fringe_scan(visibility, time, nu))


def test_too_long_a_gap_is_refused():
    time = np.array([0.0, 1e-3, 2e-3, 1e6])
    visibility, nu = inject(time, 16, 40)
    with pytest.raises(ValueError, match="shorter lengths of time"):
        fringe_scan(visibility, time, nu)


def test_errors_hold_at_the_reference_that_is_asked_for():
    time = np.arange(20.0)
    visibility, nu = inject(time, 34, 300, items=800)
    there = fringe_scan(visibility, time, nu, reference_frequency=nu[0], reference_time=-4.0)
    later = -4.0 - 9.5
    delay = DELAY + RATE * later
    phase = 2 * np.pi * (DELAY * (nu[0] - (nu[0] + nu[-1]) / 2) + nu[0] * RATE * later)
    off = {"delay": there.delay - delay, "phase": np.angle(np.exp(1j * (there.phase - phase)))}
    here = fringe_scan(visibility, time, nu)
    for name, difference in off.items():
        scaled = difference / getattr(there, f"{name}_error")
        assert abs(scaled.mean()) < 0.12, name
        assert 0.92 < scaled.std() < 1.08, name
    assert np.all(there.phase_error > 3 * here.phase_error)
    assert there.reference_time == -4.0


def test_weights_and_samples_are_told():
    time = np.arange(6.0)
    visibility, nu = inject(time, 34, 40, items=3)
    weight = np.full((3, 6), 0.5)
    weight[0], weight[1, 2:] = np.nan, 0
    visibility[2, 0, 5] = np.inf
    fringe = fringe_scan(visibility, time, nu, weight)
    np.testing.assert_array_equal(fringe.n_samples, [0, 2 * 32, 6 * 32 - 1])
    np.testing.assert_array_equal(fringe.weight, [np.nan, 0.5, 0.5])
    np.testing.assert_allclose(
        fringe.amplitude_error[1:], fringe.noise[1:] / np.sqrt(fringe.n_samples[1:] * 0.5)
    )


def test_huge_and_tiny_numbers_change_nothing_but_the_scale():
    time = np.arange(10.0)
    visibility, nu = inject(time, 34, 40, items=4)
    plain = fringe_scan(visibility, time, nu)
    for factor in (2.0**100, 2.0**-80):
        scaled = fringe_scan(visibility * np.float32(factor), time, nu)
        np.testing.assert_allclose(scaled.delay, plain.delay, rtol=1e-6)
        np.testing.assert_allclose(scaled.snr, plain.snr, rtol=1e-4)
        np.testing.assert_allclose(scaled.noise, plain.noise * factor, rtol=1e-4)


def test_a_single_channel_has_no_delay():
    time = np.arange(10.0)
    visibility, nu = inject(time, 34, 400)
    weight = np.zeros(visibility.shape)
    weight[..., 9] = 1
    fringe = fringe_scan(visibility, time, nu, weight, noise=1.0)
    assert np.isnan(fringe.delay).all()
    assert np.isnan(fringe.delay_error).all()
    assert np.all(np.abs(fringe.delay_rate - RATE) < 5 * 2e-12)


@pytest.mark.parametrize("share", [0.02, 0.08])
def test_interference_that_comes_and_goes_hardly_raises_the_noise(share):
    rng = np.random.default_rng(4)
    time = np.arange(30.0)
    visibility, nu = inject(time, 66, 20, items=20)
    clean = fringe_scan(visibility, time, nu)
    visibility[rng.uniform(size=visibility.shape) < share / 4] *= 100
    assert np.median(fringe_scan(visibility, time, nu).noise / clean.noise) < 1 + 2 * share


@pytest.mark.parametrize("window", [(1.0, 0.0), (0.0, 0.0), (np.nan, 1.0), (0.0, np.inf)])
def test_windows_that_are_none_are_refused(window):
    visibility, time, nu = np.ones((3, 16)), np.arange(3.0), SKY + np.arange(16) * WIDTH
    for name in ("delay", "rate"):
        with pytest.raises(ValueError, match=f"the {name} window"):
            fringe_scan(visibility, time, nu, **{f"{name}_window": window})


def test_times_that_are_not_numbers_and_a_band_about_zero_are_refused():
    visibility, nu = np.ones((3, 16)), SKY + np.arange(16) * WIDTH
    with pytest.raises(ValueError, match="finite"):
        fringe_scan(visibility, [0.0, np.nan, 2.0], nu)
    with pytest.raises(ValueError, match="sky frequencies"):
        fringe_scan(visibility, np.arange(3.0), nu - nu.mean())
