# SPDX-License-Identifier: GPL-3.0-or-later
"""First and last frame of a VDIF file, found by their headers whatever stands before, between and after.

In: an open file. Out: when it begins and ends to the second, as ``vsum`` tells it, and the length of its frames.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from difxnb.formats.mjd import DAY_S, MJD_ZERO

_HEAD = struct.Struct("<4I")
_SEARCHED = 2**15  # bytes at the begin in which a frame is looked for
_SHORTEST, _LONGEST = 32, 2**24  # bytes of a frame
_SECONDS = (1 << 30) - 1


@dataclass(frozen=True, slots=True)
class VdifEnds:
    """Where a VDIF file begins and ends in time.

    Attributes
    ----------
    epoch_mjd : int
        Day from which the seconds are counted.
    first_second, last_second : int
        Of the first and the last frame.
    frame_bytes, thread : int
        Length of a frame, and thread of the first one.
    """

    epoch_mjd: int
    first_second: int
    last_second: int
    frame_bytes: int
    thread: int

    @property
    def start_mjd(self) -> float:
        """Begin of the first second, UTC."""
        return self.epoch_mjd + self.first_second / DAY_S

    @property
    def stop_mjd(self) -> float:
        """End of the last second, UTC."""
        return self.epoch_mjd + (self.last_second + 1) / DAY_S


def find_vdif_ends(content: IO[bytes]) -> VdifEnds | None:
    """Find the first frame, which another one must follow, and the last; None where there is no such pair."""
    content.seek(0)
    begin = content.read(_SEARCHED + _HEAD.size)
    for offset in range(max(0, len(begin) - _HEAD.size)):
        words = _HEAD.unpack_from(begin, offset)
        frame = 8 * (words[2] & 0xFFFFFF)
        if not _SHORTEST <= frame <= _LONGEST or not _follows(words, _head_at(content, offset + frame)):
            continue
        last = _last(content, words, offset, frame)
        return VdifEnds(_epoch(words), words[0] & _SECONDS, last, frame, words[3] >> 16 & 0x3FF)
    return None


def _head_at(content: IO[bytes], offset: int) -> tuple[int, ...] | None:
    content.seek(offset)
    head = content.read(_HEAD.size)
    return _HEAD.unpack(head) if len(head) == _HEAD.size else None


def _follows(words: tuple[int, ...], after: tuple[int, ...] | None) -> bool:
    """Whether one header can follow another in a file."""
    return (
        after is not None
        and words[2] == after[2]
        and _epoch(words) == _epoch(after)
        and 0 <= (after[0] & _SECONDS) - (words[0] & _SECONDS) <= 1
        and any(words)
    )


def _epoch(words: tuple[int, ...]) -> int:
    epoch = words[1] >> 24 & 0x3F
    return (datetime(2000 + epoch // 2, 1 + 6 * (epoch % 2), 1) - MJD_ZERO).days


def _last(content: IO[bytes], first: tuple[int, ...], offset: int, frame: int) -> int:
    """Second of the last frame that can be told."""
    size = content.seek(0, os.SEEK_END)
    start = max(offset, size - 4 * frame)
    content.seek(start)
    tail = content.read()
    # The third word is the same in all headers of a file: length, channels, version.
    mark = struct.pack("<I", first[2])
    at = tail.rfind(mark)
    while at >= 8:
        words = _HEAD.unpack_from(tail, at - 8) if at + 8 <= len(tail) else None
        if (
            words is not None
            and _epoch(words) == _epoch(first)
            and words[0] & _SECONDS >= first[0] & _SECONDS
        ):
            return int(words[0]) & _SECONDS
        at = tail.rfind(mark, 0, at)
    return first[0] & _SECONDS
