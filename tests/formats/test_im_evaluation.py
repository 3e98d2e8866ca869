# SPDX-License-Identifier: GPL-3.0-or-later
"""What a delay model says of an antenna at a time: values, rates, signs, borders, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import difxnb
from difxnb.errors import FileFormatError
from difxnb.formats.calc import read_calc
from difxnb.formats.im import Im, ImPolynomial, ImScan, parse_im, read_im
from difxnb.formats.input import read_input
from difxnb.formats.mjd import UNIX_EPOCH_MJD
from difxnb.formats.swin import list_files, read_records
from difxnb.visibility.uvw import uvw_of_times

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(path.with_suffix("") for path in REFERENCE.rglob("*.im"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.im"
ZETA = REFERENCE / "mpifxcorr-output/zeta_1/zeta_1.im"
NOON = np.datetime64("2024-01-01T12:00:00", "ns")
C = 299_792_458.0


def scan(source: str, begin: int, count: int, *, step: float = 0.0, centers: tuple[str, ...] = ()) -> ImScan:
    """Intervals of 10 s of day 60310; AA's delay is 1 + 2t µs from the scan's start, plus `step` per interval."""
    rows = 1 + len(centers or (source,))
    polynomials = []
    for number in range(count):
        delay = np.zeros((rows, 2, 3))
        delay[:, 0] = [1 + 20 * number + step * number, 2, 0]
        delay[:, 1] = [-5, 0, 0.5]
        delay += np.arange(rows)[:, None, None] * [[[100.0, 0, 0]]]
        polynomials.append(ImPolynomial(60310, begin + 10 * number, delay, delay * 2, delay * 3, -delay))
    return ImScan(source, list(centers or (source,)), polynomials)


def model(*scans: ImScan) -> Im:
    return Im(order=2, interval_s=10, telescopes=["AA", "BB"], scans=list(scans))


def at(seconds: float) -> np.datetime64:
    return NOON + np.timedelta64(round(seconds * 1e9), "ns")


def times_inside(im: Im, row: int, count: int = 40) -> np.ndarray:
    first = im.scans[row].polynomials[0]
    begin = np.datetime64(((first.mjd - UNIX_EPOCH_MJD) * 86400 + first.sec) * 10**9, "ns")
    length = len(im.scans[row].polynomials) * im.interval_s
    return begin + (np.linspace(0.02, 0.98, count) * length * 1e9).astype("timedelta64[ns]")


def test_delay_and_its_derivatives() -> None:
    im = model(scan("A", 43200, 2))
    assert im.delay("AA", NOON) == pytest.approx(101e-6, abs=1e-18)  # the phase centre, not the pointing
    assert im.delay("AA", at(3.5)) == pytest.approx(108e-6)
    assert im.delay_rate("AA", at(3.5)) == pytest.approx(2e-6)
    assert im.delay_rate("BB", at(13)) == pytest.approx(3e-6)
    assert im.delay_acceleration("BB", at(13)) == pytest.approx(1e-6)
    np.testing.assert_allclose(im.uvw("AA", at(1)), [206, 309, -103])
    np.testing.assert_allclose(im.uvw_rate("AA", at(1)), [4, 6, -2])
    flat = Im(order=0, interval_s=10, telescopes=["AA"], scans=[scan("A", 43200, 1)])
    for polynomial in flat.scans[0].polynomials:
        polynomial.delay_us = polynomial.delay_us[..., :1]
    assert flat.delay_rate("AA", NOON) == 0


@pytest.mark.parametrize(
    "time",
    [
        "2024-01-01T12:00:05",
        "2024-01-01 12:00:05",
        "2024-01-01T13:00:05+01:00",
        np.datetime64("2024-01-01T12:00:05", "s"),
        pd.Timestamp("2024-01-01 12:00:05"),
        pd.Timestamp("2024-01-01 12:00:05", tz="UTC"),
        pd.Timestamp("2024-01-01 12:00:05").to_pydatetime(),
    ],
)
def test_times_of_all_kinds(time: object) -> None:
    found = model(scan("A", 43200, 1)).delay("AA", time)
    assert found == pytest.approx(111e-6)
    assert np.ndim(found) == 0


def test_times_of_all_shapes() -> None:
    im = model(scan("A", 43200, 2))
    grid = NOON + np.arange(6).reshape(2, 3) * np.timedelta64(3, "s")
    assert im.delay("AA", grid).shape == (2, 3)
    assert im.uvw("AA", grid).shape == (2, 3, 3)
    expected = im.delay("AA", grid.ravel())
    np.testing.assert_array_equal(im.delay("AA", grid).ravel(), expected)
    for times in (
        pd.DatetimeIndex(grid.ravel()),
        pd.Series(grid.ravel()),
        xr.DataArray(grid.ravel(), dims="time"),
        list(grid.ravel()),
        [str(time) for time in grid.ravel()],
        pd.DatetimeIndex(grid.ravel()).tz_localize("UTC"),
    ):
        np.testing.assert_array_equal(im.delay("AA", times), expected)
    assert im.delay("AA", np.array([], dtype="datetime64[ns]")).shape == (0,)
    assert im.scan_uvw(0, 1, 0, 60310, []).shape == (0, 3)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (60310.5, "not numbers"),
        ([1, 2], "not numbers"),
        ("yesterdey", "yesterdey"),
        (np.datetime64("NaT"), "NaT"),
        ([pd.NaT], "NaT"),
    ],
)
def test_what_is_no_time_is_refused(time: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        model(scan("A", 43200, 1)).delay("AA", time)


def test_antennas_by_name_and_place() -> None:
    im = model(scan("A", 43200, 1))
    assert im.delay("bb ", NOON) == im.delay(1, NOON) == im.delay("BB", NOON)
    for wrong in ("CC", 2, -1):
        with pytest.raises(ValueError, match=rf"no antenna {wrong!r}; it has AA BB"):
            im.delay(wrong, NOON)


def test_sources_choose_scan_and_polynomial() -> None:
    im = model(scan("A", 43200, 1), scan("B", 43220, 1, centers=("B1", "B2")))
    assert im.delay("AA", NOON, source="A") == pytest.approx(101e-6)
    assert im.delay("AA", at(20), source="B2") == pytest.approx(201e-6)
    assert im.delay("AA", at(20), source="B") == pytest.approx(1e-6)
    assert im.delay("AA", at(20)) == pytest.approx(1e-6), "with several centres, the pointing is meant"
    np.testing.assert_allclose(im.delay("AA", [at(20), NOON]), [1e-6, 101e-6])
    with pytest.raises(ValueError, match=r"no source 'C'; it has A, B1, B2, B"):
        im.delay("AA", NOON, source="C")
    with pytest.raises(ValueError, match=r"does not reach 2024-01-01T12:00:20; its scans of A do 2024"):
        im.delay("AA", at(20), source="A")


@pytest.mark.parametrize("seconds", [-0.1, 10.5, 19.9, 30.1])
def test_beyond_the_model_it_says_what_it_reaches(seconds: float) -> None:
    im = model(scan("A", 43200, 1), scan("B", 43220, 1))
    with pytest.raises(
        ValueError, match=r"T12:00:00 to 2024-01-01T12:00:10, 2024-01-01T12:00:20 to 2024-01-01T12:00:30"
    ):
        im.delay("AA", at(seconds))


def test_models_that_overlap_need_a_source() -> None:
    """The file does not say when a scan ends: its last polynomial may reach far into the next one."""
    im = model(scan("A", 43200, 1), scan("B", 43205, 1))
    assert im.delay("AA", at(4.999)) == pytest.approx(110.998e-6)
    with pytest.raises(ValueError, match=r"at 2024-01-01T12:00:05 .* of A and of B; give source="):
        im.delay("AA", at(5))
    assert im.delay("AA", at(6), source="A") == pytest.approx(113e-6)
    assert im.delay("AA", at(6), source="B") == pytest.approx(103e-6)
    twins = model(scan("P", 43200, 1, centers=("A", "B")), scan("P", 43205, 1, centers=("C", "A")))
    assert twins.delay("AA", at(6), source="P") == pytest.approx(3e-6)
    assert twins.delay("AA", at(6), source="A") == pytest.approx(203e-6)
    same = model(scan("A", 43200, 1), scan("A", 43205, 1))
    assert same.delay("AA", at(6)) == pytest.approx(103e-6), "the later of two models of one source"


def test_at_a_border_the_next_one_begins() -> None:
    im = model(scan("A", 43200, 2, step=7), scan("B", 43220, 1))
    assert im.delay("AA", at(10)) == pytest.approx(128e-6)
    assert im.delay("AA", at(9.999999999)) == pytest.approx(121e-6)
    assert im.delay("AA", at(20)) == pytest.approx(101e-6)
    assert im.delay("AA", at(30)) == pytest.approx(121e-6), "the very end still belongs to the last"
    assert im.delay("AA", at(30.0000005)) == pytest.approx(121e-6, abs=1e-11)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 30), min_size=1, max_size=30))
def test_many_times_give_what_each_gives_alone(seconds: list[float]) -> None:
    im = model(scan("A", 43200, 2, step=7), scan("B", 43220, 1))
    times = np.array([at(second) for second in seconds])
    np.testing.assert_array_equal(im.delay("BB", times), [im.delay("BB", time) for time in times])


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_rates_are_the_slopes_of_the_values(job: Path) -> None:
    im, step = read_im(job.with_suffix(".im")), np.timedelta64(100, "ms")
    for row in range(len(im.scans)):
        times, source = times_inside(im, row), im.scans[row].pointing_source
        for antenna in im.telescopes:
            for value, rate, noise in ((im.delay, im.delay_rate, 1e-16), (im.uvw, im.uvw_rate, 1e-6)):
                slope = (value(antenna, times + step, source) - value(antenna, times - step, source)) / 0.2
                np.testing.assert_allclose(rate(antenna, times, source), slope, rtol=1e-6, atol=noise)
            bend = im.delay_rate(antenna, times + step, source) - im.delay_rate(antenna, times - step, source)
            found = im.delay_acceleration(antenna, times, source)
            np.testing.assert_allclose(found, bend / 0.2, rtol=1e-5, atol=1e-20)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_w_is_minus_the_delay(job: Path) -> None:
    im = read_im(job.with_suffix(".im"))
    for row, one in enumerate(im.scans):
        times = times_inside(im, row)
        for antenna in im.telescopes:
            w = im.uvw(antenna, times, one.pointing_source)[..., 2]
            np.testing.assert_allclose(-w / C, im.delay(antenna, times, one.pointing_source), rtol=1e-6)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_baselines_are_those_that_the_correlator_wrote(job: Path) -> None:
    """uvw of antenna 1 minus that of antenna 2 is what every header of the real correlator's output says."""
    im, inp = read_im(job.with_suffix(".im")), read_input(job.with_suffix(".input"))
    sources = [source.name for source in read_calc(job.with_suffix(".calc")).sources]
    compared = 0
    for file in list_files(job.with_suffix(".difx")):
        for record in read_records(file.path, inp.channels):
            first, second = divmod(record.baseline, 256)
            if first == second:
                continue
            nanoseconds = round(record.seconds * 1e9)
            time = np.datetime64((record.mjd - UNIX_EPOCH_MJD) * 86400 * 10**9 + nanoseconds, "ns")
            names = [inp.telescopes[row - 1].name for row in (first, second)]
            ends = [im.uvw(name, time, sources[record.source]) for name in names]
            np.testing.assert_allclose(ends[0] - ends[1], record.uvw, rtol=0, atol=1e-6)
            many = uvw_of_times(
                im, inp, [(first - 1, second - 1)], [time.astype(np.int64)], [sources[record.source]]
            )
            np.testing.assert_allclose(many[0, 0], record.uvw, rtol=0, atol=1e-6)
            compared += 1
    assert compared > 20


def test_baselines_of_many_times_at_once() -> None:
    """Each row is that of its own time and source; where the model does not reach there is no number."""
    im = model(scan("A", 43200, 2, step=7), scan("B", 43225, 1), scan("A", 43300, 1))
    inp = read_input(ALPHA.with_suffix(".input"))
    inp.telescopes = inp.telescopes[:2]
    seconds = np.array([0, 30, 5, 103, 12, 70, 20, 20.5, -1])
    fields = ["A", "B", "A", "A", "A", "A", "A", "A", "A"]
    times = [int(at(second).astype(np.int64)) for second in seconds]
    found = uvw_of_times(im, inp, [(0, 1), (1, 0)], times, fields)
    assert found.shape == (9, 2, 3)
    np.testing.assert_array_equal(found[:, 0], -found[:, 1])
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [False] * 5 + [True, False, True, True]
    for row in range(5):
        time = at(seconds[row])
        expected = im.uvw("AA", time, fields[row]) - im.uvw("BB", time, fields[row])
        np.testing.assert_allclose(found[row, 0], expected)
    unknown = uvw_of_times(im, inp, [(0, 1)], times[:2], ["", ""])
    np.testing.assert_allclose(unknown[:, 0], found[:2, 0], err_msg="a source that is not known is any")
    with pytest.raises(ValueError, match="2 times and 1 sources"):
        uvw_of_times(im, inp, [(0, 1)], times[:2], ["A"])


def test_other_lines_of_the_file() -> None:
    im = read_im(ZETA)
    time = str(NOON + np.timedelta64(2, "s"))
    assert set(im.quantities) >= {"DELAY (us)", "U (m)", "DRY (us)", "WET (us)", "AZ", "EL GEOM"}
    assert im.quantity("delay (us)", "AA", time) == pytest.approx(im.delay("AA", time) * 1e6)
    assert im.quantity("w", "BB", time) == im.uvw("BB", time)[2]
    polynomial = im.scans[0].polynomials[0]
    assert im.quantity("az", "AA", NOON) == polynomial.optional["AZ"][0, 0, 0]
    assert im.quantity("EL  GEOM", "CC", NOON) == polynomial.optional["EL GEOM"][0, 2, 0]
    with pytest.raises(ValueError, match=r"no line 'PAR ANGLE'; it has DELAY \(us\), U"):
        im.quantity("PAR ANGLE", "AA", NOON)
    im.scans[0].polynomials[0].optional["ODD"] = np.full_like(polynomial.u, np.nan)
    assert np.isnan(im.quantity("ODD", "AA", NOON))


def test_the_frame_has_a_row_per_polynomial_source_and_antenna() -> None:
    im = difxnb.read_im(ZETA)
    frame = im.frame()
    assert len(frame) == 3 * 3
    assert frame["source_index"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert frame["antenna"].tolist() == ["AA", "BB", "CC"] * 3
    row = frame[(frame["antenna"] == "BB") & (frame["source_index"] == 2)].iloc[0]
    source = im.scans[0].phase_center_sources[1]
    assert row["source"] == source
    assert row["delay"] == im.delay("BB", row["start"], source)
    assert row["delay_rate"] == im.delay_rate("BB", row["start"], source)
    assert row[["u", "v", "w"]].tolist() == im.uvw("BB", row["start"], source).tolist()
    assert row["AZ"] == im.quantity("AZ", "BB", row["start"], source)
    assert row["stop"] - row["start"] == pd.Timedelta(seconds=120)
    assert frame["start"].dtype == "datetime64[ns]"
    empty = Im().frame()
    assert empty.empty
    assert list(empty)[:3] == ["scan", "polynomial", "source_index"]


def test_what_a_notebook_shows() -> None:
    im = read_im(ZETA)
    assert repr(im) == (
        "<Im zeta_1: 3 antennas (AA BB CC), 1 scans, 2024-01-01T12:00:00 to 2024-01-01T12:02:00, "
        "order 5 over 120 s>"
    )
    im.scans[0].pointing_source = "<b>bad</b>"
    assert "&lt;b&gt;" in im._repr_html_()
    assert "<b>" not in im._repr_html_()
    assert repr(Im()) == "<Im ?: 0 antennas (), 0 scans, order 5 over 120 s>"
    assert "NaT" in Im(scans=[ImScan("A")])._repr_html_()


def ma008(shared: Path) -> Im:
    return read_im(shared / "data/difx-samples/public/ma008/ma008_1.im")


def test_a_public_model_is_continuous_across_its_polynomials(shared: Path) -> None:
    im = ma008(shared)
    first = im.scans[0].polynomials[0]
    begin = np.datetime64(((first.mjd - UNIX_EPOCH_MJD) * 86400 + first.sec) * 10**9, "ns")
    borders = begin + np.arange(1, len(im.scans[0].polynomials)) * np.timedelta64(im.interval_s, "s")
    before = borders - np.timedelta64(1, "ns")
    assert len(borders) == 4
    for antenna in im.telescopes:
        slope = im.delay_rate(antenna, borders)
        step = im.delay(antenna, borders) - im.delay(antenna, before) - slope * 1e-9
        np.testing.assert_allclose(step, 0, atol=1e-13)  # a tenth of a picosecond
        np.testing.assert_allclose(im.uvw(antenna, borders), im.uvw(antenna, before), rtol=0, atol=2e-5)


def test_signs_of_a_public_model_against_the_turning_earth(shared: Path) -> None:
    """difx-files.md 6: u, v, w are minus those of antenna coordinates and sidereal time; the delay is w / c."""
    im, calc = ma008(shared), read_calc(shared / "data/difx-samples/public/ma008/ma008_1.calc")
    time = im.frame()["start"][0]
    days = (time - pd.Timestamp("2000-01-01 12:00")) / pd.Timedelta(days=1)
    sidereal = np.radians(280.46061837 + 360.98564736629 * days)
    (source,) = [source for source in calc.sources if source.name == im.scans[0].pointing_source]
    hour, dec = sidereal - source.ra, source.dec
    rotation = np.array(
        [
            [np.sin(hour), np.cos(hour), 0],
            [-np.sin(dec) * np.cos(hour), np.sin(dec) * np.sin(hour), np.cos(dec)],
            [np.cos(dec) * np.cos(hour), -np.cos(dec) * np.sin(hour), np.sin(dec)],
        ]
    )
    for telescope in calc.telescopes:
        ordinary = rotation @ [telescope.x, telescope.y, telescope.z]
        # Precession since 2000 turns the source by 0.3 degrees.
        np.testing.assert_allclose(im.uvw(telescope.name, time), -ordinary, atol=0.01 * 6.4e6)
        assert im.delay(telescope.name, time) == pytest.approx(ordinary[2] / C, abs=2e-4)
        assert im.delay(telescope.name, time) > 5e-3, "it sees the source: the wave is there first"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("POLY 0 MJD:  60310", "POLY 0 MJD:  999999999999", "MJD"),
        ("POLY 0 SEC:  43200", "POLY 0 SEC:  -1", "SEC"),
        ("INTERVAL (SECS):    120", "INTERVAL (SECS):    9999999999", "INTERVAL"),
    ],
)
def test_times_that_cannot_be_are_damage(old: str, new: str, expected: str) -> None:
    text = ALPHA.read_text()
    assert old in text
    with pytest.raises(FileFormatError, match=expected):
        parse_im(text.replace(old, new))


def test_absurd_coefficients_harm_nothing() -> None:
    text = ALPHA.read_text()
    im = parse_im(text.replace("e-05", "e+307").replace("e+03", "e+307"))
    assert not np.isfinite(im.delay("BB", "2024-01-01T12:01:59"))
    assert len(im.frame()) == 6
