# SPDX-License-Identifier: GPL-3.0-or-later
"""File transfer, both ways, as raw bytes of a side connection (guiserver.md 7.3).

In: a path and, for uploads, the client's bytes. Out: the bytes for the client. Binary-safe: an upload goes to
a temporary file beside its destination and takes its name when it is complete.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack

from difxnb.errors import UnsafeValue
from difxnb.server.confinement import Confinement
from difxnb.server.files import replacing, write_all
from difxnb.server.words import read_words
from difxnb.wire.files import TransferResult, UploadReader, encode_size

_BLOCK = 1024
"""Bytes that the real server writes to disk at a time."""

_READ_SIZE = 2**19
MAX_SIZE = 2**31 - 1


class Upload:
    """One file on its way in: bytes of the client go in, the answer comes out.

    Parameters
    ----------
    root : Confinement
        Where files may be written.
    destination : str
        Absolute path of the file to make or replace, its last name quoted or not; see `destination_of`.
    text_only : bool
        Damage binary content as the real server does (quirk ``text_uploads``).
    """

    def __init__(self, root: Confinement, destination: str, *, text_only: bool = False) -> None:
        destination = destination_of(destination)
        self._reader = UploadReader()
        # A write may still be under way in a thread when the client is found to be gone.
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._block = bytearray()
        self._text_only = text_only
        self._failure: TransferResult | None = None
        self._ended = False
        self._descriptor = -1
        try:
            self._descriptor = self._open(root, destination)
        except OSError as error:
            self._failure = _upload_failure(error, destination)

    def _open(self, root: Confinement, destination: str) -> int:
        if not destination.startswith("/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), destination)
        target = destination
        if os.path.islink(destination):  # write through a link, unless it leads out
            target = str(root.real(destination))
        if root.exists(target) and root.real(target).is_dir():
            raise PermissionError(errno.EISDIR, os.strerror(errno.EISDIR), destination)
        return self._stack.enter_context(replacing(root, target, mode=_mode_of(root, target)))

    @property
    def missing(self) -> int:
        """Bytes of the client that have not come yet; those of the size alone before it is known."""
        return self._reader.missing

    def receive_data(self, *pieces: bytes) -> bytes | None:
        """Take bytes of the client; the answer when the announced number is there, else None."""
        with self._lock:
            if self._ended:  # by a client that went while this call was on its way
                return None
            for data in pieces:
                self._reader.receive_data(data)
                content = self._reader.take()
                if self._failure is None and content:
                    self._write(content)
            return encode_size(self._finish()) if self._finished() else None

    def abort(self) -> None:
        """Note that the client is gone: the destination stays as it was."""
        with self._lock:
            self._ended = True
            if self._text_only and self._failure is None:
                self._close()  # the real server puts whatever came in its place
            else:
                self._discard()

    def _finished(self) -> bool:
        return self._reader.complete or (self._reader.size is not None and self._reader.size < 0)

    def _write(self, content: bytes) -> None:
        try:
            if self._text_only:
                content = self._as_text(content)
            write_all(self._descriptor, content)
        except OSError:
            self._failure = TransferResult.NO_PERMISSION
            self._discard()

    def _as_text(self, content: bytes, *, last: bool = False) -> bytes:
        """Cut each 1024-byte block at its first NUL."""
        self._block += content
        whole = len(self._block) if last else len(self._block) // _BLOCK * _BLOCK
        blocks = [bytes(self._block[i : i + _BLOCK]) for i in range(0, whole, _BLOCK)]
        del self._block[:whole]
        return b"".join(block.partition(b"\0")[0] for block in blocks)

    def _finish(self) -> int:
        size = self._reader.size or 0
        if size < 0:
            self._discard()
            return size  # echoed, as the real server does
        if self._failure is None:
            self._close()
        return size if self._failure is None else int(self._failure)

    def _close(self) -> None:
        try:
            if self._text_only:
                write_all(self._descriptor, self._as_text(b"", last=True))
            self._stack.close()
        except OSError:
            self._failure = TransferResult.NO_PERMISSION

    def _discard(self) -> None:
        """Leave the temporary file's block by an exception, which removes it."""
        try:
            with self._stack:
                raise InterruptedError(errno.EINTR, "the upload did not end")
        except InterruptedError:
            self._stack = ExitStack()


def _mode_of(root: Confinement, path: str) -> int | None:
    """Permissions of a file that is replaced, which the new one gets; None where there is none."""
    if not root.exists(path):
        return None
    return stat.S_IMODE(root.real(path).stat().st_mode)


def destination_of(text: str) -> str:
    """The path that a client means as destination of an upload.

    Clients quote its last name, twice, for the shell of the real server, and never the directory, which that one looks
    up as it stands (guiserver.md 5.4). A name that is no single quoted word was not quoted, and is taken as it is.
    """
    directory, slash, name = text.rpartition("/")
    try:
        words = read_words(name, levels=2)
    except UnsafeValue:
        return text
    return f"{directory}{slash}{words[0].text}" if len(words) == 1 and not words[0].is_pattern else text


def _upload_failure(error: OSError, destination: str) -> TransferResult:
    if not destination.startswith("/"):
        return TransferResult.NOT_ABSOLUTE
    if isinstance(error, NotADirectoryError):
        return TransferResult.NOT_DIRECTORY
    if isinstance(error, FileNotFoundError):
        return TransferResult.NOT_FOUND
    return TransferResult.NO_PERMISSION


def download(root: Confinement, origin: str) -> Iterator[bytes]:
    """Give a file for a download: the size, then its content in large parts.

    A file that shrinks meanwhile ends the stream early; the announced size tells the client.
    """
    try:
        descriptor = root.open_file(origin)
    except OSError as error:
        yield encode_size(int(_download_failure(error, origin)))
        return
    with os.fdopen(descriptor, "rb", buffering=0) as content:
        size = os.fstat(descriptor).st_size
        if size > MAX_SIZE:
            yield encode_size(int(TransferResult.NO_PERMISSION))
            return
        yield encode_size(size)
        while size and (piece := content.read(min(_READ_SIZE, size))):
            size -= len(piece)
            yield piece


def _download_failure(error: OSError, origin: str) -> TransferResult:
    if not origin.startswith("/"):
        return TransferResult.NOT_ABSOLUTE
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return TransferResult.NOT_FOUND
    return TransferResult.NO_PERMISSION
