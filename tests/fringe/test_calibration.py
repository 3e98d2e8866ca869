# SPDX-License-Identifier: GPL-3.0-or-later
"""Bias, scatter and false alarms of the estimator against what it states, from injected fringes and pure noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from difxnb.fringe import fringe_scan

pytestmark = pytest.mark.slow

WIDTH = 62_500.0
STEP = 0.5
TRIALS = 2400
ALARM_TRIALS = 10_000
LEVELS = (0.3, 0.1, 0.03, 0.01)


def sky(channels, sideband):
    """Upper sideband from 8400 MHz on; lower sideband below it, ascending as everywhere."""
    low = 8.4e9 if sideband == "USB" else 8.4e9 - channels * WIDTH
    return low + np.arange(channels) * WIDTH


def clock(integrations, gap):
    time = np.arange(integrations) * STEP
    return np.where(time >= time.mean(), time + gap * STEP, time)


def noise(rng, shape):
    parts = rng.standard_normal((*shape, 2), dtype=np.float32)
    return parts.view(np.complex64)[..., 0]


@lru_cache
def trials(snr, integrations, channels, sideband, weighted, gap):
    """Fits of injected fringes that were found in the main lobe, as (fringe, truth, which were found)."""
    rng = np.random.default_rng([int(10 * snr), integrations, channels])
    nu, time = sky(channels, sideband), clock(integrations, gap)
    middle, middle_time = (nu[0] + nu[-1]) / 2, (time[0] + time[-1]) / 2
    weight = np.ones((integrations, channels), dtype=np.float32)
    if weighted:
        weight = rng.uniform(0.2, 1.0, weight.shape).astype(np.float32)
        weight[:, channels // 3] = 0
    amplitude = snr / np.sqrt(weight[:, 1:-1].sum(dtype=float))
    truth = {
        "delay": rng.uniform(-0.45, 0.45, TRIALS) / WIDTH,
        "delay_rate": rng.uniform(-0.45, 0.45, TRIALS) / (STEP * middle) * (integrations > 1),
        "phase": rng.uniform(-np.pi, np.pi, TRIALS),
        "amplitude": np.full(TRIALS, amplitude),
    }
    turns = truth["delay"][:, None, None] * (nu - middle)
    turns = turns + truth["delay_rate"][:, None, None] * ((time - middle_time)[:, None] * nu)
    fringes = amplitude * np.exp(1j * (truth["phase"][:, None, None] + 2 * np.pi * turns))
    shape = (TRIALS, integrations, channels)
    visibility = fringes.astype(np.complex64) + noise(rng, shape) / np.sqrt(np.maximum(weight, 0.01))
    fringe = fringe_scan(visibility, time, nu, np.broadcast_to(weight, shape) if weighted else None)
    off = fringe.delay - truth["delay"]
    found = np.abs(off) < 1 / (WIDTH * channels)
    if integrations > 1:
        found &= np.abs(fringe.delay_rate - truth["delay_rate"]) < 1 / (middle * np.ptp(time))
    return fringe, truth, found


def pulls(fringe, truth, found, name):
    difference = getattr(fringe, name) - truth[name]
    if name == "phase":
        difference = np.angle(np.exp(1j * difference))
    return (difference / getattr(fringe, f"{name}_error"))[found]


GRID = [
    (1, 66, "USB", False, 0),
    (1, 34, "LSB", True, 0),
    (8, 34, "USB", False, 0),
    (6, 34, "LSB", True, 3),
]


@pytest.mark.parametrize("case", GRID, ids=str)
@pytest.mark.parametrize("snr", [4, 5, 7, 10, 30, 1000])
def test_no_bias_and_the_scatter_that_is_stated(snr, case):
    fringe, truth, found = trials(snr, *case)
    count = found.sum()
    assert count > 0.4 * TRIALS
    for name in ("delay", "phase", "delay_rate")[: 2 + (case[0] > 1)]:
        scaled = pulls(fringe, truth, found, name)
        assert abs(scaled.mean()) < 0.1, name
        # three standard deviations of a standard deviation from that many trials
        assert abs(scaled.std() - 1) < 0.1 + 3 / np.sqrt(2 * count), name
    if snr >= 7:
        scaled = pulls(fringe, truth, found, "amplitude")
        assert abs(scaled.mean()) < 0.1
        assert abs(scaled.std() - 1) < 0.1


def fisher_errors(nu, time, weight, snr):
    """Cramér-Rao errors of phase, delay and rate, from the Fisher matrix of all samples."""
    gradients = np.stack(
        [
            np.ones((time.size, nu.size)),
            np.broadcast_to(2 * np.pi * (nu - nu.mean()) * 1e-6, (time.size, nu.size)),
            2 * np.pi * nu * (time - (time[0] + time[-1]) / 2)[:, None] * 1e-10,
        ]
    ).reshape(3, -1)
    matrix = (gradients * weight.ravel()) @ gradients.T * snr**2 / weight.sum()
    return np.sqrt(np.diag(np.linalg.inv(matrix))) * (1, 1e-6, 1e-10)


@pytest.mark.parametrize("snr", [10, 30, 1000])
def test_the_bound_of_cramer_and_rao_is_reached_above_ten(snr):
    case = (8, 34, "USB", False, 0)
    fringe, truth, found = trials(snr, *case)
    assert found.all()
    nu, time = sky(34, "USB")[1:-1], clock(8, 0)
    bounds = fisher_errors(nu, time, np.ones((8, 32)), snr)
    for name, bound in zip(("phase", "delay", "delay_rate"), bounds, strict=True):
        off = pulls(fringe, truth, found, name) * getattr(fringe, f"{name}_error")
        assert 0.95 * bound < off.std() < 1.1 * bound, name
        assert np.median(getattr(fringe, f"{name}_error")) == pytest.approx(bound, rel=0.1), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("integrations", "channels", "delay_share", "rate_share"),
    [(1, 34, None, None), (1, 34, 0.1, None), (6, 22, None, None), (6, 22, 0.25, 0.4), (6, 22, 0.03, 0.03)],
)
def test_false_alarms_in_windows_come_as_often_as_stated(
    integrations, channels, delay_share, rate_share, weighted
):
    rng = np.random.default_rng(channels)
    nu, time = sky(channels, "USB"), clock(integrations, 0)
    shape = (ALARM_TRIALS, integrations, channels)
    visibility, weight = noise(rng, shape), None
    if weighted:
        weight = rng.uniform(0.3, 1.0, shape).astype(np.float32)
        visibility = visibility / np.sqrt(weight)
    delays = None if delay_share is None else np.array([-0.3, 0.7]) * delay_share / WIDTH
    rates = None if rate_share is None else np.array([-0.5, 0.5]) * rate_share / (STEP * nu.mean())
    for known in (1.0, None):
        fringe = fringe_scan(
            visibility, time, nu, weight, noise=known, delay_window=delays, rate_window=rates
        )
        for level in LEVELS:
            chance = np.sqrt(level * (1 - level) / ALARM_TRIALS)
            seen = np.mean(fringe.false_alarm_probability < level)
            assert 0.85 * level - 3 * chance < seen < 1.15 * level + 3 * chance, (known, level)


def test_a_small_window_finds_what_the_whole_range_does_not():
    """The same peak is the less likely noise the fewer places there were to find it."""
    rng = np.random.default_rng(11)
    nu, time = sky(66, "USB"), clock(8, 0)
    fringe = 5.5 / np.sqrt(8 * 64) + noise(rng, (400, 8, 66))
    whole = fringe_scan(fringe, time, nu, noise=1.0)
    near = fringe_scan(fringe, time, nu, noise=1.0, delay_window=(-2e-7, 2e-7), rate_window=(-1e-11, 1e-11))
    assert np.mean(near.false_alarm_probability < 1e-3) > np.mean(whole.false_alarm_probability < 1e-3) + 0.3
    same = np.abs(near.snr - whole.snr) < 1e-6
    assert same.mean() > 0.5
    assert np.all(near.false_alarm_probability[same] < 0.05 * whole.false_alarm_probability[same])
