# SPDX-License-Identifier: GPL-3.0-or-later
"""The job exchange: every packet id once, every way a job can end or be refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from difxnb.wire.job import (
    TERMINAL,
    JobConversation,
    JobEvent,
    JobId,
    JobOutcome,
    Refusal,
    decode_job,
    encode_job,
)
from difxnb.wire.packet import Packet, PacketReader, UnknownPacket


def told(*ids: int) -> JobConversation:
    conversation = JobConversation()
    for packet_id in ids:
        conversation.add(decode_job(Packet(packet_id, b"")))
    return conversation


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (JobEvent(JobId.JOB_STARTED), "00000066 00000000"),
        (JobEvent(JobId.PARAMETER_CHECK_IN_PROGRESS), "00000067 00000000"),
        (JobEvent(JobId.RUN_CONFIG_CHECK), "0000007f 00000000"),
        (JobEvent(JobId.DIFX_MESSAGE, "No errors"), "00000072 00000009 4e6f206572726f7273"),
        (JobEvent(JobId.DIFX_MESSAGE, ""), "00000072 00000000"),
        (JobEvent(JobId.CONFIG_PASSED), "0000007d 00000000"),
    ],
)
def test_table_both_ways(event: JobEvent, text: str) -> None:
    data = bytes.fromhex(text)
    assert b"".join(encode_job(event)) == data
    reader = PacketReader()
    reader.receive_data(data)
    packet = reader.next_packet()
    assert packet is not None
    assert decode_job(packet) == event


def test_every_id_is_known_and_every_neighbour_unknown() -> None:
    assert [int(i) for i in JobId] == list(range(100, 129))
    for packet_id in (99, 129, 0, -100, 2**31 - 1):
        assert decode_job(Packet(packet_id, b"?")) == UnknownPacket(packet_id, b"?")


def test_pieces_are_elementary_writes() -> None:
    assert encode_job(JobEvent(JobId.DIFX_ERROR, "x")) == [b"\0\0\0t", b"\0\0\0\1", b"x"]
    assert encode_job(JobEvent(JobId.JOB_FAILED)) == [b"\0\0\0w", b"\0\0\0\0"]


@given(
    st.builds(
        JobEvent, st.sampled_from(JobId), st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))
    )
)
def test_events_round_trip(event: JobEvent) -> None:
    reader = PacketReader()
    for piece in encode_job(event):
        assert reader.next_packet() is None
        reader.receive_data(piece)
    packet = reader.next_packet()
    assert packet is not None
    assert decode_job(packet) == event


@example([(113, b""), (124, b""), (128, b"")])
@given(st.lists(st.tuples(st.integers(95, 135), st.binary(max_size=20)), max_size=40))
def test_any_packets_in_any_order_leave_a_sound_conversation(packets: list[tuple[int, bytes]]) -> None:
    conversation = JobConversation(max_lines=5)
    for packet_id, payload in packets:
        conversation.add(decode_job(Packet(packet_id, payload)))
    assert conversation.complete == any(packet_id in set(TERMINAL) for packet_id, _ in packets)
    assert (conversation.outcome is None) == (not conversation.complete)
    assert (conversation.outcome is JobOutcome.REFUSED) == (conversation.refusal is not None)
    assert len(conversation.lines) <= 5


# --- sequences that servers were seen to send ---------------------------------------------------------

SEQUENCES = [
    # ids, outcome, refusal, config_passed, accepted
    ((102, 103, 127, 114, 125, 104, 113, 114, 115, 117, 101), "done", None, True, True),
    ((102, 103, 127, 114, 125, 104, 112, 113, 117, 101), "done", None, True, True),
    ((102, 103, 127, 114, 125, 104, 113, 116, 114, 117, 120), "done_with_errors", None, True, True),
    ((102, 103, 127, 125, 104, 113, 116, 116, 119), "failed", None, True, True),
    ((102, 103, 127, 125, 104, 113, 114, 100), "stopped", None, True, True),
    ((102, 103, 127, 115, 124, 104, 113, 117, 101), "done", None, False, True),
    ((102, 103, 127, 126, 104, 113, 117, 101), "done", None, True, True),
    ((102, 103, 127, 114, 125, 128), "done", None, True, False),
    ((102, 103, 127, 114, 115, 124, 116, 128), "refused", "bad_config", False, False),
    ((102, 103, 127, 114, 125, 104, 111, 100), "refused", "output_exists", True, False),
    ((102, 103, 127, 114, 125, 105, 100), "refused", "no_headnode", True, False),
    ((102, 103, 127, 125, 106, 100), "refused", "no_datasources", True, False),
    ((102, 103, 127, 125, 107, 100), "refused", "no_processors", True, False),
    ((102, 103, 108, 100), "refused", "no_input_file", None, False),
    ((102, 103, 109, 100), "refused", "input_not_found", None, False),
    ((102, 103, 110, 100), "refused", "name_too_long", None, False),
    ((102, 103, 127, 125, 104, 100), "refused", "stopped_before_start", True, False),
]


@pytest.mark.parametrize(("ids", "outcome", "refusal", "config_passed", "accepted"), SEQUENCES)
def test_observed_sequences(
    ids: tuple[int, ...], outcome: str, refusal: str | None, config_passed: bool | None, accepted: bool
) -> None:
    before_the_last = told(*ids[:-1])
    assert before_the_last.started
    assert not before_the_last.complete
    assert before_the_last.outcome is None
    assert before_the_last.refusal is None
    conversation = told(*ids)
    assert conversation.complete
    assert conversation.outcome == outcome
    assert conversation.refusal == refusal
    assert conversation.config_passed == config_passed
    assert conversation.accepted == accepted


def test_every_refusal_that_a_server_can_give_has_a_sequence() -> None:
    ours = {Refusal.UNKNOWN, Refusal.ALREADY_RUNNING, Refusal.SAME_NAME}  # what the client says by itself
    assert {row[2] for row in SEQUENCES} - {None} == set(Refusal) - ours
    assert {row[1] for row in SEQUENCES} == set(JobOutcome) - {JobOutcome.UNKNOWN}


def test_a_failed_fork_is_failed_without_a_refusal() -> None:
    conversation = told(102, 103, 104, 119)
    assert conversation.outcome is JobOutcome.FAILED
    assert conversation.refusal is None


def test_the_first_failure_is_the_reason() -> None:
    assert told(102, 103, 105, 111, 100).refusal is Refusal.NO_HEADNODE


def test_nothing_after_the_terminal_packet_counts() -> None:
    conversation = told(102, 103, 109, 100, 113, 114, 101)
    assert conversation.outcome is JobOutcome.REFUSED
    assert not conversation.accepted
    assert conversation.lines == []


def test_unknown_packets_change_nothing() -> None:
    conversation = told(102, 77, 113, 200, 101)
    assert conversation.outcome is JobOutcome.DONE


def test_lines_are_kept_in_order_and_the_oldest_are_dropped_and_counted() -> None:
    conversation = JobConversation(max_lines=3)
    kinds = [JobId.DIFX_MESSAGE, JobId.DIFX_WARNING, JobId.DIFX_ERROR]
    events = [JobEvent(kinds[i % 3], f"line {i}") for i in range(5)]
    for event in events:
        conversation.add(event)
    assert conversation.lines == events[2:]
    assert conversation.dropped_lines == 2


def test_the_lines_of_the_check_are_kept_apart() -> None:
    conversation = JobConversation()
    for number, text in [
        (102, ""),
        (127, ""),
        (114, "fine"),
        (115, "odd"),
        (124, ""),
        (116, "stopped"),
        (128, ""),
    ]:
        conversation.add(JobEvent(JobId(number), text))
    assert [line.text for line in conversation.check_lines] == ["fine", "odd"]
    assert [line.text for line in conversation.lines] == ["fine", "odd", "stopped"]
    assert (conversation.terminal, conversation.checker_missing) == (JobId.STOPPED_AFTER_CONFIG, False)


def test_a_missing_checker_passes_and_is_told() -> None:
    conversation = JobConversation()
    for number in (102, 127, 126):
        conversation.add(JobEvent(JobId(number)))
    assert (conversation.config_passed, conversation.checker_missing, conversation.terminal) == (
        True,
        True,
        None,
    )
