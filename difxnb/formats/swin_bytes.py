# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a SWIN file in pieces: windows of a memory map, or blocks through one reused buffer.

To look at headers alone a map is two to three times as fast as reading, where the file is in memory. But a map of a
file that becomes shorter ends the process. So a file that may still be written is never mapped; any other only by a
small window at a time, and after a look at its length. Mirrors ``difx-files.md`` 13.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin_header import HEADER_BYTES

BLOCK_BYTES = 2**22
"""Enough to make the work on each block small."""
_WINDOW_BYTES = 2**25
_MAPPED_BLOCK_BYTES = 2**24
_FIRST_LOOK = 2**12
_SHORTER = "the file became shorter while it was read"


class SwinBytes:
    """A file that is open for reading, as long as it was when it was opened.

    Attributes
    ----------
    path : Path
    size : int
        Bytes of the file; what is appended meanwhile is not seen.
    """

    def __init__(self, path: Path, descriptor: int, *, mapped: bool) -> None:
        self.path, self._descriptor, self._mapped = path, descriptor, mapped
        self.size = os.fstat(descriptor).st_size
        self._block, self._buffer, self._start = memoryview(b""), bytearray(), 0

    def block(self, offset: int) -> memoryview:
        """What follows an offset, at least a header of it unless the file ends, and a block at most."""
        place = offset - self._start
        if not 0 <= place <= len(self._block) - HEADER_BYTES:
            self._start, place = offset, 0
            if self._mapped:
                self._map(offset)
            else:
                self._read(offset)
        most = _MAPPED_BLOCK_BYTES if self._mapped else BLOCK_BYTES
        return self._block[place : place + most]

    def _map(self, offset: int) -> None:
        """Look at a window of the file; read where its file system cannot map."""
        if os.fstat(self._descriptor).st_size < self.size:
            raise FileFormatError(self.path, f"byte {offset}", _SHORTER)
        begin = offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        length = min(_WINDOW_BYTES, self.size - begin)
        try:
            window = mmap.mmap(self._descriptor, length, prot=mmap.PROT_READ, offset=begin)
        except OSError:
            self._mapped = False
            self._read(offset)
        else:
            self._block = memoryview(window)[offset - begin :]

    def _read(self, offset: int) -> None:
        """Read a block; the buffer stays the same as long as blocks are full ones."""
        length = min(BLOCK_BYTES, self.size - offset)
        if len(self._buffer) < length:
            self._buffer = bytearray(length)
        self._block = memoryview(self._buffer)[:length]
        read_into(self.path, self._descriptor, self._block, offset)

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
def opened(path: Path, *, mapped: bool = False) -> Iterator[SwinBytes]:
    """Open a file; what is no regular file is refused, since nothing can be said of its length.

    `mapped` is for files that nobody writes any more.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileFormatError(path, "", "is no file that visibilities can be read from")
        yield SwinBytes(path, descriptor, mapped=mapped)
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
            raise FileFormatError(path, f"byte {offset + done}", _SHORTER)
        done += got
    return done
