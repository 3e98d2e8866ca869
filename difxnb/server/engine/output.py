# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.difx`` folder of a job: made once, never overwritten, and never left with half a record or line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from difxnb.errors import OutputExists
from difxnb.formats.input_model import Input
from difxnb.formats.pcal import PcalBlock, PcalFile, format_pcal, pcal_lines


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


class AppendingWriter:
    """Appends what integrations gave to a new file; a write that fails is taken back.

    Raises
    ------
    FileExistsError
        The file is there already.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._size = 0

    def append(self, data: bytes) -> None:
        """Write what one integration gave, all or nothing."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BaseException:
            # A full disk or an interrupt may leave part of it behind.
            self._file.truncate(self._size)
            self._file.seek(self._size)
            raise
        self._size += len(data)

    def __enter__(self) -> AppendingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class ToneWriter:
    """Writes the ``PCAL_*`` files of a job, one per antenna, each from the start.

    Parameters
    ----------
    folder : Path
        The output folder.
    inp : Input
        Tells when the job starts.
    antennas : iterable of str
        Those that give tones.
    """

    def __init__(self, folder: Path, inp: Input, antennas: Iterable[str]) -> None:
        self._files, self._open = {}, ExitStack()
        seconds = int(inp.start_seconds)
        with ExitStack() as opening:
            for antenna in antennas:
                path = folder / f"PCAL_{inp.start_mjd:05d}_{seconds:06d}_{antenna}"
                file = opening.enter_context(AppendingWriter(path))
                file.append(format_pcal(PcalFile(path, antenna, inp.start_mjd, seconds)).encode())
                self._files[antenna] = file
            self._open = opening.pop_all()

    def append(self, tones: dict[str, list[PcalBlock]]) -> None:
        """Write the lines of one integration."""
        for antenna, blocks in tones.items():
            lines = pcal_lines(antenna, blocks)
            self._files[antenna].append("".join(f"{line}\n" for line in lines).encode())

    def __enter__(self) -> ToneWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
