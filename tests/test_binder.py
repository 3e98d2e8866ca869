# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that Binder builds from, without its network: ``tests/binder_build.py`` does all of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from tests.binder_build import ASK, OPENED

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"
# In place of pip, which wants a network: it writes down what it is asked for.
_PIP = "import pathlib, sys\npathlib.Path('asked-of-pip').write_text(' '.join(sys.argv[1:]))\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where ``postBuild`` was run, by a Python of its own that sees what is installed here."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(BINDER, folder / "binder")
    venv.create(folder / "environment", symlinks=True)
    packages = next((folder / "environment" / "lib").glob("python*/site-packages"))
    (packages / "here.pth").write_text(
        "\n".join(f"import site; site.addsitedir({one!r})" for one in site.getsitepackages())
    )
    (packages / "pip.py").write_text(_PIP)
    subprocess.run(["binder/postBuild"], cwd=folder, env=surroundings(folder), check=True)
    return folder


def surroundings(folder: Path) -> dict[str, str]:
    """Variables of a user who has nothing set."""
    return {"HOME": str(folder), "PATH": f"{folder}/environment/bin:{os.environ['PATH']}"}


def test_it_installs_what_the_lock_holds() -> None:
    lines = [
        line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")
    ]
    assert [(BINDER / line.removeprefix("-r ")).resolve() for line in lines] == [ROOT / "requirements.lock"]
    pins = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    assert [pin for pin in pins if "==" in pin and "--hash=" not in pin] == []


def test_its_python_is_one_that_the_project_takes() -> None:
    named = (BINDER / "runtime.txt").read_text().strip()
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f">={named.removeprefix('python-')}" == oldest


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_programs_are_programs(name: str) -> None:
    assert os.access(BINDER / name, os.X_OK)
    subprocess.run(["bash", "-n", BINDER / name], check=True)


def test_start_becomes_what_it_is_given(tmp_path: Path) -> None:
    """The same process, with arguments as they were."""
    tell = "import os, sys; print(os.getpid(), os.environ['DIFXNB_DEMO_DATA'], sys.argv[1:], sep='\\n')"
    command = [BINDER / "start", sys.executable, "-c", tell, "two words", "*", ""]
    with subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE) as program:
        told, _ = program.communicate(timeout=60)
    assert told.splitlines() == [
        str(program.pid),
        str(tmp_path / "difxnb-demo-made"),
        "['two words', '*', '']",
    ]


def test_the_project_is_installed_without_asking_for_more(checkout: Path) -> None:
    asked = (checkout / "asked-of-pip").read_text().split()
    assert asked[0] == "install"
    assert {"--no-deps", "--no-build-isolation", "--editable", "."} <= set(asked)


def test_recordings_are_made_beforehand(checkout: Path) -> None:
    made = {path.name for path in (checkout / "difxnb-demo-made").iterdir()}
    assert "demo_1.input" in made


def test_the_server_opens_the_first_notebook_and_keeps_no_frames(checkout: Path) -> None:
    command = ["binder/start", "python", "-c", ASK]
    told = subprocess.run(
        command, cwd=checkout, env=surroundings(checkout), check=True, capture_output=True, text=True
    )
    assert json.loads(told.stdout.splitlines()[-1]) == [False, f"/lab/tree/{OPENED}"]
    assert (ROOT / OPENED).is_file()
    settings = checkout / "environment" / "etc" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    assert (
        json.loads(settings.read_text())["@jupyterlab/apputils-extension:notification"]["fetchNews"]
        == "false"
    )
