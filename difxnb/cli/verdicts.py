# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb quality``: whether a job is fine, or many of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.at_hand import at_hand
from difxnb.cli.connection import USUAL, Json, Server
from difxnb.cli.printed import print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.quality.report import QualityReport
    from difxnb.quality.trend import QualityHistory


@app.command(short_help="Say whether a job is fine.")
def quality(
    jobs: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB",
            help="An .input file or .difx folder; several, a pattern, .joblist or folder for a history.",
        ),
    ],
    limits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with limits in place of the usual ones.")
    ] = None,
    expected: Annotated[
        str | None,
        typer.Option(
            metavar="BASELINES", help="Where there should be fringes, as AA-BB,AA-CC. Default: all."
        ),
    ] = None,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of many jobs, only the last ones.")
    ] = None,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Make all checks of a job: GO, LOOK or NO-GO, and why. Of many jobs, say how each value moved, too.

    The status is 3 where the verdict is NO-GO; of many jobs that of the last one counts.

    difxnb quality exp_1.input

    difxnb quality '/data/r4*/*.input' --last 20 --json
    """
    baselines = None if expected is None else [word.strip() for word in expected.split(",") if word.strip()]
    with told_in_a_line():
        if last is not None or _are_many(jobs):
            if at.is_named:
                raise ValueError("one job of a server at a time; a history is made of jobs that are here")
            checked: QualityReport | QualityHistory = _history(jobs, limits, baselines, last)
        else:
            with at_hand(jobs[0], at) as source:
                checked = _report(source, limits, baselines)
        if as_json:
            print_json(checked.to_dict())
        else:
            say(repr(checked))
        raise typer.Exit(NOT_FINE if str(checked.verdict) == "no-go" else 0)


def _are_many(jobs: list[str]) -> bool:
    one = jobs[0].rstrip("/")
    return len(jobs) > 1 or any(mark in one for mark in "*?[") or not one.endswith((".input", ".difx"))


def _report(source: str | xr.Dataset, limits: Path | None, expected: list[str] | None) -> QualityReport:
    from difxnb.quality.report import check_quality

    return check_quality(source, limits=limits, expected=expected)


def _history(
    jobs: list[str], limits: Path | None, expected: list[str] | None, last: int | None
) -> QualityHistory:
    from difxnb.catalogue import open_jobs
    from difxnb.quality.report import check_quality

    catalogue = open_jobs(jobs)
    if not len(catalogue):
        raise ValueError(f"there are no jobs {' '.join(jobs)}")
    return check_quality(catalogue, limits=limits, expected=expected, last=last)
