# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders of what comes over a connection, with recorded streams as seeds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache

from difxnb.client.server_description import Draft
from difxnb.errors import ProtocolError
from difxnb.server.actions import Action, ChannelBytes, Close
from difxnb.server.greeting import Greeting
from difxnb.server.protocol import Conversation
from difxnb.server.words import read_words
from difxnb.wire import control
from difxnb.wire.escapes import escape_name, unescape_name
from difxnb.wire.file_list import FileListConversation, decode_file_list
from difxnb.wire.files import DownloadReader, LineListReader, UploadReader
from difxnb.wire.job import JobConversation, decode_job
from difxnb.wire.listing import parse_listing
from difxnb.wire.machines import MachinesConversation, decode_machines
from difxnb.wire.message import Message, parse, to_xml
from difxnb.wire.monitor import MonitorReader, ProductListReader, body_length, corrected_offsets
from difxnb.wire.monitor_numbers import decode_numbers
from difxnb.wire.monitor_packets import decode_request
from difxnb.wire.packet import BodyLength, Packet, PacketReader
from difxnb.wire.recorders import (
    CopyConversation,
    DirectoryConversation,
    Mk5ControlConversation,
    decode_recorder,
)
from difxnb.wire.status import StatusReader
from tests.fuzz.decoding import CAPTURES, LONGEST_SEED, Target, of_text

_NOW = datetime(2026, 11, 22, tzinfo=UTC)


# --- seeds --------------------------------------------------------------------------------------------


@cache
def _captured(direction: str) -> tuple[bytes, ...]:
    """Every main connection that was recorded, one direction each."""
    streams: dict[tuple[str, int], bytes] = {}
    for path in sorted(path for folder in CAPTURES for path in folder.glob("*.jsonl*")):
        packed = path.read_bytes()
        text = gzip.decompress(packed) if path.suffix == ".gz" else packed
        for line in filter(str.strip, text.decode().splitlines()):
            row = json.loads(line)
            if row.get("dir") == direction and "hex" in row:
                key = path.name, row["conn"]
                streams[key] = streams.get(key, b"") + bytes.fromhex(row["hex"])
    return tuple(streams.values())


@cache
def _captured_packets(direction: str) -> tuple[Packet, ...]:
    found: list[Packet] = []
    for stream in _captured(direction):
        reader = PacketReader()
        reader.receive_data(stream)
        with suppress(ProtocolError):  # a side connection that was dialled back need not hold packets
            found += iter(reader.next_packet, None)
    return tuple(found)


def _main_streams(direction: str) -> list[bytes]:
    return [stream[:LONGEST_SEED] for stream in _captured(direction)]


@cache
def _channels() -> tuple[bytes, ...]:
    """Content of every channel that was recorded from the server."""
    channels: dict[int, bytes] = {}
    for packet in _captured_packets("s2c"):
        if packet.id == control.ControlId.CHANNEL_DATA:
            number = int.from_bytes(packet.payload[:4], "big")
            channels[number] = channels.get(number, b"") + packet.payload[4:]
    contents = [
        *channels.values(),
        *_captured("s2c"),
    ]  # side connections that were dialled back, and main ones
    return tuple(content[:LONGEST_SEED] for content in contents)


def _relayed() -> list[bytes]:
    """One document of each length and type that was recorded: there are hundreds of the same."""
    documents = {
        packet.payload.partition(b"</type>")[0][-24:]: packet.payload
        for packet in _captured_packets("s2c")
        if packet.id == control.ControlId.RELAY_PACKET
    }
    commands = [p.payload for p in _captured_packets("c2s") if p.id == control.ControlId.COMMAND_PACKET]
    return [*documents.values(), *commands[:20]]


def _listing() -> list[bytes]:
    return [
        b"total 8\n-rw-r--r-- 1 oper oper 21 2026-11-22 10:52:00.000000000 +0000 a b\n"
        b"lrwxrwxrwx 1 oper oper 4 2026-11-22 10:52:00.000000000 +0000 l -> dest\n"
        b"\nsub:\ntotal 0\ndrwxr-xr-x 2 oper oper 4096 Nov 22 10:52 dir\n"
        b"crw-rw-rw- 1 root root 1, 3 Nov 22  2025 null\nd????????? ? ? ? ? ? gone\n"
    ]


# --- decoders -----------------------------------------------------------------------------------------


def _packets(pieces: list[bytes], lengths: BodyLength | None = None) -> Iterator[Packet]:
    reader = PacketReader(max_payload=2**20, body_length=lengths)
    for piece in pieces:
        reader.receive_data(piece)
        yield from iter(reader.next_packet, None)
    reader.receive_eof()


def _from_server(pieces: list[bytes]) -> object:
    draft, found = Draft(), []
    for packet in _packets(pieces):
        event = control.decode_from_server(packet)
        draft.add(event)
        found.append(event)
    return found, draft.finish(knows_channels=True)


def _from_client(pieces: list[bytes]) -> object:
    return [control.decode_from_client(packet) for packet in _packets(pieces)]


def _server(pieces: list[bytes]) -> object:
    conversation = Conversation(Greeting("difxnb", "/data", "oper", ("DIFX-2.9",), {"DIFX_BASE": "/data"}))
    found: list[Action] = []
    for piece in pieces:
        for action in conversation.receive_data(piece):
            match found[-1:], action:
                # How a stream is cut means nothing.
                case [ChannelBytes(before, first)], ChannelBytes(channel, second) if before == channel:
                    found[-1] = ChannelBytes(channel, first + second)
                case _:
                    found.append(action)
            if isinstance(action, Close):
                return found  # the shell reads no further
    return found


def _job(pieces: list[bytes]) -> object:
    conversation = JobConversation()
    for packet in _packets(pieces):
        conversation.add(decode_job(packet))
    return conversation.outcome, conversation.refusal, conversation.lines


def _machines(pieces: list[bytes]) -> object:
    conversation = MachinesConversation()
    for packet in _packets(pieces):
        conversation.add(decode_machines(packet))
    return conversation.complete, conversation.refusal_text


def _status(pieces: list[bytes]) -> object:
    reader = StatusReader()
    for packet in _packets(pieces):
        reader.add(packet)
    return reader.complete, reader.server_time, reader.records


def _recorder(pieces: list[bytes]) -> object:
    """The three conversations about recorders, which share their ids."""
    found = []
    for kind in (Mk5ControlConversation, DirectoryConversation, CopyConversation):
        conversation = kind()
        for packet in _packets(pieces):
            conversation.add(decode_recorder(packet, kind.ids))
        found.append((conversation.complete, conversation.output.complaints))
    return found


def _file_list(pieces: list[bytes]) -> object:
    conversation = FileListConversation()
    for packet in _packets(pieces):
        conversation.add(decode_file_list(packet))
    return conversation.ok, conversation.recordings, conversation.unread, conversation.refusal_text


def _lines(pieces: list[bytes]) -> object:
    reader, found = LineListReader(), []
    for piece in pieces:
        reader.receive_data(piece)
        found += iter(reader.next_line, None)
    reader.receive_eof()
    return found


def _transfer(pieces: list[bytes]) -> object:
    found = []
    for reader in (DownloadReader(), UploadReader()):
        content = b""
        for piece in pieces:
            reader.receive_data(piece)
            content += reader.take()
        found.append((reader.size, reader.received, reader.surplus, content))
        if reader.complete:
            reader.receive_eof()
    return found


def _monitor(pieces: list[bytes]) -> object:
    products, blocks, found = ProductListReader(), MonitorReader(), []
    for packet in _packets(pieces, body_length):
        if not products.complete:
            products.add(packet)
            if products.complete:
                found.append(corrected_offsets(products.products))
        else:
            found.append(blocks.add(packet))
    return len(found)


def _monitor_requests(pieces: list[bytes]) -> object:
    return [decode_request(packet) for packet in _packets(pieces)]


def _message(pieces: list[bytes]) -> object:
    message = parse(b"".join(pieces))
    if isinstance(message, Message):
        # What was read can be written where no limit forbids it, and is read as the same again.
        again = parse(to_xml(message))
        assert isinstance(again, Message), again
        assert again.header.type == message.header.type
    return message


def _names(text: str) -> object:
    """Names go through the shell's words and the escapes of listings, and come back."""
    assert unescape_name(escape_name(text)) == text
    return [read_words(text, levels=levels) for levels in (1, 2)]


TARGETS: dict[str, Target] = {
    "main connection, from the server": Target(_from_server, lambda: _main_streams("s2c"), is_stream=True),
    "main connection, from a client": Target(_from_client, lambda: _main_streams("c2s"), is_stream=True),
    "the server's conversation": Target(_server, lambda: _main_streams("c2s"), (), is_stream=True),
    "job": Target(_job, lambda: list(_channels()), is_stream=True),
    "machines": Target(_machines, lambda: list(_channels()), is_stream=True),
    "job status": Target(_status, lambda: list(_channels()), is_stream=True),
    "recorders": Target(_recorder, lambda: list(_channels()), is_stream=True),
    "file list": Target(_file_list, lambda: list(_channels()), is_stream=True),
    "list of lines": Target(_lines, lambda: list(_channels()), is_stream=True),
    "transfer": Target(_transfer, lambda: list(_channels()), is_stream=True),
    "monitor": Target(_monitor, lambda: list(_channels()), is_stream=True),
    "monitor requests": Target(_monitor_requests, lambda: _main_streams("c2s"), is_stream=True),
    "monitor numbers": Target(
        lambda pieces: decode_numbers(b"".join(pieces)),
        lambda: [b"  1.000000e+00 -1.250000e-01          -nan"],
    ),
    "message": Target(_message, _relayed),
    "ls -l": Target(of_text(lambda text: parse_listing(text.split("\n"), "/data", now=_NOW)), _listing),
    "names": Target(of_text(_names), lambda: [b"'a b' \"c\\$\" d*[!x-z]? 'it'\\''s'"], (ValueError,)),
}
"""Decoders of what comes over a connection, by what they read."""
