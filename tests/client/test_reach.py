# SPDX-License-Identifier: GPL-3.0-or-later
"""6.2.4: a real server is spared channels where it gets through to us, and nothing is lost where it does not."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.errors import ConnectionFailed
from difxnb.wire.control import (
    ChannelsOff,
    ChannelsOn,
    Command,
    EnvironmentVariable,
    SetupPath,
    VersionRequest,
    decode_from_client,
)
from difxnb.wire.files import encode_line
from difxnb.wire.message import FileOperation, Message, parse
from tests.client.peers import ROBUST, VERSION_REPLY, Talker, head_node_at, scripted
from tests.server.peers import serving

ROOT = b"drwxr-xr-x 9 root root 4096 2026-11-22 10:53:00.000000000 +0000 /\n"
EVERYTHING = EnvironmentVariable("PATH", "/usr/bin")
BRISK = replace(ROBUST, dial_back=0.3)


class RealServer:
    """Shows its whole environment; lists the root over connections of its own, or does not get through."""

    def __init__(self, how: str = "dials") -> None:
        self.how = how
        self.asked: list[object] = []

    async def __call__(self, talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await talker.say(VERSION_REPLY[0], EVERYTHING, *VERSION_REPLY[1:])
                continue
            self.asked.append(event)
            if isinstance(event, Command) and self.how != "silent":
                message = parse(event.payload)
                assert isinstance(message, Message)
                await self._list(talker, message.body)

    async def _list(self, talker: Talker, body: object) -> None:
        assert isinstance(body, FileOperation)
        if self.how == "dies":
            talker.writer.transport.abort()
            return
        if ChannelsOn() in self.asked:
            await talker.on_channel(body.port or 0, encode_line(ROOT), bytes(4))
            return
        _, writer = await asyncio.open_connection(body.address, body.port)
        if self.how != "breaks off":
            writer.write(encode_line(ROOT) + bytes(4))
        writer.close()


async def test_a_real_server_that_gets_through_is_asked_to_dial_back() -> None:
    server = RealServer()
    async with scripted(server) as port, head_node_at(port) as node:
        assert node.dial_back
        assert [e.path for e in await node.ls_entries("/")] == ["/"]
    kinds = [type(event) for event in server.asked]
    assert kinds[:2] == [Command, SetupPath]
    assert ChannelsOn not in kinds
    assert ChannelsOff not in kinds


@pytest.mark.parametrize("how", ["silent", "breaks off"])
async def test_a_real_server_that_does_not_get_through_is_asked_in_channels(how: str) -> None:
    server = RealServer(how)
    async with scripted(server) as port, head_node_at(port, patience=BRISK) as node:
        assert not node.dial_back
    assert [type(event) for event in server.asked][:3] == [Command, ChannelsOn, SetupPath]


async def test_a_real_server_that_dies_of_it() -> None:
    async with scripted(RealServer("dies")) as port:
        with pytest.raises(ConnectionFailed, match="and then the connection ended"):
            async with head_node_at(port, patience=BRISK):
                pass


async def test_what_was_asked_for_is_done() -> None:
    server = RealServer()
    async with scripted(server) as port, head_node_at(port, transport="channel") as node:
        assert not node.dial_back
    assert type(server.asked[0]) is ChannelsOn


@pytest.mark.parametrize(("environment", "dialled"), [({"PATH": "/usr/bin"}, True), ({"LANG": "C"}, False)])
async def test_files_either_way(tmp_path: Path, environment: dict[str, str], dialled: bool) -> None:
    """With our server in the guise of the real one; one that shows a choice of its environment is no such server."""
    content = random.Random(1).randbytes(70_000).replace(b"\0", b"1")
    async with (
        serving(tmp_path, quirks="2.9", environment=environment) as server,
        head_node_at(server.port, patience=replace(ROBUST, settle=0.1)) as node,
    ):
        assert node.dial_back is dialled
        await node.send_file(f"{tmp_path}/f", content)
        assert await node.get_file(f"{tmp_path}/f") == content
        assert [e.name for e in await node.ls_entries(str(tmp_path))] == ["f"]


async def test_our_server_is_asked_in_channels(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, environment={"PATH": "/usr/bin"}) as server,
        head_node_at(server.port) as node,
    ):
        assert not node.dial_back
