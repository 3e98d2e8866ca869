# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.difx`` folder of a job: made once, never overwritten, and never left with half a record."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from difxnb.errors import OutputExists


def make_folder(folder: Path, *, overwrite: bool) -> Path | None:
    """Make the output folder.

    Returns
    -------
    Path or None
        Where an existing one was moved: the first free of ``name.difx.1``, ``name.difx.2``…

    Raises
    ------
    OutputExists
        There is one already, and `overwrite` is not set.
    """
    moved = None
    if os.path.lexists(folder):
        if not overwrite:
            raise OutputExists(f"{folder} exists already; overwrite=True moves it aside and correlates again")
        moved = _free_name(folder)
        folder.rename(moved)
    folder.mkdir()
    return moved


def _free_name(folder: Path) -> Path:
    number = 1
    while os.path.lexists(folder.with_name(f"{folder.name}.{number}")):
        number += 1
    return folder.with_name(f"{folder.name}.{number}")


class SwinWriter:
    """Appends integrations to a new SWIN file; a write that fails is taken back.

    Raises
    ------
    FileExistsError
        The file is there already.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._size = 0

    def append(self, records: bytes) -> None:
        """Write the records of one integration, all or none."""
        rest = memoryview(records)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException:
            # A full disk or an interrupt may leave part of a record behind.
            self._file.truncate(self._size)
            self._file.seek(self._size)
            raise
        self._size += len(records)

    def __enter__(self) -> SwinWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
