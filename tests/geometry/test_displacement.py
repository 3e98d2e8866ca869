# SPDX-License-Identifier: GPL-3.0-or-later
"""Tides, the pole's tide and axis offsets against published numbers and against their potentials."""

from __future__ import annotations

import erfa
import numpy as np
import pytest

from difxnb.geometry.displacement import Site, axis_delay, pole_tide, site, solid_earth_tide
from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S, EarthStates

EARTH_RADIUS_M = 6_378_136.6
EARTH_GM_M3_S2 = 3.986004418e14


def states(
    *, sun: list[float], moon: list[float], pole: tuple[float, float] = (0.0, 0.0), mjd: int = 57754
) -> EarthStates:
    """Celestial and terrestrial axes are the same."""
    return EarthStates(
        mjd,
        np.zeros(1),
        np.eye(3)[None],
        np.array([pole]) * erfa.DAS2R,
        np.zeros((1, 3)),
        np.array([sun]),
        np.array([moon]),
    )


@pytest.mark.parametrize(
    ("mjd", "station", "sun", "moon", "published"),
    [
        (
            54934,
            (4075578.385, 931852.890, 4801570.154),
            [137859926952.015, 54228127881.4350, 23509422341.6960],
            [-179996231.920342, -312468450.131567, -169288918.592160],
            [0.7700420357108125891e-01, 0.6304056321824967613e-01, 0.5516568152597246810e-01],
        ),
        (
            56121,
            (1112189.660, -4842955.026, 3985352.284),
            [-54537460436.2357, 130244288385.279, 56463429031.5996],
            [300396716.912, 243238281.451, 120548075.939],
            [-0.2036831479592075833e-01, 0.5658254776225972449e-01, -0.7597679676871742227e-01],
        ),
    ],
)
def test_the_tide_is_that_of_the_iers_but_for_what_is_left_out(
    mjd: int, station: tuple[float, float, float], sun: list[float], moon: list[float], published: list[float]
) -> None:
    """Test cases of the IERS' `DEHANTTIDEINEL.F`, to which parts out of phase and of long periods belong."""
    apart = solid_earth_tide(states(sun=sun, moon=moon, mjd=mjd), site("test", *station))[0] - published
    print("from the IERS' tide, m:", apart, np.linalg.norm(apart))
    assert np.linalg.norm(published) > 0.09
    assert np.linalg.norm(apart) < 0.002


def test_the_tide_is_love_s_numbers_times_the_potential() -> None:
    """Radially h2 W/g, sideways l2 ∇W/g, with W = GM r²/R³ P2(cos z) of the Moon alone."""
    moon = np.array([2.1e8, -1.7e8, 2.6e8])
    place = site("test", 3370605.7, 711917.8, 5349830.9)
    radius = np.linalg.norm(place.position)
    distance = np.linalg.norm(moon)
    gravity = EARTH_GM_M3_S2 / EARTH_RADIUS_M**2

    def potential(at: np.ndarray) -> float:
        cosine = at @ moon / np.linalg.norm(at) / distance
        mass = 0.0123000371 * EARTH_GM_M3_S2
        return float(mass * EARTH_RADIUS_M**2 / distance**3 * (1.5 * cosine**2 - 0.5))

    radial = place.position / radius
    slope = np.array(
        [
            (potential(place.position + 1000 * axis) - potential(place.position - 1000 * axis)) / 2000
            for axis in np.eye(3)
        ]
    )
    expected = 0.6078 * potential(place.position) / gravity * radial
    expected = expected + 0.0847 * (slope - slope @ radial * radial) * radius / gravity
    far = [1.5e18, 0.0, 0.0]
    found = solid_earth_tide(states(sun=far, moon=moon.tolist()), place)[0]
    found = (
        found - solid_earth_tide(states(sun=far, moon=far), place)[0]
    )  # the daily resonance goes by the time alone
    # The third degree is a few mm, and Love's numbers change with latitude by 0.1%.
    assert np.linalg.norm(found - expected) < 0.005
    assert np.linalg.norm(expected) > 0.05


@pytest.mark.parametrize(("latitude", "longitude"), [(0.9, 0.3), (-0.4, 2.5), (0.2, -1.7)])
def test_the_daily_resonance_moves_sideways_along_a_slope(latitude: float, longitude: float) -> None:
    """Sideways it follows the gradient of a field: ∂(east cos φ)/∂φ = ∂north/∂λ, which ties its signs together."""
    far = [1.5e18, 0.0, 0.0]

    def north_east(at_latitude: float, at_longitude: float) -> np.ndarray:
        x, y, z = EARTH_RADIUS_M * np.array(
            [
                np.cos(at_latitude) * np.cos(at_longitude),
                np.cos(at_latitude) * np.sin(at_longitude),
                np.sin(at_latitude),
            ]
        )
        place = site("test", x, y, z)
        moved = solid_earth_tide(states(sun=far, moon=far), place)[0]
        return np.array([moved @ place.north, moved @ place.east * np.cos(at_latitude)])

    step = 1e-4
    along = north_east(latitude, longitude + step) - north_east(latitude, longitude - step)
    across = north_east(latitude + step, longitude) - north_east(latitude - step, longitude)
    assert across[1] / (2 * step) == pytest.approx(along[0] / (2 * step), abs=1e-5)
    assert np.abs([along[0], across[1]]).max() / (2 * step) > 5e-5


def test_the_pole_s_tide_is_the_change_of_the_centrifugal_potential() -> None:
    """IERS Conventions 2010, 7.1.4: ΔV = -Ω² r²/2 sin 2θ (m1 cos λ + m2 sin λ), h2 = 0.6207, l2 = 0.0836."""
    years = 17.0  # 2017-01-01
    m1, m2 = 0.3 * erfa.DAS2R, -0.2 * erfa.DAS2R
    pole = 0.3 + (55.0 + 1.677 * years) / 1000, 0.2 + (320.5 + 3.460 * years) / 1000

    def potential(colatitude: float, longitude: float) -> float:
        return -(7.292115e-5**2) * EARTH_RADIUS_M**2 / 2 * np.sin(2 * colatitude) * (
            m1 * np.cos(longitude) + m2 * np.sin(longitude)
        )  # fmt: skip

    for x, y, z in ((4033947.2, 486990.9, 4900431.0), (-2e6, -4e6, -4.5e6), (-3.9e6, 3.4e6, 3.7e6)):
        place = site("test", x, y, z)
        colatitude = np.arccos(z / np.linalg.norm(place.position))
        step = 1e-4
        gravity = 9.80665
        south = (
            potential(colatitude + step, place.longitude) - potential(colatitude - step, place.longitude)
        ) / (2 * step)
        east = (
            potential(colatitude, place.longitude + step) - potential(colatitude, place.longitude - step)
        ) / (2 * step)
        expected = (
            0.6207 * potential(colatitude, place.longitude) / gravity * place.up
            - 0.0836 * south / gravity * place.north
            + 0.0836 * east / gravity / np.sin(colatitude) * place.east
        )
        found = pole_tide(states(sun=[1.5e11, 0, 0], moon=[3.8e8, 0, 0], pole=pole), place)[0]
        assert np.linalg.norm(found) > 1e-3
        assert np.linalg.norm(found - expected) < 3e-4  # the IERS rounds to whole millimetres per arcsec


@pytest.mark.parametrize(
    ("mount", "axis"),
    [("AZEL", "up"), ("azel", "up"), ("NASR", "up"), ("EQUA", "pole"), ("XYEW", "east"), ("XYNS", "north")],
)
def test_the_moving_axis_stands_towards_the_source_and_meets_the_wave_earlier(mount: str, axis: str) -> None:
    place = site("test", 4848761.8, -261484.1, 4123085.1)
    fixed = {"up": place.up, "east": place.east, "north": place.north, "pole": np.array([0.0, 0.0, 1.0])}[
        axis
    ]
    source = 0.3 * place.east - 0.5 * place.north + 0.7 * place.up
    source = source / np.linalg.norm(source)
    across = source - source @ fixed * fixed
    moved = 2.0 * across / np.linalg.norm(across)
    expected = moved @ source / SPEED_OF_LIGHT_M_S
    assert expected > 0
    assert axis_delay(mount, 2.0, place, source[None])[0] == pytest.approx(expected, rel=1e-12)
    assert axis_delay(mount, -2.0, place, source[None])[0] == pytest.approx(-expected, rel=1e-12)


def test_mounts_that_are_not_known_matter_only_with_an_offset() -> None:
    place = site("Aa", 4848761.8, -261484.1, 4123085.1)
    assert axis_delay("ORBI", 0.0, place, place.up[None])[0] == 0.0
    with pytest.raises(ValueError, match=r"Aa.*'ORBI'.*AZEL"):
        axis_delay("ORBI", 1.0, place, place.up[None], name="Aa")


def test_a_site_has_its_horizon() -> None:
    place: Site = site("pole", 0.0, 0.0, 6356752.3)
    assert place.latitude == pytest.approx(np.pi / 2)
    assert abs(place.height_m) < 0.1
    place = site("greenwich", 6378137.0, 0.0, 0.0)
    np.testing.assert_allclose(
        [place.east, place.north, place.up], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12
    )
    for x in (0.0, 4.2e7, float("nan")):
        with pytest.raises(ValueError, match="antenna Sp"):
            site("Sp", x, 0.0, 0.0)
    with pytest.raises(ValueError, match="antenna Sp"):
        site("Sp", float("inf"), 0.0, 0.0)
