# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that send what kills a real guiServer, or far too much of it: they harm themselves and nobody else."""

import asyncio
import struct
import sys

import pytest

from difxnb.server.access import Limits
from difxnb.server.follower import Follower
from difxnb.server.side import ChannelInput
from difxnb.wire import control
from difxnb.wire.job import JobEvent, JobId, decode_job
from difxnb.wire.message import FileOperation, FileTransfer
from difxnb.wire.packet import PacketReader, encode_packet
from tests.server.job_clients import scripted, start
from tests.server.peers import Peer, alert, run, serving

NEGATIVE, HUGE = struct.pack(">i", -1), struct.pack(">i", 2**31 - 1)


async def still_served(server):
    """Somebody else is let in and answered."""
    friend = await Peer.connect(server)
    await friend.fence()
    await friend.close()


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31 - 1, 2**20 + 1])
def test_h5_a_length_that_cannot_be_ends_the_connection_with_a_word(tmp_path, length):
    """H5, and 1.3: also where the client goes on sending, which would reset a connection closed at once."""

    async def main():
        async with serving(tmp_path, limits=Limits(packet=2**20)) as server:
            peer = await Peer.connect(server)
            await peer.send(struct.pack(">ii", 3, length), bytes(2**18))
            await peer.eof()
            await peer.close()
            (said,) = peer.notices(6)
            assert "not guiServer's protocol" in said
            assert str(length) in said
            await still_served(server)

    run(main())


def test_h5_the_longest_packet_is_still_a_packet(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(packet=2**20)) as server:
            peer = await Peer.connect(server)
            await peer.send(encode_packet(3, b"x" * 2**20))
            await peer.fence()
            await peer.close()
            assert "is ignored" in peer.notices(6)[0]

    run(main())


@pytest.mark.parametrize(
    ("packet", "payload"),
    [
        (23, NEGATIVE),
        (23, HUGE),
        (23, struct.pack(">ii", 1, -5)),
        (23, struct.pack(">ii", 1, 2**31 - 1)),
        (24, struct.pack(">ii", 1, -1)),
        (24, struct.pack(">ii", 1, 2**31 - 1)),
        (24, struct.pack(">iii", 1, 0, -(2**31))),
        (22, b"\0\0\0"),
        (1, b""),
        (14, b"\0"),
    ],
)
def test_h5_counts_and_lengths_that_lie_are_answered(tmp_path, packet, payload):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.send(encode_packet(packet, payload))
            await peer.fence()
            await peer.close()
            assert len(peer.notices(6)) == 1

    run(main())


def _nested(depth):
    return b"<difxMessage>" + b"<a>" * depth + b"</a>" * depth + b"</difxMessage>"


ENTITIES = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
MONSTERS = {
    "nested": _nested(10_000),
    "many receivers": b"<difxMessage><header>" + b"<to>x</to>" * 9000 + b"</header></difxMessage>",
    "long names": b"<difxMessage><header><from>" + b"x" * 90_000 + b"</from></header></difxMessage>",
    "entities": b'<!DOCTYPE d [<!ENTITY e0 "x">' + ENTITIES + b"]><difxMessage><a>&e11;</a></difxMessage>",
    "not closed": b"<difxMessage><header>" * 4000,
    "too long": b"x" * 93_713,
    "nothing": b"",
    "NULs": bytes(1000),
}


@pytest.mark.parametrize("kind", MONSTERS)
def test_h19_documents_that_break_the_real_parser_are_answered_or_passed_on(tmp_path, kind):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.send(control.RelaySwitch(True))
            await peer.send(control.Command(MONSTERS[kind]), control.RelayCommand(MONSTERS[kind]))
            await peer.fence()
            await peer.close()
            assert len(peer.notices()) == 1
            (relayed,) = [e.payload for e in peer.events if isinstance(e, control.Relayed)]
            assert relayed == MONSTERS[kind][:10240].partition(b"\0")[0]
            await still_served(server)

    run(main())


@pytest.mark.parametrize(
    "settings",
    [
        b"224.2.2.1",
        b"x" * 5000,
        b"10.0.0.1\n50200",
        b"224.2.2.1\n0",
        b"224.2.2.1\n70000",
        b"224.2.2.300\n5",
        b"\n",
    ],
)
def test_h22_odd_groups_are_refused_and_messages_go_on(tmp_path, settings):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.send(control.RelaySwitch(True), encode_packet(7, settings))
            await peer.send(control.RelayCommand(alert("still here")))
            await peer.until(peer.relayed)
            await peer.close()
            assert len(peer.notices(6)) == 1

    run(main())


def test_h25_a_line_of_output_of_many_mib_is_cut(short, tmp_path):
    program = "import os; os.write(2, b'e' * (5 << 20)); os.write(2, b'\\nwarning: the end\\n')"

    async def main():
        async with serving(
            tmp_path, correlator=lambda launch, root: [sys.executable, "-c", program]
        ) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 5))
            await peer.ended(5)
            await peer.close()
            texts = [e.text for e in peer.job(5) if e.id in (JobId.DIFX_ERROR, JobId.DIFX_WARNING)]
            assert {len(text) for text in texts if text.startswith("e")} == {7999}
            assert "warning: the end" in texts

    run(main())


def test_h26_temporary_files_of_others_are_in_nobodys_way(tmp_path):
    """Nothing is kept under a name that a port or channel number tells: not there, and not beside the file."""
    (tmp_path / "filetransfer_5").mkdir()
    (tmp_path / ".file.part").mkdir()

    async def main():
        async with serving(tmp_path) as server:
            peers = [await Peer.connect(server) for _ in range(2)]
            for number, peer in enumerate(peers):  # equal channels, and even equal destinations
                await peer.command(FileTransfer(direction="to DiFX", destination=f"{tmp_path}/file", port=5))
                await peer.say(5, struct.pack(">i", 4), b"%d..." % number)
            for peer in peers:
                assert await peer.stream(5, 4) == struct.pack(">i", 4)
                await peer.close()
        assert (tmp_path / "file").read_text() in ("0...", "1...")

    run(main())


def test_a_flood_of_questions_from_one_who_does_not_read_fills_no_memory_and_stops_nobody(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(memory=2**18)) as server:
            bad, good = await Peer.connect(server), await Peer.connect(server)
            await bad.fence()
            (client, _) = server._clients.values()
            bad.writer.write(control.encode(control.VersionRequest()) * 200_000)
            most = 0
            for _ in range(200):
                await good.fence()
                most = max(most, client._outbox._writer.transport.get_write_buffer_size())
            assert most < 2**19
            bad.writer.transport.abort()
            await good.close()

    run(main())


def test_a_flood_from_one_client_waits_in_its_socket(tmp_path):
    """With one packet a second allowed, fifty would take most of a minute; others are answered at once."""

    async def main():
        async with serving(tmp_path, limits=Limits(rate=1.0)) as server:
            hasty, calm = [await Peer.connect(server, channels=False) for _ in range(2)]
            await hasty.send(*[control.VersionRequest()] * 50)
            await hasty.until(lambda: hasty.events)
            await calm.fence()
            assert 0 < sum(isinstance(e, control.VersionsComplete) for e in hasty.events) < 50
            await calm.close()
            hasty.writer.transport.abort()

    run(main())


@pytest.mark.parametrize(
    "packet", [encode_packet(77), encode_packet(22, bytes(8)), encode_packet(22, bytes(4))]
)
def test_floods_of_packets_that_mean_nothing_are_bounded(tmp_path, packet):
    """Unknown ids, data for a channel that nobody opened, and empty pieces of data."""

    async def main():
        async with serving(tmp_path) as server:
            bad, good = await Peer.connect(server), await Peer.connect(server)
            sending = asyncio.ensure_future(bad.send(packet * 5000))
            await good.fence()
            await bad.fence()
            await sending
            await bad.close()
            await good.close()

    run(main())


def test_a_slow_reader_is_told_what_it_lost_and_others_lose_nothing(tmp_path):
    """Each count told, and their sum; several slow readers have a count each."""
    count, document = 1200, b"y" * 9000

    async def main():
        async with serving(tmp_path, limits=Limits(memory=2**17)) as server:
            slow, slower, keen = [await Peer.connect(server) for _ in range(3)]
            for peer in (slow, slower, keen):
                await peer.send(control.RelaySwitch(True))
                await peer.fence()
            for _ in range(count // 20):
                await keen.send(*[control.RelayCommand(document)] * 20)
                await keen.fence()
            assert len(keen.relayed()) == count
            for peer in (slow, slower):
                await peer.fence()
                await peer.until(lambda peer=peer: len(peer.relayed()) + told(peer) == count)
                assert told(peer) > 0
            for peer in (slow, slower, keen):
                await peer.close()

    run(main())


def told(peer):
    return sum(int(text.split()[0]) for text in peer.notices(5) if "dropped" in text)


def test_a_client_that_never_reads_is_dropped_in_the_end(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(memory=2**16, stall=0.3)) as server:
            dead, asking, good = [await Peer.connect(server) for _ in range(3)]
            await dead.send(control.RelaySwitch(True))
            await dead.fence()
            asking.writer.write(control.encode(control.VersionRequest()) * 100_000)
            while server.keeper.clients > 1:
                await good.send(*[control.RelayCommand(b"z" * 9000)] * 50)
                await good.fence()
            for peer in (dead, asking):
                peer.writer.transport.abort()
            await good.close()

    run(main())


def test_what_no_operation_takes_holds_up_its_sender_alone_and_not_for_ever(short, tmp_path):
    """A job reads nothing of its channel; whoever sends it megabytes is not read any more, and then dropped."""

    async def main():
        limits = Limits(memory=2**16, stall=0.3)
        async with serving(tmp_path, limits=limits, correlator=scripted("endless")) as server:
            bad, good = await Peer.connect(server), await Peer.connect(server)
            await bad.command(start(short, 5))
            await bad.reaches(5, JobId.STARTING_DIFX)
            bad.writer.write(control.encode(control.ChannelData(5, bytes(1000))) * 1000)
            while server.keeper.clients > 1:
                await good.fence()
            bad.writer.transport.abort()
            await good.close()

    run(main())


class Silent:
    """A side connection whose client reads once it is told to."""

    def __init__(self):
        self.reads, self.said = asyncio.Event(), b""

    async def write(self, pieces):
        await self.reads.wait()
        self.said += b"".join(pieces)


def test_output_of_a_job_that_nobody_reads_is_bounded_in_bytes_too():
    async def main():
        side, told = Silent(), []
        follower = Follower(side, told.append)
        for _ in range(2000):
            follower.report(JobEvent(JobId.DIFX_MESSAGE, "x" * 7999))
        follower.report(JobEvent(JobId.JOB_ENDED_GRACEFULLY))
        side.reads.set()
        await follower.run()
        reader = PacketReader()
        reader.receive_data(side.said)
        *lines, warning, last = map(decode_job, reader.whole_packets())
        assert len(lines) * 7999 < 4 * 2**20 + 7999
        assert warning.text.startswith(f"warning: {2000 - len(lines)} lines")
        assert last.id == JobId.JOB_ENDED_GRACEFULLY

    run(main())


def test_room_is_made_by_whoever_takes_what_is_there():
    async def main():
        data = ChannelInput(limit=10)
        for channel in (1, 2):
            data.open(channel)
            data.receive(channel, b"12345")
        assert data.full
        waiting = asyncio.ensure_future(data.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert data.take(1) == b"12345"
        await waiting
        data.receive(2, b"67890")
        waiting = asyncio.ensure_future(data.room())
        data.end(2)
        await waiting
        assert not data.full

    run(main())


def test_operations_beyond_the_bound_are_refused(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(operations=3)) as server:
            peer = await Peer.connect(server)
            for channel in range(5):
                await peer.send(control.StartMonitor(channel))
            await peer.fence()
            await peer.close()
            assert len(peer.notices(6)) == 2
            assert "3 operations of this client" in peer.notices(6)[0]

    run(main())


def test_one_who_asks_for_a_hundred_listings_leaves_threads_for_others(tmp_path):
    (tmp_path / "large").mkdir()
    for number in range(300):
        (tmp_path / "large" / f"file{number}").touch()

    async def main():
        async with serving(tmp_path) as server:
            bad, good = await Peer.connect(server), await Peer.connect(server)
            for channel in range(1, 101):
                await bad.command(
                    FileOperation(operation="ls", arg="-l", path=f"{tmp_path}/large", port=channel)
                )
            await bad.until(lambda: control.ChannelOpened(100) in bad.events)
            await good.command(FileOperation(operation="ls", path=f"{tmp_path}/large/file0", port=5))
            await good.until(lambda: good.streams[5].endswith(bytes(4)))
            await bad.fence()
            assert sum(stream.endswith(bytes(4)) for stream in bad.streams.values()) < 100
            await bad.until(lambda: sum(stream.endswith(bytes(4)) for stream in bad.streams.values()) == 100)
            await bad.close()
            await good.close()

    run(main())


def test_a_client_that_only_closes_its_sending_half_is_taken_for_gone(tmp_path):
    async def main():
        async with serving(tmp_path) as server:
            peer = await Peer.connect(server)
            await peer.send(control.StartMonitor(5))
            await peer.until(lambda: control.ChannelOpened(5) in peer.events)
            peer.writer.write_eof()
            await peer.eof()
            await peer.close()
            assert server.keeper.clients == 0

    run(main())
