# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb new``: an experiment put down on the server, and its jobs made; ``models``: delay models made again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.files import tell
from difxnb.cli.printed import complain, frame_data, print_frame, print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line
from difxnb.cli.schedules import tell_problems

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.notebook import Correlator

Calc = Annotated[str, typer.Option("--calc", "-c", metavar="PROGRAM", help="The delay model program.")]
Wait = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Seconds that the programs may take.")]


@app.command(short_help="Make an experiment and its jobs on the server.")
def new(
    directory: Annotated[
        str, typer.Option("--directory", "-d", metavar="PATH", help="Where on the server; made if need be.")
    ],
    vex: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="The schedule: a path on the server or here, file:PATH here, or an address."
        ),
    ],
    v2d: Annotated[
        str | None, typer.Option(metavar="FILE", help="What vex2difx is told: a path or address, too.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(metavar="FILE", help="In place of --v2d: a template here.")
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A value for the template.")
    ] = None,
    stations: Annotated[
        str | None, typer.Option(metavar="AA,BB", help="Correlate these. Default: those of the .v2d.")
    ] = None,
    without: Annotated[str | None, typer.Option(metavar="CC,DD", help="Leave these stations out.")] = None,
    calc: Calc = "difxcalc",
    jobs: Annotated[bool, typer.Option("--jobs/--no-jobs", help="Whether to make jobs.")] = True,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace jobs of its series; of the texts the old ones are kept."),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    wait: Wait = 600.0,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Put a schedule and a .v2d into a directory of the server, and make jobs of them.

    Everything is looked at first. With --preview the status is 3 where something is wrong or in the way.

    difxnb new -d /data/r41234 --vex r41234.vex --v2d r41234.v2d --preview

    difxnb new -d /data/e --vex e.vex --template usual.v2d --variable nCore=4
    """
    if v2d is not None and template is not None:
        raise typer.BadParameter("either --v2d or --template")
    if variable and template is None:
        raise typer.BadParameter("it belongs to --template", param_hint="--variable")
    with told_in_a_line(), connected(at, gently=True) as difx:
        ask = partial(
            difx.new_experiment,
            directory,
            vex=vex,
            v2d=v2d,
            template=template,
            variables=_variables(variable or []) if template is not None else None,
            stations=None if stations is None else _words(stations),
            without=_words(without or ""),
            make=jobs,
            calc=calc,
            overwrite=overwrite,
            timeout=wait,
            progress=False if as_json else complain,
        )
        made = ask(preview=True) if preview else _made(ask, as_json=as_json)
        if preview:
            raise typer.Exit(_tell_plan(made, overwrite=overwrite, as_json=as_json))
        if as_json:
            print_json({"deed": "new", "path": directory, "done": True, **frame_data(made)})
        elif jobs:
            print_frame(made, as_json=False, columns=("job", "input", "model"))
        else:
            print_frame(made, as_json=False, columns=("action", "path"))


def _made(ask: Callable[..., pd.DataFrame], *, as_json: bool) -> pd.DataFrame:
    """Make it; where the schedule or the .v2d is wrong, say all that is, and leave with status 3."""
    from difxnb.errors import DifxError

    try:
        return ask()
    except DifxError:
        raise
    except ValueError:
        problems = ask(preview=True).attrs["problems"]  # which raises what is no fault of the files
        if problems.attrs["passed"]:
            raise
    tell_problems(problems, as_json=as_json)
    raise typer.Exit(NOT_FINE)


def _tell_plan(plan: pd.DataFrame, *, overwrite: bool, as_json: bool) -> int:
    """Say what would be done; gives the exit status."""
    problems, clashes = plan.attrs["problems"], list(plan.attrs["clashes"])
    refused = not problems.attrs["passed"] or (bool(clashes) and not overwrite)
    if as_json:
        print_json({"deed": "new", "done": False, "refused": refused, **frame_data(plan)})
        return NOT_FINE if refused else 0
    for row in plan.to_dict("records"):
        say(f"would {row['action']} {row['path']}{': ' + row['detail'] if row['detail'] else ''}")
    for path in clashes:
        say(f"would replace {path}" if overwrite else f"{path} is in the way; --overwrite replaces it")
    tell_problems(problems, as_json=False)
    if refused:
        say("so nothing would be done")
    return NOT_FINE if refused else 0


def _variables(words: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(f"{word!r} is not NAME=VALUE, such as nCore=4")
        values[name] = value
    return values


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


@app.command(short_help="Make delay models of jobs on the server.")
def models(
    pattern: Annotated[
        str,
        typer.Argument(metavar="PATTERN", help="Jobs on the server, as '/data/exp/exp_*.input'."),
    ],
    calc: Calc = "difxcalc",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace models that are there.")] = False,
    wait: Wait = 600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Run the delay model program alone on jobs that are there. Patterns belong into quotes.

    difxnb models '/data/exp/exp_*.input' --calc difxcalc
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            for path, there in _to_model(difx, pattern):
                if there and not overwrite:
                    say(f"the model of {path} is there; --overwrite replaces it")
                else:
                    tell("make the model of", path, dry_run=True, as_json=as_json)
            return
        made = difx.make_models(
            pattern, calc=calc, overwrite=overwrite, timeout=wait, progress=False if as_json else complain
        )
        print_frame(made, as_json=as_json, columns=("job", "model"))


def _to_model(difx: Correlator, pattern: str) -> list[tuple[str, bool]]:
    """Jobs of a pattern, and whether each has a model; RemoteFileNotFound where there are none."""
    stem = pattern.removesuffix(".input").removesuffix(".calc")
    inputs = [str(path) for path in difx.ls(f"{stem}.input")["path"]]
    folders = {path.rpartition("/")[0] for path in inputs}
    there = {str(path) for folder in folders for path in difx.ls(folder or "/")["path"]}
    return [(path, f"{path.removesuffix('.input')}.im" in there) for path in inputs]


@app.command(short_help="List files of an experiment by what they are.")
def contents(
    directory: Annotated[str, typer.Argument(metavar="DIRECTORY", help="An absolute path on the server.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", "-k", metavar="KIND", help="Those alone, as vex, v2d, input, difxlog."),
    ] = None,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="Those of a job alone, as exp_1.")] = None,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """List the files of a directory with what they are, and of which job.

    difxnb contents /data/exp

    difxnb contents /data/exp --job exp_1 --json
    """
    with told_in_a_line(), connected(at) as difx:
        found = difx.experiment_files(directory)
        if kind is not None:
            found = found[found["kind"] == kind]
        if job is not None:
            found = found[found["job"] == job]
        print_frame(found, as_json=as_json, columns=("name", "kind", "job", "size", "modified"))
