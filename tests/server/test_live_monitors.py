# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors of a running job, with a correlator that does as it is told."""

import asyncio
import math
import os
import signal

import numpy as np

from difxnb.server.confinement import Confinement
from difxnb.server.monitor_feed import MonitorFeed, serve_monitor
from difxnb.server.quirks import Quirks
from difxnb.wire import control
from difxnb.wire.message import (
    Stop,
)
from difxnb.wire.monitor import (
    MonitorReader,
    VisibilityBlock,
    body_length,
    encode_input_path,
    encode_request,
)
from difxnb.wire.packet import PacketReader
from tests.server.job_clients import monitored, scripted, start
from tests.server.peers import Peer, run, serving


def test_a_monitor_may_change_its_mind_and_several_may_watch(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            first, second = await Peer.connect(server), await Peer.connect(server)
            for peer in (first, second):
                await peer.send(control.StartMonitor(50))
                await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
                await peer.until(lambda peer=peer: [p.id for p in monitored(peer)].count(100) == 2)
            await first.command(start(short, 51, function="RUN_MONITOR"))
            for peer in (first, second):
                await peer.until(lambda peer=peer: 126 in [p.id for p in monitored(peer)])
            await second.say(50, *encode_request([(1, 4, 4)], 32))
            await second.until(lambda: {numbers(p) for p in monitored(second) if p.id == 126} == {0, 1})
            await first.command(Stop(input=str(short)))
            assert (await first.ended(51))[-1] == 100
            assert {numbers(p) for p in monitored(first) if p.id == 126} == {0}
            await first.close()
            await second.close()

    run(main())


def test_a_monitor_with_the_faults_of_the_real_server(short):
    """Wrong lengths and nonsense for lags and delays; the visibilities are right all the same."""

    async def main():
        quirks = "2.9,-lost-packets"
        async with serving(short.parent, correlator=scripted("endless"), quirks=quirks) as server:
            peer = await Peer.connect(server)
            await peer.send(control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
            await peer.command(start(short, 51, function="RUN_MONITOR"))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(129) > 2)
            await peer.command(Stop(input=str(short)))
            await peer.ended(51)
            await peer.close()
        reader = MonitorReader()
        blocks = [b for b in map(reader.add, monitored(peer)) if isinstance(b, VisibilityBlock)]
        assert len(blocks) > 2
        for number, block in enumerate(blocks, 1):
            np.testing.assert_allclose(block.visibility, number * (1 + 1j), rtol=3e-6)
        assert all(math.isnan(block.server.snr) for block in blocks)

    run(main())


def test_a_monitor_times_out_on_request_and_can_be_revived(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless"), quirks="data-timeout") as server:
            peer = await Peer.connect(server)
            await peer.send(control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
            await peer.command(start(short, 51, function="RUN_MONITOR"))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(126) > 2)
            child = server._services.jobs.find(str(short)).process_id
            os.kill(child, signal.SIGSTOP)
            await peer.until(lambda: 101 in [p.id for p in monitored(peer)])
            os.kill(child, signal.SIGCONT)
            before = [p.id for p in monitored(peer)].count(126)
            await peer.say(50, *encode_request([(0, 0, 2)], 32))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(126) > before)
            await peer.close()
            assert any(b"timed out after 0 seconds" in p.payload for p in monitored(peer))

    run(main())


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    ahead = 0.0

    def time(self):
        return super().time() + self.ahead


class SlowSide:
    """A client that takes two seconds over every write behind the first two spectra, which set the pace."""

    def __init__(self, loop, *said):
        self._loop, self._said = loop, list(said)
        self._reader = PacketReader(body_length=body_length)
        self.heard, self.news = [], asyncio.Condition()

    async def read(self):
        return self._said.pop(0) if self._said else await asyncio.Future()

    async def write(self, pieces):
        self._loop.ahead += 2.0 if self.heard.count(126) >= 2 else 0.0
        self._reader.receive_data(b"".join(pieces))
        while (packet := self._reader.next_packet()) is not None:
            self.heard.append(packet.id)
        async with self.news:
            self.news.notify_all()

    async def until(self, found):
        async with self.news:
            await self.news.wait_for(lambda: found(self.heard))


def test_what_waits_for_a_slow_client_is_not_late(short):
    """Only for what has not come a monitor that has no patience gives up."""

    async def main():
        side = SlowSide(
            asyncio.get_running_loop(), *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32)
        )
        feed, root = MonitorFeed(), Confinement(short.parent)
        serving_it = asyncio.create_task(serve_monitor(feed, root, Quirks.of("data-timeout"), side))
        await side.until(lambda heard: heard.count(100) == 2)
        for _ in range(4):
            feed.publish(short, 43200, np.ones(8, "<c8").tobytes())
        await side.until(lambda heard: 101 in heard)
        assert [one for one in side.heard if one in (101, 126)] == [126] * 4 + [101]
        serving_it.cancel()
        await asyncio.wait([serving_it])

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())


def numbers(packet):
    return int.from_bytes(packet.payload[:4], "big")


def test_a_monitor_does_not_wait_for_a_named_pipe(short):
    short.with_suffix(".calc").unlink()
    os.mkfifo(short.with_suffix(".calc"))

    async def main():
        async with serving(short.parent) as server:
            peer = await Peer.connect(server)
            await peer.send(control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)))
            await peer.until(lambda: 102 in [p.id for p in monitored(peer)])
            assert b"no regular file" in monitored(peer)[0].payload
            await peer.close()

    run(main())


def test_a_monitor_that_fails_ends_and_says_so(short, caplog):
    """Here by results that no correlator gives; nobody is to wait for data that will never come."""

    async def main():
        async with serving(short.parent) as server:
            peer, other = await Peer.connect(server), await Peer.connect(server)
            await peer.send(control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(100) == 2)
            server._services.monitors.publish(short, 43200, b"half")
            await peer.until(lambda: bool(peer.notices(6)))
            assert "the server failed in this operation" in peer.notices(6)[0]
            await peer.fence()
            await other.fence()
            await peer.close()
            await other.close()

    run(main())
    assert "an operation failed" in caplog.text
