# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing: packets out of a stream cut anywhere, and lengths that lie."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import PacketTooBig, PacketTruncated, ProtocolError
from difxnb.wire import packet as wire
from difxnb.wire.packet import Packet, PacketReader, StreamPart, encode_packet, packet_chunks

INT32 = st.integers(-(2**31), 2**31 - 1)
PACKETS = st.builds(Packet, INT32, st.binary(max_size=80))

TABLE = [
    (Packet(8, b""), "00000008 00000000"),
    (Packet(1, b"\0\0\0\1"), "00000001 00000004 00000001"),
    (Packet(8, b"DEVELr7531"), "00000008 0000000a 444556454c7237353331"),
    (Packet(-1, b"x"), "ffffffff 00000001 78"),
    (Packet(2**31 - 1, b"\0"), "7fffffff 00000001 00"),
]


def drain(reader: PacketReader) -> list[Packet]:
    return list(iter(reader.next_packet, None))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize(("packet", "text"), TABLE)
def test_table_both_ways(packet: Packet, text: str) -> None:
    data = bytes.fromhex(text)
    assert encode_packet(packet.id, packet.payload) == data
    reader = PacketReader()
    reader.receive_data(data + b"\0\0\0")
    assert drain(reader) == [packet]
    with pytest.raises(PacketTruncated):
        reader.receive_eof()


@pytest.mark.parametrize(("packet", "text"), TABLE)
def test_byte_by_byte_says_not_yet_until_the_last(packet: Packet, text: str) -> None:
    data = bytes.fromhex(text)
    reader = PacketReader()
    for byte in data[:-1]:
        reader.receive_data(bytes([byte]))
        assert reader.next_packet() is None
    reader.receive_data(data[-1:])
    assert reader.next_packet() == packet
    reader.receive_eof()


def test_chunks_are_the_elementary_writes() -> None:
    assert packet_chunks(114, b"text") == [b"\0\0\0r", b"\0\0\0\4", b"text"]
    assert packet_chunks(101) == [b"\0\0\0e", b"\0\0\0\0"]


@pytest.mark.parametrize("packet_id", [2**31, -(2**31) - 1])
def test_an_id_beyond_32_bits_cannot_be_written(packet_id: int) -> None:
    with pytest.raises(ValueError, match="32-bit"):
        encode_packet(packet_id)


def test_eof_on_a_packet_border_is_clean() -> None:
    reader = PacketReader()
    reader.receive_eof()
    reader.receive_data(encode_packet(8))
    assert drain(reader) == [Packet(8, b"")]
    reader.receive_eof()


@pytest.mark.parametrize(("cut", "expected"), [(3, 8), (8, 14), (13, 14)])
def test_truncated_packet_says_how_much_is_missing(cut: int, expected: int) -> None:
    reader = PacketReader()
    reader.receive_data(encode_packet(5, b"sixsix")[:cut])
    assert drain(reader) == []
    with pytest.raises(PacketTruncated) as caught:
        reader.receive_eof()
    assert (caught.value.received, caught.value.expected) == (cut, expected)


@pytest.mark.parametrize("length", [-1, -(2**31)])
def test_negative_length_ends_the_stream_for_good(length: int) -> None:
    reader = PacketReader()
    reader.receive_data(encode_packet(8) + b"\0\0\0\1" + length.to_bytes(4, "big", signed=True))
    assert reader.next_packet() == Packet(8, b"")
    for _ in range(2):
        with pytest.raises(ProtocolError, match="negative"):
            reader.next_packet()
        reader.receive_data(encode_packet(8))


def test_huge_length_is_refused_before_any_memory_is_taken() -> None:
    reader = PacketReader()
    reader.receive_data(b"\0\0\0\3\x7f\xff\xff\xff")
    tracemalloc.start()
    try:
        with pytest.raises(PacketTooBig) as caught:
            reader.next_packet()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (caught.value.packet_id, caught.value.length) == (3, 2**31 - 1)
    assert peak < 100_000


def test_the_limit_itself_is_accepted() -> None:
    reader = PacketReader(max_payload=10)
    reader.receive_data(encode_packet(1, bytes(10)) + encode_packet(2, bytes(11)))
    assert reader.next_packet() == Packet(1, bytes(10))
    with pytest.raises(PacketTooBig, match="packet 2 announces 11 bytes; at most 10"):
        reader.next_packet()


def test_nothing_piles_up_after_a_failure() -> None:
    reader = PacketReader(max_payload=1)
    reader.receive_data(encode_packet(1, b"ab"))
    with pytest.raises(PacketTooBig):
        reader.next_packet()
    for _ in range(1000):
        reader.receive_data(bytes(1000))
    assert len(reader._buffer) == 0
    reader.receive_eof()


def test_a_stream_that_never_pauses_on_a_border_does_not_pile_up() -> None:
    data, reader = encode_packet(4, bytes(992)), PacketReader()
    reader.receive_data(data[:500])
    for _ in range(1000):
        reader.receive_data(data[500:] + data[:500])
        assert reader.next_packet() == Packet(4, bytes(992))
    assert len(reader._buffer) < 200_000


# --- true lengths found in the body -------------------------------------------------------------------


def by_first_byte(packet_id: int, declared: int, body: bytes | memoryview) -> int | None:
    """Id 7: the first byte of the body is its length; other ids are as declared."""
    if packet_id != 7:
        return declared
    return body[0] if len(body) else None


def test_the_body_decides_where_the_declared_length_is_wrong() -> None:
    data = b"\0\0\0\7\0\0\0\2" + b"\4abc" + encode_packet(9, b"zz")
    for step in (1, 3, len(data)):
        reader = PacketReader(body_length=by_first_byte)
        seen = []
        for start in range(0, len(data), step):
            reader.receive_data(data[start : start + step])
            seen += drain(reader)
        assert seen == [Packet(7, b"\4abc"), Packet(9, b"zz")]
        reader.receive_eof()


def test_a_body_that_never_tells_its_length_meets_the_limit() -> None:
    reader = PacketReader(max_payload=100, body_length=lambda i, n, body: None)
    reader.receive_data(b"\0\0\0\7\0\0\0\0" + bytes(100))
    assert reader.next_packet() is None
    reader.receive_data(b"\0")
    with pytest.raises(PacketTooBig):
        reader.next_packet()


@pytest.mark.parametrize(("found", "error"), [(-4, ProtocolError), (101, PacketTooBig)])
def test_a_body_with_an_absurd_length_is_refused(found: int, error: type[Exception]) -> None:
    reader = PacketReader(max_payload=100, body_length=lambda i, n, body: found)
    reader.receive_data(b"\0\0\0\7\0\0\0\4")
    with pytest.raises(error):
        reader.next_packet()


# --- properties ---------------------------------------------------------------------------------------


@given(st.lists(PACKETS, max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cuts_give_the_same_packets(packets: list[Packet], cuts: list[int]) -> None:
    reader = PacketReader()
    seen: list[Packet] = []
    for piece in pieces(b"".join(encode_packet(p.id, p.payload) for p in packets), cuts):
        reader.receive_data(piece)
        seen += drain(reader)
    assert seen == packets
    reader.receive_eof()


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=6))
def test_any_bytes_give_packets_or_the_documented_error(data: bytes, cuts: list[int]) -> None:
    def read(parts: list[bytes]) -> tuple[list[Packet], str]:
        reader, seen = PacketReader(max_payload=50), []
        try:
            for part in parts:
                reader.receive_data(part)
                while (found := reader.next_packet()) is not None:
                    seen.append(found)
            reader.receive_eof()
        except ProtocolError as error:
            return seen, str(error)
        return seen, ""

    assert read([data]) == read(pieces(data, cuts))


@settings(max_examples=15)
@given(st.binary(max_size=60))
def test_short_and_small_packets_are_never_lost_among_many(payload: bytes) -> None:
    many = 3000  # more than the reader keeps before it moves its buffer
    reader = PacketReader()
    reader.receive_data(encode_packet(4, payload) * many)
    assert drain(reader) == [Packet(4, payload)] * many


# --- values in payloads -------------------------------------------------------------------------------


@given(INT32)
def test_integers_round_trip(value: int) -> None:
    assert wire.decode_int(wire.encode_int(value), "x") == value


@pytest.mark.parametrize("data", [b"", b"abc", b"abcde"])
def test_an_integer_of_another_size_is_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="RELAY_PACKET should carry one 4-byte integer"):
        wire.decode_int(data, "RELAY_PACKET")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_texts_round_trip(text: str) -> None:
    assert wire.decode_text(wire.encode_text(text)) == text


@given(st.binary())
def test_any_bytes_are_a_text(data: bytes) -> None:
    assert "\0" not in wire.decode_text(data)


def test_a_text_ends_at_its_nul_and_bad_bytes_are_replaced() -> None:
    assert wire.decode_text(b"abc\0def") == "abc"
    assert wire.decode_text(b"a\xffb") == "a\ufffdb"


def test_undecodable_names_go_out_as_they_were() -> None:
    assert wire.encode_text("a\udcffb") == b"a\xffb"


# -- all at once ------------------------------------------------------------------------------------------


def test_whole_packets_come_at_once_and_the_rest_later() -> None:
    expected = [Packet(i, bytes(i)) for i in range(5)]
    data = b"".join(encode_packet(packet.id, packet.payload) for packet in expected)
    reader = PacketReader()
    reader.receive_data(data[:-1])
    assert reader.next_packet() == expected[0]
    assert reader.whole_packets() == expected[1:4]
    assert reader.whole_packets() == []
    reader.receive_data(data[-1:])
    assert reader.whole_packets() == expected[4:]
    reader.receive_eof()


def test_packets_before_the_damage_are_not_lost() -> None:
    good, bad = encode_packet(7, b"good"), struct.pack(">ii", 8, -5)
    for take in (PacketReader.whole_packets, lambda reader: [reader.next_packet()]):
        reader = PacketReader()
        reader.receive_data(good + bad)
        assert take(reader) == [Packet(7, b"good")]
        for _ in range(2):
            with pytest.raises(ProtocolError, match="negative"):
                take(reader)


# --- streams in packets -------------------------------------------------------------------------------

STREAMED = 22
STREAM_PACKETS = st.lists(
    st.one_of(
        st.tuples(st.just(STREAMED), st.sampled_from([b"\0\0\0\1", b"\0\0\0\2"]), st.binary(max_size=12)),
        st.tuples(st.just(STREAMED), st.just(b"\0\0\0\1"), st.sampled_from([b"x" * 1024, b"y" * 1024, b"z" * 300])),
        st.tuples(st.just(STREAMED), st.just(b"\0\0\0\2"), st.just(b"u" * 6000)),
        st.tuples(st.sampled_from([1, 4]), st.just(b""), st.binary(max_size=12)),
        st.tuples(st.just(STREAMED), st.sampled_from([b"", b"abc"]), st.just(b"")),
    ),
    max_size=60,
)  # fmt: skip


def streams_of(packets: list[Packet]) -> list[tuple[int, bytes, bytes]]:
    """Packets with those of one stream that follow each other joined, one by one."""
    joined: list[tuple[int, bytes, bytes]] = []
    for packet in packets:
        head, rest = packet.payload[:4], packet.payload[4:]
        if isinstance(packet, StreamPart):
            head, rest = packet.number.to_bytes(4, "big"), packet.payload
        last = joined[-1] if joined else (0, b"", b"")
        if packet.id == STREAMED and len(head) == 4 and last[:2] == (STREAMED, head):
            joined[-1] = (*last[:2], last[2] + rest)
        else:
            joined.append((packet.id, head, rest))
    return joined


@given(STREAM_PACKETS, st.integers(1, 5000))
def test_packets_of_a_stream_come_joined_and_in_order(
    packets: list[tuple[int, bytes, bytes]], step: int
) -> None:
    data = b"".join(encode_packet(packet_id, head + rest) for packet_id, head, rest in packets)
    plain, joining = PacketReader(), PacketReader(joined_id=STREAMED)
    plain.receive_data(data)
    found = []
    for start in range(0, len(data), step):
        joining.receive_data(data[start : start + step])
        found += joining.whole_packets()
    joining.receive_eof()
    expected = streams_of(plain.whole_packets())
    assert streams_of(found) == expected
    if step >= len(data):
        assert len(found) == len(expected)


@pytest.mark.parametrize("length", [-1, 2**31 - 1])
def test_a_lying_length_after_joined_packets(length: int) -> None:
    reader = PacketReader(joined_id=STREAMED, max_payload=5000)
    good = encode_packet(STREAMED, b"\0\0\0\1" + b"x" * 1024)
    reader.receive_data(
        good * 3 + STREAMED.to_bytes(4, "big") + length.to_bytes(4, "big", signed=True) + b"\0\0\0\1"
    )
    assert reader.next_packet() == StreamPart(STREAMED, b"x" * 3072, 1)
    with pytest.raises(ProtocolError):
        reader.next_packet()


def test_a_long_packet_of_a_stream_is_given_while_it_arrives() -> None:
    data = encode_packet(STREAMED, b"\0\0\0\1" + b"x" * 100_000) + encode_packet(4, b"text")
    reader = PacketReader(joined_id=STREAMED)
    reader.receive_data(data[:50_000])
    first = reader.next_packet()
    assert first == StreamPart(STREAMED, b"x" * (50_000 - 12), 1)
    assert reader.next_packet() is None
    with pytest.raises(PacketTruncated, match="50012"):
        reader.receive_eof()
    reader.receive_data(data[50_000:60_000])
    reader.receive_data(data[60_000:])
    rest = reader.whole_packets()
    assert b"".join(part.payload for part in rest[:-1]) == b"x" * (100_000 - 50_000 + 12)
    assert rest[-1] == Packet(4, b"text")
    reader.receive_eof()


@pytest.mark.parametrize("length", [5001, -1])
def test_a_lying_length_in_the_middle_of_a_stream(length: int) -> None:
    reader = PacketReader(joined_id=STREAMED, max_payload=5000)
    good = encode_packet(STREAMED, b"\0\0\0\1" + b"x" * 4990)
    lie = STREAMED.to_bytes(4, "big") + length.to_bytes(4, "big", signed=True) + b"\0\0\0\1" + b"y" * 4500
    reader.receive_data(good + lie)
    assert reader.next_packet() == StreamPart(STREAMED, b"x" * 4990, 1)
    with pytest.raises(ProtocolError):
        reader.next_packet()
