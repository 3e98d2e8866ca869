# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation of one client: packets in, actions out, and never an exception."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.server.actions import (
    Begin,
    ChangeFiles,
    Channel,
    ChannelBytes,
    Close,
    DialBack,
    Publish,
    Recall,
    Reply,
    StartJob,
    StopJob,
)
from difxnb.server.greeting import Greeting
from difxnb.server.protocol import MAX_COMMAND, MAX_PAYLOAD, TYPE_NUMBERS, Conversation
from difxnb.server.quirks import Quirks
from difxnb.server.relay import Document
from difxnb.wire import control
from difxnb.wire.message import (
    Command,
    FileOperation,
    FileTransfer,
    GetDirectory,
    Header,
    Load,
    MachinesDefinition,
    Mark5Copy,
    Message,
    Mk5Control,
    Start,
    Status,
    Stop,
    Vex2DifxRun,
    Vsis,
    command_xml,
    to_xml,
)
from difxnb.wire.packet import PacketReader, encode_packet

GREETING = Greeting("v", "/base", "me", ("DIFX-2.9", "DIFX-2.8"), {"DIFX_BASE": "/base"})


def converse(*events, quirks=None, now=1.0, peer="127.0.0.1"):
    conversation = Conversation(GREETING, quirks=quirks, peer=peer)
    data = b"".join(e if isinstance(e, bytes) else control.encode(e) for e in events)
    return conversation, list(conversation.receive_data(data, now))


def replies(actions):
    reader = PacketReader()
    for action in actions:
        if isinstance(action, Reply | Close):
            reader.receive_data(action.data)
    found = []
    while (packet := reader.next_packet()) is not None:
        found.append(control.decode_from_server(packet))
    return found


def command(body):
    return control.Command(command_xml(body))


def test_the_version_conversation_comes_in_order():
    """3.3, 4.8, and packets 8, 10, 11, 12, 16 and 18."""
    _, actions = converse(control.VersionRequest())
    assert replies(actions) == [
        control.ServerVersion("v"),
        control.DifxBase("/base"),
        control.ServerUser("me"),
        control.AvailableVersion("DIFX-2.8"),
        control.AvailableVersion("DIFX-2.9"),
        control.EnvironmentVariable("DIFX_BASE", "/base"),
        control.VersionsComplete(),
    ]


def test_without_labels_a_warning_takes_their_place():
    conversation = Conversation(Greeting("v"))
    events = replies(conversation.receive_data(control.encode(control.VersionRequest())))
    assert [type(e).__name__ for e in events] == ["ServerVersion", "DifxBase", "Notice", "VersionsComplete"]


def test_nothing_is_sent_unasked():
    """3.1."""
    assert converse()[1] == []


@pytest.mark.parametrize("cut", [1, 3, 7, 8, 11, 200])
def test_packets_may_be_cut_anywhere(cut):
    conversation = Conversation(GREETING)
    data = control.encode(control.ChannelsOn()) + control.encode(command(Stop(input="/a/b.input")))
    found = [a for i in range(0, len(data), cut) for a in conversation.receive_data(data[i : i + cut])]
    assert found == [StopJob("/a/b.input")]
    assert conversation.channels


def test_switches_are_kept():
    """4.1, 4.5, 4.6, 4.7 and 4.10: packets 1, 7, 13, 15, 17, 19 and 20; H6, since 13 runs nothing here."""
    conversation, actions = converse(
        control.RelaySwitch(True),
        control.MessageSelection(("SELECTED_MESSAGES", "STATUS_MESSAGES")),
        control.SetupPath("/base/bin/rungeneric.DIFX-2.9"),
        control.RunLabel("label"),
        control.MulticastSettings("224.2.2.9", 4242),
        control.ChannelsOn(),
        control.ChannelsOff(),
    )
    assert actions == [Recall()]
    assert (conversation.setup_path, conversation.run_label) == ("/base/bin/rungeneric.DIFX-2.9", "label")
    assert conversation.network == ("224.2.2.9", 4242)
    assert not conversation.channels
    assert conversation.selection.wants("DifxStatusMessage")
    assert not conversation.selection.wants("DifxAlertMessage")


def test_only_a_relay_that_was_off_is_told_of_jobs_before():
    switches = [True, True, False, False, True]
    _, actions = converse(*map(control.RelaySwitch, switches))
    assert actions == [Recall(), Recall()]


def test_odd_multicast_settings_are_answered_and_change_nothing():
    """4.5 and H22."""
    conversation, actions = converse(control.MulticastSettings("10.1.1.1", 4242))
    assert conversation.network == ("224.2.2.1", 50200)
    assert replies(actions)[0].severity is control.NoticeSeverity.ERROR


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FileOperation(operation="mkdir", path="/d/x"), ChangeFiles("mkdir", "/d/x", "")),
        (FileOperation(operation="mv", path="/d/x", arg="/d/y"), ChangeFiles("mv", "/d/x", "/d/y")),
        (FileOperation(operation="fly"), ChangeFiles("fly", "", "")),
        (Stop(input="/d/e.input"), StopJob("/d/e.input")),
    ],
)
def test_commands_without_side_connection(body, expected):
    assert converse(command(body))[1] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        FileOperation(operation="ls", path="/d", port=5000, address="127.0.0.1"),
        FileTransfer(direction="to DiFX", destination="/d/x", port=5000, address="127.0.0.1"),
        FileTransfer(direction="from DiFX", origin="/d/x", port=5000),
        MachinesDefinition(input="/d/e.input", port=5000),
        Start(input="/d/e.input", port=5000),
    ],
)
def test_side_connections_by_mode(body):
    for events, side in (((), DialBack("127.0.0.1", 5000)), ((control.ChannelsOn(),), Channel(5000))):
        (action,) = converse(*events, command(body))[1]
        assert isinstance(action, StartJob if isinstance(body, Start) else Begin)
        assert action.request == body
        assert action.side == side


def test_requests_of_packets_14_and_24():
    """4.9 (packet 14) and 7.12 (packet 24)."""
    _, actions = converse(
        control.ChannelsOn(), control.StartMonitor(9), control.StatusRequest(True, "/d/*.input", "", 10)
    )
    assert [a.side for a in actions] == [Channel(9), Channel(10)]


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [
        ("10.0.0.7", 5000, "refused"),
        ("host.example", 5000, "refused"),
        ("127.0.0.1", 0, "no TCP port"),
        ("127.0.0.1", 70000, "no TCP port"),
        ("127.0.0.1", None, "no port"),
    ],
)
def test_the_server_connects_to_its_client_and_nowhere_else(address, port, text):
    _, actions = converse(command(FileOperation(operation="ls", path="/d", address=address, port=port)))
    (notice,) = replies(actions)
    assert notice.severity is control.NoticeSeverity.ERROR
    assert text in notice.text


def test_loopback_has_more_than_one_address():
    _, actions = converse(command(FileOperation(operation="ls", path="/d", address="127.0.0.2", port=5000)))
    assert actions[0].side == DialBack("127.0.0.2", 5000)


def test_an_unknown_direction_is_passed_over():
    assert converse(command(FileTransfer(direction="sideways", origin="/d", port=1)))[1] == []


@pytest.mark.parametrize(
    ("payload", "number"),
    [
        (command_xml(Load(cpu_load=1.0)), 1),
        (command_xml(Vsis("stop")), 26),
        (b"<difxMessage><header><type>NoSuchType</type></header><body/></difxMessage>", 0),
        (b"not xml at all", 0),
        (b"<difxMessage><header>", 0),
        (b"", 0),
        (
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><difxMessage><header><type>DifxStop</type></header></difxMessage>",
            0,
        ),
    ],
)
def test_what_is_not_handled_is_answered_politely(payload, number):
    """4.3: malformed, untyped, and types that are no commands."""
    (notice,) = replies(converse(control.Command(payload))[1])
    assert notice.severity is control.NoticeSeverity.WARNING
    assert f"Received command message type {number}" in notice.text


def test_the_numbers_of_types():
    assert [
        TYPE_NUMBERS[n] for n in ("DifxCommand", "DifxStart", "DifxMk5Control", "Mark6ActivityMessage")
    ] == [9, 11, 24, 27]


def test_a_command_that_is_too_long_is_answered_with_both_lengths():
    """4.3 and 1.3."""
    (notice,) = replies(converse(control.Command(b"x" * (MAX_COMMAND + 1)))[1])
    assert str(MAX_COMMAND) in notice.text
    assert str(MAX_COMMAND + 1) in notice.text


def test_documents_for_the_network_are_published_as_they_are():
    """4.2 and 4.3: packet 2, and the one command that is not executed."""
    document = command_xml(Command(command="listfs"))
    _, actions = converse(control.RelayCommand(b"anything"), control.Command(document))
    where = ("224.2.2.1", 50200)
    assert actions == [Publish(b"anything", where), Publish(document, where)]


def test_relayed_documents_are_unmodified():
    """4.1 and 8.1."""
    conversation, _ = converse(control.RelaySwitch(True))
    document = to_xml(
        Message(
            header=Header(source="h", mpi_id=0, identifier="j", type="DifxStatusMessage"),
            body=Status(state="Done"),
            sequence=0,
            size=0,
        )
    )
    assert conversation.relayed(Document.of(document)) == encode_packet(1, document)
    conversation.selection.relaying = False
    assert conversation.relayed(Document.of(document)) is None


@pytest.mark.parametrize(
    "request_",
    [
        control.FileListRequest(("/d/a",), "/d/list", "VDIF", 60000, "127.0.0.1", 5000),
        Vex2DifxRun(pass_path="/d", file="e.v2d", port=5000),
        GetDirectory(mark5="m", vsn="NRAO+321", generate_new=True, port=5000),
        Mk5Control(command="getvsn", target_node="m", port=5000),
        Mark5Copy(mark5="m", vsn="NRAO+321", scans="1", destination="/d", port=5000),
    ],
)
def test_what_recorders_and_programs_do_is_begun_and_the_next_packet_read(request_):
    """7.7 to 7.11: each has a side connection of its own, in either mode."""
    packet = request_ if isinstance(request_, control.FileListRequest) else command(request_)
    assert converse(packet)[1] == [Begin(request_, DialBack("127.0.0.1", 5000))]
    assert converse(control.ChannelsOn(), packet)[1] == [Begin(request_, Channel(5000))]


@pytest.mark.parametrize("length", [-1, MAX_PAYLOAD + 1, 2**31 - 1, -(2**31)])
def test_a_length_that_cannot_be_ends_the_connection_with_a_word(length):
    """H5."""
    _, actions = converse(control.VersionRequest(), struct.pack(">ii", 3, length), control.VersionRequest())
    assert [type(a) for a in actions] == [Reply, Close]
    assert replies(actions)[-1].severity is control.NoticeSeverity.ERROR


@pytest.mark.parametrize("packet_id", [1, 14, 22, 23, 24, 7])
def test_a_malformed_payload_is_answered_and_the_connection_goes_on(packet_id):
    """4: payloads shorter than the table says, which a real server reads past."""
    _, actions = converse(encode_packet(packet_id, b"\1"), control.VersionRequest())
    assert replies(actions)[0].severity is control.NoticeSeverity.ERROR
    assert replies(actions)[-1] == control.VersionsComplete()


def test_unknown_ids_and_those_of_servers_are_passed_over():
    """4: there is no other id, and no reply to one; packet 9 is sent by nobody any more."""
    packets = [
        encode_packet(packet_id, b"payload") for packet_id in (0, 4, 5, 6, 9, 10, 16, 18, 21, 25, 99, -5)
    ]
    _, actions = converse(*packets)
    assert actions == []


def test_packets_of_the_first_moments_are_lost_on_request():
    """3.2 and H20."""
    quirks = Quirks.of("lost-packets")
    conversation = Conversation(GREETING, quirks=quirks, connected=10.0)
    data = control.encode(control.ChannelsOn()) + control.encode(control.VersionRequest())
    assert list(conversation.receive_data(data, 10.01)) == []
    assert not conversation.channels
    assert replies(conversation.receive_data(data, 10.1))[-1] == control.VersionsComplete()
    assert conversation.channels


def test_channel_data_come_through():
    """4.10: packet 22."""
    assert converse(control.ChannelData(7, b"abc"))[1] == [ChannelBytes(7, b"abc")]


_BODIES = st.sampled_from(
    [
        b"",
        b"\0" * 4,
        b"\xff" * 12,
        command_xml(Stop(input="/x")),
        command_xml(Start(input="/x", port=3)),
        b"<difxMessage>",
    ]
)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(-3, 30), st.one_of(_BODIES, st.binary(max_size=60))), max_size=8),
    st.integers(1, 50),
)
def test_no_packets_make_it_raise(packets, cut):
    conversation = Conversation(GREETING)
    data = b"".join(encode_packet(*packet) for packet in packets)
    for i in range(0, len(data), cut):
        for action in conversation.receive_data(data[i : i + cut]):
            if isinstance(action, Reply):
                replies([action])


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=40), max_size=10))
def test_no_bytes_make_it_raise(pieces):
    conversation = Conversation(GREETING)
    for piece in pieces:
        list(conversation.receive_data(piece))
