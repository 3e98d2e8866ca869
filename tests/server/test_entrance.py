# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into a server that wants a token, over real sockets; and the ways that do not lead in."""

import asyncio
import socket
import struct

import pytest

from difxnb.server.access import NO_TOKEN, TOO_LATE, TOO_MANY, TOO_MANY_GUESSES, WRONG_TOKEN, Limits
from difxnb.server.listening import listening_address
from difxnb.wire import control
from difxnb.wire.message import FileOperation
from tests.server.peers import Peer, alert, run, serving

TOKEN = "a-token-of-some-length"
QUICK = Limits(token_time=0.3)


async def stranger(server):
    return await Peer.connect(server, channels=False)


async def refused(peer, reason):
    """Read to the end; the reason must be there both for old clients and for those of this package."""
    await peer.eof()
    await peer.close()
    assert [e for e in peer.events if isinstance(e, control.AccessRefused)] == [control.AccessRefused(reason)]
    assert peer.notices(6) == [f"access refused: {reason}"]
    assert len(peer.events) == 2


def test_the_right_token_lets_in_and_what_follows_it_is_obeyed(tmp_path):
    async def main():
        async with serving(tmp_path, token=TOKEN) as server:
            peer = await stranger(server)
            await peer.send(control.AccessToken(TOKEN), control.ChannelsOn())
            await peer.fence()
            await peer.command(FileOperation(operation="touch", path=f"{tmp_path}/file"))
            await peer.fence()
            await peer.close()
            assert (tmp_path / "file").exists()
            assert peer.notices() == []

    run(main())


def test_a_token_may_come_in_pieces(tmp_path):
    async def main():
        async with serving(tmp_path, token=TOKEN) as server:
            peer = await stranger(server)
            peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in control.encode(control.AccessToken(TOKEN)):
                await peer.send(bytes([byte]))
                await asyncio.sleep(0)
            await peer.fence()
            await peer.close()

    run(main())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (control.VersionRequest(), NO_TOKEN),
        (control.AccessToken("another-token-of-some-length"), WRONG_TOKEN),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NO_TOKEN),
        (struct.pack(">ii", 1000, -1), WRONG_TOKEN),
    ],
)
def test_everybody_else_hears_why_not_and_has_no_effect(tmp_path, said, reason):
    """Also when more is on its way: the refusal must not be lost to a reset connection."""
    command = control.encode(control.Command(b"<x/>")) * 20000

    async def main():
        async with serving(tmp_path, token=TOKEN) as server:
            peer = await stranger(server)
            await peer.send(said, command)
            await refused(peer, reason)
            assert server.keeper.refused == {reason: 1}
            friend = await stranger(server)
            await friend.send(control.AccessToken(TOKEN))
            await friend.fence()
            await friend.close()

    run(main())


def test_a_stranger_hears_nothing_of_the_messages(tmp_path):
    async def main():
        async with serving(tmp_path, token=TOKEN) as server:
            peer, friend = await stranger(server), await stranger(server)
            await friend.send(control.AccessToken(TOKEN), control.RelaySwitch(True))
            await friend.fence()
            await friend.send(control.RelayCommand(alert("secret")))
            await friend.until(lambda: friend.relayed())
            await peer.send(control.RelaySwitch(True))
            await refused(peer, NO_TOKEN)
            await friend.close()

    run(main())


@pytest.mark.parametrize("said", [b"", b"\0\0\3\xe8", control.encode(control.AccessToken(TOKEN))[:-1]])
def test_who_says_nothing_or_never_ends_is_dropped(tmp_path, said):
    async def main():
        async with serving(tmp_path, token=TOKEN, limits=QUICK) as server:
            peer = await stranger(server)
            if said:
                await peer.send(said)
            await refused(peer, TOO_LATE)

    run(main())


def test_who_was_let_in_may_be_silent(tmp_path):
    async def main():
        async with serving(tmp_path, token=TOKEN, limits=QUICK) as server:
            friend, late = await stranger(server), await stranger(server)
            await friend.send(control.AccessToken(TOKEN))
            await friend.fence()
            await refused(late, TOO_LATE)  # by then the friend has been silent for as long
            await friend.fence()
            await friend.close()

    run(main())


def test_a_server_without_a_token_passes_over_one(tmp_path):
    async def main():
        async with serving(tmp_path, limits=QUICK) as server:
            peer, silent = await stranger(server), await stranger(server)
            await peer.send(control.AccessToken(TOKEN))
            await peer.fence()
            await silent.fence()
            for one in (peer, silent):
                await one.close()
            assert peer.notices() == []

    run(main())


def test_many_with_the_token_may_come_at_once(tmp_path):
    async def one(server):
        peer = await stranger(server)
        await peer.send(control.AccessToken(TOKEN))
        await peer.fence()
        return peer

    async def main():
        async with serving(tmp_path, token=TOKEN) as server:
            for peer in await asyncio.gather(*(one(server) for _ in range(60))):
                await peer.close()
            assert server.keeper.refused == {}

    run(main())


def test_so_many_wrong_tokens_at_once_are_looked_at_and_no_more(tmp_path):
    """Brute force is as slow as the penalties, however many connections it uses, and is counted."""

    async def main():
        async with serving(tmp_path, token=TOKEN, limits=Limits(guesses=2)) as server:
            guessing = [await stranger(server) for _ in range(10)]
            for peer in guessing:
                peer.writer.write(control.encode(control.AccessToken("x" * 20)))
            for peer in guessing:
                await peer.eof()
                await peer.close()
            assert server.keeper.refused == {WRONG_TOKEN: 2, TOO_MANY_GUESSES: 8}

    run(main())


def test_who_leaves_before_the_answer_to_a_guess_keeps_its_address_out_all_the_same(tmp_path):

    async def main():
        async with serving(tmp_path, token=TOKEN, limits=Limits(guesses=3)) as server:
            guessing = [await stranger(server) for _ in range(3)]
            for peer in guessing:
                await peer.send(control.AccessToken("x" * 20))
                await peer.close()
            while not server.keeper.is_guessed_at("127.0.0.1"):
                await asyncio.sleep(0)
            late = await stranger(server)
            await late.eof()
            await late.close()
            assert late.events == [control.Notice(6, f"access refused: {TOO_MANY_GUESSES}")]
            while server.keeper.refused[WRONG_TOKEN] < 3:
                await asyncio.sleep(0.01)
            friend = await stranger(server)
            await friend.send(control.AccessToken(TOKEN))
            await friend.fence()
            await friend.close()

    run(main())


def test_one_client_too_many_hears_so_and_the_next_finds_room_again(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(clients=2)) as server:
            first, second, third = [await stranger(server) for _ in range(3)]
            await third.send(control.VersionRequest())
            await third.eof()
            assert third.notices(6) == [f"access refused: {TOO_MANY}"]
            await first.fence()
            await first.close()
            await second.fence()
            while server.keeper.clients == 2:
                await asyncio.sleep(0)
            fourth = await stranger(server)
            await fourth.fence()
            for peer in (second, third, fourth):
                await peer.close()

    run(main())


def test_a_flood_of_connections_leaves_those_that_stand_alone(tmp_path):
    async def main():
        async with serving(tmp_path, limits=Limits(clients=2)) as server:
            friend = await stranger(server)
            await friend.fence()
            flood = [await stranger(server) for _ in range(80)]
            await friend.fence()
            assert len(server._clients) <= 2 + 32
            for peer in [friend, *flood]:
                await peer.close()
            while server.keeper.clients:
                await asyncio.sleep(0)
            friend = await stranger(server)
            await friend.fence()
            await friend.close()

    run(main())


def test_a_peer_that_vanishes_is_asked_for(tmp_path):
    """9.4 and 9.5: without this, a client whose computer lost its power would be there for ever."""

    async def main():
        async with serving(tmp_path) as server:
            peer = await stranger(server)
            await peer.fence()
            (client,) = server._clients.values()
            connection = client._outbox._writer.get_extra_info("socket")
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            await peer.close()

    run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost"])
def test_loopback_needs_no_token(host):
    assert listening_address(host, None).startswith("127.")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "255.255.255.255"])
def test_what_others_can_reach_needs_one(host):
    with pytest.raises(ValueError, match="token"):
        listening_address(host, None)
    assert listening_address(host, TOKEN) == host


@pytest.mark.parametrize("host", ["", "::1", "::", "no such host", "x" * 300, "a..b"])
def test_what_has_no_ipv4_address_is_an_error(host):
    with pytest.raises(OSError, match="IPv4"):
        listening_address(host, TOKEN)


def test_listening_beyond_loopback_with_a_token(tmp_path):
    async def main():
        async with serving(tmp_path, host="0.0.0.0", token=TOKEN) as server:
            peer = await stranger(server)
            await peer.send(control.AccessToken(TOKEN))
            await peer.fence()
            await peer.close()

    run(main())
