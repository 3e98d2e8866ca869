# SPDX-License-Identifier: GPL-3.0-or-later
"""The side connections of one client, of both kinds: opened, fed, and closed (guiserver.md 6).

In: where a request wants its side connection, and data for channels. Out: side connections, and the client's pace:
what nobody takes fills no memory, it makes the client wait.
"""

from __future__ import annotations

import asyncio

from difxnb.server.access import Limits
from difxnb.server.actions import DialBack, Side
from difxnb.server.greeting import error_notice, warning_notice
from difxnb.server.outbox import Outbox
from difxnb.server.side import ChannelInput, ChannelSide, DialBackSide, SideConnection


class ClientSides:
    """All side connections of one client.

    Parameters
    ----------
    outbox : Outbox
        The sending side of its main connection.
    limits : Limits
    late_close : bool
        Leave connections to the client open until it goes, as the real server may (quirk ``late_close``).
    """

    def __init__(self, outbox: Outbox, limits: Limits, *, late_close: bool) -> None:
        self._outbox, self._stall, self._late_close = outbox, limits.stall, late_close
        self._input = ChannelInput(limit=limits.memory)
        self._channels: dict[int, ChannelSide] = {}
        self._lingering: list[DialBackSide] = []

    async def open(self, where: Side) -> SideConnection | None:
        """Make the side connection of an operation; None when it does not come about, of which the client is told."""
        try:
            if isinstance(where, DialBack):
                return await DialBackSide.open(where.host, where.port)
            side = ChannelSide(where.number, self._outbox, self._input)
        except (OSError, ValueError) as error:
            text = f"client socket connection from guiServer failed: {str(error) or type(error).__name__}"
            await self._outbox.send(error_notice(text))
            return None
        self._channels[where.number] = side
        await side.announce()
        return side

    async def close(self, side: SideConnection) -> None:
        """End a side connection when its operation is over."""
        if isinstance(side, ChannelSide):
            self._channels = {number: other for number, other in self._channels.items() if other is not side}
        if isinstance(side, DialBackSide) and self._late_close:
            self._lingering.append(side)
        else:
            await side.close()

    async def take(self, channel: int, data: bytes) -> None:
        """Take data of a channel; returns when there is room for more.

        Raises
        ------
        ConnectionError
            What the client sends is taken by nobody, and has not been for long: its connection is ended.
        """
        if not self._input.receive(channel, data):
            text = f"{len(data)} bytes for channel {channel}, which is not open, were dropped"
            await self._outbox.send(warning_notice(text))
        side = self._channels.get(channel)
        if side is not None:
            side.notify()
            if self._input.full:
                await self._make_room()

    def end(self) -> None:
        """Tell every operation that no more will come from the client."""
        for side in self._channels.values():
            side.end()

    def abort(self) -> None:
        """Drop what lingers."""
        for dialed in self._lingering:
            dialed.abort()

    async def _make_room(self) -> None:
        """Wait until operations have taken enough of what the client sent, so that slow ones slow it down."""
        try:
            async with asyncio.timeout(self._stall):
                await self._input.room()
        except TimeoutError as error:
            self._outbox.abort()
            raise ConnectionResetError("the client sends what no operation of it takes") from error
