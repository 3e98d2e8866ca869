# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb lab``: what JupyterLab is started with, asked of itself, and the correlator in a box beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from difxnb.synthetic import _file_names, default_experiment
from difxnb.synthetic.job_files import write_job_files
from difxnb.synthetic.made_before import PLACE
from difxnb.synthetic.sky import delay_model
from difxnb.synthetic.truth import write_truth

# In place of JupyterLab, whose own start takes ten seconds: it says what it was given, and whether that leads anywhere.
STAND_IN = """\
import os, socket, sys
address = os.environ["DIFX_CONTROL_HOST"], int(os.environ["DIFX_CONTROL_PORT"])
with socket.create_connection(address, timeout=60):
    print("reached", *sys.argv[1:])
"""


def test_jupyterlab_keeps_no_messages_for_closed_pages(tmp_path: Path) -> None:
    pytest.importorskip("jupyterlab")
    command = [sys.executable, "-m", "difxnb", "lab", "--show-config-json", "--no-browser"]
    alone = os.environ | {"JUPYTER_NO_CONFIG": "1"}  # without extensions, which take seconds to load
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=tmp_path, env=alone, check=True
    )
    settings = json.loads(done.stdout[done.stdout.index("{") :])
    assert settings["MappingKernelManager"]["buffer_offline_messages"] is False


@pytest.fixture
def made_before(tmp_path: Path) -> Path:
    """The demonstration with nothing on its recordings, which take seconds to make."""
    experiment, folder = default_experiment(), tmp_path / "before"
    folder.mkdir()
    names = _file_names(experiment)
    write_job_files(experiment, delay_model(experiment), folder)
    write_truth(experiment, names, folder, complete=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_correlator_in_a_box_comes_and_goes_with_it(tmp_path: Path, made_before: Path) -> None:
    stand_in = tmp_path / "programs" / "jupyterlab"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "__main__.py").write_text(STAND_IN)
    command = [sys.executable, "-m", "difxnb", "lab", "--demo", "--port", "8889"]
    paths = os.pathsep.join(filter(None, [str(stand_in.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        env=os.environ | {PLACE: str(made_before), "PYTHONPATH": paths},
        check=True,
    )
    _, said, reached = done.stdout.splitlines()
    job = Path(said.rpartition(" ")[2])
    assert job.is_relative_to(tmp_path / "difxnb-demo")
    assert job.is_file()
    assert reached.startswith("reached --MappingKernelManager.")
    assert reached.endswith(" --port 8889")
    assert done.stderr == ""
