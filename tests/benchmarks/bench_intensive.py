# SPDX-License-Identifier: GPL-3.0-or-later
"""An unattended session against the same work by hand: ``python tests/benchmarks/bench_intensive.py [--seconds 4]``.

Both correlate one experiment of four stations on the embedded correlator, one of them with a clock that is wrong by
3 us: jobs of one scan, clock search, a new .v2d, jobs of all scans, quality and report. By hand each call follows the
one before at once; the session asks, waits, records and resumes. Printed are the seconds of both, and of each step.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import xarray as xr

import difxnb
from difxnb.boxed import DemoCorrelator
from difxnb.sessions import read_record
from difxnb.synthetic import default_experiment
from difxnb.synthetic.experiment_model import Experiment
from difxnb.visibility import fringe_fit

RECIPE = """\
name = "by itself"
schedule = "{root}/demo.vex"
v2d = "{root}/demo.v2d"
directory = "{root}/by-itself"
newest = 0
wait_s = 0.2
look_s = 0.05

[search]
n = 1

[clocks]
reference = "al"
"""


def experiment(seconds: int) -> Experiment:
    """Two scans of so many seconds each."""
    whole = default_experiment(
        n_stations=4, scan_seconds=seconds, gap_seconds=2, n_bands=2, bandwidth=0.256e6, weak_snr=40
    )
    al, bo, *others = whole.stations
    al = dataclasses.replace(al, residual_delay_s=0.0, residual_rate=0.0, invalid=())
    bo = dataclasses.replace(bo, residual_delay_s=3e-6, left_delay_s=0.0, missing=())
    return dataclasses.replace(whole, stations=(al, bo, *others))


def by_hand(difx: DemoCorrelator, root: Path) -> None:
    """What an operator would type."""
    folder = root / "by-hand"
    folder.mkdir()
    shutil.copy(root / "demo.vex", folder)
    scan = str(difxnb.read_vex(root / "demo.vex").scans()["scan"].iloc[0])
    difxnb.read_v2d(root / "demo.v2d").only_scans([scan]).write(folder / "search.v2d")
    solution = difxnb.clock_search(fringe_fit(correlated(difx, folder / "search.v2d")), "AL")
    shutil.copy(root / "demo.v2d", folder / "all.v2d")
    solution.edits(v2d=folder / "all.v2d").write(overwrite=True)
    visibilities = correlated(difx, folder / "all.v2d")
    difxnb.check_quality(visibilities)
    difxnb.report(visibilities, folder / "all.html")


def correlated(difx: DemoCorrelator, v2d: Path) -> xr.Dataset:
    """Visibilities of the one job of an order."""
    (path,) = difx.make_jobs(v2d)["input"]
    job = difx.job(path)
    assert job.start().wait(progress=False) == "done"
    return job.visibilities()


def by_itself(difx: DemoCorrelator, root: Path) -> list[tuple[str, float]]:
    """A session, and the seconds of its steps."""
    recipe = root / "recipe.toml"
    recipe.write_text(RECIPE.format(root=root))
    run = difx.intensive(recipe, session="i1", directory=root / "record")
    assert run.wait() == "done", run
    times = read_record(run.directory).groupby("step", sort=False)["at"]
    return [(str(step), took.total_seconds()) for step, took in (times.max() - times.min()).items()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4, help="length of a scan")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "demo"
        with difxnb.demo(root, experiment=experiment(seconds), model="full") as difx:
            begin = time.monotonic()
            by_hand(difx, root)
            hand = time.monotonic() - begin
            steps = by_itself(difx, root)
            itself = time.monotonic() - begin - hand
    print(f"by hand   {hand:6.2f} s")
    print(f"by itself {itself:6.2f} s, {itself / hand:.2f} of it")
    for step, took in steps:
        print(f"  {step:<17} {took:6.2f} s")


if __name__ == "__main__":
    main()
