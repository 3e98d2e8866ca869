# SPDX-License-Identifier: GPL-3.0-or-later
"""File operations: mkdir, rmdir, touch, rm, mv, cp, inside the root and without a shell.

In: the operation's name and its two values as a client sent them (guiserver.md 7.2). Out: nothing, or an
error whose text can be shown to the client.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from difxnb.server.confinement import Confinement
from difxnb.server.words import Word, read_words

MAX_MATCHES = 100_000
"""Names that the patterns of one request may expand to."""

_RM_FLAGS = frozenset("rRfv")
_COPY_PIECE = 2**20


def operate(root: Confinement, operation: str, path: str, argument: str) -> None:
    """Do one file operation.

    Raises
    ------
    OSError
        What the system says; paths that lead out of the root "do not exist".
    ValueError
        The operation, a flag or a value is not acceptable.
    """
    try:
        action = _OPERATIONS[operation]
    except KeyError:
        known = ", ".join([*_OPERATIONS, "ls"])
        raise ValueError(f"there is no file operation {operation!r}; known are {known}") from None
    action(root, path, argument)


def expand(root: Confinement, words: list[Word]) -> list[str]:
    """Expand the patterns among words; a pattern without a match stays as it is, as in a shell.

    Raises
    ------
    OSError
        More than `MAX_MATCHES` names match.
    """
    paths: list[str] = []
    for word in words:
        found = sorted(_matches(root, word)) if word.is_pattern else []
        paths += found or [word.text]
        _require_few(paths, " ".join(word.text for word in words))
    return paths


def _require_few(found: list[str], pattern: str) -> None:
    if len(found) > MAX_MATCHES:
        raise OSError(errno.E2BIG, f"matches more than {MAX_MATCHES} names", pattern[:200])


def _matches(root: Confinement, word: Word) -> list[str]:
    if not word.text.startswith("/"):
        return []
    found = [""]
    for component in word.components():
        if component.is_pattern:
            found = [
                f"{above}/{name}"
                for above in found
                for name in _names(root, above)
                if component.matches(name)
            ]
        else:
            found = [f"{above}/{component.text}" for above in found]
        _require_few(found, word.text)
    if word.text.endswith("/"):  # directories alone, and shown so
        return [f"{path}/" for path in found if _is_there(root, f"{path}/.")]
    return [path for path in found if _is_there(root, path)]


def _names(root: Confinement, directory: str) -> list[str]:
    """Names in a directory; above the root only those that lead to it can be seen."""
    directory = directory or "/"
    real = os.path.realpath(directory)
    if root.root.is_relative_to(real) and str(root.root) != real:
        return [root.root.relative_to(real).parts[0]]
    try:
        with root.directory(directory) as descriptor:
            return os.listdir(descriptor)
    except OSError:  # not there, no directory, not readable: nothing matches
        return []


def _is_there(root: Confinement, path: str) -> bool:
    if os.path.realpath(path) == str(root.root):
        return True
    try:
        with root.parent(path) as (above, name):
            os.stat(name, dir_fd=above, follow_symlinks=False)
    except OSError:
        return False
    return True


def _paths(root: Confinement, value: str, *, levels: int) -> list[str]:
    paths = expand(root, read_words(value, levels=levels))
    if not paths:
        raise FileNotFoundError(errno.ENOENT, "no path was given", value)
    return paths


def _each(names: list[str], work: Callable[[str], None]) -> None:
    """Do something with every name, as the commands do: one that fails does not keep the others from it.

    Raises
    ------
    OSError
        The first that came.
    """
    failure: OSError | None = None
    for name in names:
        try:
            work(name)
        except OSError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _mkdir(root: Confinement, path: str, _: str) -> None:
    def make(name: str) -> None:
        with root.directory(name, create=True):
            pass

    _each(_paths(root, path, levels=1), make)


def _rmdir(root: Confinement, path: str, _: str) -> None:
    def remove(name: str) -> None:
        with root.parent(name) as (above, last):
            os.rmdir(last, dir_fd=above)

    _each(_paths(root, path, levels=1), remove)


def _touch(root: Confinement, path: str, _: str) -> None:
    _each(_paths(root, path, levels=1), lambda name: _touch_one(root, name))


def _touch_one(root: Confinement, name: str) -> None:
    with root.parent(str(root.real(name))) as (above, last):
        if _is_directory(last, above):
            os.utime(last, dir_fd=above, follow_symlinks=False)
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(last, flags, 0o666, dir_fd=above)
        try:
            os.utime(descriptor)
        finally:
            os.close(descriptor)


def _rm(root: Confinement, path: str, argument: str) -> None:
    flags = _flags(argument)

    def remove(name: str) -> None:
        try:
            with root.parent(name) as (above, last):
                _remove(last, above, name, recursive=bool(flags & {"r", "R"}))
        except FileNotFoundError:
            if "f" not in flags:
                raise

    _each(_paths(root, path, levels=2), remove)


def _flags(argument: str) -> set[str]:
    flags: set[str] = set()
    for word in read_words(argument, levels=2):
        if not word.text.startswith("-") or not set(word.text[1:]) <= _RM_FLAGS:
            raise ValueError(f"rm is not done with {word.text!r}; flags are -r, -f and -rf")
        flags |= set(word.text[1:])
    return flags


def _remove(name: str, above: int, path: str, *, recursive: bool) -> None:
    if not _is_directory(name, above):
        os.unlink(name, dir_fd=above)
    elif recursive:
        shutil.rmtree(name, dir_fd=above)
    else:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _mv(root: Confinement, path: str, argument: str) -> None:
    if not argument.startswith("/"):  # not even quoted, with the real server
        raise ValueError(f"the target {argument!r} is not an absolute path")
    pairs = _pairs(root, path, argument)
    _each(list(pairs), lambda source: _move(root, source, pairs[source]))


def _move(root: Confinement, source: str, target: str) -> None:
    with root.parent(source) as (above, name), root.parent(target) as (beside, new):
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
        try:
            os.replace(name, new, src_dir_fd=above, dst_dir_fd=beside)
        except OSError as error:
            if error.errno != errno.EXDEV or not stat.S_ISREG(status.st_mode):
                raise
            _copy(root, source, target)  # another disk
            os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=beside)
            os.unlink(name, dir_fd=above)


def _cp(root: Confinement, path: str, argument: str) -> None:
    pairs = _pairs(root, path, argument)
    _each(list(pairs), lambda source: _copy(root, source, pairs[source]))


def _copy(root: Confinement, source: str, target: str) -> None:
    descriptor = root.open_file(source)
    with os.fdopen(descriptor, "rb") as content:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        with replacing(root, str(root.real(target)), mode=mode) as copy:
            while piece := content.read(_COPY_PIECE):
                write_all(copy, piece)


def _pairs(root: Confinement, path: str, argument: str) -> dict[str, str]:
    """Sources with the full target of each: a target that is a directory receives them under their names."""
    targets = [word.text for word in read_words(argument, levels=2)]
    sources = _paths(root, path, levels=2)
    if len(targets) != 1:
        raise ValueError(f"{argument!r} is no target, or more than one")
    if not targets[0].startswith("/"):
        raise ValueError(f"the target {argument!r} is not an absolute path")
    into = root.exists(targets[0]) and root.real(targets[0]).is_dir()
    if not into and len(sources) > 1:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), targets[0])
    return {
        s: os.path.join(targets[0], os.path.basename(s.rstrip("/"))) if into else targets[0] for s in sources
    }


@contextmanager
def replacing(root: Confinement, path: str, *, mode: int | None = None) -> Iterator[int]:
    """Write a file under a temporary name beside `path`; it takes that name when the block ends well.

    Yields
    ------
    int
        Descriptor to write to. When the block raises, the temporary file is removed and `path` is untouched.
    """
    with root.parent(path) as (above, name):
        temporary = f".{name[:200]}.{secrets.token_hex(6)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666, dir_fd=above)
        try:
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield descriptor
            os.replace(temporary, name, src_dir_fd=above, dst_dir_fd=above)
        except BaseException:
            os.unlink(temporary, dir_fd=above)
            raise
        finally:
            os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`; the system may take it in parts."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def error_text(error: OSError | ValueError) -> str:
    """Say in one line what went wrong, for the client."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


def _is_directory(name: str, above: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


_OPERATIONS: dict[str, Callable[[Confinement, str, str], None]] = {
    "mkdir": _mkdir,
    "rmdir": _rmdir,
    "touch": _touch,
    "rm": _rm,
    "mv": _mv,
    "cp": _cp,
}
