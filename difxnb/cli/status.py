# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb status``: what the logs of jobs last said."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, Json, Reached, Server, reached
from difxnb.cli.printed import complain, print_frame, print_json, print_rows, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line

if TYPE_CHECKING:
    from difxnb.client.job_status import StatusReport

_HISTORY = ("job", "time", "type", "from", "severity", "state", "text")
_WORDS = {"no_log": "never started", "no_status": "no state yet", "open_error": "log not readable"}


@app.command(short_help="Show the states of jobs.")
def status(
    patterns: Annotated[
        list[str],
        typer.Argument(
            metavar="PATTERN", help=".input files on the server, patterns of them, or directories."
        ),
    ],
    repeat: Annotated[
        float | None,
        typer.Option("--repeat", "-r", min=0.1, metavar="SECONDS", help="Ask again and again, until Ctrl-C."),
    ] = None,
    short: Annotated[bool, typer.Option("--short", "-s", help="Job and state; this is the default.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="Time, message and file, too.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="All lines of the logs, which are fetched for it.")
    ] = False,
    no_time: Annotated[
        bool, typer.Option("--no-time", "-t", help="No line with the time above, when repeating.")
    ] = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show what the logs of jobs last said. Times are UTC. Where no job is found, the status is 3.

    difxnb status /data/exp

    difxnb status -l -r 10 '/data/exp/exp_*.input'

    difxnb status --history --json /data/exp/exp_1.input
    """
    if short and (long or history):
        raise typer.BadParameter("--short is the opposite of --long and --history")
    wanted = [one if one.endswith(".input") else f"{one.rstrip('/')}/*.input" for one in patterns]
    with told_in_a_line(), reached(at) as there:
        while True:
            if repeat is not None and not (no_time or as_json):
                say(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
            if history:
                found = _show_history(there, wanted, as_json=as_json)
            else:
                found = _show(there.call(there.node.status_report(wanted)), long=long, as_json=as_json)
            if repeat is None:
                break
            time.sleep(repeat)
    if not found:
        complain(f"no job matches {' '.join(wanted)}")
        raise typer.Exit(NOT_FINE)


def _show(report: StatusReport, *, long: bool, as_json: bool) -> int:
    rows = rows_of(report)
    if as_json:
        attrs = {"utc_offset": report.utc_offset, "clock_difference": report.clock_difference}
        print_json({"rows": rows, "attrs": attrs})
        return len(rows)
    names = ("job", "state", "time", "message", "input") if long else ("job", "state")
    for row in rows:
        row["state"] = row["state"] or _WORDS.get(row["log"], "unknown")
    if rows:
        print_rows(([row[name] for name in names] for row in rows), names)
    return len(rows)


def rows_of(report: StatusReport) -> list[dict[str, Any]]:
    """One row for each job, with the columns of `Correlator.job_status`; times in UTC."""
    from difxnb.formats.difxlog import parse_time

    rows = []
    for record in report.records:
        logged, ahead = parse_time(record.time_text), report.utc_offset
        rows.append(
            {
                "job": PurePosixPath(record.input_file).stem,
                "state": record.state or None,
                "time": None if logged is None or ahead is None else logged - ahead,
                "message": record.message,
                "log": record.kind,
                "input": record.input_file,
            }
        )
    return rows


def _show_history(there: Reached, patterns: list[str], *, as_json: bool) -> int:
    from difxnb.aio.status import StatusVerbs

    verbs = StatusVerbs()
    verbs.head_node = there.node
    frame = there.call(verbs.job_status(patterns, history=True)).drop(columns="logged")  # no UTC
    print_frame(frame, as_json=as_json, columns=_HISTORY)
    return len(frame) + len(frame.attrs["without_log"])
