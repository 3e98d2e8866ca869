# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a SWIN file in pieces, through one reused buffer.

Blocks that are read, rather than a memory map: a map of a file that becomes shorter ends the process, and where files
are not in memory yet both are as fast. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin_header import HEADER_BYTES

BLOCK_BYTES = 2**21
"""Few enough to stay in the processor's cache, enough to make the work on each block small."""
_FIRST_LOOK = 2**12


class SwinBytes:
    """A file that is open for reading, as long as it was when it was opened.

    Attributes
    ----------
    path : Path
    size : int
        Bytes of the file; what is appended meanwhile is not seen.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self.size = os.fstat(descriptor).st_size
        self._buffer = bytearray(min(BLOCK_BYTES, self.size + self.size % 2))
        self._start = self._filled = 0

    def block(self, offset: int) -> memoryview:
        """What follows an offset, at least a header of it unless the file ends, and a block at most."""
        place = offset - self._start
        if not 0 <= place <= self._filled - HEADER_BYTES:
            self._filled = read_into(
                self.path, self._descriptor, memoryview(self._buffer)[: self.size - offset], offset
            )
            self._start, place = offset, 0
        return memoryview(self._buffer)[place : self._filled]

    def peek(self, offset: int, count: int) -> bytes:
        """A few bytes, fewer where the file ends."""
        content = bytearray(max(0, min(count, self.size - offset)))
        read_into(self.path, self._descriptor, memoryview(content), offset)
        return bytes(content)

    def heads(self, offset: int, stride: int, count: int) -> NDArray[np.uint8]:
        """Headers that lie far apart, without what is between them; shape (count, bytes of a header)."""
        content = np.empty((count, HEADER_BYTES), dtype=np.uint8)
        for row in range(count):
            read_into(self.path, self._descriptor, content[row].data, offset + row * stride)
        return content

    def find(self, what: bytes, start: int) -> Iterator[int]:
        """Every place from `start` on where some bytes occur."""
        count = _FIRST_LOOK
        while self.size - start >= len(what):
            content, count = self.peek(start, count), min(4 * count, BLOCK_BYTES)
            place = content.find(what)
            while place >= 0:
                yield start + place
                place = content.find(what, place + 1)
            start += len(content) - len(what) + 1


@contextmanager
def opened(path: Path) -> Iterator[SwinBytes]:
    """Open a file; what is no regular file is refused, since nothing can be said of its length."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileFormatError(path, "", "is no file that visibilities can be read from")
        yield SwinBytes(path, descriptor)
    finally:
        os.close(descriptor)


def read_into(path: Path, descriptor: int, buffer: memoryview, offset: int) -> int:
    """Fill a buffer with what follows an offset; its length.

    Raises
    ------
    FileFormatError
        The file ends before: it has become shorter.
    """
    done = 0
    while done < len(buffer):
        got = os.preadv(descriptor, [buffer[done:]], offset + done)
        if not got:
            raise FileFormatError(path, f"byte {offset + done}", "the file became shorter while it was read")
        done += got
    return done
