# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of recorders and programs need: a bank, programs made of shell lines, and one request in either mode."""

from __future__ import annotations

import asyncio
import dataclasses
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from difxnb.formats.module_directory import ModuleScan
from difxnb.server import GuiServer
from difxnb.server.recorder_bank import RecorderBank
from difxnb.server.recorder_setup import ModuleSetup, RecorderSetup
from difxnb.wire import control
from difxnb.wire.message import Body
from difxnb.wire.packet import Packet, PacketReader
from tests.server.peers import TIMEOUT, Peer

CHANNEL = 50310

SCANS = (
    ModuleScan("EX01_AA_NO0001", 0, 4000, 60000, 100, 10.0),
    ModuleScan("EX01_AA_NO0002", 0, 6000, 60000, 200, 20.0),
    ModuleScan("EX01_AA_NO0003", 0, 2000, 60000, 300, 5.0),
)


def bank(**options: object) -> RecorderBank:
    """``mark5fx01`` with two modules (the second has no directory file), ``mark5fx02`` empty, ``mark5fx03`` broken."""
    first = ModuleSetup("NRAO+321", SCANS)
    second = ModuleSetup("MPI-0042", SCANS[:1], has_directory_file=False)
    setups = (
        RecorderSetup("mark5fx01", first, second),
        RecorderSetup("mark5fx02"),
        RecorderSetup("mark5fx03", ModuleSetup("USN-0012"), is_faulty=True),
    )
    return RecorderBank(setups, **{"step": 0.001, **options})


def install(directory: Path, programs: Mapping[str, str]) -> Path:
    """Write shell scripts, and give the directory that they are in."""
    directory.mkdir(exist_ok=True)
    for name, lines in programs.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return directory


def is_terminal(*ids: int) -> Callable[[bytes], bool]:
    """Whether a stream of packets holds one of these at its end."""

    def found(stream: bytes) -> bool:
        packets = packets_in(stream)
        return bool(packets) and packets[-1].id in ids

    return found


def packets_in(stream: bytes) -> list[Packet]:
    """Whole packets of a stream."""
    reader = PacketReader()
    reader.receive_data(stream)
    return reader.whole_packets()


async def ask(peer: Peer, body: Body | control.FileListRequest, ended: Callable[[bytes], bool]) -> bytes:
    """Send a request on a fresh channel; everything that came on it when it has ended."""
    number = CHANNEL + len(peer.streams)
    await peer.send(_request(body, number))
    await peer.until(lambda: ended(bytes(peer.streams[number])), f"the end of {body}")
    return bytes(peer.streams[number])


async def ask_dialling(server: GuiServer, body: Body | control.FileListRequest) -> bytes:
    """Send a request in TCP mode; everything that came on the connection which the server made."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read())
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        peer = await Peer.connect(server, channels=False)
        await peer.send(_request(body, listener.sockets[0].getsockname()[1]))
        async with asyncio.timeout(TIMEOUT):
            stream = await heard.get()
        await peer.close()
    finally:
        listener.close()
        await listener.wait_closed()
    return stream


def _request(body: Body | control.FileListRequest, port: int) -> bytes:
    from difxnb.wire.message import command_xml

    changed = dataclasses.replace(body, port=port)  # type: ignore[type-var]
    if isinstance(changed, control.FileListRequest):
        return control.encode(changed)
    return control.encode(control.Command(command_xml(changed)))
