# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay by which a multi-band fit may be wrong, for bands evenly and unevenly spaced."""

from __future__ import annotations

import numpy as np
import pytest

from difxnb.fringe import fit_jointly
from difxnb.fringe.ambiguity import spacing_ambiguity
from tests.fringe.joint_blocks import Band, inject


def delay_function(frequencies, shift):
    return np.abs(np.exp(2j * np.pi * np.multiply.outer(shift, np.asarray(frequencies))).mean(axis=-1))


@pytest.mark.parametrize(("bands", "spacing"), [(2, 100e6), (4, 32e6), (16, 8e6), (3, 1.23456789e6)])
def test_even_spacing_is_ambiguous_by_its_inverse(bands, spacing):
    found = spacing_ambiguity([8.4e9 + spacing * np.arange(bands)], 2e-6)
    np.testing.assert_allclose(found, 1 / spacing, rtol=1e-9)


@pytest.mark.parametrize(
    "offsets",
    [(0, 10, 40, 100, 210, 290, 340, 360), (0, 20, 40, 70, 120, 140), (0, 30, 50), (0, 8, 32, 40)],
)
def test_uneven_spacing_repeats_after_the_common_divisor(offsets):
    divisor = np.gcd.reduce(offsets) * 1e6
    frequencies = 8.21e9 + np.array(offsets) * 1e6
    ambiguity, period = spacing_ambiguity([frequencies], 1e-6)
    assert period == pytest.approx(1 / divisor, rel=1e-6)
    assert ambiguity <= period * (1 + 1e-9)
    assert delay_function(frequencies, ambiguity) >= 0.9
    # nothing as high before, but for the main maximum itself
    shifts = np.linspace(0, ambiguity - 0.5 / np.ptp(frequencies), 20001)
    before = delay_function(frequencies, shifts)
    main = np.argmax(np.diff(before) > 0)
    assert before[main:].max() < 0.9


def test_near_return_counts_before_the_exact_one():
    frequencies = 8e9 + np.array([0.0, 30e6, 61e6])
    ambiguity, period = spacing_ambiguity([frequencies], 2e-6)
    assert ambiguity == pytest.approx(1 / 30.5e6, rel=0.01)
    assert period == pytest.approx(1e-6, rel=1e-6)
    assert delay_function(frequencies, ambiguity) > 0.99 * delay_function(frequencies, 1 / 30.5e6)


def test_single_bands_have_none_and_no_return_is_infinite():
    assert np.isnan(spacing_ambiguity([np.array([8e9]), np.array([8e9])], 1e-6)).all()
    assert spacing_ambiguity([8e9 + np.array([0.0, 10e6])], 0.9e-7) == (np.inf, np.inf)
    alone = spacing_ambiguity([8e9 + np.array([0.0, 10e6])], 1e-6)
    assert spacing_ambiguity([8e9 + np.array([0.0, 10e6]), np.array([9e9])], 1e-6) == alone


def test_wrong_delays_of_a_weak_fringe_are_off_by_the_ambiguity():
    """The ambiguity is what it is said to be: where a fit goes wrong it goes wrong by that much."""
    rng = np.random.default_rng(4)
    bands = [Band(8.21e9 + offset) for offset in (0.0, 20e6, 40e6)]
    truth = inject(rng, bands, [0] * 3, 11, trials=800)
    fringe = fit_jointly(truth.blocks, truth.time, groups=[0] * 3)
    np.testing.assert_allclose(fringe.ambiguity, 1 / 20e6, rtol=1e-9)
    turns = (fringe.delay - truth.delay) / fringe.ambiguity
    wrong = np.abs(turns) > 0.5
    assert 0.02 < wrong.mean() < 0.4
    assert np.abs(turns - np.rint(turns)).max() < 6 * (fringe.delay_error / fringe.ambiguity).max()


def test_a_missing_band_changes_the_ambiguity_of_its_item_alone():
    rng = np.random.default_rng(5)
    bands = [Band(8.4e9), Band(8.41e9), Band(8.43e9)]
    truth = inject(rng, bands, [0] * 3, 50, trials=2)
    truth.blocks[1].visibility[1] = np.nan
    fringe = fit_jointly(truth.blocks, truth.time, groups=[0] * 3)
    np.testing.assert_allclose(fringe.ambiguity, [1 / 10e6, 1 / 30e6], rtol=1e-9)
