# SPDX-License-Identifier: GPL-3.0-or-later
"""H23: a real guiServer that has neither a login nor DIFX_USER_ID dies of transfers and stops; it is never asked."""

from __future__ import annotations

from typing import Any

import pytest

from difxnb.client.server_description import ServerDescription
from difxnb.client.start_options import StartOptions
from difxnb.errors import JobNotStopped, RemoteFileError
from difxnb.wire.control import Command, EnvironmentVariable, VersionRequest, decode_from_client
from difxnb.wire.files import encode_line
from difxnb.wire.message import FileOperation, FileTransfer, Message, Stop, parse
from tests.client.peers import VERSION_REPLY, Talker, head_node_at, scripted

ROW = b"-rw-r--r-- 1 oper oper 3 2026-11-22 10:53:00.000000000 +0000 /data/f\n"
PATH = EnvironmentVariable("PATH", "/usr/bin")


async def test_transfers_and_stops_are_refused() -> None:
    asked: list[object] = []

    async def answer(talker: Talker, body: object, port: int) -> None:
        if isinstance(body, FileOperation) and body.operation == "ls":
            named = body.path or ""
            await talker.on_channel(port, encode_line(ROW) if named.endswith("/f") else b"", bytes(4))
        else:
            asked.append(body)

    async def serve(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            event = decode_from_client(packet)
            if isinstance(event, VersionRequest):
                await talker.say(VERSION_REPLY[0], PATH, *VERSION_REPLY[1:])
            elif isinstance(event, Command):
                message = parse(event.payload)
                assert isinstance(message, Message)
                await answer(talker, message.body, getattr(message.body, "port", None) or 0)

    async with scripted(serve) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match=r"get_file.*set DIFX_USER_ID"):
            await node.get_file("/data/f")
        with pytest.raises(RemoteFileError, match=r"send_file.*set DIFX_USER_ID"):
            await node.send_file("/data/f", b"new")
        with pytest.raises(JobNotStopped, match="set DIFX_USER_ID"):
            await node.stop_job("/data/j.input", None, options=StartOptions())
        await node.fence()
    # Nothing but a name that nobody has is cleared away.
    assert {type(body).__name__ for body in asked} <= {"FileOperation"}
    assert not [b for b in asked if isinstance(b, (FileTransfer, Stop))]


@pytest.mark.parametrize(
    ("named", "known"),
    [
        ({"user": "oper", "environment": {"PATH": "/bin"}}, True),
        ({"environment": {"PATH": "/bin", "DIFX_USER_ID": "oper"}}, True),
        ({"environment": {"PATH": "/bin", "DIFX_BASE": "/opt/difx"}}, False),
        ({"environment": {"DIFX_BASE": "/opt/difx"}}, True),  # a choice of variables proves nothing
        ({"environment": {"PATH": "/bin", "DIFXNB_SERVER": "1"}}, True),
        ({}, True),
    ],
)
def test_who_has_a_name(named: dict[str, Any], known: bool) -> None:
    assert ServerDescription(**named).knows_its_user is known
