# SPDX-License-Identifier: GPL-3.0-or-later
"""A real DiFX message network beside the server's own: documents in both directions, only when asked for.

In: documents to send, datagrams of others. Out: datagrams, documents of others; what this server sent itself
is recognised and not taken in again.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable

from difxnb.server.relay import MAX_DATAGRAM, Network

_TTL = 3
_RECEIVE_BUFFER = 768_000
_REMEMBERED = 4096


class Multicast(asyncio.DatagramProtocol):
    """Membership in one multicast group.

    Parameters
    ----------
    network : tuple of (str, int)
        Group and port.
    hear : callable
        Takes each datagram of somebody else.
    """

    def __init__(self, network: Network, hear: Callable[[bytes], None]) -> None:
        self._network, self._hear = network, hear
        self._sender: socket.socket | None = None
        self._own: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._transport: asyncio.BaseTransport | None = None
        self._closed = asyncio.Event()
        self.lost = 0

    async def start(self) -> None:
        """Join the group; OSError when the system does not let us."""
        receiver = _receiver(self._network)
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        self._sender.setblocking(False)
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=receiver)
        except OSError:
            receiver.close()
            await self.close()
            raise

    def send(self, payload: bytes) -> None:
        """Send a document; what the system cannot take at once is lost, as UDP may be, and counted."""
        if self._sender is None:
            return
        datagram = payload[:MAX_DATAGRAM]
        self._own.append(datagram)
        try:
            self._sender.sendto(datagram, self._network)
        except OSError:  # no route, buffer full: nobody is told by the real server either
            self.lost += 1

    async def close(self) -> None:
        """Leave the group; returns when the socket is closed."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._closed.clear()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram, unless it is one of ours."""
        ours = self._sender is not None and addr[1] == self._sender.getsockname()[1]
        if ours and data in self._own:
            self._own.remove(data)
        else:
            self._hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the socket is closed."""
        self._closed.set()

    def error_received(self, exc: Exception) -> None:
        """Count what the network refused."""
        self.lost += 1


def _receiver(network: Network) -> socket.socket:
    group, port = network
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        receiver.bind((group, port))
        membership = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton("0.0.0.0"))
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        receiver.setblocking(False)
    except OSError:
        receiver.close()
        raise
    return receiver
