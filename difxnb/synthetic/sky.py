# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model of the demonstration: positions and Earth rotation in, ``.im`` polynomials out.

Purely geometrical: no atmosphere, no aberration, no light bending. The voltages are made with exactly these
polynomials, so the model of the job has no error other than the residuals that are put in on purpose. A delay is
positive for a station that the wave reaches before the geocentre (``difx-files.md`` 6).
"""

from __future__ import annotations

import datetime as dt

import erfa
import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import Eop
from difxnb.formats.im import Im, ImPolynomial, ImScan
from difxnb.formats.mjd import MJD_ZERO
from difxnb.synthetic.experiment_model import Experiment, Scan
from difxnb.synthetic.station_model import Station

ORDER = 5
INTERVAL_S = 120
TAI_UTC_S = 37
_TT_TAI_S = 32.184
_MICROSECONDS_PER_M = 1e6 / 299_792_458.0
_FIT_POINTS = 13
_DAY_S = 86_400
_MJD_0 = 2_400_000.5
_EOP_DAYS = 5
_UT1_UTC_S, _UT1_SLOPE_S = 0.0312, -0.0007
_X_POLE_ARCSEC, _Y_POLE_ARCSEC = 0.052, 0.387

FloatArray = NDArray[np.float64]


def start_time(experiment: Experiment) -> tuple[int, int, int, int, int, int]:
    """Start of the job: year, month, day, hour, minute, second (UTC)."""
    start = MJD_ZERO + dt.timedelta(experiment.start_mjd, experiment.start_seconds)
    return start.year, start.month, start.day, start.hour, start.minute, start.second


def earth_orientation(experiment: Experiment) -> list[Eop]:
    """Made-up Earth orientation for the five days around the job."""
    return [
        Eop(
            mjd=experiment.start_mjd + day,
            tai_utc_s=TAI_UTC_S,
            ut1_utc_s=round(_UT1_UTC_S + _UT1_SLOPE_S * day, 7),
            x_pole_arcsec=_X_POLE_ARCSEC,
            y_pole_arcsec=_Y_POLE_ARCSEC,
        )
        for day in range(-(_EOP_DAYS // 2), _EOP_DAYS // 2 + 1)
    ]


def delay_model(experiment: Experiment) -> Im:
    """Compute the model of the whole job, as the delay calculator would write it."""
    return Im(
        calc_server="none",
        calc_program="-1",
        calc_version="-1",
        start_time=start_time(experiment),
        order=ORDER,
        interval_s=INTERVAL_S,
        aberration="UNCORRECTED",
        telescopes=[station.code for station in experiment.stations],
        scans=[_scan_model(experiment, scan) for scan in experiment.scans],
    )


def _scan_model(experiment: Experiment, scan: Scan) -> ImScan:
    name = experiment.sources[scan.source].name
    begin = experiment.start_seconds + scan.start_s
    first = begin // INTERVAL_S * INTERVAL_S
    starts = range(first, begin + scan.duration_s + 1, INTERVAL_S)
    polynomials = [_polynomial(experiment, scan, start) for start in starts]
    return ImScan(pointing_source=name, phase_center_sources=[name], polynomials=polynomials)


def _polynomial(experiment: Experiment, scan: Scan, start: int) -> ImPolynomial:
    """Fit the model of all stations over one interval that starts so many seconds after 0h of the first day."""
    seconds = INTERVAL_S * (1 - np.cos(np.pi * (np.arange(_FIT_POINTS) + 0.5) / _FIT_POINTS)) / 2
    to_source = source_directions(experiment, scan.source, start + seconds)
    tracks = [_station_track(station, to_source) for station in experiment.stations]
    fits = {key: np.stack([_fit(seconds, track[key]) for track in tracks]) for key in tracks[0]}
    both = {
        key: np.stack([fit, fit]) for key, fit in fits.items()
    }  # pointing centre, and the same as phase centre
    nothing = np.zeros_like(both["delay"])
    optional = {"DRY (us)": nothing, "WET (us)": nothing, "AZ": both["az"], "EL GEOM": both["el"]}
    days, second = divmod(start, _DAY_S)
    return ImPolynomial(
        mjd=experiment.start_mjd + days,
        sec=second,
        delay_us=both["delay"],
        u=both["u"],
        v=both["v"],
        w=both["w"],
        optional=optional,
    )


def _fit(seconds: FloatArray, values: FloatArray) -> FloatArray:
    """Coefficients of the polynomial of seconds through values, lowest power first."""
    coefficients = np.polynomial.polynomial.polyfit(seconds / INTERVAL_S, values, ORDER)
    return np.asarray(coefficients / float(INTERVAL_S) ** np.arange(ORDER + 1))


def celestial_to_terrestrial(experiment: Experiment, seconds: FloatArray) -> FloatArray:
    """Rotation matrices at seconds (UTC) after 0h of the first day, shape (time, 3, 3)."""
    day = seconds / _DAY_S
    terrestrial = experiment.start_mjd + day + (TAI_UTC_S + _TT_TAI_S) / _DAY_S
    universal = experiment.start_mjd + day + (_UT1_UTC_S + _UT1_SLOPE_S * day) / _DAY_S
    pole = (_X_POLE_ARCSEC * erfa.DAS2R, _Y_POLE_ARCSEC * erfa.DAS2R)
    return np.asarray(erfa.c2t06a(_MJD_0, terrestrial, _MJD_0, universal, *pole))


def source_directions(experiment: Experiment, source: int, seconds: FloatArray) -> FloatArray:
    """Directions towards a source, and towards its north and east on the sky, turning with the Earth.

    Parameters
    ----------
    experiment : Experiment
        Its sources and its day.
    source : int
        Row of the source list.
    seconds : ndarray
        UTC, after 0h of the first day.

    Returns
    -------
    ndarray, shape (3, time, 3)
        Unit vectors (east, north, source) with geocentric X, Y, Z.
    """
    ra, dec = experiment.sources[source].ra_rad, experiment.sources[source].dec_rad
    axes = np.array(
        [
            [-np.sin(ra), np.cos(ra), 0.0],
            [-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)],
            [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)],
        ]
    )
    return np.asarray(np.einsum("tij,aj->ati", celestial_to_terrestrial(experiment, seconds), axes))


def _station_track(station: Station, directions: FloatArray) -> dict[str, FloatArray]:
    """Delay (µs), minus the ordinary u, v, w (m), azimuth and elevation (degrees) of a station."""
    u, v, w = directions @ np.array(station.position_m)
    azimuth, elevation = _horizontal(station, directions[2])
    return {"delay": w * _MICROSECONDS_PER_M, "u": -u, "v": -v, "w": -w, "az": azimuth, "el": elevation}


def _horizontal(station: Station, to_source: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Azimuth (north over east, without jumps) and geometrical elevation, degrees."""
    longitude, latitude, _ = erfa.gc2gd(1, np.array(station.position_m))
    north = np.array(
        [-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)]
    )
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    azimuth = np.unwrap(np.arctan2(to_source @ east, to_source @ north))
    azimuth -= 2 * np.pi * np.floor(azimuth.mean() / (2 * np.pi))
    elevation = np.arcsin(to_source @ np.cross(east, north))
    return np.degrees(azimuth), np.degrees(elevation)


class StationDelay:
    """Whole delay of a station in one scan, of model and clock, as the correlator will compute it.

    Parameters
    ----------
    experiment : Experiment
    im : Im
        Model of the job.
    scan, station : int
        Rows.
    """

    def __init__(self, experiment: Experiment, im: Im, scan: int, station: int) -> None:
        self._polynomials = im.scans[scan].polynomials
        self._station = station
        self._start_mjd = experiment.start_mjd
        self._scan_start = experiment.start_seconds + experiment.scans[scan].start_s
        about = experiment.stations[station]
        self._clock_us = np.array([about.clock_us, about.clock_rate_us_s])

    def __call__(self, seconds: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Delay (s) and its rate (s/s) at seconds after the scan start, at the geocentre; shape of `seconds`."""
        of_day = seconds + self._scan_start
        first = self._polynomials[0]
        since_first = of_day - (first.mjd - self._start_mjd) * _DAY_S - first.sec
        row = np.clip(np.floor(since_first / INTERVAL_S).astype(int), 0, len(self._polynomials) - 1)
        coefficients = np.stack([p.delay_us[1, self._station] for p in self._polynomials])[row]
        inside = since_first - row * INTERVAL_S
        powers = inside[..., None] ** np.arange(ORDER + 1)
        delay = np.sum(coefficients * powers, axis=-1) + np.polynomial.polynomial.polyval(
            of_day, self._clock_us
        )
        slopes = coefficients[..., 1:] * np.arange(1, ORDER + 1)
        rate = np.sum(slopes * powers[..., :-1], axis=-1) + self._clock_us[1]
        return delay * 1e-6, rate * 1e-6
