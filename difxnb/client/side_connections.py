# SPDX-License-Identifier: GPL-3.0-or-later
"""The side connections of one session: opened for a request, fed while they are channels, failed with it.

Mirrors guiserver.md 6. Numbers are random and never used twice, because left-over data of an abandoned
channel would be read by the next operation of the same number, and transfers of two clients with one number
mix.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from difxnb.client.exchange import ByteStream, ChannelStream, DialBackStream
from difxnb.client.patience import within
from difxnb.errors import ConnectionLost, NoReply
from difxnb.wire.control import ChannelsOff, ChannelsOn, encode

if TYPE_CHECKING:
    from difxnb.client.session import Session

Request = Callable[[str, int], bytes]
"""Makes the packet of a request from the address and the port or channel number."""


# Numbers drawn so long ago are as good as new; remembering all would grow for as long as a session lasts.
_REMEMBERED = 100_000


class SideConnections:
    """Byte streams of operations that are going on.

    Attributes
    ----------
    unclaimed : int
        Bytes that came for channels nobody listens to any more.
    """

    def __init__(self, session: Session, rng: random.Random) -> None:
        self.unclaimed = 0
        self._session, self._rng = session, rng
        self._channels: dict[int, ChannelStream] = {}
        self._dialled: set[DialBackStream] = set()
        self._recent: OrderedDict[int, None] = OrderedDict()
        self._opening = asyncio.Lock()

    async def open(self, request: Request, what: str, *, channel: bool = False) -> ByteStream:
        """Send a request that needs a side connection, and wait until the server has opened it.

        Parameters
        ----------
        request : callable
            Makes the packet from the address and the port or channel number.
        what : str
            What is asked, for texts: ``"ls /data"``.
        channel : bool
            Use a channel even where the server dials back as a rule.

        Raises
        ------
        NoReply
            The server did not open it.
        ConnectionLost
        """
        if not self._session.dial_back:
            return await self._open(self._new_channel(), request, what)
        # The server looks at its mode when it gets round to an operation, and a dial-back cannot be told from
        # another one: so one at a time.
        async with self._opening:
            if not channel:
                return await self._open(await self._listen(), request, what)
            await self._session.send(encode(ChannelsOn()))
            try:
                return await self._open(self._new_channel(), request, what)
            finally:
                if self._session.lost is None:
                    await self._session.send(encode(ChannelsOff()))

    def receive_open(self, channel: int) -> None:
        """Note that the server has opened a channel."""
        if (stream := self._channels.get(channel)) is not None:
            stream.receive_open()

    def receive_data(self, channel: int, data: bytes) -> None:
        """Hand data to their channel; what comes for an abandoned one is counted and dropped."""
        if (stream := self._channels.get(channel)) is not None:
            stream.receive_data(data)
        else:
            self.unclaimed += len(data)

    def fail(self, loss: Callable[[], ConnectionLost]) -> None:
        """Let everyone who waits at a side connection end with an error of their own."""
        streams: list[ChannelStream | DialBackStream] = [*self._channels.values(), *self._dialled]
        for stream in streams:
            stream.fail(loss())

    async def _open(self, stream: ByteStream, request: Request, what: str) -> ByteStream:
        session = self._session
        before = session.notice_count
        silence = f"{what}: guiServer at {session.peer} opened no side connection"
        try:
            await session.send(request(stream.address, stream.port))
            async with within(session.allowance(session.patience.first_sign), silence):
                await stream.opened()
        except NoReply as error:
            await stream.close()
            raise NoReply(f"{error}{session.said_since(before)}") from error
        except BaseException:
            await stream.close()
            raise
        return stream

    def _new_channel(self) -> ChannelStream:
        number = self._rng.randrange(1024, 2**31)
        while number in self._recent:
            number = self._rng.randrange(1024, 2**31)
        self._recent[number] = None
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        stream = ChannelStream(number, self._session.send, self._forget)
        self._channels[number] = stream
        return stream

    def _forget(self, number: int) -> None:
        self._channels.pop(number, None)

    async def _listen(self) -> DialBackStream:
        if self._session.lost is not None:
            raise self._session.loss()
        stream = await DialBackStream.listen(
            self._session.local_address, self._session.server_address, self._dialled.discard
        )
        self._dialled.add(stream)
        return stream
