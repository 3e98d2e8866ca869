# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges about recorders (7.8, 7.9, 7.10): the documented bytes, both ways, and what they add up to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.wire import recorders
from difxnb.wire.packet import Packet, PacketReader, UnknownPacket
from difxnb.wire.recorders import (
    CopyConversation,
    CopyId,
    DirectoryConversation,
    DirectoryId,
    Mk5ControlConversation,
    Mk5ControlId,
    RecorderEvent,
    decode_recorder,
    encode_recorder,
    scan_list,
    scan_numbers,
)

# Examples of guiserver.md 7.8, 7.9 and 7.10, byte by byte.
EXAMPLES = [
    (
        "0000012d00000000 0000012f0000000f2f642f55534e2d303031322e646972",
        [
            RecorderEvent(DirectoryId.STARTED),
            RecorderEvent(DirectoryId.FULLPATH, "/d/USN-0012.dir"),
        ],
        DirectoryId,
    ),
    (
        "0000006600000000 0000006c0000000e6d6b35636f6e74726f6c206f6b0a 0000006500000000",
        [
            RecorderEvent(Mk5ControlId.TASK_STARTED),
            RecorderEvent(Mk5ControlId.INFORMATION, "mk5control ok\n"),
            RecorderEvent(Mk5ControlId.TASK_ENDED_GRACEFULLY),
        ],
        Mk5ControlId,
    ),
    (
        "0000012d00000000 0000013800000007636f7079696e67 0000012e00000000",
        [
            RecorderEvent(CopyId.STARTED),
            RecorderEvent(CopyId.INFO, "copying"),
            RecorderEvent(CopyId.COMPLETED),
        ],
        CopyId,
    ),
]


@pytest.mark.parametrize(("text", "events", "ids"), EXAMPLES)
def test_the_documented_bytes(text, events, ids):
    data = bytes.fromhex(text)
    reader = PacketReader()
    reader.receive_data(data)
    assert [decode_recorder(packet, ids) for packet in reader.whole_packets()] == events
    assert b"".join(piece for event in events for piece in encode_recorder(event)) == data


def test_an_empty_text_has_no_third_piece():
    assert len(encode_recorder(RecorderEvent(CopyId.STARTED))) == 2
    assert len(encode_recorder(RecorderEvent(CopyId.INFO, "x"))) == 3


@given(st.integers(-(2**31), 2**31 - 1), st.binary(max_size=40))
@settings(max_examples=100)
def test_any_packet_can_be_read_and_taken_in(packet_id, payload):
    for conversation in (Mk5ControlConversation(), DirectoryConversation(), CopyConversation()):
        event = decode_recorder(Packet(packet_id, payload), conversation.ids)
        assert isinstance(event, RecorderEvent | UnknownPacket)
        shown = conversation.add(event)
        assert shown is None or isinstance(shown, str)


def talked(conversation, *events):
    for event in events:
        event = event if isinstance(event, tuple) else (event, "")
        conversation.add(RecorderEvent(*event))
    return conversation


def test_a_directory_that_was_read():
    """7.8: 301 303 307 309 310* 302."""
    talk = talked(
        DirectoryConversation(),
        DirectoryId.STARTED,
        (DirectoryId.FULLPATH, "/d/USN-0012.dir"),
        (DirectoryId.DATE, "Mar 12 10:20"),
        DirectoryId.FILESTART,
        (DirectoryId.FILEDATA, "USN-0012 0 A"),
        DirectoryId.COMPLETED,
        (DirectoryId.FILEDATA, "after the end"),
    )
    assert (talk.started, talk.complete, talk.ok, talk.generated) == (True, True, True, None)
    assert (talk.path, talk.date, talk.content) == ("/d/USN-0012.dir", "Mar 12 10:20", ["USN-0012 0 A"])
    assert talk.refusal_text is None


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (DirectoryId.NO_ENVIRONMENT_VARIABLE, "MARK5_DIR_PATH"),
        (DirectoryId.FILE_NOT_FOUND, "no directory file"),
        (DirectoryId.FILESTART, "gave no reason"),
    ],
)
def test_a_directory_that_was_not_read(event, text):
    talk = talked(DirectoryConversation(), DirectoryId.STARTED, event, DirectoryId.FAILED)
    assert talk.complete
    assert talk.ok is False
    assert text in talk.refusal_text


def test_errors_while_a_directory_is_made_are_told_from_what_is_only_said_there():
    """7.8: mk5dir says something harmless on its error output every time, so 314 proves nothing."""
    talk = talked(
        DirectoryConversation(),
        DirectoryId.GENERATE_STARTED,
        (DirectoryId.GENERATE_INFO, "Number of scans = 3"),
        (DirectoryId.MPIRUN_ERROR, "FYI: Not setting disk module state"),
        (DirectoryId.MPIRUN_ERROR, ""),
        (DirectoryId.MPIRUN_ERROR, "Error: Directory read unsuccessful"),
        DirectoryId.GENERATE_ERRORS,
    )
    assert talk.generated is False
    assert talk.output.complaints == ["Error: Directory read unsuccessful"]
    assert [line.is_error for line in talk.output.lines] == [False, True, True, True]


def test_a_command_ends_with_either_end():
    for end in (Mk5ControlId.TASK_ENDED_GRACEFULLY, Mk5ControlId.TASK_TERMINATED):
        talk = talked(Mk5ControlConversation(), Mk5ControlId.TASK_STARTED, (Mk5ControlId.ERROR, "no\n"), end)
        assert talk.complete
        assert talk.output.complaints == ["no"]


def test_a_copy_keeps_what_was_printed():
    talk = talked(
        CopyConversation(),
        CopyId.STARTED,
        (CopyId.MPIRUN_ERROR, "Copied scan 1 = A."),
        CopyId.ERRORS,
        CopyId.COMPLETED,
    )
    assert (talk.complete, talk.had_errors) == (True, True)
    assert [line.text for line in talk.output.lines] == ["Copied scan 1 = A."]
    assert talked(CopyConversation(), CopyId.FAILED).complete


def test_lines_without_end_are_counted_and_not_kept(monkeypatch):
    monkeypatch.setattr(recorders, "MAX_LINES", 3)
    copy, directory = CopyConversation(), DirectoryConversation()
    for number in range(5):
        copy.add(RecorderEvent(CopyId.INFO, str(number)))
        directory.add(RecorderEvent(DirectoryId.FILEDATA, str(number)))
    assert (len(copy.output.lines), copy.output.dropped) == (3, 2)
    assert (len(directory.content), directory.dropped) == (3, 2)


@pytest.mark.parametrize(
    ("scans", "text"),
    [([7, 1, 2, 3], "1-3,7"), (5, "5"), ("all", "all"), (range(1, 4), "1-3"), ({2, 4}, "2,4")],
)
def test_numbers_of_scans_become_ranges(scans, text):
    assert scan_list(scans) == text


@given(st.sets(st.integers(1, 999), min_size=1, max_size=30))
def test_a_choice_of_scans_says_what_was_chosen(numbers):
    assert scan_numbers(scan_list(numbers)) == numbers


@pytest.mark.parametrize("scans", [[], [0, 1], -3])
def test_no_such_scans(scans):
    with pytest.raises(ValueError, match="counted from 1"):
        scan_list(scans)


@pytest.mark.parametrize("scans", ["all", "last", "60000.1_60000.2", "EVN24A", "1-", "", "1;2"])
def test_scans_that_are_no_numbers(scans):
    assert scan_numbers(scans) is None
