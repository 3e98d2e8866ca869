# SPDX-License-Identifier: GPL-3.0-or-later
"""Side connections: a byte stream for one operation, tunnelled over the main connection or dialled back.

In: bytes of the server, however they come. Out: a :class:`ByteStream`, which says nothing of their meaning.
Both kinds exist before the request is sent, because the server tries once (guiserver.md 6).
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from difxnb.errors import ConnectionLost
from difxnb.wire.control import ControlId

_HEAD = struct.Struct(">iii")

# A reader that has fallen this far behind will not catch up; the main connection must go on being read.
MAX_UNREAD = 256 * 2**20


class ByteStream(Protocol):
    """Bytes to and from one operation of the server.

    Attributes
    ----------
    address : str
        What the request has to give as ``address``.
    port : int
        What the request has to give as ``port``: a TCP port or a channel number.
    """

    address: str
    port: int

    async def opened(self) -> None:
        """Wait until the server has opened its side.

        Raises
        ------
        ConnectionLost
            The main connection broke meanwhile.
        """

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes as soon as there are any; ``b""`` at the end.

        Cancelling it loses no data. The end is a hint only: channels have none, and child processes of the
        server hold TCP connections open (guiserver.md 9.4).

        Raises
        ------
        ConnectionLost
            The main connection broke, and everything received before has been read.
        """

    async def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send `pieces`, each in one piece; wait until the system has taken them.

        Raises
        ------
        ConnectionLost
            The connection broke; nobody can tell how much arrived.
        """

    async def close(self) -> None:
        """Give the stream up; what still comes for it is dropped. May be called twice."""


class ChannelStream:
    """A side connection inside the main one.

    Parameters
    ----------
    number : int
        Channel number, never used before on this main connection.
    send : callable
        Sends one packet on the main connection.
    forget : callable
        Told `number` when the stream is given up.
    """

    address = "127.0.0.1"  # ignored in channel mode, and a real server wants a dotted quad

    def __init__(
        self, number: int, send: Callable[[bytes], Awaitable[None]], forget: Callable[[int], None]
    ) -> None:
        self.port = number
        self._send, self._forget = send, forget
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._open = False
        self._failure: ConnectionLost | None = None
        self._news = asyncio.Event()

    def receive_open(self) -> None:
        """Note that the server has opened the channel."""
        self._open = True
        self._news.set()

    def receive_data(self, data: bytes) -> None:
        """Append bytes of the server; data proves that the channel is open."""
        self._open = True
        if data and self._failure is None:  # a real server may send empty pieces without end (H12)
            self._unread.append(data)
            self._unread_bytes += len(data)
            if self._unread_bytes > MAX_UNREAD:
                self.fail(ConnectionLost(f"{MAX_UNREAD} bytes of a side connection were not read in time"))
        self._news.set()

    def fail(self, failure: ConnectionLost) -> None:
        """Let every waiting and later call end with `failure`, after what has been received is read."""
        self._failure = self._failure or failure
        self._news.set()

    async def opened(self) -> None:
        """Wait until the server has opened its side."""
        while not self._open:
            await self._wait()

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes."""
        while not self._unread_bytes:
            await self._wait()
        if self._unread_bytes <= n:
            data = b"".join(self._unread)
            self._unread.clear()
        else:
            data = self._take(n)
        self._unread_bytes -= len(data)
        return data

    def _take(self, n: int) -> bytes:
        """Give whole pieces of together at most `n` bytes, or a part of one that is longer."""
        piece = self._unread.popleft()
        if len(piece) > n:
            self._unread.appendleft(piece[n:])
            return piece[:n]
        taken, left = [piece], n - len(piece)
        while len(self._unread[0]) <= left:
            taken.append(self._unread.popleft())
            left -= len(taken[-1])
        return b"".join(taken)

    async def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send each piece as one CHANNEL_DATA packet, as a real server needs it (guiserver.md 6.2.2)."""
        for piece in pieces:
            if self._failure is not None:
                raise self._failure
            await self._send(_HEAD.pack(ControlId.CHANNEL_DATA, 4 + len(piece), self.port) + piece)

    async def close(self) -> None:
        """Give the channel up. The server is not told: there is no packet for it."""
        self._unread.clear()
        self._unread_bytes = 0
        self._forget(self.port)
        self.fail(ConnectionLost("this side connection was given up here"))

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._news.clear()
        await self._news.wait()


class DialBackStream:
    """A TCP connection that the server makes to us.

    Make it with :meth:`listen`. Only the server's own address is let in; whoever else knocks is turned
    away and counted in `strangers`.
    """

    def __init__(self, peer: str, forget: Callable[[DialBackStream], None]) -> None:
        self.address, self.port = "", 0
        self.strangers = 0
        self._peer, self._forget = peer, forget
        self._server: asyncio.Server | None = None
        self._streams: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )

    @classmethod
    async def listen(cls, local: str, peer: str, forget: Callable[[DialBackStream], None]) -> DialBackStream:
        """Listen on a free port of the address `local` for one connection from `peer`.

        `forget` is told when the stream is given up.

        Raises
        ------
        OSError
            The system gives no socket.
        """
        stream = cls(peer, forget)
        stream._server = await asyncio.start_server(stream._accept, local, 0)
        stream.address, stream.port = stream._server.sockets[0].getsockname()[:2]
        return stream

    def fail(self, failure: ConnectionLost) -> None:
        """Stop waiting for the server; a connection that has come about lives on by itself."""
        if not self._streams.done():
            self._streams.set_exception(failure)
            self._streams.exception()  # nobody may be waiting; that is no mistake
        self._stop_listening()

    async def opened(self) -> None:
        """Wait until the server has connected."""
        await asyncio.shield(self._streams)

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes; ``b""`` at the end and after a reset."""
        reader, _ = await asyncio.shield(self._streams)
        try:
            return await reader.read(n)
        except ConnectionError:
            return b""

    async def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send the pieces one after the other."""
        _, writer = await asyncio.shield(self._streams)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        except ConnectionError as error:
            raise ConnectionLost(f"the side connection from {self._peer} broke ({error})") from error

    async def close(self) -> None:
        """Close both sockets. What the server has not consumed yet is lost there (guiserver.md 9.3)."""
        self.fail(ConnectionLost("this side connection was given up here"))
        self._forget(self)
        if not self._streams.cancelled() and self._streams.exception() is None:
            await close_writer(self._streams.result()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer.get_extra_info("peername")[0] != self._peer or self._streams.done():
            self.strangers += 1
            await close_writer(writer)
            return
        self._streams.set_result((reader, writer))
        self._stop_listening()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait until its socket is gone; that the peer was quicker is no failure."""
    writer.close()
    try:
        await writer.wait_closed()
    except (ConnectionError, TimeoutError):
        # The far end had reset the connection: closed is what was wanted.
        writer.transport.abort()
