# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come into being whole or not at all, and never in place of another."""

from __future__ import annotations

import os
import secrets
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
        yield partial
        _give_name(partial, target, what)
    finally:
        partial.unlink(missing_ok=True)


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
