# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model of a job: what is put into the job must come out of the polynomials, with its size and its sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import erfa
import numpy as np
import pytest

from difxnb.formats.calc_model import Calc, CalcScan, CalcTelescope, Eop, Source
from difxnb.formats.im import format_im, parse_im
from difxnb.formats.im_model import Im
from difxnb.geometry import EopTable, Weather, agreement, delay_model
from difxnb.geometry.delay_model import DaysOfEop
from difxnb.geometry.earth import SPEED_OF_LIGHT_M_S as C
from difxnb.geometry.earth import EarthOrientation, earth_states
from difxnb.geometry.eop_text import EopDay
from difxnb.geometry.troposphere import refraction

MJD = 57847
START = np.datetime64("2017-04-04T01:30", "ns")
TIMES = START + np.arange(0, 440, 20) * np.timedelta64(1, "s")
PLACES = {
    "EB": (4033947.203647, 486990.858594, 4900431.037326),
    "YS": (4848761.804638, -261484.107800, 4123085.109673),
    "HO": (-3950237.4, 2522347.7, -4311561.8),
}


def eops(*, ut1: float = 0.0, x: float = 0.0, y: float = 0.0, tai: float = 0.0) -> list[Eop]:
    return [
        Eop(MJD + n, 37 + tai, 0.46612 - 0.00135 * n + ut1, 0.0072 + 0.001 * n + x, 0.38105 + 0.001 * n + y)
        for n in range(-2, 3)
    ]


def job(**changes: object) -> Calc:
    calc = Calc(
        start_mjd=MJD + 0.0625,
        start_time=(2017, 4, 4, 1, 30, 0),
        telescopes=[CalcTelescope(name=name, x=x, y=y, z=z) for name, (x, y, z) in PLACES.items()],
        sources=[
            Source(name="FAR", ra=3.3867508046241599, dec=-0.1010425645421680),
            Source("ASIDE", 3.3868, -0.1011),
        ],
        scans=[CalcScan("No0001", 0, 440)],
        eops=eops(),
        im_filename="made_1.im",
    )
    return replace(calc, **changes)  # type: ignore[arg-type]


BARE = {"troposphere": False, "tides": False}


def delays(calc: Calc, antenna: str = "EB", **keywords: bool) -> np.ndarray:
    return delay_model(calc, **(BARE | keywords)).delay(antenna, TIMES, "FAR")


def moved(calc: Calc, antenna: str, by: Callable[[np.ndarray], np.ndarray]) -> Calc:
    """The job with one antenna elsewhere."""
    telescopes = []
    for one in calc.telescopes:
        if one.name == antenna:
            x, y, z = by(np.array([one.x, one.y, one.z]))
            one = replace(one, x=float(x), y=float(y), z=float(z))
        telescopes.append(one)
    return replace(calc, telescopes=telescopes)


def terrestrial_source() -> np.ndarray:
    """Directions to the source at the times, without aberration."""
    seconds = 5400.0 + np.arange(0, 440, 20)
    earth = earth_states(EarthOrientation(eops()), MJD, seconds)
    ra, dec = job().sources[0].ra, job().sources[0].dec
    return earth.to_terrestrial(np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]))


@pytest.mark.parametrize("axis", range(3))
def test_a_metre_towards_the_source_is_3_3_nanoseconds_earlier(axis: int) -> None:
    def shift(place: np.ndarray) -> np.ndarray:
        return place + np.eye(3)[axis]

    found = delays(moved(job(), "EB", shift)) - delays(job())
    # Aberration changes it by 1e-4 of a metre.
    np.testing.assert_allclose(found * C, terrestrial_source()[:, axis], atol=2.5e-4)


def test_ut1_turns_the_earth_eastwards() -> None:
    """A later UT1 by 1 ms is what the Earth does in 1 ms of UT1 (UT1 runs by 1.35 ms a day slower than UTC)."""
    im = delay_model(job(), **BARE)
    found = delays(job(eops=eops(ut1=1e-3))) - delays(job())
    rate = im.delay_rate("EB", TIMES, "FAR")
    np.testing.assert_allclose(found / 1e-3, rate, rtol=1e-4)
    assert np.abs(found).min() > 1e-10


@pytest.mark.parametrize(
    ("pole", "turned"),
    [
        ({"x": 0.1}, lambda p, a: np.stack([p[0] - a * p[2], p[1], p[2] + a * p[0]])),
        ({"y": 0.1}, lambda p, a: np.stack([p[0], p[1] + a * p[2], p[2] - a * p[1]])),
    ],
    ids=["x", "y"],
)
def test_the_pole_turns_places_as_the_iers_say(
    pole: dict[str, float], turned: Callable[[np.ndarray, float], np.ndarray]
) -> None:
    """IERS Conventions 2010, 5.4.1: W = R3(-s') R2(xp) R1(yp) takes terrestrial coordinates to those of the pole."""
    angle = 0.1 * erfa.DAS2R
    found = delays(job(eops=eops(**pole))) - delays(job())
    expected = delays(moved(job(), "EB", lambda place: turned(place, angle))) - delays(job())
    assert np.abs(expected).max() > 1e-9
    np.testing.assert_allclose(found, expected, atol=2e-14)


def test_a_second_of_tai_hardly_matters_where_ut1_stays() -> None:
    assert np.abs(delays(job(eops=eops(tai=1.0))) - delays(job())).max() < 2e-12


@pytest.mark.parametrize("offset_m", [0.0, 3.0])
@pytest.mark.parametrize("antenna", list(PLACES))
def test_u_and_v_are_minus_the_change_of_the_delay_with_the_source(antenna: str, offset_m: float) -> None:
    step = 1e-6
    dec = job().sources[0].dec
    telescopes = [replace(one, offset_m=offset_m) for one in job().telescopes]
    vectors = delay_model(job(telescopes=telescopes), **BARE).uvw(antenna, TIMES, "FAR")
    for column, (ra, north) in enumerate([(step / np.cos(dec), 0.0), (0.0, step)]):
        sources = [
            replace(job().sources[0], ra=job().sources[0].ra + sign * ra, dec=dec + sign * north)
            for sign in (1, -1)
        ]
        after, before = (delays(job(telescopes=telescopes, sources=[one]), antenna) for one in sources)
        np.testing.assert_allclose(vectors[:, column], -C * (after - before) / (2 * step), atol=0.01)


@pytest.mark.parametrize("antenna", list(PLACES))
def test_w_is_minus_the_delay_without_the_air(antenna: str) -> None:
    im = delay_model(job())
    parts = sum(im.quantity(name, antenna, TIMES, "FAR") for name in ("DELAY", "DRY", "WET"))
    np.testing.assert_allclose(im.uvw(antenna, TIMES, "FAR")[:, 2], -C * 1e-6 * parts, atol=1e-6)


def test_without_aberration_u_v_w_are_positions_and_the_delay_is_the_same() -> None:
    exact, plain = delay_model(job()), delay_model(job(), aberration=False)
    assert (exact.aberration, plain.aberration) == ("EXACT", "UNCORRECTED")
    for antenna, place in PLACES.items():
        np.testing.assert_array_equal(exact.delay(antenna, TIMES, "FAR"), plain.delay(antenna, TIMES, "FAR"))
        length = np.linalg.norm(plain.uvw(antenna, TIMES, "FAR"), axis=1)
        np.testing.assert_allclose(length, np.linalg.norm(place), atol=0.5)  # the tides
        apart = np.abs(exact.uvw(antenna, TIMES, "FAR") - plain.uvw(antenna, TIMES, "FAR"))
        assert 1 < apart.max() < 2 * 1.1e-4 * 6.4e6


def test_the_air_is_dry_and_wet_and_late() -> None:
    full, none = delay_model(job()), delay_model(job(), troposphere=False)
    for antenna in ("EB", "YS"):
        air = full.quantity("DRY", antenna, TIMES, "FAR") + full.quantity("WET", antenna, TIMES, "FAR")
        assert (air > 0).all()
        change = full.delay(antenna, TIMES, "FAR") - none.delay(antenna, TIMES, "FAR")
        np.testing.assert_allclose(change, -air * 1e-6, atol=1e-17)
        assert (none.quantity("DRY", antenna, TIMES, "FAR") == 0).all()
        assert (none.quantity("WET", antenna, TIMES, "FAR") == 0).all()


def test_a_high_pressure_delays_its_antenna_only() -> None:
    usual, high = delay_model(job()), delay_model(job(), weather={"eb": Weather(pressure_hpa=1033.25)})
    change = usual.delay("EB", TIMES, "FAR") - high.delay("EB", TIMES, "FAR")
    dry = usual.quantity("DRY", "EB", TIMES, "FAR") * 1e-6
    np.testing.assert_allclose(change, dry * 20 / 1013.25, rtol=1e-6)
    np.testing.assert_array_equal(usual.delay("YS", TIMES, "FAR"), high.delay("YS", TIMES, "FAR"))


def test_tides_move_antennas_by_decimetres() -> None:
    change = (delays(job(), tides=True) - delays(job())) * C
    assert 0.005 < np.abs(change).max() < 0.5


def with_offsets(mount: str) -> Calc:
    return job(telescopes=[replace(one, mount=mount, offset_m=3.0) for one in job().telescopes])


def test_axis_offsets_are_put_in_by_the_mount() -> None:
    im = delay_model(job())
    height = np.radians(im.quantity("EL GEOM", "EB", TIMES, "FAR"))
    change = delays(with_offsets("AZEL")) - delays(job())
    lifted = height + refraction(height, Weather().at_height(417.0))
    np.testing.assert_allclose(change * C, 3.0 * np.cos(lifted), atol=1e-5)
    assert np.abs(3.0 * np.cos(lifted) - 3.0 * np.cos(height)).min() > 1e-4  # refraction is seen
    change = delays(with_offsets("EQUA")) - delays(job())
    np.testing.assert_allclose(change * C, 3.0 * np.cos(job().sources[0].dec), atol=2e-3)


def test_azimuth_and_elevation_are_those_of_erfa() -> None:
    im = delay_model(job())
    for antenna, (x, y, z) in PLACES.items():
        longitude, latitude, height = erfa.gc2gd(2, np.array([x, y, z]))
        seconds = 5400.0 + np.arange(0, 440, 20)
        _, ut1_utc, x_pole, y_pole = EarthOrientation(eops()).at(MJD, seconds)
        azimuth, zenith, *_ = erfa.atco13(
            job().sources[0].ra, job().sources[0].dec, 0, 0, 0, 0, 2400000.5 + MJD, seconds / 86400, ut1_utc,
            longitude, latitude, height, x_pole, y_pole, 0, 0, 0, 1e4,
        )  # fmt: skip
        # Without the deflection by the Sun, 0.01 arcsec, and the second order of aberration.
        apart = im.quantity("EL GEOM", antenna, TIMES, "FAR") - (90 - np.degrees(zenith))
        assert np.abs(apart).max() * 3600 < 0.02
        apart = im.quantity("AZ", antenna, TIMES, "FAR") - np.degrees(azimuth)
        assert np.abs(np.remainder(apart + 180, 360) - 180).max() * 3600 < 0.1


def test_polynomials_are_the_model_and_join_without_a_step() -> None:
    """Finer polynomials of a higher order stand for the model itself."""
    im, fine = delay_model(job()), delay_model(job(), order=8, interval_s=30)
    times = START + np.arange(0, 480_000, 317) * np.timedelta64(1, "ms")
    for antenna in PLACES:
        for source in ("FAR",):
            apart = im.delay(antenna, times, source) - fine.delay(antenna, times, source)
            assert np.abs(apart).max() < 1e-13
    scan = im.scans[0]
    for earlier, later in zip(scan.polynomials, scan.polynomials[1:], strict=False):
        ends = np.polynomial.polynomial.polyval(120.0, np.moveaxis(earlier.delay_us, -1, 0))
        assert np.abs(ends - later.delay_us[..., 0]).max() * 1e-6 < 1e-13


def test_models_are_the_same_whatever_the_polynomials_begin_with() -> None:
    other = job(start_time=(2017, 4, 4, 1, 29, 13), scans=[CalcScan("No0001", 47, 440)])
    table = agreement(delay_model(job()), delay_model(other, interval_s=60))
    assert table["delay_max_s"].max() < 1e-13
    assert table["rate_max"].max() < 1e-15


def test_a_scan_is_covered_to_its_end_as_by_calc() -> None:
    scans = [CalcScan("a", 0, 440), CalcScan("b", 500, 100), CalcScan("c", 600, 0)]
    im = delay_model(job(scans=scans))
    starts = [[p.sec for p in scan.polynomials] for scan in im.scans]
    assert starts[0] == [5400, 5520, 5640, 5760, 5880]
    assert starts[1] == [5880, 6000]
    assert starts[2] == [6000]


def test_scans_over_midnight_go_on_in_the_next_day() -> None:
    calc = job(start_time=(2017, 4, 4, 23, 58, 0), scans=[CalcScan("a", 0, 360)])
    im = delay_model(calc)
    assert [(p.mjd, p.sec) for p in im.scans[0].polynomials] == [
        (MJD, 86280), (MJD + 1, 0), (MJD + 1, 120), (MJD + 1, 240),
    ]  # fmt: skip
    next_day = delay_model(job(start_time=(2017, 4, 5, 0, 0, 0), scans=[CalcScan("a", 0, 240)]))
    assert agreement(im, next_day)["delay_max_s"].max() < 1e-13


def test_phase_centres_follow_the_pointing_centre() -> None:
    scan = CalcScan("a", 0, 120, pointing_source=0, phase_centers=[1, 0, 1])
    im = delay_model(job(scans=[scan]))
    first = im.scans[0].polynomials[0].delay_us
    assert first.shape == (4, 3, 6)
    np.testing.assert_array_equal(first[1], first[3])
    np.testing.assert_array_equal(first[0], first[2])
    assert np.abs(first[1] - first[0]).max() > 1e-3
    assert (im.scans[0].pointing_source, im.scans[0].phase_center_sources) == (
        "FAR",
        ["ASIDE", "FAR", "ASIDE"],
    )


def test_the_model_is_written_and_read_again() -> None:
    im = delay_model(job())
    assert isinstance(im, Im)
    again = parse_im(format_im(im))
    assert agreement(im, again)["delay_max_s"].max() < 1e-15
    assert again.quantities == im.quantities


def test_days_of_a_table_take_the_place_of_the_job_s() -> None:
    days = [
        EopDay(one.mjd, one.tai_utc_s, one.ut1_utc_s, one.x_pole_arcsec, one.y_pole_arcsec, "final")
        for one in eops(ut1=1e-3)
    ]
    table: DaysOfEop = EopTable("made up", np.datetime64("2017-05-01"), days)
    without = job(eops=[])
    apart = agreement(delay_model(without, eop=table), delay_model(job(eops=eops(ut1=1e-3))))
    assert apart["delay_max_s"].max() < 1e-15


@pytest.mark.parametrize(
    ("changes", "keywords", "problem"),
    [
        ({"eops": []}, {}, "read_eop"),
        ({"eops": [Eop(MJD - 30, 37, 0.4, 0.1, 0.2)]}, {}, "57817"),
        ({"telescopes": []}, {}, "no antennas"),
        ({"num_spacecraft": 1}, {}, "spacecraft"),
        ({"telescopes": [CalcTelescope("SP", x=4.2e7)]}, {}, "antenna SP is 35622 km"),
        ({"telescopes": [CalcTelescope("XX", "RICH", 1.0, *PLACES["EB"])]}, {}, "XX has the mount 'RICH'"),
        ({}, {"order": 0}, "order"),
        ({}, {"interval_s": 0}, "interval_s"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(
    changes: dict[str, object], keywords: dict[str, int], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        delay_model(job(**changes), **keywords)  # type: ignore[arg-type]
