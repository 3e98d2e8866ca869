# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to the file system: paths of clients are opened beneath the root directory or not at all.

In: absolute machine paths. Out: descriptors of directories and files inside the root. A path is first made
free of symbolic links, then walked from the root one name at a time without following links, so that a link
that leads out, or one that appears between check and use, ends in "does not exist".
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: opening a named pipe must not wait for its other end.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Confinement:
    """Everything below one directory, and nothing else.

    Parameters
    ----------
    root : path
        An existing directory.

    Raises
    ------
    NotADirectoryError
        `root` is no directory.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(os.path.realpath(root))
        if not self.root.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "the server's root must be a directory", str(root))

    def real(self, path: str) -> Path:
        """Make a path free of links, whether or not it exists.

        Raises
        ------
        FileNotFoundError
            It is not absolute, or leads out of the root.
        """
        if not path.startswith("/") or "\0" in path:
            raise _missing(path)
        real = Path(os.path.realpath(path))
        if real != self.root and self.root not in real.parents:
            raise _missing(path)
        return real

    def exists(self, path: str) -> bool:
        """Whether something inside the root is there, links followed."""
        try:
            return self.real(path).exists()
        except OSError:
            return False

    @contextmanager
    def directory(self, path: str, *, create: bool = False) -> Iterator[int]:
        """Open a directory, links followed; with `create` its missing parts are made.

        Raises
        ------
        OSError
            FileNotFoundError, NotADirectoryError or PermissionError.
        """
        descriptor = self._walk(self.real(path), create=create)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def parent(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the directory that holds `path`, and give the last name, which may be a link or be missing.

        Raises
        ------
        OSError
            As :meth:`directory`; PermissionError for the root itself.
        """
        if not path.startswith("/"):
            raise _missing(path)
        above, name = os.path.split(path.rstrip("/"))
        if name in ("", ".", ".."):
            above, name = os.path.split(self.real(path))
        if os.path.join(os.path.realpath(above or "/"), name) == str(self.root):
            raise PermissionError(errno.EPERM, "the root directory stays as it is", path)
        with self.directory(above or "/") as descriptor:
            yield descriptor, name

    def open_file(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open an existing regular file, links followed; the caller closes the descriptor.

        Raises
        ------
        OSError
            FileNotFoundError, IsADirectoryError or PermissionError.
        """
        real = self.real(path)
        if real == self.root:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        with self.directory(str(real.parent)) as above:
            descriptor = os.open(real.name, flags | _FILE, dir_fd=above)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IsADirectoryError(errno.EISDIR, "no regular file", path)
        return descriptor

    def read_text(self, path: str | Path) -> str:
        """Text of a regular file, links followed; bytes that are no UTF-8 are kept as lone surrogates.

        Raises
        ------
        OSError
            As :meth:`open_file`.
        """
        with os.fdopen(self.open_file(os.fspath(path)), "rb") as content:
            return content.read().decode("utf-8", "surrogateescape")

    def _walk(self, real: Path, *, create: bool) -> int:
        descriptor = os.open(self.root, _DIRECTORY)
        for name in real.relative_to(self.root).parts:
            try:
                if create:
                    _make(name, descriptor)
                below = os.open(name, _DIRECTORY, dir_fd=descriptor)
            except OSError as error:
                raise _as_missing(error, str(real)) from error
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _make(name: str, above: int) -> None:
    try:
        os.mkdir(name, dir_fd=above)
    except FileExistsError:
        return  # whether it is a directory shows when it is opened


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def _as_missing(error: OSError, path: str) -> OSError:
    # A link where there was none a moment ago: whoever put it there gets what a path outside the root gets.
    return (
        _missing(path)
        if error.errno == errno.ELOOP
        else OSError(error.errno, os.strerror(error.errno or 0), path)
    )
