# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come into being whole or not at all, and never in place of another."""

from __future__ import annotations

import os
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
        raise OutputExists(f"{target} exists already; {what} are not written over it. Choose another name")
    partial = target.with_name(target.name + ".partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
