# SPDX-License-Identifier: GPL-3.0-or-later
"""Connecting: what comes about with a guiServer, and which error with everything else."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import ConnectionFailed, NoReply, NotGuiServer
from difxnb.wire.control import (
    ChannelsOff,
    ChannelsOn,
    MessageSelection,
    RelaySwitch,
    ServerVersion,
    SetupPath,
    VersionRequest,
    decode_from_client,
    encode,
)
from tests.client.peers import (
    BRIEF,
    VERSION_REPLY,
    Talker,
    captured,
    head_node_at,
    own_server,
    patience_for,
    scripted,
)


async def no_answer(talker: Talker) -> None:
    """Run a guiServer that answers version requests and nothing else."""
    await talker.serve(lambda *_: asyncio.sleep(0))


async def connect_to(port: int, **options: object) -> None:
    async with head_node_at(port, **{"patience": BRIEF, **options}):
        pass


@pytest.mark.parametrize("quirks", [None, "2.9"])
@pytest.mark.parametrize("transport", ["auto", "channel", "dial-back"])
async def test_own_server(tmp_path: Path, quirks: str | None, transport: str) -> None:
    async with (
        own_server(tmp_path, quirks) as server,
        head_node_at(server.port, transport=transport, patience=patience_for(quirks)) as node,
    ):
        assert node.connected
        assert node.description.is_own == (quirks is None)
        assert node.description.difx_base == str(tmp_path.resolve())
        assert node.dial_back == (transport == "dial-back")
        await node.fence()


async def test_real_start_up_replayed() -> None:
    reply = b"".join(data for direction, data in captured("01_version") if direction == "s2c")

    async def script(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                await talker.say(reply)

    async with scripted(script) as port, head_node_at(port) as node:
        assert node.description.version == "DEVELr7531"
        assert node.description.difx_versions == ("DIFX-2.9", "DIFX-DEVEL")
        assert node.description.difx_base == "/srv/difx-soft/difxbase"
        assert node.description.environment["DIFX_USER_ID"] == "root"
        assert not node.description.is_own
        assert not node.dial_back


async def test_order_of_the_set_up() -> None:
    said: list[object] = []

    async def script(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            said.append(decode_from_client(packet))
            if isinstance(said[-1], VersionRequest):
                await talker.say(*VERSION_REPLY)

    async with scripted(script) as port, head_node_at(port):
        assert said == [
            VersionRequest(),
            ChannelsOn(),
            SetupPath(""),
            MessageSelection(("ALL_MESSAGES", "")),
            RelaySwitch(True),
            VersionRequest(),
        ]


@pytest.mark.parametrize("late", [0, 2])
async def test_first_requests_lost(late: int) -> None:
    """H20: requests that get lost right after the connect are repeated; later fences are not answered too early."""
    asked = 0

    async def script(talker: Talker) -> None:
        nonlocal asked
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                asked += 1
                if asked == 2:
                    await talker.say(*VERSION_REPLY * (1 + late))
                elif asked in (3, 4):
                    await talker.say(*VERSION_REPLY)

    async with scripted(script) as port, head_node_at(port, patience=BRIEF) as node:
        with pytest.raises(NoReply, match="no sign of life"):
            await node.fence()


async def test_server_without_channels() -> None:
    """A server from before channels never ends its version list; side connections are dialled back then."""
    said: list[object] = []

    async def script(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            said.append(decode_from_client(packet))
            if isinstance(said[-1], VersionRequest):
                await talker.say(ServerVersion("1.03"))

    async with scripted(script) as port:
        async with head_node_at(port, patience=BRIEF) as node:
            assert node.dial_back
            assert node.description.version == "1.03"
            await node.fence()
        assert not any(isinstance(event, ChannelsOn | ChannelsOff) for event in said)
        with pytest.raises(NotGuiServer, match="never announces channels"):
            await connect_to(port, transport="channel")


async def test_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed, match="is guiServer running there"):
            await connect_to(unused.getsockname()[1])


async def test_no_such_host() -> None:
    node = AsyncHeadNode("no-such-host.invalid", 50200, patience=BRIEF, timeout=5.0)
    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid"):
        await node.connect()
    await node.close()


async def test_connection_not_accepted() -> None:
    """A full backlog is a black hole: nothing answers, not even with a refusal."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            with pytest.raises(ConnectionFailed, match=r"within 0\.3 s"):
                await connect_to(deaf.getsockname()[1], timeout=0.3)
        finally:
            for filler in fillers:
                filler.close()


async def test_silent_peer() -> None:
    async def script(talker: Talker) -> None:
        await talker.reader.read()

    async with scripted(script) as port:
        with pytest.raises(NoReply, match="accepts connections and says nothing"):
            await connect_to(port)


async def test_time_out_over_all() -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()
        await talker.say(*VERSION_REPLY)
        await talker.reader.read()

    async with scripted(script) as port:
        with pytest.raises(NoReply, match=r"did not get ready.*0\.2 s"):
            await connect_to(port, timeout=0.2)


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [(b"", NoReply, "says nothing"), (b"220 ready\r\n\0\0\0\0", NotGuiServer, "is the port right")],
    ids=["silent", "another protocol"],
)
async def test_a_short_time_out_still_tells_what_is_wrong(
    said: bytes, error: type[Exception], text: str
) -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()
        await talker.say(said)
        await talker.reader.read()

    async with scripted(script) as port:
        with pytest.raises(error, match=text):
            await connect_to(port, timeout=2.0, patience=replace(BRIEF, version=5.0))


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300, "has space"])
async def test_what_is_no_host_name(host: str) -> None:
    node = AsyncHeadNode(host, 50200, patience=BRIEF, timeout=5.0)
    with pytest.raises(ConnectionFailed, match="is the name right"):
        await node.connect()
    await node.close()


NONSENSE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "negative length": bytes.fromhex("00000008 ffffffff"),
    "huge length": bytes.fromhex("00000008 7fffffff"),
    "zeros": bytes(4096),
    "unknown ids": encode(VersionRequest())[:3] + b"\x63" + bytes(4),
    "only half a reply": encode(ServerVersion("DEVELr7531"))[:-1],
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense(nonsense: bytes) -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()
        await talker.say(nonsense)
        await talker.reader.read()

    async with scripted(script) as port:
        with pytest.raises(NotGuiServer, match="is the port right"):
            await connect_to(port, patience=replace(BRIEF, version_tries=1))


async def test_ends_at_once() -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()

    async with scripted(script) as port:
        with pytest.raises(ConnectionFailed, match="ended it unanswered"):
            await connect_to(port)


async def test_a_real_server_cannot_dial_back_to_a_long_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """H4, and H3 after it."""
    async with scripted(no_answer) as port:
        async with head_node_at(port, transport="dial-back") as node:
            assert node.dial_back
        monkeypatch.setattr("difxnb.client.session.Session.local_address", "192.168.100.101")
        with pytest.raises(ConnectionFailed, match="15 characters"):
            await connect_to(port, transport="dial-back")


@pytest.mark.parametrize(
    "arguments", [{"transport": "carrier pigeon"}, {"port": 0}, {"port": 70000}, {"timeout": 0}]
)
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"transport|port|timeout"):
        AsyncHeadNode(**{"host": "localhost", "port": 50200, **arguments})
