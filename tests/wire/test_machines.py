# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a machines definition: every packet, every refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire import machines
from difxnb.wire.machines import (
    MachinesConversation,
    MachinesEvent,
    MachinesId,
    decode_machines,
    encode_machines,
)
from difxnb.wire.packet import Packet, PacketReader, UnknownPacket


def told(*packets: int | tuple[int, str]) -> MachinesConversation:
    conversation = MachinesConversation()
    for packet in packets:
        packet_id, text = (packet, "") if isinstance(packet, int) else packet
        conversation.add(decode_machines(Packet(packet_id, text.encode())))
    return conversation


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (MachinesEvent(MachinesId.TASK_STARTED), "00000066 00000000"),
        (
            MachinesEvent(MachinesId.MACHINES_FILE_NAME, "/data/exp/e_1.machines"),
            "0000006f 00000016 2f646174612f6578702f655f312e6d616368696e6573",
        ),
        (MachinesEvent(MachinesId.LOW_THREAD_COUNT), "00000079 00000000"),
    ],
)
def test_table_both_ways(event: MachinesEvent, text: str) -> None:
    data = bytes.fromhex(text)
    assert b"".join(encode_machines(event)) == data
    reader = PacketReader()
    reader.receive_data(data)
    packet = reader.next_packet()
    assert packet is not None
    assert decode_machines(packet) == event


def test_every_id_is_known_and_every_neighbour_unknown() -> None:
    assert [int(i) for i in MachinesId] == list(range(100, 123))
    for packet_id in (99, 123, -1):
        assert decode_machines(Packet(packet_id, b"?")) == UnknownPacket(packet_id, b"?")


TEXT = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))


@given(st.builds(MachinesEvent, st.sampled_from(MachinesId), TEXT))
def test_events_round_trip(event: MachinesEvent) -> None:
    reader = PacketReader()
    reader.receive_data(b"".join(encode_machines(event)))
    packet = reader.next_packet()
    assert packet is not None
    assert decode_machines(packet) == event


@given(st.lists(st.tuples(st.integers(95, 128), st.binary(max_size=20)), max_size=40))
def test_any_packets_in_any_order_leave_a_sound_conversation(packets: list[tuple[int, bytes]]) -> None:
    conversation = MachinesConversation()
    for packet_id, payload in packets:
        conversation.add(decode_machines(Packet(packet_id, payload)))
    assert conversation.complete == (conversation.ok is not None)
    assert (conversation.ok is False) == (conversation.refusal_text is not None)
    assert set(conversation.failed_hosts) <= set(conversation.tested_hosts)


def test_definition_with_files_named() -> None:
    files = ((111, "/d/e.machines"), (110, "/d/e.threads"))
    open_yet = told(102, 103, *files, 104, 115, 116)
    assert open_yet.started
    assert not open_yet.complete
    assert open_yet.ok is None
    conversation = told(102, 103, *files, 104, 115, 116, 101)
    assert conversation.ok is True
    assert (conversation.machines_file, conversation.threads_file) == ("/d/e.machines", "/d/e.threads")
    assert not conversation.low_threads
    assert conversation.refusal_text is None


def test_tested_hosts() -> None:
    conversation = told(
        102, 103, 108, 109, 104, 122, (120, "n1"), (119, "n2"), (120, "n3"), 115, 121, 116, 101
    )
    assert conversation.tested_hosts == ["n1", "n2", "n3"]
    assert conversation.failed_hosts == ["n2"]
    assert conversation.low_threads
    assert conversation.ok


@pytest.mark.parametrize(
    ("packets", "text"),
    [
        ((102, 103, 105, 100), "head node"),
        ((102, 103, 106, 100), "datastream"),
        ((102, 103, 107, 100), "process"),
        ((102, 103, 112, 100), "no input"),
        (
            (102, 103, 104, (113, "Permission denied\n"), 100),
            "machines file cannot be written: Permission denied",
        ),
        ((102, 103, 104, 115, (114, "No space left"), 100), "threads file cannot be written: No space left"),
        ((102, 103, 117, 100), "test file"),
        ((102, 103, 118, 100), "program"),
        ((102, 103, 105, 106, 100), "head node"),
        ((102, 100), "no reason"),
    ],
)
def test_refusals_are_told_in_words(packets: tuple[int | tuple[int, str], ...], text: str) -> None:
    conversation = told(*packets)
    assert conversation.complete
    assert conversation.ok is False
    assert text in str(conversation.refusal_text)


def test_nothing_after_the_end_counts() -> None:
    conversation = told(102, 101, (111, "/late"), 105, 100)
    assert conversation.ok is True
    assert conversation.machines_file is None


def test_hosts_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "MAX_HOSTS", 2)
    with pytest.raises(ProtocolError, match="more than 2 hosts"):
        told(102, (120, "a"), (119, "b"), (120, "c"))
