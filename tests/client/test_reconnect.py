# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is lost comes back by itself, with everything that the server was told of it."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.patience import Patience
from difxnb.client.settings import Settings
from difxnb.errors import (
    AccessDenied,
    ConnectionFailed,
    ConnectionLost,
    StillRunning,
    UnsafeValue,
)
from difxnb.server.child import ServerProcess
from difxnb.wire.control import (
    ChannelsOn,
    MessageSelection,
    MulticastSettings,
    Relayed,
    RelaySwitch,
    SetupPath,
    VersionRequest,
)
from difxnb.wire.message import Unparsed
from difxnb.wire.packet import encode_packet
from tests.client.lost_servers import Heard, Server, connected
from tests.client.peers import ROBUST, Talker, head_node_at, own_server, scripted

LOSSES = {
    "closes": (Server.close, "the server closed it"),
    "resets": (Server.reset, "it broke|the server closed it"),
    "raves": (Server.rave, "is not guiServer's protocol"),
    "falls silent": (Server.fall_silent, "no sign of life"),
}


@pytest.mark.parametrize(("lose", "reason"), LOSSES.values(), ids=LOSSES)
async def test_every_loss_is_a_gap_with_an_end(
    lose: Callable[[Server], Awaitable[None]], reason: str
) -> None:
    """9.4, 9.8: the gap begins when something was last heard and ends when the connection stands again."""
    patience = replace(ROBUST, idle=0.1, fence=0.3)
    before = time.time()
    async with connected(patience=patience) as (server, node, heard):
        await lose(server)
        await heard.wait_for(1)
        server.silent = False
        begin, end = await heard.wait_for(2)
        assert node.connected
        assert node.absence is None
        assert node.reconnections == 1
        await node.fence()
    assert begin.end is None
    assert end.end is not None
    assert before <= begin.begin <= end.end <= time.time()
    assert (end.begin, end.reason) == (begin.begin, begin.reason)
    assert heard.times == [begin.begin] * 2
    assert re.search(reason, begin.reason)
    assert len(server.told) == 2


async def test_a_new_connection_is_told_everything_again() -> None:
    """3.4: the server keeps nothing; H6: the setup path always."""
    async with connected() as (server, node, heard):
        begun = server.told[0][1:]
        assert begun == [
            ChannelsOn(),
            SetupPath(""),
            MessageSelection(("ALL_MESSAGES", "")),
            RelaySwitch(True),
            VersionRequest(),
        ]
        selected = ("SELECTED_MESSAGES", "ALERT_MESSAGES", "")
        settings = Settings("/opt/difx/bin/rungeneric.DIFX-2.9", selected, multicast=("224.2.2.2", 50201))
        await node.apply(settings)
        changes = [
            SetupPath(settings.setup_path),
            MessageSelection(selected),
            MulticastSettings("224.2.2.2", 50201),
        ]
        assert server.told[0][6:] == [*changes, VersionRequest()]
        await server.reset()
        await heard.wait_for(2)
        setup, selection, multicast = changes
        assert server.told[1] == [
            VersionRequest(),
            ChannelsOn(),
            setup,
            selection,
            RelaySwitch(True),
            multicast,
            VersionRequest(),
        ]


async def test_nothing_lies_inside_a_gap() -> None:
    """What is relayed while the connection is still being set up comes after the end of the gap."""
    server, heard, items = Server(), Heard(), []

    def hear(item: object, when: float) -> None:
        items.append(item)
        heard(item, when)

    async def script(talker: Talker) -> None:
        if server.told:
            await talker.say(Relayed(b"early"))
        await server(talker)

    async with scripted(script) as port, head_node_at(port, subscriber=hear, patience=ROBUST) as node:
        await server.close()
        await heard.wait_for(2)
        await node.fence()
    begin, end, early = items
    assert [begin, end] == heard.gaps
    assert isinstance(early, Unparsed)
    assert begin.begin <= end.end <= time.time()


async def test_settings_that_came_at_a_bad_time_are_not_lost() -> None:
    async with connected() as (server, node, heard):
        server.silent = True
        applying = asyncio.create_task(node.apply(Settings(setup_path="rungeneric.X")))
        await server.until(lambda: SetupPath("rungeneric.X") in server.told[0])
        server.silent = False
        await server.reset()
        with pytest.raises(ConnectionLost, match="settings of the connection"):
            await applying
        await heard.wait_for(2)
        assert SetupPath("rungeneric.X") in server.told[1]


async def test_reconnecting_by_hand_leaves_in_good_order() -> None:
    """H21: what was sent before is waited for; H2: no running job is taken along unasked."""
    async with connected() as (server, node, heard):
        assert node._session is not None
        node._session.jobs.add("/data/e_1.input")
        with pytest.raises(StillRunning):
            await node.reconnect()
        assert node.connected
        before = len(server.told[0])
        await node.reconnect(force=True)
        assert server.told[0][before:] == [VersionRequest()]
        begin, end = heard.gaps
        assert begin.reason == "it was made anew on request"
        assert end == replace(begin, end=end.end)
        assert node.reconnections == 1


async def test_attempts_can_be_forbidden() -> None:
    async with connected(patience=replace(ROBUST, reconnect=())) as (server, node, heard):
        await server.close()
        await heard.wait_for(1)
        with pytest.raises(ConnectionLost, match=r"given up|connecting again"):
            await node.fence()
        assert node.absence is not None
        assert node.absence.given_up
        await node.reconnect()
        await node.fence()


async def test_another_server_in_its_place_is_not_taken_for_it() -> None:
    """Something that is no guiServer may hold the port for a while."""
    strangers = asyncio.Event()
    server = Server()

    async def script(talker: Talker) -> None:
        if len(server.told) == 1 and not strangers.is_set():
            strangers.set()
            await talker.packet()
            await talker.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        await server(talker)

    heard = Heard()
    async with scripted(script) as port, head_node_at(port, subscriber=heard, patience=ROBUST) as node:
        await server.close()
        await heard.wait_for(2)
        assert strangers.is_set()
        await node.fence()


async def test_a_server_that_wants_another_token_is_not_asked_again(tmp_path: Path) -> None:
    async with own_server(tmp_path, token="right" * 8) as first:
        port = first.port
        node = AsyncHeadNode("127.0.0.1", port, patience=ROBUST, timeout=20.0, token="right" * 8)
        await node.connect()
        await first.close()
    async with own_server(tmp_path, port=port, token="other" * 8):
        with pytest.raises(ConnectionLost):
            await node.fence()
        with pytest.raises(ConnectionLost, match=r"given up: .*token"):
            await node.fence()
        with pytest.raises(AccessDenied):
            await node.reconnect()
        await node.close()


async def test_a_server_that_dies_while_it_is_connected_to_again() -> None:
    server = Server()
    attempts = 0

    async def script(talker: Talker) -> None:
        nonlocal attempts
        attempts += 1
        if 1 < attempts < 5:
            for _ in range(attempts - 2):
                await talker.packet()
            return
        await server(talker)

    heard, patience = Heard(), replace(ROBUST, version=0.3)
    async with scripted(script) as port, head_node_at(port, subscriber=heard, patience=patience) as node:
        await server.close()
        await heard.wait_for(2)
        await node.fence()
        assert attempts == 5


async def test_a_process_that_is_killed(tmp_path: Path) -> None:
    """9.8: SIGKILL, another process at the same port, and messages go on."""
    heard = Heard()
    first = ServerProcess(tmp_path)
    node = AsyncHeadNode("127.0.0.1", first.port, patience=ROBUST, timeout=20.0, subscriber=heard)
    await node.connect()
    try:
        first._process.kill()
        await heard.wait_for(1)
        second = ServerProcess(tmp_path, options=("--port", str(first.port)))
        try:
            await heard.wait_for(2)
            await node.fence()
        finally:
            await asyncio.to_thread(second.close)
    finally:
        await node.close(force=True)
        await asyncio.to_thread(first.close)


async def test_a_reconnection_by_hand_that_is_interrupted_goes_on_by_itself() -> None:
    """Ctrl-C while somebody else's silence is waited for leaves the connection on its way back, and calls waiting."""
    server, silent = Server(), asyncio.Event()

    async def script(talker: Talker) -> None:
        if len(server.told) == 1 and not silent.is_set():
            silent.set()
            await talker.reader.read()
            return
        await server(talker)

    heard = Heard()
    async with (
        scripted(script) as port,
        head_node_at(port, subscriber=heard, patience=replace(ROBUST, version=1000.0)) as node,
    ):
        by_hand = asyncio.create_task(node.reconnect())
        await asyncio.wait_for(silent.wait(), 20)
        call = asyncio.create_task(node.fence())
        by_hand.cancel()
        with pytest.raises(asyncio.CancelledError):
            await by_hand
        await call
        assert [gap.end is None for gap in heard.gaps] == [True, False]


async def test_two_reconnections_by_hand_at_once() -> None:
    async with connected() as (server, node, heard):
        await asyncio.gather(node.reconnect(), node.reconnect())
        await node.fence()
        assert len(server.told) == 3
        assert [gap.end is None for gap in heard.gaps] == [True, False] * 2


async def test_closing_while_it_is_made_by_hand() -> None:
    server, silent, loud = Server(), asyncio.Event(), asyncio.Event()

    async def script(talker: Talker) -> None:
        if server.told:
            silent.set()
            await loud.wait()
        await server(talker)

    async with scripted(script) as port:
        node = AsyncHeadNode("127.0.0.1", port, patience=replace(ROBUST, version=1000.0), timeout=4000.0)
        await node.connect()
        by_hand = asyncio.create_task(node.reconnect())
        await asyncio.wait_for(silent.wait(), 20)
        await node.close()
        loud.set()
        with pytest.raises(ConnectionFailed, match="closed here meanwhile"):
            await by_hand
        assert node.closed
        assert not node.connected
        await node.connect()
        await node.fence()
        await node.close()


async def test_what_a_real_server_never_forgets(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """H28: every byte sent stays in its memory, whatever connection it came by; told once each time it is much more."""
    monkeypatch.setattr("difxnb.client.link._MUCH_SENT", 3000)
    async with connected() as (_, node, _heard):
        for _ in range(4):
            before = node.bytes_sent
            await node.do("a deed", lambda session: session.send(encode_packet(99, bytes(992))))
            assert node.bytes_sent - before == 1000
            await node.reconnect()
        assert caplog.text.count("gives no memory back") == 1


# --- pauses -----------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.001, 100.0), max_size=5), st.integers())
def test_pauses_are_bounded_and_never_nothing(schedule: list[float], seed: int) -> None:
    pauses = list(islice(Patience(reconnect=tuple(schedule)).pauses(random.Random(seed)), 20))
    if not schedule:
        assert not pauses
        return
    wanted = [*schedule, *[schedule[-1]] * 20]
    assert len(pauses) == 20
    assert all(0.5 * want <= pause <= 1.5 * want for pause, want in zip(pauses, wanted, strict=False))


def test_the_usual_pauses_grow_and_differ() -> None:
    usual = Patience().reconnect
    assert list(usual) == sorted(usual)
    assert usual[0] > 0
    assert usual[-1] <= 60
    assert len(set(islice(Patience().pauses(random.Random(1)), 50))) == 50


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"setup_path": "x" * 4096}, UnsafeValue),
        ({"setup_path": "rungeneric; rm -rf /"}, UnsafeValue),
        ({"setup_path": "a\nb"}, UnsafeValue),
        ({"setup_path": "a\0"}, UnsafeValue),
        ({"multicast": ("224.2.2.1.5", 50200)}, ValueError),
        ({"multicast": ("127.0.0.1", 50200)}, ValueError),
        ({"multicast": ("224.2.2.1", 0)}, ValueError),
        ({"multicast": ("head-node", 50200)}, ValueError),
        ({"multicast": ("224.2.2.1\n5", 50200)}, ValueError),
    ],
)
def test_settings_that_would_harm_a_real_server(wrong: dict[str, object], error: type[Exception]) -> None:
    """4.5, 4.7, H6, H17, H22."""
    with pytest.raises(error):
        Settings(**wrong)


@given(st.text())
def test_no_setup_path_says_more_to_a_shell_than_one_word(text: str) -> None:
    try:
        setup = Settings(setup_path=text).setup_path
    except UnsafeValue:
        return
    assert not set(setup) & set(" \t\n\r\0'\"\\$`&|;<>()*?[]{}~#!")
