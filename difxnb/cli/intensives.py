# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb intensive``: a session from its schedule to its report, with nobody there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.printed import complain, print_frame, print_json, say
from difxnb.cli.program import INTERRUPTED, NOT_FINE, app, told_in_a_line
from difxnb.cli.schedules import tell_problems

if TYPE_CHECKING:
    from difxnb.cli.live import Printer
    from difxnb.cli.session_look import SessionLook
    from difxnb.intensives import Recipe
    from difxnb.notebook import Correlator
    from difxnb.notebook.intensive_run import IntensiveRun

_PLANNED = ("step", "state", "why")


@app.command(short_help="Do a session unattended, from schedule to report.")
def intensive(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="What to do: a file of TOML here.")],
    session: Annotated[
        str | None,
        typer.Option(
            "--session", "-s", metavar="NAME", help="Its code. Default: name of the recipe and the day (UTC)."
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory",
            "-d",
            metavar="PATH",
            help="Where its record is kept here. Default: in your directory for that.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Go on where it was, or begin it anew with other jobs."),
    ] = True,
    wait: Annotated[
        float | None,
        typer.Option("--wait", "-w", min=0, metavar="SECONDS", help="Stop it after so long, as Ctrl-C does."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", "-c", help="What is wrong with the recipe, without a server; status 3 if so."
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Wait for schedule and data, search and correct the clocks, correlate, judge, report; all of it is written down.

    The status is 0 where the session is done, 3 where it stopped and somebody has to act. The same line again goes on
    where it was: steps that are done stay so, and jobs that run are followed. Ctrl-C leaves it like that, too.

    difxnb intensive daily.toml --session i26327

    difxnb intensive daily.toml --check

    difxnb intensive daily.toml --session i26327 --dry-run
    """
    with told_in_a_line():
        from difxnb.cli.leaving import interrupted_by_term
        from difxnb.intensives import read_recipe

        orders = read_recipe(recipe)
        if check:
            raise typer.Exit(_check(orders, as_json=as_json))
        with connected(at, gently=True) as difx, interrupted_by_term():
            run = difx.intensive(orders, session=session, directory=directory, dry_run=dry_run, resume=resume)
            if dry_run:
                raise typer.Exit(_tell_plan(run, as_json=as_json))
            options = {
                "--session": run.session,
                "--directory": directory,
                "--host": at.host,
                "--port": at.port,
            }
            options |= {"--ssh": at.ssh, "--token-file": at.token_file}
            again = _line("intensive", recipe, options)
            raise typer.Exit(_followed(difx, run, wait, again, as_json=as_json))


def _check(orders: Recipe, *, as_json: bool) -> int:
    problems = orders.problems()
    tell_problems(problems, as_json=as_json)
    return 0 if problems.attrs["passed"] else NOT_FINE


def _line(verb: str, argument: Path, options: dict[str, Any]) -> str:
    """What to type, with the options that were given."""
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    return shlex.join(["difxnb", verb, str(argument), *given])


def _tell_plan(run: IntensiveRun, *, as_json: bool) -> int:
    """Say what each step would start from; gives the exit status."""
    frame = run.frame()
    if as_json:
        rows = frame.to_dict("records")
        print_json({"session": run.session, "directory": run.directory, "done": False, "rows": rows})
    else:
        print_frame(frame, as_json=False, columns=_PLANNED)
    return NOT_FINE if (frame["state"] == "failed").any() else 0


def _followed(difx: Correlator, run: IntensiveRun, wait: float | None, again: str, *, as_json: bool) -> int:
    """Show a session to its end; gives the exit status."""
    from difxnb.cli.live import Printer

    status = NOT_FINE
    with Printer(as_json=as_json, once=False) as printer:
        try:
            if not _shown(run, printer, wait):
                _leave(difx, run, printer)
        except KeyboardInterrupt:
            status = INTERRUPTED
            _leave(difx, run, printer)
    _tell_end(run, as_json=as_json)
    if run.state == "done":
        return 0
    complain(f"'{again}' goes on with it")
    return status


def _shown(run: IntensiveRun, printer: Printer, wait: float | None) -> bool:
    """Show a session until it is over, or the time for waiting is; whether it is over."""
    from difxnb.cli.live import PERIOD_S
    from difxnb.errors import DifxError, SessionNotDone

    def show() -> None:
        printer.show(_look(run))

    show()
    try:
        # One wait for all of it: an interrupt between many would leave one that nobody has begun.
        run._loop.call(run._inner.wait(wait), while_waiting=show, every=PERIOD_S)
    except SessionNotDone:
        pass
    except TimeoutError as error:
        if isinstance(error, DifxError):  # of the server, and not of the waiting
            raise
        show()
        return False
    printer.show(_look(run, is_over=True))
    return True


def _leave(difx: Correlator, run: IntensiveRun, printer: Printer) -> None:
    """Do no further step, and leave jobs as they may be left."""
    from difxnb.cli.leaving import leave_running

    run.stop()
    leave_running(difx, lambda: printer.show(_look(run)), "the session follows when it goes on")


def _look(run: IntensiveRun, *, is_over: bool = False) -> SessionLook:
    from difxnb.cli.session_look import SessionLook

    return SessionLook(
        session=run.session,
        state=run.state,
        step=run.step,
        why=run.why,
        progress=run.progress,
        rows=tuple(run.frame().to_dict("records")),
        is_over=is_over,
    )


def _tell_end(run: IntensiveRun, *, as_json: bool) -> None:
    written = run.report()
    if as_json:
        facts = {"session": run.session, "state": run.state, "step": run.step, "why": run.why}
        print_json({**facts, "directory": run.directory, "report": written})
        return
    where = f" in step {run.step}" if run.state != "done" and run.step else ""
    say(f"{run.session}: {run.state}{where}" + (f": {run.why}" if run.why else ""))
    say(f"record: {run.record.path}")
    if written is not None:
        say(f"report: {written}")
