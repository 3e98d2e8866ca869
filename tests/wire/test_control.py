# SPDX-License-Identifier: GPL-3.0-or-later
"""The main connection: every packet, both directions, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire import control
from difxnb.wire.control import ControlId, NoticeSeverity
from difxnb.wire.packet import Packet, PacketReader, encode_packet

FROM_SERVER = [
    (control.Relayed(b"<x/>"), "00000001 00000004 3c782f3e"),
    (control.Notice(NoticeSeverity.INFORMATION, "ok\n"), "00000004 00000003 6f6b0a"),
    (control.Notice(NoticeSeverity.WARNING, ""), "00000005 00000000"),
    (control.Notice(NoticeSeverity.ERROR, "no"), "00000006 00000002 6e6f"),
    (control.ServerVersion("DEVELr7531"), "00000008 0000000a 444556454c7237353331"),
    (control.DifxVersion("2.4"), "00000009 00000003 322e34"),
    (control.AvailableVersion("DIFX-2.9"), "0000000a 00000008 444946582d322e39"),
    (control.DifxBase(""), "0000000b 00000000"),
    (control.EnvironmentVariable("A", "b=c"), "0000000c 00000005 413d623d63"),
    (control.ServerUser("oper"), "00000010 00000004 6f706572"),
    (control.VersionsComplete(), "00000012 00000000"),
    (control.ChannelOpened(50310), "00000015 00000004 0000c486"),
    (control.ChannelData(50310, b"\0\0\0\x14"), "00000016 00000008 0000c486 00000014"),
    (control.ChannelData(7, b""), "00000016 00000004 00000007"),
    (control.AccessRefused("no token"), "000003e8 00000008 6e6f20746f6b656e"),
    (control.UnknownPacket(99, b"?"), "00000063 00000001 3f"),
    (control.UnknownPacket(-5, b""), "fffffffb 00000000"),
]

FROM_CLIENT = [
    (control.RelaySwitch(True), "00000001 00000004 00000001"),
    (control.RelaySwitch(False), "00000001 00000004 00000000"),
    (control.RelayCommand(b"<x/>"), "00000002 00000004 3c782f3e"),
    (control.Command(b""), "00000003 00000000"),
    (control.MulticastSettings("224.2.2.1", 50200), "00000007 0000000f 3232342e322e322e310a3530323030"),
    (control.VersionRequest(), "00000008 00000000"),
    (
        control.SetupPath("/opt/difx/bin/rungeneric.DIFX-2.9"),
        "0000000d 00000021 2f6f70742f646966782f62696e2f72756e67656e657269632e444946582d322e39",
    ),
    (control.SetupPath(""), "0000000d 00000000"),
    (control.StartMonitor(50310), "0000000e 00000004 0000c486"),
    (control.RunLabel("x"), "0000000f 00000001 78"),
    (
        control.MessageSelection(("SELECTED_MESSAGES", "ALERT_MESSAGES", "STATUS_MESSAGES", "")),
        "00000011 00000031 53454c45435445445f4d455353414745530a414c4552545f4d455353414745530a"
        "5354415455535f4d455353414745530a",
    ),
    (control.MessageSelection(()), "00000011 00000000"),
    (control.ChannelsOn(), "00000013 00000000"),
    (control.ChannelsOff(), "00000014 00000000"),
    (control.ChannelData(50310, b"ab"), "00000016 00000006 0000c486 6162"),
    (
        control.FileListRequest(("/d/a.m5b", "/d/b.m5b"), "/d/fl", "MARK5B", 60000, "192.0.2.10", 50310),
        "00000017 00000045 00000002 00000008 2f642f612e6d3562 00000008 2f642f622e6d3562 00000005 2f642f666c"
        "00000006 4d41524b3542 0000ea60 0000000a 3139322e302e322e3130 0000c486",
    ),
    (
        control.StatusRequest(True, "/data/exp/*.input", "192.0.2.10", 50310),
        "00000018 0000002b 00000001 00000011 2f646174612f6578702f2a2e696e707574"
        "0000000a 3139322e302e322e3130 0000c486",
    ),
    (control.AccessToken("s3cret"), "000003e8 00000006 733363726574"),
    (control.UnknownPacket(4, b"a server's id"), "00000004 0000000d 612073657276657227732069 64"),
]

DECODERS = {"server": control.decode_from_server, "client": control.decode_from_client}
CASES = [("server", *row) for row in FROM_SERVER] + [("client", *row) for row in FROM_CLIENT]


@pytest.mark.parametrize(("side", "event", "text"), CASES)
def test_table_both_ways(side: str, event: Any, text: str) -> None:
    data = bytes.fromhex(text)
    assert control.encode(event) == data
    reader = PacketReader()
    for byte in data[:-1]:
        reader.receive_data(bytes([byte]))
        assert reader.next_packet() is None
    reader.receive_data(data[-1:] + b"\0")
    packet = reader.next_packet()
    assert packet is not None
    assert DECODERS[side](packet) == event
    assert reader.next_packet() is None


@pytest.mark.parametrize("side", DECODERS)
def test_every_id_is_decoded_or_unknown_in_each_direction(side: str) -> None:
    known = {type(event) for s, event, _ in CASES if s == side}
    covered = {bytes.fromhex(text)[:4] for s, _, text in CASES if s == side}
    for packet_id in set(range(30)) - {int.from_bytes(c, "big") for c in covered}:
        assert DECODERS[side](Packet(packet_id, b"xyz")) == control.UnknownPacket(packet_id, b"xyz")
    union = control.ServerEvent if side == "server" else control.ClientEvent
    assert known == set(union.__args__), "an event without a row in the table"


# --- tolerance ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "packet_id", "event"),
    [
        ("server", ControlId.CHANNEL_ALL_DATA, control.VersionsComplete()),
        ("client", ControlId.GUISERVER_VERSION, control.VersionRequest()),
        ("client", ControlId.CHANNEL_ALL_DATA_ON, control.ChannelsOn()),
        ("client", ControlId.CHANNEL_ALL_DATA_OFF, control.ChannelsOff()),
    ],
)
def test_a_payload_where_none_belongs_is_passed_over(side: str, packet_id: int, event: Any) -> None:
    assert DECODERS[side](Packet(packet_id, b"surplus")) == event


def test_a_variable_without_equals_sign_is_a_name() -> None:
    packet = Packet(ControlId.GUISERVER_ENVIRONMENT, b"LONELY")
    assert control.decode_from_server(packet) == control.EnvironmentVariable("LONELY", "")


def test_multicast_settings_of_the_original_client_end_with_a_line_feed() -> None:
    packet = Packet(ControlId.MULTICAST_SETTINGS_PACKET, b"224.2.2.1\n50277\n")
    assert control.decode_from_client(packet) == control.MulticastSettings("224.2.2.1", 50277)


def test_a_long_status_request_is_one_with_zero() -> None:
    event = control.StatusRequest(False, "/x/*.input", "", 1)
    packet = Packet(24, control.encode(event)[8:])
    assert packet.payload[:4] == bytes(4)
    assert control.decode_from_client(packet) == event


# --- wrong payloads -----------------------------------------------------------------------------------

FILE_LIST = control.encode(control.FileListRequest(("/a",), "/l", "VDIF", 60000, "192.0.2.1", 5))[8:]
STATUS = control.encode(control.StatusRequest(True, "/d/*.input", "192.0.2.1", 5))[8:]

MALFORMED = [
    ("server", 21, b""),
    ("server", 21, b"\0\0\0"),
    ("server", 21, bytes(5)),
    ("server", 22, b""),
    ("server", 22, b"\0\0\0"),
    ("client", 1, b""),
    ("client", 1, b"1"),
    ("client", 1, bytes(8)),
    ("client", 7, b""),
    ("client", 7, b"224.2.2.1"),
    ("client", 7, b"224.2.2.1\n"),
    ("client", 7, b"224.2.2.1\nport"),
    ("client", 7, b"224.2.2.1\n65536"),
    ("client", 7, b"224.2.2.1\n-50200"),
    ("client", 7, b"224.2.2.1\n" + b"9" * 5000),
    ("client", 7, "224.2.2.1\n\u0663".encode()),
    ("client", 14, b"50310"),
    ("client", 22, b"\0"),
    ("client", 23, b""),
    ("client", 23, FILE_LIST + b"\0"),
    ("client", 23, b"\xff\xff\xff\xff" + FILE_LIST[4:]),
    ("client", 23, b"\x7f\xff\xff\xff" + FILE_LIST[4:]),
    ("client", 23, b"\0\0\0\1\xff\xff\xff\xfe" + FILE_LIST[8:]),
    ("client", 23, b"\0\0\0\1\x7f\xff\xff\xff" + FILE_LIST[8:]),
    ("client", 24, b"\0\0\0\1\xff\xff\xff\xff" + STATUS[8:]),
    ("client", 24, STATUS + b"\0"),
    # these would make sense if a negative count were none, and a negative length a step back
    ("client", 23, b"\xff\xff\xff\xff" + control.encode(control.FileListRequest((), "", "", 0, "", 1))[12:]),
    ("client", 24, b"\0\0\0\1\xff\xff\xff\xf8\0"),
]


@pytest.mark.parametrize(("side", "packet_id", "payload"), MALFORMED)
def test_malformed_payloads_are_the_peers_fault(side: str, packet_id: int, payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        DECODERS[side](Packet(packet_id, payload))


@pytest.mark.parametrize(("packet_id", "payload"), [(23, FILE_LIST), (24, STATUS)])
def test_a_request_cut_anywhere_is_malformed(packet_id: int, payload: bytes) -> None:
    for end in range(len(payload)):
        with pytest.raises(ProtocolError):
            control.decode_from_client(Packet(packet_id, payload[:end]))


@pytest.mark.parametrize(
    "event",
    [
        control.SetupPath("a\0b"),
        control.RunLabel("\0"),
        control.MessageSelection(("ALL\0",)),
        control.StatusRequest(True, "/x\0", "", 1),
        control.FileListRequest(("/x\0",), "", "", 0, "", 1),
        control.ChannelOpened(2**31),
        control.ChannelData(-(2**31) - 1, b""),
        control.StartMonitor(2**40),
    ],
)
def test_what_cannot_be_said_is_the_callers_fault(event: Any) -> None:
    with pytest.raises(ValueError, match=r"NUL|32-bit"):
        control.encode(event)


def test_program_output_with_a_nul_ends_there() -> None:
    assert control.encode(control.Notice(NoticeSeverity.ERROR, "ab\0cd")) == encode_packet(6, b"ab")


# --- properties ---------------------------------------------------------------------------------------

INT32 = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
LINE = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=30)
NAME = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0="), max_size=20)
TEXT_EVENTS = [control.ServerVersion, control.DifxVersion, control.AvailableVersion, control.DifxBase]

SERVER_EVENTS = st.one_of(
    st.sampled_from([*TEXT_EVENTS, control.ServerUser]).flatmap(lambda kind: st.builds(kind, TEXT)),
    st.builds(control.EnvironmentVariable, NAME, TEXT),
    st.just(control.VersionsComplete()),
    st.builds(control.Relayed, st.binary(max_size=50)),
    st.builds(control.Notice, st.sampled_from(NoticeSeverity), TEXT),
    st.builds(control.ChannelOpened, INT32),
    st.builds(control.ChannelData, INT32, st.binary(max_size=50)),
    st.builds(control.UnknownPacket, INT32.filter(lambda i: not 0 < i < 25), st.binary(max_size=50)),
)
CLIENT_EVENTS = st.one_of(
    st.sampled_from([control.VersionRequest(), control.ChannelsOn(), control.ChannelsOff()]),
    st.builds(control.RelaySwitch, st.booleans()),
    st.sampled_from([control.RelayCommand, control.Command]).flatmap(lambda k: st.builds(k, st.binary())),
    st.builds(control.MulticastSettings, LINE, st.integers(0, 65535)),
    st.sampled_from([control.SetupPath, control.RunLabel]).flatmap(lambda k: st.builds(k, TEXT)),
    st.builds(control.StartMonitor, INT32),
    st.lists(LINE, max_size=5)
    .filter(lambda lines: lines != [""])  # one empty line and no line are the same bytes
    .map(lambda lines: control.MessageSelection(tuple(lines))),
    st.builds(control.ChannelData, INT32, st.binary(max_size=50)),
    st.builds(
        control.FileListRequest,
        st.lists(TEXT, max_size=4).map(tuple),
        TEXT,
        TEXT,
        INT32,
        TEXT,
        INT32,
    ),
    st.builds(control.StatusRequest, st.booleans(), TEXT, TEXT, INT32),
    st.builds(control.UnknownPacket, INT32.filter(lambda i: not 0 < i < 25), st.binary(max_size=50)),
)


def one_packet(data: bytes) -> Packet:
    reader = PacketReader()
    reader.receive_data(data)
    packet = reader.next_packet()
    assert packet is not None
    reader.receive_eof()
    return packet


@given(SERVER_EVENTS)
def test_server_events_round_trip(event: Any) -> None:
    assert control.decode_from_server(one_packet(control.encode(event))) == event


@given(CLIENT_EVENTS)
def test_client_events_round_trip(event: Any) -> None:
    assert control.decode_from_client(one_packet(control.encode(event))) == event


@given(st.sampled_from(sorted(DECODERS)), st.integers(-2, 30), st.binary(max_size=60))
def test_any_payload_gives_an_event_or_the_documented_error(
    side: str, packet_id: int, payload: bytes
) -> None:
    try:
        event = DECODERS[side](Packet(packet_id, payload))
    except ProtocolError:
        return
    assert DECODERS[side](one_packet(control.encode(event))) == event
