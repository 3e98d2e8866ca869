# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans, determinism, and what happens in directories that are not empty."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from difxnb.errors import DifxError, OutputExists
from difxnb.synthetic import (
    Experiment,
    default_experiment,
    make_experiment,
    read_truth,
    small_experiment,
)
from difxnb.synthetic.sky import delay_model
from difxnb.synthetic.voltages import write_recordings


def tiny(seed=1, **changes) -> Experiment:
    return default_experiment(
        seed=seed, scan_seconds=1, gap_seconds=1, n_stations=2, n_bands=1, polarizations="R", **changes
    )


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(small_demo, tmp_path):
    again = make_experiment(tmp_path / "small", experiment=small_experiment())
    first, second = content(small_demo.directory), content(again.directory)
    assert first.keys() == second.keys()
    for name, data in first.items():
        here, there = str(small_demo.directory).encode(), str(again.directory).encode()
        assert data.replace(here, b"") == second[name].replace(there, b""), name


def test_another_seed_gives_other_noise(tmp_path):
    one, two = (make_experiment(tmp_path / str(seed), experiment=tiny(seed)) for seed in (1, 2))
    assert read_truth(two.directory).seed == 2
    name = one.experiment.recording_name(0, 0)
    a, b = (np.frombuffer((files.directory / name).read_bytes(), np.uint8) for files in (one, two))
    assert a.size == b.size
    assert 0.05 < np.mean(a == b) < 0.3


def test_scans_and_stations_have_noise_of_their_own(small_demo):
    names = [small_demo.experiment.recording_name(station, scan) for station in (0, 2) for scan in (0, 1)]
    data = [np.fromfile(small_demo.directory / name, np.uint8)[32:1032] for name in names]
    for i in range(4):
        for j in range(i):
            assert np.mean(data[i] == data[j]) < 0.1


def test_everything_is_there_and_named_in_the_truth(small_demo):
    truth = read_truth(small_demo.directory)
    assert truth.complete
    assert sorted(truth.files) == sorted(path.name for path in small_demo.directory.iterdir())
    assert small_demo.joblist.is_file()
    assert small_demo.truth_file.is_file()
    size = sum(path.stat().st_size for path in small_demo.directory.iterdir())
    assert 5e6 < size < 8e6


def test_size_of_the_default_experiment():
    experiment = default_experiment()
    frames = sum(scan.duration_s for scan in experiment.scans) * experiment.frames_per_second * 3
    assert 40e6 < frames * experiment.frame_bytes < 60e6
    assert (experiment.n_channels, experiment.subint_ns) == (128, 40_000_000)


def test_memory_does_not_grow_with_the_scan(tmp_path):
    peaks = []
    for seconds in (1, 4):
        experiment = replace(tiny(), scans=default_experiment(scan_seconds=seconds, n_scans=1).scans)
        tracemalloc.start()
        write_recordings(experiment, delay_model(experiment), tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_directory_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputExists, match="not empty"):
        make_experiment(tmp_path, experiment=tiny())
    assert content(tmp_path) == {"notes.txt": b"mine"}
    assert issubclass(OutputExists, FileExistsError)
    assert issubclass(OutputExists, DifxError)


def test_overwrite_replaces_a_demonstration_and_nothing_else(tmp_path):
    make_experiment(
        tmp_path, experiment=default_experiment(scan_seconds=1, n_stations=3, n_bands=1, n_scans=1)
    )
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "demo_1.difx").mkdir()
    with pytest.raises(OutputExists, match="not empty"):
        make_experiment(tmp_path, experiment=tiny())
    make_experiment(tmp_path, experiment=tiny(seed=7), overwrite=True)
    assert read_truth(tmp_path).seed == 7
    assert not (tmp_path / "CE_No0001.vdif").exists(), "files of the earlier demonstration go"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "demo_1.difx").is_dir()


def test_overwrite_does_not_touch_files_of_others(tmp_path):
    (tmp_path / "demo.vex").write_text("an observation")
    with pytest.raises(OutputExists, match=r"demo\.vex"):
        make_experiment(tmp_path, experiment=tiny(), overwrite=True)
    assert content(tmp_path) == {"demo.vex": b"an observation"}


def test_a_truth_that_is_not_ours_is_not_replaced(tmp_path):
    (tmp_path / "truth.json").write_text('{"files": ["/etc/hosts"]}')
    with pytest.raises(OutputExists, match=r"truth\.json"):
        make_experiment(tmp_path, experiment=tiny(), overwrite=True)


def test_a_forged_truth_cannot_reach_outside(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "demo"
    make_experiment(folder, experiment=tiny())
    truth = (folder / "truth.json").read_text()
    (folder / "truth.json").write_text(truth.replace('"demo.vex"', '"../outside.txt"'))
    with pytest.raises(OutputExists, match=r"demo\.vex"):
        make_experiment(folder, experiment=tiny(), overwrite=True)
    assert outside.read_text() == "mine"


def test_an_interrupted_demonstration_can_be_made_anew(tmp_path):
    folder = tmp_path / "demo"
    make_experiment(folder, experiment=tiny())
    text = (folder / "truth.json").read_text()
    (folder / "truth.json").write_text(text.replace('"complete": true', '"complete": false'))
    assert not read_truth(folder).complete
    make_experiment(folder, experiment=tiny(), overwrite=True)
    assert read_truth(folder).complete


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"n_stations": 1}, "n_stations"),
        ({"n_stations": 7}, "n_stations"),
        ({"n_bands": 3}, "power of two"),
        ({"polarizations": "XY"}, "polarizations"),
        ({"bandwidth": 0.5e6, "n_channels": 64}, "whole number of transforms"),
        ({"bandwidth": 333.0, "n_channels": 1}, "frames"),
        ({"gap_seconds": 0}, "scans must follow"),
        ({"name": "demo_x"}, "letters and digits"),
        ({"n_scans": 0}, "first scan"),
    ],
)
def test_impossible_experiments_are_refused(change, problem):
    with pytest.raises(ValueError, match=problem):
        default_experiment(**change)


@pytest.mark.parametrize("bandwidth", [0.128e6, 0.256e6, 0.5e6, 1e6, 1.024e6, 2e6, 8e6, 32e6])
def test_possible_bandwidths(bandwidth):
    experiment = default_experiment(bandwidth=bandwidth)
    assert experiment.frame_bytes <= 8224
    assert experiment.sample_rate_hz % experiment.frames_per_second == 0
    samples = experiment.subint_ns * experiment.sample_rate_hz / 1e9
    assert samples % (2 * experiment.n_channels) == 0
