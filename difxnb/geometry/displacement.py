# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an antenna's reference point is at a time: tides of the solid Earth, the pole's tide, and its axes.

Positions come in as the job has them (a tide-free frame, ITRF), displacements come out, m, terrestrial.
"""

from __future__ import annotations

from dataclasses import dataclass

import erfa
import numpy as np

from difxnb.formats.mjd import DAY_S
from difxnb.geometry.earth import MJD_0, MJD_J2000, SPEED_OF_LIGHT_M_S, EarthStates, FloatArray, unix_day

_EARTH_RADIUS_M = 6_378_136.6
_SUN_PER_EARTH = 332_946.048_2
_MOON_PER_EARTH = 0.012_300_037_1
_H3, _L3 = 0.292, 0.015
_GRS80 = 2
_FARTHEST_M = 100_000.0
_SECONDS_PER_YEAR = 365.25 * 86_400

# IERS Conventions 2010, table 7.3a: multiples of the longitudes of Moon, Sun, perigee, node (negative), perihelion
# beside the lunar day; then up in phase and out of it, aside in phase and out of it, mm.
_DAILY = np.array(
    [
        [-1, 0, 0, 0, 0, -0.51, 0.0, -0.02, 0.03],
        [1, -2, 0, 0, 0, -1.23, -0.07, 0.06, 0.01],
        [1, 0, 0, -1, 0, -0.22, 0.01, 0.01, 0.0],
        [1, 0, 0, 0, 0, 12.00, -0.80, -0.67, -0.03],
        [1, 0, 0, 1, 0, 1.73, -0.12, -0.10, 0.0],
        [1, 1, 0, 0, -1, -0.50, -0.01, 0.03, 0.0],
    ]
)
_FIXED_AXES = {
    "AZEL": "up",
    "ALTZ": "up",
    "NASR": "up",
    "NASL": "up",
    "EQUA": "pole",
    "EQUAT": "pole",
    "HADEC": "pole",
    "XYEW": "east",
    "XYNS": "north",
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where an antenna stands: geocentric position (m), geodetic place (rad, m), and directions of its horizon."""

    position: FloatArray
    latitude: float
    longitude: float
    height_m: float
    east: FloatArray
    north: FloatArray
    up: FloatArray


def site(name: str, x: float, y: float, z: float) -> Site:
    """Describe a place of geocentric coordinates, m.

    Raises
    ------
    ValueError
        More than 100 km from the Earth's surface: neither its atmosphere nor its tides mean anything there.
    """
    position = np.array([x, y, z], dtype=np.float64)
    if not np.isfinite(position).all():
        raise ValueError(f"the position of antenna {name} is no number")
    longitude, latitude, height = (float(value) for value in erfa.gc2gd(_GRS80, position))
    if abs(height) > _FARTHEST_M:
        raise ValueError(
            f"antenna {name} is {abs(height) / 1000:.0f} km from the Earth's surface; only antennas on it are computed"
        )
    sin_lat, cos_lat, sin_lon, cos_lon = (
        np.sin(latitude), np.cos(latitude), np.sin(longitude), np.cos(longitude),
    )  # fmt: skip
    return Site(
        position=position,
        latitude=latitude,
        longitude=longitude,
        height_m=height,
        east=np.array([-sin_lon, cos_lon, 0.0]),
        north=np.array([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat]),
        up=np.array([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]),
    )


def solid_earth_tide(earth: EarthStates, place: Site) -> FloatArray:
    """Displacement by Moon and Sun, shape (t, 3), m, some decimetres.

    IERS Conventions 2010, equations 7.5 (degree 2, with Love numbers that depend on latitude, 7.2), 7.6 (degree 3,
    Moon) and 7.12 (resonance of the daily tides, terms of more than 0.2 mm of table 7.3a). Not done: parts out of phase
    and what the Love numbers of long periods and of the latitude add, 1 to 2 mm.
    """
    moon = _tide(earth.to_terrestrial(earth.moon), _MOON_PER_EARTH, place, third=True)
    sun = _tide(earth.to_terrestrial(earth.sun), _SUN_PER_EARTH, place, third=False)
    return moon + sun + _daily_resonance(earth, place)


def _tide(body: FloatArray, mass: float, place: Site, *, third: bool) -> FloatArray:
    radius = np.linalg.norm(place.position)
    radial = place.position / radius
    legendre = (3 * (place.position[2] / radius) ** 2 - 1) / 2
    h2, l2 = 0.6078 - 0.0006 * legendre, 0.0847 + 0.0002 * legendre
    distance = np.linalg.norm(body, axis=1)
    towards = body / distance[:, None]
    cosine = towards @ radial
    aside = towards - cosine[:, None] * radial
    size = mass * _EARTH_RADIUS_M**4 / distance**3
    moved = size[:, None] * (
        h2 * (1.5 * cosine**2 - 0.5)[:, None] * radial + 3 * l2 * cosine[:, None] * aside
    )
    if third:
        size = mass * _EARTH_RADIUS_M**5 / distance**4
        upwards = _H3 * (2.5 * cosine**3 - 1.5 * cosine)
        sideways = _L3 * (7.5 * cosine**2 - 1.5)
        moved = moved + size[:, None] * (upwards[:, None] * radial + sideways[:, None] * aside)
    return np.asarray(moved)


def _daily_resonance(earth: EarthStates, place: Site) -> FloatArray:
    """What the Earth's core changes in tides of a day, shape (t, 3), m, up to 13 mm."""
    day = earth.seconds / DAY_S
    centuries = (earth.mjd - MJD_J2000 + day) / 36_525
    moon_anomaly, sun_anomaly, from_node, elongation, node = (
        fundamental(centuries)
        for fundamental in (erfa.fal03, erfa.falp03, erfa.faf03, erfa.fad03, erfa.faom03)
    )
    moon = from_node + node
    sun = moon - elongation
    lunar_day = erfa.gmst06(MJD_0 + earth.mjd, day, MJD_0 + earth.mjd, day) + np.pi - moon
    angles = np.stack([moon, sun, moon - moon_anomaly, -node, sun - sun_anomaly])
    phases = lunar_day + _DAILY[:, :5] @ angles + place.longitude
    sine, cosine = np.sin(phases), np.cos(phases)
    in_phase, out_of_phase = _DAILY[:, 5::2].T, _DAILY[:, 6::2].T
    sin_lat = place.position[2] / np.linalg.norm(place.position)
    cos_lat = np.sqrt(1 - sin_lat**2)
    upwards = 2 * sin_lat * cos_lat * (in_phase[0] @ sine + out_of_phase[0] @ cosine)
    northwards = (cos_lat**2 - sin_lat**2) * (in_phase[1] @ sine + out_of_phase[1] @ cosine)
    eastwards = sin_lat * (in_phase[1] @ cosine - out_of_phase[1] @ sine)
    moved = upwards[:, None] * place.up + northwards[:, None] * place.north + eastwards[:, None] * place.east
    return np.asarray(moved / 1000)


def pole_tide(earth: EarthStates, place: Site) -> FloatArray:
    """Displacement by the pole's distance from its secular place, shape (t, 3), m, up to 25 mm.

    IERS Conventions 2010, equations 7.24 to 7.26, with the secular pole of 2018 (equation 7.25 of version 1.3).
    """
    elapsed = (unix_day(earth.mjd) - np.datetime64("2000-01-01T00", "ns")) / np.timedelta64(1, "s")
    years = elapsed / _SECONDS_PER_YEAR
    x_secular, y_secular = 55.0e-3 + 1.677e-3 * years, 320.5e-3 + 3.460e-3 * years
    m1 = earth.pole[:, 0] * erfa.DR2AS - x_secular
    m2 = -(earth.pole[:, 1] * erfa.DR2AS - y_secular)
    colatitude = np.arccos(place.position[2] / np.linalg.norm(place.position))
    sin_lon, cos_lon = np.sin(place.longitude), np.cos(place.longitude)
    along, across = m1 * cos_lon + m2 * sin_lon, m1 * sin_lon - m2 * cos_lon
    upwards = -0.033 * np.sin(2 * colatitude) * along
    southwards = -0.009 * np.cos(2 * colatitude) * along
    eastwards = 0.009 * np.cos(colatitude) * across
    moved = upwards[:, None] * place.up - southwards[:, None] * place.north + eastwards[:, None] * place.east
    return np.asarray(moved)


def axis_delay(mount: str, offset_m: float, place: Site, seen: FloatArray, *, name: str = "") -> FloatArray:
    """How much earlier the wave meets the axis that moves than the one that is fixed, s.

    The moving axis stands `offset_m` from the fixed one, in the plane of that and of the source, towards it (IERS
    Conventions 2010, 11.1.2, after Sovers, Fanselow and Jacobs 1998). Where it is not in between, the offset is
    negative.

    Parameters
    ----------
    mount : str
        Of the ``.calc``: AZEL, EQUA, XYEW (fixed axis to the east), XYNS (to the north), NASR, NASL.
    offset_m : float
        Between the axes.
    place : Site
        The antenna.
    seen : ndarray, shape (t, 3)
        Terrestrial unit vectors to where the antenna points: with aberration and refraction.
    name : str
        What messages call the antenna.

    Raises
    ------
    ValueError
        The mount is another one, and the offset is not 0.
    """
    if offset_m == 0.0:
        return np.zeros(len(seen))
    kind = _FIXED_AXES.get(mount.strip().upper())
    if kind is None:
        raise ValueError(
            f"antenna {name} has the mount {mount!r} and an axis offset of {offset_m:g} m; "
            f"offsets are computed for {', '.join(_FIXED_AXES)}"
        )
    axes = {"up": place.up, "north": place.north, "east": place.east, "pole": np.array([0.0, 0.0, 1.0])}
    along = seen @ axes[kind]
    return np.asarray(offset_m * np.sqrt(np.maximum(0.0, 1 - along**2)) / SPEED_OF_LIGHT_M_S)
