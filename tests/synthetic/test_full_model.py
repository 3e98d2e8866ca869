# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments whose recordings are made with the delay model that a job made from the schedule has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.calc import read_calc
from difxnb.formats.im import Im, read_im
from difxnb.geometry import agreement
from difxnb.geometry.delay_model import delay_model
from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import (
    DemoFiles,
    default_experiment,
    full_delay_model,
    make_experiment,
    read_truth,
    small_experiment,
)
from difxnb.synthetic.made_before import PLACE
from difxnb.synthetic.sky import delay_model as plain_delay_model
from difxnb.visibility import fringe_fit, open_visibilities


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    folder = tmp_path_factory.mktemp("full") / "job"
    plan = default_experiment(n_bands=2, scan_seconds=2, gap_seconds=2, weak_snr=40.0)
    return make_experiment(folder, experiment=plan, model="full")


def test_the_job_has_the_model_of_its_own_calc(made: DemoFiles) -> None:
    of_file = read_im(made.input_file.with_suffix(".im"))
    of_calc = delay_model(read_calc(made.input_file.with_suffix(".calc")))
    assert of_file.calc_program == "difxnb"
    assert of_file.aberration == "EXACT"
    # The .calc has its numbers with as many digits as vex2difx writes.
    assert agreement(of_file, of_calc)["delay_max_s"].max() < 1e-15


def test_it_is_microseconds_from_the_plain_one_other_ones_in_each_scan(made: DemoFiles) -> None:
    plain = plain_delay_model(made.experiment)
    apart = agreement(full_delay_model(made.experiment, made.directory), plain)
    assert apart["delay_max_s"].between(1e-8, 1e-5).all()
    of_antenna = apart.groupby("antenna")["delay_mean_s"]
    assert ((of_antenna.max() - of_antenna.min()) > 1e-8).all()


def test_correlating_finds_the_fringes_where_the_truth_says(made: DemoFiles) -> None:
    correlate(made.input_file)
    keys = ["antenna1_name", "antenna2_name", "scan", "band", "polarization"]
    found = fringe_fit(open_visibilities(made.input_file)).set_index(keys)
    strong = [
        one for one in read_truth(made.directory).fringes if one.strong and one.polarization in ("RR", "LL")
    ]
    assert len(strong) >= 16
    for one in strong:
        row = found.loc[one.antenna1, one.antenna2, one.scan, one.band, one.polarization]
        assert abs(row["delay"] - one.delay_s) < 5 * row["delay_error"] + 2e-9, one
        assert abs(row["delay_rate"] - one.delay_rate) < 5 * row["delay_rate_error"] + 0.3e-12, one


def test_a_job_that_begins_at_another_second_has_the_same_delays(made: DemoFiles) -> None:
    calc = read_calc(made.input_file.with_suffix(".calc"))
    assert calc.start_time[3:] == (6, 0, 0)
    earlier = replace(
        calc,
        start_time=(*calc.start_time[:3], 5, 59, 47),
        scans=[replace(scan, start_s=scan.start_s + 13) for scan in calc.scans],
    )
    other = delay_model(earlier, interval_s=100)
    scan = made.experiment.scans[1]
    source = made.experiment.sources[scan.source].name
    start = np.datetime64("2025-03-12T06:00:00", "ns") + np.timedelta64(scan.start_s, "s")
    times = start + np.arange(scan.duration_s + 1) * np.timedelta64(1, "s")
    im = delay_model(calc)
    for station in made.experiment.stations:
        np.testing.assert_allclose(
            other.delay(station.code, times, source), im.delay(station.code, times, source), atol=1e-15
        )


def test_the_default_is_the_plain_one(tmp_path: Path) -> None:
    plan = small_experiment(scan_seconds=1)
    made = make_experiment(tmp_path / "job", experiment=plan)
    im = read_im(made.input_file.with_suffix(".im"))
    assert im.aberration == "UNCORRECTED"
    assert agreement(im, plain_delay_model(plan))["delay_max_s"].max() < 1e-15


def test_recordings_of_the_other_model_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = small_experiment(scan_seconds=1)
    before = make_experiment(tmp_path / "before", experiment=plan, model="full").directory
    for recording in before.glob("*.vdif"):
        recording.write_bytes(b"marked")
    monkeypatch.setenv(PLACE, str(before))

    def first_bytes(folder: str, model: str) -> set[bytes]:
        made = make_experiment(tmp_path / folder, experiment=plan, model=model)  # type: ignore[arg-type]
        return {path.read_bytes()[:6] for path in made.directory.glob("*.vdif")}

    assert first_bytes("full", "full") == {b"marked"}
    assert b"marked" not in first_bytes("plain", "plain")


def test_another_model_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plain, full"):
        make_experiment(tmp_path / "job", model="best")  # type: ignore[arg-type]
    assert not (tmp_path / "job").exists()


def test_nothing_is_read_or_written_to_compute_it(tmp_path: Path) -> None:
    assert isinstance(full_delay_model(small_experiment(), tmp_path / "nowhere"), Im)
    assert not (tmp_path / "nowhere").exists()
