# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations over real sockets, on both kinds of side connection."""

import asyncio
import os
import socket
import struct

import pytest

from difxnb.wire import control
from difxnb.wire.files import LineListReader
from difxnb.wire.message import (
    FileOperation,
    FileTransfer,
    MachinesDefinition,
    Processor,
)
from tests.server.peers import TIMEOUT, Peer, run, serving


def size(n):
    return struct.pack(">i", n)


def test_ls_on_a_channel_comes_in_elementary_writes(tmp_path):
    (tmp_path / "file").write_text("x")

    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.command(FileOperation(operation="ls", arg="-1", path=f"{tmp_path}/f*", port=2**31 - 1))
            line = f"{tmp_path}/file\n".encode()
            await peer.stream(2**31 - 1, 8 + len(line))
            await peer.close()
            assert peer.pieces[2**31 - 1] == [size(len(line)), line, size(0)]
            assert peer.events[0] == control.ChannelOpened(2**31 - 1)

    run(main())


def test_an_unknown_flag_lists_nothing_and_is_told(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.command(FileOperation(operation="ls", arg="-lZ", path=str(tmp_path), port=5))
            assert await peer.stream(5, 4) == size(0)
            await peer.close()
            assert "-lZ" in peer.notices(6)[0]

    run(main())


async def listener():
    """A port that waits for one connection back."""
    arrived: asyncio.Future = asyncio.get_running_loop().create_future()

    def accept(reader, writer):
        arrived.set_result((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], arrived


def test_ls_over_a_connection_back_ends_with_the_stream(tmp_path):
    (tmp_path / "file").write_text("x")

    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server, channels=False)
            listening, port, arrived = await listener()
            await peer.command(
                FileOperation(operation="ls", path=str(tmp_path), address="127.0.0.1", port=port)
            )
            reader, writer = await asyncio.wait_for(arrived, TIMEOUT)
            lines = LineListReader()
            lines.receive_data(await asyncio.wait_for(reader.read(), TIMEOUT))
            assert lines.next_line() == b"file\n"
            assert lines.next_line() is None
            assert lines.complete
            writer.close()
            listening.close()
            await peer.close()

    run(main())


def test_the_end_of_the_stream_comes_late_on_request(tmp_path):
    async def main():
        async with serving(tmp_path, quirks="late-close") as server:
            peer = await Peer.connect(server, channels=False)
            listening, port, arrived = await listener()
            await peer.command(
                FileOperation(operation="ls", path=str(tmp_path), address="127.0.0.1", port=port)
            )
            reader, writer = await asyncio.wait_for(arrived, TIMEOUT)
            assert await asyncio.wait_for(reader.readexactly(4), TIMEOUT) == size(0)
            await peer.fence()
            assert not reader.at_eof()
            await peer.close()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), TIMEOUT)
            writer.close()
            listening.close()

    run(main())


def test_a_client_that_does_not_listen_is_told(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

        async def main():
            async with serving(tmp_path) as server:
                peer = await Peer.connect(server, channels=False)
                await peer.command(FileOperation(operation="ls", path=str(tmp_path), port=port))
                await peer.send(control.StartMonitor(port))
                await peer.until(lambda: len(peer.notices(6)) == 2)
                await peer.fence()
                await peer.close()
                assert all("client socket connection from guiServer" in text for text in peer.notices(6))

        run(main())


@pytest.mark.parametrize("channels", [True, False])
def test_a_file_goes_up_and_comes_back_bit_for_bit(tmp_path, channels):
    content = os.urandom(300_000)

    async def transfer(peer, body, sent):
        if channels:
            await peer.command(body)
            await peer.say(body.port, *sent)
            wanted = 4 if sent else 4 + len(content)
            return await peer.stream(body.port, wanted)
        listening, port, arrived = await listener()
        await peer.command(FileTransfer(**{**{f: getattr(body, f) for f in body.__slots__}, "port": port}))
        reader, writer = await asyncio.wait_for(arrived, TIMEOUT)
        writer.write(b"".join(sent))
        data = await asyncio.wait_for(reader.read(), TIMEOUT)
        writer.close()
        listening.close()
        return data

    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server, channels=channels)
            up = FileTransfer(direction="to DiFX", destination=f"{tmp_path}/file", port=11)
            pieces = [size(len(content)), content[:100_352], content[100_352:]]
            assert await transfer(peer, up, pieces) == size(len(content))
            assert (tmp_path / "file").read_bytes() == content
            down = FileTransfer(direction="from DiFX", origin=f"{tmp_path}/file", port=12)
            assert await transfer(peer, down, []) == size(len(content)) + content
            await peer.close()
            if channels:
                assert {len(p) for p in peer.pieces[12][1:-1]} == {1024}

    run(main())


def test_channel_data_may_come_before_the_channel_is_open(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.say(11, size(5), b"he")
            await peer.command(FileTransfer(direction="to DiFX", destination=f"{tmp_path}/file", port=11))
            await peer.say(11, b"llo", b"")
            assert await peer.stream(11, 4) == size(5)
            await peer.close()
            assert (tmp_path / "file").read_text() == "hello"

    run(main())


def test_one_channel_is_not_given_to_two_operations(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            for name in ("one", "two"):
                await peer.command(
                    FileTransfer(direction="to DiFX", destination=f"{tmp_path}/{name}", port=11)
                )
            await peer.until(lambda: bool(peer.notices(6)))
            await peer.say(11, size(1), b"x")
            assert await peer.stream(11, 4) == size(1)
            await peer.close()
            assert [p.name for p in tmp_path.iterdir()] == ["one"]
            assert "11" in peer.notices(6)[0]

    run(main())


def test_a_client_that_dies_in_an_upload_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("old")

    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.command(FileTransfer(direction="to DiFX", destination=f"{tmp_path}/file", port=11))
            await peer.say(11, size(1000), b"new")
            await peer.until(lambda: control.ChannelOpened(11) in peer.events)
            peer.writer.transport.abort()
        assert [p.name for p in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_text() == "old"

    run(main())


def test_a_download_waits_for_a_slow_reader_without_filling_the_memory(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(200 * 2**20)

    async def main():
        async with serving(tmp_path) as server:
            slow, quick = [await Peer.connect(server) for _ in range(2)]
            await slow.command(FileTransfer(direction="from DiFX", origin=f"{tmp_path}/large", port=5))
            await slow.until(lambda: control.ChannelOpened(5) in slow.events)
            for _ in range(20):
                await quick.fence()
            waiting = [
                client._outbox._writer.transport.get_write_buffer_size()
                for client in server._clients.values()
            ]
            assert max(waiting) < 4 * 2**20
            await quick.close()
            slow.writer.transport.abort()

    run(main())


def test_machines_and_status_through_the_server(tmp_path):
    (tmp_path / "e_1.input").write_text("")

    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            machines = MachinesDefinition(
                input=f"{tmp_path}/e_1.input", head_node="localhost", datastreams=("localhost",),
                processors=(Processor(("localhost",), 3),), test_processors=True, port=5,
            )  # fmt: skip
            await peer.command(machines)
            await peer.until(lambda: 101 in [p.id for p in peer.exchange(5)])
            await peer.send(control.StatusRequest(True, f"{tmp_path}/*.input", "", 6))
            await peer.until(lambda: 101 in [p.id for p in peer.exchange(6)])
            await peer.close()
            assert [p.id for p in peer.exchange(5)] == [
                102,
                103,
                108,
                111,
                109,
                110,
                104,
                122,
                120,
                115,
                116,
                101,
            ]
            assert [p.id for p in peer.exchange(6)] == [102, 110, 104, 105, 101]
            assert (tmp_path / "e_1.machines").read_text() == "localhost\n" * 3

    run(main())
