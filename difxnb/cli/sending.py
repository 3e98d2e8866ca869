# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb command`` and ``parameter``: messages into the DiFX network, to hosts and to a job that runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.printed import complain, print_json, say
from difxnb.cli.program import NOT_FINE, app, told_in_a_line

if TYPE_CHECKING:
    from difxnb.client.outgoing import Outgoing
    from difxnb.notebook import Job

_MOST_BYTES = 1 << 20  # of a document on standard input; messages carry far less, and say so


@app.command(short_help="Send a command to hosts of the correlator.")
def command(
    text: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND", help="As mk5daemon knows it; - is a difxMessage on standard input."
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST...", help="For whom: names of hosts, or all, mark5, mark6, swc."),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also one that destroys something, or that nobody here knows.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Send a command to mk5daemon on hosts. Nobody answers; the status is 3 where the network has not heard it.

    difxnb command GetVSN mark5fx07

    difxnb command GetVSN all --dry-run

    difxnb command - < message.xml
    """
    with told_in_a_line():
        message = _read_document() if text == "-" else text
        with connected(at, gently=True) as difx:
            raise typer.Exit(
                _tell(difx.send(message, to=to or (), confirm=confirm, preview=dry_run), as_json=as_json)
            )


@app.command(
    short_help="Set a parameter of a running job.",
    context_settings={"ignore_unknown_options": True},  # clocks may be negative; each value is looked at
)
def parameter(
    job: Annotated[
        str, typer.Argument(metavar="JOB.input", help="The job, by an absolute path on the server.")
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="As dumpsta, dumplta, stachannels, stopat, clockupdate, keepacting."
        ),
    ],
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE...",
            help="Of clockupdate the antenna, and what is added: µs, µs/s, …; late is positive.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(metavar="WHOM", help="all, cores, datastreams or a rank. Default: whom it is for."),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Set a parameter of a job while it runs. mpifxcorr does not answer; it warns where it does not understand.

    Times are those of the observation, in UTC.

    difxnb parameter /data/exp/exp_1.input dumpsta true

    difxnb parameter /data/exp/exp_1.input stopat 2024-01-01T00:30:00

    difxnb parameter /data/exp/exp_1.input clockupdate WZ -0.25 1e-7 --dry-run
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        sent = _set(difx.job(job), name, values, target, preview=dry_run)
        raise typer.Exit(_tell(sent, as_json=as_json))


def _set(job: Job, name: str, values: Sequence[str], target: str | None, *, preview: bool) -> Outgoing:
    if target is not None and name in ("stopat", "clockupdate"):
        raise ValueError(f"{name} is for all of a job; --target belongs to the others")
    if name == "clockupdate":
        antenna, *added = values
        if not added:
            raise ValueError("clockupdate takes an antenna and what is added to its clock, as WZ 0.25")
        whose = int(antenna) if antenna.isdecimal() else antenna
        return job.update_clock(whose, *map(float, added), preview=preview)
    if len(values) != 1:
        raise ValueError(f"{name} takes one value; got {' '.join(values)}")
    if name == "stopat":
        return job.stop_at(_moment(values[0]), preview=preview)
    rank = int(target) if target is not None and target.isdecimal() else target
    return job.send_parameter(name, values[0], target=rank, preview=preview)


def _moment(text: str) -> float | datetime:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text)


def _read_document() -> bytes:
    from difxnb.errors import MessageError

    document = sys.stdin.buffer.read(_MOST_BYTES)
    if not document.lstrip().startswith(b"<"):
        raise MessageError("standard input holds no difxMessage, which is XML; nothing is sent")
    return document


def _tell(message: Outgoing, *, as_json: bool) -> int:
    """Say what was sent, or would be; gives the exit status."""
    xml = message.xml.decode(errors="replace")
    if as_json:
        facts = {"deed": "send", "target": message.destination, "xml": xml, "done": message.sent}
        print_json({**facts, "heard": message.heard, "note": message.note})
    elif not message.sent:
        say(f"would send to {message.destination}:\n{xml}")
    elif message.heard is None:
        complain(message.note)
    return NOT_FINE if message.heard is False else 0
