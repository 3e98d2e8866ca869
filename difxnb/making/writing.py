# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of all jobs in one directory, whole or not at all, and never over what is there unless that is said.

In: names and texts, and an open directory. Everything is written under other names first and takes its own at the
end; where that fails half way, what was there before is put back.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from difxnb.errors import OutputExists
from difxnb.formats.new_file import errors_of

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    """Descriptor of a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def in_the_way(names: Mapping[str, str], directory: int) -> tuple[str, ...]:
    """Names that are taken already."""
    taken = set(os.listdir(directory))
    return tuple(name for name in names if name in taken)


def write_whole(texts: Mapping[str, str], directory: int, *, where: object, overwrite: bool = False) -> None:
    """Write files into a directory, all or none.

    Parameters
    ----------
    texts : mapping
        Plain names, and what the files hold.
    directory : int
        Open descriptor; nothing outside of it is touched, and links are replaced and not followed.
    where : path-like
        Its name, for errors.
    overwrite : bool
        Whether files of those names may be replaced.

    Raises
    ------
    OutputExists
        One is there, and `overwrite` is not said.
    OSError
    """
    _require_plain(texts)
    if not overwrite and (taken := in_the_way(texts, directory)):
        raise _exists(where, taken)
    mark = secrets.token_hex(6)
    written, named = dict[str, str](), list[str]()
    kept = dict[str, str]()
    try:
        for name, text in texts.items():
            written[name] = f".{name[:180]}.{mark}.part"
            with errors_of(f"{where}/{name}"):
                _write(written[name], text, directory)
        for name, temporary in written.items():
            _give_name(temporary, name, directory, kept, mark, where=where, overwrite=overwrite)
            named.append(name)
    except BaseException:
        _undo(named, kept, directory)
        raise
    finally:
        for left in (*written.values(), *kept.values()):
            with suppress(FileNotFoundError):
                os.unlink(left, dir_fd=directory)


def _require_plain(names: Mapping[str, str]) -> None:
    for name in names:
        if not name or "/" in name or "\0" in name or name in (".", "..") or len(os.fsencode(name)) > 255:
            raise ValueError(f"{name!r} is no name of a file")


def _write(name: str, text: str, directory: int) -> None:
    with os.fdopen(os.open(name, _NEW, 0o666, dir_fd=directory), "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def _give_name(
    temporary: str,
    name: str,
    directory: int,
    kept: dict[str, str],
    mark: str,
    *,
    where: object,
    overwrite: bool,
) -> None:
    if overwrite:
        old = f".{name[:180]}.{mark}.old"
        with suppress(FileNotFoundError):
            _keep(name, old, directory)
            kept[name] = old
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        return
    try:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError as error:
        raise _exists(where, (name,)) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if in_the_way({name: ""}, directory):  # a file system without links
            raise _exists(where, (name,)) from None
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _keep(name: str, old: str, directory: int) -> None:
    """Give a file a second name, so that there is no moment without the first; a directory stays as it is."""
    if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        raise IsADirectoryError(errno.EISDIR, "a directory is in the way", name)
    try:
        os.link(name, old, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        os.rename(name, old, src_dir_fd=directory, dst_dir_fd=directory)


def _undo(named: list[str], kept: Mapping[str, str], directory: int) -> None:
    for name in named:
        if name not in kept:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
    for name, old in kept.items():
        with suppress(FileNotFoundError):
            os.rename(old, name, src_dir_fd=directory, dst_dir_fd=directory)


def _exists(where: object, taken: tuple[str, ...]) -> OutputExists:
    shown = ", ".join(taken[:5]) + (f" and {len(taken) - 5} more" if len(taken) > 5 else "")
    return OutputExists(f"{where}: {shown} exists already; overwrite=True replaces it")
