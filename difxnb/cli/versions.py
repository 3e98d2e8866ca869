# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb version``: what a server says of itself, its DiFX versions and its environment."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from difxnb.cli.connection import USUAL, Json, Reached, Server, reached
from difxnb.cli.printed import print_json, print_rows, say
from difxnb.cli.program import app, told_in_a_line

DifxVersion = Annotated[
    str | None,
    typer.Option("--difx-version", "-D", metavar="NAME", help="Run the programs of this DiFX version."),
]


@app.command(short_help="Show versions and environment of the server.")
def version(
    difx: Annotated[bool, typer.Option("--difx", "-d", help="Variables of DiFX, too.")] = False,
    env: Annotated[bool, typer.Option("--env", "-e", help="All variables that the server shows.")] = False,
    versions: Annotated[
        bool, typer.Option("--versions", "-v", help="DiFX versions that are installed.")
    ] = False,
    use: Annotated[
        str | None,
        typer.Option("--use", metavar="NAME", help="See whether the server takes this DiFX version."),
    ] = None,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Show what the server says of itself: its version, its user, and which DiFX it runs.

    A version is chosen anew by every program: 'difxnb start -D NAME'. --use tries one out.

    difxnb version

    difxnb version --versions --json
    """
    with told_in_a_line(), reached(at) as there:
        if use is not None:
            use_version(there, use)
        facts = _facts(there)
        if as_json:
            print_json(facts)
            return
        _print(facts, difx=difx, env=env, versions=versions)


def use_version(there: Reached, name: str) -> None:
    """Have the server run the programs of a DiFX version, as long as this connection lasts.

    Raises
    ------
    ValueError
        It is not installed there.
    UnsafeValue, NoReply, ConnectionLost
    """
    described = there.node.description
    there.call(there.node.use_setup_path(described.setup_prefix(described.known_version(name))))


def _facts(there: Reached) -> dict[str, Any]:
    described, setup_path = there.node.description, there.node.settings.setup_path
    in_use = described.version_in_use(setup_path)
    return {
        "server": there.node.where,
        "version": described.version,
        "user": described.user,
        "difx_base": described.difx_base,
        "difx_version": in_use,
        "setup_path": setup_path,
        "embedded": described.is_own,
        "read_only": described.is_read_only,
        "difx_versions": [
            {"version": label, "setup": described.setup_prefix(label), "in_use": label == in_use}
            for label in described.difx_versions
        ],
        "environment": dict(sorted(described.environment.items())),
    }


def _print(facts: dict[str, Any], *, difx: bool, env: bool, versions: bool) -> None:
    wanted = {
        "guiServer": f"{facts['version']} at {facts['server']}",
        "user": facts["user"],
        "DiFX": facts["difx_version"],
        "base": facts["difx_base"],
        "prefix": facts["setup_path"],
        "access": "for reading only" if facts["read_only"] else "",
    }
    for name, value in wanted.items():
        if value:
            say(f"{name:<10} {value}")
    if versions:
        rows = [(one["version"], one["setup"], one["in_use"]) for one in facts["difx_versions"]]
        print_rows(rows, ("version", "setup", "in use"))
    for name, value in facts["environment"].items():
        if env or (difx and "DIFX" in name):
            say(f"{name}={value}")
