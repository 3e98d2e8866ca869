# SPDX-License-Identifier: GPL-3.0-or-later
"""Tones as a Dataset: the injected delay and its sign, exact frequencies and times, antennas and restarts joined."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import difxnb
from difxnb.errors import DamagedData, FileFormatError, OutputNotFound
from difxnb.formats.calc import read_calc, write_calc
from difxnb.formats.input import Input, read_input, write_input
from difxnb.formats.pcal import PcalBlock, PcalFile, write_pcal

REFERENCE = Path(__file__).parent / "reference/mpifxcorr-output"
ALPHA = REFERENCE / "alpha_1/alpha_1.difx"
TRUTH = json.loads((REFERENCE / "truth.json").read_text())["pcal"]
NOON_NS = 1704110400 * 10**9
STEP_NS = 512_000_000


def tone(frequency_hz: np.ndarray, delay_s: float) -> np.ndarray:
    """What the correlator says of tones that arrive late by a delay (difx-files.md 14)."""
    return 0.2 * np.exp(2j * np.pi * frequency_hz * delay_s)


def job(tmp_path: Path) -> tuple[Input, Path]:
    """A copy of the job without its tones; BB has two bands, 2 MHz wide: U from 8400.25, L from 8411.75."""
    for path in (REFERENCE / "alpha_1").glob("alpha_1.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    folder = tmp_path / "alpha_1.difx"
    folder.mkdir()
    return read_input(tmp_path / "alpha_1.input"), folder


def block(
    printed_mhz: list[list[float]],
    letters: list[str],
    delay_s: float,
    *,
    datastream: int = 1,
    first: int = 0,
    count: int = 3,
) -> PcalBlock:
    """Integrations `first` and following of a job that starts at noon."""
    frequency = np.array(printed_mhz)
    names = np.where(np.isnan(frequency), "", np.array(letters)[:, None])
    times = NOON_NS + (first + np.arange(count)) * STEP_NS + STEP_NS // 2
    values = np.repeat(tone(np.rint(frequency) * 1e6, delay_s)[None], count, axis=0).astype(np.complex64)
    return PcalBlock(datastream, frequency, names, times, np.full(count, STEP_NS), values)


def put(folder: Path, antenna: str, *blocks: PcalBlock, start: int = 43200) -> Path:
    path = folder / f"PCAL_60310_{start:06d}_{antenna}"
    write_pcal(PcalFile(None, antenna, 60310, start, list(blocks)), path)
    return path


BANDS = [[8401.0, 8402.0], [8401.0, 8402.0], [8411.0, 8410.0], [8411.0, 8410.0]]
LETTERS = ["R", "L", "R", "L"]


def delay_of(dataset: xr.Dataset, letter: str, band: int) -> float:
    """Slope of the phase over the tones of a band, s."""
    one = (
        dataset["PHASE_CAL"]
        .sel(polarization=letter)
        .isel(antenna=0)
        .where(dataset["band"] == band, drop=True)
    )
    first, last = one.isel(tone=0), one.isel(tone=-1)
    turns = np.angle((last * first.conj()).mean("time").item()) / (2 * np.pi)
    return float(turns / (last["tone_frequency"] - first["tone_frequency"]))


@pytest.mark.parametrize(
    "source", [ALPHA, str(ALPHA), ALPHA.with_suffix(".input"), ALPHA / "PCAL_60310_043200_BB"]
)
def test_the_injected_delay_sign_included_in_both_sidebands(source: object) -> None:
    """The tones of BB were made 80 ns late: phase +2πντ, in the U band and in the L band."""
    dataset = difxnb.read_pcal(source)
    late = TRUTH["extra_delay_ns"] * 1e-9
    assert dataset["antenna"].values.tolist() == [TRUTH["antenna"]]
    np.testing.assert_array_equal(dataset["tone_frequency"], np.array(TRUTH["tones_MHz"]) * 1e6)
    for letter in "RL":
        for band in (0, 1):
            assert delay_of(dataset, letter, band) == pytest.approx(late, abs=3e-9)
    expected = np.angle(tone(dataset["tone_frequency"].values, late), deg=True)
    found = dataset["PHASE_CAL"].mean(("time", "antenna"))
    wrapped = (np.angle(found, deg=True) - expected + 180) % 360 - 180
    np.testing.assert_allclose(wrapped, 0, atol=3)
    np.testing.assert_allclose(np.abs(found), np.abs(found).mean(), rtol=0.05)


def test_shape_units_and_provenance() -> None:
    dataset = difxnb.read_pcal(ALPHA)
    assert dataset["PHASE_CAL"].dims == ("time", "antenna", "polarization", "tone")
    assert dataset["PHASE_CAL"].dtype == np.complex64
    assert dict(dataset.sizes) == {"time": 8, "antenna": 1, "polarization": 2, "tone": 4}
    assert dataset["polarization"].values.tolist() == ["R", "L"]
    assert dataset["band"].values.tolist() == [0, 0, 1, 1]
    assert (dataset["tone_frequency"].attrs["units"], dataset["INTEGRATION_TIME"].attrs["units"]) == (
        "Hz",
        "s",
    )
    assert "+2 pi nu tau" in dataset["PHASE_CAL"].attrs["sign"]
    assert dataset.attrs["job"] == "alpha_1"
    assert dataset.attrs["input_file"].endswith("alpha_1.input")
    assert dataset.attrs["files"].endswith("PCAL_60310_043200_BB")
    assert (dataset.attrs["skipped"], dataset.attrs["repeated"]) == ("", 0)
    first = dataset.sel(tone_frequency=8410e6)["PHASE_CAL"]
    np.testing.assert_array_equal(first, dataset["PHASE_CAL"].isel(tone=2))


def test_times_are_exactly_those_of_the_integrations() -> None:
    """Files print them to a microsecond; to join them with visibilities they have to be the same."""
    dataset = difxnb.read_pcal(ALPHA)
    expected = NOON_NS + np.arange(8) * STEP_NS + STEP_NS // 2
    np.testing.assert_array_equal(dataset["time"].values.astype(np.int64), expected)
    np.testing.assert_array_equal(dataset["INTEGRATION_TIME"], 0.512)


def test_scans_that_do_not_begin_on_the_first_ones_grid(tmp_path: Path) -> None:
    inp, folder = job(tmp_path)
    calc = read_calc(tmp_path / "alpha_1.calc")
    calc.scans.append(type(calc.scans[0])("No0002", 3, 1))
    write_calc(calc, tmp_path / "alpha_1.calc", overwrite=True)
    late = block(BANDS, LETTERS, 0.0)
    late.time_ns = NOON_NS + 3 * 10**9 + STEP_NS // 2 + np.arange(3) * STEP_NS
    put(folder, "BB", late)
    np.testing.assert_array_equal(
        difxnb.read_pcal(folder, input=inp)["time"].values.astype(np.int64), late.time_ns
    )


def test_without_an_input_frequencies_and_times_are_as_printed(tmp_path: Path) -> None:
    shutil.copy(ALPHA / "PCAL_60310_043200_BB", tmp_path)
    dataset = difxnb.read_pcal(tmp_path / "PCAL_60310_043200_BB")
    assert dataset["band"].values.tolist() == [-1] * 4
    assert dataset.attrs["input_file"] == ""
    off = dataset["time"].values - difxnb.read_pcal(ALPHA)["time"].values
    assert np.abs(off).max() < np.timedelta64(1, "us")
    with_input = difxnb.read_pcal(tmp_path / "PCAL_60310_043200_BB", input=ALPHA.with_suffix(".input"))
    assert with_input["band"].values.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(with_input["PHASE_CAL"], dataset["PHASE_CAL"])


def test_frequencies_are_put_on_the_grid_of_the_job(tmp_path: Path) -> None:
    """At 86 GHz single precision is off by some kHz, which turns the phase of a delay of 1 µs by a degree or two."""
    inp, folder = job(tmp_path)
    for freq in inp.freqs:
        freq.freq_mhz += 77_600
    printed = [[float(np.float32(f + 77_600.0033)) for f in row] for row in BANDS]
    put(folder, "BB", block(printed, LETTERS, 1e-6))
    dataset = difxnb.read_pcal(folder, input=inp)
    np.testing.assert_array_equal(dataset["tone_frequency"], np.array([86001, 86002, 86010, 86011]) * 1e6)


def test_spacings_that_are_fractions_and_do_not_begin_at_zero(tmp_path: Path) -> None:
    inp, folder = job(tmp_path)
    stream = inp.datastreams[1]
    stream.phase_cal_int_mhz, stream.phase_cal_divisor, stream.phase_cal_base_mhz = 2.0, 3, 0.1
    put(folder, "BB", block([[8400.76699, 8401.43301], *BANDS[1:]], LETTERS, 0.0))
    found = difxnb.read_pcal(folder, input=inp)["tone_frequency"].values
    assert found[0] == pytest.approx(8400.76666667e6, abs=1)
    assert found[-1] == 8411e6, "what is not near the grid stays as it was printed"


def test_antennas_restarts_and_datastreams_are_joined(tmp_path: Path) -> None:
    inp, folder = job(tmp_path)
    for stream in inp.datastreams:
        stream.phase_cal_int_mhz = 1.0
    write_input(inp, tmp_path / "alpha_1.input", overwrite=True)
    put(folder, "CC", block(BANDS, LETTERS, -50e-9, datastream=2, count=5))
    put(folder, "BB", block(BANDS, LETTERS, 80e-9, count=4))
    put(folder, "BB", block(BANDS, LETTERS, 90e-9, first=3, count=3), start=43201)
    dataset = difxnb.read_pcal(folder)
    assert dataset["antenna"].values.tolist() == ["BB", "CC"]
    assert dataset.sizes["time"] == 6
    assert dataset.attrs["repeated"] == 8, "eight tones of one integration"
    frequency = dataset["tone_frequency"].values
    found = dataset["PHASE_CAL"].sel(polarization="L")
    np.testing.assert_allclose(found.sel(antenna="BB")[2], tone(frequency, 80e-9), atol=1e-5)
    np.testing.assert_allclose(found.sel(antenna="BB")[3], tone(frequency, 90e-9), atol=1e-5)
    np.testing.assert_allclose(found.sel(antenna="CC")[4], tone(frequency, -50e-9), atol=1e-5)
    assert found.sel(antenna="CC")[5].isnull().all()


def test_tones_that_were_not_measured_are_no_numbers(tmp_path: Path) -> None:
    _, folder = job(tmp_path)
    one = block([[8401, 8402], [8401, 8402], [8411, np.nan], [8411, 8410]], LETTERS, 80e-9)
    one.tones[1, 0, 0] = 0
    put(folder, "BB", one)
    found = difxnb.read_pcal(folder)["PHASE_CAL"].isel(antenna=0)
    expected = np.zeros((3, 2, 4), bool)
    expected[:, 0, 2] = True  # R at 8410
    expected[1, 0, 0] = True
    np.testing.assert_array_equal(found.isnull(), expected)


def test_a_tone_on_the_border_of_two_bands_is_there_twice(tmp_path: Path) -> None:
    """Bands side by side, each with the tone at the border; two datastreams of one antenna, interleaved."""
    inp, folder = job(tmp_path)
    inp.freqs[0].freq_mhz, inp.freqs[1].freq_mhz = 8400.0, 8404.0  # U 8400-8402, L 8402-8404
    lower, upper = (
        block([[8401, 8402]], ["R"], 10e-9, datastream=1),
        block([[8403, 8402]], ["R"], 20e-9, datastream=2),
    )
    path = put(folder, "BB", lower, upper)
    stream = inp.datastreams[1]
    stream.bands, stream.recorded_freqs = stream.bands[:1], stream.recorded_freqs[:1]
    other = read_input(tmp_path / "alpha_1.input").datastreams[1]
    other.bands, other.recorded_freqs = [type(other.bands[0])("R", 0)], other.recorded_freqs[1:]
    inp.datastreams[2] = other
    for given in (inp, None):
        if given is None:
            (tmp_path / "alpha_1.input").unlink()
        dataset = difxnb.read_pcal(path, input=given)
        np.testing.assert_array_equal(dataset["tone_frequency"] / 1e6, [8401, 8402, 8402, 8403])
        assert dataset["band"].values.tolist() == ([0, 0, 1, 1] if given else [-1] * 4)
        late = np.array([10, 10, 20, 20]) * 1e-9
        expected = tone(dataset["tone_frequency"].values, late)
        np.testing.assert_allclose(dataset["PHASE_CAL"][0, 0, 0], expected, atol=1e-5)
        assert dataset.attrs["repeated"] == 0


def test_equal_bands_have_one_row(tmp_path: Path) -> None:
    """The FREQ table may hold a band more than once; antennas that use different rows share the tones."""
    inp, folder = job(tmp_path)
    inp.freqs.append(inp.freqs[0])
    inp.datastreams[2].recorded_freqs[0].freq_index = len(inp.freqs) - 1
    for antenna, stream in (("BB", 1), ("CC", 2)):
        put(folder, antenna, block(BANDS, LETTERS, 0.0, datastream=stream))
    dataset = difxnb.read_pcal(folder, input=inp)
    assert dataset.sizes["tone"] == 4
    assert not dataset["PHASE_CAL"].isnull().any()


@pytest.mark.parametrize(
    ("antenna", "bands", "expected"),
    [
        ("ZZ", BANDS, "is of antenna ZZ; alpha_1.input has AA BB CC: is it of another job"),
        ("BB", BANDS[:2], "no datastream of BB in alpha_1.input has the 2 bands"),
        ("BB", [[9401.0, 9402.0], *BANDS[1:]], "tones at 9401, 9402, 8401, 8402 MHz"),
    ],
)
def test_tones_of_another_job_are_refused(
    tmp_path: Path, antenna: str, bands: list[list[float]], expected: str
) -> None:
    _, folder = job(tmp_path)
    put(folder, antenna, block(bands, LETTERS[: len(bands)], 0.0))
    with pytest.raises(FileFormatError, match=expected):
        difxnb.read_pcal(folder)


def test_damaged_lines_are_skipped_and_listed(tmp_path: Path) -> None:
    _, folder = job(tmp_path)
    path = put(folder, "BB", block(BANDS, LETTERS, 0.0))
    path.write_text(path.read_text().replace(" 8402 R", " 84o2 R", 1))
    with pytest.raises(FileFormatError, match=r"PCAL_60310_043200_BB, line 6"):
        difxnb.read_pcal(folder)
    with pytest.warns(DamagedData, match="1 lines of tones were skipped, .*line 6"):
        dataset = difxnb.read_pcal(folder, on_error="skip")
    assert dataset.sizes["time"] == 2
    (skipped,) = json.loads(dataset.attrs["skipped"])
    assert (skipped["file"], skipped["line"]) == (str(path), 6)
    path.write_text(path.read_text().replace(" 84o2 R", " 8402 R", 1)[:-20])
    assert difxnb.read_pcal(folder, growing=True).sizes["time"] == 2


def test_a_file_without_lines_gives_an_empty_dataset(tmp_path: Path) -> None:
    _, folder = job(tmp_path)
    put(folder, "BB")
    dataset = difxnb.read_pcal(folder)
    assert dict(dataset.sizes) == {"time": 0, "antenna": 1, "polarization": 0, "tone": 0}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (REFERENCE / "beta_1/beta_1.difx", "holds no PCAL_"),
        (REFERENCE / "nothing.difx", "does not exist"),
        (REFERENCE / "nothing*", "nothing is called"),
        ([], "empty list"),
    ],
)
def test_where_there_are_no_tones(source: object, expected: str) -> None:
    with pytest.raises(OutputNotFound, match=expected):
        difxnb.read_pcal(source)


def test_sources_of_all_kinds() -> None:
    expected = difxnb.read_pcal(ALPHA)
    for source in (read_input(ALPHA.with_suffix(".input")), [ALPHA, ALPHA], str(ALPHA / "PCAL_*")):
        xr.testing.assert_identical(difxnb.read_pcal(source), expected)
    with pytest.raises(TypeError, match="expected a path"):
        difxnb.read_pcal(7)
