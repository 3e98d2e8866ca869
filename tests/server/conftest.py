# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that several files of tests use: made once, copied for each test."""

import shutil

import pytest

from difxnb.formats.machines import write_machines, write_threads
from tests.server.made_jobs import MadeJob


@pytest.fixture(scope="session")
def short_job(tmp_path_factory):
    """Five integrations of 0.2 s, two antennas, two bands."""
    made = MadeJob(frame_samples=800, bands=((8400.0, "U"), (8410.0, "U")), channels=32)
    return _with_machines(made.write(tmp_path_factory.mktemp("short"), made.codes()))


@pytest.fixture(scope="session")
def long_job(tmp_path_factory):
    """Thousands of integrations: some ten seconds of work, for those who want to interrupt it."""
    made = MadeJob(bandwidth=0.064, frame_samples=160, seconds=100, int_time=0.02, subint_ns=20_000_000)
    return _with_machines(made.write(tmp_path_factory.mktemp("long"), made.codes()))


def _with_machines(path):
    write_machines(["localhost"] * 4, path.with_suffix(".machines"))
    write_threads([1], path.with_suffix(".threads"))
    return path


@pytest.fixture
def short(short_job, tmp_path):
    return _copy(short_job, tmp_path)


@pytest.fixture
def long(long_job, tmp_path):
    return _copy(long_job, tmp_path)


def _copy(job, tmp_path):
    shutil.copytree(job.parent, tmp_path / "exp")
    return tmp_path / "exp" / "job.input"
