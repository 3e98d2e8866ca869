# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets: bytes, cut anywhere, become ``Packet`` values, and back.

Every packet of guiServer is an id and a length, both signed 32-bit big-endian, and that many bytes. There
is no magic number and no checksum, so a wrong length cannot be repaired: the stream is over then. The
values that payloads are made of (integers, texts) are here too, because all exchanges share them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from difxnb.errors import PacketTooBig, PacketTruncated, ProtocolError

HEADER = struct.Struct(">ii")
_INT32 = struct.Struct(">i")

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
    """

    def __init__(self, *, max_payload: int = MAX_PAYLOAD, body_length: BodyLength | None = None) -> None:
        self._max_payload = max_payload
        self._body_length = body_length
        self._buffer = bytearray()
        self._start = 0  # what lies before it has been handed out
        self._length: int | None = None  # true payload length of the packet at _start, once known
        self._failure: ProtocolError | None = None

    def receive_data(self, data: bytes) -> None:
        """Append bytes from the peer. Parses nothing; after a failure the bytes are dropped."""
        if self._failure is None:
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
        if self._failure is not None:
            raise self._failure
        try:
            return self._take()
        except ProtocolError as error:
            self._failure = error
            self._buffer.clear()
            raise

    def receive_eof(self) -> None:
        """Note the end of the stream; call it after `next_packet` returned None.

        Raises
        ------
        PacketTruncated
            Bytes of an unfinished packet are left over.
        """
        left = len(self._buffer) - self._start
        if self._failure is None and left:
            expected = HEADER.size + (self._declared()[1] if left >= HEADER.size else 0)
            raise PacketTruncated("stream of packets", left, max(expected, left + 1))

    def _take(self) -> Packet | None:
        if len(self._buffer) - self._start < HEADER.size:
            return None
        packet_id, declared = self._declared()
        if self._length is None:
            self._length = self._true_length(packet_id, declared)
        body = self._start + HEADER.size
        if self._length is None or len(self._buffer) - body < self._length:
            return None
        packet = Packet(packet_id, bytes(self._buffer[body : body + self._length]))
        self._advance(body + self._length)
        return packet

    def _declared(self) -> tuple[int, int]:
        packet_id, declared = HEADER.unpack_from(self._buffer, self._start)
        return packet_id, declared

    def _true_length(self, packet_id: int, declared: int) -> int | None:
        if declared < 0:
            raise ProtocolError(f"packet {packet_id} announces a negative length, {declared}")
        length = declared
        if self._body_length is not None:
            found = self._ask(self._body_length, packet_id, declared)
            if found is None:
                return None
            length = found
        if length > self._max_payload:
            raise PacketTooBig(packet_id, length, self._max_payload)
        return length

    def _ask(self, body_length: BodyLength, packet_id: int, declared: int) -> int | None:
        # A view, not a copy: a long packet that trickles in would be copied over and over.
        with memoryview(self._buffer) as buffer, buffer[self._start + HEADER.size :] as body:
            length = body_length(packet_id, declared, body)
            seen = len(body)
        if length is None and seen > self._max_payload:
            raise PacketTooBig(packet_id, seen, self._max_payload)
        if length is not None and length < 0:
            raise ProtocolError(f"packet {packet_id} has a negative length, {length}, by its content")
        return length

    def _advance(self, position: int) -> None:
        self._length = None
        self._start = position
        # Moving the rest to the front for every packet would be quadratic in a burst of small ones.
        if position == len(self._buffer) or position > 2**16:
            del self._buffer[:position]
            self._start = 0
