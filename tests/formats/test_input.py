# SPDX-License-Identifier: GPL-3.0-or-later
"""The .input file: what it says, and that writing gives back every byte."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.input import (
    Band,
    Datastream,
    Freq,
    Input,
    RecordedFreq,
    Rule,
    format_input,
    parse_input,
    read_input,
    write_input,
)

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(REFERENCE.rglob("*.input"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.input"


@pytest.fixture
def alpha() -> Input:
    return read_input(ALPHA)


def changed(old: str, new: str) -> str:
    text = ALPHA.read_text()
    assert old in text
    return text.replace(old, new, 1)


def test_all_reference_jobs_are_here() -> None:
    assert len(JOBS) == 9


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_writing_gives_back_every_byte(path: Path, tmp_path: Path) -> None:
    write_input(read_input(path), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_writing_gives_back_every_byte_of_public_jobs(shared: Path) -> None:
    paths = sorted((shared / "data").rglob("*.input"))
    assert len(paths) >= 20
    for path in paths:
        text = path.read_bytes().decode()
        assert format_input(parse_input(text, path)) == text, path


def test_values(alpha: Input) -> None:
    assert (alpha.job_name, alpha.execute_time, alpha.start_mjd, alpha.start_seconds) == (
        "alpha_1",
        4,
        60310,
        43200,
    )
    (config,) = alpha.configurations
    assert (config.int_time, config.subint_ns, config.guard_ns) == (0.512, 6_400_000, 16_000)
    assert config.write_autocorrs
    assert not config.pulsar_binning
    assert config.baseline_indices == [0, 1, 2]
    assert [freq.sideband for freq in alpha.freqs] == ["U", "L"]
    assert [telescope.name for telescope in alpha.telescopes] == ["AA", "BB", "CC"]
    assert alpha.telescopes[1].clock_coeffs == [1.25, 0.0]
    stream = alpha.datastreams[1]
    assert (stream.data_format, stream.phase_cal_int_mhz, stream.files) == ("VDIF", 1, ["bb.vdif"])
    assert stream.bands == [Band("R", 0), Band("L", 0), Band("R", 1), Band("L", 1)]
    assert [(stream.band_freq_index(band), stream.band_pol(band)) for band in range(4)] == [
        (0, "R"), (0, "L"), (1, "R"), (1, "L"),
    ]  # fmt: skip
    assert alpha.baselines[2].freqs[1].target_freq == 1
    assert alpha.baselines[2].freqs[1].products == [(2, 2), (3, 3), (2, 3), (3, 2)]


def test_zoom_bands_count_after_the_recorded_ones() -> None:
    inp = read_input(REFERENCE / "mpifxcorr-output/beta_1/beta_1.input")
    stream = inp.datastreams[0]
    zooms = range(len(stream.bands), stream.num_bands)
    assert len(zooms) == sum(zoom.num_pols for zoom in stream.zoom_freqs) > 0
    for band, zoom_band in zip(zooms, stream.zoom_bands, strict=True):
        assert stream.band_freq_index(band) == stream.zoom_freqs[zoom_band.freq].freq_index
        assert stream.band_pol(band) == zoom_band.pol


@pytest.mark.parametrize(
    ("freq", "centres_mhz"),
    [
        (Freq(8400, 4, "U", 128, 4), {0: 8400.046875, 1: 8400.171875, 31: 8403.921875}),
        (Freq(8412, 4, "L", 128, 4), {0: 8408.046875, 31: 8411.921875}),
        (Freq(8400, 4, "U", 32, 1), {0: 8400.0, 31: 8403.875}),
        (Freq(8412, 4, "L", 32, 1), {0: 8408.0, 31: 8411.875}),
    ],
)
def test_channel_centres(freq: Freq, centres_mhz: dict[int, float]) -> None:
    frequencies = freq.channel_frequencies_hz
    assert frequencies.shape == (32,)
    assert frequencies.dtype == np.float64
    assert freq.channels == 32
    assert freq.channel_width_hz == 125_000
    for channel, centre in centres_mhz.items():
        assert frequencies[channel] == centre * 1e6


def test_bands_are_the_same_by_their_edges() -> None:
    usb = Freq(8400, 4, "U", 32)
    assert usb.same_band(Freq(8404, 4, "L", 32))
    assert not usb.same_band(Freq(8404, 4, "U", 32))
    assert not usb.same_band(Freq(8400, 2, "U", 32))


def test_files_are_found_beside_a_copied_job() -> None:
    folder = REFERENCE / "raw-jobs/usb2bit"
    inp = read_input(folder / "usb2bit.input")
    assert inp.calc_filename.startswith("/data/")
    assert inp.companion("calc") == folder / "usb2bit.calc"
    assert inp.companion(".im") == folder / "usb2bit.im"
    assert inp.companion("threads") == folder / "usb2bit.threads"
    assert inp.companion("difx") == folder / "usb2bit.difx"


def test_channels_by_row(alpha: Input) -> None:
    assert alpha.channels(1) == 32
    for row in (-1, 2):
        with pytest.raises(IndexError):
            alpha.channels(row)


def test_optional_lines(alpha: Input) -> None:
    text = changed("FILTERBANK USED:    FALSE\n", "PROCESSING METHOD:  FILTERBANK\nTCAL FREQUENCY:     80\n")
    text = text.replace(
        "PHASE CAL INT (MHZ):0\n",
        "PHASE CAL INT (MHZ):0\nPHASE CAL DIVISOR:  2\nPHASE CAL BASE(MHZ):0.5\n",
        1,
    )
    text = text.replace("CLK OFFSET 0 (us):  0.000000", "CLK OFFSET 0 (us):  0.25:-0.125:50.0", 1)
    text = text.replace("CLK OFFSET 1 (us):  0.000000", "CLK OFFSET 1 (us):  0.25:0.0", 1)
    inp = parse_input(text)
    stream = inp.datastreams[0]
    assert (stream.filterbank_used, stream.tcal_frequency) == (True, 80)
    assert (stream.phase_cal_divisor, stream.phase_cal_base_mhz) == (2, 0.5)
    first = stream.recorded_freqs[0]
    assert (first.clock_offset_us, first.clock_offset_delta_us, first.phase_offset_deg) == (0.25, -0.125, 50)
    assert format_input(inp) == text


def test_network_table(alpha: Input) -> None:
    alpha.datastreams[1].data_source = "NETWORK"
    alpha.datastreams[1].port, alpha.datastreams[1].tcp_window = "eth2", -9000
    again = parse_input(format_input(alpha))
    assert "# NETWORK TABLE ####!" in format_input(alpha)
    assert [(stream.port, stream.tcp_window) for stream in again.datastreams] == [
        ("0", 0),
        ("eth2", -9000),
        ("0", 0),
    ]


def test_pulsar_binning() -> None:
    inp = read_input(REFERENCE / "mpifxcorr-output/epsilon_1/epsilon_1.input")
    assert inp.configurations[0].pulsar_binning
    assert inp.configurations[0].pulsar_config_file.endswith("epsilon_1.binconfig")


def test_a_job_made_from_scratch_is_read_back(alpha: Input) -> None:
    plain = parse_input(format_input(alpha))
    freq = Freq(1404.1234567891, 16, "L", 256, 2, rx_name="20cm", phase_cals=[1, 6])
    stream = Datastream(
        0, 35.5, "INTERLACEDVDIF/0:1", recorded_freqs=[RecordedFreq(2, 0.1, 0.02, num_pols=1)]
    )
    stream.bands = [Band("X", 0)]
    plain.freqs.append(freq)
    plain.datastreams.append(stream)
    plain.rules.insert(0, Rule("SKIP", ["A", "B"], ["No0001"], ["V"], ["0"], 60310.25, 60310.5))
    plain.execute_time, plain.start_seconds = 0.512, 43200.25
    text = format_input(plain)
    assert "EXECUTE TIME (SEC): 0.512\n" in text
    assert "START SECONDS:      43200.250000\n" in text
    assert "RULE 0 SOURCE:      A,B\n" in text
    assert "CLK OFFSET 0 (us):  0.100000:0.020000\n" in text
    assert parse_input(text) == dataclasses.replace(plain, path=None)


def test_values_that_contradict_each_other_are_not_written(alpha: Input, tmp_path: Path) -> None:
    alpha.configurations[0].datastream_indices.pop()
    with pytest.raises(ValueError, match="2 datastreams, and 3 are said to be active"):
        write_input(alpha, tmp_path / "x.input")
    assert not (tmp_path / "x.input").exists()
    alpha = read_input(ALPHA)
    alpha.datastreams[0].bands.pop()
    with pytest.raises(ValueError, match="3 REC bands"):
        format_input(alpha)


def test_an_existing_file_is_kept(alpha: Input, tmp_path: Path) -> None:
    path = tmp_path / "x.input"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_input(alpha, path)
    assert path.read_text() == "mine"
    write_input(alpha, path, overwrite=True)
    assert path.read_bytes() == ALPHA.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("CALC FILENAME: ", "DELAY FILENAME:", 2),
        ("CALC FILENAME: ", "UVW FILENAME:", 2),
        ("CONFIG NAME:", "CONFIG SOURCE:", 15),
    ],
)
def test_old_files_are_refused_by_name(old: str, new: str, line: int) -> None:
    with pytest.raises(
        FileFormatError, match=rf"x\.input, line {line}: written for DiFX 1 .*Make the job anew"
    ):
        parse_input(changed(old, new), Path("x.input"))


def test_modules_may_have_no_files() -> None:
    text = changed("DATA SOURCE:        FILE", "DATA SOURCE:        MODULE")
    text = text.replace("D/STREAM 0 FILES:   1\nFILE 0/0:           aa.vdif\n", "D/STREAM 0 FILES:   0\n")
    inp = parse_input(text)
    assert [stream.data_source for stream in inp.datastreams] == ["MODULE", "FILE", "FILE"]
    assert [len(stream.files) for stream in inp.datastreams] == [0, 1, 1]
    assert format_input(dataclasses.replace(inp, source_text="")) == text
    inp.datastreams[0].files.append("NRAO+123")
    assert "D/STREAM 0 FILES:   1\nFILE 0/0:           NRAO+123\nD/STREAM 1" in format_input(inp)


@pytest.mark.parametrize("method", ["NONE", "FILTERBANK", "L2C"])
def test_processing_methods(method: str) -> None:
    text = changed("FILTERBANK USED:    FALSE", f"PROCESSING METHOD:  {method}")
    inp = parse_input(text)
    assert (inp.datastreams[0].processing_method, inp.datastreams[1].processing_method) == (method, "")
    assert inp.datastreams[0].filterbank_used == (method == "FILTERBANK")
    assert format_input(dataclasses.replace(inp, source_text="")) == text


def test_a_phased_array_is_read_and_written() -> None:
    text = changed("PHASED ARRAY:       FALSE", "PHASED ARRAY:       TRUE\nPHASED ARRAY CONFIG FILE:x.phased")
    inp = parse_input(text)
    assert (inp.configurations[0].phased_array, inp.configurations[0].phased_array_config_file) == (
        True,
        "x.phased",
    )
    assert format_input(dataclasses.replace(inp, source_text="")) == text
    assert "phased array" in repr(inp)


def test_small_letters_and_colons_in_values() -> None:
    text = changed("REC BAND 0 POL:     R", "REC BAND 0 POL:     r").replace(
        "DATA FORMAT:        VDIF", "DATA FORMAT:        INTERLACEDVDIF/0:1:2:3", 1
    )
    inp = parse_input(text)
    assert inp.datastreams[0].data_format == "INTERLACEDVDIF/0:1:2:3"
    assert inp.datastreams[0].band_pol(0) == "r"
    assert format_input(dataclasses.replace(inp, source_text="")) == text


def test_files_without_target_freq_take_that_of_band_a() -> None:
    text = "".join(line for line in ALPHA.read_text().splitlines(True) if not line.startswith("TARGET FREQ"))
    inp = parse_input(text)
    assert [freq.target_freq for freq in inp.baselines[0].freqs] == [0, 1]
    assert format_input(inp) == text
    inp.baselines[0].freqs[1].products.reverse()
    assert "TARGET FREQ" not in format_input(inp)


@pytest.mark.parametrize("label", ["0/0", "1/1"])
def test_either_all_or_no_frequencies_have_a_target(label: str) -> None:
    with pytest.raises(FileFormatError, match=r"line \d+: expected '(TARGET FREQ|POL PRODUCTS)"):
        parse_input(re.sub(f"TARGET FREQ {label}: .*\n", "", ALPHA.read_text()))


def test_unknown_lines_and_decorations_are_tolerated(alpha: Input) -> None:
    text = changed("# RULES ############!", "# RULES\nWEATHER:            fine\n@ some note")
    text = text.replace("NUM CHANNELS 0: ", "COLOUR 0:           red\nNUM CHANNELS 0: ").replace("\n", "\r\n")
    assert parse_input(text, ALPHA) == alpha


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("FREQ ENTRIES:       2", "FREQ ENTRIES:       1000000000", "line 38.*1000000000"),
        (
            "BASELINE ENTRIES:   3",
            "BASELINE ENTRIES:   4",
            "expected 'D/STREAM A INDEX 3', found '# DATA TABLE",
        ),
        ("NUM CHANNELS 0:     64", "NUM CHANNELS 0:     999999999", "NUM CHANNELS 0"),
        ("CHANS TO AVG 0:     2", "CHANS TO AVG 0:     0", "CHANS TO AVG 0"),
        ("BW (MHZ) 0:         2.0", "BW (MHZ) 0:        -2.0", "not positive"),
        ("SIDEBAND 0:         U", "SIDEBAND 0:         B", "needs U or L"),
        ("TARGET FREQ 0/0:    0", "TARGET FREQ 0/0:    2", "not between 0 and 1"),
        ("REC BAND 0 INDEX:   0", "REC BAND 0 INDEX:   2", "REC BAND 0 INDEX"),
        ("D/STREAM A BAND 0:  0", "D/STREAM A BAND 0:  4", "D/STREAM A BAND 0"),
        ("TELESCOPE INDEX:    0", "TELESCOPE INDEX:    3", "telescope 3, and the telescope table has 3"),
        ("BASELINE 2 INDEX:   2", "BASELINE 2 INDEX:   3", "baseline 3"),
        ("RULE 0 CONFIG NAME: default", "RULE 0 CONFIG NAME: other", "'other', which is not there"),
        ("# BASELINE TABLE", "# BASEBALL TABLE", "'# BASELINE TABLE' is missing"),
        ("# FREQ TABLE", "# DATASTREAM TABLE", "stands before '# FREQ TABLE'"),
        ("PHASED ARRAY:       FALSE", "PHASED ARRAY:       TRUE", "expected 'PHASED ARRAY CONFIG FILE'"),
        ("CLK OFFSET 0 (us):  0.000000", "CLK OFFSET 0 (us):  0:1:2:3", "at most three"),
        (
            "RULE 0 CONFIG",
            "RULE 0 QUAL: 1\nRULE 0 QUAL: 2\nRULE 0 CONFIG",
            "'RULE 0 QUAL' stands here a second",
        ),
        (
            "REC BAND 0 POL:     R",
            "REC BAND 0 POL:     RL",
            "needs one letter such as R, L, X or Y, not 'RL'",
        ),
        ("REC BAND 0 POL:     R", "REC BAND 0 POL:", "REC BAND 0 POL"),
        ("NUM CHANNELS 0:     64", "NUM CHANNELS 0:     6_4", "needs a whole number"),
        ("INT TIME (SEC):     0.512000", "INT TIME (SEC):     nan", "finite number"),
        ("D/STREAM 1 FILES:   1", "D/STREAM 1 FILES:   2", "expected 'FILE 1/1', found 'D/STREAM 2 FILES'"),
    ],
)
def test_damage_is_named(old: str, new: str, expected: str) -> None:
    with pytest.raises(FileFormatError, match=expected) as caught:
        parse_input(changed(old, new), ALPHA)
    assert str(ALPHA) in str(caught.value)


def test_a_long_file_is_read_in_one_pass(alpha: Input) -> None:
    alpha.baselines *= 450
    text = format_input(alpha)
    assert text.count("\n") > 30_000
    assert parse_input(text).baselines == alpha.baselines


def test_rules_choose_the_configuration(alpha: Input) -> None:
    where = {"mjd_start": 60310.5, "mjd_stop": 60310.6}
    assert alpha.configuration_for("No0001", "SRCA", **where) == 0
    alpha.configurations.append(dataclasses.replace(alpha.configurations[0], name="second"))
    alpha.rules = [Rule("second", scan_ids=["No0002"]), Rule("default", sources=["SRCA"])]
    assert alpha.configuration_for("No0002", "SRCB", **where) == 1
    assert alpha.configuration_for("No0003", "SRCA", **where) == 0
    assert alpha.configuration_for("No0003", "SRCB", **where) is None
    with pytest.raises(ValueError, match="default, second"):
        alpha.configuration_for("No0002", "SRCA", **where)
    alpha.rules.append(Rule("SKIP", mjd_start=60310.4, mjd_stop=60310.7))
    assert alpha.configuration_for("No0002", "SRCB", **where) is None
    assert alpha.configuration_for("No0002", "SRCB", 60310.3, 60310.6) == 1
