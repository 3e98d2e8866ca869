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


def test_it_keeps_no_messages_for_closed_pages_and_has_a_box_beside_it(
    tmp_path: Path, made_before: Path
) -> None:
    command = [sys.executable, "-m", "difxnb", "lab", "--demo", "--show-config-json"]
    environment = os.environ | {PLACE: str(made_before)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=tmp_path, env=environment, check=True
    )
    said, _, settings = done.stdout.partition("{")
    job = Path(said.split()[-1])
    assert job.is_relative_to(tmp_path / "difxnb-demo")
    assert job.is_file()
    assert json.loads("{" + settings)["MappingKernelManager"]["buffer_offline_messages"] is False
