# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator in a box: it comes up, ends with its object, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import OutputExists, ServerNotStarted
from difxnb.notebook import Correlator
from difxnb.server.child import ServerProcess
from difxnb.synthetic import bad_experiment, small_experiment

pytestmark = pytest.mark.slow


@pytest.fixture
def small() -> object:
    return small_experiment()


def test_a_box_is_a_correlator_with_a_job_in_it(tmp_path: Path, small: object) -> None:
    with difxnb.demo(tmp_path / "box", experiment=small) as difx:
        assert isinstance(difx, Correlator)
        assert "demo_1.input" in difx.ls(difx.experiment.directory)["name"].tolist()
        run = difx.job(difx.experiment.input_file).start(monitor=True)
        assert run.wait(timeout=60, progress=False) == "done"
        assert set(run.monitor.fringes["baseline"]) == set(difx.truth["baseline"])
    assert difx.closed
    assert not difx._server.running
    assert (tmp_path / "box" / "demo_1.input").exists()


def test_a_box_can_have_a_fault(tmp_path: Path, small: object) -> None:
    with difxnb.demo(tmp_path / "box", fault="RFI line", seed=3) as difx:
        assert difx.experiment.experiment == bad_experiment("RFI line", seed=3)
    with pytest.raises(ValueError, match="not both"):
        difxnb.demo(tmp_path / "other", experiment=small, fault="RFI line")
    with pytest.raises(ValueError, match="no fault 'rain'"):
        difxnb.demo(tmp_path / "other", fault="rain")
    assert not (tmp_path / "other").exists()


def test_its_temporary_directory_goes_with_it(small: object) -> None:
    difx = difxnb.demo(experiment=small)
    directory = difx.experiment.directory
    assert directory.is_dir()
    difx.close()
    difx.close()  # twice is harmless
    del difx
    assert not directory.exists()


def test_the_server_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom difxnb.server.child import ServerProcess\n"
        f"server = ServerProcess(Path({str(tmp_path)!r}))\nprint(server._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
    with subprocess.Popen(["tail", f"--pid={server}", "-f", "/dev/null"]) as waiting:
        assert waiting.wait(timeout=30) == 0


def test_a_box_forgotten_with_a_job_goes_with_the_interpreter(tmp_path: Path) -> None:
    program = (
        "import difxnb\nfrom difxnb.synthetic import bad_experiment, small_experiment\n"
        "difx = difxnb.demo(experiment=small_experiment())\n"
        "run = difx.job(difx.experiment.input_file).start()\n"
        "print(difx.experiment.directory, difx._server._process.pid)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment
    )
    # A start that takes long on a busy machine shows a bar.
    said = [line for line in done.stderr.splitlines() if line and "start of " not in line]
    assert (done.returncode, said) == (0, [])
    directory, server = done.stdout.split()
    with subprocess.Popen(["tail", f"--pid={server}", "-f", "/dev/null"]) as waiting:
        assert waiting.wait(timeout=30) == 0
    assert not Path(directory).exists()
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_not_touched(tmp_path: Path, small: object) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputExists):
        difxnb.demo(tmp_path, experiment=small)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerNotStarted, match="quirk"):
        ServerProcess(tmp_path, quirks="no-such-quirk")


def test_a_box_has_recorders_with_its_recordings(tmp_path: Path, small: object) -> None:
    with difxnb.demo(tmp_path / "box", experiment=small) as difx:
        assert difx.recorder("mark5fx01").modules()["vsn"].tolist() == ["DEMO+001", "DEMO+002"]
        directory = difx.recorder("mark5fx01").directory("DEMO+001")
        assert (directory["format"] == "VDIF").all()
        assert not directory.empty
        assert difx.recorder("mark5fx02").modules()["recorder"].tolist() == ["mark5fx02"] * 2


def test_a_job_made_again_of_the_full_model_shows_the_same_fringes(tmp_path: Path, small: object) -> None:
    with difxnb.demo(tmp_path / "box", experiment=small, model="full") as difx:
        folder = difx.experiment.directory
        v2d = difxnb.read_v2d(folder / "demo.v2d").text
        made = difx.new_experiment(str(folder / "again"), vex=str(folder / "demo.vex"), v2d=v2d)
        job = difx.job(made["input"][0])
        assert job.start().wait(timeout=60, progress=False) == "done"
        found = difxnb.fringe_fit(job.visibilities())
        both = found.merge(
            difx.truth, on=["scan", "baseline", "band", "polarization"], suffixes=("", "_truth")
        )
        strong = both[both["snr"] > 20]
        assert len(strong) > 10
        assert (abs(strong["delay"] - strong["delay_truth"]) < 5 * strong["delay_error"]).all()
