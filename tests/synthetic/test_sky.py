# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model against plain spherical astronomy and against itself."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from difxnb.synthetic import Scan, default_experiment
from difxnb.synthetic.sky import StationDelay, delay_model, source_directions

C = 299_792_458.0


@pytest.fixture(scope="module")
def long_experiment():
    """Two scans that cross from one polynomial into the next."""
    experiment = default_experiment(n_stations=6)
    return replace(experiment, scans=(Scan("No0001", 0, 200, 0), Scan("No0002", 210, 40, 1)))


@pytest.fixture(scope="module")
def model(long_experiment):
    return delay_model(long_experiment)


def test_delay_is_that_of_the_hour_angle(long_experiment, model):
    # Greenwich mean sidereal time (hours) from the well-known linear formula, and no precession: good to 0.4 degrees.
    days = long_experiment.start_mjd - 51544.5 + long_experiment.start_seconds / 86_400
    sidereal = math.radians(15 * ((18.697374558 + 24.06570982441908 * days) % 24))
    source = long_experiment.sources[0]
    for station, about in enumerate(long_experiment.stations):
        x, y, z = about.position_m
        hour_angle = sidereal - source.ra_rad
        towards = math.cos(source.dec_rad) * (x * math.cos(hour_angle) - y * math.sin(hour_angle))
        towards += math.sin(source.dec_rad) * z
        delay_us = model.scans[0].polynomials[0].delay_us[1, station, 0]
        assert delay_us * 1e-6 * C == pytest.approx(towards, abs=6.4e6 * math.radians(0.5))
        assert delay_us > 0, "the wave reaches a station that sees the source before the geocentre"


def test_delay_changes_as_the_earth_turns(long_experiment, model):
    # d(delay)/dt = (omega x position) . source / c, to the first order.
    turning = np.array([0, 0, 7.2921159e-5])
    _, _, towards = source_directions(long_experiment, 0, np.array([float(long_experiment.start_seconds)]))
    for station, about in enumerate(long_experiment.stations):
        expected = np.cross(turning, about.position_m) @ towards[0] / C
        _, rate = StationDelay(long_experiment, model, 0, station)(np.array([0.0]))
        clock = about.clock_rate_us_s * 1e-6
        assert rate[0] - clock == pytest.approx(expected, abs=3e-10)


def test_polynomials_are_exact_between_their_nodes(long_experiment, model):
    seconds = np.linspace(0, 199.9, 37)
    of_day = long_experiment.start_seconds + seconds
    _, _, towards = source_directions(long_experiment, 0, of_day)
    for station, about in enumerate(long_experiment.stations):
        exact = towards @ np.array(about.position_m) / C
        clock = (about.clock_us + about.clock_rate_us_s * of_day) * 1e-6
        delay, _ = StationDelay(long_experiment, model, 0, station)(seconds)
        assert np.abs(delay - clock - exact).max() < 1e-15 * 200


def test_polynomials_meet(long_experiment, model):
    delay = StationDelay(long_experiment, model, 0, 1)
    before, after = delay(np.array([119.999999, 120.000001]))[0]
    assert abs(after - before) < 1e-12
    assert [p.sec for p in model.scans[0].polynomials] == [21600, 21720]
    assert [p.sec for p in model.scans[1].polynomials] == [21720, 21840]


def test_rate_is_the_slope_of_the_delay(long_experiment, model):
    at = np.array([10.0, 130.0])
    delay = StationDelay(long_experiment, model, 0, 3)
    slope = (delay(at + 0.5)[0] - delay(at - 0.5)[0]) / 1.0
    assert slope == pytest.approx(delay(at)[1], abs=1e-15)


def test_uvw_has_the_sign_of_the_page(long_experiment, model):
    # W is minus c times the delay, and u, v, w together are as long as the position.
    for scan in model.scans:
        for polynomial in scan.polynomials:
            w_of_delay = -polynomial.delay_us * 1e-6 * C
            assert polynomial.w[..., 0] == pytest.approx(w_of_delay[..., 0], rel=1e-12)
            assert polynomial.w[..., 1] == pytest.approx(w_of_delay[..., 1], rel=1e-6)
            length = np.sqrt(polynomial.u**2 + polynomial.v**2 + polynomial.w**2)[1, :, 0]
            positions = [np.linalg.norm(s.position_m) for s in long_experiment.stations]
            assert length == pytest.approx(positions, rel=1e-9)


def test_v_points_north_and_u_east(long_experiment, model):
    # A station farther north has a larger ordinary v (smaller in the file); u likewise with stations to the east.
    polynomial = model.scans[0].polynomials[0]
    codes = [s.code for s in long_experiment.stations]
    north, south = codes.index("BO"), codes.index("FO")
    assert polynomial.v[1, north, 0] < polynomial.v[1, south, 0]
    east, west = codes.index("CE"), codes.index("FO")
    assert polynomial.u[1, east, 0] < polynomial.u[1, west, 0]


def test_sources_stand_high_everywhere(model):
    for scan in model.scans:
        for polynomial in scan.polynomials:
            assert (polynomial.optional["EL GEOM"][1, :, 0] > 40).all()
            assert (
                (polynomial.optional["AZ"][1, :, 0] >= 0) & (polynomial.optional["AZ"][1, :, 0] < 360)
            ).all()


def test_pointing_and_phase_center_are_the_same(model):
    for polynomial in model.scans[0].polynomials:
        assert np.array_equal(polynomial.delay_us[0], polynomial.delay_us[1])
