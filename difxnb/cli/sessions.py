# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb sessions``: which sessions are done and which are missing, how their values move, what one of them did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difxnb.cli.connection import Json
from difxnb.cli.printed import complain, frame_data, print_frame, print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line
from difxnb.cli.verbs import Verbs

sessions = Verbs(name="sessions", no_args_is_help=True)
app.add_typer(
    sessions,
    name="sessions",
    help="Look at sessions that were done unattended.",
    short_help="Look at sessions that were done unattended.",
)

Records = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FOLDER]...",
        help="Folders with sessions in them, or of one session. Default: where 'intensive' keeps them.",
    ),
]


def _places(records: list[str] | None) -> list[str]:
    if records:
        return records
    from difxnb.sessions.record import usual_folder

    usual = usual_folder()
    if not usual.is_dir():
        raise FileNotFoundError(f"there are no sessions in {usual}; name their folder")
    return [str(usual)]


@sessions.command(short_help="Sessions that are done, and that are missing.")
def calendar(
    records: Records = None,
    expected: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A master schedule of the IVS: what there should be.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List sessions in order of time. The status is 3 where one failed, or was expected and is missing.

    difxnb sessions calendar --expected master26-int.txt

    difxnb sessions calendar /data/sessions --json
    """
    with told_in_a_line():
        from difxnb.sessions import session_calendar

        table = session_calendar(_places(records), expected)
        for note in table.attrs["notes"]:
            complain(note)
        shown = ("session", "start", "expected_start", "state", "done", "jobs", "stations", "missing")
        print_frame(table, as_json=as_json, columns=shown)
        raise typer.Exit(NOT_FINE if table["state"].isin(("missing", "failed")).any() else 0)


@sessions.command(short_help="How clocks, SNRs and weights move.")
def trends(
    records: Records = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="So many sessions, the newest.")] = 20,
    of: Annotated[
        str, typer.Option(metavar="WHAT", help="Some of clock, snr and weight, by commas.")
    ] = "clock,snr,weight",
    whole: Annotated[
        bool, typer.Option("--all", help="All values, not only those unlike the ones before.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw them into this file, too: .png, .pdf, .svg.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Hold each value of the last sessions against those before it. JSON has all of them, in SI units.

    The status is 3 where a value of the newest session is unlike those before.

    difxnb sessions trends

    difxnb sessions trends --last 30 --of clock --picture clocks.png
    """
    with told_in_a_line():
        from difxnb.errors import OutputExists
        from difxnb.sessions import session_trends

        if picture is not None and picture.exists() and not overwrite:
            raise OutputExists(f"{picture} exists already; --overwrite replaces it")
        wanted = [word.strip() for word in of.split(",") if word.strip()]
        found = session_trends(_places(records), last=last, of=wanted)
        for note in found.notes:
            complain(note)
        frame = found.frame()
        if as_json:
            print_json(frame_data(frame))
        elif whole:
            shown = ("session", "of", "name", "reference", "value", "error", "unit", "median", "deviation")
            print_frame(frame, as_json=False, columns=shown)
        else:
            say(repr(found))
        if picture is not None:
            found.figure().savefig(picture)
        newest = frame["start"] == frame["start"].max()
        raise typer.Exit(NOT_FINE if frame.loc[newest, "outlier"].any() else 0)


@sessions.command(short_help="What a session did, line by line.")
def show(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of the session: its record is in it.")],
    last: Annotated[
        bool, typer.Option("--last", help="Of each step the last line, not those before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the record of a session: each step before and after, and what was decided. JSON has inputs and outputs.

    The status is 3 where it ended with a step that failed.

    difxnb sessions show ~/.local/state/difxnb/sessions/i26327

    difxnb sessions show /data/sessions/i26327 --last --json
    """
    with told_in_a_line():
        from difxnb.sessions import read_record

        lines = read_record(folder)
        if lines.empty:
            raise FileNotFoundError(f"there is no record of a session in {folder}")
        newest = lines.groupby("step", sort=False).tail(1)
        print_frame(
            newest if last else lines, as_json=as_json, columns=("at", "step", "state", "seconds", "why")
        )
        raise typer.Exit(NOT_FINE if (newest["state"] == "failed").any() else 0)
