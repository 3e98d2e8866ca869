# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server: the raw streams of `ls`, vex2difx, upload and download.

They have no packets, only bare integers and bytes (guiserver.md 1.6, 7.2 and 7.3). What the lines of `ls` mean is in
:mod:`difxnb.wire.listing`, how values for the server's shell are written in :mod:`difxnb.wire.quoting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from difxnb.errors import PacketTooBig, PacketTruncated, ProtocolError
from difxnb.wire.listing import Entry, format_entry, parse_listing
from difxnb.wire.packet import encode_int
from difxnb.wire.quoting import move_target, quote_once, quote_twice, require_plain

__all__ = [
    "END_OF_LINES",
    "UPLOAD_PIECE",
    "DownloadReader",
    "Entry",
    "LineListReader",
    "TransferResult",
    "UploadReader",
    "encode_line",
    "encode_size",
    "format_entry",
    "move_target",
    "parse_listing",
    "quote_once",
    "quote_twice",
    "require_plain",
    "upload_pieces",
]

# --- lists of lines -----------------------------------------------------------------------------------

END_OF_LINES = encode_int(0)

# guiServer splits lines at 4095 bytes.
MAX_LINE = 2**16


def encode_line(line: bytes) -> bytes:
    """Write one line; ValueError for an empty one, which would end the list."""
    if not line:
        raise ValueError("an empty line would end the list; send its line feed")
    return encode_int(len(line)) + line


class LineListReader:
    """Cuts the stream of `ls` or vex2difx into lines, as they were sent: those of `ls` end with a line feed.

    Attributes
    ----------
    complete : bool
        The end marker was read; bytes after it are dropped.
    """

    def __init__(self, *, max_line: int = MAX_LINE) -> None:
        self.complete = False
        self._max_line = max_line
        self._buffer = bytearray()
        self._start = 0

    def receive_data(self, data: bytes) -> None:
        """Append bytes from the peer. Parses nothing."""
        if not self.complete:
            self._buffer += data

    def next_line(self) -> bytes | None:
        """Take the next line; None means "not yet", or the end when `complete`.

        Raises
        ------
        PacketTooBig, ProtocolError
            A line is longer than accepted, or its length negative. The stream is lost then.
        """
        at = self._start + 4
        if self.complete or len(self._buffer) < at:
            return None
        length = int.from_bytes(self._buffer[self._start : at], "big", signed=True)
        self._check(length)
        if length == 0:
            self.complete = True
            self._buffer.clear()
            return None
        if len(self._buffer) < at + length:
            return None
        line = bytes(self._buffer[at : at + length])
        self._advance(at + length)
        return line

    def receive_eof(self) -> None:
        """Note the end of the stream; PacketTruncated when it came before the end marker."""
        if not self.complete:
            left = len(self._buffer) - self._start
            raise PacketTruncated("list of lines", left, left + 1)

    def _check(self, length: int) -> None:
        if length < 0:
            raise ProtocolError(f"a line announces a negative length, {length}")
        if length > self._max_line:
            raise PacketTooBig(0, length, self._max_line)

    def _advance(self, position: int) -> None:
        self._start = position
        if position == len(self._buffer) or position > 2**16:
            del self._buffer[:position]
            self._start = 0


# --- transfers ----------------------------------------------------------------------------------------


UPLOAD_PIECE = 2**18
"""Bytes of an upload that are sent in one piece."""


class TransferResult(IntEnum):
    """Sizes below zero, with which the server says why there is no transfer."""

    NOT_ABSOLUTE = -1
    NOT_FOUND = -2
    NO_PERMISSION = -3
    NO_USER = -4
    NOT_DIRECTORY = -5
    NO_CONNECTION = -10


def encode_size(n: int) -> bytes:
    """Write a size or a TransferResult; ValueError where it does not fit into 32 bits."""
    return encode_int(n)


def upload_pieces(content: bytes) -> Iterator[memoryview]:
    """Cut a part of an upload into pieces that every guiServer survives.

    Pieces that are no multiple of 1024 bytes kill a real one, the last of all apart; so every part but the last has
    to be a multiple of that.
    """
    view = memoryview(content)
    for start in range(0, len(view), UPLOAD_PIECE):
        yield view[start : start + UPLOAD_PIECE]


class _SizedContent:
    """A signed size, then as many bytes, none if it is negative. No memory is set aside for the size."""

    _what: str

    def __init__(self) -> None:
        self.size: int | None = None
        self.received = 0
        self.surplus = 0
        self._head = bytearray()
        self._content: list[bytes] = []

    @property
    def complete(self) -> bool:
        """Whether all bytes announced have arrived."""
        return self.size is not None and self.received >= self.size

    @property
    def missing(self) -> int:
        """Bytes that have not arrived yet; those of the size alone before it is known."""
        return 4 - len(self._head) if self.size is None else max(0, self.size - self.received)

    def receive_data(self, data: bytes) -> None:
        """Take in bytes from the peer; those beyond the announced size are only counted, in `surplus`."""
        if self.size is None:
            wanted = 4 - len(self._head)
            self._head += data[:wanted]
            data = data[wanted:]
            if len(self._head) < 4:
                return
            self.size = int.from_bytes(self._head, "big", signed=True)
        content = data[: max(self.size, 0) - self.received]
        self._content.append(content)
        self.received += len(content)
        self.surplus += len(data) - len(content)

    def take(self) -> bytes:
        """Hand out the content that arrived since the last call."""
        content = b"".join(self._content)
        self._content.clear()
        return content

    def receive_eof(self) -> None:
        """Note the end of the stream; PacketTruncated when it came too early."""
        if self.size is None:
            raise PacketTruncated(f"size of {self._what}", len(self._head), 4)
        if not self.complete:
            raise PacketTruncated(self._what, self.received, self.size)


class DownloadReader(_SizedContent):
    """The client's side of a download.

    Attributes
    ----------
    size : int or None
        Size that the server announced, a TransferResult where it is negative; None until it arrived.
    received, surplus : int
        Bytes of content that arrived; bytes beyond `size`, which a growing file can cause.
    complete : bool
    """

    _what = "download"


class UploadReader(_SizedContent):
    """The server's side of an upload; attributes as those of DownloadReader."""

    _what = "upload"
