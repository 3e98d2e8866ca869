# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files to the server: what a local pattern matches, and whole directories."""

from __future__ import annotations

import asyncio
import glob
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from difxnb.client.local_files import Content
from difxnb.client.remote_files import Progress, look_at, look_through, make_directory, require_absolute
from difxnb.client.remote_listing import tree
from difxnb.client.session import Session
from difxnb.client.several import Tally, do_each
from difxnb.client.transfer import send
from difxnb.errors import RemoteFileExists, UnsafeValue
from difxnb.wire.files import Entry
from difxnb.wire.quoting import quote_once


@dataclass
class Plan:
    """What is to be sent, and where to.

    Attributes
    ----------
    tops : list of str
        Paths on the server that are made, and below which everything else lies.
    directories : list of str
        Directories on the server, each after those above it.
    files : dict of str to (Path, int)
        Local file and its size, by the path on the server.
    left_out : list of str
        What cannot be sent, each with the reason.
    """

    tops: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    files: dict[str, tuple[Path, int]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


async def upload(
    session: Session,
    local: str | Path,
    path: str,
    *,
    recursive: bool,
    overwrite: bool,
    checksum: bool,
    progress: Progress | None,
) -> tuple[int, list[str]]:
    """Send a file, what a pattern matches, or whole directories; see `difxnb.aio.files.FileVerbs.upload`.

    Returns
    -------
    int, list of str
        Bytes sent, and what was left out, each with its reason.

    Raises
    ------
    RemoteFileExists
        Something is in the way; nothing was sent.
    RemoteFileNotFound, RemotePermission, RemoteFileError
        With several files: after the others have been sent.
    OSError
        Of the local disk.
    UnsafeValue, ValueError, NoReply, ConnectionLost
    """
    what = f"upload {local}"
    plan = await planned_upload(session, local, path, recursive=recursive, overwrite=overwrite)
    for directory in _leaves(plan.directories):
        await make_directory(session, directory)
    tally = Tally({name: size for name, (_, size) in plan.files.items()}, progress)

    async def one(name: str) -> None:
        content = await Content.of_file(plan.files[name][0])
        named = what if len(plan.files) == 1 else f"{what}: {plan.files[name][0]}"
        await send(
            session,
            name,
            content,
            overwrite=overwrite,
            checksum=checksum,
            progress=tally.of(name),
            what=named,
        )

    await do_each(list(plan.files), one, what)
    return sum(size for _, size in plan.files.values()), plan.left_out


async def planned_upload(
    session: Session, local: str | Path, path: str, *, recursive: bool, overwrite: bool
) -> Plan:
    """What `upload` would send; what it refuses before it sends anything is refused here."""
    quote_once(require_absolute(path))
    plan = await _plan(session, local, path, recursive=recursive)
    await _require_room(session, plan, f"upload {local}", overwrite=overwrite)
    return plan


async def _plan(session: Session, local: str | Path, path: str, *, recursive: bool) -> Plan:
    plan = Plan()
    into = await look_through(session, path)
    is_directory = into is not None and into.type == "directory"
    if os.path.lexists(local):
        one = Path(local)
        if one.is_dir() and not recursive:
            raise IsADirectoryError(f"{local} is a directory; recursive=True sends it")
        if not one.is_dir() and not one.is_file():
            raise FileNotFoundError(f"{local} is neither a file nor a directory, or leads nowhere")
        name = one.name if one.name != ".." else one.resolve().name
        target = posixpath.join(path, name or one.resolve().name) if is_directory else path
        await asyncio.to_thread(_add, plan, one, target, recursive=recursive)
        return plan
    found = await asyncio.to_thread(glob.glob, str(local))
    if not found:
        raise FileNotFoundError(f"there is no {local} here, and nothing matches it as a pattern")
    if not is_directory:
        plan.tops.append(path)
        plan.directories.append(path)
    for name in sorted(found):
        target = posixpath.join(path, Path(name).name)
        await asyncio.to_thread(_add, plan, Path(name), target, recursive=recursive)
    return plan


def _add(plan: Plan, local: Path, target: str, *, recursive: bool) -> None:
    plan.tops.append(target)
    if not local.is_dir():
        _add_file(plan, local, target)
    elif not recursive:
        plan.left_out.append(f"{local} (a directory; recursive=True sends it)")
    else:
        for here, names in _walk(local):
            there = posixpath.join(target, *here.relative_to(local).parts)
            plan.directories.append(there)
            for name in names:
                _add_file(plan, here / name, posixpath.join(there, name))


def _walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Directories with all in them that is no directory; links to directories are among that."""

    def refuse(error: OSError) -> None:
        raise error

    for here, directories, names in os.walk(top, onerror=refuse):
        directories.sort()
        links = [name for name in directories if os.path.islink(os.path.join(here, name))]
        yield Path(here), sorted([*names, *links])


def _add_file(plan: Plan, local: Path, target: str) -> None:
    if not local.is_file():
        kind = "a link to a directory" if local.is_dir() else "a dangling link, or no file"
        plan.left_out.append(f"{local} ({kind})")
        return
    try:
        quote_once(target)
    except UnsafeValue as error:
        plan.left_out.append(f"{local} ({error})")
        return
    plan.files[target] = local, local.stat().st_size


def _leaves(directories: list[str]) -> list[str]:
    """Those without another one below them; making them makes the others."""
    above = {posixpath.dirname(directory) for directory in directories}
    return [directory for directory in directories if directory not in above]


async def _require_room(session: Session, plan: Plan, what: str, *, overwrite: bool) -> None:
    """Refuse before anything is sent what would replace something."""
    there = await _what_is_there(session, plan)
    for directory in plan.directories:
        if (entry := there.get(directory)) is not None and entry.type not in ("directory", "link"):
            raise RemoteFileExists(f"{what}: {directory} is a {entry.type} on {session.peer}")
    taken = [name for name in plan.files if name in there]
    for name in taken:
        if (kind := there[name].type) not in ("file", "link"):
            raise RemoteFileExists(f"{what}: {name} is a {kind} on {session.peer}")
    if taken and not overwrite:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise RemoteFileExists(
            f"{what}: {taken[0]}{more} exists on {session.peer}; overwrite=True replaces what is in the way"
        )


async def _what_is_there(session: Session, plan: Plan) -> dict[str, Entry]:
    there: dict[str, Entry] = {}
    for top in plan.tops:
        (entry,) = await look_at(session, top)
        if entry is not None:
            there[top] = entry
        if entry is not None and entry.type == "directory" and top in plan.directories:
            there |= {below.path: below for below in (await tree(session, top))[0]}
    return there
