# SPDX-License-Identifier: GPL-3.0-or-later
"""Through ssh gateways: real sshd on 127.0.0.1, the user's own configuration, and everything that can go wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.tunnel import Gateway as Address
from difxnb.errors import ConnectionFailed, ConnectionLost, DifxError, GatewayRefused, NotGuiServer
from difxnb.wire.control import ServerVersion, VersionRequest, decode_from_client
from difxnb.wire.events import Gap
from tests.client.peers import BRIEF, ROBUST, Talker, own_server, scripted
from tests.client.ssh_gateways import USER, Gateway, Home, free_port, make_key, require_sshd

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sshd")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    require_sshd()
    return Home(tmp_path / "home", monkeypatch)


@asynccontextmanager
async def gateway(
    home: Home, *options: str, name: str = "gateway", key: str | None = None
) -> AsyncIterator[Gateway]:
    """A gateway that is known and lets the user of `home` in."""
    sshd = Gateway(home.ssh.parents[1] / name, key or home.public_key, *options)
    try:
        sshd.start()
        home.know(sshd.known_as())
        yield sshd
    finally:
        sshd.stop()


class Heard:
    """A subscriber that can be waited for."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self._news = asyncio.Event()

    def __call__(self, item: object, time: float) -> None:
        if isinstance(item, Gap):
            self.gaps.append(item)
            self._news.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.gaps) < count:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def node_behind(ssh: str, port: int, **options: object) -> AsyncIterator[AsyncHeadNode]:
    node = AsyncHeadNode("127.0.0.1", port, **{"ssh": ssh, "patience": ROBUST, "timeout": 20.0, **options})
    try:
        await node.connect()
        yield node
    finally:
        await node.close(force=True)


async def refused(ssh: str, port: int = 50200, **options: object) -> str:
    """Text of the error with which connecting ends."""
    with pytest.raises(ConnectionFailed) as caught:
        async with node_behind(ssh, port, **options):
            pass
    return str(caught.value)


# --- ways in ----------------------------------------------------------------------------------------


async def test_everything_runs_through_one_channel(home: Home, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    content = os.urandom(3_000_000)
    (root / "file").write_bytes(content)
    async with (
        own_server(root) as server,
        gateway(home) as sshd,
        node_behind(f"{USER}@127.0.0.1:{sshd.port}", server.port) as node,
    ):
        assert not node.dial_back
        assert await node.get_file(f"{root}/file") == content
        assert await node.send_file(f"{root}/copy", content) == len(content)
        assert (root / "copy").read_bytes() == content
        assert str(sshd.port) in node.where
        await node.close()
        assert sshd.logins == 1


async def test_a_name_in_the_configuration(home: Home, tmp_path: Path) -> None:
    """Host name, port, user and key come from ~/.ssh/config; keys that are not there are passed over, as ssh does."""
    make_key(home.ssh / "other")
    async with (
        own_server(tmp_path) as server,
        gateway(home, key=(home.ssh / "other.pub").read_text()) as sshd,
    ):
        home.key.unlink()
        home.configure(
            "Host observatory",
            "  HostName 127.0.0.1",
            f"  Port {sshd.port}",
            f"  User {USER}",
            "  IdentityFile ~/.ssh/missing",
            "  IdentityFile ~/.ssh/other",
            "  UserKnownHostsFile ~/.ssh/missing ~/.ssh/known_hosts",
        )
        async with node_behind("observatory", server.port) as node:
            await node.fence()


async def test_the_agent(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with a passphrase can be used by the agent alone."""
    locked = home.ssh / "locked"
    make_key(locked, "secret")
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE) as agent:
        try:
            assert agent.stdout is not None
            agent.stdout.readline()
            async with (
                own_server(tmp_path) as server,
                gateway(home, key=locked.with_suffix(".pub").read_text()) as sshd,
            ):
                place = f"{USER}@127.0.0.1:{sshd.port}"
                home.configure("IdentityFile ~/.ssh/locked")
                assert "does not let" in await refused(place, server.port)
                monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
                _add_to_agent(locked, tmp_path)
                async with node_behind(place, server.port) as node:
                    await node.fence()
        finally:
            agent.terminate()


def _add_to_agent(key: Path, directory: Path) -> None:
    """The passphrase is asked for by a program, because there is no terminal."""
    ask = directory / "ask"
    ask.write_text("#!/bin/sh\necho secret\n")
    ask.chmod(0o700)
    variables = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    subprocess.run(["ssh-add", "-q", str(key)], env=variables, check=True, stdin=subprocess.DEVNULL)


async def test_a_jump_host(home: Home, tmp_path: Path) -> None:
    """ProxyJump: the gateway lies behind another one, with its own key, port and known host."""
    async with (
        own_server(tmp_path) as server,
        gateway(home, name="outer") as outer,
        gateway(home, name="inner") as inner,
    ):
        home.know(outer.known_as(), inner.known_as())
        home.configure(
            "Host inner",
            f"  Port {inner.port}",
            "  HostName 127.0.0.1",
            "  ProxyJump outer",
            "Host outer",
            "  HostName 127.0.0.1",
            f"  Port {outer.port}",
        )
        async with node_behind("inner", server.port) as node:
            await node.fence()
        assert (outer.logins, inner.logins) == (1, 1)
        home.know(inner.known_as())
        text = await refused("inner", server.port)
        assert "outer" in text
        assert "is not known" in text
        home.know(outer.known_as(), inner.known_as())
        inner.stop()
        assert "gateway before it cannot reach inner" in await refused("inner", server.port)


async def test_a_proxy_command(home: Home, tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay.write_text(
        f"#!{sys.executable}\n"
        "import os, selectors, socket, sys\n"
        "there = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "ways = selectors.DefaultSelector()\n"
        "ways.register(0, selectors.EVENT_READ, there.sendall)\n"
        "ways.register(there, selectors.EVENT_READ, lambda data: os.write(1, data))\n"
        "while True:\n"
        "    for key, _ in ways.select():\n"
        "        data = os.read(key.fd, 65536)\n"
        "        if not data:\n"
        "            sys.exit()\n"
        "        key.data(data)\n"
    )
    relay.chmod(0o700)
    async with own_server(tmp_path) as server, gateway(home) as sshd:
        home.configure(
            "Host gw", "  HostName 127.0.0.1", f"  Port {sshd.port}", f"  ProxyCommand {relay} %h %p"
        )
        async with node_behind("gw", server.port) as node:
            await node.fence()
            await node.close()
        assert sshd.logins == 1


async def test_jump_hosts_in_a_circle(home: Home) -> None:
    home.configure("Host a", "  ProxyJump b", "Host b", "  ProxyJump a")
    assert "in a circle" in await refused("a")


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", ["", "UserKnownHostsFile none", "UserKnownHostsFile /dev/null"])
async def test_an_unknown_host_key(home: Home, known: str) -> None:
    """Whatever the configuration says of known hosts: who is not known is not trusted."""
    async with gateway(home) as sshd:
        (home.ssh / "known_hosts").unlink()
        home.configure(known)
        with pytest.raises(GatewayRefused) as caught:
            async with node_behind(f"{USER}@127.0.0.1:{sshd.port}", 50200):
                pass
        assert caught.match("is not known; it shows ssh-ed25519 SHA256:")
        assert caught.match(f"log in once with ssh -p {sshd.port} {USER}@127.0.0.1")
        assert sshd.logins == 0


async def test_a_changed_host_key(home: Home) -> None:
    async with gateway(home) as sshd:
        home.know(f"[127.0.0.1]:{sshd.port} {make_key(home.ssh / 'former')}")
        with pytest.raises(GatewayRefused) as caught:
            async with node_behind(f"{USER}@127.0.0.1:{sshd.port}", 50200):
                pass
        assert caught.match("is not the one in .*known_hosts; it shows ssh-ed25519 SHA256:")
        assert caught.match(r"ssh-keygen -R '\[127\.0\.0\.1\]:")


async def test_a_login_that_is_refused(home: Home) -> None:
    async with gateway(home, key=make_key(home.ssh / "other")) as sshd:
        text = await refused(f"127.0.0.1:{sshd.port}")
        assert f"does not let {USER} in" in text
        assert "ssh -o BatchMode=yes" in text


async def test_no_forwarding(home: Home) -> None:
    async with gateway(home, "AllowTcpForwarding no") as sshd:
        assert "AllowTcpForwarding" in await refused(f"127.0.0.1:{sshd.port}")


async def test_no_server_behind_it(home: Home) -> None:
    async with gateway(home) as sshd:
        text = await refused(f"127.0.0.1:{sshd.port}", free_port())
        assert "lets us in, but nobody answers" in text
        assert "is guiServer running there" in text
        node = AsyncHeadNode("127.0.0.1", free_port(), ssh=f"127.0.0.1:{sshd.port}")
        with pytest.raises(ConnectionFailed):
            await node.connect()
        await asyncio.wait_for(asyncio.to_thread(sshd.wait_for_sessions), 20)


async def test_no_gateway(home: Home) -> None:
    assert "no connection to the ssh gateway" in await refused(f"127.0.0.1:{free_port()}")
    assert "is it up, and the name right?" in await refused("no-such-host.invalid")


async def test_a_gateway_that_is_none(home: Home) -> None:
    async def greet(talker: Talker) -> None:
        await talker.say(b"220 mail\r\n" * 2000)

    async with scripted(greet) as port:
        assert "port of an sshd" in await refused(f"127.0.0.1:{port}")


async def test_a_silent_gateway(home: Home) -> None:
    async def listen(talker: Talker) -> None:
        await talker.reader.read()

    async with scripted(listen) as port:
        assert "no ssh login" in await refused(f"127.0.0.1:{port}", timeout=0.3)


async def test_a_silent_server_behind_it(home: Home) -> None:
    """A full backlog is a black hole for the gateway too."""
    async with gateway(home) as sshd, AsyncExitStack() as stack:
        deaf = await stack.enter_async_context(scripted(lambda talker: talker.reader.read()))
        with pytest.raises(DifxError, match="accepts connections and says nothing"):
            async with node_behind(f"127.0.0.1:{sshd.port}", deaf, patience=BRIEF):
                pass


async def test_a_configuration_that_makes_no_sense(home: Home) -> None:
    home.configure("Port many")
    assert "ssh configuration for gw cannot be used" in await refused("gw")


async def test_without_asyncssh(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("difxnb.client.ssh", raising=False)
    monkeypatch.delitem(sys.modules, "difxnb.client.ssh", raising=False)
    monkeypatch.delitem(sys.modules, "difxnb.client.ssh_login", raising=False)
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    assert "pip install 'difxnb[ssh]'" in await refused("gw")


async def test_a_server_without_channels(home: Home) -> None:
    async def script(talker: Talker) -> None:
        while (packet := await talker.packet()) is not None:
            if isinstance(decode_from_client(packet), VersionRequest):
                await talker.say(ServerVersion("1.03"))

    async with scripted(script) as port, gateway(home) as sshd:
        with pytest.raises(NotGuiServer, match="it cannot be used through ssh"):
            async with node_behind(f"127.0.0.1:{sshd.port}", port, patience=BRIEF):
                pass


def test_no_dial_back_through_ssh() -> None:
    with pytest.raises(ValueError, match="cannot dial back to us"):
        AsyncHeadNode("localhost", 50200, ssh="gw", transport="dial-back")


# --- losses -----------------------------------------------------------------------------------------


def kill(sshd: Gateway) -> None:
    assert sshd.signal_sessions(signal.SIGKILL)


def freeze(sshd: Gateway) -> None:
    """No word, no end: what a network does that is gone. Only keep-alives find that out."""
    assert sshd.signal_sessions(signal.SIGSTOP)


@pytest.mark.parametrize("break_it", [kill, freeze])
async def test_a_tunnel_that_breaks_is_made_again(
    home: Home, tmp_path: Path, break_it: Callable[[Gateway], None]
) -> None:
    heard = Heard()
    patience = replace(ROBUST, keep_alive=0.2)
    async with (
        own_server(tmp_path) as server,
        gateway(home) as sshd,
        node_behind(f"127.0.0.1:{sshd.port}", server.port, patience=patience, subscriber=heard) as node,
    ):
        break_it(sshd)
        await heard.wait_for(2)
        await node.fence()
        begin, end = heard.gaps
        assert begin.end is None
        assert end == replace(begin, end=end.end)
        assert end.end is not None
        assert "ssh connection to" in begin.reason
        assert sshd.logins == 2


async def test_a_gateway_that_is_down_for_a_while(home: Home, tmp_path: Path) -> None:
    heard = Heard()
    async with (
        own_server(tmp_path) as server,
        gateway(home) as sshd,
        node_behind(f"127.0.0.1:{sshd.port}", server.port, timeout=0.2, subscriber=heard) as node,
    ):
        sshd.stop()
        with pytest.raises(ConnectionLost):
            await node.fence()
        with pytest.raises(ConnectionLost, match=r"not begun.*no connection to the ssh gateway"):
            await node.fence()
        node.patience = replace(node.patience, connect=20.0)
        sshd.start()
        await heard.wait_for(2)
        await node.fence()


async def test_a_server_that_dies_does_not_cost_another_login(home: Home, tmp_path: Path) -> None:
    heard = Heard()
    async with gateway(home) as sshd, AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_server(tmp_path))
        place = f"127.0.0.1:{sshd.port}"
        async with node_behind(place, server.port, subscriber=heard) as node:
            await stack.aclose()
            await heard.wait_for(1)
            node.port = (await stack.enter_async_context(own_server(tmp_path))).port
            await heard.wait_for(2)
            await node.fence()
            assert heard.gaps[0].reason == "the server closed it"
            assert sshd.logins == 1


async def test_a_gateway_that_refuses_later_is_not_asked_again_and_again(home: Home, tmp_path: Path) -> None:
    async with (
        own_server(tmp_path) as server,
        gateway(home) as sshd,
        node_behind(f"127.0.0.1:{sshd.port}", server.port) as node,
    ):
        (sshd.directory / "authorized_keys").write_text("")
        kill(sshd)
        with pytest.raises(ConnectionLost):
            await node.fence()
        with pytest.raises(ConnectionLost, match=r"failed once and given up.*does not let"):
            await node.fence()
        (sshd.directory / "authorized_keys").write_text(home.public_key)
        await node.reconnect()
        await node.fence()


# --- what is written after ssh ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host", "user", "port"),
    [
        ("gateway", "gateway", None, None),
        ("oper@gateway", "gateway", "oper", None),
        ("oper@gateway:2222", "gateway", "oper", 2222),
        ("gateway:2222", "gateway", None, 2222),
        ("realm@oper@gateway", "gateway", "realm@oper", None),
        ("::1", "::1", None, None),
        ("oper@[::1]:2222", "::1", "oper", 2222),
        ("[::1]", "::1", None, None),
        (" gateway ", "gateway", None, None),
    ],
)
def test_addresses(text: str, host: str, user: str | None, port: int | None) -> None:
    address = Address.parse(text)
    assert (address.host, address.user, address.port) == (host, user, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "@gateway", "oper@", "gateway:", "gateway:x", "gateway:0", "gateway:70000", "gate way", "-oProxyCommand=x",
     "gateway:٣", "-l@gateway", "[::1]x", "[]", "a\nb"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="ssh gateway"):
        Address.parse(text)


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address
    assert address.host
    assert not address.host.startswith("-")
