# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a transfer, once it is decided what goes where.

In: an origin or a destination as the server has to be told it. Out: bytes, and the server's answer. What is broken off
here is brought to its end in the background: a real server would wait for the rest for ever, send it all the same, and
die when it is left meanwhile (H2). Mirrors guiserver.md 7.3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from difxnb.client.conversation import cut_off
from difxnb.client.exchange import ByteStream
from difxnb.client.local_files import Content
from difxnb.client.patience import within
from difxnb.client.remote_files import Progress, remove_quietly
from difxnb.client.session import Session
from difxnb.errors import (
    ConnectionLost,
    NoReply,
    ProtocolError,
    RemoteFileError,
    RemoteFileNotFound,
    RemotePermission,
)
from difxnb.wire.control import Command, encode
from difxnb.wire.files import UPLOAD_PIECE, DownloadReader, TransferResult, encode_size, upload_pieces
from difxnb.wire.message import FileTransfer, command_xml
from difxnb.wire.packet import decode_int

_log = logging.getLogger(__name__)

COPY_RATE = 50e6
"""Bytes per second that a disk of the server surely copies."""

Sink = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes of a file."""

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


def _require_user(session: Session, what: str) -> None:
    """Refuse what a real server without a name for its user would not survive (H23)."""
    if not session.description.knows_its_user:
        raise RemoteFileError(
            f"{what}: guiServer at {session.peer} does not know its own user and would die of it; set DIFX_USER_ID "
            "where it is started"
        )


async def receive(session: Session, origin: str, what: str, sink: Sink, progress: Progress | None) -> int:
    """Download `origin` into `sink`; gives the size. `what` names it in texts."""

    def request(address: str, port: int) -> bytes:
        transfer = FileTransfer(origin=origin, direction="from DiFX", address=address, port=port)
        return encode(Command(command_xml(transfer)))

    _require_user(session, what)
    stream = await session.open_exchange(request, what)
    reader = DownloadReader()
    try:
        await _read_all(session, stream, reader, what, sink, progress)
    except (ProtocolError, NoReply, ConnectionLost):
        await stream.close()
        raise
    except BaseException:
        session.wind_down(_read_on(session, stream, reader), f"rest of {what}")
        raise
    await stream.close()
    _after_download(session, stream, reader.received)
    if reader.size is None or reader.size < 0:
        raise _refusal(session, what, reader.size or 0)
    return reader.size


def _after_download(session: Session, stream: ByteStream, size: int) -> None:
    """Do for a real server what it does not: it copies the file once more after its last byte, and leaves the copy."""
    pause = session.patience.transfer_close + size / COPY_RATE
    session.stay(pause)
    if session.description.is_own:
        return

    # A port may be another client's by chance, and its copy just then be made and not yet opened; hardly ever both.
    async def remove_copy() -> None:
        await asyncio.sleep(pause)
        await remove_quietly(session, f"/tmp/filetransfer_{stream.port}")

    session.wind_down(remove_copy(), "the copy of a download")


async def _read_all(
    session: Session,
    stream: ByteStream,
    reader: DownloadReader,
    what: str,
    sink: Sink,
    progress: Progress | None,
) -> None:
    while not reader.complete:
        at = f"after {reader.received} of {'?' if reader.size is None else reader.size} bytes"
        async with within(session.patience.stall, f"{what}: {session.peer} stopped {at}"):
            data = await stream.read(_READ_SIZE)
        if not data:
            cut_off(reader, what)
        reader.receive_data(data)
        if content := reader.take():
            await sink(content)
        if progress is not None and reader.size is not None and reader.size > 0:
            progress(reader.received, reader.size)


async def _read_on(session: Session, stream: ByteStream, reader: DownloadReader) -> None:
    """Take in the rest of a file that nobody wants any more, which the server sends all the same."""

    async def drop(data: bytes) -> None:
        """Drop it."""

    try:
        await _read_all(session, stream, reader, "the rest of a download", drop, None)
        _after_download(session, stream, reader.received)
    except (ProtocolError, NoReply, ConnectionLost) as error:
        _log.info("%s", error)
    finally:
        await stream.close()


async def upload(
    session: Session, destination: str, path: str, content: Content, what: str, progress: Progress | None
) -> None:
    """Upload to `destination`, which is `path` as the server has to be told of it."""

    def request(address: str, port: int) -> bytes:
        transfer = FileTransfer(destination=destination, direction="to DiFX", address=address, port=port)
        return encode(Command(command_xml(transfer)))

    _require_user(session, what)
    stream = await session.open_exchange(request, what)
    sending = _Sending(session, stream, content.size, what)
    try:
        await sending.send(content, progress)
        result = await sending.result()
    except (ProtocolError, NoReply, ConnectionLost):
        await stream.close()
        raise
    except BaseException:
        session.wind_down(_send_the_rest(session, sending, path), f"rest of {what}")
        raise
    await stream.close()
    session.stay(session.patience.transfer_close)
    if result < 0:
        raise _refusal(session, what, result)


class _Sending:
    """One upload under way.

    Attributes
    ----------
    left : int
        Bytes that the server still waits for.
    """

    def __init__(self, session: Session, stream: ByteStream, size: int, what: str) -> None:
        self.left = size
        self.stream = stream
        self._session, self._size, self._what = session, size, what

    async def send(self, content: Content, progress: Progress | None) -> None:
        """Send the size and all of the content."""
        await self._write(encode_size(self._size))
        async for block in content.read():
            for piece in upload_pieces(block):
                await self.write(piece)
                if progress is not None:
                    progress(self._size - self.left, self._size)

    async def write(self, piece: bytes | memoryview) -> None:
        """Send a piece; it counts as sent even when this is interrupted."""
        self.left -= len(piece)
        await self._write(piece)

    async def _write(self, piece: bytes | memoryview) -> None:
        silence = f"{self._what}: {self._session.peer} stopped taking data"
        async with within(self._session.patience.stall, silence):
            await self.stream.write([piece])

    async def result(self) -> int:
        """Wait for the server's answer."""
        answer = b""
        silence = f"{self._what}: no acknowledgement from {self._session.peer}"
        while len(answer) < 4:
            async with within(self._session.patience.stall, silence):
                data = await self.stream.read(4 - len(answer))
            if not data:
                raise ConnectionLost(
                    f"{self._what}: {self._session.peer} ended the transfer without acknowledging it"
                )
            answer += data
        return decode_int(answer, "acknowledgement of an upload")


async def _send_the_rest(session: Session, sending: _Sending, path: str) -> None:
    """Give the server the rest of a broken-off upload as NUL bytes, and take away what it makes of it."""
    try:
        while sending.left:
            await sending.write(bytes(min(UPLOAD_PIECE, sending.left)))
        await sending.result()
    except (ProtocolError, NoReply, ConnectionLost) as error:
        _log.info("%s", error)
    finally:
        await sending.stream.close()
        await remove_quietly(session, path)
