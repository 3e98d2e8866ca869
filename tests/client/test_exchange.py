# SPDX-License-Identifier: GPL-3.0-or-later
"""Side connections: channels inside the main connection, and connections dialled back."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from difxnb.client import exchange
from difxnb.client.exchange import ChannelStream, DialBackStream
from difxnb.errors import ConnectionLost, NoReply
from difxnb.wire.control import ChannelData, ChannelOpened, Notice, NoticeSeverity, decode_from_client, encode
from difxnb.wire.message import FileOperation
from difxnb.wire.packet import PacketReader
from tests.client.peers import BRIEF, Talker, head_node_at, own_server, scripted


class Sent:
    """Where a channel sends to."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.forgotten: list[int] = []

    async def __call__(self, data: bytes) -> None:
        reader = PacketReader()
        reader.receive_data(data)
        packet = reader.next_packet()
        assert packet is not None
        self.events.append(decode_from_client(packet))


def channel(sent: Sent) -> ChannelStream:
    return ChannelStream(5000, sent, sent.forgotten.append)


async def test_channel_reads_what_has_come() -> None:
    stream = channel(Sent())
    stream.receive_open()
    await stream.opened()
    stream.receive_data(b"")
    stream.receive_data(b"abc")
    stream.receive_data(b"def")
    assert await stream.read(4) == b"abc"
    assert await stream.read(2) == b"de"
    assert await stream.read(4) == b"f"
    stream.receive_data(b"gh")
    stream.receive_data(b"ij")
    assert await stream.read(4) == b"ghij"
    reading = asyncio.create_task(stream.read(4))
    await asyncio.sleep(0)
    assert not reading.done()
    stream.receive_data(b"k")
    assert await reading == b"k"


async def test_data_prove_that_a_channel_is_open() -> None:
    stream = channel(Sent())
    stream.receive_data(b"abc")
    await stream.opened()


async def test_cancelled_read_loses_nothing() -> None:
    stream = channel(Sent())
    reading = asyncio.create_task(stream.read(4))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    stream.receive_data(b"abc")
    assert await stream.read(4) == b"abc"


async def test_channel_sends_each_piece_by_itself() -> None:
    """H18, 6.2.2: a real server takes each piece of a packet from a chunk of its own."""
    sent = Sent()
    await channel(sent).write([b"12345678", b"payload"])
    assert sent.events == [ChannelData(5000, b"12345678"), ChannelData(5000, b"payload")]


async def test_failure_comes_after_the_data() -> None:
    stream = channel(Sent())
    stream.receive_data(b"last words")
    stream.fail(ConnectionLost("gone"))
    stream.receive_data(b"too late")
    assert await stream.read(100) == b"last words"
    for use in (stream.read(1), stream.write([b"x"])):
        with pytest.raises(ConnectionLost, match="gone"):
            await use


async def test_closed_channel_is_forgotten() -> None:
    sent = Sent()
    stream = channel(sent)
    await stream.close()
    assert sent.forgotten == [5000]
    with pytest.raises(ConnectionLost, match="given up here"):
        await stream.read(1)


async def test_channel_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_UNREAD", 1000)
    stream = channel(Sent())
    stream.receive_data(bytes(1000))
    stream.receive_data(b"x")
    stream.receive_data(bytes(1000))
    assert len(await stream.read(5000)) == 1001
    with pytest.raises(ConnectionLost, match="not read in time"):
        await stream.read(1)


async def dialled() -> tuple[DialBackStream, asyncio.StreamReader, asyncio.StreamWriter]:
    stream = await DialBackStream.listen("127.0.0.1", "127.0.0.1", lambda _: None)
    reader, writer = await asyncio.open_connection(stream.address, stream.port)
    await stream.opened()
    return stream, reader, writer


async def test_dialled_back() -> None:
    stream, reader, writer = await dialled()
    writer.write(b"hello")
    assert await stream.read(100) == b"hello"
    await stream.write([b"good", b"bye"])
    assert await reader.readexactly(7) == b"goodbye"
    writer.close()
    assert await stream.read(100) == b""
    await stream.close()
    await stream.close()


async def test_reset_is_an_end() -> None:
    stream, _, writer = await dialled()
    writer.transport.abort()
    assert await stream.read(100) == b""
    await stream.close()


async def test_only_the_server_is_let_in() -> None:
    stream = await DialBackStream.listen("127.0.0.1", "127.0.0.2", lambda _: None)
    reader, writer = await asyncio.open_connection("127.0.0.1", stream.port)
    assert await reader.read() == b""
    writer.close()
    assert stream.strangers == 1
    _, right = await asyncio.open_connection("127.0.0.1", stream.port, local_addr=("127.0.0.2", 0))
    await stream.opened()
    right.close()
    await stream.close()


async def test_nobody_dials() -> None:
    stream = await DialBackStream.listen("127.0.0.1", "127.0.0.1", lambda _: None)
    waiting = asyncio.create_task(stream.opened())
    await asyncio.sleep(0)
    stream.fail(ConnectionLost("gone"))
    with pytest.raises(ConnectionLost, match="gone"):
        await waiting
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", stream.port)
    await stream.close()


@pytest.mark.parametrize("transport", ["channel", "dial-back"])
async def test_server_opens_nothing(transport: str) -> None:
    """What the server complains about meanwhile is part of the error."""

    async def answer(talker: Talker, body: object, port: int) -> None:
        await talker.say(Notice(NoticeSeverity.ERROR, "client socket connection from guiServer failed\n"))

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    async with scripted(script) as port, head_node_at(port, transport=transport, patience=BRIEF) as node:
        with pytest.raises(NoReply, match=r"ls /data: .*opened no side connection.*client socket connection"):
            await node.ls_entries("/data")
        await node.fence()


class Numbers(random.Random):
    """Draws what it is given."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = list(numbers)

    def randrange(self, *bounds: int) -> int:
        assert bounds == (1024, 2**31)
        return self.numbers.pop(0)


async def test_channel_numbers_are_never_used_twice(tmp_path: Path) -> None:
    """H15: what is left of one operation must not be read by another."""
    numbers = Numbers(4000, 4000, 4000, 4001)
    async with own_server(tmp_path) as server, head_node_at(server.port, rng=numbers) as node:
        await node.job_status(f"{tmp_path}/*.input")
        await node.job_status(f"{tmp_path}/*.input")
    assert numbers.numbers == []


async def test_late_data_of_an_abandoned_channel_are_dropped() -> None:
    async def answer(talker: Talker, body: object, port: int) -> None:
        assert isinstance(body, FileOperation)
        if body.path == "/slow":
            await talker.on_channel(port, b"\0\0\0\5ab")
        else:
            late = encode(ChannelData(port - 1, b"cde\0\0\0\0"))
            await talker.say(ChannelOpened(port), late, ChannelData(port, bytes(4)))

    async def script(talker: Talker) -> None:
        await talker.serve(answer)

    async with scripted(script) as port, head_node_at(port, rng=Numbers(4000, 4001), patience=BRIEF) as node:
        with pytest.raises(NoReply, match="stopped in the middle"):
            await node.ls_entries("/slow")
        with pytest.raises(FileNotFoundError, match="no such file or directory"):
            await node.ls_entries("/next")
