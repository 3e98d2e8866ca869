# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files from the server: what a pattern matches, and whole directories.

What the server calls a file is not trusted: its names become local ones only below the directory that was asked for,
and through no link of this machine. Sending is in :mod:`difxnb.client.local_trees`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from difxnb.client.local_files import arriving
from difxnb.client.remote_files import Progress, follow, look_through, require_absolute
from difxnb.client.remote_listing import matching, tree
from difxnb.client.session import Session
from difxnb.client.several import Tally, do_each
from difxnb.client.transfer import fetch
from difxnb.errors import ProtocolError, RemoteFileError, RemoteFileNotFound, UnsafeValue
from difxnb.wire.files import Entry
from difxnb.wire.quoting import literal_name, quote_once


@dataclass
class Plan:
    """What is to be fetched, and where to.

    Attributes
    ----------
    made : Path
        The file or directory that the caller will find.
    directories : list of Path
        Local directories to make, each after those above it.
    files : dict of str to (Path, int)
        Local path and expected size of each file on the server.
    left_out : list of str
        What cannot be fetched, each with the reason.
    """

    made: Path
    directories: list[Path] = field(default_factory=list)
    files: dict[str, tuple[Path, int]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


async def download(
    session: Session,
    path: str,
    local: Path,
    *,
    recursive: bool,
    fetched: set[Path],
    overwrite: bool,
    checksum: bool,
    progress: Progress | None,
) -> tuple[Path, list[str]]:
    """Fetch a file, what a pattern matches, or whole directories; see `difxnb.aio.files.FileVerbs.download`.

    The local files in `fetched` have been made by an earlier attempt, and those that are made now are added.

    Returns
    -------
    Path, list of str
        What was made, and what was left out, each with its reason.

    Raises
    ------
    FileExistsError, OSError
        Of the local disk; the first before anything is fetched.
    RemoteFileNotFound, RemotePermission, RemoteFileError, RemoteFileChanged
        With several files: after the others have been fetched.
    UnsafeValue, ValueError, NoReply, ConnectionLost
    """
    what = f"download {path}"
    plan = await planned_download(
        session, path, local, recursive=recursive, fetched=fetched, overwrite=overwrite
    )
    for directory in plan.directories:
        directory.mkdir(exist_ok=True)
    tally = Tally({name: size for name, (_, size) in plan.files.items()}, progress)

    async def one(name: str) -> None:
        named = what if len(plan.files) == 1 else f"{what}: {name}"
        async with arriving(plan.files[name][0], overwrite=overwrite) as file:
            await fetch(session, name, file.write, checksum=checksum, progress=tally.of(name), what=named)
        fetched.add(plan.files[name][0])

    await do_each(list(plan.files), one, what)
    return plan.made, plan.left_out


async def planned_download(
    session: Session, path: str, local: Path, *, recursive: bool, fetched: set[Path], overwrite: bool
) -> Plan:
    """What `download` would fetch; what it refuses before it fetches anything is refused here."""
    planner = _Planner(session, f"download {path}", recursive=recursive)
    plan = await planner.plan(require_absolute(path), local)
    plan.files = {name: file for name, file in plan.files.items() if file[0] not in fetched}
    _require_room(plan, overwrite=overwrite)
    return plan


class _Planner:
    """Finds out what there is to fetch, and what becomes of it here."""

    def __init__(self, session: Session, what: str, *, recursive: bool) -> None:
        self._session, self._what, self._recursive = session, what, recursive

    async def plan(self, path: str, local: Path) -> Plan:
        """Plan a download."""
        name = literal_name(path)
        if name is None:
            return await self._plan_matches(path, local)
        path = name
        found = await look_through(self._session, path)
        if found is None:
            raise RemoteFileNotFound(
                f"{self._what}: there is no such file or directory on {self._session.peer}"
            )
        target = local / _safe_name(found) if local.is_dir() else local
        if found.type != "directory":
            return Plan(_end(target), files={path: (_end(target), found.size)})
        if not self._recursive:
            raise RemoteFileError(
                f"{self._what}: this is a directory on {self._session.peer}; recursive=True fetches it"
            )
        plan = Plan(target)
        await self._add_tree(plan, path, target)
        return plan

    async def _plan_matches(self, pattern: str, local: Path) -> Plan:
        found = await matching(self._session, pattern)
        if not found:
            raise RemoteFileNotFound(f"{self._what}: nothing on {self._session.peer} matches")
        plan = Plan(local, directories=[local])
        for entry in found:
            await self._add(plan, entry, local / _safe_name(entry))
        return plan

    async def _add(self, plan: Plan, entry: Entry, target: Path) -> None:
        if entry.type == "directory" and self._recursive:
            await self._add_tree(plan, entry.path, target)
        elif entry.type == "directory":
            plan.left_out.append(f"{entry.path} (a directory; recursive=True fetches it)")
        else:
            await self._add_file(plan, entry, target)

    async def _add_tree(self, plan: Plan, directory: str, local: Path) -> None:
        plan.directories.append(local)
        entries, unread = await tree(self._session, directory)
        plan.left_out += [f"{path} (the server may not read this directory)" for path in unread]
        for entry in entries:
            if entry.type == "unknown":
                plan.left_out.append(f"{entry.path or entry.name!r} (the server could not look at it)")
                continue
            target = local.joinpath(*_parts_below(directory, entry))
            if entry.type == "directory":
                plan.directories.append(target)
            else:
                await self._add_file(plan, entry, target)

    async def _add_file(self, plan: Plan, entry: Entry, target: Path) -> None:
        reason, size = await self._why_not(entry)
        if reason:
            plan.left_out.append(f"{entry.path} ({reason})")
            return
        taken = {where for where, _ in plan.files.values()}
        if target in taken:
            raise RemoteFileError(f"{self._what}: two files would become {target}; fetch them one by one")
        plan.files[entry.path] = (target, size)

    async def _why_not(self, entry: Entry) -> tuple[str, int]:
        """Why something cannot be fetched as a file, and its size where it can."""
        try:
            quote_once(entry.path)
            end = (await follow(self._session, entry.path))[1] if entry.type == "link" else entry
        except UnsafeValue:
            return "its name cannot be sent", 0
        except RemoteFileError:
            return "a link in a circle", 0
        if end is None:
            return "a dangling link", 0
        kind = end.type if end is entry else f"link to a {end.type}"
        return ("" if end.type == "file" else f"a {kind}"), end.size


def _end(target: Path) -> Path:
    """Where a local path ends that the user named: a link of the user's own is written through."""
    return target.resolve() if target.is_symlink() else target


def _safe_name(entry: Entry) -> str:
    return _parts_below(entry.path.rpartition("/")[0], entry)[-1]


def _parts_below(directory: str, entry: Entry) -> list[str]:
    """The names between a directory and an entry in it; a server must not be able to make up others.

    Raises
    ------
    ProtocolError
        The entry is not below the directory.
    """
    above = directory.rstrip("/") + "/"
    parts = entry.path.removeprefix(above).split("/")
    if not entry.path.startswith(above) or any(p in ("", ".", "..") or "\0" in p for p in parts):
        raise ProtocolError(f"the server lists {entry.path!r} as a part of {directory!r}")
    return parts


def _require_room(plan: Plan, *, overwrite: bool) -> None:
    """Refuse before anything is fetched what would replace something here, or leave the directory asked for."""
    above = plan.made.parent
    if not above.is_dir():
        raise FileNotFoundError(f"there is no local directory {above}")
    for directory in plan.directories:
        mine = directory == plan.made and directory.is_dir()
        if not mine and os.path.lexists(directory) and (directory.is_symlink() or not directory.is_dir()):
            raise FileExistsError(f"{directory} is in the way: it should be a directory")
    there = [target for target, _ in plan.files.values() if os.path.lexists(target)]
    if there and not overwrite:
        raise FileExistsError(f"{_listed(there)} exists here; overwrite=True replaces what is in the way")
    if wrong := [target for target in there if target.is_dir() and not target.is_symlink()]:
        raise FileExistsError(f"{_listed(wrong)} is a directory here, and on the server a file")


def _listed(paths: list[Path]) -> str:
    return str(paths[0]) + (f" (and {len(paths) - 1} more)" if len(paths) > 1 else "")
