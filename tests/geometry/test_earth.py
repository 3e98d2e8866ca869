# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Earth stands and moves, against ERFA's published test values and against differences."""

from __future__ import annotations

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.formats.calc_model import Eop
from difxnb.geometry.earth import DAY_S, EarthOrientation, EarthStates, day_of_year, earth_states, lagrange

MJD = 57847
DAYS = [
    Eop(MJD - 2, 37, 0.468894, 0.00580, 0.37903),
    Eop(MJD - 1, 37, 0.467470, 0.00632, 0.37999),
    Eop(MJD, 37, 0.466120, 0.00720, 0.38105),
    Eop(MJD + 1, 37, 0.464786, 0.00837, 0.38266),
    Eop(MJD + 2, 37, 0.463421, 0.00954, 0.38464),
]


@pytest.fixture(scope="module")
def earth() -> EarthStates:
    return earth_states(EarthOrientation(DAYS), MJD, np.linspace(0, DAY_S, 49))


def test_the_rotation_is_that_of_the_test_of_erfa() -> None:
    """`t_c2t06a` of ERFA's `t_erfa_c.c`: TT and UT1 are MJD 53736.0; UT1-UTC is chosen so that they are."""
    x_pole, y_pole = 2.55060238e-7 * erfa.DR2AS, 1.860359247e-6 * erfa.DR2AS
    tt_utc = 33 + 32.184
    days = [Eop(53735, 33, tt_utc, x_pole, y_pole), Eop(53736, 33, tt_utc, x_pole, y_pole)]
    rotation = earth_states(EarthOrientation(days), 53735, np.array([DAY_S - tt_utc])).rotation[0]
    published = np.array(
        [
            [-0.1810332128305897282, 0.9834769806938592296, 0.6555550962998436505e-4],
            [-0.9834768134136214897, -0.1810332203649130832, 0.5749800844905594110e-3],
            [0.5773474024748545878e-3, 0.3961816829632690581e-4, 0.9999998325501747785],
        ]
    )
    np.testing.assert_allclose(rotation, published, atol=1e-10)


def test_utc_becomes_terrestrial_time_by_leap_seconds(earth: EarthStates) -> None:
    tai = erfa.utctai(2400000.5 + MJD, earth.seconds / DAY_S)
    tt = erfa.taitt(*tai)
    heliocentric, barycentric = erfa.epv00(*tt)
    au_s = erfa.DAU / DAY_S
    np.testing.assert_allclose(earth.velocity, barycentric["v"] * au_s, rtol=0, atol=1e-6)
    np.testing.assert_allclose(earth.sun, -heliocentric["p"] * erfa.DAU, rtol=1e-12)
    # A second of a wrong sign would move the velocity by 6 mm/s.
    assert np.linalg.norm(earth.velocity[1] - earth.velocity[0]) / (earth.seconds[1]) > 4e-3


def test_the_earth_moves_as_its_distance_from_the_sun_changes(earth: EarthStates) -> None:
    """Barycentric and heliocentric velocity differ by some 10 m/s only."""
    moved = -(earth.sun[2:] - earth.sun[:-2]) / (earth.seconds[2] - earth.seconds[0])
    assert np.abs(moved - earth.velocity[1:-1]).max() < 20
    assert np.linalg.norm(earth.velocity, axis=1) == pytest.approx(29_800, rel=0.02)


def test_the_moon_goes_round_in_a_month(earth: EarthStates) -> None:
    assert np.linalg.norm(earth.moon, axis=1) == pytest.approx(3.85e8, rel=0.06)
    angle = np.arccos(
        earth.moon[0] @ earth.moon[-1] / np.linalg.norm(earth.moon[0]) / np.linalg.norm(earth.moon[-1])
    )
    assert 2 * np.pi / angle == pytest.approx(27.3, rel=0.15)


def test_what_turns_with_the_earth_moves_as_its_place_does() -> None:
    place = np.array([4033947.2, 486990.9, 4900431.0])
    seconds = np.array([40_000.0, 40_001.0, 40_002.0])
    earth = earth_states(EarthOrientation(DAYS), MJD, seconds)
    positions = earth.to_celestial(place)
    np.testing.assert_allclose(earth.carried(place)[1], (positions[2] - positions[0]) / 2, atol=2e-4)


def test_turning_there_and_back_changes_nothing(earth: EarthStates) -> None:
    vectors = np.arange(3 * len(earth.seconds), dtype=float).reshape(-1, 3)
    np.testing.assert_allclose(earth.to_terrestrial(earth.to_celestial(vectors)), vectors, atol=1e-9)


def test_ut1_and_the_pole_go_through_the_days_of_the_table() -> None:
    orientation = EarthOrientation(DAYS)
    seconds = np.arange(-2, 3) * float(DAY_S)
    tai_utc, ut1_utc, x_pole, y_pole = orientation.at(MJD, seconds)
    np.testing.assert_array_equal(tai_utc, 37)
    np.testing.assert_allclose(ut1_utc, [day.ut1_utc_s for day in DAYS], atol=1e-12)
    np.testing.assert_allclose(x_pole * erfa.DR2AS, [day.x_pole_arcsec for day in DAYS], atol=1e-12)
    np.testing.assert_allclose(y_pole * erfa.DR2AS, [day.y_pole_arcsec for day in DAYS], atol=1e-12)


def test_a_leap_second_within_the_days_of_a_job_does_not_turn_the_earth() -> None:
    days = [Eop(57752 + n, 36 + (n >= 2), -0.4080 - 0.001 * n + (n >= 2), 0.1, 0.2) for n in range(5)]
    tai_utc, ut1_utc, _, _ = EarthOrientation(days).at(57753, np.array([DAY_S - 0.5, DAY_S + 0.5]))
    np.testing.assert_array_equal(tai_utc, [36, 37])
    np.testing.assert_allclose(ut1_utc - tai_utc, -36.4100, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_days_are_enough(count: int) -> None:
    _, ut1_utc, _, _ = EarthOrientation(DAYS[2 : 2 + count]).at(MJD, np.array([100.0]))
    assert ut1_utc[0] == pytest.approx(0.46612, abs=2e-3)


def test_times_far_from_the_days_and_bad_days_are_refused() -> None:
    with pytest.raises(ValueError, match="57845 to 57849"):
        EarthOrientation(DAYS).at(MJD + 4, np.array([0.0]))
    with pytest.raises(ValueError, match="no days"):
        EarthOrientation([])
    with pytest.raises(ValueError, match="twice"):
        EarthOrientation([DAYS[0], Eop(DAYS[0].mjd, 37, 0.1, 0, 0)])
    with pytest.raises(ValueError, match="no numbers"):
        EarthOrientation([Eop(MJD, 37, float("nan"), 0, 0)])
    assert EarthOrientation([DAYS[0], DAYS[0]]).at(MJD - 2, np.array([0.0]))[1][0] == pytest.approx(0.468894)


@given(st.lists(st.floats(-10, 10), min_size=4, max_size=4), st.floats(-0.9, 4.9))
def test_cubics_are_met_exactly(coefficients: list[float], at: float) -> None:
    days = np.arange(5.0)
    cubic = np.polynomial.Polynomial(coefficients)
    found = lagrange(days, cubic(days)[:, None], np.array([at]))[0, 0]
    assert found == pytest.approx(cubic(at), abs=1e-9 * (1 + np.abs(coefficients).max()) * 1e3)


def test_days_of_the_year() -> None:
    assert day_of_year(57754.0) == 1.0
    assert day_of_year(57754.5) == 1.5
    assert day_of_year(57753.0) == 366.0
