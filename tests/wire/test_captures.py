# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real guiServer and its original client said, byte for byte (see captures/README.md).

Every stream is read whole, byte by byte and cut at random places, and written again; every channel is read by
the decoder of its exchange, and gives what the original client printed.
"""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from difxnb.wire import control, files
from difxnb.wire.control import ChannelData, ChannelOpened, Command, Notice, StatusRequest
from difxnb.wire.job import JobConversation, JobEvent, JobOutcome, Refusal, decode_job, encode_job
from difxnb.wire.machines import MachinesConversation, MachinesEvent, decode_machines, encode_machines
from difxnb.wire.packet import Packet, PacketReader
from difxnb.wire.status import JobStatusRecord, StatusReader, encode_reply

FOLDER = Path(__file__).parent / "captures"
# 25 belongs to the tests of the monitor.
NAMES = sorted(p.name.partition(".")[0] for p in FOLDER.glob("*.jsonl*") if not p.name.startswith("25"))


def text_of(name: str) -> str:
    """Content of a capture's file, packed or not."""
    packed = FOLDER / f"{name}.gz"
    return (
        gzip.decompress(packed.read_bytes()).decode()
        if packed.exists()
        else (FOLDER / name).read_text("utf-8")
    )


@cache
def streams(name: str) -> dict[tuple[int, str], bytes]:
    joined: dict[tuple[int, str], bytes] = {}
    for line in text_of(f"{name}.jsonl").splitlines():
        if line.strip():
            piece = json.loads(line)
            key = piece["conn"], piece["dir"]
            joined[key] = joined.get(key, b"") + bytes.fromhex(piece["hex"])
    return joined


@cache
def log(name: str) -> str:
    return text_of(f"{name}.client.log")


def pieces(data: bytes, how: str) -> Iterator[bytes]:
    if how == "whole":
        cuts = [len(data)]
    elif how == "bytewise":
        cuts = list(range(1, len(data) + 1))
    else:
        rng = random.Random(len(data))
        cuts = sorted({*(rng.randrange(len(data) + 1) for _ in range(len(data) // 50 + 3)), len(data)})
    yield from (data[a:b] for a, b in zip([0, *cuts], cuts, strict=False))


def packets(data: bytes, how: str = "whole") -> list[Packet]:
    reader, found = PacketReader(), []
    for piece in pieces(data, how):
        reader.receive_data(piece)
        found += list(iter(reader.next_packet, None))
    reader.receive_eof()
    return found


def events(name: str, direction: str, connection: int = 1) -> list[Any]:
    decode = control.decode_from_client if direction == "c2s" else control.decode_from_server
    return [decode(packet) for packet in packets(streams(name)[connection, direction])]


def channels(name: str, direction: str) -> dict[int, bytes]:
    joined: dict[int, bytes] = {}
    for event in events(name, direction):
        if isinstance(event, ChannelOpened):
            joined.setdefault(event.channel, b"")
        elif isinstance(event, ChannelData):
            joined[event.channel] = joined.get(event.channel, b"") + event.data
    return joined


def only_channel(name: str, direction: str = "s2c") -> bytes:
    (data,) = channels(name, direction).values()
    return data


def test_all_captures_are_here() -> None:
    assert [name[:2] for name in NAMES] == [
        *[f"{n:02}" for n in range(1, 21)],
        *map(str, (22, 27, 28, 29, 31, 35, *range(40, 47))),
    ]
    assert [name for name in NAMES if not streams(name)] == ["44_cli_DiFXgetFile"]


# --- main connection ----------------------------------------------------------------------------------

# The original client ends the port with a line feed, which is read and not written.
ODD = b"\0\0\0\7\0\0\0\x10224.2.2.1\n50277\n"


@pytest.mark.parametrize("name", NAMES)
def test_main_connections_decode_and_encode_to_the_same_bytes(name: str) -> None:
    for (connection, direction), data in streams(name).items():
        found = events(name, direction, connection)
        assert not [e for e in found if isinstance(e, control.UnknownPacket)]
        written = b"".join(map(control.encode, found))
        assert written == data.replace(ODD, b"\0\0\0\7\0\0\0\x0f224.2.2.1\n50277")
        assert (ODD in data) == (name.startswith("46") and direction == "c2s")


@pytest.mark.parametrize("how", ["bytewise", "random"])
@pytest.mark.parametrize("name", NAMES)
def test_cuts_do_not_matter(name: str, how: str) -> None:
    for data in streams(name).values():
        assert packets(data, how) == packets(data)


@pytest.mark.parametrize("name", [n for n in NAMES if streams(n)])
def test_clients_turn_channels_on_first(name: str) -> None:
    assert events(name, "c2s")[0] == control.ChannelsOn()


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_is_announced_before_its_data(name: str) -> None:
    opened: set[int] = set()
    for event in events(name, "s2c") if streams(name) else []:
        if isinstance(event, ChannelOpened):
            opened.add(event.channel)
        elif isinstance(event, ChannelData):
            assert event.channel in opened


def test_version_conversation() -> None:
    found = events("01_version", "s2c")
    assert [type(e).__name__ for e in found] == [
        "ServerVersion", "DifxBase", "AvailableVersion", "AvailableVersion", *["EnvironmentVariable"] * 36,
        "VersionsComplete",
    ]  # fmt: skip
    text = log("01_version")
    versions = [e.text for e in found if isinstance(e, control.AvailableVersion)]
    assert f"serverVersion '{found[0].text}' user None avail {versions} base None" in text
    assert "nenv 36" in text
    assert control.EnvironmentVariable("DIFX_MESSAGE_PORT", "50200") in found


def test_variables_as_the_command_line_program_shows_them() -> None:
    shown = dict(re.findall(r"^(DIFX\w+) += (.*)$", log("40_cli_DiFXVersion"), re.MULTILINE))
    found = [e for e in events("40_cli_DiFXVersion", "s2c") if isinstance(e, control.EnvironmentVariable)]
    assert shown == {e.name: e.value for e in found if e.name.startswith("DIFX")}


@pytest.mark.parametrize("name", [n for n in NAMES if re.match("02|03|15|16|17|18", n)])
def test_file_operations_get_no_answer(name: str) -> None:
    assert streams(name)[1, "s2c"] == b""
    (request,) = [e for e in events(name, "c2s") if isinstance(e, Command)]
    # the client prints the body of what it sends
    for element in re.findall(r"<(?:operation|path|arg)>.*?<", log(name)):
        assert element.encode() in request.payload


def test_selection_relay_and_settings() -> None:
    sent = events("46_relay_selection", "c2s")
    selections = [e.lines for e in sent if isinstance(e, control.MessageSelection)]
    assert selections == [
        ("SELECTED_MESSAGES", "STATUS_MESSAGES"),
        ("SELECTED_MESSAGES", "ALERT_MESSAGES"),
        ("SELECTED_MESSAGES",),
        ("SELECTED_MESSAGES", "UNKNOWN_MESSAGES"),
        ("ALL_MESSAGES",),
    ]
    printed = re.findall(r"^selection b'(.*)' ->", log("46_relay_selection"), re.MULTILINE)
    assert [line.replace("\\n", "\n") for line in printed] == ["\n".join(lines) for lines in selections]
    assert [e.on for e in sent if isinstance(e, control.RelaySwitch)] == [True, False, True]
    assert control.MulticastSettings("224.2.2.1", 50277) in sent
    relayed = [e.payload for e in events("46_relay_selection", "s2c")]
    (command,) = [e.payload for e in sent if isinstance(e, control.RelayCommand)]
    assert relayed[0] == command
    assert repr([(1, command)]) in log("46_relay_selection")
    assert relayed.count(b"garbage not xml") == log("46_relay_selection").count("b'garbage not xml'")


NOTICE_WORDS = {"INFORMATION": 4, "WARNINGPKT": 5, "ERRORPKT": 6}


@pytest.mark.parametrize("name", [n for n in NAMES if re.match("22|27|28|29|31", n)])
def test_notices_are_those_that_the_client_printed(name: str) -> None:
    printed = re.findall(r"^ *[\d.]+  (INFORMATION|WARNINGPKT|ERRORPKT) (.*)$", log(name), re.MULTILINE)
    expected = [(NOTICE_WORDS[word], ast.literal_eval(text)) for word, text in printed]
    found = [e for e in events(name, "s2c") if isinstance(e, Notice)]
    assert [(int(e.severity), e.text) for e in found] == expected


# --- exchanges ----------------------------------------------------------------------------------------


def lines_of(data: bytes, how: str) -> list[bytes]:
    reader, found = files.LineListReader(), []
    for piece in pieces(data, how):
        reader.receive_data(piece)
        found += list(iter(reader.next_line, None))
    assert reader.complete
    return found


def job_of(data: bytes, how: str) -> list[Any]:
    return [decode_job(packet) for packet in packets(data, how)]


def machines_of(data: bytes, how: str) -> list[Any]:
    return [decode_machines(packet) for packet in packets(data, how)]


def status_of(data: bytes, how: str) -> tuple[str | None, list[JobStatusRecord]]:
    reader = StatusReader()
    for packet in packets(data, how):
        reader.add(packet)
    assert reader.complete
    return reader.server_time, reader.records


def download_of(data: bytes, how: str) -> tuple[int | None, bytes]:
    reader, content = files.DownloadReader(), b""
    for piece in pieces(data, how):
        reader.receive_data(piece)
        content += reader.take()
    assert reader.complete
    reader.receive_eof()
    return reader.size, content


def upload_of(data: bytes, how: str) -> tuple[int | None, bytes]:
    reader, content = files.UploadReader(), b""
    for piece in pieces(data, how):
        reader.receive_data(piece)
        content += reader.take()
    assert reader.complete
    return reader.size, content


def three_ways(read: Callable[[bytes, str], Any], data: bytes) -> Any:
    """What a decoder makes of a stream, having made sure that it makes the same of it however it is cut."""
    whole = read(data, "whole")
    assert read(data, "bytewise") == whole
    assert read(data, "random") == whole
    return whole


def jsonish(text: str) -> Any:
    """A Python value as the original client's Python 2 printed it."""
    return ast.literal_eval(re.sub(r"(?<=\d)L\b", "", text))


def test_listing_of_a_job() -> None:
    lines = three_ways(lines_of, only_channel("04_ls"))
    printed = re.search(r"^ls -> (.*)$", log("04_ls"), re.MULTILINE)
    assert printed
    assert [line.decode().rstrip("\n") for line in lines] == jsonish(printed[1])
    assert b"".join(map(files.encode_line, lines)) + files.END_OF_LINES == only_channel("04_ls")
    now = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
    entries = files.parse_listing([line.decode() for line in lines], "/srv/difx-soft/jobs/demo1", now=now)
    assert [(e.name, e.size) for e in entries] == [
        ("demo1.calc", 2977),
        ("demo1.flag", 2),
        ("demo1.im", 16589),
        ("demo1.input", 5905),
        ("demo1.machines", 18),
        ("demo1.threads", 26),
        ("DIFX_58948_025200.s0000.b0000", 1054080),
    ]
    assert entries[0].path == "/srv/difx-soft/jobs/demo1/demo1.calc"
    assert entries[-1].path == "/srv/difx-soft/jobs/demo1/demo1.difx/DIFX_58948_025200.s0000.b0000"
    assert entries[-1].modified == datetime(2026, 11, 22, 10, 53, tzinfo=UTC)


@pytest.mark.parametrize("name", ["05_lsnone", "06_lsempty"])
def test_missing_and_empty_look_the_same(name: str) -> None:
    assert three_ways(lines_of, only_channel(name)) == []


def test_listing_of_a_directory_by_the_command_line_program() -> None:
    lines = [line.decode() for line in three_ways(lines_of, only_channel("41_cli_DiFXls"))]
    assert "".join(lines) in log("41_cli_DiFXls")
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    entries = files.parse_listing(lines, "/srv/difx-soft/jobs/demo1", now=now)
    assert len(entries) == len(lines) - 1  # the line "total"
    by_name = {e.name: e for e in entries}
    assert by_name["A1.vdif"].size == 160_640_000
    assert by_name["demo1.difx"].type == "directory"
    assert by_name["demo.calc"].mode == "-rw-rw-r--"
    for entry, line in zip(entries, lines[1:], strict=True):
        # ls aligns its columns, we do not
        written = files.format_entry(entry, time_style="default", now=now)
        assert written.split() == line.split()


def test_files_made_by_vex2difx() -> None:
    lines = three_ways(lines_of, only_channel("35_vex2difx"))
    assert f"files {[line.decode() for line in lines]} done" in log("35_vex2difx")
    assert b"".join(map(files.encode_line, lines)) + files.END_OF_LINES == only_channel("35_vex2difx")
    printed = [jsonish(line) for line in re.findall(r"^\(\d.*$", log("35_vex2difx"), re.MULTILINE)]
    found = [e for e in events("35_vex2difx", "s2c") if isinstance(e, Notice)]
    assert [(int(e.severity), e.text) for e in found] == printed


UPLOADS = [
    ("07_send", b"hello world\nline two\n", 21),
    ("08_sendbin", None, 3000),
    ("09_sendempty", b"", 0),
    ("10_sendbaddir", b"abc", files.TransferResult.NOT_FOUND),
    ("11_sendrel", b"abc", files.TransferResult.NOT_ABSOLUTE),
    ("43_cli_DiFXsendFile", b"some text\n", 10),
]


@pytest.mark.parametrize(("name", "content", "result"), UPLOADS)
def test_uploads(name: str, content: bytes | None, result: int) -> None:
    sent = only_channel(name, "c2s")
    size, arrived = three_ways(upload_of, sent)
    assert size == len(arrived)
    assert content is None or arrived == content
    assert files.encode_size(len(arrived)) + b"".join(files.upload_pieces(arrived)) == sent
    assert only_channel(name) == files.encode_size(result)
    answer, nothing = download_of(only_channel(name), "whole") if result <= 0 else (result, b"")
    assert (answer, nothing) == (result, b"")
    if "cli" not in name:  # the client printed the answer unsigned
        assert f"-> {result % 2**32}L" in log(name)


def test_downloads() -> None:
    assert three_ways(download_of, only_channel("12_get")) == (21, b"hello world\nline two\n")
    assert "getFile -> 'hello world\\nline two\\n'" in log("12_get")
    size, content = three_ways(download_of, only_channel("13_getbin"))
    assert size == len(content) == 5000
    assert "getFile binary equal True len 5000" in log("13_getbin")
    assert files.encode_size(size) + content == only_channel("13_getbin")
    assert three_ways(download_of, only_channel("14_getnone")) == (files.TransferResult.NOT_FOUND, b"")


def test_machines_definition_and_its_files_read_back() -> None:
    first, machines_file, threads_file, status = channels("22_machines", "s2c").values()
    found = three_ways(machines_of, first)
    assert [e.id for e in found] == [102, 103, 111, 110, 104, 115, 116, 101]
    assert b"".join(b"".join(encode_machines(e)) for e in found if isinstance(e, MachinesEvent)) == first
    conversation = MachinesConversation()
    for event in found:
        conversation.add(event)
    assert conversation.ok is True
    line = f"machinesDefinition done {conversation.machines_file} {conversation.threads_file}"
    assert line in log("22_machines")
    assert three_ways(download_of, machines_file) == (18, b"vm\n" * 6)
    assert three_ways(download_of, threads_file) == (26, b"NUMBER OF CORES:    2\n1\n1\n")
    assert three_ways(status_of, status)[1][0].kind == "no_log"


# name, channel of the job, outcome, refusal, accepted
JOBS = [
    ("27_stop_running_job", JobOutcome.STOPPED, None, True),
    ("28_start_missing_input", JobOutcome.REFUSED, Refusal.INPUT_NOT_FOUND, False),
    ("29_start_output_exists", JobOutcome.REFUSED, Refusal.OUTPUT_EXISTS, False),
    ("31_start_missing_data", JobOutcome.DONE, None, True),
]


@pytest.mark.parametrize(("name", "outcome", "refusal", "accepted"), JOBS)
def test_jobs(name: str, outcome: JobOutcome, refusal: Refusal | None, accepted: bool) -> None:
    data = next(iter(channels(name, "s2c").values()))
    found = three_ways(job_of, data)
    printed = re.findall(r"^ *[\d.]+  JOBPKT (\d+) (.*)$", log(name), re.MULTILINE)
    # The client prints None for an empty payload.
    assert [(int(e.id), e.text) for e in found] == [(int(i), ast.literal_eval(t) or "") for i, t in printed]
    assert b"".join(b"".join(encode_job(e)) for e in found if isinstance(e, JobEvent)) == data
    conversation = JobConversation()
    for event in found:
        conversation.add(event)
    assert (conversation.outcome, conversation.refusal) == (outcome, refusal)
    assert conversation.accepted == accepted
    assert f"job complete True final {int(found[-1].id)}" in log(name)


STATUSES = ["19_status", "20_statusnone", "22_machines", "27_stop_running_job", "28_start_missing_input",
            "29_start_output_exists", "31_start_missing_data", "45_cli_DiFXJobStatus"]  # fmt: skip


@pytest.mark.parametrize("name", STATUSES)
def test_job_status(name: str) -> None:
    (request,) = [e for e in events(name, "c2s") if isinstance(e, StatusRequest)]
    data = channels(name, "s2c")[request.port]
    server_time, records = three_ways(status_of, data)
    assert b"".join(encode_reply(server_time, records)) == data
    if "cli" in name:
        assert f"{server_time}\n{records[0].input_file}     No .difxlog" in log(name)
        return
    printed = re.search(r"(?:jobStatus(?: none)? ->|  status) (\(.*\))$", log(name), re.MULTILINE)
    assert printed
    # the client takes state, blanks and message as one text
    shown = [
        (
            r.input_file,
            (r.time_text, f"{r.state}  {r.message}") if r.kind == "status" else ("", "No .difxlog"),
        )
        for r in records
    ]
    assert (server_time, shown) == ast.literal_eval(printed[1])


@pytest.mark.parametrize("name", [row[0] for row in JOBS] + ["19_status", "22_machines"])
def test_server_writes_a_packet_in_the_pieces_that_we_write(name: str) -> None:
    first = next(iter(channels(name, "s2c")))
    sent = [e.data for e in events(name, "s2c") if isinstance(e, ChannelData) and e.channel == first]
    chunks = [control.packet_chunks(p.id, p.payload) for p in packets(channels(name, "s2c")[first])]
    assert sent == [piece for packet in chunks for piece in packet]


@pytest.mark.parametrize("name", [n for n in NAMES if streams(n)])
def test_no_channel_is_left_out(name: str) -> None:
    """Every channel of the captures is read by one of the tests above."""
    read_here = {row[0] for row in [*UPLOADS, *JOBS]} | set(STATUSES)
    read_here |= {"04_ls", "05_lsnone", "06_lsempty", "41_cli_DiFXls", "35_vex2difx"}
    read_here |= {"12_get", "13_getbin", "14_getnone"}
    assert bool(channels(name, "s2c")) == (name in read_here)
