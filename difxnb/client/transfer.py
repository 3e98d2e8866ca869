# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole files to and from the server.

A file arrives whole or not at all: what is sent goes under a temporary name, is measured there, and only
then takes its place. A real guiServer damages NUL bytes, runs an endless loop when asked for a directory
and cannot count beyond 2 GiB; all of that is refused before it is asked. The bytes themselves go through
:mod:`difxnb.client.transfer_stream`. Mirrors guiserver.md 7.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from difxnb.client import staging
from difxnb.client.local_files import Content
from difxnb.client.remote_files import Progress, follow, look, remove_quietly, require_absolute
from difxnb.client.remote_moves import beside, copy_exactly, move
from difxnb.client.session import Session
from difxnb.client.transfer_stream import Sink, receive, upload
from difxnb.errors import (
    RemoteFileChanged,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
)
from difxnb.wire.files import Entry
from difxnb.wire.quoting import require_sendable

MAX_SIZE = 2**31 - 1
"""Bytes of the longest file that the protocol can transfer."""


def _require_size(size: int, what: str) -> None:
    if size > MAX_SIZE:
        raise RemoteFileError(f"{what}: {size} bytes; the protocol ends at {MAX_SIZE}. Use scp or rsync")


# --- from the server --------------------------------------------------------------------------------------


async def get_file(
    session: Session, path: str, *, checksum: bool = False, progress: Progress | None = None
) -> bytes:
    """Fetch a whole file; `progress` is called with bytes received and bytes in all.

    Raises
    ------
    RemoteFileNotFound, RemotePermission
    RemoteFileError
        A directory, or a file of 2 GiB and more.
    RemoteFileChanged
        With `checksum`: fetched a second time it was another one.
    NoReply, ConnectionLost
        Nothing of the file is kept.
    """
    pieces: list[bytes] = []

    async def keep(data: bytes) -> None:
        pieces.append(data)

    await fetch(session, path, keep, checksum=checksum, progress=progress, what=f"get_file {path}")
    return b"".join(pieces)


async def fetch(
    session: Session,
    path: str,
    sink: Sink,
    *,
    checksum: bool = False,
    progress: Progress | None = None,
    what: str,
) -> int:
    """Fetch a whole file into `sink`; gives its size. `what` names it in texts, errors as those of `get_file`."""
    require_sendable(require_absolute(path))
    end, found = await follow(session, path)
    entry = _require_file(session, found, what)
    if entry.size == 0 and not session.description.is_own:
        return 0  # a real server would run rubbish in its shell (H8)
    digest = hashlib.sha256()

    async def keep(data: bytes) -> None:
        if checksum:
            digest.update(data)
        await sink(data)

    async with staging.readable(session, end, entry, what) as origin:
        size = await receive(session, origin, what, keep, progress)
        if checksum and await _digest(session, origin, what) != digest.digest():
            raise RemoteFileChanged(f"{what}: fetched again it was another one; does something write to it?")
    return size


def _require_file(session: Session, entry: Entry | None, what: str) -> Entry:
    """Look first: a real server spins on a directory, and runs rubbish on a missing file (H8, H12)."""
    if entry is None:
        raise RemoteFileNotFound(f"{what}: there is no such file on {session.peer}")
    if entry.type != "file":
        raise RemoteFileError(
            f"{what}: this is a {entry.type} on {session.peer}, and only files can be fetched"
        )
    _require_size(entry.size, what)
    return entry


async def _digest(session: Session, origin: str, what: str) -> bytes:
    """Fetch a file for its checksum alone."""
    digest = hashlib.sha256()

    async def add(data: bytes) -> None:
        digest.update(data)

    await receive(session, origin, f"{what}, once more for its checksum", add, None)
    return digest.digest()


# --- to the server ----------------------------------------------------------------------------------------


async def send_file(
    session: Session, path: str, data: bytes, *, checksum: bool = False, progress: Progress | None = None
) -> int:
    """Send a whole file; one that is there is replaced when everything has arrived, and a link is written through.

    A real guiServer damages NUL bytes, so such content is refused there. `progress` is called with bytes
    handed to the system and bytes in all. With `checksum` what was stored is fetched and compared before it takes
    its place.

    Returns
    -------
    int
        Bytes stored, as counted by a look at the file.

    Raises
    ------
    RemoteFileExists
        `path` is a directory.
    RemoteFileNotFound, RemotePermission
        The directory does not exist, or may not be written to.
    RemoteFileError
        Content that cannot be sent, or that arrived in another size; the old file is untouched.
    NoReply, ConnectionLost
        Either the old or the new file is there, whole; ``NAME.part-…`` may be left beside it.
    """
    content = Content.of_bytes(data)
    return await send(session, path, content, checksum=checksum, progress=progress, what=f"send_file {path}")


async def send(
    session: Session,
    path: str,
    content: Content,
    *,
    overwrite: bool = True,
    checksum: bool = False,
    progress: Progress | None = None,
    what: str,
) -> int:
    """Send content as one file; `what` names it in texts, errors as those of `send_file`.

    Without `overwrite` a file that is there is left alone: RemoteFileExists.
    """
    end, in_the_way = await follow(session, require_absolute(path))
    if in_the_way is not None and (in_the_way.type != "file" or not overwrite):
        hint = "; overwrite=True replaces it" if in_the_way.type == "file" else ""
        raise RemoteFileExists(
            f"{what}: a {in_the_way.type} of that name is in the way on {session.peer}{hint}"
        )
    await _require_sendable(session, content, what)
    await _put(session, end, content, checksum=checksum, progress=progress, what=what)
    return content.size


async def replace_file(session: Session, path: str, old: bytes, new: bytes, *, backup: bool) -> str | None:
    """Replace a file that still holds `old`; gives the name under which that is kept, when `backup`.

    Raises
    ------
    RemoteFileChanged
        It holds something else, or is gone; it is left as it is.
    """
    what = f"saving {path}"
    content = Content.of_bytes(new)
    await _require_sendable(session, content, what)
    end, _ = await follow(session, path)
    kept: list[str] = []

    async def keep_old() -> None:
        await _require_unchanged(session, end, old, what)
        if backup:
            kept.append(await _back_up(session, end, what))

    await _put(session, end, content, checksum=False, progress=None, what=what, just_before=keep_old)
    return kept[0] if kept else None


async def _require_unchanged(session: Session, path: str, old: bytes, what: str) -> None:
    try:
        now = await get_file(session, path)
    except RemoteFileNotFound as error:
        raise RemoteFileChanged(f"{what}: the file is gone from {session.peer}") from error
    if now != old:
        raise RemoteFileChanged(
            f"{what}: somebody changed the file on {session.peer} since it was opened; open it again"
        )


async def _back_up(session: Session, path: str, what: str) -> str:
    number = 1
    while await look(session, kept := f"{path}~{number if number > 1 else ''}") is not None:
        number += 1
    await copy_exactly(session, path, kept, f"{what}, its backup {kept}")
    return kept


async def _require_sendable(session: Session, content: Content, what: str) -> None:
    _require_size(content.size, what)
    if not session.description.is_own and await content.holds_nul():
        raise RemoteFileError(
            f"{what}: the content holds NUL bytes, which a real guiServer drops without a word; "
            "use scp, or send it encoded as text"
        )


async def _put(
    session: Session,
    path: str,
    content: Content,
    *,
    checksum: bool,
    progress: Progress | None,
    what: str,
    just_before: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Upload under a temporary name, measure, and give the name; `just_before` that something may be in the way."""
    temporary = beside(path)
    try:
        await _upload_to(session, temporary, content, what, progress)
        stored = await _verify_size(session, temporary, content.size, what)
        if checksum:
            await _verify_content(session, temporary, stored, content, what)
        if just_before is not None:
            await just_before()
        await move(session, temporary, path)
    except BaseException:
        await remove_quietly(session, temporary)
        raise


async def _upload_to(
    session: Session, path: str, content: Content, what: str, progress: Progress | None
) -> None:
    """Upload to a name that nothing has, by way of a plain one where the server cannot be given this one."""
    direct = staging.destination(session, path)
    if direct is not None:
        await upload(session, direct, path, content, what, progress)
        return
    for place in (places := staging.plain_places(path)):
        try:
            await upload(session, place, place, content, what, progress)
            break
        except (RemotePermission, RemoteFileNotFound):
            if place is places[-1]:
                raise
    try:
        await _verify_size(session, place, content.size, what)
        await move(session, place, path)
    except BaseException:
        await remove_quietly(session, place)
        raise


async def _verify_size(session: Session, path: str, size: int, what: str) -> Entry:
    found = await look(session, path)
    if found is None or found.size != size:
        stored = "nothing" if found is None else f"{found.size} bytes"
        raise RemoteFileError(
            f"{what}: {size} bytes were sent and {stored} arrived on {session.peer}; is the disk full there?"
        )
    return found


async def _verify_content(session: Session, path: str, entry: Entry, content: Content, what: str) -> None:
    if content.size == 0:
        return
    digest = hashlib.sha256()
    async for block in content.read():
        digest.update(block)
    async with staging.readable(session, path, entry, what) as origin:
        if await _digest(session, origin, what) != digest.digest():
            raise RemoteFileError(f"{what}: what {session.peer} stored is not what was sent")
