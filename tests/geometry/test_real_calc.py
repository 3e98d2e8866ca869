# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model against one of the real CALC: `ma008_1.im`, three antennas, 600 s of one source.

Run with ``-s`` to see how far each part is off. Nothing is tuned to this file: every number in the model is of the
literature. What is left (0.04 to 0.05 ns, alike for all antennas) has the size of ocean loading, of tides within a day
of UT1 and the pole, and of older nutation and tides in CALC; the tide here is the IERS' to 1 mm (0.003 ns).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.calc import Calc, read_calc
from difxnb.formats.im import Im, read_im
from difxnb.geometry import agreement, delay_model
from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S

ANTENNAS = ("EB", "ON", "YS")
SOURCE = "3C279"
TIMES = np.datetime64("2017-04-04T01:30", "ns") + np.arange(0, 600, 20) * np.timedelta64(1, "s")


@pytest.fixture(scope="module")
def calc(shared: Path) -> Calc:
    return read_calc(shared / "data/difx-samples/public/ma008/ma008_1.calc")


@pytest.fixture(scope="module")
def real(shared: Path) -> Im:
    return read_im(shared / "data/difx-samples/public/ma008/ma008_1.im")


@pytest.fixture(scope="module")
def ours(calc: Calc) -> Im:
    return delay_model(calc)


def quantity(im: Im, name: str, antenna: str) -> np.ndarray:
    return im.quantity(name, antenna, TIMES, SOURCE)


def geometry_ns(im: Im, antenna: str) -> np.ndarray:
    """Delay without the air."""
    return 1e3 * sum(quantity(im, name, antenna) for name in ("DELAY", "DRY", "WET"))


def farthest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


@pytest.mark.parametrize("antenna", ANTENNAS)
def test_each_part_of_the_delay_is_that_of_calc(ours: Im, real: Im, antenna: str) -> None:
    apart = {
        "geometry, ns": (geometry_ns(ours, antenna) - geometry_ns(real, antenna), 0.06),
        "DRY, ns": (1e3 * (quantity(ours, "DRY", antenna) - quantity(real, "DRY", antenna)), 0.002),
        "WET, ns": (1e3 * (quantity(ours, "WET", antenna) - quantity(real, "WET", antenna)), 0.002),
        "DELAY, ns": (1e3 * (quantity(ours, "DELAY", antenna) - quantity(real, "DELAY", antenna)), 0.06),
        "rate, 1e-15": (1e15 * (ours.delay_rate(antenna, TIMES) - real.delay_rate(antenna, TIMES)), 10.0),
        "AZ, arcsec": (3600 * (quantity(ours, "AZ", antenna) - quantity(real, "AZ", antenna)), 0.001),
        "EL, arcsec": (
            3600 * (quantity(ours, "EL GEOM", antenna) - quantity(real, "EL GEOM", antenna)),
            0.001,
        ),
        "W, m": (quantity(ours, "W", antenna) - quantity(real, "W", antenna), 0.02),
    }
    for part, (values, limit) in apart.items():
        print(f"{antenna} {part:14} {values.mean():+.5f} (most {farthest(values):.5f}, allowed {limit})")
    for part, (values, limit) in apart.items():
        assert farthest(values) < limit, part


@pytest.mark.parametrize("antenna", ANTENNAS)
def test_the_parts_of_the_geometry_are_told_apart(calc: Calc, antenna: str) -> None:
    """What each part is, in ns, for who reads the numbers above; sizes are those of the literature."""
    bare = replace(calc, telescopes=[replace(one, offset_m=0.0) for one in calc.telescopes])
    plain = geometry_ns(delay_model(bare, tides=False), antenna)
    tides = geometry_ns(delay_model(bare), antenna) - plain
    axis = geometry_ns(delay_model(calc, tides=False), antenna) - plain
    print(f"{antenna} geometry {plain[0]:.3f} ns, tides {tides[0]:+.4f} ns, axis offset {axis[0]:+.4f} ns")
    assert 0.02 < farthest(tides) < 1.5
    offset = calc.telescopes[ANTENNAS.index(antenna)].offset_m
    assert 0 < axis[0] / (offset / 0.299792458) < 1


@pytest.mark.parametrize("antenna", ANTENNAS)
def test_tides_bring_the_geometry_three_times_nearer_to_calc(
    calc: Calc, ours: Im, real: Im, antenna: str
) -> None:
    without = geometry_ns(delay_model(calc, tides=False), antenna) - geometry_ns(real, antenna)
    assert farthest(without) > 0.17
    assert farthest(geometry_ns(ours, antenna) - geometry_ns(real, antenna)) < farthest(without) / 3


def test_the_axis_offset_of_yebes_is_five_nanoseconds_and_of_calc_s_sign(calc: Calc, real: Im) -> None:
    plain = replace(calc, telescopes=[replace(one, offset_m=0.0) for one in calc.telescopes])
    apart = geometry_ns(delay_model(plain), "YS") - geometry_ns(real, "YS")
    np.testing.assert_allclose(
        apart, -2.0003 * np.cos(np.radians(quantity(real, "EL GEOM", "YS"))) / 0.299792458, atol=0.06
    )


@pytest.mark.parametrize("antenna", ANTENNAS)
def test_w_of_calc_is_minus_c_times_the_delay_without_air(real: Im, antenna: str) -> None:
    np.testing.assert_allclose(
        quantity(real, "W", antenna), -SPEED_OF_LIGHT_M_S * 1e-9 * geometry_ns(real, antenna), atol=1e-3
    )


@pytest.mark.parametrize("antenna", ANTENNAS)
def test_u_and_v_of_calc_are_differences_of_the_delay_over_steps(
    calc: Calc, ours: Im, real: Im, antenna: str
) -> None:
    step = 1e-4
    dec = calc.sources[0].dec
    west, north = moved(calc, -step / np.cos(dec), 0.0), moved(calc, 0.0, step)
    here = geometry_ns(ours, antenna)
    u = -SPEED_OF_LIGHT_M_S * 1e-9 * (here - geometry_ns(west, antenna)) / step
    v = -SPEED_OF_LIGHT_M_S * 1e-9 * (geometry_ns(north, antenna) - here) / step
    apart = farthest(u - quantity(real, "U", antenna)), farthest(v - quantity(real, "V", antenna))
    print(f"{antenna} U {apart[0]:.4f} m, V {apart[1]:.4f} m with CALC's steps")
    assert max(apart) < 0.05
    derivative = ours.uvw(antenna, TIMES, SOURCE) - real.uvw(antenna, TIMES, SOURCE)
    print(f"{antenna} U {derivative[0, 0]:.1f} m, V {derivative[0, 1]:.1f} m as derivatives")
    assert farthest(derivative[:, :2]) < 250.0


def moved(calc: Calc, ra: float, dec: float) -> Im:
    """Model of a source a little aside."""
    source = replace(calc.sources[0], ra=calc.sources[0].ra + ra, dec=calc.sources[0].dec + dec)
    return delay_model(replace(calc, sources=[source]))


def test_the_file_has_calc_s_form(ours: Im, real: Im) -> None:
    assert ours.telescopes == real.telescopes
    assert ours.start_time == real.start_time
    assert (ours.order, ours.interval_s, ours.aberration) == (5, 120, "EXACT")
    assert [(p.mjd, p.sec) for p in ours.scans[0].polynomials] == [
        (p.mjd, p.sec) for p in real.scans[0].polynomials
    ]
    assert set(ours.quantities) == set(real.quantities)
    assert ours.scans[0].polynomials[0].delay_us.shape == real.scans[0].polynomials[0].delay_us.shape


def test_agreement_tells_of_each_antenna(ours: Im, real: Im) -> None:
    table = agreement(ours, real)
    assert list(table["antenna"]) == list(ANTENNAS)
    assert (table["delay_max_s"] < 6e-11).all()
    assert (table["rate_max"] < 1e-14).all()
    assert (table["w_max_m"] < 0.02).all()
    assert (table["delay_mean_s"].abs() <= table["delay_rms_s"] * (1 + 1e-12)).all()
    assert (table["stop"] - table["start"]).dt.total_seconds().between(580, 600).all()
    mirrored = agreement(real, ours)
    np.testing.assert_allclose(mirrored["delay_mean_s"], -table["delay_mean_s"], rtol=1e-9)


@pytest.mark.parametrize("name", ["alpha_1", "beta_1", "epsilon_1", "eta_1", "zeta_1"])
def test_jobs_with_made_up_models_get_one_of_the_same_form(shared: Path, name: str) -> None:
    folder = shared / "data/difx-samples/mpifxcorr-output" / name
    made_up, made = read_im(folder / f"{name}.im"), delay_model(read_calc(folder / f"{name}.calc"))
    assert made.telescopes == made_up.telescopes
    assert [(one.pointing_source, one.phase_center_sources) for one in made.scans] == [
        (one.pointing_source, one.phase_center_sources) for one in made_up.scans
    ]
    assert all(np.isfinite(one.delay_us).all() for scan in made.scans for one in scan.polynomials)
