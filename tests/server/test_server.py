# SPDX-License-Identifier: GPL-3.0-or-later
"""The server over real sockets: many clients, both kinds of side connection, and clients that misbehave."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from difxnb.server import GuiServer
from difxnb.wire import control
from difxnb.wire.files import LineListReader
from difxnb.wire.message import (
    Alert,
    Command,
    FileOperation,
    FileTransfer,
    Header,
    MachinesDefinition,
    Message,
    Processor,
    Vex2DifxRun,
    to_xml,
)
from difxnb.wire.packet import encode_packet
from tests.server.peers import TIMEOUT, Peer


@asynccontextmanager
async def serving(root, **options):
    server = GuiServer(root, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def run(main):
    asyncio.run(asyncio.wait_for(main, 2 * TIMEOUT))


def alert(text):
    header = Header(source="h", mpi_id=0, identifier="j", type="DifxAlertMessage")
    return to_xml(Message(header=header, body=Alert(text=text, severity=4), sequence=0, size=0))


def size(n):
    return struct.pack(">i", n)


def test_the_version_conversation(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_PROCESS", "x")

    async def main():
        async with serving(tmp_path, environment={"SITE": "here"}) as server:
            peer = await Peer.connect(server)
            await peer.fence()
            names = [e.name for e in peer.events if isinstance(e, control.EnvironmentVariable)]
            kinds = [type(e).__name__ for e in peer.events]
            await peer.close()
        assert names == [
            "DIFX_BASE",
            "DIFX_VERSION",
            "DIFX_MESSAGE_GROUP",
            "DIFX_MESSAGE_PORT",
            "DIFXNB_SERVER",
            "SITE",
        ]
        assert kinds[:2] == ["ServerVersion", "DifxBase"]
        assert kinds[-1] == "VersionsComplete"
        assert server.port != 0

    run(main())


def test_with_the_faults_of_the_real_server_it_also_has_its_name(tmp_path):
    async def main():
        async with serving(tmp_path, quirks="2.9,-lost-packets") as server:
            peer = await Peer.connect(server)
            await peer.fence()
            await peer.close()
        names = [e.name for e in peer.events if isinstance(e, control.EnvironmentVariable)]
        assert names == ["DIFX_BASE", "DIFX_VERSION", "DIFX_MESSAGE_GROUP", "DIFX_MESSAGE_PORT"]
        assert peer.events[0] == control.ServerVersion("DEVELr7531")
        assert control.AvailableVersion("DIFX-2.9") in peer.events
        assert "difxnb" not in repr([e for e in peer.events if not isinstance(e, control.DifxBase)]).replace(
            str(tmp_path), ""
        )

    run(main())


def test_file_operations_are_done_in_order_and_failures_are_told(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.command(FileOperation(operation="mkdir", path=f"{tmp_path}/a/b"))
            await peer.command(FileOperation(operation="touch", path=f"{tmp_path}/a/b/file"))
            await peer.command(FileOperation(operation="mkdir", path="/proc/nope/x"))
            await peer.command(
                FileOperation(operation="mv", path=f"{tmp_path}/a/b/file", arg=f"{tmp_path}/moved")
            )
            await peer.fence()
            await peer.close()
            assert (tmp_path / "moved").exists()
            assert len(peer.notices(6)) == len(peer.notices()) == 1
            assert "mkdir /proc/nope/x" in peer.notices(6)[0]

    run(main())


def test_failures_are_silent_on_request(tmp_path):
    async def main():
        async with serving(tmp_path, quirks="silent-files") as server:
            peer = await Peer.connect(server)
            await peer.command(FileOperation(operation="mkdir", path="/proc/nope/x"))
            await peer.command(FileOperation(operation="ls", arg="--nonsense", path="/", port=5))
            await peer.stream(5, 4)
            await peer.fence()
            await peer.close()
            assert peer.notices() == []

    run(main())


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
            await peer.command(FileOperation(operation="ls", arg="-lR", path=str(tmp_path), port=5))
            assert await peer.stream(5, 4) == size(0)
            await peer.close()
            assert "-lR" in peer.notices(6)[0]

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


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">ii", 3, -1),
        struct.pack(">ii", 3, 2**31 - 1),
        os.urandom(4096),
    ],
)
def test_rubbish_ends_one_connection_and_harms_no_other(tmp_path, rubbish):
    async def main():
        async with serving(tmp_path) as server:
            good, bad = await Peer.connect(server), await Peer.connect(server, channels=False)
            await bad.send(rubbish)
            bad.writer.write_eof()
            await bad.eof()
            await good.fence()
            await good.close()
            await bad.close()

    run(main())


def test_a_broken_payload_is_answered_and_the_connection_lives(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.send(encode_packet(22, b"x"), encode_packet(24, b"\xff" * 8), encode_packet(77, b""))
            await peer.fence()
            await peer.close()
            assert len(peer.notices(6)) == 2

    run(main())


def test_what_is_not_served_yet_is_declined(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.command(Vex2DifxRun(pass_path=str(tmp_path), file="e.v2d", port=5))
            await peer.send(control.FileListRequest(("/a",), "/b", "VDIF", 60000, "", 6))
            await peer.fence()
            await peer.close()
            assert "Received command message type 21" in peer.notices(5)[0]
            assert len(peer.notices(5)) == 2

    run(main())


def test_messages_go_to_those_who_want_them(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            deaf, all_, some, far, sender = [await Peer.connect(server) for _ in range(5)]
            await all_.send(control.RelaySwitch(True))
            await some.send(
                control.RelaySwitch(True), control.MessageSelection(("SELECTED_MESSAGES", "COMMAND_MESSAGES"))
            )
            await far.send(control.RelaySwitch(True), control.MulticastSettings("224.2.2.1", 50277))
            await sender.send(control.RelaySwitch(True))
            for peer in (deaf, all_, some, far, sender):
                await peer.fence()
            await sender.send(control.RelayCommand(alert("hello")), control.RelayCommand(b"no xml"))
            await sender.command(Command(command="listfs"))
            await sender.fence()
            for peer, number in ((deaf, 0), (all_, 3), (some, 1), (far, 0), (sender, 3)):
                await peer.fence()
                assert len(peer.relayed()) == number
                await peer.close()
            assert control.Relayed(alert("hello")) in all_.events

    run(main())


def test_a_client_that_does_not_read_loses_messages_and_is_told_how_many(tmp_path):
    count, document = 9000, alert("x" * 1000)

    async def main():
        async with serving(tmp_path) as server:
            lazy, keen, sender = [await Peer.connect(server) for _ in range(3)]
            for peer in (lazy, keen):
                await peer.send(control.RelaySwitch(True))
                await peer.fence()
            for _ in range(count // 100):
                await sender.send(*[control.RelayCommand(document)] * 100)
                await sender.fence()
                await keen.fence()
            assert len(keen.relayed()) == count
            await lazy.until(
                lambda: any("dropped" in text for text in lazy.notices(5)), "a word about the loss"
            )
            lost = int(next(text for text in lazy.notices(5) if "dropped" in text).split()[0])
            assert 0 < lost < count
            assert len(lazy.relayed()) == count - lost
            for peer in (lazy, keen, sender):
                await peer.close()

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


def test_the_first_packets_are_lost_on_request(tmp_path):
    async def main():
        async with serving(tmp_path, quirks="lost-packets") as server:
            peer = await Peer.connect(server)
            # Asked again and again, as clients must; the channel switch of the first moment is lost for good.
            while not peer.events:
                await peer.send(control.VersionRequest())
                try:
                    await asyncio.wait_for(peer.until(lambda: bool(peer.events)), 0.05)
                except TimeoutError:
                    continue
            await peer.command(FileOperation(operation="ls", path=str(tmp_path), port=99999))
            await peer.until(lambda: bool(peer.notices(6)))
            await peer.close()
            assert "channel mode is off" in peer.notices(6)[0]

    run(main())


def test_many_clients_at_once(tmp_path):
    async def one(server, number):
        peer = await Peer.connect(server)
        body = FileTransfer(direction="to DiFX", destination=f"{tmp_path}/{number}", port=7)
        await peer.command(body)
        await peer.say(7, size(4), struct.pack(">i", number))
        assert await peer.stream(7, 4) == size(4)
        await peer.fence()
        await peer.close()

    async def main():
        async with serving(tmp_path) as server:
            await asyncio.gather(*(one(server, number) for number in range(40)))
        for number in range(40):
            assert (tmp_path / str(number)).read_bytes() == struct.pack(">i", number)

    run(main())


def test_closing_with_everything_under_way_leaves_nothing(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peers = [await Peer.connect(server) for _ in range(3)]
            await peers[0].command(FileTransfer(direction="to DiFX", destination=f"{tmp_path}/file", port=5))
            await peers[0].say(5, size(100), b"x")
            await peers[1].send(control.StartMonitor(6))
            await peers[1].until(lambda: control.ChannelOpened(6) in peers[1].events)
            await peers[0].until(lambda: control.ChannelOpened(5) in peers[0].events)
        for peer in peers:
            await peer.eof()
            await peer.close()
        assert list(tmp_path.iterdir()) == []

    run(main())


def test_a_taken_port_is_an_error(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            second = GuiServer(tmp_path, port=server.port)
            with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
                await second.start()
            await second.close()

    run(main())


def test_a_root_that_is_no_directory_is_an_error(tmp_path):
    with pytest.raises(NotADirectoryError):
        GuiServer(tmp_path / "none")


@pytest.fixture
def program(tmp_path):
    """The server as a program of its own, as the command line starts it."""
    code = (
        "import sys; from pathlib import Path; from difxnb.server import run_server;"
        f"run_server(Path({str(tmp_path)!r}), announce=sys.stdout, until_eof=True)"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as child:
        line = child.stdout.readline().split()
        assert line[:3] == ["listening", "on", "127.0.0.1"]
        yield child, int(line[3])
        child.kill()


def test_the_program_ends_when_its_parent_is_gone(program):
    child, port = program
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(control.encode(control.VersionRequest()))
        assert connection.recv(4) == b"\0\0\0\x08"
        child.stdin.close()
        assert child.wait(TIMEOUT) == 0


@pytest.mark.parametrize("number", [2, 15])
def test_the_program_ends_at_a_signal(program, number):
    child, _ = program
    child.send_signal(number)
    assert child.wait(TIMEOUT) == 0
