# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets of a side connection, one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NoReturn, Protocol

from difxnb.client.exchange import ByteStream
from difxnb.errors import ConnectionLost, PacketTruncated
from difxnb.wire.packet import BodyLength, Packet, PacketReader

_READ_SIZE = 2**18


async def packets_of(stream: ByteStream, what: str) -> AsyncGenerator[Packet, None]:
    """Give packets until the caller has seen the one that ends the conversation; errors as `batches_of`."""
    async with aclosing(batches_of(stream, what)) as batches:
        async for batch in batches:
            for packet in batch:
                yield packet


async def batches_of(
    stream: ByteStream, what: str, *, body_length: BodyLength | None = None
) -> AsyncGenerator[list[Packet], None]:
    """Give packets, as many at a time as have come, until the caller has seen the last one.

    Raises
    ------
    ConnectionLost
        The stream ended before; nobody can tell how the operation went on.
    ProtocolError
        What comes is not made of packets.
    """
    reader = PacketReader(body_length=body_length)
    while data := await stream.read(_READ_SIZE):
        reader.receive_data(data)
        while batch := reader.whole_packets():
            yield batch
    cut_off(reader, what)


class Reader(Protocol):
    """What takes in bytes, and knows whether they may end where they do."""

    def receive_eof(self) -> None:
        """Raise PacketTruncated where something is only half there."""


def cut_off(reader: Reader, what: str) -> NoReturn:
    """Tell of a stream that ended before the conversation did: the server, or what it had begun, is no more.

    Raises
    ------
    ConnectionLost
        Whether it broke in the middle of something or between two.
    """
    try:
        reader.receive_eof()
    except PacketTruncated as error:
        raise ConnectionLost(f"{what}: {error}; the server, or its part in this, is gone") from error
    raise ConnectionLost(f"{what}: the server ended the conversation without saying how it went")
