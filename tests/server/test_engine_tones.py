# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones that the embedded correlator extracts: what is injected comes out, as mpifxcorr states it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from difxnb.formats.input import read_input, write_input
from difxnb.formats.pcal import read_pcal_file
from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import Band, DemoFiles, Gap, PulseCal, default_experiment, make_experiment
from difxnb.synthetic.sampling import LEVELS, THRESHOLD
from difxnb.visibility.phase_cal import read_pcal

REFERENCE = Path(__file__).parents[1] / "reference/mpifxcorr-output/alpha_1/alpha_1.difx"
AMPLITUDE, DELAY_S = 0.25, 80e-9  # as in the truth of the reference job
BANDS = (Band(8400.25e6, 2e6, "U"), Band(8411.75e6, 2e6, "L"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """Bands and tones of the reference job; a fifth of the frames of BB are lost."""
    usual = default_experiment(
        n_stations=2, n_bands=2, n_scans=1, scan_seconds=1, bandwidth=2e6, n_channels=64
    )
    first, second = usual.stations
    second = replace(
        second, code="BB", missing=(Gap(0, 0.3, 0.5),), pulse_cal=PulseCal(1_000_000, AMPLITUDE, DELAY_S)
    )
    plan = replace(usual, stations=(first, second), bands=BANDS)
    return make_experiment(tmp_path_factory.mktemp("tones") / "job", experiment=plan)


@pytest.fixture(scope="module")
def output(demo: DemoFiles) -> Path:
    """The folder that correlating it gives."""
    return correlate(demo.input_file).output.parent


def mean_tones(folder: Path) -> xr.DataArray:
    tones = read_pcal(folder)["PHASE_CAL"]
    return tones.isel(antenna=0).mean("time")


def noise(demo: DemoFiles) -> float:
    """Error of the real or imaginary part of a tone: samples of variance 1·power, of which a fifth is missing."""
    power = LEVELS[3] ** 2 * 0.33 + 0.67
    return float(np.sqrt(power / (2 * 0.8 * demo.experiment.sample_rate_hz)))


def gain() -> float:
    """Mean slope of the sampler for a small signal in units of the noise's rms: Σ steps · density at thresholds."""
    thresholds, steps = np.array([-THRESHOLD, 0, THRESHOLD]), np.diff(LEVELS)
    return float(np.sum(steps * np.exp(-(thresholds**2) / 2)) / np.sqrt(2 * np.pi))


def test_injected_delay_comes_out_in_both_sidebands(demo: DemoFiles, output: Path) -> None:
    tones = mean_tones(output)
    turned = tones * np.exp(-2j * np.pi * tones["tone_frequency"] * DELAY_S)
    error = noise(demo) / float(abs(tones).mean())
    pulls = np.angle(turned.values) / error
    assert np.abs(pulls).max() < 4.5
    assert 0.3 < pulls.std() < 2.5


def test_amplitude_is_half_of_the_tone_in_levels(demo: DemoFiles, output: Path) -> None:
    # The tones add to the voltage, which lowers the slope of the sampler by a few per cent.
    tones = abs(mean_tones(output))
    np.testing.assert_allclose(tones, AMPLITUDE * gain() / 2, rtol=0.04)


def test_scale_phase_and_layout_are_those_of_mpifxcorr(output: Path) -> None:
    own, theirs = mean_tones(output), mean_tones(REFERENCE)
    assert own["tone_frequency"].values.tolist() == theirs["tone_frequency"].values.tolist()
    np.testing.assert_allclose(abs(own), abs(theirs), rtol=0.04)
    np.testing.assert_allclose(np.angle(own / theirs.values), 0, atol=np.deg2rad(1.0))
    (mine,), (reference,) = (list(folder.glob("PCAL_*_BB")) for folder in (output, REFERENCE))
    (block,), (known,) = read_pcal_file(mine).blocks, read_pcal_file(reference).blocks
    assert np.array_equal(block.frequency_mhz, known.frequency_mhz)
    assert np.array_equal(block.polarization, known.polarization)
    assert block.datastream == known.datastream == 1


def test_files_are_named_and_timed_as_the_job(demo: DemoFiles, output: Path) -> None:
    names = [path.name for path in output.glob("PCAL_*")]
    plan = demo.experiment
    assert names == [f"PCAL_{plan.start_mjd:05d}_{plan.start_seconds:06d}_BB"]
    tones = read_pcal(output)
    start = np.datetime64("1858-11-17") + np.timedelta64(plan.start_mjd, "D")
    middle = start + np.timedelta64(plan.start_seconds * 1000 + 500, "ms")
    assert tones["time"].values.tolist() == [middle.astype("datetime64[ns]").astype(int)]
    assert tones["INTEGRATION_TIME"].values.tolist() == [plan.integration_s]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """One station with tones, one without; nearly nothing to compute."""
    usual = default_experiment(n_stations=2, n_bands=2, n_scans=1, scan_seconds=1, bandwidth=0.128e6)
    first, second = usual.stations
    stations = (first, replace(second, pulse_cal=PulseCal(25_000, amplitude=0.1)))
    plan = replace(usual, stations=stations, polarizations="R")
    return make_experiment(tmp_path_factory.mktemp("tones") / "small", experiment=plan)


def changed(demo: DemoFiles, folder: Path, interval_mhz: float, base_mhz: float | None = None) -> Path:
    """The job with other tones asked for, in another folder; recordings stay."""
    folder.mkdir()
    for path in demo.directory.glob("demo_1.*"):
        if path.is_file():
            shutil.copy(path, folder)
    inp = read_input(folder / "demo_1.input")
    for stream in inp.datastreams:
        stream.phase_cal_int_mhz, stream.phase_cal_base_mhz = interval_mhz, base_mhz
    inp.output_filename = str(folder / "demo_1.difx")
    write_input(inp, folder / "demo_1.input", overwrite=True)
    return folder / "demo_1.input"


def test_visibilities_do_not_depend_on_tones(small: DemoFiles, tmp_path: Path) -> None:
    without = correlate(changed(small, tmp_path / "without", 0)).output
    having = correlate(changed(small, tmp_path / "with", 0.025)).output
    assert without.read_bytes() == having.read_bytes()
    assert [path.name for path in without.parent.iterdir()] == [without.name]
    assert len(list(having.parent.iterdir())) == 3


def test_workers_beside_give_the_same_tones(small: DemoFiles, tmp_path: Path) -> None:
    folders = [
        correlate(changed(small, tmp_path / str(cores), 0.025), cores=cores).output.parent for cores in (1, 2)
    ]
    alone, shared = (read_pcal(folder)["PHASE_CAL"] for folder in folders)
    np.testing.assert_allclose(alone, shared, rtol=1e-5)
    silent, injected = (abs(alone).sel(antenna=name).mean() for name in ("AL", "BO"))
    assert float(silent) < 0.1 * float(injected)


def test_tones_of_a_base_lie_on_its_grid_and_empty_bands_have_none(small: DemoFiles, tmp_path: Path) -> None:
    # Bands from 8400 MHz upwards and from 8418 MHz downwards: every 20 MHz from 0.05 MHz only the first has a tone.
    folder = correlate(changed(small, tmp_path / "base", 20, 0.05)).output.parent
    (path,) = folder.glob("PCAL_*_BO")
    (block,) = read_pcal_file(path).blocks
    np.testing.assert_array_equal(block.frequency_mhz, [[8400.05], [np.nan]])
    assert np.isnan(block.tones[0, 1, 0])
    assert float(abs(block.tones[0, 0, 0])) > 0.05
