# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb busy``: what a correlator does now."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, Json, Once, Server, connected
from difxnb.cli.program import app, told_in_a_line, wrong_usage

if TYPE_CHECKING:
    from difxnb.cli.busy_look import BusyLook, Wanted
    from difxnb.notebook import Correlator


@app.command(short_help="Show running jobs, nodes and recorders.")
def busy(
    jobs: Annotated[
        bool, typer.Option("--jobs", help="Show jobs. Without these three options: everything.")
    ] = False,
    nodes: Annotated[bool, typer.Option("--nodes", help="Show nodes.")] = False,
    recorders: Annotated[bool, typer.Option("--recorders", help="Show recorders.")] = False,
    ignore: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Leave out names in which this is found.")
    ] = None,
    linger: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long jobs that are over stay in sight.")
    ] = 60.0,
    listen: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="How long --once listens; nodes report every ten seconds."
        ),
    ] = 12.0,
    once: Once = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show what a correlator does: jobs with their progress, loads of nodes, recorders, and the worst troubles.

    Everything that is heard is shown, whoever started it. Into a pipe go lines when something changes. Ctrl-C ends it,
    with status 130.

    difxnb busy --jobs --ignore '^test'

    difxnb busy --once --json
    """
    everything = not (jobs or nodes or recorders)
    with wrong_usage():
        pattern = None if ignore is None else _pattern(ignore)
    with told_in_a_line(), connected(at) as difx:
        from difxnb.cli.busy_look import Wanted

        wanted = Wanted(jobs or everything, nodes or everything, recorders or everything, pattern, linger)
        _show(difx, wanted, once=once, as_json=as_json, listen=listen)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error


def _show(difx: Correlator, wanted: Wanted, *, once: bool, as_json: bool, listen: float) -> None:
    from difxnb.cli.live import Printer, follow

    if once:
        time.sleep(listen)
    with Printer(as_json=as_json, once=once) as printer:
        if once:
            printer.show(_look(difx, wanted))
        else:
            follow(printer, lambda: _look(difx, wanted))


def _look(difx: Correlator, wanted: Wanted) -> BusyLook:
    """See what was heard so far."""
    from difxnb.cli.busy_look import BusyLook

    return BusyLook(
        where=f"guiServer {difx.server.version}, user {difx.server.user}" if difx.connected else f"{difx!r}",
        jobs=wanted.of(wanted.not_gone(difx.jobs.frame()), "job") if wanted.jobs else None,
        nodes=wanted.of(difx.nodes.frame(), "node") if wanted.nodes else None,
        recorders=wanted.of(difx.recorders.frame(), "recorder") if wanted.recorders else None,
        troubles=difx.alerts.frame(),
    )
