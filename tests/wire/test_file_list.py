# SPDX-License-Identifier: GPL-3.0-or-later
"""File lists (7.11): the request and the exchange, byte by byte, and the bare answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire import control, file_list
from difxnb.wire.file_list import (
    CANCEL,
    OVERWRITE,
    FileListConversation,
    FileListEvent,
    FileListId,
    Recording,
    decode_file_list,
    encode_file_list,
    parse_recording,
)
from difxnb.wire.packet import Packet, PacketReader, UnknownPacket


def test_the_documented_request():
    """7.11: packet 23 as in the example."""
    request = control.FileListRequest(("/d/a.m5b", "/d/b.m5b"), "/d/fl", "MARK5B", 60000, "192.0.2.10", 50310)
    assert control.encode(request).hex() == (
        "000000170000004500000002000000082f642f612e6d3562000000082f642f622e6d3562000000052f642f666c"
        "000000064d41524b35420000ea600000000a3139322e302e322e31300000c486"
    )


def test_the_answers_are_bare_integers():
    """7.11: 106 and 107 are four bytes, and no packet."""
    assert (OVERWRITE, CANCEL) == (b"\0\0\0\x6a", b"\0\0\0\x6b")


def test_the_count_is_an_integer_and_all_else_text():
    pieces = encode_file_list(FileListEvent(FileListId.PROCESSED_COUNT, count=2))
    assert b"".join(pieces).hex() == "0000006e0000000400000002"
    pieces = encode_file_list(FileListEvent(FileListId.FILE_RESULT, "/d/a 1.0 2.0"))
    assert b"".join(pieces) == b"\0\0\0\x6f\0\0\0\x0c/d/a 1.0 2.0"
    assert len(encode_file_list(FileListEvent(FileListId.TASK_STARTED))) == 2


EVENTS = st.one_of(
    st.builds(FileListEvent, st.just(FileListId.PROCESSED_COUNT), count=st.integers(-(2**31), 2**31 - 1)),
    st.builds(
        FileListEvent,
        st.sampled_from([i for i in FileListId if i is not FileListId.PROCESSED_COUNT]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
    ),
)


@given(st.lists(EVENTS, max_size=8))
@settings(max_examples=60)
def test_what_is_written_can_be_read(events):
    reader = PacketReader()
    reader.receive_data(b"".join(piece for event in events for piece in encode_file_list(event)))
    assert [decode_file_list(packet) for packet in reader.whole_packets()] == events


@given(st.integers(90, 120), st.binary(max_size=30))
@settings(max_examples=100)
def test_any_packet_can_be_taken_in_or_is_refused(packet_id, payload):
    conversation = FileListConversation()
    try:
        event = decode_file_list(Packet(packet_id, payload))
    except ProtocolError:
        assert packet_id == FileListId.PROCESSED_COUNT
        return
    assert isinstance(event, FileListEvent | UnknownPacket)
    conversation.add(event)


def talked(*events):
    talk = FileListConversation()
    for event in events:
        talk.add(event if isinstance(event, FileListEvent) else FileListEvent(event))
    return talk


def test_a_whole_list():
    """7.11: 102 103 104 111* 110 112 101."""
    talk = FileListConversation()
    talk.add(FileListEvent(FileListId.TASK_STARTED))
    talk.add(FileListEvent(FileListId.DESTINATION_EXISTS, "/d/fl"))
    assert talk.asked == "/d/fl"
    talk.answered()
    assert (talk.asked, talk.existed) == (None, "/d/fl")
    for event in (
        FileListEvent(FileListId.FINAL_NAME, "/d/fl"),
        FileListEvent(FileListId.FILE_RESULT, "/d/a b 60000.5 60000.6"),
        FileListEvent(FileListId.FILE_RESULT, "what is this"),
        FileListEvent(FileListId.PROCESSED_COUNT, count=2),
        FileListEvent(FileListId.ERRORS_ENCOUNTERED),
        FileListEvent(FileListId.TASK_ENDED_GRACEFULLY),
        FileListEvent(FileListId.TASK_TERMINATED),
    ):
        talk.add(event)
    assert (talk.started, talk.complete, talk.ok, talk.had_errors) == (True, True, True, True)
    assert (talk.final_name, talk.processed) == ("/d/fl", 2)
    assert talk.recordings == [Recording("/d/a b", 60000.5, 60000.6)]
    assert talk.unread == ["what is this"]
    assert talk.refusal_text is None


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (FileListId.PATH_ACCESS_FAILURE, "may not look at /x"),
        (FileListId.OPEN_ERROR, "cannot be written: /x"),
        (FileListId.BAD_FORMAT, "does not know the format /x"),
    ],
)
def test_why_there_is_no_list(failure, text):
    talk = talked(FileListId.TASK_STARTED, FileListEvent(failure, "/x"), FileListId.TASK_TERMINATED)
    assert talk.ok is False
    assert text in talk.refusal_text
    assert talked(FileListId.TASK_TERMINATED).refusal_text.endswith("no reason")


def test_a_server_that_never_stops_is_refused(monkeypatch):
    monkeypatch.setattr(file_list, "MAX_RESULTS", 2)
    result = FileListEvent(FileListId.FILE_RESULT, "/a 1 2")
    with pytest.raises(ProtocolError, match="more than 2"):
        talked(result, result, result)


@given(st.floats(40000, 80000), st.floats(40000, 80000))
def test_a_line_of_a_list_keeps_its_times(start, stop):
    recording = Recording("/d/a", start, stop)
    read = parse_recording(recording.line)
    assert read is not None
    assert read.file == "/d/a"
    assert abs(read.start_mjd - start) < 1e-8
    assert abs(read.stop_mjd - stop) < 1e-8
