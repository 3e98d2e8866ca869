# SPDX-License-Identifier: GPL-3.0-or-later
"""Side connections, both kinds: channels inside the main connection, and connections back to the client.

An operation writes elementary pieces and reads bytes; which kind carries them makes no difference to it
(guiserver.md 6). What a client sends on channels may come before the operation it is for: it is kept, bounded, and
dropped at the operation's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from difxnb.server.outbox import Outbox
from difxnb.wire.control import ChannelOpened, ControlId, encode

CONNECT_TIME = 10.0
"""Seconds that a connection back to a client may take."""

EARLY_LIMIT = 2**20
"""Bytes kept in all for channels that are not open yet."""

UNREAD_LIMIT = 4 * 2**20
"""Bytes that may wait for operations to take them before the client is not read any more."""

CONTENT_PIECE = 1024
"""Bytes per elementary write of a download; both original clients take it so."""

_REMEMBERED = 1024
# A piece costs some 60 bytes beside its content.
_LARGE = 2**12
_READ = 2**18
_HEAD = struct.Struct(">iii")
_CHANNEL_DATA = int(ControlId.CHANNEL_DATA)


class SideConnection(Protocol):
    """What an operation needs of its side connection."""

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Send elementary pieces, at the client's pace; ConnectionError when it is gone."""

    async def write_content(self, data: bytes) -> None:
        """Send a part of a file in elementary pieces of `CONTENT_PIECE` bytes, the last one apart."""

    async def read(self) -> bytes:
        """Next bytes of the client; empty when no more will come."""

    async def close(self) -> None:
        """The operation is over."""


class _Waiting:
    """Bytes of one channel that nobody has taken: large pieces as they came, small ones put together."""

    def __init__(self) -> None:
        self._pieces: list[bytes | bytearray] = []
        self.size = 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        self.size += len(data)
        last = self._pieces[-1] if self._pieces else None
        if len(data) >= _LARGE:
            self._pieces.append(data)
        elif isinstance(last, bytearray):
            last += data
        else:
            self._pieces.append(bytearray(data))

    def take(self) -> bytes:
        """Give everything, and forget it."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return data


class ChannelInput:
    """What came in on the channels of one main connection.

    Parameters
    ----------
    limit : int
        Bytes that may wait for operations before the client is made to wait.
    early_limit : int
        Bytes kept for channels that are not open yet.

    Attributes
    ----------
    unread : int
        Bytes that came for operations and were not taken by them yet.
    dropped : int
        Bytes thrown away because too much arrived for channels that nobody had opened.
    """

    def __init__(self, *, limit: int = UNREAD_LIMIT, early_limit: int = EARLY_LIMIT) -> None:
        self._limit, self._early_limit = limit, min(early_limit, limit)
        self._early: OrderedDict[int, _Waiting] = OrderedDict()
        self._open: dict[int, _Waiting] = {}
        self._ended: OrderedDict[int, None] = OrderedDict()
        self.unread = self._early_bytes = 0
        self._taken = asyncio.Event()
        self.dropped = 0

    def receive(self, channel: int, data: bytes) -> bool:
        """Keep data of a channel; False when it had to be dropped for want of room."""
        if channel in self._open:
            self._open[channel].add(data)
            self.unread += len(data)
        elif channel in self._ended or not data:
            return True  # left over from an operation that is over, or an empty chunk
        elif self._early_bytes + len(data) > self._early_limit or len(self._early) >= _REMEMBERED:
            self.dropped += len(data)
            return False
        else:
            self._early.setdefault(channel, _Waiting()).add(data)
            self._early_bytes += len(data)
        return True

    def open(self, channel: int) -> None:
        """Begin an operation on a channel; what came early is its first data.

        Raises
        ------
        ValueError
            An operation is already using this channel.
        """
        if channel in self._open:
            raise ValueError(f"channel {channel} is in use already")
        self._ended.pop(channel, None)
        early = self._early.pop(channel, None) or _Waiting()
        self._early_bytes -= early.size
        self.unread += early.size
        self._open[channel] = early

    def take(self, channel: int) -> bytes:
        """All data of an open channel that has not been taken yet."""
        data = self._open[channel].take()
        self._less(len(data))
        return data

    @property
    def full(self) -> bool:
        """Whether the client should wait before it sends more."""
        return self.unread >= self._limit

    async def room(self) -> None:
        """Wait until there is room for more from the client."""
        while self.full:
            self._taken.clear()
            await self._taken.wait()

    def end(self, channel: int) -> None:
        """End the operation; what it did not read is dropped."""
        ended = self._open.pop(channel, None)
        self._less(ended.size if ended else 0)
        self._ended[channel] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def _less(self, count: int) -> None:
        self.unread -= count
        self._taken.set()


class ChannelSide:
    """A channel of the main connection. Nothing signals its end but the operation's own end marker.

    Raises
    ------
    ValueError
        The channel is in use already.
    """

    def __init__(self, number: int, outbox: Outbox, data: ChannelInput) -> None:
        self._number, self._outbox, self._data = number, outbox, data
        self._arrived = asyncio.Event()
        self._ended = False
        data.open(number)

    async def announce(self) -> None:
        """Tell the client that the channel is open, before anything else is sent on it."""
        await self._outbox.send(encode(ChannelOpened(self._number)))

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Send each piece in a packet of its own, as both original clients need it."""
        pack, number = _HEAD.pack, self._number
        data = b"".join([pack(_CHANNEL_DATA, 4 + len(piece), number) + piece for piece in pieces])
        await self._outbox.send(data)

    async def write_content(self, data: bytes) -> None:
        """Send each piece of `CONTENT_PIECE` bytes in a packet of its own, as both original clients need it."""
        whole = len(data) // CONTENT_PIECE * CONTENT_PIECE
        if whole:
            head = _HEAD.pack(_CHANNEL_DATA, 4 + CONTENT_PIECE, self._number)
            view = memoryview(data)
            pieces = [view[at : at + CONTENT_PIECE] for at in range(0, whole, CONTENT_PIECE)]
            await self._outbox.send(head + head.join(pieces))
        if len(data) > whole:
            await self.write([data[whole:]])

    async def read(self) -> bytes:
        """Next bytes of the client; empty when the main connection is gone."""
        while not (data := self._data.take(self._number)) and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        return data

    def notify(self) -> None:
        """Note that data arrived."""
        self._arrived.set()

    def end(self) -> None:
        """Note that no more data will come."""
        self._ended = True
        self._arrived.set()

    async def close(self) -> None:
        """Forget what was not read."""
        self._data.end(self._number)
        self.end()


class DialBackSide:
    """A TCP connection to a port that the client listens on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> DialBackSide:
        """Connect; OSError or TimeoutError when nobody listens there."""
        return cls(*await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_TIME))

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Send pieces; in one write, since TCP keeps no borders."""
        await self.write_content(b"".join(pieces))

    async def write_content(self, data: bytes) -> None:
        """Send a part of a file."""
        self._writer.write(data)
        await self._writer.drain()

    async def read(self) -> bytes:
        """Next bytes of the client; empty at the end of the stream."""
        return await self._reader.read(_READ)

    async def close(self) -> None:
        """Close when everything has been sent."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """End it at once; what was not sent is lost."""
        self._writer.transport.abort()
