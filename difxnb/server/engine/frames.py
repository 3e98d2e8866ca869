# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the frames of a VDIF file by their headers, whatever lies between them.

A file comes in, runs of frames with time, thread and validity go out, in pieces of bounded size. A frame is
placed by its header alone; bytes that are no frame are passed over and counted. Frames with the invalid bit
or with the fill pattern that recorders leave in gaps are bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.mjd import MJD_ZERO

_FILL = 0x11223344
_SEARCH_BYTES = 2**20
_ALIGNED_WITHIN = 8
"""After so many implausible headers in a row the frames are looked for at other offsets."""

SECONDS_PER_DAY = 86400


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """What all frames of a file have in common.

    Attributes
    ----------
    frame_bytes, header_bytes : int
        Length of a frame, and of the header in it.
    channels, bits : int
        Channels of a thread, and bits per sample.
    samples : int
        Samples per channel in a frame.
    rate : int
        Frames of one thread in a second.
    legacy : bool
        Short headers.
    epoch : int
        Half-years after 2000 from which the seconds are counted.
    word2 : int
        Third word of every header: length, channels and version.
    """

    frame_bytes: int
    header_bytes: int
    channels: int
    bits: int
    samples: int
    rate: int
    legacy: bool
    epoch: int
    word2: int

    def plausible(self, words: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which headers, shape (frame, 4), can be headers of this file."""
        return np.asarray(
            (words[:, 2] == self.word2)
            & (words[:, 3] >> 26 == self.bits - 1)
            & (words[:, 0] >> 30 & 1 == self.legacy)
            & (words[:, 1] & 0xFFFFFF < self.rate)
            & (words[:, 1] >> 24 & 0x3F == self.epoch)
        )


@dataclass(frozen=True, slots=True)
class FrameRun:
    """Frames that follow each other in a file without anything between them.

    Attributes
    ----------
    payloads : ndarray
        uint8, shape (frame, payload byte).
    slot : ndarray
        int64: time of each frame in frames since the reference second; -2**62 where it has no plausible
        header.
    thread : ndarray
        Thread numbers.
    good : ndarray
        False for frames that are marked invalid or filled.
    """

    payloads: NDArray[np.uint8]
    slot: NDArray[np.int64]
    thread: NDArray[np.int64]
    good: NDArray[np.bool_]

    @property
    def latest(self) -> int:
        """Time that its last frames have reached; a single wrong header does not move it."""
        return int(np.median(self.slot[-64:]))


NOWHERE = -(2**62)


class VdifFile:
    """A VDIF file whose frames are all of one kind.

    Parameters
    ----------
    path : Path
    frame_bytes, bits : int
        What the job says of its frames.
    sample_rate : int
        Samples per second and channel.
    reference : int
        Reference second, counted from MJD 0.

    Attributes
    ----------
    size, start : int
        Bytes of the file, and offset of its first frame.
    passed_over : int
        Bytes so far that belong to no frame.
    damaged : int
        Places so far where a frame should start and does not.

    Raises
    ------
    FileFormatError
        The file holds no such frames.
    """

    def __init__(self, path: Path, frame_bytes: int, bits: int, sample_rate: int, reference: int) -> None:
        self.path = path
        self.size = path.stat().st_size
        beginning = self._read(0, max(_SEARCH_BYTES, 64 * frame_bytes))
        self.start = _first_frame(path, beginning, frame_bytes, bits)
        self.format = _frame_format(path, beginning, self.start, sample_rate)
        epoch_start = _epoch_mjd(self.format.epoch) * SECONDS_PER_DAY
        self._shift = (epoch_start - reference) * self.format.rate
        self.passed_over = self.start
        self.damaged = 0

    def runs(self, start: int, frames: int) -> Iterator[FrameRun]:
        """Walk through the file from a byte offset, in runs of at most `frames` frames."""
        position = start
        while (count := min(frames, (self.size - position) // self.format.frame_bytes)) > 0:
            table = self._frames(position, count)
            if len(table) < count:
                raise FileFormatError(
                    self.path, f"byte {position}", "the file became shorter while it was read"
                )
            words, fine = self._headers(table)
            aligned = _aligned(fine)
            if aligned:
                yield self._run(table[:aligned], words[:aligned], fine[:aligned])
                position += aligned * self.format.frame_bytes
            if aligned < count:
                following = self._find(position + 1)
                self.passed_over += following - position
                position = following

    def edge_slots(self, frames: int) -> NDArray[np.int64]:
        """Times of the first and the last frames of the file, as many of each."""
        tail = max(self.start, self.size - (frames + 2) * self.format.frame_bytes)
        counted = self.passed_over, self.damaged
        head = next(self.runs(self.start, frames), None)
        if head is None:
            raise FileFormatError(self.path, f"byte {self.start}", "no second VDIF header fits the first one")
        ends = [run.slot for run in self.runs(self._find(tail), frames)]
        self.passed_over, self.damaged = counted
        slots = np.concatenate([head.slot, *ends])
        return np.asarray(slots[slots != NOWHERE], np.int64)

    def offset_before(self, slot: int, spare: int) -> int:
        """Byte offset of a frame some way before a time, by halving; the start of the file where in doubt."""
        low, high = 0, (self.size - self.start) // self.format.frame_bytes
        while high - low > 1:
            middle = (low + high) // 2
            words, fine = self._headers(self._frames(self.start + middle * self.format.frame_bytes, 1))
            if not fine[0]:
                return self.start
            low, high = (middle, high) if self._slots(words)[0] < slot else (low, middle)
        return self.start + max(0, low - spare) * self.format.frame_bytes

    def _read(self, position: int, count: int) -> NDArray[np.uint8]:
        return np.fromfile(self.path, np.uint8, count, offset=position)

    def _frames(self, position: int, count: int) -> NDArray[np.uint8]:
        length = self.format.frame_bytes
        content = self._read(position, count * length)
        return content[: content.size // length * length].reshape(-1, length)

    def _headers(self, table: NDArray[np.uint8]) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
        words = np.ascontiguousarray(table[:, :16]).view("<u4")
        return words, self.format.plausible(words)

    def _slots(self, words: NDArray[np.uint32]) -> NDArray[np.int64]:
        seconds = (words[:, 0] & 0x3FFFFFFF).astype(np.int64)
        return seconds * self.format.rate + (words[:, 1] & 0xFFFFFF).astype(np.int64) + self._shift

    def _run(self, table: NDArray[np.uint8], words: NDArray[np.uint32], fine: NDArray[np.bool_]) -> FrameRun:
        payloads = table[:, self.format.header_bytes :]
        self.damaged += int(np.count_nonzero(~fine))
        return FrameRun(
            payloads,
            np.where(fine, self._slots(words), NOWHERE),
            (words[:, 3] >> 16 & 0x3FF).astype(np.int64),
            fine & (words[:, 0] >> 31 == 0) & ~_filled(payloads),
        )

    def _find(self, position: int) -> int:
        """Offset of the next frame at or after a position; the end of the file where there is none."""
        pattern = self.format.word2.to_bytes(4, "little")
        last = self.size - self.format.frame_bytes
        while position <= last:
            block = self._read(position + 8, 4 + _SEARCH_BYTES).tobytes()
            found = block.find(pattern)
            while found >= 0:
                candidate = position + found
                if candidate <= last and self._headers(self._frames(candidate, 1))[1][0]:
                    return candidate
                found = block.find(pattern, found + 1)
            position += _SEARCH_BYTES
        return self.size


def _aligned(fine: NDArray[np.bool_]) -> int:
    """Count the frames before the headers stop being plausible for good."""
    good = np.flatnonzero(fine)
    if not good.size or good[0] >= _ALIGNED_WITHIN:
        return 0
    gaps = np.flatnonzero(np.diff(good) > _ALIGNED_WITHIN)
    last = int(good[gaps[0]] if gaps.size else good[-1])
    return len(fine) if len(fine) - 1 - last < _ALIGNED_WITHIN and not gaps.size else last + 1


def _filled(payloads: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which payloads begin or end with the fill pattern."""
    ends = np.stack([payloads[:, :8], payloads[:, -8:]], axis=1).view("<u4")
    return np.asarray((ends == _FILL).all(axis=2).any(axis=1))


def _first_frame(path: Path, content: NDArray[np.uint8], frame_bytes: int, bits: int) -> int:
    """Offset of the first frame: a header of the job's frame length, with a like one a frame later."""
    length = (frame_bytes // 8).to_bytes(3, "little")
    block = content.tobytes()
    found = block.find(length, 8)
    while found >= 0:
        start = found - 8
        word3 = int.from_bytes(block[start + 12 : start + 16], "little")
        following = block[start + frame_bytes + 8 : start + frame_bytes + 12]
        alike = following in (block[start + 8 : start + 12], b"")
        if alike and word3 >> 26 & 0x1F == bits - 1 and start + frame_bytes <= content.size:
            return start
        found = block.find(length, found + 1)
    raise FileFormatError(path, "", _why_no_frame(block, frame_bytes, bits))


def _why_no_frame(block: bytes, frame_bytes: int, bits: int) -> str:
    wanted = f"no VDIF frames of {frame_bytes} bytes and {bits} bits a sample, as the .input says"
    if len(block) < 32:
        return f"{wanted}; the file has {len(block)} bytes"
    own = int.from_bytes(block[8:11], "little") * 8
    if own and block[8:12] == block[own + 8 : own + 12]:
        own_bits = (int.from_bytes(block[12:16], "little") >> 26 & 0x1F) + 1
        return f"{wanted}; its frames have {own} bytes and {own_bits} bits a sample"
    return wanted


def _frame_format(path: Path, content: NDArray[np.uint8], start: int, sample_rate: int) -> FrameFormat:
    """Read and verify the first header (VDIF specification 1.1.1, section 3)."""
    first, second, third, fourth = (int(word) for word in content[start : start + 16].view("<u4"))
    if fourth >> 31:
        raise FileFormatError(path, f"byte {start}", "complex samples, where the .input says real ones")
    legacy = bool(first >> 30 & 1)
    frame_bytes, header_bytes = (third & 0xFFFFFF) * 8, 16 if legacy else 32
    channels, bits = 1 << (third >> 24 & 0x1F), (fourth >> 26 & 0x1F) + 1
    # Samples fill words of 32 bits; those whose size does not divide 32 leave the rest of each word empty.
    samples = (frame_bytes - header_bytes) // 4 * (32 // bits) // channels
    if not samples or sample_rate % samples:
        raise FileFormatError(
            path, f"byte {start}", f"{samples} samples a frame do not divide {sample_rate} samples a second"
        )
    return FrameFormat(
        frame_bytes=frame_bytes,
        header_bytes=header_bytes,
        channels=channels,
        bits=bits,
        samples=samples,
        rate=sample_rate // samples,
        legacy=legacy,
        epoch=second >> 24 & 0x3F,
        word2=third,
    )


def _epoch_mjd(epoch: int) -> int:
    """MJD at which a reference epoch of VDIF begins: 2000 January 1, and every half-year after it."""
    return (datetime(2000 + epoch // 2, 1 + 6 * (epoch % 2), 1) - MJD_ZERO).days
