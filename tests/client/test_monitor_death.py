# SPDX-License-Identifier: GPL-3.0-or-later
"""15: a guiServer as it was released dies when a monitor names its input file, and nothing shows it by itself (9.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from difxnb.errors import ConnectionLost
from difxnb.wire.control import (
    ChannelData,
    ChannelOpened,
    Command,
    StartMonitor,
    VersionRequest,
    decode_from_client,
)
from difxnb.wire.files import encode_line
from difxnb.wire.message import Message, parse
from tests.client.peers import BRIEF, VERSION_REPLY, Talker, head_node_at, scripted
from tests.recordings import exchanges

ROW = b"-rw-r--r-- 1 oper oper 9 2026-11-22 10:53:00.000000000 +0000 /data/j.input\n"


async def test_a_server_that_dies_of_a_monitor_is_found_dead() -> None:
    """With what the real one said before it fell silent; its programs keep the connection open."""
    said = exchanges("crash_monitor")[0].writes
    dead = False

    async def serve(talker: Talker) -> None:
        nonlocal dead
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest) and not dead:
                await talker.say(*VERSION_REPLY)
            elif isinstance(event, StartMonitor):
                dead = True
                pieces = (ChannelData(event.port, piece) for piece in said)
                await talker.say(ChannelOpened(event.port), *pieces)
            elif isinstance(event, Command):
                message = parse(event.payload)
                assert isinstance(message, Message)
                await talker.on_channel(getattr(message.body, "port", 0), encode_line(ROW), bytes(4))

    patience = replace(BRIEF, listing=60.0, first_sign=0.6)
    async with scripted(serve) as port, head_node_at(port, patience=patience) as node:
        with pytest.raises(ConnectionLost, match="as it was released dies") as caught:
            await node.open_monitor("/data/j.input")
        assert "gave no sign of life" in str(caught.value)
