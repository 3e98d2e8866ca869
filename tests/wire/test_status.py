# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of a job status request: texts with fixed columns, records, and what may be missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire.packet import Packet, PacketReader
from difxnb.wire.status import (
    STATES,
    JobStatusRecord,
    StatusId,
    StatusReader,
    encode_record,
    encode_reply,
    encode_status,
)

NOW = "Thu Mar 12 10:20:32 2015"
FILE = "/data/exp/e_1.input"


def read(data: bytes, step: int = 0) -> StatusReader:
    packets, status = PacketReader(), StatusReader()
    for start in range(0, len(data), step or len(data)):
        packets.receive_data(data[start : start + (step or len(data))])
        while (packet := packets.next_packet()) is not None:
            status.add(packet)
    packets.receive_eof()
    return status


def told(*packets: tuple[int, str]) -> StatusReader:
    status = StatusReader()
    for packet_id, text in packets:
        status.add(Packet(packet_id, text.encode()))
    return status


def test_status_packet_as_documented() -> None:
    record = JobStatusRecord(FILE, "status", NOW, "Done", "")
    data = bytes.fromhex(
        "0000006a 0000001e 54687520 4d617220 31322031 303a3230 3a333220 32303135 446f6e65 2020"
    )
    assert b"".join(encode_record(record)).endswith(data)
    assert read(b"".join(encode_status(StatusId.INPUT_FILE_NAME, FILE)) + data).records == [record]


RECORDS = [
    JobStatusRecord("/d/a.input", "no_log"),
    JobStatusRecord("/d/b.input", "status", NOW, "Running", "two  blanks, twice  "),
    JobStatusRecord("/d/c.input", "no_status"),
    JobStatusRecord("/d/d.input", "open_error"),
    JobStatusRecord("/d/e.input", "status", "Thu Mar  2 10:20:32 2015", "NewState", ""),
]


@pytest.mark.parametrize("records", [[], RECORDS])
@pytest.mark.parametrize("step", [0, 1, 7])
def test_reply_both_ways(records: list[JobStatusRecord], step: int) -> None:
    status = read(b"".join(encode_reply(NOW, records)), step)
    assert status.started
    assert status.complete
    assert not status.failed
    assert status.server_time == NOW
    assert status.records == records


@pytest.mark.parametrize("state", STATES)
def test_every_state(state: str) -> None:
    status = told((104, FILE), (106, f"{NOW}{state}  some text"))
    assert status.records == [JobStatusRecord(FILE, "status", NOW, state, "some text")]


@pytest.mark.parametrize(
    ("text", "time_text", "state", "message"),
    [
        ("", "", "", ""),
        ("Thu Mar", "Thu Mar", "", ""),
        (NOW, NOW, "", ""),
        (f"{NOW}Running", NOW, "Running", ""),
        (f"{NOW}Running ", NOW, "Running", ""),
        (f"{NOW}Running  ", NOW, "Running", ""),
        (f"{NOW}  no state", NOW, "", "no state"),
    ],
)
def test_texts_that_were_cut(text: str, time_text: str, state: str, message: str) -> None:
    status = told((104, FILE), (106, text))
    assert status.records == [JobStatusRecord(FILE, "status", time_text, state, message)]


def test_long_messages_are_cut_at_99_bytes_as_by_the_server() -> None:
    pieces = encode_record(JobStatusRecord(FILE, "status", NOW, "Running", "\u00e9" * 99))
    assert len(pieces[-1]) <= 99
    assert pieces[-1].decode().startswith(f"{NOW}Running  \u00e9")


@pytest.mark.parametrize(("packet_id", "failed"), [(101, False), (109, True), (111, True)])
def test_terminal_packets(packet_id: int, failed: bool) -> None:
    status = told((102, ""), (110, NOW), (packet_id, ""), (104, "/late.input"), (105, ""))
    assert status.complete
    assert status.failed == failed
    assert status.records == []


def test_a_file_without_a_word_is_kept() -> None:
    status = told((104, "/a.input"), (104, "/b.input"), (101, ""))
    assert status.records == [
        JobStatusRecord("/a.input", "no_status"),
        JobStatusRecord("/b.input", "no_status"),
    ]


@pytest.mark.parametrize("packet_id", [105, 106, 107, 108])
def test_a_state_without_its_file_is_an_error(packet_id: int) -> None:
    with pytest.raises(ProtocolError, match="without the name"):
        told((102, ""), (packet_id, NOW))


def test_unknown_ids_are_passed_over() -> None:
    status = told((104, FILE), (100, "?"), (103, ""), (112, ""), (-7, ""), (105, ""), (101, ""))
    assert status.records == [JobStatusRecord(FILE, "no_log")]


def test_records_without_end_are_refused() -> None:
    status = StatusReader(max_records=2)
    for name in (b"/a", b"/b", b"/c"):
        status.add(Packet(104, name))
    with pytest.raises(ProtocolError, match="more than 2 records"):
        status.add(Packet(105, b""))


def test_an_unknown_kind_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="kind of a job status"):
        encode_record(JobStatusRecord(FILE, "fine"))


@given(st.lists(st.tuples(st.integers(98, 114), st.binary(max_size=40)), max_size=30))
def test_any_packets_give_records_or_the_documented_error(packets: list[tuple[int, bytes]]) -> None:
    status = StatusReader()
    try:
        for packet_id, payload in packets:
            status.add(Packet(packet_id, payload))
    except ProtocolError:
        return
    assert len(status.records) <= sum(packet_id == 104 for packet_id, _ in packets)


NAMES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), max_size=30)
# What cannot be told apart in fixed columns is left out: blanks around the time, two blanks inside a state.
WORDS = st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x7F), min_size=1, max_size=12)
STATUS_RECORDS = st.builds(
    JobStatusRecord,
    NAMES,
    st.just("status"),
    st.just(NOW),
    WORDS,
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
OTHER_RECORDS = st.builds(JobStatusRecord, NAMES, st.sampled_from(["no_log", "no_status", "open_error"]))


@given(st.lists(STATUS_RECORDS | OTHER_RECORDS, max_size=6), st.integers(1, 50))
def test_replies_round_trip(records: list[JobStatusRecord], step: int) -> None:
    assert read(b"".join(encode_reply(NOW, records)), step).records == records
