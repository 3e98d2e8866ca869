# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing files on the server: make, touch, remove; :mod:`.remote_moves` moves and copies.

guiServer answers these with nothing, so every verb looks before and after, and raises where what was asked did not
come about. Each value is quoted as its command needs it. Mirrors guiserver.md 5.4 and 7.2.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable

from difxnb.client.remote_listing import (
    follow,
    look,
    look_at,
    look_through,
    ls_entries,
    matching,
    require_absolute,
    require_path,
)
from difxnb.client.session import Session
from difxnb.errors import (
    ConnectionLost,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from difxnb.wire.control import Command, encode
from difxnb.wire.files import Entry
from difxnb.wire.message import FileOperation, command_xml
from difxnb.wire.quoting import (
    is_pattern,
    literal_name,
    quote_once,
    quote_pattern_twice,
    quote_twice,
)

__all__ = [
    "Progress",
    "follow",
    "is_pattern",
    "look",
    "look_at",
    "look_through",
    "ls_entries",
    "make_directory",
    "missing",
    "not_done",
    "operate",
    "remove",
    "remove_directory",
    "remove_quietly",
    "require_absolute",
    "require_path",
    "tidy",
    "touch",
    "what_goes",
]

Progress = Callable[[int, int], None]

# Clocks of files go by the ticks of the kernel: twice within one of them gives the same time.
_TICK_S = 0.05


async def operate(session: Session, operation: str, path: str, argument: str = "") -> None:
    """Send a file operation and wait until the server has been through with it."""
    request = FileOperation(path=path, operation=operation, arg=argument or None)
    async with session.blocking_the_server():
        await session.send(encode(Command(command_xml(request))))
        await session.fence()


def not_done(session: Session, what: str, before: int) -> RemoteFileError:
    """The error of an operation that did not come about, with what was said since `before`."""
    said = session.said_since(before)
    kind = RemotePermission if "ermission denied" in said else RemoteFileError
    return kind(f"{what} on {session.peer}{said}; look at the permissions and the space there")


def missing(session: Session, what: str, path: str) -> RemoteFileNotFound:
    """The error of an operation on what does not exist."""
    hint = "; wildcards are not expanded here" if is_pattern(path) else ""
    return RemoteFileNotFound(f"{what}: there is no such file or directory on {session.peer}{hint}")


# --- directories and empty files ------------------------------------------------------------------------


async def make_directory(session: Session, path: str) -> None:
    """Make a directory, and those above it; nothing happens where it exists.

    Raises
    ------
    RemoteFileExists
        A file of that name is in the way.
    RemotePermission, RemoteFileError
        It is not there afterwards.
    """
    quoted = quote_once(require_absolute(path))
    before = session.notice_count
    await operate(session, "mkdir", quoted)
    found = await look_through(session, path)
    if found is not None and found.type != "directory":
        raise RemoteFileExists(f"mkdir {path}: a {found.type} of that name is in the way on {session.peer}")
    if found is None:
        raise not_done(session, f"mkdir {path}: the directory is not there afterwards", before)


async def remove_directory(session: Session, path: str) -> None:
    """Remove an empty directory.

    Raises
    ------
    RemoteFileNotFound
        There is none.
    RemotePermission, RemoteFileError
        It is no directory, it is not empty, or it is still there for another reason.
    """
    quoted = quote_once(require_absolute(path))
    before = session.notice_count
    found = await look(session, path)
    if found is None:
        raise missing(session, f"rmdir {path}", path)
    if found.type != "directory":
        raise RemoteFileError(f"rmdir {path}: this is a {found.type} on {session.peer}")
    await operate(session, "rmdir", quoted)
    if await look(session, path) is not None:
        raise not_done(session, f"rmdir {path}: still there afterwards; is it empty", before)


async def touch(session: Session, path: str) -> None:
    """Make an empty file, or give one that exists the present time.

    Raises
    ------
    RemotePermission, RemoteFileError
        It is not there afterwards, or has its old time.
    """
    quoted = quote_once(require_absolute(path))
    before = session.notice_count
    _, old = await follow(session, path)
    for pause in (0.0, _TICK_S):
        await asyncio.sleep(pause)
        await operate(session, "touch", quoted)
        _, new = await follow(session, path)
        if new is not None and (old is None or new.modified != old.modified):
            return
    state = "not there" if new is None else "as old as it was"
    raise not_done(session, f"touch {path}: the file is {state} afterwards", before)


# --- removing -------------------------------------------------------------------------------------------


async def remove(session: Session, path: str, *, recursive: bool = False, force: bool = False) -> None:
    """Remove a file, or with `recursive` a directory and all that is in it; ``/`` is always refused.

    `force` allows wildcards, and does not complain where there is nothing to remove.

    Raises
    ------
    UnsafeValue
        The root directory or all that is in it, or wildcards without `force`.
    RemoteFileNotFound
        There was nothing to remove.
    RemotePermission, RemoteFileError
        It is still there afterwards.
    """
    name = literal_name(require_absolute(path))
    before = session.notice_count
    doomed = await what_goes(session, path, recursive=recursive, force=force)
    quoted = quote_pattern_twice(path) if name is None else quote_twice(name)
    # Without -f, rm asks about write-protected files on the server's terminal, holding guiServer's lock.
    await operate(session, "rm", quoted, "-rf" if recursive else "-f")
    names = {entry.path for entry in doomed}
    if doomed and (left := [e for e in await _matching(session, path, name) if e.path in names]):
        raise not_done(session, f"rm {path}: {len(left)} of {len(doomed)} still there afterwards", before)


async def what_goes(
    session: Session, path: str, *, recursive: bool = False, force: bool = False
) -> list[Entry]:
    """What `remove` would remove, by the names that it is given; its refusals, and nothing is removed."""
    name = literal_name(require_absolute(path))
    _refuse_root(path, name)
    if name is None and not force:
        raise UnsafeValue(
            f"rm {path}: wildcards are expanded on the server; say force=True if that is meant, and glob.escape(name) "
            "for a name that holds such characters itself"
        )
    quote_pattern_twice(path) if name is None else quote_twice(name)  # whether it can be sent
    doomed = await _matching(session, path, name)
    if not doomed and not force:
        raise missing(session, f"rm {path}", "")
    if any(entry.type == "directory" for entry in doomed) and not recursive:
        raise RemoteFileError(f"rm {path}: a directory is removed with recursive=True only")
    return doomed


def _refuse_root(path: str, name: str | None) -> None:
    """Refuse the root directory, and patterns that take everything in it, however they are written."""
    first = posixpath.normpath(path if name is None else name).strip("/").partition("/")[0]
    if first in ("", ".", ".."):
        raise UnsafeValue(f"rm {path}: the root directory is never removed")
    if name is None and (is_pattern(first) or ".." in path.split("/")):
        raise UnsafeValue(f"rm {path}: wildcards in the root directory and above .. are refused")


async def _matching(session: Session, path: str, name: str | None) -> list[Entry]:
    if name is None:
        try:
            return await matching(session, path)
        except RemoteFileNotFound:
            return []
    found = await look(session, name)
    return [] if found is None else [found]


async def remove_quietly(session: Session, path: str) -> None:
    """Take away a file that only an interrupted operation of ours can have left, now or with the next connection."""
    session.leftovers.add(path)
    if session.lost is None:
        try:
            await _remove_leftover(session, path)
        except ConnectionLost:
            return  # the caller learns of the loss by its own error


async def tidy(session: Session) -> None:
    """Take away what earlier connections could not."""
    for path in tuple(session.leftovers):
        await _remove_leftover(session, path)


async def _remove_leftover(session: Session, path: str) -> None:
    request = FileOperation(path=quote_twice(path), operation="rm", arg="-f")
    await session.send(encode(Command(command_xml(request))))
    session.leftovers.discard(path)
