# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges with a real guiServer 2.9, asked of ours: recorders, programs, and connections that the server makes.

Texts of programs are theirs, so of recorders and programs the kinds of packets are compared, each run of a kind as one;
where the server connects back, every byte is.
"""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import groupby
from pathlib import Path

import pytest

from difxnb.formats.module_directory import ModuleScan
from difxnb.server import GuiServer
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
from difxnb.wire import control
from difxnb.wire.message import Vex2DifxRun, command_xml
from tests.recordings import Exchange, exchanges, packets
from tests.server.peers import TIMEOUT, Peer, run, serving
from tests.server.recorder_rooms import ask, install, packets_in

SCANS = (
    ModuleScan("DEMO_AL_NO0001", 0, 4000, 60746, 21600, 4.0),
    ModuleScan("DEMO_AL_NO0002", 0, 4000, 60746, 21609, 4.0),
)
RECORDER = RecorderSetup(
    "head", ModuleSetup("USN-0012", SCANS), ModuleSetup("USN-0077", SCANS, has_directory_file=False)
)


def kinds(stream: bytes) -> list[int]:
    """Ids of packets, each run of the same as one."""
    return [number for number, _ in groupby(packet.id for packet in packets(stream))]


@pytest.mark.parametrize(
    "name",
    [
        "recorder_control",
        "recorder_directory",
        "recorder_directory_made",
        "recorder_directory_missing",
        "recorder_copy",
    ],
)
def test_recorders(tmp_path: Path, name: str) -> None:
    """7.8 to 7.10: the same kinds of answers in the same order, to what works and to what does not."""
    told: list[list[int]] = []
    (tmp_path / "copies").mkdir()

    async def main() -> None:
        recorders = RecorderBank((RECORDER,), step=0.001)
        async with serving(tmp_path, recorders=recorders) as server:
            peer = await Peer.connect(server)
            for exchange in exchanges(name):
                body = exchange.request
                if name == "recorder_copy":
                    moved = str(tmp_path / "copies") + ("/none" if body.destination.endswith("/none") else "")
                    body = dataclasses.replace(body, destination=moved)
                if name == "recorder_control":
                    body = dataclasses.replace(body, target_node="head")
                last = packets(exchange.heard)[-1].id
                found = await ask(
                    peer, body, lambda s, last=last: [p.id for p in packets_in(s)][-1:] == [last]
                )
                told.append(kinds(found))
            await peer.close()

    run(main())
    assert told == [kinds(exchange.heard) for exchange in exchanges(name)]


V2D = 'case $2 in missing*) echo "Error: cannot open $2" >&2; exit 1;; esac\ntouch demo_1.input demo_1.calc'
CALC = 'case $2 in *bad*) echo "no ephemeris" >&2; exit 1;; esac\necho im > "${2%.calc}.im"'


@pytest.mark.parametrize(
    "name", ["vex2difx_whole", "vex2difx_calc_only", "vex2difx_wrong", "vex2difx_no_calc"]
)
def test_vex2difx(tmp_path: Path, name: str) -> None:
    """7.7: the same paths, in the same order."""
    root = tmp_path.resolve()
    folder = root / "exp" / "rec"
    folder.mkdir(parents=True)
    (folder / "demo.v2d").write_text("")
    if name == "vex2difx_calc_only":
        for job in ("demo_1", "demo_2", "demo_bad"):
            (folder / f"{job}.calc").write_text("")
    programs = install(tmp_path / "bin", {"vex2difx": V2D, "difxcalc": CALC})
    told: list[bytes] = []

    async def main() -> None:
        async with serving(root, programs=programs) as server:
            peer = await Peer.connect(server)
            for exchange in exchanges(name):
                body = dataclasses.replace(exchange.request, pass_path=str(folder))
                assert isinstance(body, Vex2DifxRun)
                told.append(await ask(peer, body, lambda s: s.endswith(bytes(4))))
            await peer.close()

    run(main())
    assert [_lines(s, str(root)) for s in told] == [_lines(e.heard, "/data") for e in exchanges(name)]


def _lines(stream: bytes, there: str) -> list[str]:
    found, at = [], 0
    while size := int.from_bytes(stream[at : at + 4], "big"):
        found.append(stream[at + 4 : at + 4 + size].decode().removeprefix(there))
        at += 4 + size
    return found


# --- connections that the server makes ----------------------------------------------------------------


class FarEnd:
    """Listens for the one connection that a request makes the server make."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.said = b""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.said)
        await writer.drain()
        self.heard.put_nowait(await reader.read())
        writer.close()


async def dialled(server: GuiServer, root: Path, exchange: Exchange) -> bytes:
    """Ask over a main connection in TCP mode; everything that came on the other one."""
    end = FarEnd()
    end.said = exchange.said
    listener = await asyncio.start_server(end.accept, "127.0.0.1", 0)
    peer = await Peer.connect(server, channels=False)
    try:
        await peer.send(_moved(exchange, root, listener.sockets[0].getsockname()[1]))
        async with asyncio.timeout(TIMEOUT):
            return await end.heard.get()
    finally:
        await peer.close()
        listener.close()
        await listener.wait_closed()


def _moved(exchange: Exchange, root: Path, port: int) -> bytes:
    changes = {
        name: value.replace("/data", str(root))
        for name, value in (
            (f.name, getattr(exchange.request, f.name)) for f in dataclasses.fields(exchange.request)
        )
        if isinstance(value, str)
    }
    body = dataclasses.replace(exchange.request, **changes, port=port)
    if isinstance(body, (control.StatusRequest, control.FileListRequest)):
        return control.encode(body)
    return control.encode(control.Command(command_xml(body)))


@pytest.mark.parametrize(
    "name", ["dialback_transfer_text", "dialback_list_cancel", "dialback_machines_refused"]
)
def test_what_comes_on_connections_that_the_server_makes(tmp_path: Path, name: str) -> None:
    """6.1: the same bytes, and an end of the stream."""
    root = tmp_path.resolve()
    (root / "exp" / "rec").mkdir(parents=True)
    (root / "exp" / "demo1").mkdir()
    (root / "exp" / "rec" / "one.txt").write_text("one\n")
    told: list[bytes] = []

    async def main() -> None:
        async with serving(root) as server:
            for exchange in exchanges(name):
                told.append(await dialled(server, root, exchange))

    run(main())
    theirs = [exchange.heard for exchange in exchanges(name)]
    assert [_comparable(s, str(root)) for s in told] == [_comparable(s, "/data") for s in theirs]


def _comparable(stream: bytes, there: str) -> object:
    if stream[:8] != bytes((0, 0, 0, 102, 0, 0, 0, 0)):
        return stream
    return [(packet.id, packet.payload.replace(there.encode(), b"")) for packet in packets(stream)]
