# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to one client on its main connection, without letting a slow reader fill the memory.

Operations wait until the client has read; relayed messages and notices of running jobs are dropped beyond a
bound, counted, and the count is told in a WARNING packet once there is room again.
"""

from __future__ import annotations

import asyncio
import contextlib

from difxnb.server.greeting import warning_notice

RELAY_LIMIT = 4 * 2**20
"""Bytes waiting for a client beyond which messages are dropped."""

_HIGH_WATER = 2**20
_LEAVING_TIME = 1.0


class Outbox:
    """The sending side of a main connection.

    Attributes
    ----------
    dropped : int
        Packets dropped and not yet reported.
    """

    def __init__(self, writer: asyncio.StreamWriter, *, relay_limit: int = RELAY_LIMIT) -> None:
        self._writer, self._limit = writer, relay_limit
        self._report: asyncio.Task[None] | None = None
        self.dropped = 0
        writer.transport.set_write_buffer_limits(high=min(_HIGH_WATER, relay_limit))

    async def send(self, data: bytes) -> None:
        """Send whole packets; returns when the client has read far enough.

        Raises
        ------
        ConnectionError
            The client is gone.
        """
        if self._writer.is_closing():
            raise ConnectionResetError("the client is gone")
        self._writer.write(data)
        await self._writer.drain()

    def offer(self, data: bytes) -> bool:
        """Send a packet if there is room; False when it was dropped."""
        transport = self._writer.transport
        if transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self._limit:
            self.dropped += 1
            if self._report is None:
                self._report = asyncio.get_running_loop().create_task(self._tell())
            return False
        self._writer.write(data)
        return True

    async def close(self) -> None:
        """Give what was sent a moment to leave, then end the connection."""
        if self._report is not None:
            self._report.cancel()
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _LEAVING_TIME)

    def abort(self) -> None:
        """End the connection at once."""
        if self._report is not None:
            self._report.cancel()
        self._writer.transport.abort()

    async def _tell(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
            dropped, self.dropped = self.dropped, 0
            self._report = None
            await self.send(warning_notice(f"{dropped} messages were dropped: this client reads too slowly"))
