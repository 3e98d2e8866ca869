# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric delay model of a job: a ``.calc`` in, the polynomials of an ``.im`` out, as CALC makes them.

Computed: rotation of the Earth with precession, nutation, UT1 and pole (:mod:`.earth`); relativity and the Sun's
gravitation (:mod:`.relativity`); tides of the solid Earth and of the pole, axis offsets (:mod:`.displacement`); the air
(:mod:`.troposphere`).

Not computed: loading by oceans and atmosphere (up to some cm, 0.1 ns), tides within a day of UT1 and pole (0.1 ns),
thermal expansion (mm), motion of the plates beyond the positions that the job has, structure of sources, antennas in
space and spacecraft. With the real weather instead of a standard atmosphere the air differs by several 0.1 ns at the
zenith. None of this hinders finding fringes; for geodesy the model of the final analysis replaces it anyway.

Signs as in the file (``difx-files.md`` 6): DELAY is positive where the wave reaches the antenna before the Earth's
centre, DRY and WET are positive, and DELAY = geometry - DRY - WET; W = -c · geometry, U and V minus c times its change
with the source's direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Protocol

import numpy as np

from difxnb.formats.calc_model import Calc, CalcScan, CalcTelescope, Eop, Source
from difxnb.formats.im_model import Im, ImPolynomial, ImScan
from difxnb.formats.mjd import DAY_S, MJD_ZERO
from difxnb.geometry.displacement import Site, axis_delay, pole_tide, site, solid_earth_tide
from difxnb.geometry.earth import (
    SPEED_OF_LIGHT_M_S,
    EarthOrientation,
    EarthStates,
    FloatArray,
    day_of_year,
    earth_states,
)
from difxnb.geometry.relativity import seen_from, vacuum_delay
from difxnb.geometry.troposphere import (
    HIGHEST_M,
    LOWEST_M,
    Weather,
    mapping_functions,
    refraction,
    zenith_delays,
)

_MICROSECONDS = 1e6
_MOST_ORDER = 20
_MORE_POINTS = 6
_EOP_DAYS_BEFORE = 2
_EOP_DAYS = 5
# Of the atmosphere's and the axis' change with the source's direction.
_STEP_RAD = 1e-4


class DaysOfEop(Protocol):
    """What gives days of Earth orientation, as :class:`~difxnb.geometry.eop.EopTable` does."""

    def days(self, first_mjd: int, n: int = 5) -> list[Eop]:
        """Give `n` days from 0h UTC of the first."""
        ...


@dataclass(frozen=True, slots=True)
class _Options:
    """What is to be computed, and the polynomials' shape."""

    order: int
    interval_s: int
    troposphere: bool
    tides: bool
    aberration: bool

    def __post_init__(self) -> None:
        if not 1 <= self.order <= _MOST_ORDER:
            raise ValueError(f"order is 1 to {_MOST_ORDER}, not {self.order!r}")
        if not 1 <= self.interval_s <= DAY_S:
            raise ValueError(f"interval_s is 1 to {DAY_S} s, not {self.interval_s!r}")


@dataclass(frozen=True, slots=True)
class _Antenna:
    """An antenna with what is computed for it once."""

    about: CalcTelescope
    place: Site
    weather: Weather
    zenith_s: tuple[float, float]


def delay_model(
    calc: Calc,
    *,
    eop: DaysOfEop | None = None,
    order: int = 5,
    interval_s: int = 120,
    troposphere: bool = True,
    tides: bool = True,
    aberration: bool = True,
    weather: Mapping[str, Weather] | None = None,
) -> Im:
    """Compute the delay model of a job.

    Parameters
    ----------
    calc : Calc
        The job's antennas, sources, scans and days of Earth orientation.
    eop : EopTable, optional
        Its days take the place of the job's own.
    order, interval_s : int
        Degree of the polynomials, and the seconds that each stands for. As CALC's they begin at whole multiples of
        `interval_s` of the day, the first one at or before the start of a scan, the last one at or after its end.
    troposphere : bool
        Take the delay of the air into DELAY, and write it as DRY and WET; else these are 0.
    tides : bool
        Move antennas with the tides of the solid Earth and of the pole.
    aberration : bool
        U, V and W from the delay itself, as CALC's ``EXACT``; else from the positions alone (``UNCORRECTED``). The
        delay is the same.
    weather : mapping of str to Weather, optional
        By name of the antenna; others have a standard atmosphere.

    Returns
    -------
    Im
        With DELAY, DRY, WET, AZ (degrees from north over east), EL GEOM, U, V and W for every antenna and each source
        of each scan.

    Raises
    ------
    ValueError
        The job has no antennas, no days of Earth orientation, or none near a scan; a source that moves; an antenna
        not on the Earth's surface, or of a mount that is not computed.

    Notes
    -----
    One scan of the real CALC (``ma008``: Effelsberg, Onsala, Yebes) is met within 0.051 ns in DELAY, 6e-15 in its rate,
    0.001 ns in DRY and in WET, and 0.016 m in W, as ``tests/geometry/test_real_calc.py`` holds. It is not closer as
    CALC has ocean loading, and tides within a day of UT1 and the pole; that CALC may have another nutation and tide.

    CALC's U and V are one-sided differences of its delay over 1e-4 rad, to the west and to the north, which are off by
    some 5e-5 of the baseline; here they are the derivative itself. With such steps CALC's are met within 0.04 m.
    """
    options = _Options(order, interval_s, troposphere, tides, aberration)
    if calc.num_spacecraft:
        raise ValueError(f"job {calc.job_name} has spacecraft; only sources that do not move are computed")
    given = {name.strip().upper(): value for name, value in (weather or {}).items()}
    antennas = [_antenna(one, given.get(one.name.strip().upper(), Weather())) for one in calc.telescopes]
    if not antennas:
        raise ValueError(f"job {calc.job_name} has no antennas")
    orientation = EarthOrientation(_days(calc, eop))
    return Im(
        calc_server="difxnb",
        calc_program="difxnb",
        calc_version=version("difxnb"),
        start_time=calc.start_time,
        order=order,
        interval_s=interval_s,
        aberration="EXACT" if aberration else "UNCORRECTED",
        telescopes=[one.name for one in calc.telescopes],
        scans=[_scan_model(calc, scan, antennas, orientation, options) for scan in calc.scans],
    )


def _days(calc: Calc, eop: DaysOfEop | None) -> Sequence[Eop]:
    if eop is None:
        return calc.eops
    start, _ = _job_start(calc)
    last = max((scan.start_s + scan.duration_s for scan in calc.scans), default=0) // DAY_S
    return eop.days(start - _EOP_DAYS_BEFORE, _EOP_DAYS + last)


def _job_start(calc: Calc) -> tuple[int, int]:
    """Day, and seconds of it."""
    year, month, day, hour, minute, second = calc.start_time
    mjd = (MJD_ZERO.replace(year=year, month=month, day=day) - MJD_ZERO).days
    return mjd, (hour * 60 + minute) * 60 + second


def _antenna(about: CalcTelescope, weather: Weather) -> _Antenna:
    place = site(about.name, about.x, about.y, about.z)
    here = weather.at_height(min(max(place.height_m, LOWEST_M), HIGHEST_M))
    return _Antenna(about, place, here, zenith_delays(here, place.latitude))


def _scan_model(
    calc: Calc, scan: CalcScan, antennas: Sequence[_Antenna], orientation: EarthOrientation, options: _Options
) -> ImScan:
    mjd, second = _job_start(calc)
    begin = second + scan.start_s
    interval = options.interval_s
    starts = np.arange(begin // interval, -(-(begin + scan.duration_s) // interval) + 1) * interval
    nodes = _nodes(options)
    seconds = (starts[:, None] + nodes * interval).ravel()
    earth = earth_states(orientation, mjd, seconds)
    rows = [scan.pointing_source, *scan.phase_centers]
    of_source = {
        row: _source_lines(earth, calc.sources[row], antennas, options, len(starts)) for row in set(rows)
    }
    polynomials = []
    for number, start in enumerate(starts.tolist()):
        lines = {
            name: np.stack([of_source[row][name][:, number] for row in rows])
            for name in of_source[scan.pointing_source]
        }
        polynomials.append(
            ImPolynomial(
                mjd=mjd + start // DAY_S,
                sec=start % DAY_S,
                delay_us=lines.pop("DELAY (us)"),
                u=lines.pop("U (m)"),
                v=lines.pop("V (m)"),
                w=lines.pop("W (m)"),
                optional=lines,
            )
        )
    return ImScan(
        pointing_source=calc.sources[scan.pointing_source].name,
        phase_center_sources=[calc.sources[row].name for row in scan.phase_centers],
        polynomials=polynomials,
    )


def _nodes(options: _Options) -> FloatArray:
    """Places within an interval, 0 to 1, at which the model is computed: those of Chebyshev."""
    points = options.order + _MORE_POINTS
    return np.asarray((1 - np.cos(np.pi * (np.arange(points) + 0.5) / points)) / 2)


@cache
def _fitting(options: _Options) -> tuple[FloatArray, FloatArray]:
    """What takes values at the nodes to Chebyshev coefficients, and these to those of powers of seconds.

    Both at once would lose digits: powers of seconds are large and cancel.
    """
    chebyshev = np.linalg.pinv(np.polynomial.chebyshev.chebvander(2 * _nodes(options) - 1, options.order))
    powers = np.zeros((options.order + 1, options.order + 1))
    for order in range(options.order + 1):
        series = np.polynomial.Chebyshev.basis(order, domain=[0.0, options.interval_s])
        powers[: order + 1, order] = series.convert(kind=np.polynomial.Polynomial).coef
    return np.asarray(chebyshev, dtype=np.float64), powers


def _fits(values: FloatArray, options: _Options, count: int) -> FloatArray:
    """Polynomials of seconds through the values of each interval, lowest power first: shape (interval, order + 1)."""
    chebyshev, powers = _fitting(options)
    of_intervals = values.reshape(count, -1)
    middle = of_intervals[:, :1]
    found = np.asarray((of_intervals - middle) @ chebyshev.T @ powers.T)
    found[:, :1] += middle
    return found


def _source_lines(
    earth: EarthStates, source: Source, antennas: Sequence[_Antenna], options: _Options, count: int
) -> dict[str, FloatArray]:
    """All lines of a source: coefficients of shape (antenna, interval, order + 1)."""
    tracks = [_track(earth, source, antenna, options) for antenna in antennas]
    return {name: np.stack([_fits(track[name], options, count) for track in tracks]) for name in tracks[0]}


def _track(earth: EarthStates, source: Source, antenna: _Antenna, options: _Options) -> dict[str, FloatArray]:
    """All lines of an antenna and a source at the times, in the file's units."""
    place = np.broadcast_to(antenna.place.position, (len(earth.seconds), 3))
    if options.tides:
        place = place + solid_earth_tide(earth, antenna.place) + pole_tide(earth, antenna.place)
    position, velocity = earth.to_celestial(place), earth.carried(place)
    east, north, towards = _sky_axes(source)
    vacuum = vacuum_delay(earth, towards, position, velocity)
    here = _local(earth, towards, antenna, velocity)
    geometry_s = here.axis_s - vacuum.seconds
    lines = {"DELAY (us)": geometry_s, "DRY (us)": here.dry_s, "WET (us)": here.wet_s}
    if not options.troposphere:
        lines["DRY (us)"] = lines["WET (us)"] = np.zeros_like(geometry_s)
    lines["DELAY (us)"] = geometry_s - lines["DRY (us)"] - lines["WET (us)"]
    lines = {name: seconds * _MICROSECONDS for name, seconds in lines.items()}
    lines["AZ"], lines["EL GEOM"] = np.degrees(here.azimuth), np.degrees(here.elevation)
    if not options.aberration:
        lines |= {
            f"{k} (m)": -(position @ axis) for k, axis in zip("UVW", (east, north, towards), strict=True)
        }
        return lines
    for name, axis in (("U (m)", east), ("V (m)", north)):
        after = _local(earth, towards + _STEP_RAD * axis, antenna, velocity).axis_s
        before = _local(earth, towards - _STEP_RAD * axis, antenna, velocity).axis_s
        slope = (after - before) / (2 * _STEP_RAD) - vacuum.gradient @ axis
        lines[name] = -SPEED_OF_LIGHT_M_S * slope
    lines["W (m)"] = -SPEED_OF_LIGHT_M_S * geometry_s
    return lines


@dataclass(frozen=True, slots=True)
class _Local:
    """What an antenna's surroundings make of a direction: angles in rad, delays in s."""

    azimuth: FloatArray
    elevation: FloatArray
    axis_s: FloatArray
    dry_s: FloatArray
    wet_s: FloatArray


def _local(earth: EarthStates, towards: FloatArray, antenna: _Antenna, velocity: FloatArray) -> _Local:
    place = antenna.place
    seen = earth.to_terrestrial(seen_from(earth.velocity + velocity, towards))
    elevation = np.arcsin(np.clip(seen @ place.up, -1, 1))
    azimuth = np.unwrap(np.arctan2(seen @ place.east, seen @ place.north))
    azimuth = azimuth - 2 * np.pi * np.floor(azimuth.mean() / (2 * np.pi))
    level = seen - (seen @ place.up)[:, None] * place.up
    level = level / np.linalg.norm(level, axis=1, keepdims=True)
    lifted = (elevation + refraction(elevation, antenna.weather))[:, None]
    pointed = np.cos(lifted) * level + np.sin(lifted) * place.up
    about = antenna.about
    day = day_of_year(earth.mjd) + earth.seconds / DAY_S
    dry, wet = mapping_functions(elevation, day, place.latitude, antenna.weather.height_m)
    return _Local(
        azimuth=azimuth,
        elevation=elevation,
        axis_s=axis_delay(about.mount, about.offset_m, place, pointed, name=about.name),
        dry_s=antenna.zenith_s[0] * dry,
        wet_s=antenna.zenith_s[1] * wet,
    )


def _sky_axes(source: Source) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Celestial unit vectors to the east and the north of a source, and to itself."""
    sin_ra, cos_ra, sin_dec, cos_dec = (
        np.sin(source.ra), np.cos(source.ra), np.sin(source.dec), np.cos(source.dec),
    )  # fmt: skip
    return (
        np.array([-sin_ra, cos_ra, 0.0]),
        np.array([-sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec]),
        np.array([cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]),
    )
