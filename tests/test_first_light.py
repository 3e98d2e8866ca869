# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job from nothing to fringes, and what its pieces say when fringes are wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from difxnb.first_light import compare, table_of
from difxnb.synthetic.made_before import free_name
from tests.cli.in_process import difxnb_program

pytestmark = pytest.mark.slow

KEYS = {"scan": ["No0001"] * 2, "baseline": ["AA-BB"] * 2, "band": [0, 1], "polarization": ["RR", "RR"]}


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[bool, Path, str]:
    directory = tmp_path_factory.mktemp("first") / "light"
    done = difxnb_program("demo", "--json", "--directory", directory, "--scan-seconds", 2)
    (directory / "printed.json").write_text(done.out)
    return done.status == 0, directory, done.complaints


def test_the_comparison_is_printed_for_programs(demonstration: tuple[bool, Path, str]) -> None:
    answer = json.loads((demonstration[1] / "printed.json").read_text())
    strong = [row for row in answer["rows"] if row["strong"]]
    assert strong
    assert all(row["found"] for row in strong)
    assert answer["attrs"]["figure"] == str(demonstration[1].resolve() / "fringes.png")


def test_every_strong_fringe_is_found(demonstration: tuple[bool, Path, str]) -> None:
    good, _, said = demonstration
    assert good, said
    assert "demo_1 ended: done" in said
    assert "…" not in said.split("Delays (ns")[1].split("strong fringes")[0]


def test_the_dataset_has_everything_that_was_correlated(demonstration: tuple[bool, Path, str]) -> None:
    with xr.open_dataset(
        demonstration[1] / "visibilities.nc", engine="netcdf4", auto_complex=True
    ) as dataset:
        assert dataset["VISIBILITY"].dims == ("time", "baseline", "band", "polarization", "channel")
        assert dataset.sizes["time"] == 4
        assert dataset["VISIBILITY"].dtype == np.complex64
        weights = dataset["WEIGHT"].sel(baseline=["AL-BO", "AL-CE", "BO-CE"])
        assert float(weights.min()) > 0.5
        assert float(weights.min()) < 0.95  # station BO lost frames


def test_the_messages_tell_of_a_whole_job(demonstration: tuple[bool, Path, str]) -> None:
    messages = pd.read_parquet(demonstration[1] / "messages.parquet")
    states = messages.loc[messages["type"] == "DifxStatusMessage", "state"].tolist()
    assert states[0] == "Starting"
    assert states[-1] == "Done"
    assert states.count("Running") == 4


def test_the_figure_is_a_picture(demonstration: tuple[bool, Path, str]) -> None:
    assert (demonstration[1] / "fringes.png").read_bytes().startswith(b"\x89PNG")


def _measured(delays: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {**KEYS, "delay": delays, "delay_error": 1e-9, "snr": 50.0, "reference_frequency": 8.4e9}
    )


TRUTH = pd.DataFrame({**KEYS, "delay": [1e-7, 1e-7], "strong": True})


def test_a_fringe_is_found_within_five_errors_of_the_truth_and_no_further() -> None:
    assert compare(_measured([1.049e-7, 0.951e-7]), TRUTH)["found"].tolist() == [True, True]
    assert compare(_measured([1.051e-7, 0.949e-7]), TRUTH)["found"].tolist() == [False, False]


def test_a_fringe_of_the_wrong_sign_is_not_found() -> None:
    assert not compare(_measured([-1e-7, -1e-7]), TRUTH)["found"].any()


def test_a_fringe_that_was_not_measured_is_missed() -> None:
    comparison = compare(_measured([1e-7, 1e-7]).iloc[:1], TRUTH)
    assert comparison["found"].tolist() == [True, False]
    said = io.StringIO()
    Console(file=said, width=80).print(table_of(comparison))
    assert "off" in said.getvalue()


def test_a_directory_that_exists_is_left_alone(tmp_path: Path) -> None:
    wanted = tmp_path / "demo"
    assert free_name(wanted) == wanted
    wanted.mkdir()
    (tmp_path / "demo-2").touch()
    assert free_name(wanted) == tmp_path / "demo-3"
