# SPDX-License-Identifier: GPL-3.0-or-later
"""The air: zenith delays, how they grow downwards, and what the weather changes."""

from __future__ import annotations

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S as C
from difxnb.geometry.troposphere import Weather, mapping_functions, refraction, zenith_delays

LATITUDE = np.radians(45.0)


def test_a_hectopascal_is_2_28_mm_at_the_zenith() -> None:
    dry, _ = zenith_delays(Weather(), LATITUDE)
    higher, _ = zenith_delays(Weather(pressure_hpa=1023.25), LATITUDE)
    assert dry * C == pytest.approx(
        2.307, abs=0.002
    )  # 1013.25 hPa at 45°, where gravity is that of the formula
    assert (higher - dry) * C * 1000 / 10 == pytest.approx(2.277, abs=0.001)


def test_the_wet_delay_is_that_of_its_vapour() -> None:
    _, none = zenith_delays(Weather(humidity=0.0), LATITUDE)
    _, wet = zenith_delays(Weather(), LATITUDE)
    _, full = zenith_delays(Weather(humidity=1.0), LATITUDE)
    assert none == 0
    assert full == pytest.approx(2 * wet)
    assert Weather(humidity=1.0).vapour_hpa == pytest.approx(23.4, abs=0.1)  # saturated at 20 °C
    assert wet * C == pytest.approx(0.1153, abs=0.0002)


def test_the_pressure_falls_as_in_the_standard_atmosphere() -> None:
    """The standard atmosphere of the ICAO: 15 °C at the sea, 898.7 hPa in 1000 m, 540.2 hPa in 5000 m."""
    sea = Weather(temperature_k=288.15)
    assert sea.at_height(1000.0).pressure_hpa == pytest.approx(898.75, abs=0.1)
    assert sea.at_height(5000.0).pressure_hpa == pytest.approx(540.2, abs=0.2)
    assert sea.at_height(1000.0).temperature_k == pytest.approx(281.65)
    assert sea.at_height(3000.0).at_height(0.0).pressure_hpa == pytest.approx(1013.25)


@pytest.mark.parametrize("latitude", [-70.0, -45.0, 0.0, 30.0, 52.0, 80.0])
def test_paths_grow_downwards_from_one_at_the_zenith(latitude: float) -> None:
    elevation = np.radians([90.0, 60.0, 30.0, 15.0, 10.0, 5.0])
    dry, wet = mapping_functions(elevation, 94.0, np.radians(latitude), 500.0)
    assert dry[0] == pytest.approx(1.0, abs=1e-9)
    assert wet[0] == pytest.approx(1.0, abs=1e-9)
    assert (np.diff(dry) > 0).all()
    assert (dry < 1 / np.sin(elevation) + 1e-9).all()  # the Earth is round
    assert dry[-1] == pytest.approx(10.15, abs=0.06)  # of Niell 1996, figure 1: about 10.15 at 5°
    assert (wet[1:] > dry[1:]).all()  # water is low


def test_a_higher_antenna_has_more_of_it_aside() -> None:
    """Niell 1996, equation 6: 1/sin(5°) is 11.47371, the fraction with a, b, c of the height 11.45173 (by hand)."""
    low = np.radians([5.0])
    higher = (
        mapping_functions(low, 94.0, LATITUDE, 1000.0)[0] - mapping_functions(low, 94.0, LATITUDE, 0.0)[0]
    )
    assert higher[0] == pytest.approx(0.02198, abs=2e-5)
    same = mapping_functions(low, 94.0, LATITUDE, 1000.0)[1] - mapping_functions(low, 94.0, LATITUDE, 0.0)[1]
    assert same[0] == 0


def test_seasons_are_half_a_year_apart_in_the_south() -> None:
    low = np.radians([5.0])
    january, july = 28.0, 28.0 + 365.25 / 2
    north = [mapping_functions(low, day, LATITUDE, 0.0)[0][0] for day in (january, july)]
    south = [mapping_functions(low, day, -LATITUDE, 0.0)[0][0] for day in (january, july)]
    assert north == pytest.approx(south[::-1], abs=1e-4)
    assert north[0] != pytest.approx(north[1], abs=1e-3)


def test_below_the_horizon_delays_stay_finite() -> None:
    dry, wet = mapping_functions(np.radians([1.0, 0.0, -30.0]), 94.0, LATITUDE, 0.0)
    assert (dry == dry[0]).all()
    assert (wet == wet[0]).all()
    assert 20 < dry[0] < 40


def test_refraction_is_that_of_erfa() -> None:
    elevation = np.radians([20.0, 45.0, 80.0])
    a, b = erfa.refco(1013.25, 20.0, 0.5, 1e4)
    np.testing.assert_allclose(
        refraction(elevation, Weather()), a / np.tan(elevation) + b / np.tan(elevation) ** 3
    )
    assert np.degrees(refraction(elevation, Weather())[1]) * 3600 == pytest.approx(66, abs=5)


@given(st.floats(-500, 9000), st.floats(600, 1080), st.floats(230, 320), st.floats(0, 1))
def test_any_weather_of_the_earth_gives_finite_delays(
    height: float, pressure: float, kelvin: float, humidity: float
) -> None:
    dry, wet = zenith_delays(Weather(pressure, kelvin, humidity, height), LATITUDE)
    assert 1.2 < dry * C < 2.6
    assert 0 <= wet * C < 1.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pressure_hpa", 0.0),
        ("pressure_hpa", float("nan")),
        ("temperature_k", 20.0),
        ("humidity", 50.0),
        ("height_m", 1e5),
    ],
)
def test_weather_in_other_units_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Weather(**{name: value})
