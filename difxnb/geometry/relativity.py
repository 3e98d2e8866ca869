# SPDX-License-Identifier: GPL-3.0-or-later
"""When a plane wave reaches an antenna after the Earth's centre: the consensus formula of VLBI.

IERS Conventions 2010, 11.1.2 (equations 11.1 to 11.9), with the Earth's centre as station 1. Of bodies that bend the
wave only the Sun is taken: the Earth's own part, some 20 ps, is singular for a station in its centre, and planets
matter close to their disks only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S, SUN_GM_M3_S2, EarthStates, FloatArray

_C = SPEED_OF_LIGHT_M_S
_SUN_DELAY_S = 2 * SUN_GM_M3_S2 / _C**3
_GAMMA = 1.0
_SUN_RADIUS_RAD = 4.65e-3


@dataclass(frozen=True, slots=True)
class VacuumDelay:
    """What the wave takes from the Earth's centre to an antenna.

    Attributes
    ----------
    seconds : ndarray, shape (t,)
        Arrival at the antenna minus arrival at the centre: negative where the antenna sees the source.
    gradient : ndarray, shape (t, 3)
        Its change with the direction of the source, s, in celestial coordinates.
    """

    seconds: FloatArray
    gradient: FloatArray


def vacuum_delay(
    earth: EarthStates, source: FloatArray, place: FloatArray, velocity: FloatArray
) -> VacuumDelay:
    """Delay of an antenna against the Earth's centre without atmosphere (equation 11.9).

    Parameters
    ----------
    earth : EarthStates
        The times, when the wave reaches the Earth's centre.
    source : ndarray, shape (3,)
        Barycentric unit vector to the source, without any aberration.
    place, velocity : ndarray, shape (t, 3)
        Of the antenna, celestial, from the Earth's centre; m and m/s.
    """
    sun_distance = np.linalg.norm(earth.sun, axis=1)
    potential = SUN_GM_M3_S2 / sun_distance
    along = place @ source
    earth_along = _dot(earth.velocity, place) / _C**2
    first = 1 - (1 + _GAMMA) * potential / _C**2
    first = first - _dot(earth.velocity, earth.velocity) / (2 * _C**2)
    first = first - _dot(earth.velocity, velocity) / _C**2
    second = 1 + earth.velocity @ source / (2 * _C)
    divisor = 1 + (earth.velocity + velocity) @ source / _C
    bending, bending_gradient = _sun_delay(earth, source, place)
    seconds = (bending - along / _C * first - earth_along * second) / divisor
    gradient = bending_gradient - place / _C * first[:, None]
    gradient = gradient - earth.velocity * (earth_along / (2 * _C))[:, None]
    gradient = gradient - (earth.velocity + velocity) * (seconds / _C)[:, None]
    return VacuumDelay(seconds, gradient / divisor[:, None])


def _sun_delay(earth: EarthStates, source: FloatArray, place: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Delay by the Sun's gravitation, antenna minus centre (equation 11.1), and its gradient."""
    centre = -earth.sun
    antenna = centre + place - earth.velocity * (place @ source / _C)[:, None]
    of_centre, of_antenna = _beside_the_sun(centre, source), _beside_the_sun(antenna, source)
    gradient = centre / of_centre[:, None] - antenna / of_antenna[:, None]
    return _SUN_DELAY_S * np.log(of_centre / of_antenna), _SUN_DELAY_S * gradient


def _beside_the_sun(receiver: FloatArray, source: FloatArray) -> FloatArray:
    """Distance from the Sun plus its part towards the source; behind the Sun's disk that of its rim."""
    distance = np.linalg.norm(receiver, axis=1)
    return np.asarray(np.maximum(distance + receiver @ source, distance * (_SUN_RADIUS_RAD**2 / 2)))


def seen_from(velocity: FloatArray, source: FloatArray) -> FloatArray:
    """Unit vectors to where a moving antenna sees the source (equation 11.15); velocity (t, 3) in m/s, barycentric."""
    moved = source + (velocity - source * (velocity @ source)[:, None]) / _C
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("ti,ti->t", one, other))
