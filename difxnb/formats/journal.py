# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals: files to which a session is written record by record, and which can be read whatever became of them.

In: kinds, times and payloads of records. Out: the same, in their order, and which bytes were lost. What the payloads
mean is in :mod:`difxnb.formats.journal_content`.

A journal begins with sixteen bytes: a signature that shows damage by text conversions, a zero, the version (2 bytes)
and a salt (4 bytes). Each record has a mark (2 bytes), its kind, flags, the length of its payload (4 bytes), its time
(unix seconds, 8 bytes), a CRC-32 of all that and of the payload, which begins with the salt, and then the payload.
All numbers are big-endian. The salt is drawn anew for each journal, so that nothing that was recorded can look like
a record.

Where a record is damaged, the reader looks for the next one that is whole: everything else is kept, and the loss is
told in bytes.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

from difxnb.errors import FileFormatError

SIGNATURE = b"\x89DXNB\r\n\x1a\n"
VERSION = 1
MAX_PAYLOAD = 64 * 2**20
"""Bytes of the longest payload, packed or not."""

_HEADER = struct.Struct(">9sBHI")
_HEAD = struct.Struct(">HBBId")
_CRC = struct.Struct(">I")
HEADER_BYTES, RECORD_BYTES = _HEADER.size, _HEAD.size + _CRC.size
_MARK = 0xD1FA
_MARK_BYTES = _MARK.to_bytes(2, "big")
_PACKED = 1
_LATEST = 9e9  # unix seconds that nanoseconds in 64 bits can hold
_BLOCK = 2**20
# Bytes looked at in vain, as multiples of the size of the file, before the rest of a damaged file is given up.
_EFFORT = 4
_MOST_DAMAGE = 1000


class Kind(IntEnum):
    """What a record holds; the numbers are never used for anything else."""

    SESSION = 1
    SERVER = 2
    DATAGRAM = 3
    NOTICE = 4
    GAP = 5
    SELECTION = 6
    CONNECTION = 7
    DROPPED = 8
    FILE = 9
    MONITOR = 10
    OFFER = 11
    CHOICE = 12
    BLOCK = 13
    RUN = 14
    END = 15


class Record(NamedTuple):
    """One record.

    Attributes
    ----------
    kind : int
        One of `Kind`, or one of a later version.
    time : float
        When it happened, unix seconds.
    payload : bytes
    offset : int
        Where it begins in its file.
    """

    kind: int
    time: float
    payload: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a recording that could not be used, `begin` to `end`, and why."""

    begin: int
    end: int
    problem: str

    def __str__(self) -> str:
        return f"bytes {self.begin} to {self.end}: {self.problem}"


def encode_header(salt: int) -> bytes:
    """Write the beginning of a journal; `salt` is 32 bits drawn at random."""
    return _HEADER.pack(SIGNATURE, 0, VERSION, salt)


def encode_record(kind: int, time: float, payload: bytes, salt: int, *, pack: bool = False) -> bytes:
    """Write one record, its payload packed by zlib where that makes it shorter and `pack` asks for it.

    Raises
    ------
    ValueError
        The payload is longer than `MAX_PAYLOAD`.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a record of {len(payload)} bytes; at most {MAX_PAYLOAD} are kept")
    flags = 0
    if pack and len(packed := zlib.compress(payload, 1)) < len(payload):
        payload, flags = packed, _PACKED
    head = _HEAD.pack(_MARK, kind, flags, len(payload), time)
    return b"".join((head, _CRC.pack(zlib.crc32(payload, zlib.crc32(head, salt))), payload))


def is_journal(beginning: bytes) -> bool:
    """Whether a file that begins so is a journal."""
    return beginning.startswith(SIGNATURE)


@dataclass(slots=True)
class Journal:
    """The records of a journal, found but not read; make it with `read_journal`.

    Attributes
    ----------
    path : Path
    size : int
        Bytes that were looked at; what is appended later is not seen.
    kinds, times, offsets : array
        Of all records, in their order.
    damage : list of Damage
        What was lost.
    """

    path: Path
    size: int
    kinds: array[int] = field(default_factory=lambda: array("B"))
    times: array[float] = field(default_factory=lambda: array("d"))
    offsets: array[int] = field(default_factory=lambda: array("q"))
    damage: list[Damage] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kinds)

    def records(self, kinds: Container[int] | None = None, *, begin: int = 0) -> Iterator[Record]:
        """Read the records of some kinds, or all, from number `begin` on.

        Raises
        ------
        FileFormatError
            The file has changed meanwhile.
        """
        with open(self.path, "rb") as file:
            for place in range(begin, len(self.kinds)):
                kind = self.kinds[place]
                if kinds is None or kind in kinds:
                    offset = self.offsets[place]
                    yield Record(kind, self.times[place], self._payload(file, offset), offset)

    def _payload(self, file: BinaryIO, offset: int) -> bytes:
        file.seek(offset)
        head = file.read(RECORD_BYTES)
        length = _HEAD.unpack_from(head)[3] if len(head) == RECORD_BYTES else -1
        payload = file.read(length) if 0 <= length <= MAX_PAYLOAD else b""
        if len(payload) != length or head[:2] != _MARK_BYTES:
            raise FileFormatError(self.path, f"byte {offset}", "the file changed while it was read")
        return unpacked(payload) if head[3] & _PACKED else payload


def unpacked(payload: bytes) -> bytes:
    """Unpack a payload; ValueError where it is no packed one, or longer than any that was written."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(payload, MAX_PAYLOAD)
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    if not inflater.eof:
        raise ValueError(f"it is cut, or longer than {MAX_PAYLOAD} bytes")
    return found


def read_journal(path: str | Path) -> Journal:
    """Find the records of a journal; each is checked.

    Raises
    ------
    FileFormatError
        It is none, or of a later version, or was cut in its first sixteen bytes.
    """
    path = Path(path)
    with open(path, "rb") as file:
        salt = _salt(path, file.read(HEADER_BYTES))
        file.seek(0, 2)
        journal = Journal(path, file.tell())
        _Scan(file, journal, salt).run()
    return journal


def _salt(path: Path, header: bytes) -> int:
    if not is_journal(header):
        problem = "no recording of this package begins like this" if header else "the file is empty"
        raise FileFormatError(path, "byte 0", f"{problem}. Recordings are made with record(path)")
    if len(header) < HEADER_BYTES:
        raise FileFormatError(path, f"byte {len(header)}", "it was cut in its first bytes; nothing is in it")
    _, _, version, salt = _HEADER.unpack(header)
    if version != VERSION:
        raise FileFormatError(
            path, "byte 10", f"a journal of version {version}; this package reads {VERSION}. Update it"
        )
    return int(salt)


class _Scan:
    """One pass through a journal."""

    def __init__(self, file: BinaryIO, journal: Journal, salt: int) -> None:
        self._file, self._journal, self._salt = file, journal, salt
        self._window, self._base = b"", 0
        self._effort = 0

    def run(self) -> None:
        at, size = HEADER_BYTES, self._journal.size
        while at < size:
            end, problem = self._record_at(at)
            if not problem:
                at = end
                continue
            following = self._next_whole(at)
            self._journal.damage.append(Damage(at, following, problem))
            at = following

    def _bytes(self, at: int, count: int) -> memoryview:
        """Bytes of the file from `at` on, fewer at its end."""
        start = at - self._base
        if start < 0 or start + count > len(self._window):
            self._file.seek(at)
            self._window, self._base, start = self._file.read(max(count, _BLOCK)), at, 0
        return memoryview(self._window)[start : start + count]

    def _record_at(self, at: int) -> tuple[int, str]:
        """Take in the record at an offset: where it ends, or what is wrong with it."""
        head = self._bytes(at, RECORD_BYTES)
        if len(head) < RECORD_BYTES:
            return at, "cut in the head of a record"
        mark, kind, flags, length, time = _HEAD.unpack_from(head)
        if mark != _MARK or length > MAX_PAYLOAD:
            return at, "no record begins here"
        (crc,) = _CRC.unpack_from(head, _HEAD.size)
        salted = zlib.crc32(head[: _HEAD.size], self._salt)
        end = at + RECORD_BYTES + length
        if end > self._journal.size:
            return at, f"cut: a record of {length} bytes announced, {self._journal.size - at} there"
        payload = self._bytes(at + RECORD_BYTES, length)
        if zlib.crc32(payload, salted) != crc:
            self._effort += length
            return at, "a record that is damaged"
        if not -_LATEST < time < _LATEST:
            return at, f"a record of the time {time}"
        if flags & ~_PACKED:
            return at, f"a record with flags {flags} of a later version"
        journal = self._journal
        journal.kinds.append(kind)
        journal.times.append(time)
        journal.offsets.append(at)
        return end, ""

    def _next_whole(self, at: int) -> int:
        """Where the next whole record begins; the end of the file where there is none."""
        size, journal = self._journal.size, self._journal
        at += 1
        if len(journal.damage) >= _MOST_DAMAGE:
            return size
        while at < size and self._effort <= _EFFORT * size + _BLOCK:
            self._bytes(at, len(_MARK_BYTES))
            place = self._window.find(_MARK_BYTES, at - self._base)
            if place < 0:  # the first half of a mark may be the last byte of the window
                at = max(at + 1, self._base + len(self._window) - 1)
                continue
            at = self._base + place
            if not self._record_at(at)[1]:
                journal.kinds.pop(), journal.times.pop(), journal.offsets.pop()
                return at
            self._effort += RECORD_BYTES
            at += 1
        return size
