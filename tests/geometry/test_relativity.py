# SPDX-License-Identifier: GPL-3.0-or-later
"""The consensus formula against special relativity worked out exactly, and bending against an integral."""

from __future__ import annotations

import erfa
import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S as C
from difxnb.geometry.earth import SUN_GM_M3_S2, EarthStates
from difxnb.geometry.relativity import seen_from, vacuum_delay

FAR = 1e30


def states(velocity: np.ndarray, sun: np.ndarray) -> EarthStates:
    """An Earth that does not turn, at one time."""
    zero = np.zeros(1)
    return EarthStates(
        0, zero, np.eye(3)[None], np.zeros((1, 2)), velocity[None], sun[None], np.array([[3.8e8, 0.0, 0.0]])
    )


def exact_delay(source: np.ndarray, place: np.ndarray, velocity: np.ndarray, earth: np.ndarray) -> float:
    """Time on the Earth's clocks between centre and antenna, without gravitation, by the Lorentz transformation.

    The wave front c t + K·x = 0 meets the centre at t' = 0. An event (t', x') of the moving frame is at
    t = γ (t' + β·x'/c), x = x' + ((γ-1) (β·x')/β² + γ c t') β; the antenna is at x' = place + velocity t'.
    """
    beta = earth / C
    square = beta @ beta
    gamma = 1 / np.sqrt(1 - square)

    def phase(time: float, at: np.ndarray) -> float:
        t = gamma * (time + beta @ at / C)
        x = at + ((gamma - 1) * (beta @ at) / square + gamma * C * time) * beta
        return float(C * t + source @ x)

    start, slope = phase(0.0, place), phase(1.0, velocity)
    return -start / slope


unit = st.tuples(st.floats(0, 2 * np.pi), st.floats(-1, 1)).map(
    lambda angles: np.array(
        [
            np.cos(angles[0]) * np.sqrt(1 - angles[1] ** 2),
            np.sin(angles[0]) * np.sqrt(1 - angles[1] ** 2),
            angles[1],
        ]
    )
)


@given(unit, unit, unit, unit)
def test_without_gravitation_it_is_special_relativity(
    source: np.ndarray, place: np.ndarray, velocity: np.ndarray, earth: np.ndarray
) -> None:
    place, velocity, earth = 6.4e6 * place, 465.0 * velocity, 30e3 * earth
    found = vacuum_delay(states(earth, np.array([FAR, 0, 0])), source, place[None], velocity[None])
    # What the formula leaves out is of the order c^-4: below 0.1 ps, of 21 ms.
    assert found.seconds[0] == pytest.approx(exact_delay(source, place, velocity, earth), abs=1e-13)


def test_an_antenna_towards_the_source_is_early() -> None:
    source = np.array([1.0, 0, 0])
    found = vacuum_delay(
        states(np.zeros(3), np.array([FAR, 0, 0])), source, 6.4e6 * source[None], np.zeros((1, 3))
    )
    assert found.seconds[0] == pytest.approx(-6.4e6 / C, abs=1e-15)


@pytest.mark.parametrize("degrees", [1.0, 5.0, 30.0, 90.0, 150.0])
def test_the_sun_s_delay_is_the_integral_along_both_rays(degrees: float) -> None:
    """Each ray is late by 2 GM/c³ ∫ ds/r from the antenna to a plane far behind the Sun."""
    sun = np.array([erfa.DAU, 0.0, 0.0])
    angle = np.radians(degrees)
    source = np.array([np.cos(angle), np.sin(angle), 0.0])
    place = 6.4e6 * np.array([-np.sin(angle), np.cos(angle), 0.0])  # the wave meets both at once
    plane = 1e4 * erfa.DAU

    def late(at: np.ndarray) -> float:
        def slowness(log: float) -> float:
            s = np.expm1(log) * 1e6
            return float((s + 1e6) / np.linalg.norm(at + source * s - sun))

        whole, _ = scipy.integrate.quad(
            slowness, 0, np.log1p(plane / 1e6), epsabs=0, epsrel=1e-13, limit=2000,
            points=[np.log1p(max(1.0, sun @ source) / 1e6)],
        )  # fmt: skip
        return 2 * SUN_GM_M3_S2 / C**3 * whole

    with_sun = vacuum_delay(states(np.zeros(3), sun), source, place[None], np.zeros((1, 3))).seconds[0]
    # The potential at the Earth stretches lengths too, by 2e-8 of a delay that is 0 here.
    assert with_sun == pytest.approx(late(place) - late(np.zeros(3)), abs=2e-15, rel=1e-3)
    assert with_sun < 0  # this antenna is farther from the Sun


def test_near_the_sun_the_antenna_is_taken_where_it_is_when_the_wave_comes() -> None:
    """The Earth moves by 640 m until the wave is at the antenna, which is 4 ps at 1 degree from the Sun."""
    sun = np.array([erfa.DAU, 0.0, 0.0])
    angle = np.radians(1.0)
    source = np.array([np.cos(angle), np.sin(angle), 0.0])
    place, speed = 6.4e6 * source, np.array([0.0, 30e3, 0.0])

    def bending(velocity: np.ndarray) -> float:
        with_sun, without = (
            vacuum_delay(states(velocity, at), source, place[None], np.zeros((1, 3))).seconds[0]
            for at in (sun, np.array([0.0, 0.0, FAR]))
        )
        return float(with_sun - without)

    def late(at: np.ndarray) -> float:
        from_sun = at - sun
        return -2 * SUN_GM_M3_S2 / C**3 * np.log(np.linalg.norm(from_sun) + from_sun @ source)

    moved = place - speed * (place @ source / C)
    expected = late(moved) - late(place)
    assert abs(expected) > 3e-12
    assert bending(speed) - bending(np.zeros(3)) == pytest.approx(expected, abs=3e-13)


def test_a_source_behind_the_sun_has_a_finite_delay() -> None:
    source = np.array([1.0, 0, 0])
    place = np.array([[0.0, 6.4e6, 0.0]])
    found = vacuum_delay(states(np.zeros(3), erfa.DAU * source), source, place, np.zeros((1, 3)))
    assert abs(found.seconds[0]) < 1e-9
    assert np.isfinite(found.gradient).all()


@given(unit, unit, unit, unit)
def test_the_gradient_is_the_change_with_the_direction(
    source: np.ndarray, place: np.ndarray, velocity: np.ndarray, aside: np.ndarray
) -> None:
    earth = states(np.array([1e4, -2e4, 1.5e4]), np.array([1.2e11, 9e10, -3e10]))
    place, velocity = 6.4e6 * place[None], 465.0 * velocity[None]
    if 1 + source @ (-earth.sun[0] / np.linalg.norm(earth.sun[0])) < 0.01:
        return  # so near to the Sun the delay bends within the step
    step = 1e-5
    after = vacuum_delay(earth, source + step * aside, place, velocity).seconds[0]
    before = vacuum_delay(earth, source - step * aside, place, velocity).seconds[0]
    slope = vacuum_delay(earth, source, place, velocity).gradient[0] @ aside
    assert slope == pytest.approx((after - before) / (2 * step), abs=2e-11)


@given(unit, unit)
def test_the_antenna_sees_the_source_where_aberration_puts_it(
    source: np.ndarray, velocity: np.ndarray
) -> None:
    speed = 30e3 * velocity
    exact = erfa.ab(source, speed / C, 1e9, np.sqrt(1 - (30e3 / C) ** 2))
    # The formula is of first order: v²/c², 0.002 arcsec.
    assert np.linalg.norm(seen_from(speed[None], source)[0] - exact) < 1.5e-8
