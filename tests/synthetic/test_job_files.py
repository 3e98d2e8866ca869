# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the job, read back, against each other and against those that vex2difx writes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from difxnb.formats.calc import read_calc
from difxnb.formats.flag import read_flag
from difxnb.formats.im import read_im
from difxnb.formats.input import read_input, result_layout
from difxnb.formats.joblist import read_joblist
from difxnb.formats.machines import read_machines, read_threads
from difxnb.synthetic import default_experiment, small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from difxnb.synthetic.sky import delay_model


@pytest.fixture(scope="module")
def job(small_demo):
    return read_input(small_demo.input_file)


def test_input_names_files_that_exist(small_demo, job):
    assert small_demo.input_file.name == "demo_1.input"
    for name in (job.calc_filename, job.threads_filename, *(f for d in job.datastreams for f in d.files)):
        assert name.startswith(str(small_demo.directory) + "/")
        assert (small_demo.directory / name).is_file()
    assert job.output_filename == str(small_demo.directory / "demo_1.difx")
    calc = read_calc(job.companion("calc"))
    for name in (calc.im_filename, calc.flag_filename, calc.vex_file):
        assert (small_demo.directory / name).is_file()


def test_input_describes_the_experiment(small_demo, job):
    plan = small_demo.experiment
    assert [t.name for t in job.telescopes] == ["AL", "BO", "CE"]
    assert [(f.freq_mhz, f.bandwidth_mhz, f.sideband) for f in job.freqs] == [
        (8400, 0.256, "U"),
        (8418, 0.256, "L"),
    ]
    assert all(f.num_channels == 64 and f.chans_to_avg == 1 for f in job.freqs)
    assert [d.data_format for d in job.datastreams] == ["VDIF", "INTERLACEDVDIF/0", "VDIF"]
    for stream in job.datastreams:
        assert (stream.frame_size, stream.quantisation_bits, stream.data_sampling) == (
            plan.frame_bytes,
            2,
            "REAL",
        )
        bands = [(stream.band_freq_index(k), stream.band_pol(k)) for k in range(stream.num_bands)]
        assert bands == [(0, "R"), (0, "L"), (1, "R"), (1, "L")]
    assert (job.start_mjd, job.start_seconds, job.execute_time) == (60746, 21600, 6)
    assert job.telescopes[1].clock_coeffs == [-3.4375, -2.5e-6]
    assert job.telescopes[1].clock_ref_mjd == 60746


def test_products_come_in_the_order_of_difx(job):
    layout = result_layout(job)
    crosses = [p for p in layout if p.kind == "cross"]
    assert len(crosses) == 3 * 2 * 4
    assert [p.polarization for p in crosses[:4]] == ["RR", "LL", "RL", "LR"]
    assert sum(p.kind == "auto" for p in layout) == 3 * 2 * 4


def test_sub_integrations_hold_whole_transforms_and_frames(job):
    configuration = job.configurations[0]
    transform_ns = 2 * job.freqs[0].num_channels / (2 * job.freqs[0].bandwidth_mhz) * 1000
    assert configuration.subint_ns % transform_ns == 0
    assert (configuration.int_time * 1e9) % configuration.subint_ns == 0
    samples = (job.datastreams[0].frame_size - 32) * 8 // 2 // 4
    frame_ns = samples / (2 * job.freqs[0].bandwidth_mhz) * 1000
    assert configuration.subint_ns % frame_ns == 0
    assert 1e9 % frame_ns == 0


def test_calc_describes_stations_sources_and_scans(small_demo, job):
    calc, plan = read_calc(job.companion("calc")), small_demo.experiment
    assert [t.name for t in calc.telescopes] == [t.name for t in job.telescopes]
    assert [(t.x, t.y, t.z) for t in calc.telescopes] == [s.position_m for s in plan.stations]
    assert [(s.name, s.ra, s.dec) for s in calc.sources] == [
        ("LANTERN", pytest.approx(17.2 * np.pi / 12), pytest.approx(33 * np.pi / 180)),
        ("BEACON", pytest.approx(19.4 * np.pi / 12), pytest.approx(52 * np.pi / 180)),
    ]
    scans = [(s.identifier, s.start_s, s.duration_s, s.pointing_source, s.phase_centers) for s in calc.scans]
    assert scans == [("No0001", 0, 2, 0, [0]), ("No0002", 4, 2, 1, [1])]
    assert calc.start_time == (2025, 3, 12, 6, 0, 0)
    assert [e.mjd for e in calc.eops] == [60744, 60745, 60746, 60747, 60748]
    assert calc.job_stop_mjd - calc.job_start_mjd == pytest.approx(6 / 86_400, abs=1e-7)


def test_the_model_is_read_back_to_the_last_digit(small_demo):
    written, read = delay_model(small_demo.experiment), read_im(small_demo.directory / "demo_1.im")
    assert read.telescopes == written.telescopes
    assert (read.order, read.interval_s, read.start_time) == (5, 120, (2025, 3, 12, 6, 0, 0))
    for one, two in zip(written.scans, read.scans, strict=True):
        assert (one.pointing_source, one.phase_center_sources) == (
            two.pointing_source,
            two.phase_center_sources,
        )
        for a, b in zip(one.polynomials, two.polynomials, strict=True):
            assert (a.mjd, a.sec) == (b.mjd, b.sec)
            assert np.array_equal(a.delay_us, b.delay_us)
            assert np.array_equal(a.u, b.u)
            assert np.array_equal(a.w, b.w)


def test_machines_threads_flags_and_joblist(small_demo):
    folder = small_demo.directory
    assert len(read_machines(folder / "demo_1.machines")) == 1 + 3 + 1
    assert read_threads(folder / "demo_1.threads") == [2]
    flags = read_flag(folder / "demo_1.flag")
    assert [f.antenna for f in flags] == [0, 1, 2]
    start = 60746.25
    for flag in flags:
        assert (flag.mjd_start - start) * 86_400 == pytest.approx(2, abs=0.01)
        assert (flag.mjd_stop - start) * 86_400 == pytest.approx(4, abs=0.01)
    joblist = read_joblist(small_demo.joblist)
    assert joblist.header["pass"] == "demo"
    (entry,) = joblist.jobs
    assert (entry.name, entry.n_antennas, entry.antennas) == ("demo_1", 3, ["AL", "BO", "CE"])


def keys(path):
    """Keys of a job file in order, each once, without the numbers of rows."""
    found = [
        re.sub(r"\d+", "n", line.split(":")[0]).strip()
        for line in path.read_text().splitlines()
        if ":" in line
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("extension", ["input", "calc"])
def test_files_have_the_lines_that_vex2difx_writes(small_demo, shared, extension):
    theirs = shared / "data/difx-samples/vex2difx-output/tiny" / f"tiny_1.{extension}"
    tones = {"PHASE CAL n/n INDEX"}  # none here
    assert keys(small_demo.directory / f"demo_1.{extension}") == [k for k in keys(theirs) if k not in tones]


def statements(text, name):
    return re.findall(rf"{name} = ([^;]*);", text)


def test_vex_agrees_with_the_job():
    experiment = default_experiment()
    text = vex_text(experiment)
    channels = [re.split(r"\s*:\s*", s.strip(" :"))[:3] for s in statements(text, "chan_def")]
    expected = [
        [f"{experiment.bands[b].edge_hz / 1e6:.6f} MHz", experiment.bands[b].sideband, "0.512000 MHz"]
        for b, _ in experiment.channels
    ]
    assert channels == expected
    assert statements(text, "sample_rate") == ["1.024 Ms/sec"]
    assert statements(text, "track_frame_format") == [f"VDIF/{experiment.frame_bytes}/2"]
    assert re.findall(r" start = (\S+); mode", text) == ["2025y071d06h00m00s", "2025y071d06h00m09s"]
    assert len(re.findall("^def ", text, re.MULTILINE)) == text.count("enddef;")
    assert len(statements(text, "fanout_def")) == 2 * experiment.recorded_channels
    assert "3742309.185 m : -157503.535 m : 5145405.856 m" in text


def test_polarizations_in_the_vex_come_from_their_ifs():
    text = vex_text(default_experiment())
    channel_of = dict(re.findall(r"(&CH\d+) : (&BBC\d+)", text))
    if_of = dict(re.findall(r"BBC_assign = (&BBC\d+) : \d+ : (&IF_\w)", text))
    assert [if_of[channel_of[f"&CH{n:02d}"]][-1] for n in range(1, 9)] == list("RLRLRLRL")


def test_v2d_agrees_with_the_job(small_demo, job):
    text = (small_demo.directory / "demo.v2d").read_text()
    assert text == v2d_text(small_demo.experiment, small_demo.directory)
    blocks = dict(re.findall(r"ANTENNA (\w+)\n\{(.*?)\}", text, re.DOTALL))
    for telescope, stream in zip(job.telescopes, job.datastreams, strict=True):
        block = blocks[telescope.name]
        assert f"format = {stream.data_format}/{stream.frame_size}/2" in block
        assert float(re.search(r"clockOffset = (\S+)", block)[1]) == telescope.clock_coeffs[0]
        assert float(re.search(r"clockRate = (\S+)", block)[1]) == telescope.clock_coeffs[1]
        assert float(re.search(r"clockEpoch = (\S+)", block)[1]) == telescope.clock_ref_mjd
        assert re.search(r"file = (.*)", block)[1].split(", ") == stream.files
    assert f"subintNS = {job.configurations[0].subint_ns}" in text
    assert f"nChan = {job.freqs[0].num_channels}\n" in text
    assert "_" not in small_demo.directory.joinpath("demo.v2d").name
    assert small_experiment().name[0].isalpha()
