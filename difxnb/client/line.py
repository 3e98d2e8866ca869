# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a main connection, whatever carries them: a TCP connection here, a channel of ssh elsewhere.

In: an address. Out: a :class:`Line`, which says nothing of what its bytes mean.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from difxnb.client.exchange import close_writer
from difxnb.client.patience import Patience
from difxnb.errors import ConnectionFailed

# Without it a real server's many small writes cost 40 ms each (guiserver.md 15); Linux alone has it.
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


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


class TcpLine:
    """A TCP connection. Made by `open_tcp`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._socket: socket.socket = writer.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.local_address = str(self._socket.getsockname()[0])
        self.server_address = str(writer.get_extra_info("peername")[0])

    async def read(self, n: int) -> bytes:
        """Give at least one and at most `n` bytes."""
        return await self._reader.read(n)

    async def send(self, data: bytes) -> None:
        """Send everything."""
        self._writer.write(data)
        await self._writer.drain()

    def acknowledge(self) -> None:
        """Have the system acknowledge what has come without waiting for more."""
        if _QUICKACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def abort(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the socket."""
        await close_writer(self._writer)


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
            return TcpLine(*await asyncio.open_connection(host, port, family=socket.AF_INET))
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
