# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come into being whole or not at all: new ones never in place of another, or another in its place."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from difxnb.errors import OutputExists


@contextmanager
def new_file(path: str | PathLike[str], what: str) -> Iterator[Path]:
    """Give the name to write under; at the end of the block the file gets its own, after an error it is gone.

    Parameters
    ----------
    path : path-like
        File to make.
    what : str
        What is to be written, in the plural, for the text of the error.

    Raises
    ------
    OutputExists
        The file is there already; it is never overwritten.
    """
    target = Path(path)
    if target.exists():
        raise _exists(target, what)
    # Somebody else may be writing under the same name, and what a crash left must be in nobody's way.
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with errors_of(target):
            yield partial
        _give_name(partial, target, what)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replaced_file(path: str | PathLike[str]) -> Iterator[Path]:
    """Give the name to write under; at the end of the block that takes the place of the file, if there is one.

    After an error the old one is there as it was. Its permissions stay, and a link is written through.

    Raises
    ------
    PermissionError
        The file is protected.
    """
    target = Path(path).resolve()
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with errors_of(target):
            yield partial
        if target.exists():
            shutil.copymode(target, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def errors_of(path: str | PathLike[str]) -> Iterator[None]:
    """Let errors of the disk say which file it is: that of a full one names none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error


def _give_name(partial: Path, target: Path, what: str) -> None:
    """Name a file so that one that has come into being meanwhile stays."""
    try:
        os.link(partial, target)
    except FileExistsError as error:
        raise _exists(target, what) from error
    except OSError:  # a file system without links
        if target.exists():
            raise _exists(target, what) from None
        os.rename(partial, target)


def _exists(target: Path, what: str) -> OutputExists:
    return OutputExists(f"{target} exists already; {what} are not written over it. Choose another name")
