# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb lab``: what JupyterLab is started with, asked of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from difxnb.synthetic import _file_names, default_experiment
from difxnb.synthetic.made_before import PLACE
from difxnb.synthetic.truth import write_truth

pytest.importorskip("jupyterlab")


def test_jupyterlab_keeps_no_messages_for_closed_pages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "difxnb", "lab", "--show-config-json", "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path, check=True)
    settings = json.loads(done.stdout[done.stdout.index("{") :])
    assert settings["MappingKernelManager"]["buffer_offline_messages"] is False


@pytest.fixture
def made_before(tmp_path: Path) -> Path:
    """The demonstration with nothing on its recordings, which take seconds to make."""
    experiment, folder = default_experiment(), tmp_path / "before"
    folder.mkdir()
    names = _file_names(experiment)
    write_truth(experiment, names, folder, complete=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_correlator_in_a_box_comes_and_goes_with_it(tmp_path: Path, made_before: Path) -> None:
    command = [sys.executable, "-m", "difxnb", "lab", "--demo", "--version"]
    environment = os.environ | {PLACE: str(made_before)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=tmp_path, env=environment, check=True
    )
    _, said, version = done.stdout.splitlines()
    job = Path(said.rpartition(" ")[2])
    assert job.is_relative_to(tmp_path / "difxnb-demo")
    assert job.is_file()
    assert version.split(".")[0].isdigit()
    assert done.stderr == ""
