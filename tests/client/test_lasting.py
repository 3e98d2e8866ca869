# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations that are given up here and go on there: a real server must not be left before their end (H2)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from difxnb.errors import NoReply
from difxnb.wire.control import ChannelData
from difxnb.wire.message import Mk5Control
from difxnb.wire.packet import packet_chunks
from tests.client.far_recorders import facing
from tests.client.peers import Talker, head_node_at, own_server
from tests.server.recorder_rooms import install


class Slow:
    """A command that ends when it is told to."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.ended = False

    async def play(self, talker: Talker, body: object, port: int) -> None:
        assert isinstance(body, Mk5Control)
        await talker.on_channel(port, *packet_chunks(102))
        await self.end.wait()
        self.ended = True
        pieces = [*packet_chunks(108, b"late\n"), *packet_chunks(101)]
        await talker.say(*(ChannelData(port, piece) for piece in pieces))


@pytest.mark.parametrize("how", ["time-out", "interrupt"])
async def test_a_real_server_is_not_left_before_the_end(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """H2: the connection stays until the server has said its last word."""
    slow = Slow()
    async with facing(slow.play) as (_, node):
        lines: list[str] = []
        timeout = 0.1 if how == "time-out" else 60.0
        asking = asyncio.create_task(
            node.control_recorder("m", "getvsn", confirm=False, timeout=timeout, on_line=lines.append)
        )
        if how == "time-out":
            with pytest.raises(NoReply, match="did not finish, and may go on"):
                await asking
        else:
            await asyncio.wait({asking}, timeout=0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        closing = asyncio.create_task(node.close())
        done, _ = await asyncio.wait({closing}, timeout=0.1)
        assert not done
        slow.end.set()
        await asyncio.wait_for(closing, 30)
        assert slow.ended
        assert "goes on at guiServer" in caplog.text


async def test_leaving_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    async with facing(slow.play) as (_, node):
        with pytest.raises(NoReply):
            await node.control_recorder("m", "getvsn", confirm=False, timeout=0.1, on_line=print)
        await asyncio.wait_for(node.close(), 30)  # the brief patience of tests is over after a second
        assert not slow.ended


async def test_our_server_is_left_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    programs = install(tmp_path / "bin", {"vex2difx": "exec sleep 1000"})
    root = (tmp_path / "root").resolve()
    root.mkdir()
    (root / "e.v2d").write_text("")
    async with own_server(root, programs=programs) as server, head_node_at(server.port) as node:
        with pytest.raises(NoReply):
            await node.make_jobs(
                f"{root}/e.v2d", calc="difxcalc", overwrite=False, timeout=0.2, on_line=print
            )
        await asyncio.wait_for(node.close(), 30)
    assert "goes on at guiServer" not in caplog.text
