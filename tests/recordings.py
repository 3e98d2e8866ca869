# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversations of ``tests/reference/guiserver-2.9`` as requests and answers (provenance in the README there)."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from difxnb.errors import ProtocolError
from difxnb.wire import control
from difxnb.wire.control import (
    ChannelData,
    ChannelOpened,
    Command,
    FileListRequest,
    StartMonitor,
    StatusRequest,
)
from difxnb.wire.message import Message, parse
from difxnb.wire.packet import Packet, PacketReader

FOLDER = Path(__file__).parent / "reference" / "guiserver-2.9"
NEGATIVE_LENGTH = bytes.fromhex("00000003fffffffb")
NAMES = sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.jsonl*"))


@dataclass(frozen=True)
class Piece:
    """Bytes as they arrived on a connection; None at its end."""

    connection: int
    direction: str
    data: bytes | None


@dataclass
class Exchange:
    """A request that named a channel or a port, and what was said there.

    Attributes
    ----------
    request : object
        Body of a command, or one of the packets that ask for something.
    said, heard : bytes
        By the client, and by the server.
    writes : list of bytes
        What was heard, in the server's elementary writes (in channels alone).
    ended : bool
        The server closed it (where it connected back).
    """

    request: Any
    said: bytes = b""
    heard: bytes = b""
    writes: list[bytes] = field(default_factory=list)
    ended: bool = False

    @property
    def packets(self) -> list[Packet]:
        """What was heard, as packets."""
        return packets(self.heard)


@cache
def pieces(name: str) -> list[Piece]:
    """A recording, piece by piece."""
    packed = FOLDER / f"{name}.jsonl.gz"
    text = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (FOLDER / f"{name}.jsonl").read_bytes()
    )
    rows = [json.loads(line) for line in text.splitlines()]
    return [Piece(r["conn"], r["dir"], bytes.fromhex(r["hex"]) if "hex" in r else None) for r in rows]


def stream(name: str, direction: str, connection: int = 1) -> bytes:
    """One direction of a connection, joined."""
    return b"".join(
        p.data for p in pieces(name) if (p.connection, p.direction) == (connection, direction) and p.data
    )


def packets(data: bytes) -> list[Packet]:
    """Packets of a stream that may break off, or end in a packet that cannot be."""
    reader, found = PacketReader(), []
    reader.receive_data(data)
    try:
        while (packet := reader.next_packet()) is not None:
            found.append(packet)
    except ProtocolError:
        assert data.endswith(NEGATIVE_LENGTH)
    return found


def events(name: str, direction: str) -> list[Any]:
    """Packets of the main connection, decoded."""
    decode = control.decode_from_client if direction == "c2s" else control.decode_from_server
    return [decode(packet) for packet in packets(stream(name, direction))]


def requested(event: object) -> tuple[Any, int] | None:
    """What an event of the client asks for, and the channel or port that it names."""
    if isinstance(event, Command):
        message = parse(event.payload)
        port = getattr(message.body, "port", None) if isinstance(message, Message) else None
        return None if port is None else (message.body, port)
    if isinstance(event, (FileListRequest, StatusRequest, StartMonitor)):
        return event, event.port
    return None


def exchanges(name: str) -> list[Exchange]:
    """All exchanges of a recording, in the order of the requests."""
    asked = [found for found in map(requested, events(name, "c2s")) if found is not None]
    by_number = {port: Exchange(request) for request, port in asked}
    if name.startswith("dialback_"):
        # One request after the other, so they are connected to in order.
        for connection, exchange in enumerate(by_number.values(), start=2):
            exchange.said, exchange.heard = (stream(name, way, connection) for way in ("c2s", "s2c"))
            exchange.ended = Piece(connection, "s2c", None) in pieces(name)
        return list(by_number.values())
    for event in events(name, "c2s"):
        if isinstance(event, ChannelData):
            by_number[event.channel].said += event.data
    opened: set[int] = set()
    for event in events(name, "s2c"):
        if isinstance(event, ChannelOpened):
            opened.add(event.channel)
        elif isinstance(event, ChannelData):
            assert event.channel in opened
            by_number[event.channel].heard += event.data
            by_number[event.channel].writes.append(event.data)
    return list(by_number.values())
