# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb correlate``: a job without a server."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.program import app, errors_in_one_line

if TYPE_CHECKING:
    from difxnb.server.engine.embedded import CorrelationSummary


@app.command(short_help="Correlate a job without a server.")
def correlate(
    input_file: Annotated[Path, typer.Argument(metavar="JOB.input", help="The job, as DiFX wrote it.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Move existing output aside first.")] = False,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Processor cores to use. Default: as the .threads file asks.")
    ] = None,
) -> None:
    """Correlate a DiFX job with the embedded correlator, without a server. Ctrl-C ends it after a whole integration.

    difxnb correlate exp_1.input --cores 4
    """
    from tqdm import tqdm

    from difxnb.server.engine.embedded import correlate as run_correlator
    from difxnb.server.engine.embedded import open_job

    stop = threading.Event()
    with errors_in_one_line():
        total = open_job(input_file).n_integrations
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        with tqdm(total=total, unit="int", desc=input_file.stem, disable=None) as bar:

            def count(_: object) -> None:
                bar.update()

            summary = run_correlator(
                input_file, overwrite=overwrite, cores=cores, stop=stop, on_integration=count
            )
    print(_sentence(input_file.stem, summary))
    for note in summary.notes:
        print(f"note: {note}")
    if summary.stopped:
        raise typer.Exit(130)  # what a shell reports for a program that Ctrl-C ended


def _sentence(job: str, summary: CorrelationSummary) -> str:
    how = "stopped after" if summary.stopped else "done:"
    moved = f"; the earlier output is now {summary.moved_aside}" if summary.moved_aside else ""
    return (
        f"{job} {how} {summary.integrations} integrations, {summary.records} records,"
        f" {summary.observed_seconds:g} s of data in {summary.wall_seconds:.1f} s: {summary.output}{moved}"
    )
