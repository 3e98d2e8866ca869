# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of axes: they grow at once, hold through noise, and shrink after a while."""

from __future__ import annotations

import math

import numpy as np
import pytest

from difxnb.plots.live.limits import Ceiling, Span, round_up


@pytest.mark.parametrize(("value", "rounded"), [(0.9, 1.0), (1.0, 1.0), (1.1, 1.2), (7e-5, 8e-5), (350, 400)])
def test_round_numbers(value, rounded):
    assert round_up(value) == pytest.approx(rounded)


def test_a_ceiling_holds_through_noise_and_grows_at_once():
    rng = np.random.default_rng(1)
    ceiling = Ceiling()
    assert {ceiling.take(1 + 0.1 * rng.standard_normal()) for _ in range(500)} <= {1.2, 1.5, 2.0}
    held = ceiling.limit
    assert {ceiling.take(0.8 + 0.05 * rng.standard_normal()) for _ in range(100)} == {held}
    assert ceiling.take(40.0) >= 40


def test_a_ceiling_shrinks_only_after_a_while():
    ceiling = Ceiling()
    ceiling.take(100.0)
    first = [ceiling.take(1.0) for _ in range(5)]
    assert set(first) == {120.0}
    ceiling.take(90.0)
    later = [ceiling.take(1.0) for _ in range(20)]
    assert later[5] == 120.0
    assert later[-1] == pytest.approx(1.2)


@pytest.mark.parametrize("nothing", [math.nan, math.inf, 0.0, -1.0])
def test_a_ceiling_stays_without_data(nothing):
    ceiling = Ceiling()
    assert ceiling.take(nothing) == 1.0
    ceiling.take(5.0)
    assert ceiling.take(nothing) == 6.0


def test_a_span_makes_room_for_what_comes():
    span = Span(1.0, below=0.0, above=0.25)
    seen = [span.take(0.0, float(end)) for end in range(1, 200)]
    assert all(low <= 0.0 and high >= end for end, (low, high) in zip(range(1, 200), seen, strict=True))
    assert len(set(seen)) < 25, "new limits for a few of 200 ends"


def test_a_span_of_one_value_has_a_length_and_shrinks_in_the_end():
    span = Span(2.0)
    low, high = span.take(5.0, 5.0)
    assert low < 4.01
    assert high > 5.99
    wide = span.take(-100.0, 100.0)
    assert span.take(5.0, 6.0) == wide
    assert span.take(math.nan, math.nan) == wide
    low, high = [span.take(5.0, 6.0) for _ in range(20)][-1]
    assert high - low < 5
