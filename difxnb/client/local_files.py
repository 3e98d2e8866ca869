# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files on their way: read piece by piece, and written under a temporary name. Disks work in threads."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from difxnb.errors import RemoteFileError

_READ_SIZE = _WRITE_SIZE = 2**20


@dataclass(frozen=True)
class Content:
    """Bytes to be sent.

    Attributes
    ----------
    size : int
        Bytes in all.
    read : callable
        Gives the bytes in parts, all but the last multiples of 1024 bytes; may be called again.
    """

    size: int
    read: Callable[[], AsyncIterator[bytes]]

    @classmethod
    def of_bytes(cls, data: bytes) -> Content:
        """What is in memory already."""

        async def read() -> AsyncIterator[bytes]:
            yield data

        return cls(len(data), read)

    @classmethod
    async def of_file(cls, path: Path) -> Content:
        """What is in a local file. Reading it raises OSError where the file is changed meanwhile."""
        first = await asyncio.to_thread(os.stat, path)
        return cls(first.st_size, lambda: _read_file(path, _state(first)))

    async def holds_nul(self) -> bool:
        """Whether there is a NUL byte in it."""
        async for piece in self.read():
            if b"\0" in piece:
                return True
        return False


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


async def _read_file(path: Path, state: tuple[int, int, int]) -> AsyncIterator[bytes]:
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    left = state[0]
    try:
        while left and (part := await asyncio.to_thread(_read_fully, descriptor, min(_READ_SIZE, left))):
            left -= len(part)
            yield part
        if left or _state(os.fstat(descriptor)) != state:
            raise RemoteFileError(f"{path} was changed while it was sent")
    finally:
        os.close(descriptor)


def _read_fully(descriptor: int, size: int) -> bytes:
    """Read so many bytes, less only at the end of the file; the system may give them in smaller pieces."""
    pieces = []
    while size and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class Arriving:
    """A local file that is being written under a temporary name."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0

    async def write(self, data: bytes) -> None:
        """Append bytes."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _WRITE_SIZE:
            await self.flush()

    async def flush(self) -> None:
        """Hand everything to the system."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        await asyncio.to_thread(_write_all, self._descriptor, data)


@asynccontextmanager
async def arriving(target: Path, *, overwrite: bool) -> AsyncIterator[Arriving]:
    """Write a local file under a temporary name beside `target`; it takes that name when the block ends well.

    Raises
    ------
    FileExistsError
        There is a file, and `overwrite` is False.
    OSError
        Of the disk. `target` is untouched then, and nothing is left beside it.
    """
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        file = Arriving(descriptor)
        yield file
        await file.flush()
        _keep_mode(descriptor, target)
        _take_name(temporary, target, overwrite=overwrite)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _keep_mode(descriptor: int, target: Path) -> None:
    """Give the new file the permissions of the one that it replaces."""
    try:
        mode = target.stat().st_mode
    except OSError:
        return  # there is none, or it cannot be looked at and will be in the way
    os.fchmod(descriptor, mode & 0o7777)


def _take_name(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)  # unlike a rename it never replaces anything
    except FileExistsError:
        raise FileExistsError(f"{target} exists; overwrite=True replaces it") from None
    except OSError:  # this disk knows no links
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists; overwrite=True replaces it") from None
        temporary.replace(target)
