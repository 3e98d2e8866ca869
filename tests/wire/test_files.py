# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of lines and transfers, cut and lying."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import PacketTooBig, PacketTruncated, ProtocolError
from difxnb.wire import files

# --- lists of lines -----------------------------------------------------------------------------------


def drained(reader: files.LineListReader) -> list[bytes]:
    return list(iter(reader.next_line, None))


LS = bytes.fromhex("00000014 2f646174612f6578702f655f312e696e7075740a 00000000")


def test_line_list_as_documented() -> None:
    assert files.encode_line(b"/data/exp/e_1.input\n") + files.END_OF_LINES == LS
    reader = files.LineListReader()
    for byte in LS[:-1]:
        assert not reader.complete
        reader.receive_data(bytes([byte]))
        for line in drained(reader):
            assert line == b"/data/exp/e_1.input\n"
    reader.receive_data(LS[-1:] + b"later")
    assert drained(reader) == []
    assert reader.complete
    reader.receive_data(b"later still")
    assert drained(reader) == []
    reader.receive_eof()


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=20), st.integers(1, 100))
def test_lines_round_trip_with_any_cuts(lines: list[bytes], step: int) -> None:
    data = b"".join(map(files.encode_line, lines)) + files.END_OF_LINES
    reader, seen = files.LineListReader(), []
    for start in range(0, len(data), step):
        reader.receive_data(data[start : start + step])
        seen += drained(reader)
    assert seen == lines
    assert reader.complete


@given(st.binary(max_size=100), st.integers(1, 20))
def test_any_bytes_give_lines_or_the_documented_error(data: bytes, step: int) -> None:
    def read(step: int) -> tuple[list[bytes], str]:
        reader, seen = files.LineListReader(max_line=30), []
        try:
            for start in range(0, len(data), step):
                reader.receive_data(data[start : start + step])
                while (line := reader.next_line()) is not None:
                    seen.append(line)
            reader.receive_eof()
        except ProtocolError as error:
            return seen, str(error)
        return seen, ""

    assert read(max(len(data), 1)) == read(step)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff\xff\xff\xff", ProtocolError),
        (b"\x80\0\0\0", ProtocolError),
        (b"\x7f\xff\xff\xff", PacketTooBig),
        (b"\0\1\0\1", PacketTooBig),
    ],
)
def test_lying_lengths_of_lines(data: bytes, error: type[Exception]) -> None:
    reader = files.LineListReader()
    reader.receive_data(files.encode_line(b"good") + data)
    assert reader.next_line() == b"good"
    for _ in range(2):
        with pytest.raises(error):
            reader.next_line()


@pytest.mark.parametrize("cut", [0, 2, 4, 10, len(LS) - 1])
def test_a_list_without_its_end_is_truncated(cut: int) -> None:
    reader = files.LineListReader()
    reader.receive_data(LS[:cut])
    drained(reader)
    with pytest.raises(PacketTruncated):
        reader.receive_eof()


def test_an_empty_line_would_be_the_end() -> None:
    with pytest.raises(ValueError, match="empty line"):
        files.encode_line(b"")


def test_a_list_that_never_pauses_on_a_border_does_not_pile_up() -> None:
    data, reader = files.encode_line(bytes(1000)), files.LineListReader()
    reader.receive_data(data[:500])
    for _ in range(1000):
        reader.receive_data(data[500:] + data[:500])
        assert reader.next_line() == bytes(1000)
    assert len(reader._buffer) < 200_000


def test_many_lines_at_once() -> None:
    reader = files.LineListReader()
    reader.receive_data(files.encode_line(b"x" * 40) * 5000 + files.END_OF_LINES)
    assert len(drained(reader)) == 5000
    assert reader.complete


# --- transfers ----------------------------------------------------------------------------------------

READERS = [files.DownloadReader, files.UploadReader]
Reader = files.DownloadReader | files.UploadReader


@pytest.mark.parametrize("kind", READERS)
@given(content=st.binary(max_size=200), surplus=st.binary(max_size=5), step=st.integers(1, 250))
def test_transfers_with_any_cuts(kind: type[Reader], content: bytes, surplus: bytes, step: int) -> None:
    data = files.encode_size(len(content)) + content + surplus
    reader, taken = kind(), b""
    for start in range(0, len(data), step):
        reader.receive_data(data[start : start + step])
        taken += reader.take()
    assert (reader.size, reader.received, reader.surplus) == (len(content), len(content), len(surplus))
    assert reader.complete
    assert taken == content
    reader.receive_eof()


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("size", [*files.TransferResult, -(2**31)])
def test_negative_sizes_end_a_transfer_at_once(kind: type[Reader], size: int) -> None:
    reader = kind()
    data = files.encode_size(size)
    reader.receive_data(data[:3])
    assert not reader.complete
    reader.receive_data(data[3:] + b"ignored")
    assert reader.complete
    assert reader.size == size
    assert (reader.received, reader.take()) == (0, b"")
    reader.receive_eof()


@pytest.mark.parametrize(
    ("data", "received", "expected"),
    [(b"", 0, 4), (b"\0\0", 2, 4), (b"\0\0\0\5", 0, 5), (b"\0\0\0\5abcd", 4, 5)],
)
def test_a_short_transfer_is_truncated(data: bytes, received: int, expected: int) -> None:
    reader = files.DownloadReader()
    reader.receive_data(data)
    assert not reader.complete
    with pytest.raises(PacketTruncated, match=re.escape(f"after {received} of {expected} bytes")):
        reader.receive_eof()


def test_no_memory_is_set_aside_for_an_announced_size() -> None:
    reader = files.DownloadReader()
    tracemalloc.start()
    try:
        reader.receive_data(files.encode_size(2**31 - 1))
        for _ in range(100):
            reader.receive_data(bytes(1000))
            reader.take()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (reader.received, reader.complete) == (100_000, False)
    assert peak < 50_000


def test_sizes_beyond_32_bits_cannot_be_announced() -> None:
    with pytest.raises(ValueError, match="32-bit"):
        files.encode_size(2**31)


@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 2**18, 2**18 + 1, 3 * 2**18 + 500])
def test_upload_pieces_are_multiples_of_1024_bytes(size: int) -> None:
    """H18: the last one apart, any other length kills a real server."""
    pieces = list(files.upload_pieces(bytes(size)))
    assert b"".join(pieces) == bytes(size)
    assert all(len(piece) % 1024 == 0 for piece in pieces[:-1])
