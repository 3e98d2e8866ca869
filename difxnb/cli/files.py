# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: ``ls mkdir rmdir touch rm mv cp``. Each change is confirmed by a look, or is an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, DryRun, Json, Reached, Server, reached
from difxnb.cli.printed import complain, print_json, print_rows, say
from difxnb.cli.program import app, told_in_a_line

if TYPE_CHECKING:
    from difxnb.client.session import Session
    from difxnb.wire.files import Entry

COLUMNS = ("name", "path", "type", "mode", "owner", "group", "size", "modified")

Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="Absolute paths on the server.")]
From = Annotated[str, typer.Argument(metavar="PATH", help="Absolute path on the server.")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="The new name, or a directory to put it into.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


@app.command(short_help="List files on the server.")
def ls(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Directories, files or patterns on the server.")
    ],
    long: Annotated[
        bool, typer.Option("--long", "-l", help="Mode, owner, group, size and time too.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-R", help="What is in directories below, too.")
    ] = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """List directories, files, or what patterns match. Names with a dot in front are left out, as by ls.

    Patterns belong into quotes, or this shell expands them here:

    difxnb ls -l /data/exp

    difxnb ls --json '/data/exp/*.input'
    """
    with told_in_a_line(), reached(at) as there:
        found: list[Entry] = []
        for path in paths:
            found += _listed(there, path, recursive=recursive)
        if as_json:
            print_json({"rows": [_row(entry) for entry in found], "attrs": {}})
        else:
            _print_entries(found, long=long, whole=recursive or len(paths) > 1)


def _listed(there: Reached, path: str, *, recursive: bool) -> list[Entry]:
    if not recursive:
        return there.call(there.node.ls_entries(path))
    entries, unread = there.call(there.node.ls_tree(path))
    for directory in unread:
        complain(f"left out: {directory} (the server may not read it)")
    return entries


def _row(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in COLUMNS}


def _print_entries(entries: list[Entry], *, long: bool, whole: bool) -> None:
    names = [entry.path if whole and entry.path else entry.name for entry in entries]
    if not long:
        for name in names:
            say(name)
        return
    rows = (
        (entry.mode, entry.owner, entry.group, entry.size, entry.modified, name)
        for entry, name in zip(entries, names, strict=True)
    )
    print_rows(rows, ("mode", "owner", "group", "size", "modified (UTC)", "name"), right=("size",))


@app.command(short_help="Make directories on the server.")
def mkdir(
    paths: Paths,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Make directories with those above them; nothing happens where they exist.

    difxnb mkdir /data/exp/old
    """
    with told_in_a_line(), reached(at) as there:
        for path in paths:
            if not dry_run:
                there.call(there.node.make_directory(path))
            elif _look(there, "mkdir", path) is not None:
                say(f"{path} exists; nothing would be done")
                continue
            tell("make", path, dry_run=dry_run, as_json=as_json)


@app.command(short_help="Remove empty directories on the server.")
def rmdir(
    paths: Paths,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Remove empty directories.

    difxnb rmdir /data/exp/old
    """
    with told_in_a_line(), reached(at) as there:
        for path in paths:
            if dry_run:
                _require_empty(there, path)
            else:
                there.call(there.node.remove_directory(path))
            tell("remove", path, dry_run=dry_run, as_json=as_json)


@app.command(short_help="Make empty files on the server.")
def touch(
    paths: Paths,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Make empty files; files that exist get the present time, and keep what is in them.

    difxnb touch /data/exp/note
    """
    with told_in_a_line(), reached(at) as there:
        for path in paths:
            if dry_run:
                deed = "make" if _look(there, "touch", path) is None else "give the present time to"
            else:
                there.call(there.node.touch(path))
                deed = "touch"
            tell(deed, path, dry_run=dry_run, as_json=as_json)


@app.command(short_help="Remove files on the server.")
def rm(
    paths: Paths,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Directories too, with all that is in them.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Allow wildcards, and names of which there is nothing.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Remove files, and with -r directories; what is still there afterwards is an error. / is always refused.

    difxnb rm /data/exp/note

    difxnb rm -rf --dry-run '/data/exp/*.difx.1'
    """
    from difxnb.client.remote_files import what_goes

    with told_in_a_line(), reached(at) as there:
        for path in paths:
            looking = partial(what_goes, path=path, recursive=recursive, force=force)
            doomed = _ask(there, f"rm {path}", looking)
            if not dry_run:
                there.call(there.node.remove(path, recursive=recursive, force=force))
            for entry in doomed:
                tell("remove", entry.path, dry_run=dry_run, as_json=as_json)


@app.command(short_help="Move or rename a file on the server.")
def mv(
    path: From,
    target: Target,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Move or rename a file or directory; directories are never replaced.

    difxnb mv /data/exp/note /data/exp/old
    """
    from difxnb.client.remote_moves import where_renamed

    with told_in_a_line(), reached(at) as there:
        if dry_run:
            _require_there(there, "mv", path)
            end = _ask(there, f"mv {path}", lambda s: where_renamed(s, path, target, overwrite=overwrite))
        else:
            there.call(there.node.rename(path, target, overwrite=overwrite))
            end = target
        tell("move", path, end, dry_run=dry_run, as_json=as_json)


@app.command(short_help="Copy a file on the server.")
def cp(
    path: From,
    target: Target,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Copy a file on the server; guiServer copies no directories.

    difxnb cp /data/exp/exp_1.v2d /data/exp/exp_1.v2d.kept
    """
    from difxnb.client.remote_moves import where_copied

    with told_in_a_line(), reached(at) as there:
        if dry_run:
            _, end = _ask(there, f"cp {path}", lambda s: where_copied(s, path, target, overwrite=overwrite))
        else:
            there.call(there.node.copy(path, target, overwrite=overwrite))
            end = target
        tell("copy", path, end, dry_run=dry_run, as_json=as_json)


def tell(deed: str, path: str, target: str | None = None, *, dry_run: bool, as_json: bool) -> None:
    """Say what was done, to programs, or would be, to anybody; what is done as asked needs no words."""
    if as_json:
        facts = {"deed": deed, "path": path, "target": target, "done": not dry_run}
        print_json({name: value for name, value in facts.items() if value is not None})
    elif dry_run:
        say(f"would {deed} {path}" + (f" to {target}" if target is not None else ""))


def _ask(there: Reached, what: str, question: Callable[[Session], Awaitable[Any]]) -> Any:
    return there.call(there.node.ask(what, question))


def _look(there: Reached, verb: str, path: str) -> Entry | None:
    from difxnb.client.remote_files import look_through

    entry: Entry | None = _ask(there, f"{verb} {path}", lambda session: look_through(session, path))
    return entry


def _require_there(there: Reached, verb: str, path: str) -> Entry:
    from difxnb.errors import RemoteFileNotFound

    entry = _look(there, verb, path)
    if entry is None:
        raise RemoteFileNotFound(f"{verb} {path}: there is no such file or directory on {there.node.where}")
    return entry


def _require_empty(there: Reached, path: str) -> None:
    from difxnb.errors import RemoteFileError

    if _require_there(there, "rmdir", path).type != "directory":
        raise RemoteFileError(f"rmdir {path}: this is no directory")
    if there.call(there.node.ls_entries(path)):
        raise RemoteFileError(f"rmdir {path}: it is not empty")
