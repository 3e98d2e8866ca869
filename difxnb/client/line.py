# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a main connection, whatever carries them: a TCP connection here, a channel of ssh elsewhere.

In: an address. Out: a :class:`Line`, which says nothing of what its bytes mean.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import Protocol

from difxnb.client.patience import Patience
from difxnb.errors import ConnectionFailed

# Without it a real server's many small writes cost 40 ms each (guiserver.md 15); Linux alone has it.
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)

# Files go faster where neither side waits for the other after every few pieces.
_BUFFER = 2**20


class Line(Protocol):
    """Bytes to and from a server.

    Attributes
    ----------
    local_address, server_address : str
        Of both ends, as numbers; empty where the ends are not those of one TCP connection.
    """

    local_address: str
    server_address: str

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes; ``b""`` when the server has closed. Raises OSError."""

    async def send(self, data: bytes) -> None:
        """Send everything; wait until the system has taken it. Raises OSError."""

    def acknowledge(self) -> None:
        """Tell the server at once that its bytes have come."""

    def abort(self) -> None:
        """End it now, whatever has not been sent."""

    async def close(self) -> None:
        """End it, and wait until nothing is left of it."""


class TcpLine(asyncio.Protocol):
    """A TCP connection. Made by `open_tcp`.

    What arrives is handed on in the pieces in which it came: a stream reader of the library would copy every byte of a
    file twice more.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._ended = False
        self._error: Exception | None = None
        self._news, self._room, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()
        self.local_address = self.server_address = ""

    # --- what the loop tells ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_BUFFER)
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.local_address = str(self._socket.getsockname()[0])
        self.server_address = str((transport.get_extra_info("peername") or ("",))[0])

    def data_received(self, data: bytes) -> None:
        """Keep what came; the system is to keep what comes when nobody reads it."""
        self._pieces.append(data)
        self._unread += len(data)
        if self._unread > _BUFFER:
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        """Note that no more will come; what is to be sent can still be sent."""
        self._ended = True
        self._news.set()
        return True

    def pause_writing(self) -> None:
        """Let senders wait."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, of whatever kind."""
        self._ended, self._error = True, exc
        for waiting in (self._news, self._room, self._gone):
            waiting.set()

    # --- what the session asks for ------------------------------------------------------------------------

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        if len(piece) > n:
            self._pieces.appendleft(piece[n:])
            piece = piece[:n]
        self._unread -= len(piece)
        if self._unread <= _BUFFER // 2 and not self._gone.is_set():
            self._transport.resume_reading()
        return piece

    async def send(self, data: bytes) -> None:
        """Send everything."""
        if not self._gone.is_set():
            self._transport.write(data)
            await self._room.wait()
        if self._gone.is_set():
            raise self._error or ConnectionResetError("the connection is gone")

    def acknowledge(self) -> None:
        """Have the system acknowledge what has come without waiting for more."""
        if _QUICKACK is not None and not self._gone.is_set():
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    async def close(self) -> None:
        """Close the socket."""
        self._transport.close()
        await self._gone.wait()


async def open_tcp(host: str, port: int, patience: Patience) -> TcpLine:
    """Connect by TCP.

    Raises
    ------
    ConnectionFailed
        Nobody there, refused, unreachable, or no such host.
    """
    peer = f"{host}:{port}"
    try:
        # guiServer listens on IPv4 alone.
        async with asyncio.timeout(patience.connect):
            loop = asyncio.get_running_loop()
            _, line = await loop.create_connection(TcpLine, host, port, family=socket.AF_INET)
            return line
    except TimeoutError as error:
        raise ConnectionFailed(
            f"no connection to {peer} within {patience.connect:g} s: is the host up, and no firewall between?"
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "it is no host name"
        raise ConnectionFailed(f"{host!r} has no IPv4 address ({reason}); is the name right?") from error
    except OSError as error:
        raise ConnectionFailed(
            f"no connection to {peer} ({error.strerror or error}); is guiServer running there, on this port?"
        ) from error
