# SPDX-License-Identifier: GPL-3.0-or-later
"""A job gives its own visibilities: where they are, or fetched from a machine that has them elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import difxnb
from difxnb.errors import RemoteFileNotFound, VisibilitiesNotFound
from difxnb.synthetic import small_experiment
from difxnb.visibility import fringe_fit, open_visibilities, reopen

HERE = Path("/proc/self/cwd")
"""A name that means something else to every process: what a server has there, its clients do not."""

pytestmark = pytest.mark.skipif(not HERE.exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def difx(tmp_path_factory):
    box = tmp_path_factory.mktemp("box")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.chdir(box)  # where the server stays
        with difxnb.demo(box / "jobs", experiment=small_experiment()) as difx:
            patch.chdir(elsewhere)
            yield difx


@pytest.fixture(scope="module")
def ended(difx):
    job = difx.job(difx.experiment.input_file)
    with pytest.raises(VisibilitiesNotFound, match="was the job run"):
        job.visibilities()
    run = job.start(monitor=True)
    assert run.wait(timeout=60, progress=False, while_waiting=look_at_a_running_job) == "done"
    return run


def look_at_a_running_job(run):
    if Path(run.job.input_file).with_suffix(".difx").is_dir():
        dataset = run.job.visibilities()
        assert dataset.encoding["difx"]["growing"] or run.done
        assert dataset.sizes["time"] <= dataset.difx.refresh().sizes["time"]


def test_files_on_this_machine_are_opened_in_place(difx, ended):
    dataset = ended.job.visibilities()
    assert dataset.attrs["input_file"] == str(difx.experiment.input_file)
    assert not dataset.encoding["difx"]["growing"]
    xr.testing.assert_identical(dataset.load(), open_visibilities(ended.job).load())
    fringes = fringe_fit(dataset)
    strong = difx.truth[difx.truth["strong"]]
    both = strong.merge(fringes, on=["scan", "baseline", "band", "polarization"], suffixes=("_truth", ""))
    assert len(both) == len(strong) > 0
    assert ((both["delay"] - both["delay_truth"]).abs() < 5 * both["delay_error"]).all()


def test_files_elsewhere_are_fetched(difx, ended, tmp_path):
    job = difx.job(str(HERE / "jobs" / Path(ended.job.input_file).name))
    with pytest.raises(VisibilitiesNotFound, match=r"not under that name on this machine; .*directory="):
        job.visibilities()
    received = []
    dataset = job.visibilities(tmp_path / "new" / "copy", progress=lambda *so_far: received.append(so_far))
    assert received[-1][0] == received[-1][1] > 0
    names = {path.suffix for path in (tmp_path / "new" / "copy").iterdir()}
    assert {".input", ".calc", ".im", ".difx", ".difxlog"} <= names
    original = ended.job.visibilities().load()
    for name in original.variables:
        np.testing.assert_array_equal(dataset[name].values, original[name].values, err_msg=name)
    assert str(tmp_path) in dataset.attrs["files"]
    xr.testing.assert_identical(reopen(dataset).load(), dataset)


def test_nothing_is_overwritten_unless_asked(difx, ended, tmp_path):
    job = difx.job(str(HERE / "jobs" / Path(ended.job.input_file).name))
    mine = tmp_path / Path(ended.job.input_file).name
    mine.write_text("precious")
    with pytest.raises(FileExistsError):
        job.visibilities(tmp_path, progress=False)
    assert mine.read_text() == "precious"
    assert (
        job.visibilities(tmp_path, overwrite=True, progress=False, chunks={})["VISIBILITY"].chunks is not None
    )
    assert mine.read_text() != "precious"


def test_a_job_that_is_not_there(difx):
    with pytest.raises(RemoteFileNotFound):
        difx.job("/nowhere/x_1.input").visibilities()
