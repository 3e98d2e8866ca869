# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: look, make, remove, move, fetch, send.

guiServer answers most file operations with nothing, and lists a missing directory like an empty one; so every
verb here looks before and after, and raises where what was asked did not come about. Values that would reach
the server's shell are refused unless they are plain. Mirrors guiserver.md 5.4, 7.2 and 7.3.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from datetime import UTC, datetime

from difxnb.client.exchange import ByteStream
from difxnb.client.patience import within
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
from difxnb.wire.files import Entry, LineListReader, parse_listing, require_plain
from difxnb.wire.message import FileOperation, command_xml

Progress = Callable[[int, int], None]

_WILDCARDS = re.compile(r"[*?\[\]]")
_READ_SIZE = 2**18


def require_path(path: str, what: str = "path") -> str:
    """Return `path` if it is absolute and safe for the server's shell.

    Raises
    ------
    UnsafeValue
        It holds characters that a shell would act on, wildcards among them.
    ValueError
        It is relative: nobody here knows what directory the server runs in.
    """
    if not path.startswith("/"):
        raise ValueError(f"{what} must be absolute on the server, such as /data/exp; got {path!r}")
    return require_plain(path, what)


async def ls_entries(session: Session, path: str, *, recursive: bool = False) -> list[Entry]:
    """List a directory, a file, or what a pattern matches.

    Returns
    -------
    list of Entry
        Empty only where the directory exists and is empty.

    Raises
    ------
    RemoteFileNotFound
        There is nothing of that name, or nothing matches the pattern.
    UnsafeValue, ValueError
        `path` is not plain (wildcards ``* ? [ ]`` are allowed here) or not absolute.
    NoReply, ConnectionLost
    """
    if is_pattern(path):
        return await _ls_pattern(session, path)
    found = await look_through(session, path)
    if found is None:
        raise RemoteFileNotFound(f"ls {path}: there is no such file or directory on {session.peer}")
    if found.type != "directory":
        return [found]
    # The slash makes a link to a directory list what is in it.
    return await _ls(session, "-l", path.rstrip("/") + "/")


def is_pattern(path: str) -> bool:
    """Whether a shell would expand `path`."""
    return _WILDCARDS.search(path) is not None


async def _ls_pattern(session: Session, pattern: str) -> list[Entry]:
    require_path(_WILDCARDS.sub("x", pattern), "pattern")
    entries = await _ls(session, "-ld", pattern)
    if entries:
        return entries
    directory, _ = posixpath.split(pattern)
    if not is_pattern(directory) and not await ls_entries(session, directory):
        return []
    raise RemoteFileNotFound(f"ls {pattern}: nothing on {session.peer} matches")


async def look(session: Session, path: str) -> Entry | None:
    """Give the entry of one file or directory itself, None where there is none."""
    entries = await _ls(session, "-ld", require_path(path))
    return entries[0] if entries else None


async def look_through(session: Session, path: str) -> Entry | None:
    """Give the entry of a file or directory, of the directory itself where `path` is a link to one."""
    found = await look(session, path)
    if found is None or found.type != "link":
        return found
    behind = await _ls(session, "-ld", path.rstrip("/") + "/")
    return behind[0] if behind else found


async def _ls(session: Session, options: str, path: str) -> list[Entry]:
    what = f"ls {path}"
    option_text = f"{options} --time-style=full-iso"

    def request(address: str, port: int) -> bytes:
        operation = FileOperation(path=path, operation="ls", arg=option_text, address=address, port=port)
        return encode(Command(command_xml(operation)))

    stream = await session.open_exchange(request, what)
    try:
        lines = await _read_lines(session, stream, what)
    finally:
        await stream.close()
    # `now` is for an ls that does not know the style asked for.
    return parse_listing(lines, path, now=datetime.now(UTC))


async def _read_lines(session: Session, stream: ByteStream, what: str) -> list[str]:
    reader = LineListReader()
    lines: list[str] = []
    while not reader.complete:
        async with within(session.patience.listing, f"{what}: {session.peer} stopped in the middle"):
            data = await stream.read(_READ_SIZE)
        if not data:
            reader.receive_eof()
        reader.receive_data(data)
        while (line := reader.next_line()) is not None:
            lines.append(line.decode("utf-8", "surrogateescape"))
    return lines


# --- operations without an answer ---------------------------------------------------------------------


async def _operate(session: Session, operation: FileOperation) -> None:
    """Send a file operation and wait until the server has been through with it."""
    async with session.blocking_the_server():
        await session.send(encode(Command(command_xml(operation))))
        await session.fence()


async def make_directory(session: Session, path: str) -> None:
    """Make a directory, and those above it; nothing happens where it exists.

    Raises
    ------
    RemoteFileExists
        A file of that name is in the way.
    RemotePermission, RemoteFileError
        It is not there afterwards.
    """
    require_path(path)
    before = session.notice_count
    await _operate(session, FileOperation(path=path, operation="mkdir"))
    found = await look_through(session, path)
    if found is not None and found.type != "directory":
        raise RemoteFileExists(f"mkdir {path}: a {found.type} of that name is in the way on {session.peer}")
    if found is None:
        raise _not_done(session, f"mkdir {path}: the directory is not there afterwards", before)


async def remove(session: Session, path: str, *, recursive: bool = False, force: bool = False) -> None:
    """Remove a file, or with `recursive` a directory and all that is in it; ``/`` is always refused.

    `force` allows wildcards, and does not complain where there is nothing to remove.

    Raises
    ------
    UnsafeValue
        The root directory, or wildcards without `force`.
    RemoteFileNotFound
        There was nothing to remove.
    RemotePermission, RemoteFileError
        It is still there afterwards.
    """
    if posixpath.normpath(path).strip("/") in ("", ".", ".."):
        raise UnsafeValue(f"rm {path}: the root directory is never removed")
    if is_pattern(path) and not force:
        raise UnsafeValue(f"rm {path}: wildcards are expanded on the server; say force=True if that is meant")
    require_path(_WILDCARDS.sub("x", path))
    before = session.notice_count
    doomed = await _ls(session, "-ld", path)
    if not doomed and not force:
        raise RemoteFileNotFound(f"rm {path}: there is no such file or directory on {session.peer}")
    if any(entry.type == "directory" for entry in doomed) and not recursive:
        raise RemoteFileError(f"rm {path}: a directory is removed with recursive=True only")
    # Without -f, rm asks about write-protected files on the server's terminal, holding guiServer's lock.
    await _operate(session, FileOperation(path=path, operation="rm", arg="-rf" if recursive else "-f"))
    if doomed and (left := await _ls(session, "-ld", path)):
        raise _not_done(session, f"rm {path}: {len(left)} of {len(doomed)} still there afterwards", before)


async def move(session: Session, path: str, target: str) -> None:
    """Rename a file or directory; `target` must not exist, or be a file that is replaced.

    Raises
    ------
    RemoteFileNotFound, RemoteFileExists
        `path` does not exist; `target` is a directory, which mv would move into.
    RemotePermission, RemoteFileError
        `path` is still there, or `target` is not.
    """
    require_path(path)
    require_path(target, "target")
    before = session.notice_count
    if await look(session, path) is None:
        raise RemoteFileNotFound(f"mv {path}: there is no such file or directory on {session.peer}")
    in_the_way = await look(session, target)
    if in_the_way is not None and in_the_way.type not in ("file", "link"):
        raise RemoteFileExists(f"mv {path} {target}: a {in_the_way.type} is in the way on {session.peer}")
    await _operate(session, FileOperation(path=path, operation="mv", arg=target))
    if await look(session, path) is not None or await look(session, target) is None:
        raise _not_done(session, f"mv {path} {target}: not done", before)


def _not_done(session: Session, what: str, before: int) -> RemoteFileError:
    said = session.said_since(before)
    kind = RemotePermission if "ermission denied" in said else RemoteFileError
    return kind(f"{what} on {session.peer}{said}; look at the permissions and the space there")


async def remove_quietly(session: Session, path: str) -> None:
    """Take away a file that only an interrupted operation of ours can have left; a lost server keeps it."""
    if session.lost is None:
        try:
            await session.send(
                encode(Command(command_xml(FileOperation(path=path, operation="rm", arg="-f"))))
            )
        except ConnectionLost:
            return  # the caller learns of the loss by its own error


async def remove_directory(session: Session, path: str) -> None:
    """Remove an empty directory."""
    raise NotImplementedError


async def touch(session: Session, path: str) -> None:
    """Make a file, or renew its time."""
    raise NotImplementedError


async def rename(session: Session, path: str, target: str, *, overwrite: bool = False) -> None:
    """Move as a shell does."""
    raise NotImplementedError


async def copy(session: Session, path: str, target: str, *, overwrite: bool = False) -> None:
    """Copy a file."""
    raise NotImplementedError
