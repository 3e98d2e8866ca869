# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole night on the embedded correlator: one clock is wrong by 3 µs, one station never arrives."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import nbformat
import pytest

from difxnb import aio
from difxnb.clock.search import clock_search
from difxnb.formats.input import read_input
from difxnb.formats.v2d import read_v2d
from difxnb.intensives import IntensiveRun, run_intensive
from difxnb.intensives.run import STEPS
from difxnb.sessions import read_record
from difxnb.synthetic import default_experiment, make_experiment
from difxnb.synthetic.experiment_model import Experiment
from difxnb.visibility import fringe_fit, open_visibilities
from tests.client.peers import own_server

WRONG_S = 3e-6
RECIPE = """\
name = "daily intensive"
schedule = "{root}/demo.vex"
v2d = "{root}/demo.v2d"
directory = "{root}/{{session}}"
newest = 0
wait_s = 0.2
look_s = 0.05

[search]
n = 1

[clocks]
reference = "al"

[report]
notebook = "{root}/own.ipynb"
"""


def experiment() -> Experiment:
    """Four stations; the clock of BO is wrong by 3 µs more than its job knows, and all of them are good otherwise."""
    whole = default_experiment(
        n_stations=4, scan_seconds=2, gap_seconds=2, n_bands=2, bandwidth=0.256e6, weak_snr=40
    )
    al, bo, ce, da = whole.stations
    bo = dataclasses.replace(bo, residual_delay_s=WRONG_S, left_delay_s=0.0, missing=())
    al = dataclasses.replace(al, residual_delay_s=0.0, residual_rate=0.0, invalid=())
    ce = dataclasses.replace(ce, common_power=0.3)
    return dataclasses.replace(whole, stations=(al, bo, ce, da))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("night").resolve()
    make_experiment(root, experiment=experiment(), model="full")
    for path in root.glob("*DA*"):
        path.unlink()
    return root


async def night(root: Path, recipe: Path, session: str) -> IntensiveRun:
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port) as difx:
        run = await run_intensive(difx, recipe, session=session, directory=root / "records" / session)
        assert await run.wait(timeout=100) == "done"
        return run


@pytest.mark.slow
def test_a_night_from_the_schedule_to_the_report(made: Path) -> None:
    """The search finds the clock, a new .v2d has it, the jobs are without the missing station, and all is said."""
    recipe = made / "daily.toml"
    recipe.write_text(RECIPE.format(root=made))
    parameters = nbformat.v4.new_code_cell("job = ''", metadata={"tags": ["parameters"]})
    cells = [parameters, nbformat.v4.new_code_cell("print('made of', job)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), made / "own.ipynb")
    old = (made / "demo.v2d").read_text()
    run = asyncio.run(night(made, recipe, "i26327"))
    frame = run.frame().set_index("step")
    assert frame["state"].tolist() == ["done"] * len(STEPS)
    outputs = frame["outputs"]

    assert [one["station"] for one in outputs["data"]["missing"]] == ["DA"]
    assert "DA not arrived" in frame["why"]["data"]
    late = {one["antenna"]: one for one in outputs["clocks"]["stations"]}
    # A transform of so few channels pulls delays towards zero a little: see default_experiment.
    assert late["BO"]["delay"] == pytest.approx(WRONG_S, abs=5e-3 * WRONG_S + 5 * late["BO"]["delay_error"])

    # What is late is taken out of a clock: new = old - residual, late positive.
    assert (made / "demo.v2d").read_text() == old
    start_s = 6 * 3600 + 1.0
    before, after = (clock_of(path) for path in (made / "demo.v2d", made / "i26327" / "i26327.v2d"))
    moved = after[0] - before[0] + (after[1] - before[1]) * start_s
    assert moved * 1e-6 == pytest.approx(-late["BO"]["delay"], abs=1e-10)
    (path,) = outputs["jobs"]["jobs"]
    assert [one.name for one in read_input(path).telescopes] == ["AL", "BO", "CE"]
    assert outputs["correlate"]["jobs"][0]["state"] == "done"

    # Of what was correlated with that clock, next to nothing is left.
    left = clock_search(fringe_fit(open_visibilities(path).load()), "AL").frame().set_index("antenna")
    assert abs(left["delay"]["BO"]) < 5e-3 * WRONG_S + 5 * left["delay_error"]["BO"]

    assert outputs["quality"]["verdict"] == "go"
    assert {one["antenna"] for one in outputs["quality"]["weights"]} == {"AL", "BO", "CE"}
    report = run.report()
    assert report is not None
    text = report.read_text()
    clock = next(line for line in text.splitlines() if line.startswith("BO  "))
    assert f"moved it by {late['BO']['delay'] * 1e6:+.4f}" in clock
    # Early is positive there, and what is late is added to it.
    assert float(clock.split()[2]) == pytest.approx(-(before[0] + before[1] * (start_s - 1)) + 2.99, abs=0.02)
    assert "DALSUND (DA): no data: not arrived" in text

    assert f"made of {path}" in (run.directory / "i26327_1-notebook.html").read_text()
    files = [Path(one).name for one in outputs["report"]["files"]]
    pages = [f"i26327_1-{end}" for end in ("report.html", "notebook.html", "notebook.ipynb")]
    assert files == ["i26327.ivs.txt", *pages]

    lines = read_record(run.directory)
    assert lines.groupby("step", sort=False)["state"].last().tolist() == ["done"] * len(STEPS)
    assert "BO +2.9" in lines.loc[(lines["step"] == "clocks") & (lines["state"] == "done"), "why"].iloc[0]


def clock_of(path: Path) -> tuple[float, float]:
    """Clock of BO, µs and µs/s, late positive."""
    block = read_v2d(path).antennas["BO"]
    return float(block["clockOffset"]), float(block["clockRate"])
