# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurement Sets from a shell: looked at, written once, never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import default_experiment, make_experiment
from tests.cli.in_process import difxnb_program as difxnb

pytest.importorskip("zarr")
pytestmark = pytest.mark.usefixtures("zarr_awake", "without_threads")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = default_experiment(
        n_stations=2, n_bands=1, scan_seconds=2, gap_seconds=2, bandwidth=0.256e6, polarizations="R"
    )
    made = make_experiment(tmp_path_factory.mktemp("msv4"), experiment=tiny).input_file
    correlate(made, cores=1)
    return made


def test_a_processing_set_is_looked_at_then_written_and_not_written_over(job: Path, tmp_path: Path) -> None:
    to = tmp_path / "exp_1.zarr"
    looked = difxnb("msv4", job, to, "--dry-run")
    assert (looked.status, to.exists()) == (0, False), looked
    assert looked.lines[0].startswith(f"would write {to}/")
    (answer,) = difxnb("msv4", job, to, "--json").objects
    assert answer["done"] is True
    ((name, sizes),) = answer["sets"].items()
    with xr.open_datatree(to, engine="zarr", consolidated=False, chunks=None) as written:
        assert dict(written[name].sizes) == sizes
        assert written[name]["VISIBILITY"].shape[0] == sizes["time"]
    before = sorted(path.stat().st_mtime_ns for path in to.rglob("*"))
    again = difxnb("msv4", job, to)
    assert (again.status, "there already" in again.complaints) == (1, True)
    assert sorted(path.stat().st_mtime_ns for path in to.rglob("*")) == before


def test_measurement_sets_are_parted_by_scans(job: Path, tmp_path: Path) -> None:
    (whole,) = difxnb("msv4", job, tmp_path / "x", "--dry-run", "--json").objects
    (parted,) = difxnb("msv4", job, tmp_path / "x", "--dry-run", "--json", "--split", "scan").objects
    assert len(parted["sets"]) == 2 * len(whole["sets"])


def test_what_cannot_be_written_is_said_in_a_line(job: Path, tmp_path: Path) -> None:
    for status, *wrong in (
        (1, tmp_path / "none.input", tmp_path / "x"),
        (1, job, tmp_path / "none" / "x"),
        (2, job, tmp_path / "x", "--split", "colour"),
        (2, job),
    ):
        done = difxnb("msv4", *wrong)
        assert (done.status, done.out, "Traceback" in done.complaints) == (status, "", False), (wrong, done)
    assert list(tmp_path.iterdir()) == []
