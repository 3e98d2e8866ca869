# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks for files: what would change in ``.input``, ``.v2d`` and ``.vex``, shown before anything is written.

In go changes of clocks and paths of files, out come edits: the text before, the text after, their difference. How late
a station still is, is taken out of its clock: new = old - residual, late positive; in the ``.vex`` with the other sign
(``difx-files.md`` 16.6). Everything else in a file stays, byte for byte.
"""

from __future__ import annotations

import difflib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path

from difxnb.clock.edits_input import input_with_clocks
from difxnb.clock.edits_schedule import schedule_with_clocks
from difxnb.errors import FileChanged, OutputExists
from difxnb.formats.clock_change import ClockChange, distinct
from difxnb.formats.keyvalue import read_text, write_text
from difxnb.formats.new_file import new_file
from difxnb.markup import printable

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_COLOURS = {"+": "#0a7a2f", "-": "#b3261e"}


@dataclass(frozen=True, slots=True, repr=False)
class ClockEdit:
    """One file with other clocks, not written yet.

    Attributes
    ----------
    path : Path
        The file that was read.
    before, after : str
        Its text, and what it would be.
    notes : tuple of str
        What has to be known beside the difference.
    """

    path: Path
    before: str
    after: str
    notes: tuple[str, ...] = ()

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
            _replace(target, self.after)
        else:
            with new_file(target, "clocks") as partial:
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
        if target == self.path.resolve() and read_text(target) != self.before:
            raise FileChanged(f"{target} has changed since it was read for new clocks; make the edits anew")
        if target.exists() and (not os.access(target, os.W_OK) or not target.stat().st_mode & _WRITABLE):
            raise PermissionError(f"{target} is protected against writing; write under another name")
        return target

    def _shown(self) -> list[str]:
        return [self.diff or f"{self.path}: no clock changes", *(f"note: {note}" for note in self.notes)]

    def __repr__(self) -> str:
        return printable("\n".join(self._shown()), keep="\n")

    def _repr_html_(self) -> str:
        lines = printable("\n".join(self._shown()), keep="\n").split("\n")
        return f"<pre>{'<br>'.join(map(_coloured, lines))}</pre>"


@dataclass(frozen=True, slots=True, repr=False)
class ClockEdits:
    """Edits of the files of a job; those that were not asked for are None.

    Attributes
    ----------
    input, v2d, vex : ClockEdit or None
    """

    input: ClockEdit | None = None
    v2d: ClockEdit | None = None
    vex: ClockEdit | None = None

    def __iter__(self) -> Iterator[ClockEdit]:
        return (edit for edit in (self.input, self.v2d, self.vex) if edit is not None)

    def write(self, *, overwrite: bool = False) -> list[Path]:
        """Write every file in which something changes, or none where one of them is refused.

        Parameters
        ----------
        overwrite : bool
            Has to be given: the files are replaced.

        Returns
        -------
        list of Path
            The files that were written.

        Raises
        ------
        OutputExists, FileChanged
            As :meth:`ClockEdit.write`.
        """
        changed = [edit for edit in self if edit.before != edit.after]
        for edit in changed:
            edit._target(None, overwrite)
        return [edit.write(overwrite=overwrite) for edit in changed]

    def __repr__(self) -> str:
        return "\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        return "".join(edit._repr_html_() for edit in self)


def edits_of(
    changes: Iterable[ClockChange],
    *,
    input: str | PathLike[str] | None = None,
    v2d: str | PathLike[str] | None = None,
    vex: str | PathLike[str] | None = None,
) -> ClockEdits:
    """Make edits of the files that are given, with the changes of clocks subtracted.

    Parameters
    ----------
    changes : iterable of ClockChange
        Residual lateness of stations; one for each at most. Those of zero are passed over.
    input : path-like, optional
        ``.input``: CLOCK COEFF about its own CLOCK REF MJD.
    v2d : path-like, optional
        ``.v2d``: clockOffset and clockRate where they are set there, else deltaClock and deltaClockRate, for which the
        ``.vex`` that it names is looked into.
    vex : path-like, optional
        ``.vex``: a new ``clock_early``. With `v2d`, each clock is changed once: in the ``.v2d`` where something of it
        is set there, else in the ``.vex``. Alone, it is taken that no ``.v2d`` sets these clocks.

    Returns
    -------
    ClockEdits
        Nothing is written yet.

    Raises
    ------
    ValueError
        No file is given; a station is not in a file, or has no clock that could be changed there.
    FileFormatError
        A file cannot be read.
    """
    if input is None and v2d is None and vex is None:
        raise ValueError("name the files whose clocks are to change: input=, v2d= or vex=")
    wanted = distinct(changes)
    schedule = schedule_with_clocks(
        wanted, v2d=None if v2d is None else Path(v2d), vex=None if vex is None else Path(vex)
    )
    return ClockEdits(
        None if input is None else _input_edit(Path(input), wanted),
        *(edit and ClockEdit(*edit) for edit in schedule),
    )


def _input_edit(path: Path, changes: Iterable[ClockChange]) -> ClockEdit:
    before = read_text(path)
    return ClockEdit(path, before, input_with_clocks(before, path, changes))


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[:1])
    return f'<span style="color:{colour}">{escape(line)}</span>' if colour else escape(line)


def _replace(target: Path, text: str) -> None:
    """Put a text in place of a file at once; its permissions stay."""
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    try:
        write_text(partial, text, overwrite=False)
        if target.exists():
            shutil.copymode(target, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
