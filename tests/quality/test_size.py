# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `size`: bytes that are there against records that should be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.input import read_input, write_input
from difxnb.quality.checks.size import check_size
from difxnb.quality.gathering import damage_is_checked, gather
from difxnb.quality.limits import limits_with
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check, Verdict

REFERENCE = Path(__file__).parents[1] / "reference"
LIMITS = limits_with(None)["size"]


def check_of(input_file: Path, running: bool | None = None) -> Check:
    """What the check says of a job; damaged files and doubtful autocorrelations are for others to tell."""
    with damage_is_checked():
        return check_size(gather(input_file, running=running), LIMITS)


def copy(job: str, folder: Path) -> Path:
    """A job with its output, to be changed."""
    shutil.copytree(REFERENCE / job, folder, ignore=shutil.ignore_patterns("*.vdif", "*.FITS"))
    return folder / f"{folder.name}.input"


@pytest.mark.parametrize(
    "job",
    [
        "mpifxcorr-output/alpha_1",
        "mpifxcorr-output/beta_1",  # stitched bands, no autocorrelations of them
        "mpifxcorr-output/zeta_1",  # two phase centres
        "raw-jobs/usb2bit",
        "raw-jobs/lsb1bit",  # two scans with short last integrations
    ],
)
def test_output_of_the_real_correlator_is_as_long_as_expected(job: str) -> None:
    name = job.rpartition("/")[2]
    check = check_of(REFERENCE / job / f"{name}.input")
    assert check.verdict is Verdict.GO
    assert check.value == 1.0


def test_a_job_that_died_wrote_too_little() -> None:
    check = check_of(REFERENCE / "mpifxcorr-output/eta_1/eta_1.input")
    assert check.verdict is Verdict.NO_GO
    (evidence,) = check.evidence.to_dict("records")
    assert evidence["bytes"] / evidence["expected"] == check.value


@pytest.mark.parametrize(
    ("kept", "verdict"), [(0.999, Verdict.GO), (0.9, Verdict.LOOK), (0.5, Verdict.NO_GO)]
)
def test_a_file_that_was_cut(kept: float, verdict: Verdict, tmp_path: Path) -> None:
    input_file = copy("mpifxcorr-output/alpha_1", tmp_path / "alpha_1")
    (swin,) = (tmp_path / "alpha_1/alpha_1.difx").glob("DIFX_*")
    content = swin.read_bytes()
    swin.write_bytes(content[: round(kept * len(content))])
    check = check_of(input_file)
    assert check.verdict is verdict
    assert check.value == pytest.approx(kept, abs=1e-4)


def test_two_runs_in_one_folder_are_worth_a_look(tmp_path: Path) -> None:
    input_file = copy("mpifxcorr-output/alpha_1", tmp_path / "alpha_1")
    (swin,) = (tmp_path / "alpha_1/alpha_1.difx").glob("DIFX_*")
    shutil.copy(swin, swin.with_name(swin.name.replace("043200", "043201")))
    check = check_of(input_file)
    assert (check.verdict, check.value) == (Verdict.LOOK, 2.0)
    assert "more than one run" in check.text


def test_a_running_job_is_judged_by_what_should_be_there_so_far(tmp_path: Path) -> None:
    input_file = copy("mpifxcorr-output/alpha_1", tmp_path / "alpha_1")
    (swin,) = (tmp_path / "alpha_1/alpha_1.difx").glob("DIFX_*")
    material = gather(input_file)
    assert material.dataset is not None
    integrations = material.dataset.sizes["time"]
    swin.write_bytes(swin.read_bytes()[: swin.stat().st_size * 3 // integrations])
    over = check_of(input_file)
    assert over.verdict is Verdict.NO_GO
    running = check_of(input_file, running=True)
    assert (running.verdict, running.value) == (Verdict.GO, 1.0)
    assert "so far" in running.text
    assert np.isclose(over.value, 3 / integrations)


def test_not_applicable_says_why(tmp_path: Path) -> None:
    nothing = check_size(Material(missing_parts={"size": "never run"}), LIMITS)
    assert (nothing.verdict, nothing.text) == (Verdict.NOT_APPLICABLE, "never run")
    pulsar = check_of(REFERENCE / "mpifxcorr-output/epsilon_1/epsilon_1.input")
    assert pulsar.verdict is Verdict.NOT_APPLICABLE
    assert "pulsar" in pulsar.text
    input_file = copy("mpifxcorr-output/alpha_1", tmp_path / "alpha_1")
    input_file.with_suffix(".calc").unlink()
    alone = check_of(input_file)
    assert alone.verdict is Verdict.NOT_APPLICABLE
    assert "calc" in alone.text


def test_a_job_of_no_length_expects_nothing(tmp_path: Path) -> None:
    input_file = copy("mpifxcorr-output/alpha_1", tmp_path / "alpha_1")
    inp = read_input(input_file)
    inp.execute_time = 0
    write_input(inp, input_file, overwrite=True)
    check = check_of(input_file)
    assert check.verdict is Verdict.NOT_APPLICABLE
