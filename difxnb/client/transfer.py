# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole files to and from the server.

A file arrives whole or not at all: what is sent goes under a temporary name, is measured there, and only
then takes its place. A real guiServer damages NUL bytes, runs an endless loop when asked for a directory
and cannot count beyond 2 GiB; all of that is refused before it is asked. Mirrors guiserver.md 7.3.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from difxnb.client.exchange import ByteStream
from difxnb.client.patience import within
from difxnb.client.remote_files import Progress, look, look_through, move, remove_quietly, require_path
from difxnb.client.session import Session
from difxnb.errors import (
    ConnectionLost,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
)
from difxnb.wire.control import Command, encode, upload_chunks
from difxnb.wire.files import DownloadReader, Entry, TransferResult
from difxnb.wire.message import FileTransfer, command_xml
from difxnb.wire.packet import decode_int

MAX_SIZE = 2**31 - 1
"""Bytes of the longest file that the protocol can transfer."""

_READ_SIZE = 2**18
_MEANING: dict[int, tuple[type[RemoteFileError], str]] = {
    TransferResult.NOT_ABSOLUTE: (RemoteFileError, "the path is not absolute"),
    TransferResult.NOT_FOUND: (RemoteFileNotFound, "there is no such file or directory"),
    TransferResult.NO_PERMISSION: (RemotePermission, "the server's user may not do that"),
    TransferResult.NO_USER: (
        RemoteFileError,
        "the server does not know its own user; set DIFX_USER_ID there",
    ),
    TransferResult.NOT_DIRECTORY: (RemoteFileError, "what the path calls a directory is none"),
}


def _refusal(session: Session, what: str, result: int) -> RemoteFileError:
    kind, meaning = _MEANING.get(result, (RemoteFileError, f"refused with the number {result}"))
    return kind(f"{what}: {meaning} (guiServer at {session.peer})")


async def get_file(
    session: Session, path: str, *, checksum: bool = False, progress: Progress | None = None
) -> bytes:
    """Fetch a whole file; `progress` is called with bytes received and bytes in all.

    Raises
    ------
    RemoteFileNotFound, RemotePermission
    RemoteFileError
        A directory, or a file of 2 GiB and more.
    PacketTruncated
        The server ended the transfer early.
    NoReply, ConnectionLost
        Nothing of the file is kept.
    """
    what = f"get_file {path}"
    entry = await _require_file(session, path, what)
    if entry.size > MAX_SIZE:
        raise RemoteFileError(
            f"{what}: {entry.size} bytes; the protocol ends at {MAX_SIZE}. Use scp or rsync"
        )

    def request(address: str, port: int) -> bytes:
        transfer = FileTransfer(origin=path, direction="from DiFX", address=address, port=port)
        return encode(Command(command_xml(transfer)))

    stream = await session.open_exchange(request, what)
    try:
        return await _receive(session, stream, what, progress)
    finally:
        await stream.close()


async def _require_file(session: Session, path: str, what: str) -> Entry:
    """Look first: a real server spins on a directory, and runs rubbish on a missing file (H8, H12)."""
    entry = await look_through(session, path)
    if entry is None:
        raise RemoteFileNotFound(f"{what}: there is no such file on {session.peer}")
    if entry.type not in ("file", "link"):
        raise RemoteFileError(
            f"{what}: this is a {entry.type} on {session.peer}, and only files can be fetched"
        )
    return entry


async def _receive(session: Session, stream: ByteStream, what: str, progress: Progress | None) -> bytes:
    reader = DownloadReader()
    while not reader.complete:
        at = f"after {reader.received} of {'?' if reader.size is None else reader.size} bytes"
        async with within(session.patience.stall, f"{what}: {session.peer} stopped {at}"):
            data = await stream.read(_READ_SIZE)
        if not data:
            reader.receive_eof()
        reader.receive_data(data)
        if progress is not None and reader.size is not None and reader.size > 0:
            progress(reader.received, reader.size)
    if reader.size is None or reader.size < 0:
        raise _refusal(session, what, reader.size or 0)
    return reader.take()


async def send_file(
    session: Session, path: str, data: bytes, *, checksum: bool = False, progress: Progress | None = None
) -> int:
    """Send a whole file; one that is there is replaced when everything has arrived.

    A real guiServer damages NUL bytes, so such content is refused there. `progress` is called with bytes
    handed to the system and bytes in all.

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
    what = f"send_file {path}"
    _require_sendable(session, data, what)
    in_the_way = await look(session, path)
    if in_the_way is not None and in_the_way.type not in ("file", "link"):
        raise RemoteFileExists(f"{what}: a {in_the_way.type} of that name is in the way on {session.peer}")
    temporary = f"{path}.part-{secrets.token_hex(4)}"
    try:
        await _upload(session, temporary, data, what, progress)
        await _verify_size(session, temporary, len(data), what)
        await move(session, temporary, path)
    except BaseException:
        await remove_quietly(session, temporary)
        raise
    await _verify_size(session, path, len(data), what)
    return len(data)


def _require_sendable(session: Session, data: bytes, what: str) -> None:
    if len(data) > MAX_SIZE:
        raise RemoteFileError(f"{what}: {len(data)} bytes; the protocol ends at {MAX_SIZE}. Use scp or rsync")
    if b"\0" in data and not session.description.is_own:
        raise RemoteFileError(
            f"{what}: the content holds NUL bytes, which a real guiServer drops without a word; "
            "use scp, or send it encoded as text"
        )


async def _upload(session: Session, path: str, data: bytes, what: str, progress: Progress | None) -> None:
    require_path(path)

    def request(address: str, port: int) -> bytes:
        transfer = FileTransfer(destination=path, direction="to DiFX", address=address, port=port)
        return encode(Command(command_xml(transfer)))

    stream = await session.open_exchange(request, what)
    try:
        for piece in _with_progress(upload_chunks(data), len(data), progress):
            async with within(session.patience.stall, f"{what}: {session.peer} stopped taking data"):
                await stream.write([piece])
        result = await _read_result(session, stream, what)
    finally:
        await stream.close()
    if result < 0:
        raise _refusal(session, what, result)


def _with_progress(pieces: Iterable[bytes], total: int, progress: Progress | None) -> Iterator[bytes]:
    sent = -4  # the first piece is the size
    for piece in pieces:
        yield piece
        sent += len(piece)
        if progress is not None:
            progress(sent, total)


async def _read_result(session: Session, stream: ByteStream, what: str) -> int:
    answer = b""
    while len(answer) < 4:
        async with within(session.patience.stall, f"{what}: no acknowledgement from {session.peer}"):
            data = await stream.read(4 - len(answer))
        if not data:
            raise ConnectionLost(f"{what}: {session.peer} ended the transfer without acknowledging it")
        answer += data
    return decode_int(answer, "acknowledgement of an upload")


async def _verify_size(session: Session, path: str, size: int, what: str) -> None:
    found = await look(session, path)
    if found is None or found.size != size:
        stored = "nothing" if found is None else f"{found.size} bytes"
        raise RemoteFileError(
            f"{what}: {size} bytes were sent and {stored} arrived on {session.peer}; is the disk full there?"
        )


async def replace_file(session: Session, path: str, old: bytes, new: bytes, *, backup: bool) -> str | None:
    """Replace a file that still holds `old`."""
    raise NotImplementedError
