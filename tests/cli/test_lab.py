# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb lab``: what JupyterLab is started with, asked of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupyterlab")


def test_jupyterlab_keeps_no_messages_for_closed_pages(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "difxnb", "lab", "--show-config-json", "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path, check=True)
    settings = json.loads(done.stdout[done.stdout.index("{") :])
    assert settings["MappingKernelManager"]["buffer_offline_messages"] is False


def test_a_correlator_in_a_box_comes_and_goes_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "difxnb", "lab", "--demo", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path, check=True)
    _, said, version = done.stdout.splitlines()
    job = Path(said.rpartition(" ")[2])
    assert job.is_relative_to(tmp_path / "difxnb-demo")
    assert job.is_file()
    assert version.split(".")[0].isdigit()
    assert done.stderr == ""
