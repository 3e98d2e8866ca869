# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb record`` and ``recording``: all that a correlator says, kept in a file, and what is in such a file."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.files import tell
from difxnb.cli.printed import complain, frame_data, print_frame, print_json, say
from difxnb.cli.program import INTERRUPTED, NOT_FINE, app, told_in_a_line

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.notebook import SessionRecorder


class Kept(StrEnum):
    """Tables of a recording."""

    messages = "messages"
    jobs = "jobs"
    nodes = "nodes"
    recorders = "recorders"
    alerts = "alerts"
    connections = "connections"


@app.command(short_help="Record all that a correlator says.")
def record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file here; none is written over.")],
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="SECONDS", help="End after so long. Default: at Ctrl-C."),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Record messages, notices and gaps as they come, for 'difxnb recording' and for notebooks, until Ctrl-C.

    The file survives the end of this process but for its last moment. The status is 3 where something is missing in it.

    difxnb record night.difxrec

    difxnb record night.difxrec --for 3600
    """
    with told_in_a_line(), connected(at) as difx:
        if dry_run:
            tell("record", f"{difx.server.version}", str(file), dry_run=True, as_json=as_json)
            return
        made, status = difx.record(file), 0
        try:
            if not as_json:
                say(f"recording into {file}" + ("; Ctrl-C ends it" if seconds is None else ""))
            _wait(seconds)
        except KeyboardInterrupt:
            status = INTERRUPTED
        finally:
            made.stop()
        _tell_end(made, as_json=as_json)
        raise typer.Exit(status or (NOT_FINE if made.dropped or made.failure else 0))


def _wait(seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        time.sleep(1.0 if end is None else max(0.0, min(1.0, end - time.monotonic())))


def _tell_end(made: SessionRecorder, *, as_json: bool) -> None:
    facts = {"deed": "record", "path": made.path, "bytes": made.bytes, "dropped": made.dropped, "done": True}
    if as_json:
        print_json(facts)
    else:
        say(f"{made.path}: {made.bytes} bytes" + (f", {made.dropped} records lost" if made.dropped else ""))
    if made.failure is not None:
        complain(str(made.failure))


@app.command(short_help="Show what was recorded.")
def recording(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What 'difxnb record' or a notebook has written.")
    ],
    table: Annotated[
        Kept, typer.Argument(metavar="[TABLE]", help="messages, jobs, nodes, recorders, alerts, connections.")
    ] = Kept.messages,
    as_json: Json = False,
) -> None:
    """Show a table of a recording, as a connection had it at the end.

    difxnb recording night.difxrec

    difxnb recording night.difxrec jobs --json
    """
    with told_in_a_line():
        from difxnb.recording.recording import open_recording

        opened = open_recording(file)
        for damage in opened.damage:
            complain(str(damage))
        frame: pd.DataFrame = (
            opened.connections if table is Kept.connections else getattr(opened, table.value).frame()
        )
        if as_json:
            print_json({**frame_data(frame), "start": opened.start, "stop": opened.stop})
        else:
            print_frame(frame, as_json=False)
