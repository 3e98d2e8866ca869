# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing files on the server: make, touch, remove, move, copy.

guiServer answers these with nothing, so every verb looks before and after, and raises where what was asked did not
come about. Each value is quoted as its command needs it. Mirrors guiserver.md 5.4 and 7.2.
"""

from __future__ import annotations

import asyncio
import posixpath
import secrets
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
    MAX_PLAIN,
    is_pattern,
    literal_name,
    move_target,
    quote_once,
    quote_pattern_twice,
    quote_twice,
)

__all__ = [
    "Progress",
    "beside",
    "copy",
    "follow",
    "is_pattern",
    "look",
    "look_at",
    "look_through",
    "ls_entries",
    "make_directory",
    "move",
    "remove",
    "remove_directory",
    "remove_quietly",
    "rename",
    "require_absolute",
    "require_path",
    "tidy",
    "touch",
    "what_goes",
    "where_copied",
    "where_renamed",
]

Progress = Callable[[int, int], None]

_LONGEST_NAME = 255
# Clocks of files go by the ticks of the kernel: twice within one of them gives the same time.
_TICK_S = 0.05


def beside(path: str) -> str:
    """Make up a name for what is to become `path`, in the same directory."""
    directory, _, name = path.rstrip("/").rpartition("/")
    mark = f"part-{secrets.token_hex(4)}"
    long = f"{directory}/{name}.{mark}"
    fits = len(long.encode()) <= MAX_PLAIN and len(name.encode()) + len(mark) < _LONGEST_NAME
    return long if fits else f"{directory}/{mark}"


async def _operate(session: Session, operation: str, path: str, argument: str = "") -> None:
    """Send a file operation and wait until the server has been through with it."""
    request = FileOperation(path=path, operation=operation, arg=argument or None)
    async with session.blocking_the_server():
        await session.send(encode(Command(command_xml(request))))
        await session.fence()


def _not_done(session: Session, what: str, before: int) -> RemoteFileError:
    said = session.said_since(before)
    kind = RemotePermission if "ermission denied" in said else RemoteFileError
    return kind(f"{what} on {session.peer}{said}; look at the permissions and the space there")


def _missing(session: Session, what: str, path: str) -> RemoteFileNotFound:
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
    await _operate(session, "mkdir", quoted)
    found = await look_through(session, path)
    if found is not None and found.type != "directory":
        raise RemoteFileExists(f"mkdir {path}: a {found.type} of that name is in the way on {session.peer}")
    if found is None:
        raise _not_done(session, f"mkdir {path}: the directory is not there afterwards", before)


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
        raise _missing(session, f"rmdir {path}", path)
    if found.type != "directory":
        raise RemoteFileError(f"rmdir {path}: this is a {found.type} on {session.peer}")
    await _operate(session, "rmdir", quoted)
    if await look(session, path) is not None:
        raise _not_done(session, f"rmdir {path}: still there afterwards; is it empty", before)


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
        await _operate(session, "touch", quoted)
        _, new = await follow(session, path)
        if new is not None and (old is None or new.modified != old.modified):
            return
    state = "not there" if new is None else "as old as it was"
    raise _not_done(session, f"touch {path}: the file is {state} afterwards", before)


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
    await _operate(session, "rm", quoted, "-rf" if recursive else "-f")
    names = {entry.path for entry in doomed}
    if doomed and (left := [e for e in await _matching(session, path, name) if e.path in names]):
        raise _not_done(session, f"rm {path}: {len(left)} of {len(doomed)} still there afterwards", before)


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
        raise _missing(session, f"rm {path}", "")
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


# --- moving and copying ---------------------------------------------------------------------------------


async def move(session: Session, path: str, target: str) -> None:
    """Give a file or directory the name `target`, which must be free, or a file that is replaced.

    Raises
    ------
    RemoteFileNotFound, RemoteFileExists
        `path` does not exist; `target` is a directory, which mv would move into.
    RemotePermission, RemoteFileError
        `path` is still there, or `target` is not.
    """
    _require_sendable(path, target)
    before = session.notice_count
    moved, in_the_way = await look_at(session, path, target)
    if moved is None:
        raise _missing(session, f"mv {path}", path)
    if in_the_way is not None and in_the_way.type not in ("file", "link"):
        raise RemoteFileExists(f"mv {path} {target}: a {in_the_way.type} is in the way on {session.peer}")
    if in_the_way is not None and _would_ask(session, in_the_way):
        raise RemotePermission(
            f"mv {path} {target}: what is there is write-protected ({in_the_way.mode} {in_the_way.owner}), "
            f"and mv would ask about that on the terminal of {session.peer} and wait for ever; remove it first"
        )
    await _operate(session, "mv", quote_twice(path), move_target(target))
    left, there = await look_at(session, path, target)
    if left is not None or there is None or not _is_same(moved, there):
        raise _not_done(session, f"mv {path} {target}: not done", before)


def _is_same(old: Entry, new: Entry) -> bool:
    return old.type == new.type and (old.size == new.size or old.type != "file")


def _would_ask(session: Session, entry: Entry) -> bool:
    """Whether mv would ask before replacing a file, as it does where a terminal is at hand."""
    user = session.description.user  # a server without a terminal does not say
    if session.description.is_own or not user or user == "root" or entry.type != "file":
        return False
    owner, group, others = (entry.mode[at : at + 1] == "w" for at in (2, 5, 8))
    return not (owner if entry.owner == user else group or others)


async def rename(session: Session, path: str, target: str, *, overwrite: bool = False) -> None:
    """Move or rename as a shell does: into `target` where that is a directory.

    Raises
    ------
    RemoteFileNotFound
        `path` does not exist.
    RemoteFileExists
        A file is in the way, and `overwrite` is False; or a directory is, which is never replaced.
    RemotePermission, RemoteFileError
        It was not done.
    """
    await move(session, path, await where_renamed(session, path, target, overwrite=overwrite))


async def where_renamed(session: Session, path: str, target: str, *, overwrite: bool = False) -> str:
    """Where `rename` would move something that exists; what is in its way is refused here, and nothing is moved."""
    what = f"mv {path} {target}"
    _require_sendable(path, target)
    end, in_the_way = await _end_of(session, path, target)
    _require_free(session, what, path, end, in_the_way, overwrite=overwrite)
    return end


async def copy(session: Session, path: str, target: str, *, overwrite: bool = False) -> None:
    """Copy a file, into `target` where that is a directory; what is replaced stays until the copy is complete.

    Raises
    ------
    RemoteFileNotFound
        `path` does not exist.
    RemoteFileExists
        A file is in the way, and `overwrite` is False; or something else is, which is never replaced.
    RemotePermission, RemoteFileError
        `path` is no file, or the copy is not there, or not whole.
    """
    what = f"cp {path} {target}"
    source, end = await where_copied(session, path, target, overwrite=overwrite)
    partial = beside(end)
    try:
        await copy_exactly(session, source, partial, what)
        await move(session, partial, end)
    except BaseException:
        await remove_quietly(session, partial)
        raise


async def where_copied(
    session: Session, path: str, target: str, *, overwrite: bool = False
) -> tuple[str, str]:
    """Give the file that `copy` would copy, and where to; its refusals, and nothing is copied."""
    what = f"cp {path} {target}"
    _require_sendable(path, target)
    source, original = await follow(session, path)
    if original is None:
        raise _missing(session, what, path)
    if original.type != "file":
        raise RemoteFileError(
            f"{what}: this is a {original.type} on {session.peer}, and guiServer copies files only"
        )
    end, _ = await _end_of(session, path, target)
    end, in_the_way = await follow(session, end)
    _require_free(session, what, source, end, in_the_way, overwrite=overwrite)
    return source, end


async def copy_exactly(session: Session, path: str, target: str, what: str) -> None:
    """Copy a file to a name that nothing has, and see that it has the same size then."""
    before = session.notice_count
    await _operate(session, "cp", quote_twice(path), move_target(target))
    original, made = await look_at(session, path, target)
    if original is None or made is None or made.size != original.size:
        raise _not_done(session, f"{what}: the copy is not there, or not whole", before)


def _require_sendable(path: str, target: str) -> None:
    quote_twice(require_absolute(path))
    move_target(require_absolute(target, "target"))


async def _end_of(session: Session, path: str, target: str) -> tuple[str, Entry | None]:
    """Where something ends up that is put to `target`, and what is there."""
    found = await look_through(session, target)
    if found is None or found.type != "directory":
        return target, found
    inside = posixpath.join(target, posixpath.basename(path.rstrip("/")))
    return inside, await look(session, inside)


def _require_free(
    session: Session, what: str, path: str, end: str, in_the_way: Entry | None, *, overwrite: bool
) -> None:
    if posixpath.normpath(path) == posixpath.normpath(end):
        raise RemoteFileError(f"{what}: both are the same file on {session.peer}")
    if in_the_way is None:
        return
    if in_the_way.type not in ("file", "link"):
        raise RemoteFileExists(f"{what}: a {in_the_way.type} is in the way on {session.peer}")
    if not overwrite:
        raise RemoteFileExists(f"{what}: {end} exists on {session.peer}; overwrite=True replaces it")
