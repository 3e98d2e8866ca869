# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures of raw traffic to records: what a guiServer and its client said, as a relay between the two wrote it down.

In: JSON lines, one for each piece as it came: ``t`` seconds, ``conn`` (1 is the main connection; those that the server
dials back have the numbers from 2 on), ``dir`` ``c2s`` or ``s2c``, ``hex`` the bytes, or ``eof``. Out: the records that
a recording of that session would have. What cannot be understood is passed over, and told with its line.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import BinaryIO

from difxnb.client.server_description import Draft, ServerDescription
from difxnb.errors import FileFormatError, ProtocolError
from difxnb.formats.journal import Damage, Kind
from difxnb.formats.journal_content import encode_facts, encode_notice
from difxnb.recording.capture_exchanges import Exchange, exchange_for
from difxnb.recording.records import KeptRecords
from difxnb.wire.control import (
    ChannelData,
    Notice,
    Relayed,
    ServerEvent,
    VersionsComplete,
    decode_from_client,
    decode_from_server,
)
from difxnb.wire.packet import Packet, PacketReader

_MOST_LINE, _MOST_BYTES = 256 * 2**20, 2 * 2**30
_MOST_DAMAGE = 1000


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes as they came; none at the end of a connection."""

    time: float
    connection: int
    is_from_server: bool
    data: bytes
    is_end: bool


def read_capture(path: Path, *, begin: float = 0.0) -> KeptRecords:
    """Read a capture.

    Parameters
    ----------
    path : Path
        A file, packed by gzip or not.
    begin : float
        When it began, unix seconds.

    Raises
    ------
    FileFormatError
        Not one line of it is a piece of traffic, though there is something in it.
    """
    records = KeptRecords(path)
    conversation = _Conversation(records)
    with _opened(path) as file:
        found = 0
        for number, offset, line in _lines(file, records):
            try:
                piece = _piece(line, begin)
                found += 1
                conversation.take(piece)
            except (ValueError, ProtocolError) as error:
                _note(records, offset, offset + len(line), f"line {number}: {error}")
    if records.damage and not found:
        raise FileFormatError(path, "line 1", "no capture of traffic: " + records.damage[0].problem)
    return records


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    with open(path, "rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_packed else open(path, "rb")


def _lines(file: BinaryIO | gzip.GzipFile, records: KeptRecords) -> Iterator[tuple[int, int, bytes]]:
    """Lines with something in them: number, offset, bytes. A file that breaks off ends there."""
    number = offset = 0
    while offset < _MOST_BYTES:
        try:
            line = file.readline(_MOST_LINE)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            _note(records, offset, offset, f"the packed file is damaged behind line {number}: {error}")
            return
        if not line:
            return
        number += 1
        if line.strip():
            yield number, offset, line
        offset += len(line)
    _note(
        records, offset, offset, f"the rest, behind line {number}: more than {_MOST_BYTES} bytes are not read"
    )


def _piece(line: bytes, begin: float) -> _Piece:
    try:
        row = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(row, dict):
        raise ValueError("no JSON object")
    time, connection, direction, data = (row.get(name) for name in ("t", "conn", "dir", "hex"))
    is_time = isinstance(time, int | float) and isfinite(time) and abs(begin + time) < 9e9
    if not is_time or not isinstance(connection, int) or direction not in ("c2s", "s2c"):
        raise ValueError("a piece of traffic has t, conn, and dir c2s or s2c")
    if not isinstance(data, str | None):
        raise ValueError("hex is a text")
    is_end = bool(row.get("eof")) or data is None
    return _Piece(begin + float(time or 0), connection, direction == "s2c", bytes.fromhex(data or ""), is_end)


def _note(records: KeptRecords, begin: int, end: int, problem: str) -> None:
    if len(records.damage) < _MOST_DAMAGE:
        records.damage.append(Damage(begin, end, problem))


class _Conversation:
    """A client and a server, overheard."""

    def __init__(self, records: KeptRecords) -> None:
        self._records = records
        self._said, self._heard = PacketReader(), PacketReader()
        self._draft, self._description = Draft(), ServerDescription()
        self._channels: dict[int, Exchange] = {}
        self._called: list[Exchange] = []  # asked for, and not begun on a connection of their own
        self._sides: dict[int, Exchange | None] = {}
        self._is_over, self._numbers = False, itertools.count(1)

    def take(self, piece: _Piece) -> None:
        """Take in a piece; ProtocolError where it cannot be."""
        if not len(self._records):
            facts = encode_facts(address="", transport="captured traffic", software="")
            self._records.put(Kind.SESSION, piece.time, facts)
        if piece.connection != 1:
            self._take_side(piece)
        elif piece.is_from_server:
            self._heard.receive_data(piece.data)
            while (packet := self._heard.next_packet()) is not None:
                self._take_answer(packet, piece.time)
        else:
            self._said.receive_data(piece.data)
            while (packet := self._said.next_packet()) is not None:
                self._take_request(packet, piece.time)
        if piece.is_end and piece.connection == 1 and not self._is_over:
            self._is_over = True
            self._records.put(Kind.END, piece.time, b"")

    def _take_side(self, piece: _Piece) -> None:
        if piece.connection not in self._sides:
            self._sides[piece.connection] = self._called.pop(0) if self._called else None
        exchange = self._sides[piece.connection]
        if exchange is not None:
            (exchange.hear if piece.is_from_server else exchange.say)(piece.data, piece.time)

    def _take_request(self, packet: Packet, time: float) -> None:
        event = decode_from_client(packet)
        if isinstance(event, ChannelData):
            if event.channel in self._channels:
                exchange = self._channels[event.channel]
                if exchange in self._called:
                    self._called.remove(exchange)
                exchange.say(event.data, time)
        elif (asked := exchange_for(event, self._records, next(self._numbers), time)) is not None:
            self._channels[asked[0]] = asked[1]
            self._called.append(asked[1])

    def _take_answer(self, packet: Packet, time: float) -> None:
        event = decode_from_server(packet)
        match event:
            case Relayed(payload):
                self._records.put(Kind.DATAGRAM, time, payload)
            case Notice():
                self._records.put(Kind.NOTICE, time, encode_notice(event))
            case ChannelData(channel, data):
                if channel in self._channels:
                    self._channels[channel].hear(data, time)
            case _:
                self._describe(event, time)

    def _describe(self, event: ServerEvent, time: float) -> None:
        self._draft.add(event)
        if isinstance(event, VersionsComplete):
            found, self._draft = self._draft.finish(knows_channels=True), Draft()
            if found != self._description:
                self._description = found
                facts = encode_facts(
                    version=found.version,
                    user=found.user,
                    difx_base=found.difx_base,
                    difx_versions=found.difx_versions,
                    environment=dict(found.environment),
                    knows_channels=True,
                )
                self._records.put(Kind.SERVER, time, facts)
