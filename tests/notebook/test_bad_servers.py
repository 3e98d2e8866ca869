# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocking face with servers that are none, or fail: typed errors, and nothing left running."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import (
    ConnectionFailed,
    NoReply,
    NotGuiServer,
)
from difxnb.wire.events import Gap
from difxnb.wire.job import JobOutcome
from tests.client.peers import BRIEF, ROBUST, Talker, scripted
from tests.jobs_to_run import put
from tests.notebook.far_end import FarEnd, Line, job_at, line_to, once_running


def test_no_such_host() -> None:
    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid.*is the name right"):
        difxnb.connect("no-such-host.invalid", 50200, timeout=5.0)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed, match="is guiServer running there"):
            difxnb.connect("127.0.0.1", unused.getsockname()[1])


WRONG_PEERS = {
    "silent": (None, NoReply, "accepts connections and says nothing"),
    "closes": (b"", ConnectionFailed, "ended it unanswered"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", NotGuiServer, "is the port right"),
    "http": (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotGuiServer, "is the port right"),
}


@pytest.mark.parametrize(("says", "error", "text"), WRONG_PEERS.values(), ids=WRONG_PEERS)
def test_no_guiserver(far: FarEnd, says: bytes | None, error: type[Exception], text: str) -> None:
    async def script(talker: Talker) -> None:
        await talker.packet()
        await talker.say(says or b"")
        if says != b"":
            await talker.reader.read()

    port = far.enter(scripted(script))
    with pytest.raises(error, match=text):
        difxnb.connect("127.0.0.1", port, timeout=1.0)


@pytest.mark.parametrize("arguments", [{"port": 0}, {"port": "x"}, {"timeout": -1}, {"transport": "pigeon"}])
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"port|timeout|transport"):
        difxnb.connect("127.0.0.1", **arguments)


def test_a_server_that_falls_silent(far: FarEnd, tmp_path: Path) -> None:
    line, port = far.enter(line_to(tmp_path))
    difx = difxnb.connect("127.0.0.1", port, patience=BRIEF)
    far.loop.call(line.fall_silent())
    with pytest.raises(NoReply, match=r"ls /data: .*opened no side connection"):
        difx.ls("/data")
    with pytest.raises(NoReply, match=r"opened no side connection"):
        difx.send_file("/data/x", b"x")
    difx.close()
    difx.close()
    assert difx.closed


ENDS = {
    "dies": (Line.cut, "the server closed it|it broke"),
    "raves": (Line.rave, "is not guiServer's protocol"),
    "falls silent": (Line.fall_silent, "no sign of life"),
}


@pytest.mark.parametrize(("end", "text"), ENDS.values(), ids=ENDS)
def test_a_server_that_fails_in_the_middle_of_a_job(
    far: FarEnd, tmp_path: Path, made: Path, end: object, text: str
) -> None:
    root = tmp_path.resolve()
    line, port = far.enter(line_to(root))
    with difxnb.connect("127.0.0.1", port, patience=replace(ROBUST, idle=0.5, fence=2.0, gentle=0.3)) as difx:
        job = job_at(difx, put(made, "long", root))
        running = once_running(difx, None)
        run = job.start(monitor=True)
        assert running.wait(30)
        gone, back = gap_events(difx)
        far.loop.call(end(line))
        assert gone.wait(30)
        line.silent = False
        assert back.wait(30)
        (reason,) = difx.messages.frame(type="gap")["reason"]
        assert re.search(text, reason)
        assert job.status()["job"].tolist() == ["job"]
        run.stop()
        # It may have come to its own end meanwhile; that is found out too.
        assert run.outcome in (JobOutcome.STOPPED, JobOutcome.DONE)


def gap_events(difx: difxnb.notebook.Correlator) -> tuple[threading.Event, threading.Event]:
    """Set when the connection is lost, and when it stands again."""
    gone, back = threading.Event(), threading.Event()

    def look(item: object) -> None:
        if isinstance(item, Gap):
            (gone if item.end is None else back).set()

    difx.messages.subscribe(look, type="gap")
    return gone, back
