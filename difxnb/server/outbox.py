# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to one client on its main connection, without letting a slow reader fill the memory.

Operations wait until the client has read; relayed messages and notices of running jobs are dropped beyond a bound,
counted, and the count is told in a WARNING packet once there is room again. A client that reads nothing for very long
is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib

from difxnb.server.greeting import warning_notice

RELAY_LIMIT = 4 * 2**20
"""Bytes waiting for a client beyond which messages are dropped."""

STALL = 600.0
"""Seconds without room for anything after which a client is taken for lost."""

_HIGH_WATER = 2**20
_GATHERED = 2**16
_LEAVING_TIME = 1.0
_PARTING_READ = 2**16


class Outbox:
    """The sending side of a main connection.

    Parameters
    ----------
    writer : asyncio.StreamWriter
    relay_limit : int
        Bytes that may wait for the client before messages are dropped.
    stall : float
        Seconds that it may take for what waits to become less.

    Attributes
    ----------
    dropped : int
        Packets dropped and not yet reported.
    """

    def __init__(
        self, writer: asyncio.StreamWriter, *, relay_limit: int = RELAY_LIMIT, stall: float = STALL
    ) -> None:
        self._writer, self._limit, self._stall = writer, relay_limit, stall
        self._loop = asyncio.get_running_loop()
        self._report: asyncio.Task[None] | None = None
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self.dropped = 0
        self._high = min(_HIGH_WATER, relay_limit)
        writer.transport.set_write_buffer_limits(high=self._high)

    async def send(self, data: bytes) -> None:
        """Send whole packets; returns when the client has read far enough.

        Raises
        ------
        ConnectionError
            The client is gone, or reads nothing.
        """
        if self._writer.is_closing():
            raise ConnectionResetError("the client is gone")
        self._gathered.append(data)
        self._flush()
        await self._drain()

    def offer(self, data: bytes) -> bool:
        """Send a packet if there is room; False when it was dropped. What is offered at once leaves at once."""
        transport = self._writer.transport
        if transport.is_closing():
            return False
        if self._gathered_bytes + len(data) > _GATHERED:
            self._flush()
        if transport.get_write_buffer_size() + self._gathered_bytes + len(data) > self._limit:
            self.dropped += 1
            if self._report is None:
                self._report = self._loop.create_task(self._tell())
            return False
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        return True

    async def part(self, reader: asyncio.StreamReader) -> None:
        """Say that no more will come, and let the client read everything before the connection goes.

        Closing while it still sends would reset the connection, and what it has not read yet would be lost.
        """
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._flush()
            if self._writer.can_write_eof():
                self._writer.write_eof()
            async with asyncio.timeout(_LEAVING_TIME):
                while await reader.read(_PARTING_READ):
                    pass

    async def close(self) -> None:
        """Give what was sent a moment to leave, then end the connection."""
        if self._report is not None:
            self._report.cancel()
        self._flush()
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _LEAVING_TIME)

    def abort(self) -> None:
        """End the connection at once."""
        if self._report is not None:
            self._report.cancel()
        self._writer.transport.abort()

    def _flush(self) -> None:
        """Hand over what was gathered, in one piece: fifty packets cost one call of the system, not fifty."""
        if self._gathered:
            self._writer.write(b"".join(self._gathered))
            self._gathered.clear()
            self._gathered_bytes = 0

    async def _drain(self) -> None:
        if self._writer.transport.get_write_buffer_size() <= self._high:
            return
        try:
            async with asyncio.timeout(self._stall):
                await self._writer.drain()
        except TimeoutError as error:
            self.abort()
            raise ConnectionResetError(f"the client did not read for {self._stall:g} s") from error

    async def _tell(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._drain()
            dropped, self.dropped = self.dropped, 0
            self._report = None
            await self.send(warning_notice(f"{dropped} messages were dropped: this client reads too slowly"))
