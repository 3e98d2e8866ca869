# SPDX-License-Identifier: GPL-3.0-or-later
"""A real message network beside the server's own: out, in, and no echo."""

import asyncio
import socket
import struct

import pytest

from difxnb.server import GuiServer
from difxnb.wire import control
from tests.server.peers import TIMEOUT, Peer, alert, run, serving

GROUP = "239.255.77.77"


@pytest.fixture
def station():
    """A socket in the group, as another DiFX program has; skipped where the system has no multicast."""
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with member:
        member.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        member.bind((GROUP, 0))
        port = member.getsockname()[1]
        try:
            membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("0.0.0.0"))
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            member.sendto(b"probe", (GROUP, port))
            member.settimeout(2.0)
            member.recv(100)
        except OSError as error:
            pytest.skip(f"no multicast on this host: {error}")
        member.settimeout(TIMEOUT)
        yield member, port


def test_documents_go_out_and_come_in_once(tmp_path, station):
    member, port = station

    async def main():
        async with serving(tmp_path, multicast=(GROUP, port)) as server:
            peer = await Peer.connect(server)
            await peer.send(control.RelaySwitch(True))
            await peer.fence()
            await peer.send(control.RelayCommand(alert("ours")))
            assert await asyncio.to_thread(member.recv, 8000) == alert("ours")
            member.sendto(alert("theirs"), (GROUP, port))
            await peer.until(lambda: len(peer.relayed()) >= 2)
            await peer.fence()
            assert [m.body.text for m in peer.relayed()] == ["ours", "theirs"]
            await peer.close()

    run(main())


def test_a_long_document_is_cut_and_does_not_come_back_as_somebody_elses(tmp_path, station):
    member, port = station

    async def main():
        async with serving(tmp_path, multicast=(GROUP, port)) as server:
            peer = await Peer.connect(server)
            await peer.send(control.RelaySwitch(True), control.RelayCommand(b"x" * 20_000))
            assert await asyncio.to_thread(member.recv, 30_000) == b"x" * 10240
            member.sendto(b"last", (GROUP, port))
            await peer.until(lambda: control.Relayed(b"last") in peer.events)
            assert [len(m.text) for m in peer.relayed()] == [10240, 4]
            await peer.close()

    run(main())


def test_a_group_that_is_none_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="multicast group"):
        GuiServer(tmp_path, multicast=("10.0.0.1", 50200))
