# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving and copying on the server, each looked for before and after. Mirrors guiserver.md 5.4 and 7.2."""

from __future__ import annotations

import posixpath
import secrets

from difxnb.client.remote_files import missing, not_done, operate, remove_quietly
from difxnb.client.remote_listing import follow, look, look_at, look_through, require_absolute
from difxnb.client.session import Session
from difxnb.errors import RemoteFileError, RemoteFileExists, RemotePermission
from difxnb.wire.files import Entry
from difxnb.wire.quoting import MAX_PLAIN, move_target, quote_twice

_LONGEST_NAME = 255


def beside(path: str) -> str:
    """Make up a name for what is to become `path`, in the same directory."""
    directory, _, name = path.rstrip("/").rpartition("/")
    mark = f"part-{secrets.token_hex(4)}"
    long = f"{directory}/{name}.{mark}"
    fits = len(long.encode()) <= MAX_PLAIN and len(name.encode()) + len(mark) < _LONGEST_NAME
    return long if fits else f"{directory}/{mark}"


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
        raise missing(session, f"mv {path}", path)
    if in_the_way is not None and in_the_way.type not in ("file", "link"):
        raise RemoteFileExists(f"mv {path} {target}: a {in_the_way.type} is in the way on {session.peer}")
    if in_the_way is not None and _would_ask(session, in_the_way):
        raise RemotePermission(
            f"mv {path} {target}: what is there is write-protected ({in_the_way.mode} {in_the_way.owner}), "
            f"and mv would ask about that on the terminal of {session.peer} and wait for ever; remove it first"
        )
    await operate(session, "mv", quote_twice(path), move_target(target))
    left, there = await look_at(session, path, target)
    if left is not None or there is None or not _is_same(moved, there):
        raise not_done(session, f"mv {path} {target}: not done", before)


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
        raise missing(session, what, path)
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
    await operate(session, "cp", quote_twice(path), move_target(target))
    original, made = await look_at(session, path, target)
    if original is None or made is None or made.size != original.size:
        raise not_done(session, f"{what}: the copy is not there, or not whole", before)


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
