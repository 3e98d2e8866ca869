# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint fits of bands and polarizations against injected fringes: values, errors, phases, windows, odd input."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import Block, fit_jointly, fringe_scan
from tests.fringe.joint_blocks import Band, Injected, inject, turned

EVEN = [Band(8.4e9 + step * 32e6) for step in range(4)]
UNEVEN = [Band(8.21e9 + offset) for offset in (0.0, 10e6, 40e6, 100e6, 210e6)]
MIXED = [
    Band(8.4e9, 24, 0.25e6),
    Band(8.43e9, 16, 0.5e6),
    Band(8.50e9, 8, 1e6, sigma=1.7),
    Band(8.54e9, 16, 0.5e6),
]
CASES = {
    "even": (EVEN, [0, 0, 0, 0]),
    "uneven": (UNEVEN, [0, 0, 0, 0, 0]),
    "phases free": (EVEN, [0, 1, 2, 3]),
    "two polarizations": (EVEN[:3] * 2, [0, 0, 0, 1, 1, 1]),
    "unequal bands": (MIXED, [0, 0, 0, 0]),
}


def fitted(truth: Injected, groups, **options):
    return fit_jointly(truth.blocks, truth.time, groups=groups, **options)


@pytest.mark.parametrize("snr", [12, 1000])
@pytest.mark.parametrize("case", CASES)
def test_scatter_is_the_stated_error(case, snr):
    bands, groups = CASES[case]
    rng = np.random.default_rng(snr)
    offset = rng.uniform(-np.pi, np.pi, len(bands))
    truth = inject(rng, bands, groups, snr, trials=450, offset=offset)
    fringe = fitted(truth, groups, band_phase=offset)
    right = np.abs(fringe.delay - truth.delay) < 6 * fringe.delay_error  # else it is off by an ambiguity
    assert right.mean() > (0.85 if snr < 40 else 0.999)
    pulls = {
        "delay": (fringe.delay - truth.delay) / fringe.delay_error,
        "rate": (fringe.delay_rate - truth.rate) / fringe.delay_rate_error,
        "phase": (turned(fringe.phase - truth.phase) / fringe.phase_error)[:, 0],
    }
    if snr >= 40:  # where the ambiguity was told by it, a weak fringe has no other single-band delay
        pulls["single"] = (fringe.single_band_delay - truth.delay) / fringe.single_band_delay_error
    for name, pull in pulls.items():
        assert abs(pull[right].mean()) < 4 / np.sqrt(right.sum()), name
        assert 0.9 < pull[right].std() < 1.1, name
    assert np.median(fringe.noise, axis=0) == pytest.approx([band.sigma for band in bands], rel=0.05)
    assert np.median(fringe.snr) == pytest.approx(snr, rel=0.1)


@pytest.mark.parametrize(("groups", "snr"), [([0, 0, 0], 10), ([0, 1, 2], 10), ([0, 0, 0], 100)])
def test_no_bias_worth_speaking_of(groups, snr):
    rng = np.random.default_rng(snr + sum(groups))
    bands = [Band(8.4e9 + offset, 8) for offset in (0.0, 6e6, 14e6)]
    truth = inject(rng, bands, groups, snr, trials=2000, integrations=3)
    fringe = fitted(truth, groups, noise=1.0)
    pulls = [
        (fringe.delay - truth.delay) / fringe.delay_error,
        (fringe.delay_rate - truth.rate) / fringe.delay_rate_error,
        *(turned(fringe.phase - truth.phase) / fringe.phase_error).T,
    ]
    for pull in pulls:
        near = np.abs(pull) < 6
        assert near.mean() > 0.98
        assert abs(pull[near].mean()) < 0.1
    size = snr / np.sqrt(3 * 3 * 6)  # bands, integrations, channels
    off = (fringe.amplitude - size) / fringe.amplitude_error
    assert np.abs(off.mean(axis=0)).max() < 0.1


def test_phases_of_bands_come_back_with_their_errors():
    rng = np.random.default_rng(1)
    groups = [0, 0, 0, 0]
    truth = inject(rng, EVEN, groups, 60, trials=500, delay=40e-9)
    fringe = fitted(truth, groups)
    assert np.all(np.abs(fringe.residual_phase) < np.pi)
    for pull in (fringe.residual_phase / fringe.residual_phase_error).T:
        assert abs(pull.mean()) < 0.1
        assert 0.9 < pull.std() < 1.1
    # what the fit cannot absorb of a single wrong band stays in its residual and in that of the others
    wrong = np.array([0.0, 0.3, 0.0, 0.0])
    shifted = fitted(
        inject(np.random.default_rng(1), EVEN, groups, 60, trials=500, delay=40e-9, offset=wrong), groups
    )
    place = np.arange(4) - 1.5
    line = np.polyfit(place, wrong, 1)
    expected = wrong - np.polyval(line, place)
    np.testing.assert_allclose(
        (shifted.residual_phase - fringe.residual_phase).mean(axis=0), expected, atol=0.01
    )


def test_phases_of_a_calibrator_make_other_fringes_coherent():
    rng = np.random.default_rng(2)
    offset = rng.uniform(-np.pi, np.pi, 4)
    strong = inject(rng, EVEN, [0] * 4, 3000, trials=1, offset=offset)
    calibrator = fitted(strong, [0, 1, 2, 3])
    truth = inject(rng, EVEN, [0] * 4, 30, trials=300, offset=offset, delay=strong.delay[0] + 5e-9)
    fringe = fitted(truth, [0] * 4, band_phase=calibrator.block_phase[0])
    apart = (fringe.delay - calibrator.delay[0] - 5e-9) / np.hypot(
        fringe.delay_error, calibrator.single_band_delay_error[0]
    )
    assert np.abs(apart).max() < 5
    assert np.median(fringe.snr) == pytest.approx(30, rel=0.05)
    plain = fitted(truth, [0] * 4)
    assert np.median(plain.snr) < 0.9 * np.median(fringe.snr)
    # given as one row for each item they do the same
    rows = np.broadcast_to(calibrator.block_phase, (300, 4))
    np.testing.assert_array_equal(fitted(truth, [0] * 4, band_phase=rows).delay, fringe.delay)


def test_one_block_is_the_fit_of_one_band():
    rng = np.random.default_rng(3)
    truth = inject(rng, [Band(8.4e9, 32)], [0], 40, trials=100, integrations=8)
    joint = fitted(truth, ["RR"])
    block = truth.blocks[0]
    single = fringe_scan(block.visibility, truth.time, block.frequency_hz)
    for name in ("delay", "delay_rate"):
        apart = (getattr(joint, name) - getattr(single, name)) / getattr(single, f"{name}_error")
        assert np.abs(apart).max() < 0.002, name
    assert np.abs(turned(joint.phase[:, 0] - single.phase)).max() < 1e-3
    np.testing.assert_allclose(joint.snr, single.snr, rtol=0.02)
    np.testing.assert_allclose(joint.amplitude[:, 0], single.amplitude, rtol=1e-4)
    np.testing.assert_allclose(joint.single_band_delay_error, joint.delay_error, rtol=1e-9)
    assert np.abs(joint.single_band_delay - joint.delay).max() < 1e-3 * joint.delay_error.min()
    assert joint.groups == ("RR",)
    assert np.isnan(joint.ambiguity).all()


def test_sign_of_upper_and_lower_sideband():
    """Phase that rises with frequency, within bands and from band to band, is antenna 2 late."""
    bands = [
        8400e6 + (np.arange(16) + 0.5) * 0.5e6,
        8424e6 + (np.arange(16) + 0.5) * 0.5e6,
    ]  # the second is LSB
    delay, rate, time = 123e-9, 3e-12, np.arange(6.0)
    blocks = [
        Block(np.exp(2j * np.pi * (delay * nu + rate * (time[:, None] - 2.5) * nu)), nu) for nu in bands
    ]
    fringe = fit_jointly(blocks, time, groups=[0, 0], noise=1e-3)
    assert fringe.delay == pytest.approx(delay, abs=1e-14)
    assert fringe.single_band_delay == pytest.approx(delay, abs=1e-13)
    assert fringe.delay_rate == pytest.approx(rate, rel=1e-5)
    assert turned(fringe.phase[0] - 2 * np.pi * delay * fringe.reference_frequency) == pytest.approx(
        0, abs=1e-5
    )
    assert fringe.amplitude[0] == pytest.approx(1.0, rel=1e-6)


def test_reference_moves_phase_and_delay_along_the_model():
    rng = np.random.default_rng(4)
    truth = inject(rng, EVEN, [0] * 4, 100, trials=5)
    here = fitted(truth, [0] * 4)
    there = fitted(truth, [0] * 4, reference_frequency=8.4e9, reference_time=7.0)
    later = 7.0 - here.reference_time
    np.testing.assert_allclose(there.delay, here.delay + later * here.delay_rate, rtol=0, atol=1e-15)
    phase = here.phase[:, 0] + 2 * np.pi * (
        here.delay * (8.4e9 - here.reference_frequency) + here.delay_rate * later * 8.4e9
    )
    assert np.abs(turned(there.phase[:, 0] - phase)).max() < 1e-3
    assert np.all(there.phase_error > here.phase_error)
    assert np.all(there.delay_error > here.delay_error)
    np.testing.assert_allclose(there.delay_rate_error, here.delay_rate_error, rtol=1e-3)


def test_missing_bands_and_weights_count_for_nothing():
    rng = np.random.default_rng(5)
    truth = inject(rng, EVEN, [0] * 4, 60, trials=4)
    dirty = [Block(b.visibility.copy(), b.frequency_hz, b.weight.copy()) for b in truth.blocks]
    dirty[1].visibility[0] = np.nan
    dirty[1].weight[1] = 0.0
    dirty[1].visibility[1] = 1e9
    dirty[2].weight[2, 1] = np.nan
    dirty[2].visibility[2, 1] = -7.0
    for block in dirty:
        block.weight[3] = 0.0
    fringe = fit_jointly(dirty, truth.time, groups=[0] * 4)
    without = fit_jointly(
        dirty[:1] + dirty[2:], truth.time, groups=[0] * 3, reference_frequency=truth.reference
    )
    np.testing.assert_allclose(fringe.delay[:2], without.delay[:2], rtol=0, atol=1e-14)
    np.testing.assert_allclose(fringe.snr[:2], without.snr[:2], rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(fringe.block_snr[:, 1]), [True, True, False, True])
    np.testing.assert_allclose(fringe.ambiguity[:3], [1 / 32e6] * 3, rtol=1e-9)
    assert fringe.n_samples.tolist() == [120, 120, 150, 0]
    for name in ("delay", "delay_error", "snr", "false_alarm_probability", "ambiguity", "weight"):
        assert np.isnan(getattr(fringe, name)[3]), name
    assert np.isnan(fringe.phase[3]).all()
    assert np.isfinite(fringe.delay[:3]).all()


def test_weights_are_inverse_variances():
    rng = np.random.default_rng(6)
    weights = [np.broadcast_to(rng.uniform(0.1, 1.0, (1, 4, 1)), (500, 4, 12)) for _ in EVEN]
    truth = inject(rng, EVEN, [0] * 4, 40, trials=500, weights=weights)
    fringe = fitted(truth, [0] * 4)
    pull = (fringe.delay - truth.delay) / fringe.delay_error
    assert 0.9 < pull.std() < 1.1
    short = [Block(b.visibility, b.frequency_hz, b.weight[..., 0]) for b in truth.blocks]
    np.testing.assert_array_equal(fit_jointly(short, truth.time, groups=[0] * 4).delay, fringe.delay)
    assert fringe.weight == pytest.approx(np.mean([w[0] for w in weights]))


def test_window_confines_the_search_and_says_when_it_was_too_narrow():
    rng = np.random.default_rng(7)
    truth = inject(rng, EVEN, [0] * 4, 40, trials=50, delay=300e-9)
    inside = fitted(truth, [0] * 4, delay_window=(290e-9, 305e-9))
    assert np.abs((inside.delay - 300e-9) / inside.delay_error).max() < 5
    assert not inside.at_edge.any()
    wide = fitted(truth, [0] * 4)
    assert np.all(inside.false_alarm_probability < wide.false_alarm_probability)
    outside = fitted(truth, [0] * 4, delay_window=(301e-9, 305e-9))
    assert outside.at_edge.all()
    np.testing.assert_array_equal(outside.delay, 301e-9)
    slow = fitted(truth, [0] * 4, rate_window=(-1e-15, 1e-15))
    assert np.all(np.abs(slow.delay_rate) <= 1e-15)


def test_result_does_not_depend_on_workers_or_company():
    rng = np.random.default_rng(8)
    truth = inject(rng, EVEN, [0] * 4, 8, trials=12)
    shaped = [
        Block(b.visibility.reshape(3, 4, 4, 12).astype(np.complex64), b.frequency_hz) for b in truth.blocks
    ]
    one = fit_jointly(shaped, truth.time, groups=[0] * 4, workers=1)
    many = fit_jointly(shaped, truth.time, groups=[0] * 4, workers=3)
    np.testing.assert_array_equal(one.delay, many.delay)
    assert one.delay.shape == (3, 4)
    assert one.phase.shape == (3, 4, 1)
    assert one.block_phase.shape == (3, 4, 4)
    alone = fit_jointly(
        [Block(b.visibility[1, 2], b.frequency_hz) for b in shaped], truth.time, groups=[0] * 4
    )
    assert abs(alone.delay - one.delay[1, 2]) < 1e-3 * one.delay_error[1, 2]
    assert alone.delay.shape == ()


def test_long_scan_with_a_gap_and_single_integration():
    time = np.append(np.arange(1200), np.arange(4000, 4300)) * 0.25
    delay, rate = 77e-9, 2e-13
    bands = [Band(low, 8, 1e6) for low in (8.2e9, 8.24e9, 8.34e9)]
    blocks = [
        Block(
            np.exp(
                2j * np.pi * (delay * b.frequency + rate * np.multiply.outer(time - time.mean(), b.frequency))
            ),
            b.frequency,
        )
        for b in bands
    ]
    fringe = fit_jointly(blocks, time, groups=[0, 0, 0], noise=1e-3, reference_time=time.mean())
    assert fringe.delay == pytest.approx(delay, abs=1e-14)
    assert fringe.delay_rate == pytest.approx(rate, rel=1e-5)
    single = fit_jointly(
        [Block(np.asarray(b.visibility)[:1], b.frequency_hz) for b in blocks],
        time[:1],
        groups=[0, 0, 0],
        noise=1e-3,
    )
    assert np.isnan(single.delay_rate)
    assert np.isnan(single.delay_rate_error)
    assert single.delay == pytest.approx(delay + rate * (time[0] - time.mean()), abs=1e-13)


def test_bands_far_apart_share_rate_and_delay():
    """Bands from 3 to 10 GHz: fringe rates differ by a factor of three for the same delay rate."""
    rng = np.random.default_rng(9)
    bands = [Band(low, 16, 2e6) for low in (3.0e9, 3.4e9, 5.2e9, 6.4e9, 10.2e9)]
    truth = inject(rng, bands, [0] * 5, 60, trials=60, integrations=8)
    fringe = fitted(truth, [0] * 5)
    right = np.abs(fringe.delay - truth.delay) < 5 * fringe.delay_error
    assert right.mean() > 0.9
    assert np.abs((fringe.delay_rate - truth.rate) / fringe.delay_rate_error)[right].max() < 5
    assert fringe.delay_error.max() < 2e-12


def test_nothing_gives_nan():
    nu = Band(8.4e9).frequency
    empty = fit_jointly([Block(np.zeros((2, 0, 12)), nu)], [], groups=[0])
    assert np.isnan(empty.delay).all()
    assert empty.phase.shape == (2, 1)
    none = fit_jointly([Block(np.zeros((0, 3, 12)), nu)] * 2, np.arange(3.0), groups=[0, 0])
    assert none.delay.shape == (0,)
    missing = fit_jointly([Block(np.full((2, 3, 12), np.nan), nu)] * 2, np.arange(3.0), groups=[0, 0])
    assert np.isnan(missing.delay).all()
    assert not missing.at_edge.any()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"groups": [0]}, "one group for each block"),
        ({"time_s": [0.0, 2.0, 1.0]}, "ascend"),
        ({"time_s": [0.0, 1.0]}, "block 0"),
        ({"band_phase": [0.0, 1.0, 2.0]}, "band_phase"),
        ({"noise": np.ones((5, 2))}, "noise"),
        ({"delay_window": (1e-6, -1e-6)}, "delay window"),
        ({"rate_window": (0.0, np.nan)}, "rate window"),
        ({"reference_frequency": -1.0}, "reference frequency"),
        ({"blocks": []}, "one group for each block"),
    ],
)
def test_what_does_not_fit_is_refused(change, text):
    nu = Band(8.4e9).frequency
    given = {
        "blocks": [Block(np.ones((2, 3, 12)), nu)] * 2,
        "time_s": np.arange(3.0),
        "groups": [0, 0],
    } | change
    with pytest.raises(ValueError, match=text):
        fit_jointly(given.pop("blocks"), given.pop("time_s"), **given)


def test_a_rate_window_wider_than_is_searched_of_a_long_scan_is_refused():
    """Beyond 1024 cells of time the search adds integrations up; what it would cut of a window is said."""
    blocks, time = (
        [Block(np.ones((1, 3000, 6), np.complex64), Band(8.4e9, 6).frequency)],
        np.arange(3000) * 0.1,
    )
    whole = 1 / (0.1 * 8.4e9)
    with pytest.raises(ValueError, match="too wide for a joint fit of 3000 integrations"):
        fit_jointly(blocks, time, groups=[0], rate_window=(-whole / 2, whole / 2))
    narrow = fit_jointly(blocks, time, groups=[0], rate_window=(-whole / 8, whole / 8))
    assert abs(narrow.delay_rate[0]) < whole / 3000


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Block(np.ones((2, 3, 12)), Band(8.4e9).frequency[::-1]), "ascending"),
        (Block(np.ones((2, 3, 12)), np.geomspace(8e9, 9e9, 12)), "evenly spaced"),
        (Block(np.ones((2, 3, 1)), [8.4e9]), "two or more"),
        (Block(np.ones((2, 3, 12)), Band(8.4e9).frequency, np.ones((4, 3))), "weights of block 1"),
        (Block(np.ones((3, 3, 12)), Band(8.4e9).frequency), "leading shapes"),
        (Block(np.ones(12), Band(8.4e9).frequency), "block 1"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(block, text):
    good = Block(np.ones((2, 3, 12)), Band(8.4e9).frequency)
    with pytest.raises(ValueError, match=text):
        fit_jointly([good, block], np.arange(3.0), groups=[0, 0])
