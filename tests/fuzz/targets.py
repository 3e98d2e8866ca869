# SPDX-License-Identifier: GPL-3.0-or-later
"""Every decoder of the package as a function of bytes, with what it was fed in real life as seeds.

A decoder may give a value, or raise one of the errors it documents; anything else is a defect. Streams are
decoded twice, whole and cut up, and must give the same: bytes come as the network likes.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from difxnb.client.server_description import Draft
from difxnb.errors import DifxError, FileFormatError, ProtocolError
from difxnb.formats.binconfig import format_binconfig, parse_binconfig
from difxnb.formats.calc import format_calc, parse_calc
from difxnb.formats.channelflags import parse_channelflags
from difxnb.formats.difxlog import last_status, parse_line
from difxnb.formats.difxlog_runs import split_runs
from difxnb.formats.flag import parse_flag
from difxnb.formats.im import parse_im
from difxnb.formats.input import format_input, parse_input, result_layout
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.machines import parse_machines, parse_threads
from difxnb.formats.module_directory import parse_module_directory
from difxnb.formats.pcal import format_pcal, parse_pcal
from difxnb.formats.polyco import parse_polyco
from difxnb.formats.swin import read_records, read_uniform
from difxnb.formats.swin_read import read_cells
from difxnb.formats.swin_scan import extend, index_swin
from difxnb.formats.switched_power import parse_switched_power
from difxnb.recording import open_recording
from difxnb.server.actions import Action, ChannelBytes, Close
from difxnb.server.greeting import Greeting
from difxnb.server.protocol import Conversation
from difxnb.server.words import read_words
from difxnb.visibility import open_visibilities, skipped_frame
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

TESTS = Path(__file__).parents[1]
CAPTURES = (TESTS / "wire" / "captures", TESTS / "reference" / "guiserver-2.9")
PCAL = TESTS / "reference/mpifxcorr-output/alpha_1/alpha_1.difx/PCAL_60310_043200_BB"
BINS = TESTS / "reference/mpifxcorr-output/epsilon_1/epsilon_1.binconfig"
JOB = TESTS / "reference" / "mpifxcorr-output" / "beta_1"
_NOW = datetime(2026, 11, 22, tzinfo=UTC)
_LONGEST_SEED = 20_000


@dataclass(frozen=True)
class Target:
    """One decoder.

    Attributes
    ----------
    decode : callable
        Takes bytes; what it gives is compared between whole and cut-up streams where `is_stream`.
    seeds : callable
        Gives real input.
    errors : tuple
        What it may raise.
    """

    decode: Callable[[list[bytes]], object]
    seeds: Callable[[], list[bytes]]
    errors: tuple[type[Exception], ...] = (DifxError,)
    is_stream: bool = field(default=False)

    def run(self, data: bytes) -> None:
        """Decode `data`; raises only where the decoder is at fault."""
        whole = self._outcome([data])
        if self.is_stream:
            cut = self._outcome([data[at : at + 3] for at in range(0, len(data), 3)])
            assert whole == cut, f"whole: {whole!r:.300}; cut up: {cut!r:.300}"

    def _outcome(self, pieces: list[bytes]) -> object:
        try:
            return repr(self.decode(pieces))
        except self.errors as error:
            return type(error).__name__


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
    return [stream[:_LONGEST_SEED] for stream in _captured(direction)]


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
    return tuple(content[:_LONGEST_SEED] for content in contents)


def _relayed() -> list[bytes]:
    """One document of each length and type that was recorded: there are hundreds of the same."""
    documents = {
        packet.payload.partition(b"</type>")[0][-24:]: packet.payload
        for packet in _captured_packets("s2c")
        if packet.id == control.ControlId.RELAY_PACKET
    }
    commands = [p.payload for p in _captured_packets("c2s") if p.id == control.ControlId.COMMAND_PACKET]
    return [*documents.values(), *commands[:20]]


def _file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(JOB / name).read_bytes()[:_LONGEST_SEED]]


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


def _text(decode: Callable[[str], object]) -> Callable[[list[bytes]], object]:
    return lambda pieces: decode(b"".join(pieces).decode("utf-8", "replace"))


def _input(text: str) -> object:
    inp = parse_input(text)
    assert format_input(inp) == text
    assert repr(inp)
    return [result_layout(inp, number) for number in range(min(2, len(inp.configurations)))]


def _unchanged(parse: Callable[[str], object], write: Callable[..., str]) -> Callable[[str], object]:
    """What can be read is written as it stood."""

    def decode(text: str) -> object:
        value = parse(text)
        assert write(value) == text
        assert repr(value)
        return value

    return decode


def _log(text: str) -> object:
    entries = [parse_line(line) for line in text.splitlines()]
    return entries, split_runs(entries), last_status(text)


def _directory(text: str) -> object:
    return parse_module_directory(text, "module.dir")


def _names(text: str) -> object:
    """Names go through the shell's words and the escapes of listings, and come back."""
    assert unescape_name(escape_name(text)) == text
    return [read_words(text, levels=levels) for levels in (1, 2)]


def _swin(pieces: list[bytes]) -> object:
    with tempfile.NamedTemporaryFile(suffix=".s0000.b0000") as file:
        file.write(b"".join(pieces))
        file.flush()
        count = sum(1 for _ in read_records(file.name, lambda band: 16))
        return count, len(read_uniform(file.name, 16))


def _swin_table(pieces: list[bytes]) -> object:
    """Whatever is in a file, what can be indexed of it can be read, and does not change when it is looked at again."""
    with tempfile.NamedTemporaryFile(suffix=".s0000.b0000") as file:
        file.write(b"".join(pieces))
        file.flush()
        table = index_swin(file.name, lambda band: 16, on_error="skip")
        rows, columns = (np.arange(count) for count in table.offsets.shape)
        out = np.empty((rows.size, columns.size, 16), dtype=np.complex64)
        read_cells(table, rows, columns, columns, out)
        again = extend(table, lambda band: 16, on_error="skip", growing=False)
        assert (again.skipped, again.end) == (table.skipped, table.end)
        for growing in (False, True):
            # Without the numbers of channels everything hangs on distances.
            index_swin(file.name, on_error="skip", growing=growing)
        return table.offsets.shape, index_swin(file.name, lambda band: 16).offsets.shape


def _dataset(pieces: list[bytes]) -> object:
    """Whatever is in a file, a Dataset of it has what the table counts, and says what was passed over."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder) / "DIFX_60310_043200.s0000.b0000"
        path.write_bytes(b"".join(pieces))
        dataset = open_visibilities(path, input=JOB / "beta_1.input", on_error="skip")
        assert skipped_frame(dataset)["size"].sum() <= path.stat().st_size
        return dataset.load().sizes


def _journal(pieces: list[bytes]) -> object:
    """Whatever a recording holds can be looked at, and told without names."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(pieces))
        file.flush()
        recording = open_recording(file.name)
        assert repr(recording)
        for one in (recording, recording.anonymized()):
            rows = len(one.messages.frame()), len(one.jobs.frame()), len(one.alerts.frame())
            assert repr(dict(one.monitors)), repr(dict(one.runs))
        return rows


def _capture_seeds() -> list[bytes]:
    packed = CAPTURES[1] / "start_program_dies.jsonl"
    return [packed.read_bytes()[:_LONGEST_SEED], packed.read_bytes()[-_LONGEST_SEED:]]


def _journal_seeds() -> list[bytes]:
    """What a recording of a captured session looks like."""
    with tempfile.TemporaryDirectory() as folder:
        path = open_recording(CAPTURES[1] / "start_refused.jsonl").save_journal(Path(folder) / "seed")
        return [path.read_bytes()[:_LONGEST_SEED]]


def _swin_seeds() -> list[bytes]:
    (file,) = (JOB / "beta_1.difx").glob("DIFX_*")
    return [file.read_bytes()[:_LONGEST_SEED]]


def _model(text: str) -> None:
    im = parse_im(text)
    assert repr(im)
    for row in im.frame().itertuples():
        im.delay(row.antenna, row.start, row.source)


def _tones(text: str) -> None:
    format_pcal(parse_pcal(text))
    parse_pcal(text, on_error="skip")


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
    "ls -l": Target(_text(lambda text: parse_listing(text.split("\n"), "/data", now=_NOW)), _listing),
    "names": Target(_text(_names), lambda: [b"'a b' \"c\\$\" d*[!x-z]? 'it'\\''s'"], (ValueError,)),
    ".input": Target(_text(_input), _file("beta_1.input"), (FileFormatError,)),
    ".calc": Target(_text(_unchanged(parse_calc, format_calc)), _file("beta_1.calc"), (FileFormatError,)),
    ".im": Target(_text(_model), _file("beta_1.im"), (FileFormatError,)),
    ".machines": Target(_text(parse_machines), _file("beta_1.machines"), (FileFormatError,)),
    ".threads": Target(_text(parse_threads), _file("beta_1.threads"), (FileFormatError,)),
    ".joblist": Target(
        _text(parse_joblist),
        lambda: [b"exper=A  pass=a\na_1 59490.7916667 59490.79375 2 0 1 1407 0  # AA BB\n"],
        (FileFormatError,),
    ),
    ".flag": Target(_text(parse_flag), _file("beta_1.flag"), (FileFormatError,)),
    ".channelflags": Target(
        _text(parse_channelflags), lambda: [b"# EF\nEF 60310.5 60310.75 3 0 1 'edge'\n"], (FileFormatError,)
    ),
    ".binconfig": Target(
        _text(_unchanged(parse_binconfig, format_binconfig)), lambda: [BINS.read_bytes()], (FileFormatError,)
    ),
    ".polyco": Target(
        _text(parse_polyco), lambda: [BINS.with_suffix(".polyco").read_bytes()], (FileFormatError,)
    ),
    ".difxlog": Target(_text(_log), _file("beta_1.difxlog"), (FileFormatError,)),
    "PCAL": Target(_text(_tones), lambda: [PCAL.read_bytes()], (FileFormatError,)),
    "SWITCHEDPOWER": Target(
        _text(parse_switched_power), lambda: [b"60310.5 60310.6 4.1 0.01 4.0 0.02\n"], (FileFormatError,)
    ),
    ".dir": Target(
        _text(_directory),
        lambda: [b"USN-0012 2 A 1 1 RT\n0 8000 59490 3600 0 100 10.0 5016 0 16 2 a_scan RT\n"],
        (FileFormatError,),
    ),
    "recording": Target(_journal, _journal_seeds, (FileFormatError,)),
    "capture": Target(_journal, _capture_seeds, (FileFormatError,)),
    ".difx": Target(_swin, _swin_seeds, (FileFormatError,)),
    "table of .difx": Target(_swin_table, _swin_seeds, (FileFormatError,)),
    "dataset of .difx": Target(_dataset, _swin_seeds, (FileFormatError,)),
}
"""All decoders, by what they read."""
