# SPDX-License-Identifier: GPL-3.0-or-later
"""A session over the network: what the server has under a name, this machine has not."""

from __future__ import annotations

from pathlib import Path

import pytest

import difxnb
from difxnb.intensives import Recipe
from difxnb.intensives.recipe import ReportRecipe
from difxnb.synthetic import default_experiment

HERE = Path("/proc/self/cwd")
"""A name that means something else to every process: what a server has there, its clients do not."""

pytestmark = pytest.mark.skipif(not HERE.exists(), reason="needs /proc")


@pytest.mark.slow
def test_results_of_a_server_elsewhere_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, here = tmp_path.resolve() / "box", tmp_path.resolve() / "here"
    box.mkdir()
    here.mkdir()
    experiment = default_experiment(
        n_stations=2, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    recipe = Recipe(
        name="far",
        schedule=f"{HERE}/jobs/demo.vex",
        v2d=f"{HERE}/jobs/demo.v2d",
        directory=f"{HERE}/jobs/{{session}}",
        newest=0,
        look_s=0.01,
        report=ReportRecipe(html=False),
    )
    monkeypatch.chdir(box)  # where the server stays
    with difxnb.demo(box / "jobs", experiment=experiment, model="full") as difx:
        monkeypatch.chdir(here)
        run = difx.intensive(recipe, session="one", directory=here / "record")
        assert run.wait(timeout=90) == "done"
        fetched = sorted(path.name for path in (here / "record" / "fetched").rglob("*.difx"))
        assert fetched == ["one-search_1.difx", "one_1.difx"]
        report = run.report()
        assert report is not None
        assert report.is_relative_to(here / "record")
        assert run.frame().set_index("step")["outputs"]["jobs"]["jobs"] == [f"{HERE}/jobs/one/one_1.input"]
