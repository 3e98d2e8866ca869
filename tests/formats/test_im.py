# SPDX-License-Identifier: GPL-3.0-or-later
"""The .im file: what it says, that writing gives back every byte, and what the polynomials give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.im import Im, ImPolynomial, ImScan, format_im, parse_im, read_im, write_im

REFERENCE = Path(__file__).parents[1] / "reference"
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.im"


def two_intervals() -> Im:
    """One antenna whose delay is 1 + 2t in the first interval of 10 s, 100 + t² in the second."""

    def polynomial(sec: int, coefficients: list[float]) -> ImPolynomial:
        row = np.array([[coefficients], [coefficients]], dtype=float)
        return ImPolynomial(60310, sec, row, row + 1, row + 2, -row, {"AZ": row * 2})

    scan = ImScan("A", ["A"], [polynomial(86395, [1, 2, 0]), polynomial(86405, [100, 0, 1])])
    return Im(order=2, interval_s=10, telescopes=["AA"], scans=[scan])


@pytest.mark.parametrize(
    "path", sorted((REFERENCE / "mpifxcorr-output").rglob("*.im")), ids=lambda path: path.stem
)
def test_writing_gives_back_every_byte(path: Path, tmp_path: Path) -> None:
    write_im(read_im(path), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_writing_gives_back_every_byte_of_a_public_model(shared: Path) -> None:
    (path,) = (shared / "data/difx-samples/public").rglob("*.im")
    assert format_im(read_im(path)) == path.read_bytes().decode()


@pytest.mark.parametrize("path", sorted((REFERENCE / "raw-jobs").rglob("*.im")), ids=lambda path: path.stem)
def test_other_blanks_change_no_value(path: Path) -> None:
    im = read_im(path)
    again = parse_im(format_im(im))
    for scan, twin in zip(im.scans, again.scans, strict=True):
        for polynomial, other in zip(scan.polynomials, twin.polynomials, strict=True):
            np.testing.assert_array_equal(polynomial.delay_us, other.delay_us)
            np.testing.assert_array_equal(polynomial.w, other.w)


def test_values() -> None:
    im = read_im(REFERENCE / "mpifxcorr-output/zeta_1/zeta_1.im")
    assert (im.order, im.interval_s, im.telescopes) == (5, 120, ["AA", "BB", "CC"])
    assert len(im.scans[0].phase_center_sources) == 2
    polynomial = im.scans[0].polynomials[0]
    assert polynomial.delay_us.shape == (3, 3, 6)
    assert polynomial.delay_us[0][0].shape == (6,)
    assert {"DRY (us)", "WET (us)", "AZ", "EL GEOM"} == set(polynomial.optional)


def test_delay_at_a_time_of_the_reference_job() -> None:
    im = read_im(ALPHA)
    # Antenna 1: 7000.5 µs and 2e-5 µs/s; w is minus c times that.
    assert im.scan_delay_us(0, 1, 1, 60310, 43210) == pytest.approx(7000.5 + 2e-4, abs=1e-9)
    assert im.scan_uvw(0, 1, 1, 60310, 43210)[2] == pytest.approx(-299.792458 * (7000.5 + 2e-4), abs=1e-3)


def test_the_polynomial_follows_the_time() -> None:
    im = two_intervals()
    assert [im.polynomial_index(0, 60310, sec) for sec in (86395, 86404.9, 86405, 86415)] == [0, 0, 1, 1]
    assert im.polynomial_index(0, 60311, 5) == 1
    delays = im.scan_delay_us(0, 1, 0, 60310, [[86395, 86400], [86405, 86415]])
    np.testing.assert_allclose(delays, [[1, 11], [100, 200]])
    assert im.scan_delay_us(0, 0, 0, 60311, 6.0) == 101
    assert im.scan_uvw(0, 0, 0, 60310, [86395, 86405]).tolist() == [[2, 3, -1], [101, 102, -100]]


@pytest.mark.parametrize("sec", [86394.9, 86415.1])
def test_times_beyond_the_model_are_refused(sec: float) -> None:
    with pytest.raises(ValueError, match="MJD 60310, second 86395, over 20 s"):
        two_intervals().scan_delay_us(0, 1, 0, 60310, sec)


def test_a_scan_without_polynomials_is_refused() -> None:
    with pytest.raises(ValueError, match="no polynomials"):
        Im(scans=[ImScan("A")]).scan_delay_us(0, 0, 0, 60310, 0)


def test_a_model_made_from_scratch_is_read_back() -> None:
    im = two_intervals()
    im.telescopes = ["AA", "BB"]
    for polynomial in im.scans[0].polynomials:
        for name in ("delay_us", "u", "v", "w"):
            setattr(polynomial, name, np.repeat(getattr(polynomial, name), 2, axis=1))
        # The second antenna, in space, has no azimuth.
        azimuth = np.repeat(polynomial.optional["AZ"], 2, axis=1)
        azimuth[:, 1] = np.nan
        polynomial.optional = {"STRANGE": azimuth + 1, "AZ": azimuth}
    im.scans[0].delta_line = ("DELTA LM (rad)", "1e-6")
    text = format_im(im)
    assert "ANT 1 AZ" not in text
    assert text.index("SRC 0 ANT 0 W (m)") < text.index("SRC 0 ANT 0 STRANGE")
    again = parse_im(text)
    assert again.scans[0].delta_line == im.scans[0].delta_line
    for polynomial, twin in zip(im.scans[0].polynomials, again.scans[0].polynomials, strict=True):
        np.testing.assert_array_equal(polynomial.delay_us, twin.delay_us)
        np.testing.assert_array_equal(polynomial.optional["AZ"], twin.optional["AZ"])
        np.testing.assert_array_equal(polynomial.optional["STRANGE"], twin.optional["STRANGE"])


def test_wrong_shapes_and_missing_numbers_are_not_written() -> None:
    im = two_intervals()
    im.telescopes.append("BB")
    with pytest.raises(ValueError, match=r"shape \(2, 1, 3\)"):
        format_im(im)
    im = two_intervals()
    im.scans[0].polynomials[0].u[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="no numbers"):
        format_im(im)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("POLYNOMIAL ORDER:   5", "POLYNOMIAL ORDER:   4", "needs 5 coefficients, not 6"),
        ("POLYNOMIAL ORDER:   5", "POLYNOMIAL ORDER:   1000000000", "POLYNOMIAL ORDER"),
        ("INTERVAL (SECS):    120", "INTERVAL (SECS):    0", "INTERVAL"),
        ("SCAN 0 NUM PHS CTRS:1", "SCAN 0 NUM PHS CTRS:48", "SCAN 0 PHS CTR 1 SRC"),
        ("SCAN 0 NUM POLY:    1", "SCAN 0 NUM POLY:    2", "SCAN 0 POLY 1 MJD"),
        ("SRC 0 ANT 1 U (m):", "SRC 0 ANT 1 UU (m):", r"expected 'SRC 0 ANT 1 U \(m\)'"),
        ("9.0002500000000000e+03", "nine", "is no number"),
        ("9.0002500000000000e+03", "inf", "is not finite"),
    ],
)
def test_damage_is_named(old: str, new: str, expected: str) -> None:
    text = ALPHA.read_text()
    assert old in text
    with pytest.raises(FileFormatError, match=expected):
        parse_im(text.replace(old, new), ALPHA)


def test_endless_kinds_of_lines_are_refused() -> None:
    line = "SRC 0 ANT 0 DRY (us):" + " 0" * 6 + "\n"
    many = "".join(line.replace("DRY", f"DRY{number}") for number in range(100))
    with pytest.raises(FileFormatError, match="more than 40 kinds"):
        parse_im(ALPHA.read_text().replace("SRC 0 ANT 0 U (m)", many + "SRC 0 ANT 0 U (m)", 1))
