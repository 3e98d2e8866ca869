# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: from nothing to fringes, through guiServer's own protocol, compared with what was put in.

Makes an experiment, starts a server, connects, checks the job, sets its machines, runs it with the live monitor,
fits the fringes of the live data and lays them beside the truth. Leaves a figure, a dataset and a table of messages.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from difxnb.boxed import DemoCorrelator, demo
from difxnb.plots import fringe_figure
from difxnb.synthetic import default_experiment
from difxnb.synthetic.made_before import free_name
from difxnb.visibility import open_visibilities, save_netcdf
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.notebook import JobRun

TOLERANCE = 5.0  # a strong fringe may differ from the truth by this many of its stated errors
_FIT_SECONDS = 2.0
_KEY = ["scan", "baseline", "band", "polarization"]


@dataclass(frozen=True)
class Results:
    """Where the results of one run are."""

    figure: Path
    visibilities: Path
    messages: Path


def _tell_nobody(comparison: pd.DataFrame, results: Results) -> None:
    """Leave it to what is printed."""


def first_light(
    directory: Path,
    *,
    keep: bool = False,
    seed: int = 1,
    scan_seconds: int = 4,
    quirks: str | None = None,
    console: Console | None = None,
    on_results: Callable[[pd.DataFrame, Results], None] = _tell_nobody,
) -> bool:
    """Run the whole demonstration.

    Parameters
    ----------
    directory : Path
        Where everything goes; when it exists already, a free name beside it is taken.
    keep : bool
        Leave the server running at the end, until interrupted.
    seed, scan_seconds : int
        Of the experiment.
    quirks : str, optional
        Faults of a real server that ours shall show.
    console : rich Console, optional
        Where to print.
    on_results : callable, optional
        Called with what `compare` found, and where the results are, once they are written.

    Returns
    -------
    bool
        Whether the job went well and every strong fringe was found within `TOLERANCE` of its errors.
    """
    console = console or Console()
    directory = free_name(directory)
    console.print(f"Making an experiment in [bold]{directory}/experiment[/] …")
    experiment = default_experiment(seed=seed, scan_seconds=scan_seconds)
    with demo(directory / "experiment", seed=seed, experiment=experiment, quirks=quirks) as difx:
        console.print(
            f"A correlator ({difx.server.version}) listens on 127.0.0.1 port {difx.port}", highlight=False
        )
        run = _run_job(difx, console)
        good = run.outcome is JobOutcome.DONE
        console.print(f"{run.job.name} ended: [bold]{run.outcome}[/]")
        assert run.monitor is not None
        if not run.monitor.dataset.sizes["time"]:
            console.print(
                "The monitor saw no data. What was said of the job:", run.events.to_string(), sep="\n"
            )
            return False
        comparison = compare(run.monitor.fringes, difx.truth)
        console.print(table_of(comparison))
        results = write_results(difx, run.monitor.dataset, run.monitor.fringes, directory)
        on_results(comparison, results)
        run.monitor.close()
        good = good and _verdict(comparison, console)
        _say_what_next(difx, results, console)
        if keep:
            _stay(difx, console)
    return good


def _run_job(difx: DemoCorrelator, console: Console) -> JobRun:
    job = difx.job(difx.experiment.input_file)
    n_datastreams = len(job.input.datastreams)
    # guiServer gives the head node one thread less than asked for: one is left to the manager.
    threads = (os.cpu_count() or 1) + 1
    job.set_machines(
        head_node="localhost", datastreams=["localhost"] * n_datastreams, processors={"localhost": threads}
    )
    findings = job.check()
    console.print(f"{job.name}: configuration check: {'; '.join(findings['text']) or 'no findings'}")
    run = job.start(monitor=True)
    with _progress(console) as progress:
        task = progress.add_task(job.name, total=1.0, weights="", snr="")
        run.wait(timeout=600.0, while_waiting=_Look(progress, task))
    return run


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[weights]}"),
        TextColumn("{task.fields[snr]}"),
        console=console,
    )


class _Look:
    """Show a run on a progress bar: how far it is, the latest weights, and now and then the best SNR so far."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._next_fit = 0.0
        self._snr = ""

    def __call__(self, run: JobRun) -> None:
        weights = run.latest_weights.values()
        text = "weights " + " ".join(f"{w:.2f}" for w in weights) if weights else ""
        # Fitting takes a core from the correlator, which is on the same machine here.
        if time.monotonic() >= self._next_fit and run.monitor is not None:
            snr = run.monitor.fringes["snr"]
            self._snr = f"SNR {snr.max():.0f}" if snr.notna().any() else ""
            self._next_fit = time.monotonic() + _FIT_SECONDS
        self._progress.update(self._task, completed=run.progress, weights=text, snr=self._snr)


def compare(fringes: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Lay measured fringes beside expected ones.

    Parameters
    ----------
    fringes : DataFrame
        As `Monitor.fringes` gives it.
    truth : DataFrame
        As `DemoCorrelator.truth` gives it.

    Returns
    -------
    DataFrame
        One row per expected fringe: ``scan baseline band polarization expected_delay strong reference_frequency snr
        delay delay_error difference found`` (s, Hz). It is found when it was measured and differs by at most
        `TOLERANCE` of its stated errors.
    """
    expected = truth[[*_KEY, "delay", "strong"]].rename(columns={"delay": "expected_delay"})
    measured = fringes[[*_KEY, "reference_frequency", "snr", "delay", "delay_error"]]
    both = expected.merge(measured, on=_KEY, how="left")
    both["difference"] = both["delay"] - both["expected_delay"]
    both["found"] = both["difference"].abs() <= TOLERANCE * both["delay_error"]
    return both


def table_of(comparison: pd.DataFrame) -> Table:
    """The parallel hands of a comparison as a table for a terminal of 80 columns; delays in ns."""
    table = Table(
        title="Delays (ns; positive: the second antenna is late)",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("scan", "baseline", "MHz", "pol"):
        table.add_column(name, no_wrap=True)
    for name in ("SNR", "delay", "put in", "diff", "error", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for row in comparison.to_dict("records"):
        if row["polarization"][0] == row["polarization"][1]:
            table.add_row(*_cells(row))
    return table


def _cells(row: Mapping[Hashable, Any]) -> Iterator[str]:
    yield from (row["scan"], row["baseline"], f"{row['reference_frequency'] / 1e6:.1f}", row["polarization"])
    yield f"{row['snr']:.0f}"
    for name in ("delay", "expected_delay", "difference", "delay_error"):
        yield f"{row[name] * 1e9:{'+' if name == 'difference' else ''}.1f}"
    yield "ok" if row["found"] else ("[red]off[/]" if row["strong"] else "weak")


def _verdict(comparison: pd.DataFrame, console: Console) -> bool:
    strong = comparison[comparison["strong"]]
    missed = strong[~strong["found"]]
    console.print(
        f"{len(strong) - len(missed)} of {len(strong)} strong fringes (all four products) are within"
        f" {TOLERANCE:.0f} of their stated errors of the delay that was put in."
    )
    for row in missed.to_dict("records"):
        console.print("[red]missed or off:[/]", *(row[name] for name in _KEY))
    return len(strong) > 0 and missed.empty


def write_results(difx: DemoCorrelator, live: xr.Dataset, fringes: pd.DataFrame, directory: Path) -> Results:
    """Write the figure of the live data, the correlated data as netCDF, and all messages as Parquet."""
    results = Results(
        directory / "fringes.png", directory / "visibilities.nc", directory / "messages.parquet"
    )
    fringe_figure(live, fringes=fringes).savefig(results.figure, dpi=120)
    save_netcdf(correlated_dataset(difx.experiment.input_file), results.visibilities)
    difx.messages.save(results.messages)
    return results


def correlated_dataset(input_file: Path) -> xr.Dataset:
    """All visibilities that a finished job has written, with their weights."""
    return open_visibilities(input_file).load()


def _say_what_next(difx: DemoCorrelator, results: Results, console: Console) -> None:
    console.print(
        f"\nWritten: {results.figure}\n         {results.visibilities}\n         {results.messages}\n\n"
        "Look at them in Python:\n"
        f'  import xarray as xr; xr.open_dataset("{results.visibilities}", engine="netcdf4", auto_complex=True)\n'
        f'  import pandas as pd; pd.read_parquet("{results.messages}")\n'
        "Open the notebooks:            ./run lab\n"
        "Keep the correlator running:   ./run demo --keep    (or: difxnb demo --keep)",
        soft_wrap=True,
        highlight=False,
    )


def _stay(difx: DemoCorrelator, console: Console) -> None:
    look = f"import difxnb; d = difxnb.connect('127.0.0.1', {difx.port}); print(d.jobs.frame())"
    console.print(
        f'\nThe server stays. In another terminal:\n  {sys.executable} -c "{look}"\nCtrl-C ends it.',
        soft_wrap=True,
        highlight=False,
    )
    try:
        difx.wait_for_server()
    except KeyboardInterrupt:
        console.print("ending the server")
