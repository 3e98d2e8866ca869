# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint fits against their own definition, computed sample by sample, and against the Cramér-Rao bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from difxnb.fringe import fit_jointly
from tests.fringe.joint_blocks import Band, Injected, inject, turned

UNEQUAL = [Band(8.40e9, 10, 0.5e6), Band(8.42e9, 16, 0.25e6, sigma=2.0), Band(8.47e9, 8, 1e6, sigma=0.5)]


def group_sums(truth: Injected, item: int, groups, sigma, offset, delay, rate):
    """S_g and N_g of one item, written out from the definition for many delays (and rates) at once."""
    delay, rate = np.atleast_1d(delay), np.atleast_1d(rate)
    middle = truth.time.mean()
    sums = np.zeros((delay.size, max(groups) + 1), dtype=complex)
    norm = np.zeros(max(groups) + 1)
    for block, group, noise, own in zip(truth.blocks, groups, sigma, offset, strict=True):
        nu, kept = block.frequency_hz[1:-1], slice(1, -1)
        visibility, weight = block.visibility[item][:, kept], block.weight[item][:, kept]
        along = np.exp(-2j * np.pi * np.multiply.outer(delay, nu - truth.reference))
        late = np.multiply.outer(truth.time - middle, nu)
        turns = np.exp(-2j * np.pi * rate[:, None, None] * late)
        sums[:, group] += (
            np.exp(-1j * own) / noise**2 * np.einsum("tc,tc,ptc,pc->p", weight, visibility, turns, along)
        )
        norm[group] += weight.sum() / noise**2
    return sums, norm


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 0], [0, 1, 2]])
def test_highest_point_of_the_definition_is_found(groups):
    rng = np.random.default_rng(sum(groups))
    weights = [rng.uniform(0.2, 1.0, (4, 3, band.channels)) for band in UNEQUAL]
    offset = rng.uniform(-np.pi, np.pi, 3)
    delay = rng.uniform(-40e-9, 40e-9, 4)
    truth = inject(
        rng, UNEQUAL, groups, 14.0, trials=4, integrations=3, offset=offset, weights=weights, delay=delay
    )
    sigma = [band.sigma for band in UNEQUAL]
    window, rates = (-50e-9, 50e-9), (-8e-11, 8e-11)
    fringe = fit_jointly(
        truth.blocks,
        truth.time,
        groups=groups,
        band_phase=offset,
        noise=sigma,
        delay_window=window,
        rate_window=rates,
    )
    delays, steps = np.meshgrid(np.linspace(*window, 120), np.linspace(*rates, 7), indexing="ij")
    for item in range(4):

        def height(delay, rate, item=item):
            sums, norm = group_sums(truth, item, groups, sigma, offset, delay, rate)
            return (np.abs(sums) ** 2 / norm).sum(axis=1)

        grid = height(delays.ravel(), steps.ravel())
        tops = []
        for start in np.argsort(grid)[-8:]:
            found = minimize(
                lambda p, height=height: -height(p[0] * 1e-9, p[1] * 1e-12)[0],
                [delays.ravel()[start] * 1e9, steps.ravel()[start] * 1e12],
                bounds=[np.array(window) * 1e9, np.array(rates) * 1e12],
            )
            tops.append((-found.fun, *found.x))
        best = max(tops)
        assert fringe.snr[item] ** 2 == pytest.approx(best[0], rel=1e-4)
        assert abs(fringe.delay[item] - best[1] * 1e-9) < 0.02 * fringe.delay_error[item]
        assert abs(fringe.delay_rate[item] - best[2] * 1e-12) < 0.02 * fringe.delay_rate_error[item]
        sums, norm = group_sums(
            truth, item, groups, sigma, offset, fringe.delay[item], fringe.delay_rate[item]
        )
        assert np.abs(turned(fringe.phase[item] - np.angle(sums[0]))).max() < 1e-4
        np.testing.assert_allclose(fringe.group_snr[item], np.abs(sums[0]) / np.sqrt(norm), rtol=1e-4)


def cramer_rao(truth: Injected, groups, sigma, amplitude):
    """Errors of delay, rate and phases by the Fisher matrix of the model, derived by differences."""
    count = max(groups) + 1
    middle = truth.time.mean()
    scale = np.array([1e-9, 1e-12] + [1.0] * (2 * count))

    def model(parameters):
        delay, rate, *rest = parameters * scale
        parts = []
        for block, group, noise in zip(truth.blocks, groups, sigma, strict=True):
            nu, weight = block.frequency_hz[1:-1], block.weight[0][:, 1:-1]
            turns = delay * (nu - truth.reference) + rate * np.multiply.outer(truth.time - middle, nu)
            phase, size = rest[2 * group], rest[2 * group + 1]
            signal = amplitude * size * np.exp(1j * (phase + 2 * np.pi * turns)) * np.sqrt(weight) / noise
            parts += [signal.real.ravel(), signal.imag.ravel()]
        return np.concatenate(parts)

    at = np.array([3.0, 5.0] + [0.4, 1.0] * count)
    steps = np.eye(at.size) * 1e-5
    slopes = np.stack([(model(at + step) - model(at - step)) / 2e-5 for step in steps])
    return np.sqrt(np.diag(np.linalg.inv(slopes @ slopes.T))) * scale


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 0], [0, 1, 2]])
@pytest.mark.parametrize("snr", [20, 100])
def test_errors_are_the_cramer_rao_bound_and_reach_it(groups, snr):
    rng = np.random.default_rng(snr)
    one = [rng.uniform(0.2, 1.0, (1, 4, band.channels)) for band in UNEQUAL]
    weights = [np.broadcast_to(weight, (600, *weight.shape[1:])) for weight in one]
    truth = inject(rng, UNEQUAL, groups, snr, trials=600, weights=weights)
    sigma = [band.sigma for band in UNEQUAL]
    fringe = fit_jointly(truth.blocks, truth.time, groups=groups, noise=sigma)
    strength = sum(w[0][:, 1:-1].sum() / s**2 for w, s in zip(one, sigma, strict=True))
    bound = cramer_rao(truth, groups, sigma, snr / np.sqrt(strength))
    right = np.abs(fringe.delay - truth.delay) < 6 * bound[0]
    assert right.mean() > (0.99 if snr > 20 else 0.8)  # else it is off by an ambiguity
    stated = [
        np.median(fringe.delay_error),
        np.median(fringe.delay_rate_error),
        *np.median(fringe.phase_error, axis=0),
    ]
    # a group of its own that is weak knows its phase less well than the bound says
    np.testing.assert_allclose(stated, [*bound[:2], *bound[2::2]], rtol=0.05)
    assert (fringe.delay - truth.delay)[right].std() == pytest.approx(bound[0], rel=0.1)
    assert (fringe.delay_rate - truth.rate)[right].std() == pytest.approx(bound[1], rel=0.1)


def test_bands_together_are_better_than_their_mean_by_the_ratio_of_spreads():
    """Four bands of 6 MHz over 100 MHz: what coherence is worth, by the textbook formula 1/(2π SNR rms bandwidth)."""
    rng = np.random.default_rng(11)
    bands = [Band(8.4e9 + step * 32e6) for step in range(4)]
    truth = inject(rng, bands, [0] * 4, 100, trials=300)
    fringe = fit_jointly(truth.blocks, truth.time, groups=[0] * 4, noise=1.0)
    every = np.concatenate([band.frequency[1:-1] for band in bands])
    within = np.std(bands[0].frequency[1:-1])
    expected = 1 / (2 * np.pi * fringe.snr * np.std(every))
    ratio = (
        fringe.delay_error / expected
    )  # single errors follow the strengths that the bands show, noise and all
    np.testing.assert_allclose(ratio, 1, rtol=0.06)
    assert ratio.mean() == pytest.approx(1, rel=3e-3)
    np.testing.assert_allclose(
        fringe.single_band_delay_error, 1 / (2 * np.pi * fringe.snr * within), rtol=2e-3
    )
