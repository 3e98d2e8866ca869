# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb correlate``: a job without a server."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import Json
from difxnb.cli.printed import print_json
from difxnb.cli.program import INTERRUPTED, app, errors_in_one_line
from difxnb.errors import OutputExists

if TYPE_CHECKING:
    from difxnb.server.engine.embedded import CorrelationSummary, EmbeddedJob


@app.command(short_help="Correlate a job without a server.")
def correlate(
    input_file: Annotated[Path, typer.Argument(metavar="JOB.input", help="The job, as DiFX wrote it.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Move existing output aside first.")] = False,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Processor cores to use. Default: as the .threads file asks.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be correlated, and do nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Correlate a DiFX job with the embedded correlator, without a server. Ctrl-C ends it after a whole integration.

    difxnb correlate exp_1.input --cores 4
    """
    from tqdm import tqdm

    from difxnb.server.engine.embedded import correlate as run_correlator
    from difxnb.server.engine.embedded import open_job

    stop = threading.Event()
    with errors_in_one_line():
        opened = open_job(input_file)
        total = opened.n_integrations
        if dry_run:
            _say_plan(input_file, opened, overwrite=overwrite, as_json=as_json)
            return
        with (
            _interrupted_by(stop),
            tqdm(total=total, unit="int", desc=input_file.stem, disable=None) as bar,
        ):

            def count(_: object) -> None:
                bar.update()

            summary = run_correlator(
                input_file, overwrite=overwrite, cores=cores, stop=stop, on_integration=count
            )
    if as_json:
        print_json({"job": input_file.stem, "done": not summary.stopped, **_data(summary)})
    else:
        print(_sentence(input_file.stem, summary))
        for note in summary.notes:
            print(f"note: {note}")
    if summary.stopped:
        raise typer.Exit(INTERRUPTED)


@contextmanager
def _interrupted_by(stop: threading.Event) -> Iterator[None]:
    """Have Ctrl-C set `stop`, and nothing else."""
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say_plan(input_file: Path, job: EmbeddedJob, *, overwrite: bool, as_json: bool) -> None:
    """Say what would be done; OutputExists where it would be refused."""
    output, total = job.output_file.parent, job.n_integrations
    if output.exists() and not overwrite:
        raise OutputExists(f"{output} exists; overwrite=True moves it aside")
    if as_json:
        print_json({"job": input_file.stem, "done": False, "integrations": total, "output": output})
        return
    aside = f", and move what is in {output} aside" if output.exists() else ""
    print(f"would correlate {total} integrations of {input_file}{aside}")


def _data(summary: CorrelationSummary) -> dict[str, Any]:
    names = (
        "stopped",
        "integrations",
        "records",
        "observed_seconds",
        "wall_seconds",
        "output",
        "moved_aside",
    )
    return {**{name: getattr(summary, name) for name in names}, "notes": list(summary.notes)}


def _sentence(job: str, summary: CorrelationSummary) -> str:
    how = "stopped after" if summary.stopped else "done:"
    moved = f"; the earlier output is now {summary.moved_aside}" if summary.moved_aside else ""
    return (
        f"{job} {how} {summary.integrations} integrations, {summary.records} records,"
        f" {summary.observed_seconds:g} s of data in {summary.wall_seconds:.1f} s: {summary.output}{moved}"
    )
