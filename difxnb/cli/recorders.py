# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb recorder``: Mark5 and Mark6 units, their modules, and what may be told them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Server, connected
from difxnb.cli.files import tell
from difxnb.cli.printed import complain, print_frame
from difxnb.cli.program import app, told_in_a_line
from difxnb.cli.verbs import Verbs

recorder = Verbs(name="recorder", no_args_is_help=True)
app.add_typer(
    recorder,
    name="recorder",
    help="Look into recorders, and send them commands.",
    short_help="Look into recorders, and send commands.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Host name of a recorder; several as 01-04, all.")]
Module = Annotated[str, typer.Argument(metavar="VSN", help="The label of the module, as NRAO+321.")]
Wait = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Seconds that it may take.")]


class Told(StrEnum):
    """What a recorder can tell."""

    modules = "modules"
    versions = "versions"
    smart = "smart"


@recorder.command(short_help="Modules in it, versions, health of disks.")
def show(
    name: Name,
    what: Annotated[
        Told, typer.Argument(metavar="[WHAT]", help="modules, versions or smart.")
    ] = Told.modules,
    wait: Wait = 10.0,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Ask a recorder which modules are in it, for its versions, or how its disks are.

    difxnb recorder show mark5fx01

    difxnb recorder show mark5fx01 smart --json
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        unit = difx.recorder(name)
        asked = {Told.modules: unit.modules, Told.versions: unit.versions, Told.smart: unit.smart}
        print_frame(asked[what](timeout=wait), as_json=as_json)


@recorder.command(short_help="Scans of a module.")
def directory(
    name: Name,
    vsn: Module,
    generate: Annotated[
        bool, typer.Option("--generate", help="Have it made anew from the module first; that takes long.")
    ] = False,
    wait: Wait = 600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show the directory of a module, a row for each scan.

    difxnb recorder directory mark5fx01 NRAO+321
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            tell("make" if generate else "read", f"the directory of {vsn}", dry_run=True, as_json=as_json)
            return
        table = difx.recorder(name).directory(
            vsn, generate, timeout=wait, progress=False if as_json else complain
        )
        print_frame(table, as_json=as_json)


@recorder.command(short_help="Copy scans of a module into files.")
def copy(
    name: Name,
    vsn: Module,
    scans: Annotated[str, typer.Argument(metavar="SCANS", help="Numbers from 1, as 1-3,7; or all, last.")],
    to: Annotated[str, typer.Argument(metavar="PATH", help="Directory for the copies, on the server.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace copies that are there.")] = False,
    wait: Wait = 3600.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Copy scans of a module into a directory of the server.

    difxnb recorder copy mark5fx01 NRAO+321 1-3,7 /data/raw
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            tell("copy", f"scans {scans} of {vsn}", to, dry_run=True, as_json=as_json)
            return
        copied = difx.recorder(name).copy(
            vsn, scans, to, overwrite, timeout=wait, progress=False if as_json else complain
        )
        print_frame(copied, as_json=as_json)


@recorder.command(short_help="Send a command of mk5control.")
def send(
    name: Name,
    command: Annotated[
        str, typer.Argument(metavar="COMMAND", help="As mk5control knows it, as getvsn, reset.")
    ],
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also one that destroys something, or that nobody here knows.")
    ] = False,
    wait: Wait = 60.0,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Send a command to a recorder, and show what was answered, if anything.

    difxnb recorder send mark5fx01 getvsn
    """
    with told_in_a_line(), connected(at, gently=True) as difx:
        if dry_run:
            tell("send", command, name, dry_run=True, as_json=as_json)
            return
        said = difx.recorder(name).send(
            command, confirm=confirm, timeout=wait, progress=False if as_json else complain
        )
        print_frame(said, as_json=as_json)
