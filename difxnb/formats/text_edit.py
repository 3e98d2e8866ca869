# SPDX-License-Identifier: GPL-3.0-or-later
"""One text file with another text: its difference is shown before anything is written, whole or not at all."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from typing import ClassVar

from difxnb.errors import FileChanged, OutputExists
from difxnb.formats.keyvalue import read_text, write_text
from difxnb.formats.new_file import new_file
from difxnb.markup import printable

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_COLOURS = {"+": "#0a7a2f", "-": "#b3261e"}


@dataclass(frozen=True, slots=True, repr=False)
class TextEdit:
    """One file with another text, not written yet.

    Attributes
    ----------
    path : Path
        The file that was read.
    before, after : str
        Its text (empty of a file that is to be made), and what it would be.
    notes : tuple of str
        What has to be known beside the difference.
    """

    path: Path
    before: str
    after: str
    notes: tuple[str, ...] = ()
    # What is written, what the file was read for, and what is said where nothing is new.
    _PLURAL: ClassVar[str] = "changed texts"
    _PURPOSE: ClassVar[str] = "this edit"
    _NOTHING: ClassVar[str] = "nothing changes"

    @property
    def diff(self) -> str:
        """The difference, as ``diff -u`` shows it; empty where nothing changes."""
        lines = difflib.unified_diff(
            self.before.splitlines(),
            self.after.splitlines(),
            str(self.path),
            f"{self.path} (new)",
            lineterm="",
        )
        return "\n".join(lines)

    def write(self, path: str | PathLike[str] | None = None, *, overwrite: bool = False) -> Path:
        """Write the new text, whole or not at all.

        Parameters
        ----------
        path : path-like, optional
            Where to; by default the file itself, which needs `overwrite`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        OutputExists
            The file is there, and `overwrite` was not given.
        FileChanged
            The file that was read is not what it was then, and would be replaced.
        PermissionError
            The file is there and protected against writing.
        IsADirectoryError, FileNotFoundError
            `path` is a directory, or in one that is not there.
        """
        target = self._target(path, overwrite)
        if overwrite:
            write_text(target, self.after, overwrite=True)
        else:
            with new_file(target, self._PLURAL) as partial:
                write_text(partial, self.after, overwrite=False)
        return target

    def _target(self, path: str | PathLike[str] | None, overwrite: bool) -> Path:
        """Where to write; raises where that must not be."""
        target = Path(self.path if path is None else path).resolve()
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a directory; name the file to write")
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"{target.parent}, where {target.name} is to be, is not there; make it first"
            )
        if not overwrite and target.exists():
            raise OutputExists(
                f"{target} exists already; look at the difference, then write with overwrite=True, or under "
                "another name"
            )
        is_new = not self.before and not target.exists()
        if target == self.path.resolve() and not is_new and read_text(target) != self.before:
            raise FileChanged(
                f"{target} has changed since it was read for {self._PURPOSE}; make the edits anew"
            )
        if target.exists() and (not os.access(target, os.W_OK) or not target.stat().st_mode & _WRITABLE):
            raise PermissionError(f"{target} is protected against writing; write under another name")
        return target

    def _shown(self) -> list[str]:
        return [self.diff or f"{self.path}: {self._NOTHING}", *(f"note: {note}" for note in self.notes)]

    def __repr__(self) -> str:
        return printable("\n".join(self._shown()), keep="\n")

    def _repr_html_(self) -> str:
        lines = printable("\n".join(self._shown()), keep="\n").split("\n")
        return f"<pre>{'<br>'.join(map(_coloured, lines))}</pre>"


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return f'<span style="color:{colour}">{escape(line)}</span>' if colour else escape(line)
