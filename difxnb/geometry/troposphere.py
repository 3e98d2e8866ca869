# SPDX-License-Identifier: GPL-3.0-or-later
"""What the air adds to a delay: zenith delays from the weather, and how they grow towards the horizon.

Zenith delays by Saastamoinen (hydrostatic in the form of Davis et al. 1985; IERS Conventions 2010, equation 9.4; wet:
Saastamoinen 1972, formula 19a), mapping functions by Niell (1996, J. Geophys. Res. 101, 3227). Without a weather
report a standard atmosphere stands in, so the truth may differ by several cm at the zenith.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import erfa
import numpy as np

from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S, FloatArray

LOWEST_RAD = math.radians(1.0)
"""Below this elevation the delays of this one are given: mapping functions mean nothing there."""
LOWEST_M, HIGHEST_M = -500.0, 9000.0
"""Heights between which the air is computed; antennas of made-up positions beyond have the air of these."""
_LAPSE_K_M = 6.5e-3
_BAROMETRIC = 5.2559
_ZERO_CELSIUS_K = 273.15
_RADIO_UM = 1e4
_LATITUDES = np.radians([15.0, 30.0, 45.0, 60.0, 75.0])
# Niell 1996, tables 3 and 4: a, b, c in rows.
_DRY_MEAN = np.array(
    [
        [1.2769934e-3, 1.2683230e-3, 1.2465397e-3, 1.2196049e-3, 1.2045996e-3],
        [2.9153695e-3, 2.9152299e-3, 2.9288445e-3, 2.9022565e-3, 2.9024912e-3],
        [62.610505e-3, 62.837393e-3, 63.721774e-3, 63.824265e-3, 64.258455e-3],
    ]
)
_DRY_YEARLY = np.array(
    [
        [0.0, 1.2709626e-5, 2.6523662e-5, 3.4000452e-5, 4.1202191e-5],
        [0.0, 2.1414979e-5, 3.0160779e-5, 7.2562722e-5, 11.723375e-5],
        [0.0, 9.0128400e-5, 4.3497037e-5, 84.795348e-5, 170.37206e-5],
    ]
)
_WET = np.array(
    [
        [5.8021897e-4, 5.6794847e-4, 5.8118019e-4, 5.9727542e-4, 6.1641693e-4],
        [1.4275268e-3, 1.5138625e-3, 1.4572752e-3, 1.5007428e-3, 1.7599082e-3],
        [4.3472961e-2, 4.6729510e-2, 4.3908931e-2, 4.4626982e-2, 5.4736038e-2],
    ]
)
_PER_KM = np.array([2.53e-5, 5.49e-3, 1.14e-3])
_COLDEST_DAY = 28.0
_YEAR_D = 365.25


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather at a height; the default is a standard atmosphere at sea level.

    Attributes
    ----------
    pressure_hpa, temperature_k : float
        Of the air.
    humidity : float
        Relative, 0 to 1.
    height_m : float
        Where this was measured, above the ellipsoid.
    """

    pressure_hpa: float = 1013.25
    temperature_k: float = 293.15
    humidity: float = 0.5
    height_m: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.pressure_hpa < 1200:
            raise ValueError(f"pressure_hpa is 0 to 1200 hPa, not {self.pressure_hpa!r}")
        if not 150 < self.temperature_k < 350:
            raise ValueError(f"temperature_k is 150 to 350 K, not {self.temperature_k!r}")
        if not 0 <= self.humidity <= 1:
            raise ValueError(f"humidity is 0 to 1, not {self.humidity!r}")
        if not -1000 < self.height_m < 10_000:
            raise ValueError(f"height_m is -1000 to 10000 m, not {self.height_m!r}")

    def at_height(self, height_m: float) -> Weather:
        """The weather at another height: 6.5 K less for every km, the pressure in balance, the humidity kept."""
        ratio = 1 - _LAPSE_K_M * (height_m - self.height_m) / self.temperature_k
        return Weather(
            self.pressure_hpa * ratio**_BAROMETRIC, self.temperature_k * ratio, self.humidity, height_m
        )

    @property
    def vapour_hpa(self) -> float:
        """Partial pressure of water vapour, hPa: of saturation (Tetens 1930) times humidity."""
        celsius = self.temperature_k - _ZERO_CELSIUS_K
        return float(self.humidity * 6.11 * math.exp(17.269 * celsius / (celsius + 237.3)))


def zenith_delays(weather: Weather, latitude: float) -> tuple[float, float]:
    """Hydrostatic and wet delay of a vertical path, s, from the weather at the antenna; latitude in rad."""
    gravity = 1 - 0.00266 * math.cos(2 * latitude) - 0.28e-6 * weather.height_m
    dry_m = 0.0022768 * weather.pressure_hpa / gravity
    wet_m = 0.002277 * (1255 / weather.temperature_k + 0.05) * weather.vapour_hpa
    return dry_m / SPEED_OF_LIGHT_M_S, wet_m / SPEED_OF_LIGHT_M_S


def mapping_functions(
    elevation: FloatArray, day: FloatArray | float, latitude: float, height_m: float
) -> tuple[FloatArray, FloatArray]:
    """Niell's factors of the hydrostatic and the wet delay, compared with the zenith.

    Parameters
    ----------
    elevation : ndarray
        rad.
    day : ndarray or float
        Of the year, from 1.
    latitude, height_m : float
        Of the antenna, rad and m.
    """
    sine = np.sin(np.maximum(elevation, LOWEST_RAD))
    year = (np.asarray(day) - _COLDEST_DAY) / _YEAR_D + (0.5 if latitude < 0 else 0.0)
    mean, yearly = _at_latitude(_DRY_MEAN, latitude), _at_latitude(_DRY_YEARLY, latitude)
    dry = mean[:, None] - yearly[:, None] * np.cos(2 * np.pi * year)
    higher = (1 / sine - _fraction(sine, _PER_KM)) * height_m / 1000
    return _fraction(sine, dry) + higher, _fraction(sine, _at_latitude(_WET, latitude))


def _at_latitude(table: FloatArray, latitude: float) -> FloatArray:
    return np.array([np.interp(abs(latitude), _LATITUDES, row) for row in table])


def _fraction(sine: FloatArray, abc: FloatArray) -> FloatArray:
    """Marini's continued fraction, 1 at the zenith."""
    a, b, c = abc
    return np.asarray((1 + a / (1 + b / (1 + c))) / (sine + a / (sine + b / (sine + c))))


def refraction(elevation: FloatArray, weather: Weather) -> FloatArray:
    """How much higher radio waves seem to come than they do without air, rad (ERFA's `refco`, good to some 1%)."""
    a, b = erfa.refco(
        weather.pressure_hpa, weather.temperature_k - _ZERO_CELSIUS_K, weather.humidity, _RADIO_UM
    )
    cotangent = 1 / np.tan(np.maximum(elevation, 5 * LOWEST_RAD))
    return np.asarray(a * cotangent + b * cotangent**3)
