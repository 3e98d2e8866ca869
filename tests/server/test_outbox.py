# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to a client: in order, in few writes, within bounds; and never longer than it may take."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from difxnb.server.outbox import Outbox
from difxnb.wire.control import Notice, decode_from_server
from difxnb.wire.packet import PacketReader, encode_packet
from tests.server.peers import run


@asynccontextmanager
async def connected(**options):
    """An outbox, and the two ends of the client that it sends to."""
    made = asyncio.get_running_loop().create_future()
    listener = await asyncio.start_server(lambda *ends: made.set_result(ends), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    theirs, ours = await made
    outbox = Outbox(ours, **options)
    try:
        yield outbox, theirs, reader, writer
    finally:
        outbox.abort()
        writer.transport.abort()
        listener.close()
        await listener.wait_closed()


def packets(data):
    reader = PacketReader()
    reader.receive_data(data)
    return reader.whole_packets()


def test_what_is_offered_and_what_is_sent_arrive_in_their_order():
    async def main():
        async with connected() as (outbox, _, reader, _):
            for number in range(10):
                assert outbox.offer(encode_packet(number))
            await outbox.send(encode_packet(10))
            assert outbox.offer(encode_packet(11))
            found = packets(await reader.readexactly(12 * 8))
            assert [packet.id for packet in found] == list(range(12))

    run(main())


def test_what_was_offered_last_leaves_before_the_end():
    async def main():
        async with connected() as (outbox, _, reader, _):
            outbox.offer(encode_packet(1))
            await outbox.close()
            assert await reader.read() == encode_packet(1)
            assert not outbox.offer(encode_packet(2))
            with pytest.raises(ConnectionError):
                await outbox.send(encode_packet(2))

    run(main())


def test_parting_lets_the_client_read_to_the_end_while_it_still_sends():
    async def main():
        async with connected() as (outbox, theirs, reader, writer):
            writer.write(bytes(2**20))
            await outbox.send(encode_packet(6, b"why"))
            parting = asyncio.ensure_future(outbox.part(theirs))
            assert await reader.read() == encode_packet(6, b"why")
            writer.write_eof()
            await parting

    run(main())


def test_a_burst_larger_than_the_bound_is_taken_while_the_client_reads():
    async def main():
        async with connected(relay_limit=2**17) as (outbox, _, reader, _):
            packet = encode_packet(1, bytes(9000))
            assert sum(outbox.offer(packet) for _ in range(20)) == 20
            await reader.readexactly(20 * len(packet))

    run(main())


def test_losses_are_told_once_there_is_room_and_add_up():
    async def main():
        async with connected(relay_limit=2**16) as (outbox, _, reader, _):
            packet = encode_packet(1, bytes(60_000))
            taken = sum(outbox.offer(packet) for _ in range(1000))
            assert 0 < taken < 1000
            data = b""
            while not (found := packets(data)) or found[-1].id == 1:
                data += await reader.read(2**20)
            assert sum(packet.id == 1 for packet in found) == taken
            assert decode_from_server(found[-1]) == Notice(
                5, f"{1000 - taken} messages were dropped: this client reads too slowly"
            )
            assert outbox.dropped == 0

    run(main())


def test_a_client_that_does_not_read_ends_the_sending():
    async def main():
        async with connected(relay_limit=2**16, stall=0.2) as (outbox, _, _, _):
            with pytest.raises(ConnectionResetError, match="did not read"):
                await outbox.send(bytes(2**26))

    run(main())
