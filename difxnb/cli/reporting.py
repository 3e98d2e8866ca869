# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb report``: a job as one page of HTML, a session as the text that the IVS publishes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.at_hand import JobHere, at_hand
from difxnb.cli.connection import USUAL, DryRun, Json, Server
from difxnb.cli.printed import print_json, say
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    import xarray as xr


@app.command(short_help="Write a report on a job or a session.")
def report(
    job: JobHere,
    html: Annotated[
        bool, typer.Option("--html", help="One page with everything in it; this is the default.")
    ] = False,
    ivs: Annotated[
        bool, typer.Option("--ivs", help="The correlator report of the IVS: of a job, or a session's folder.")
    ] = False,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="A page made by running a notebook, which is left beside it.")
    ] = False,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of --notebook: one of yours, whose parameters name a job."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to write. Default: JOB-report.html (JOB-notebook.html) here; --ivs prints its text.",
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Of --ivs: a value of the header, as CORREL=WACO."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Write a report on a job: verdicts, fringes, clocks, pictures; or that of a correlator on a session.

    difxnb report exp_1.input

    difxnb report --notebook --template mine.ipynb exp_1.input

    difxnb report --ivs /data/i26327 --header CORREL=WACO --to i26327.corr
    """
    if html + ivs + notebook > 1:
        raise typer.BadParameter("one of --html, --ivs and --notebook")
    if template is not None and not notebook:
        raise typer.BadParameter("--template belongs to --notebook", param_hint="--template")
    if header and not ivs:
        raise typer.BadParameter("--header belongs to --ivs", param_hint="--header")
    if ivs and at.is_named:
        raise typer.BadParameter("a session is reported on where its files are", param_hint="--ivs")
    with told_in_a_line():
        if dry_run:
            written = _planned(job, to, ivs=ivs, notebook=notebook, overwrite=overwrite)
        elif ivs:
            written = _ivs(job, to, _header(header or []), overwrite=overwrite, as_json=as_json)
        else:
            _planned(
                job, to, ivs=False, notebook=notebook, overwrite=overwrite
            )  # refused before minutes of fitting
            with at_hand(job, at) as source:
                written = _html(source, to, notebook=template or notebook, overwrite=overwrite)
        if written is None:
            return
        if as_json:
            print_json({"deed": "report", "path": job, "target": str(written), "done": not dry_run})
        else:
            say(f"would write {written}" if dry_run else str(written))


def _html(source: str | xr.Dataset, to: Path | None, *, notebook: bool | Path, overwrite: bool) -> Path:
    from difxnb.errors import DifxError
    from difxnb.reports.writing import report as write_report

    try:
        return write_report(source, to, notebook=notebook, overwrite=overwrite)
    except ModuleNotFoundError as error:  # of what runs notebooks
        raise DifxError(str(error)) from error


def _ivs(
    session: str, to: Path | None, header: dict[str, object], *, overwrite: bool, as_json: bool
) -> Path | None:
    """Write the text, or print it; what was written."""
    from difxnb.reports import ivs_report

    made = ivs_report(session, parameters=header)
    if to is not None:
        return made.write(to, overwrite=overwrite)
    if as_json:
        print_json({"session": session, "text": made.text(), "missing": made.missing})
    else:
        say(made.text())
    return None


def _header(words: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise ValueError(f"{word!r} is not KEY=VALUE, such as CORREL=WACO")
        values[key.upper()] = value
    return values


def _planned(job: str, to: Path | None, *, ivs: bool, notebook: bool, overwrite: bool) -> Path | None:
    """What would be written; None where it would be printed."""
    from difxnb.errors import OutputExists

    target = to
    if not ivs and (to is None or to.is_dir()):
        target = (to or Path()) / f"{Path(job).stem}-{'notebook' if notebook else 'report'}.html"
    if target is None:
        say(f"would print the report of the IVS on {job}")
    elif target.exists() and not overwrite:
        raise OutputExists(f"{target} exists already; --overwrite replaces it")
    return target
