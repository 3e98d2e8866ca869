# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulsar bins and polycos: what they say, and that phase and frequency follow a known rotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.binconfig import (
    BinConfig,
    format_binconfig,
    parse_binconfig,
    read_binconfig,
    write_binconfig,
)
from difxnb.formats.polyco import parse_polyco, read_polyco

EPSILON = Path(__file__).parents[1] / "reference/mpifxcorr-output/epsilon_1"
BINS = (EPSILON / "epsilon_1.binconfig").read_text()


def block(mjd: str = "60310.50000000000", coefficients: tuple[float, ...] = (0.25, -1e-3, 2e-5, 3e-8)) -> str:
    """Polynomial of a pulsar of 29.9 Hz, column by column as TEMPO writes it."""
    head = f"{'0531+21':<10}{'01-Jan-24':>9}{'120000.00':>11}{mjd:>20}{'56.770':>21}{'':1}{'0.123':>6}{'-6.5':>7}"
    second = f"{'1234.125':>20}{'29.9':>18}{'8':>5}{'60':>6}{len(coefficients):>5}{'1420.5':>21}"
    words = [f"{number:25.17e}".replace("e", "D") for number in coefficients]
    rows = ["".join(words[row : row + 3]) for row in range(0, len(words), 3)]
    return "\n".join([head, second, *rows]) + "\n"


def test_columns() -> None:
    (found,) = parse_polyco(block()).blocks
    assert (found.pulsar, found.mjd, found.sec) == ("0531+21", 60310, 43200)
    assert (found.dispersion_measure, found.doppler, found.log10_rms) == (56.77, 0.123, -6.5)
    assert (found.reference_phase, found.reference_frequency, found.observatory) == (1234.125, 29.9, "8")
    assert (found.span_s, found.observing_frequency) == (3600, 1420.5e6)
    assert found.coefficients == (0.25, -1e-3, 2e-5, 3e-8)


@given(seconds=st.floats(-1800, 1800))
def test_phase_and_frequency_follow_the_polynomial(seconds: float) -> None:
    polyco = parse_polyco(block())
    minutes = seconds / 60
    phase = 1234.125 + 29.9 * seconds + 0.25 - 1e-3 * minutes + 2e-5 * minutes**2 + 3e-8 * minutes**3
    frequency = 29.9 + (-1e-3 + 4e-5 * minutes + 9e-8 * minutes**2) / 60
    assert polyco.phase(60310, 43200 + seconds) == pytest.approx(phase, abs=1e-9)
    assert polyco.frequency(60310, 43200 + seconds) == pytest.approx(frequency, abs=1e-12)
    # An MJD with a fraction alone is good to a microsecond.
    assert polyco.phase(60310.5 + seconds / 86400) == pytest.approx(phase, abs=29.9 * 2e-6)


def test_frequency_is_the_derivative_of_phase() -> None:
    polyco = parse_polyco(block())
    seconds = np.linspace(41500, 44900, 50)
    difference = (polyco.phase(60310, seconds + 0.5) - polyco.phase(60310, seconds - 0.5)) / 1.0
    assert difference == pytest.approx(polyco.frequency(60310, seconds), abs=1e-8)


def test_the_nearest_of_several_blocks_counts() -> None:
    polyco = parse_polyco(block() + "\n" + block("60310.53000000000", (0.5,)))
    assert len(polyco.blocks) == 2
    assert polyco.phase(60310.5) == pytest.approx(1234.375, abs=1e-4)
    assert polyco.phase(60310, 0.53 * 86400) == pytest.approx(1234.625, abs=1e-6)
    assert polyco.phase(60310, [43200.0, 0.516 * 86400]).shape == (2,)
    later = 0.516 * 86400 - 0.53 * 86400
    assert polyco.phase(60310, 0.516 * 86400) == pytest.approx(1234.125 + 0.5 + 29.9 * later, abs=1e-6)


def test_times_that_no_block_reaches_are_named() -> None:
    with pytest.raises(ValueError, match=r"MJD 60310\.6.*between 60310\.479167 and 60310\.520833"):
        parse_polyco(block()).phase([60310.5, 60310.6])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("60310.50000000000", "60310.5000000000x", "line 1: expected an MJD in columns 32-51"),
        ("    60    4", "    -1    4", "line 2: the data span"),
        ("    60    4", "    60    0", "line 2: expected 1 to 100 coefficients in columns 50-54, found 0"),
        ("    60    4", "    60 9999", "line 2: expected 1 to 100"),
        ("    60    4", "    60    5", "line 4: expected a number in columns 26-50"),
        ("    60    4", "    60    7", "line 4"),
        ("29.9", "twen", "line 2: expected a number in columns 21-38 .rotation frequency., found 'twen'"),
        ("D-08", "D+9x", "line 4: expected a number"),
    ],
)  # fmt: skip
def test_damage_is_named(old: str, new: str, expected: str) -> None:
    assert old in block()
    with pytest.raises(FileFormatError, match=rf"p\.polyco, {expected}"):
        parse_polyco(block().replace(old, new), Path("p.polyco"))


@pytest.mark.parametrize("text", ["", "\n\n", block()[:60], block()[:150]])
def test_a_file_that_ends_early_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError, match="line"):
        parse_polyco(text)


def test_the_polyco_of_a_reference_job() -> None:
    config = read_binconfig(EPSILON / "epsilon_1.binconfig")
    assert (config.phase_ends, config.weights, config.scrunch) == ([0.2, 0.5, 1.0], [1, 1, 1], False)
    (polyco,) = config.polycos()
    assert polyco.path == EPSILON / "epsilon_1.polyco"
    assert polyco == read_polyco(polyco.path)
    assert polyco.phase(60310, 43200.25) == 2.5
    assert "SYNPSR" in repr(polyco)
    frame = polyco.frame()
    assert frame["frequency"].to_list() == [10.0]
    assert str(frame["time"][0]) == "2024-01-01 12:00:00"


def test_bins_wrap_around_one() -> None:
    config = BinConfig(polyco_filenames=["p"], phase_ends=[0.05, 0.25, 0.5, 0.8], weights=[1, 0.5, 0, -1])
    assert config.widths == pytest.approx([0.25, 0.2, 0.25, 0.3])
    assert sum(config.widths) == pytest.approx(1)
    frame = config.frame()
    assert frame["phase_start"].to_list() == [0.8, 0.05, 0.25, 0.5]
    assert frame["weight"].to_list() == [1, 0.5, 0, -1]
    assert BinConfig().frame().empty


def test_bins_are_written_as_they_were(tmp_path: Path) -> None:
    config = parse_binconfig(BINS)
    assert format_binconfig(config) == BINS
    config.source_text = ""
    assert format_binconfig(config) == BINS
    write_binconfig(config, tmp_path / "x.binconfig")
    assert read_binconfig(tmp_path / "x.binconfig").widths == config.widths
    with pytest.raises(FileExistsError):
        write_binconfig(config, tmp_path / "x.binconfig")
    config.weights.pop()
    with pytest.raises(ValueError, match="3 bins and 2 weights"):
        format_binconfig(config)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("NUM PULSAR BINS:    3", "NUM PULSAR BINS:    1000000000", "line 3.*1000000000"),
        (
            "NUM POLYCO FILES:   1",
            "NUM POLYCO FILES:   2",
            "expected 'POLYCO FILE 1', found 'NUM PULSAR BINS'",
        ),
        ("0.500000", "0.100000", "line 7: 'BIN PHASE END 1' is 0.1; ends ascend between 0 and 1"),
        ("BIN PHASE END 2:    1.0", "BIN PHASE END 2:    1.5", "line 9"),
        ("BIN WEIGHT 1: ", "BIN WEIGHT 9: ", "expected 'BIN WEIGHT 1', found 'BIN WEIGHT 9'"),
    ],
)
def test_damage_of_bins_is_named(old: str, new: str, expected: str) -> None:
    assert old in BINS
    with pytest.raises(FileFormatError, match=expected):
        parse_binconfig(BINS.replace(old, new, 1))
