# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets: bytes, cut anywhere, become ``Packet`` values, and back.

Every packet of guiServer is an id and a length, both signed 32-bit big-endian, and that many bytes. There
is no magic number and no checksum, so a wrong length cannot be repaired: the stream is over then. The
values that payloads are made of (integers, texts) are here too, because all exchanges share them.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from difxnb.errors import PacketTooBig, PacketTruncated, ProtocolError

HEADER = struct.Struct(">ii")
_INT32 = struct.Struct(">i")
_STREAM_HEADER = struct.Struct(">iii")
# Pieces of files are this long and longer; for lines of text looking ahead would cost more than it saves.
_BULK = 256
# What has come of a packet is given before the rest comes when it is this long.
_LONG = 2**12

# guiServer's own largest payloads are file lists and lag spectra, some MB at most; 64 MiB leaves room and
# still keeps a lying length from filling the memory.
MAX_PAYLOAD = 64 * 2**20

# (packet id, declared length, body so far) -> true length of the body, None while that cannot be told
BodyLength = Callable[[int, int, bytes | memoryview], int | None]


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it stood on the wire."""

    id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class StreamPart(Packet):
    """Packets that followed each other and belong to one stream, or a part of one that is long.

    The payload is what they carried of the stream.
    """

    number: int


@dataclass(frozen=True, slots=True)
class UnknownPacket:
    """A packet whose id means nothing here; both sides have to pass over it."""

    id: int
    payload: bytes


def encode_int(value: int) -> bytes:
    """Write a signed 32-bit big-endian integer; ValueError where it does not fit."""
    try:
        return _INT32.pack(value)
    except struct.error as error:
        raise ValueError(f"{value!r} is no signed 32-bit integer") from error


def decode_int(data: bytes, what: str) -> int:
    """Read a payload that is one integer; ProtocolError names `what` when it is not 4 bytes long."""
    if len(data) != _INT32.size:
        raise ProtocolError(f"{what} should carry one 4-byte integer, and carries {len(data)} bytes")
    (value,) = _INT32.unpack(data)
    return int(value)


def encode_text(text: str) -> bytes:
    """Write a text as UTF-8; bytes that stood in a file name undecoded go out as they were."""
    return text.encode("utf-8", "surrogateescape")


def decode_text(payload: bytes) -> str:
    """Read a text: UTF-8 with replacement, ended by a NUL where there is one, as C strings are."""
    return payload.partition(b"\0")[0].decode("utf-8", "replace")


def encode_packet(packet_id: int, payload: bytes = b"") -> bytes:
    """Write one whole packet."""
    return b"".join(packet_chunks(packet_id, payload))


def packet_chunks(packet_id: int, payload: bytes = b"") -> list[bytes]:
    """Write one packet as guiServer's elementary writes: id, length, and the payload unless it is empty.

    In channel mode each piece travels in a CHANNEL_DATA packet of its own: the original clients need it so
    from the server, and the original server needs it so from clients.
    """
    pieces = [encode_int(packet_id), encode_int(len(payload))]
    return [*pieces, payload] if payload else pieces


class PacketReader:
    """Cut a stream of bytes into packets.

    Parameters
    ----------
    max_payload : int
        Longest payload accepted, bytes.
    body_length : callable, optional
        Gives the true length of a payload where the declared one is not to be trusted (monitor data). It
        is asked again with more bytes for as long as it returns None, up to `max_payload`.
    joined_id : int, optional
        Packets of this id carry streams, whose numbers are the first four bytes of their payloads. Those that
        follow each other and belong to one stream are given as one StreamPart, because a file comes in a thousand
        packets for each megabyte; and long ones are given while they still arrive.
    """

    def __init__(
        self,
        *,
        max_payload: int = MAX_PAYLOAD,
        body_length: BodyLength | None = None,
        joined_id: int | None = None,
    ) -> None:
        self._max_payload = max_payload
        self._body_length = body_length
        self._joined_id = joined_id
        self._buffer = bytearray()  # begins with a header
        self._stream, self._left = (
            0,
            0,
        )  # the stream whose packet has been given in part, and bytes still to come
        self._length: int | None = None  # true payload length of the packet in front, once known
        self._whole: deque[Packet] = deque()
        self._failure: ProtocolError | None = None

    def receive_data(self, data: bytes) -> None:
        """Append bytes from the peer. Parses nothing; after a failure the bytes are dropped."""
        if self._failure is None:
            if self._left:
                data = self._go_on(data)
            self._buffer += data

    def next_packet(self) -> Packet | None:
        """Take the next whole packet out of the bytes received so far; None means "not yet".

        Raises
        ------
        PacketTooBig
            A payload is longer than `max_payload`.
        ProtocolError
            A length is negative. After either error the stream is lost: every further call raises it again.
        """
        if not self._whole:
            self._cut()
        return self._whole.popleft() if self._whole else None

    def whole_packets(self) -> list[Packet]:
        """Take all whole packets at once; an empty list means "not yet".

        Raises
        ------
        PacketTooBig, ProtocolError
            As `next_packet`, and like there only after all that stood before the damage was given.
        """
        self._cut()
        found = list(self._whole)
        self._whole.clear()
        return found

    def receive_eof(self) -> None:
        """Note the end of the stream; call it after `next_packet` returned None.

        Raises
        ------
        PacketTruncated
            Bytes of an unfinished packet are left over.
        """
        left = len(self._buffer)
        if self._left:
            raise PacketTruncated(f"packet {self._joined_id}", 0, self._left)
        if self._failure is None and left:
            expected = HEADER.size + (HEADER.unpack_from(self._buffer)[1] if left >= HEADER.size else 0)
            raise PacketTruncated("stream of packets", left, max(expected, left + 1))

    def _go_on(self, data: bytes) -> bytes:
        """Take what belongs to the packet that was given in part, and give what is left."""
        assert self._joined_id is not None
        part, rest = data[: self._left], data[self._left :]
        self._whole.append(StreamPart(self._joined_id, part, self._stream))
        self._left -= len(part)
        return rest

    def _cut(self) -> None:
        """Move every whole packet out of the buffer; errors are raised once nothing stands before them."""
        if self._failure is None:
            try:
                with memoryview(self._buffer) as view:
                    done = self._cut_view(view)
                del self._buffer[:done]
            except ProtocolError as error:
                self._failure = error
                self._buffer.clear()
        if self._failure is not None and not self._whole:
            raise self._failure

    def _cut_view(self, view: memoryview) -> int:
        """Cut packets off; gives the number of bytes that they took."""
        # A monitor in a channel brings each number in a packet of its own, so this loop has few steps.
        start, end = 0, len(view)
        while (received := end - start - HEADER.size) >= 0:
            packet_id, length = HEADER.unpack_from(view, start)
            if packet_id == self._joined_id and received >= 4 and 4 <= length <= self._max_payload:
                if received < min(length, _LONG):
                    break
                part, start = _join_stream(view, start, self._max_payload)
                self._stream, self._left = part.number, max(0, start - end)
                self._whole.append(part)
                continue
            body = start + HEADER.size
            if self._body_length is not None or not 0 <= length <= self._max_payload:
                if self._length is None:
                    with view[body:] as so_far:
                        self._length = self._true_length(packet_id, length, so_far)
                length = self._length
            if length is None or received < length:
                break
            self._length = None
            start = body + length
            self._whole.append(Packet(packet_id, bytes(view[body:start])))
        return start

    def _true_length(self, packet_id: int, declared: int, so_far: memoryview) -> int | None:
        if declared < 0:
            raise ProtocolError(f"packet {packet_id} announces a negative length, {declared}")
        length: int | None = declared
        if self._body_length is not None:
            length = self._body_length(packet_id, declared, so_far)
        reached = len(so_far) if length is None else length
        if reached < 0:
            raise ProtocolError(f"packet {packet_id} has a negative length, {length}, by its content")
        if reached > self._max_payload:
            raise PacketTooBig(packet_id, reached, self._max_payload)
        return length


def _join_stream(view: memoryview, start: int, max_payload: int) -> tuple[StreamPart, int]:
    """Join what follows of a stream; gives what there is, and where it ends, which may be beyond what has come."""
    end = len(view)
    packet_id, length, number = _STREAM_HEADER.unpack_from(view, start)
    this_id, this_number = packet_id, number
    pieces: list[memoryview] = []
    while (this_id, this_number) == (packet_id, number) and 4 <= length <= max_payload:
        begin, after = start, start + 8 + length
        if after > end and pieces and end - start < _LONG:
            break
        pieces.append(view[start + 12 : after])
        start = after
        if length >= _BULK and after < end:
            start = _join_equal(view, begin, after, length, pieces)
        if end - start < _STREAM_HEADER.size:
            break
        this_id, length, this_number = _STREAM_HEADER.unpack_from(view, start)
    return StreamPart(packet_id, b"".join(pieces), number), start


def _join_equal(view: memoryview, begin: int, start: int, length: int, pieces: list[memoryview]) -> int:
    """Take the packets from `start` on whose headers are all that at `begin`, if any; gives where they end."""
    size, head = 8 + length, bytes(view[begin : begin + _STREAM_HEADER.size])
    count = (len(view) - start) // size
    while count and not _is_repeated(view[start : start + count * size], size, head):
        count //= 2  # another packet is among them, as a rule a shorter one at the end of a file
    skip, end = len(head), start + count * size
    pieces += [view[at + skip : at + size] for at in range(start, end, size)]
    return end


def _is_repeated(view: memoryview, size: int, head: bytes) -> bool:
    """Whether every `size` bytes begin with `head`; byte by byte, but each for all packets at once."""
    count = len(view) // size
    return all(view[at::size].tobytes() == head[at : at + 1] * count for at in range(len(head)))
