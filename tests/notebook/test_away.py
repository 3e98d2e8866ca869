# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocking face without connection: what it shows, what can be interrupted, and how it comes back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import ConnectionLost
from difxnb.wire.events import Gap
from tests.client.peers import ROBUST, Talker, own_server, scripted
from tests.client.ssh_gateways import USER, Gateway, Home, require_sshd
from tests.notebook.far_end import FarEnd, line_to


@contextmanager
def interrupted() -> Iterator[None]:
    """Expect a block that would last for ever to end with the interrupt that comes meanwhile."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the block is the caller's
        timer.start()
        yield
    timer.join()


def back_again(difx: difxnb.notebook.Correlator) -> threading.Event:
    """Set when a gap has ended."""
    back = threading.Event()
    difx.messages.subscribe(lambda gap: isinstance(gap, Gap) and gap.end and back.set(), type="gap")
    return back


def test_a_loss_shows_and_comes_back(far: FarEnd, tmp_path: Path) -> None:
    line, port = far.enter(line_to(tmp_path))
    with difxnb.connect("127.0.0.1", port, patience=ROBUST) as difx:
        back = back_again(difx)
        assert difx.connected
        far.loop.call(line.cut())
        assert back.wait(20)
        assert difx.connected
        assert not difx.closed
        assert difx.ls(tmp_path.resolve()).empty
        gaps = difx.messages.frame(type="gap")
        assert len(gaps) == 1
        assert (gaps["end"] >= gaps["begin"]).all()


def test_an_interrupt_reaches_a_call_that_waits_for_the_connection(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    difx = difxnb.connect("127.0.0.1", server.port, patience=ROBUST, timeout=1000.0)
    gone, back = threading.Event(), back_again(difx)
    difx.messages.subscribe(lambda gap: gone.set(), type="gap")
    far.loop.call(server.close())
    assert gone.wait(20)
    with interrupted():
        difx.ls(tmp_path)
    assert not difx.connected
    assert "away for" in repr(difx)
    far.enter(own_server(tmp_path, port=server.port))
    assert back.wait(20)
    assert difx.ls(tmp_path.resolve()).empty
    difx.close()


async def listen(talker: Talker) -> None:
    """Run a server that says nothing."""
    await talker.reader.read()


@pytest.mark.parametrize("through_ssh", [False, True])
def test_an_interrupt_reaches_connect(far: FarEnd, through_ssh: bool) -> None:
    port = far.enter(scripted(listen))
    options = {"ssh": f"127.0.0.1:{port}"} if through_ssh else {}
    with interrupted():
        difxnb.connect("127.0.0.1", port, timeout=1000.0, patience=replace(ROBUST, version=1000.0), **options)
    assert "difxnb" not in {thread.name for thread in threading.enumerate()}


def test_closing_while_away(far: FarEnd, tmp_path: Path) -> None:
    server = far.enter(own_server(tmp_path))
    difx = difxnb.connect(
        "127.0.0.1", server.port, patience=replace(ROBUST, reconnect=(1000.0,)), timeout=1000.0
    )
    far.loop.call(server.close())
    difx.close()
    assert difx.closed
    assert "closed" in repr(difx)
    with pytest.raises(ConnectionLost, match="connect again"):
        difx.ls(tmp_path)


@asynccontextmanager
async def gateway(home: Home):  # type: ignore[no-untyped-def]
    sshd = Gateway(home.ssh.parents[1] / "gateway", home.public_key)
    try:
        sshd.start()
        home.know(sshd.known_as())
        yield sshd
    finally:
        sshd.stop()


def test_through_an_ssh_gateway(far: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sshd()
    home = Home(tmp_path / "home", monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    server = far.enter(own_server(root))
    sshd = far.enter(gateway(home))
    ssh = f"{USER}@127.0.0.1:{sshd.port}"
    with difxnb.connect("127.0.0.1", server.port, ssh=ssh, patience=ROBUST) as difx:
        assert (
            f"127.0.0.1:{server.port} behind {ssh} (host: argument, port: argument, ssh: argument)"
            in repr(difx)
        )
        assert difx.transport == "channel"
        content = os.urandom(100_000)
        difx.send_file(f"{root}/file", content)
        back = back_again(difx)
        assert sshd.signal_sessions(signal.SIGKILL) == 1
        assert back.wait(20)
        assert difx.get_file(f"{root}/file") == content
