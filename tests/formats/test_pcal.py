# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of pulse calibration tones: what they say, that writing gives it back, and every kind of damage."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.pcal import (
    PcalBlock,
    PcalFile,
    format_pcal,
    parse_pcal,
    read_pcal_file,
    write_pcal,
)

ALPHA = Path(__file__).parents[1] / "reference/mpifxcorr-output/alpha_1/alpha_1.difx/PCAL_60310_043200_BB"
HEAD = """\
# DiFX-derived pulse cal data
# File version = 1
# Start MJD = 60310
# Start seconds = 43200
# Telescope name = BB
"""
# difx-files.md 14: the second band has one tone fewer; the other datastream's line stands between.


def line(mjd: str, rest: str) -> str:
    return f"BB {mjd} 0.00000592593 {rest}\n"


TONES = "1 2 2 8401 R  {}  0.00000e+00 8402 R  0.00000e+00  {} 8411 L {}  0.00000e+00 -1 0 0 0"
LINE = line("60310.50000296296", "3 1 1 8433 X  5.00000e-01  0.00000e+00").rstrip()
TWO = (
    HEAD
    + line("60310.50000296296", TONES.format("1.00000e+00", "2.00000e+00", "-1.00000e+00"))
    + f"{LINE}\n"
    + line("60310.50000888889", TONES.format("3.00000e+00", "4.00000e+00", "-2.00000e+00"))
)


def test_a_band_without_tones_beside_bands_with_some_has_none() -> None:
    # Where no multiple of the spacing lies in a band, mpifxcorr writes one tone at 0 MHz under the band's own letter.
    text = HEAD + line(
        "60310.50000296296", "1 2 1 8401 R  1.00000e+00  2.00000e+00 0 R  0.00000e+00 -0.00000e+00"
    )
    (block,) = parse_pcal(text).blocks
    assert block.polarization.tolist() == [["R"], [""]]
    assert np.isnan(block.frequency_mhz).tolist() == [[False], [True]]
    assert np.isnan(block.tones).tolist() == [[[False], [True]]]


def test_lines_of_two_datastreams_and_missing_places() -> None:
    file = parse_pcal(TWO)
    assert (file.antenna, file.start_mjd, file.start_seconds, len(file)) == ("BB", 60310, 43200, 3)
    first, second = file.blocks
    assert (first.datastream, second.datastream) == (1, 3)
    np.testing.assert_array_equal(first.frequency_mhz, [[8401, 8402], [8411, np.nan]])
    assert first.polarization.tolist() == [["R", "R"], ["L", ""]]
    assert first.tones.dtype == np.complex64
    np.testing.assert_array_equal(first.tones[1], [[3, 4j], [-2, np.nan + 1j * np.nan]])
    assert second.tones.tolist() == [[[0.5]]]
    times = first.time_ns.view("datetime64[ns]")
    assert abs(times[0] - np.datetime64("2024-01-01T12:00:00.256")) < np.timedelta64(1, "us")
    assert abs(first.duration_ns[0] - 512_000_000) < 1000


def test_a_real_file_is_written_as_it_was(tmp_path: Path) -> None:
    file = read_pcal_file(ALPHA)
    assert len(file) == 8
    write_pcal(file, tmp_path / "PCAL")
    assert (tmp_path / "PCAL").read_bytes() == ALPHA.read_bytes()
    with pytest.raises(FileExistsError):
        write_pcal(file, tmp_path / "PCAL")
    assert format_pcal(parse_pcal(TWO)) == TWO


def test_an_antenna_that_is_no_word_is_not_written() -> None:
    with pytest.raises(ValueError, match="one word"):
        format_pcal(PcalFile(antenna="B B"))


@pytest.mark.parametrize("head", ["", HEAD])
def test_a_head_without_lines(head: str) -> None:
    if head:
        assert parse_pcal(head).blocks == []
    else:
        with pytest.raises(FileFormatError, match=r"line 1: expected the heading"):
            parse_pcal(head)


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ("# File version = 1", "# File version = 2", "line 2", "file version '2'; version 1 is read"),
        ("# File version = 1\n", "", "line 4", "version 0, of DiFX before 2.4"),
        (
            "# Start MJD = 60310",
            "# Start MJD = never",
            "line 3",
            "'start mjd' needs a whole number, not 'never'",
        ),
        ("# Start seconds = 43200\n", "", "line 4", "'start seconds' needs a whole number"),
        ("# Telescope name = BB", "# Telescope name = ", "line 5", "needs one word"),
        (LINE, LINE.replace("BB", "AA"), "line 7", "of antenna 'AA' in a file of 'BB'"),
        (LINE, LINE.replace("3 1 1", "3 2 1"), "line 7", "2 bands of 1 tones need 14 words, not 10"),
        (LINE, LINE.replace("3 1 1", "3 1 999999999"), "line 7", "number of tones is '999999999'"),
        (LINE, LINE.replace("3 1 1", "x 1 1"), "line 7", "datastream is 'x'"),
        (LINE, LINE.replace("3 1 1", "999999 1 1"), "line 7", "no datastream 999999"),
        (LINE, LINE.replace("60310.5", "6031O.5"), "line 7", "modified Julian date"),
        (LINE, LINE.replace("60310.5", "999999.5"), "line 7", "modified Julian date"),
        (LINE, LINE.replace("0.00000592593", "-1"), "line 7", "length of the integration"),
        (LINE, LINE.replace("0.00000592593", "nan"), "line 7", "length of the integration"),
        (LINE, LINE.replace("8433", "inf"), "line 7", "frequency of a tone"),
        (LINE, LINE.replace("8433", "tone"), "line 7", "frequency of a tone"),
        (LINE, LINE.replace("5.00000e-01", "five"), "line 7", "no number: .*'five'"),
        (LINE, "BB 60310.5", "line 7", "expected antenna, time"),
        (LINE, LINE[:40], "line 7", "need 10 words"),
        (LINE, "\0" * 60, "line 7", "expected antenna"),
    ],
)
def test_damage_is_named_or_skipped(old: str, new: str, where: str, problem: str) -> None:
    assert old in TWO
    damaged = TWO.replace(old, new)
    with pytest.raises(FileFormatError, match=f"{where}: .*{problem}"):
        parse_pcal(damaged)
    if where != "line 7":  # without its head a file means nothing
        return
    file = parse_pcal(damaged, on_error="skip")
    assert [skipped.line for skipped in file.skipped] == [7]
    assert [(block.datastream, len(block.time_ns)) for block in file.blocks] == [(1, 2)]


def test_a_last_line_without_end_is_not_believed() -> None:
    """A number may be cut so that it still is one."""
    cut = TWO[:-3]
    with pytest.raises(FileFormatError, match="line 8: the last line is cut; growing=True"):
        parse_pcal(cut)
    assert parse_pcal(cut, on_error="skip").skipped[0].line == 8
    growing = parse_pcal(cut, growing=True)
    assert (len(growing), growing.skipped) == (2, [])


def test_values_beyond_all_numbers_are_no_tones() -> None:
    file = parse_pcal(TWO.replace("5.00000e-01", "1e300").replace("3.00000e+00", "nan"))
    assert np.isnan(file.blocks[1].tones).all()
    assert np.isnan(file.blocks[0].tones[1, 0, 0])


def test_lines_that_end_as_on_other_systems() -> None:
    file = parse_pcal(TWO.replace("\n", "\r\n"))
    np.testing.assert_array_equal(file.blocks[0].tones, parse_pcal(TWO).blocks[0].tones)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 40), st.text(max_size=5)), max_size=6),
    st.sampled_from(["raise", "skip"]),
    st.booleans(),
)
def test_a_damaged_file_is_read_or_refused(
    damage: list[tuple[int, int, str]], on_error: str, growing: bool
) -> None:
    text = TWO
    for place, removed, inserted in damage:
        text = text[:place] + inserted + text[place + removed :]
    file = None
    with suppress(FileFormatError):
        file = parse_pcal(text, on_error=on_error, growing=growing)
    if file is not None:
        assert len(file) + len(file.skipped) <= text.count("\n") + 1
        assert parse_pcal(format_pcal(file)).antenna == file.antenna


@settings(max_examples=40)
@given(
    st.integers(0, 10**14),
    st.integers(1, 3600 * 10**9),
    st.lists(
        st.tuples(st.floats(-(2.0**99), 2.0**99, width=32), st.floats(-(2.0**99), 2.0**99, width=32)),
        min_size=6,
        max_size=6,
    ),
)
def test_what_is_written_is_read_back(
    after_ns: int, duration_ns: int, tones: list[tuple[float, float]]
) -> None:
    values = np.array([complex(*tone) for tone in tones], dtype=np.complex64).reshape(2, 1, 3)
    values[:, 0, 2] = np.nan
    frequency = np.array([[86012.5, 86011.25, np.nan]])
    times = np.array([0, 10**10]) + 1704110400 * 10**9 + after_ns
    block = PcalBlock(4, frequency, np.array([["L", "L", ""]]), times, np.full(2, duration_ns), values)
    again = parse_pcal(format_pcal(PcalFile(None, "AA", 60310, 43200, [block])))
    (found,) = again.blocks
    np.testing.assert_array_equal(found.frequency_mhz, frequency)
    assert np.abs(found.time_ns - times).max() <= 432  # eleven decimals of a day
    assert np.abs(found.duration_ns - duration_ns).max() <= 433
    np.testing.assert_allclose(found.tones, values, rtol=2e-5)
