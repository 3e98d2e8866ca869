# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator of one's own: ``demo``, ``serve``, ``token``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import DryRun, Json
from difxnb.cli.files import tell
from difxnb.cli.printed import print_json
from difxnb.cli.program import app, errors_in_one_line, wrong_usage

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.first_light import Results


@app.command(short_help="Correlate a made-up experiment.")
def demo(
    directory: Annotated[Path, typer.Option(help="Where the experiment and the results go.")] = Path(
        "difxnb-demo"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the server running at the end.")] = False,
    seed: Annotated[int, typer.Option(help="Of the noise and of the signals.")] = 1,
    scan_seconds: Annotated[int, typer.Option(min=2, max=600, help="Length of each of the two scans.")] = 4,
    quirks: Annotated[
        str | None, typer.Option(help="Faults of a real server to reproduce, such as 2.9.")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make an experiment, correlate it on a correlator in a box, and compare the fringes with the truth.

    With --json the story goes to standard error, and the comparison to standard output, in SI units.

    difxnb demo

    difxnb demo --json --directory /tmp/demo
    """
    if dry_run:
        tell("make and correlate an experiment below", str(directory), dry_run=True, as_json=as_json)
        return
    from difxnb.first_light import first_light

    with errors_in_one_line():
        found_all = first_light(
            directory,
            keep=keep,
            seed=seed,
            scan_seconds=scan_seconds,
            quirks=quirks,
            **(_for_programs() if as_json else {}),
        )
    raise typer.Exit(0 if found_all else 1)


def _for_programs() -> dict[str, Any]:
    from rich.console import Console

    return {"console": Console(stderr=True), "on_results": _print_results}


def _print_results(comparison: pd.DataFrame, results: Results) -> None:
    files = {name: str(getattr(results, name)) for name in ("figure", "visibilities", "messages")}
    print_json({"rows": comparison.to_dict("records"), "attrs": files})


@app.command(short_help="Serve guiServer's protocol.")
def serve(
    root: Annotated[
        Path, typer.Option(help="The directory that clients may see; nothing leads out of it.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 50200,
    quirks: Annotated[
        str | None, typer.Option(help="Faults of a real server to reproduce, such as 2.9.")
    ] = None,
    multicast: Annotated[
        str | None,
        typer.Option(metavar="GROUP:PORT", help="Exchange messages with this DiFX multicast group too."),
    ] = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End when standard input is closed.")
    ] = False,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="IPv4 address to listen on; beyond loopback it takes --token-file."
        ),
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(help="Clients must send the token in this file first; 'difxnb token FILE' makes one."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse whatever changes files, jobs or other computers.")
    ] = False,
    max_clients: Annotated[
        int | None,
        typer.Option(min=1, help="Connections at the same time. Default: 200, 100 from one address."),
    ] = None,
    max_packet: Annotated[
        int | None, typer.Option(min=1, metavar="BYTES", help="Longest packet of a client. Default: 16 MiB.")
    ] = None,
    max_rate: Annotated[
        float | None, typer.Option(min=1, help="Packets per second taken from one client. Default: 10000.")
    ] = None,
    max_memory: Annotated[
        int | None,
        typer.Option(
            min=2**16, metavar="BYTES", help="What may wait for or from one client. Default: 4 MiB."
        ),
    ] = None,
    programs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where vex2difx, difxcalc, vsum and m5bsum are; clients may have them run. Without it jobs and "
            "delay models of the common kind are made all the same, by the server itself.",
        ),
    ] = None,
    simulate_recorders: Annotated[
        bool,
        typer.Option("--demo-recorders", help="Simulate two recorders, with the VDIF files of the root."),
    ] = False,
    report_load: Annotated[
        bool, typer.Option("--report-load", help="Tell clients the load of this host every ten seconds.")
    ] = False,
) -> None:
    """Serve guiServer's protocol, with the embedded correlator behind it.

    Beyond loopback the token and everything else travel as they are: use that on networks that you trust, and let
    clients come through ssh to 127.0.0.1 elsewhere.

    difxnb serve --root /data --port 50200
    """
    from difxnb.formats.token_file import read_token
    from difxnb.server.access import Limits
    from difxnb.server.demo_recorders import demo_recorders
    from difxnb.server.gui_server import GuiServer
    from difxnb.server.program import run_server

    group = _parse_group(multicast)
    limits = Limits().changed(clients=max_clients, packet=max_packet, rate=max_rate, memory=max_memory)
    with errors_in_one_line():
        token = None if token_file is None else read_token(token_file)
        with wrong_usage():
            server = GuiServer(
                root,
                host=listen,
                port=port,
                quirks=quirks,
                multicast=group,
                token=token,
                limits=limits,
                read_only=read_only,
                recorders=demo_recorders(root) if simulate_recorders else None,
                programs=programs,
                report_load=report_load,
            )
        run_server(server, announce=sys.stdout, until_eof=until_eof)


@app.command(short_help="Make an access token.")
def token(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new file; only you will be able to read it.")
    ],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make an access token for 'difxnb serve --token-file'; clients need a copy of the file.

    difxnb token ~/.config/difxnb/token
    """
    from difxnb.formats.token_file import make_token

    with errors_in_one_line():
        if dry_run:
            if file.exists():
                raise FileExistsError(f"{file} is there already; nothing is written over")
            tell("make a token in", str(file), dry_run=True, as_json=as_json)
            return
        make_token(file)
    if as_json:
        print_json({"deed": "make a token", "path": str(file), "done": True})
    else:
        print(f"{file} holds a new token; clients name their copy in DIFX_CONTROL_TOKEN_FILE")


def _parse_group(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    group, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter(
            f"{text!r} is not GROUP:PORT, such as 224.2.2.1:50201", param_hint="--multicast"
        )
    return group, int(port)
