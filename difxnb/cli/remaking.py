# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb make`` and ``rebuild``: jobs of a ``.v2d`` on the server, with all of its stations or without some."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.experiments import Calc, Wait
from difxnb.cli.printed import complain, frame_data, print_frame, print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line
from difxnb.cli.schedules import tell_problems

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.v2d import V2d
    from difxnb.notebook import Correlator

Orders = Annotated[str, typer.Argument(metavar="FILE.v2d", help="An absolute path on the server.")]


@app.command(short_help="Make the jobs of a .v2d on the server.")
def make(
    v2d: Orders,
    calc: Calc = "difxcalc",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace jobs of its series.")] = False,
    wait: Wait = 600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Run vex2difx and the delay model program on a .v2d that is on the server. 'new' puts one there first.

    difxnb make /data/exp/exp.v2d
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            raise typer.Exit(_tell_plan(difx, v2d, overwrite=overwrite, as_json=as_json))
        made = difx.make_jobs(
            v2d, calc=calc, overwrite=overwrite, timeout=wait, progress=False if as_json else complain
        )
        _tell_made(made, as_json=as_json)


@app.command(short_help="Make jobs again without some stations.")
def rebuild(
    v2d: Orders,
    without: Annotated[str, typer.Option(metavar="CC,DD", help="The stations that are left out.")],
    calc: Calc = "difxcalc",
    wait: Wait = 600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Make the jobs of a .v2d again without some stations, under new names; all that is there stays.

    difxnb rebuild /data/exp/exp.v2d --without KK
    """
    stations = [word.strip() for word in without.split(",") if word.strip()]
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            from difxnb.formats.v2d_antennas import require_enough

            orders = _orders(difx, v2d).without(*stations)
            require_enough(orders)
            diff = orders.edit().diff
            if as_json:
                print_json({"deed": "rebuild", "path": v2d, "diff": diff, "done": False})
            else:
                say(f"would make jobs of a copy of {v2d} with these changes:\n{diff}")
            return
        made = difx.rebuild_without(
            v2d, stations, calc=calc, timeout=wait, progress=False if as_json else complain
        )
        _tell_made(made, as_json=as_json)


def _tell_made(made: pd.DataFrame, *, as_json: bool) -> None:
    if as_json:
        print_json({"done": True, **frame_data(made)})
    else:
        print_frame(made, as_json=False, columns=("job", "input", "model"))


def _orders(difx: Correlator, v2d: str) -> V2d:
    from difxnb.formats.v2d import parse_v2d

    return parse_v2d(difx.get_file(v2d, progress=False).decode(errors="surrogateescape"), v2d)


def _tell_plan(difx: Correlator, v2d: str, *, overwrite: bool, as_json: bool) -> int:
    """Say of which series jobs would be made, and what is in the way; gives the exit status."""
    orders = _orders(difx, v2d)
    path = PurePosixPath(v2d)
    series = str(orders.get("jobSeries") or path.stem)
    there = [str(one) for one in difx.ls(str(path.parent))["path"]]
    clashes = [one for one in there if PurePosixPath(one).match(f"{series}_*.input")]
    problems = orders.problems()
    refused = bool(clashes) and not overwrite
    if as_json:
        facts = {"deed": "make", "path": v2d, "done": False, "refused": refused, "in_the_way": clashes}
        print_json({**facts, "problems": frame_data(problems)})
    else:
        for one in clashes:
            say(f"would replace {one}" if overwrite else f"{one} is in the way; --overwrite replaces it")
        tell_problems(problems, as_json=False)
        say(f"would {'refuse to make' if refused else 'make'} jobs {series}_1 and so on")
    return NOT_FINE if refused else 0
