# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at files on the server, by ``ls`` alone.

guiServer lists a missing directory like an empty one, so whoever lists has to look first. Names are asked for
escaped (``-b``): one line feed in one name would otherwise break a line of the answer in two. Mirrors guiserver.md
5.4 and 7.2.
"""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime

from difxnb.client.conversation import cut_off
from difxnb.client.exchange import ByteStream
from difxnb.client.patience import within
from difxnb.client.session import Session
from difxnb.errors import RemoteFileError, RemoteFileNotFound, RemotePermission
from difxnb.wire.control import Command, encode
from difxnb.wire.files import Entry, LineListReader
from difxnb.wire.listing import Listed, read_listing
from difxnb.wire.message import FileOperation, command_xml
from difxnb.wire.quoting import is_pattern, literal_name, quote_once, quote_pattern_once, require_plain

_READ_SIZE = 2**18
# As many links as Linux follows one after the other.
_MAX_LINKS = 40


def require_path(path: str, what: str = "path") -> str:
    """Return `path` if it is absolute and every operation takes it as it stands.

    Raises
    ------
    UnsafeValue
        It holds characters that a shell would act on, wildcards among them.
    ValueError
        It is relative: nobody here knows what directory the server runs in.
    """
    return require_plain(require_absolute(path, what), what)


def require_absolute(path: str, what: str = "path") -> str:
    """Return `path` if it is absolute; ValueError where it is not."""
    if not path.startswith("/"):
        raise ValueError(f"{what} must be absolute on the server, such as /data/exp; got {path!r}")
    return path


async def ls_entries(session: Session, path: str) -> list[Entry]:
    """List a directory, a file, or what a pattern matches.

    Names with a dot in front are left out, as by ``ls``, unless the pattern has the dot.

    Returns
    -------
    list of Entry
        Empty only where the directory exists and is empty.

    Raises
    ------
    RemoteFileNotFound
        There is nothing of that name, or nothing matches the pattern.
    RemotePermission
        The server may not read the directory.
    UnsafeValue, ValueError
        `path` cannot be sent, or is not absolute.
    NoReply, ConnectionLost
    """
    name = literal_name(require_absolute(path))
    if name is None:
        return await matching(session, path)
    entry = await _require(session, name)
    if entry.type != "directory":
        return [entry]
    return (await _ls_directory(session, name, "-lb")).entries


async def ls_tree(session: Session, path: str) -> tuple[list[Entry], list[str]]:
    """List as `ls_entries` does, and what is in directories below; links are not followed.

    Returns
    -------
    list of Entry, list of str
        And the directories that the server may not read.
    """
    name = literal_name(require_absolute(path))
    found = await matching(session, path) if name is None else [await _require(session, name)]
    entries, unread = (found if name is None or found[0].type != "directory" else []), list[str]()
    for directory in (e.path if name is None else name for e in found if e.type == "directory"):
        below, closed = await tree(session, directory, "-lbR")
        entries, unread = [*entries, *below], [*unread, *closed]
    return entries, unread


async def _require(session: Session, path: str) -> Entry:
    entry = await look_through(session, path)
    if entry is None:
        raise RemoteFileNotFound(f"ls {path}: there is no such file or directory on {session.peer}")
    return entry


async def matching(session: Session, pattern: str) -> list[Entry]:
    """What a pattern matches; errors as those of `ls_entries`."""
    listed = await _ls(session, "-lbd", quote_pattern_once(require_absolute(pattern, "pattern")), pattern)
    # ".*" matches the directory itself and the one above.
    found = [entry for entry in listed.entries if entry.name not in (".", "..")]
    if found:
        return found
    directory, _ = posixpath.split(pattern)
    if not is_pattern(directory) and not await ls_entries(session, directory):
        return []
    raise RemoteFileNotFound(f"ls {pattern}: nothing on {session.peer} matches")


async def tree(session: Session, directory: str, options: str = "-lbAR") -> tuple[list[Entry], list[str]]:
    """Everything below a directory, names with a dot in front as well; links are not followed.

    Returns
    -------
    list of Entry, list of str
        And the directories that the server may not read.
    """
    listed = await _ls_directory(session, directory, options)
    unread = [e.path for e in listed.entries if e.type == "directory" and e.path not in listed.directories]
    return listed.entries, unread


async def _ls_directory(session: Session, path: str, options: str) -> Listed:
    # The slash makes a link to a directory list what is in it.
    listed = await _ls(session, options, quote_once(path.rstrip("/") + "/"), path)
    if listed.is_empty:  # an empty directory has its total
        raise RemotePermission(f"ls {path}: guiServer at {session.peer} may not read this directory")
    return listed


async def look(session: Session, path: str) -> Entry | None:
    """Give the entry of one file or directory itself, None where there is none."""
    return (await look_at(session, path))[0]


async def look_at(session: Session, *paths: str) -> list[Entry | None]:
    """Give the entries of one or two files or directories at one time, None where there is none."""
    quoted = " ".join(quote_once(require_absolute(path)) for path in paths)
    entries = {e.path: e for e in (await _ls(session, "-lbd", quoted, " ".join(paths))).entries}
    return [entries.get(path.rstrip("/") or "/") for path in paths]


async def look_through(session: Session, path: str) -> Entry | None:
    """Give the entry of a file or directory, of the directory itself where `path` is a link to one."""
    found = await look(session, path)
    if found is None or found.type != "link":
        return found
    slashed = path.rstrip("/") + "/"
    behind = await _ls(session, "-lbd", quote_once(slashed), slashed)
    return behind.entries[0] if behind.entries else found


async def follow(session: Session, path: str) -> tuple[str, Entry | None]:
    """Follow links: the path where they end, and what is there, None where there is nothing (yet).

    Raises
    ------
    RemoteFileError
        The links lead in a circle.
    """
    end = path
    for _ in range(_MAX_LINKS):
        found = await look(session, end)
        if found is None or found.type != "link" or found.target is None:
            return end, found
        end = posixpath.join(posixpath.dirname(end.rstrip("/")), found.target)
    raise RemoteFileError(f"{path}: more than {_MAX_LINKS} links one after the other on {session.peer}")


async def _ls(session: Session, options: str, quoted: str, path: str) -> Listed:
    what = f"ls {path}"
    option_text = f"{options} --time-style=full-iso"

    def request(address: str, port: int) -> bytes:
        operation = FileOperation(path=quoted, operation="ls", arg=option_text, address=address, port=port)
        return encode(Command(command_xml(operation)))

    stream = await session.open_exchange(request, what)
    try:
        lines = await _read_lines(session, stream, what)
    finally:
        await stream.close()
    # `now` is for an ls that does not know the style asked for.
    return read_listing(lines, path, now=datetime.now(UTC), escaped=True)


async def _read_lines(session: Session, stream: ByteStream, what: str) -> list[str]:
    reader = LineListReader()
    lines: list[bytes] = []
    while not reader.complete:
        async with within(session.patience.listing, f"{what}: {session.peer} stopped in the middle"):
            data = await stream.read(_READ_SIZE)
        if not data:
            cut_off(reader, what)
        reader.receive_data(data)
        while (line := reader.next_line()) is not None:
            lines.append(line)
    # A real server cuts long lines in pieces, and only their ends have the line feed.
    return b"".join(lines).decode("utf-8", "surrogateescape").split("\n")
