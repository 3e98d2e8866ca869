# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that are made while the connection is lost, or under way when it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import (
    ConnectionFailed,
    ConnectionLost,
)
from difxnb.wire.control import (
    Command,
)
from difxnb.wire.packet import encode_packet
from tests.client.lost_servers import Heard, Server, connected
from tests.client.peers import ROBUST, Talker, own_server, scripted


async def test_calls_in_flight_say_what_may_have_happened() -> None:
    async with connected() as (server, node, _):
        asking = asyncio.create_task(
            node.ask("a question", lambda session: session.open_exchange(_request, "it"))
        )
        doing = asyncio.create_task(node.do("a deed", lambda session: session.open_exchange(_request, "it")))
        await server.until(lambda: sum(isinstance(event, Command) for event in server.told[0]) == 2)
        await server.close()
        with pytest.raises(
            ConnectionLost, match=r"a question: .*the server closed it.* Nothing was changed by it"
        ):
            await asking
        with pytest.raises(
            ConnectionLost, match=r"a deed: .*the server closed it.* may or may not have had its effect"
        ):
            await doing
        assert not any(isinstance(event, Command) for told in server.told[1:] for event in told)


def _request(address: str, port: int) -> bytes:
    return encode_packet(3, b"<difxMessage/>")


async def test_calls_meanwhile_wait_for_the_connection(tmp_path: Path) -> None:
    """A real server that is killed and started again at the same port."""
    heard = Heard()
    async with own_server(tmp_path) as first:
        port = first.port
        node = AsyncHeadNode("127.0.0.1", port, patience=ROBUST, timeout=20.0, subscriber=heard)
        await node.connect()
        await first.close()
    await heard.wait_for(1)
    assert not node.connected
    assert not node.closed
    call = asyncio.create_task(node.fence())
    async with own_server(tmp_path, port=port):
        await call
        assert node.connected
        assert [gap.end is None for gap in heard.gaps] == [True, False]
        await node.close()


async def test_calls_meanwhile_do_not_wait_for_ever() -> None:
    server = Server()
    async with scripted(server) as port:
        node = AsyncHeadNode("127.0.0.1", port, patience=ROBUST, timeout=0.5)
        await node.connect()
    with pytest.raises(ConnectionLost, match=r"fence: (?s:.*)is gone: the server closed it"):
        await node.fence()
    with pytest.raises(
        ConnectionLost, match=r"a deed: not begun, .*away for .*failed .*tried further: no connection"
    ):
        await node.do("a deed", lambda session: session.fence())
    with pytest.raises(ConnectionFailed):
        await node.reconnect()
    assert node.absence is not None
    failures = node.absence.failures
    with pytest.raises(ConnectionLost, match="not begun"):
        await node.fence()
    assert node.absence.failures > failures, "an attempt by hand must not end those in the background"
    await node.close()
    with pytest.raises(ConnectionLost, match="connect first"):
        await node.fence()


@pytest.mark.parametrize("pause", [0.01, 1000.0], ids=["connecting", "pausing"])
async def test_close_ends_it_at_once(pause: float) -> None:
    heard, hole = Heard(), asyncio.Event()
    server = Server()

    async def swallow(talker: Talker) -> None:
        if server.talkers:
            hole.set()
            await talker.reader.read()
        await server(talker)

    async with scripted(swallow) as port:
        patience = replace(ROBUST, reconnect=(pause,), version=1000.0)
        node = AsyncHeadNode("127.0.0.1", port, patience=patience, timeout=4000.0, subscriber=heard)
        await node.connect()
        await server.close()
        await heard.wait_for(1)
        waiting = asyncio.create_task(node.fence())
        if pause < 1:
            await asyncio.wait_for(hole.wait(), 20)
        await asyncio.wait_for(node.close(), 20)
        assert node.closed
        with pytest.raises(ConnectionLost, match="connect first"):
            await waiting
        assert len(heard.gaps) == 1
