# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks for files: what would change in ``.input``, ``.v2d`` and ``.vex``, shown before anything is written.

In go changes of clocks and paths of files, out come edits: the text before, the text after, their difference. How late
a station still is, is taken out of its clock: new = old - residual, late positive; in the ``.vex`` with the other sign
(``difx-files.md`` 16.6). Everything else in a file stays, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from difxnb.clock.edits_input import input_with_clocks
from difxnb.clock.edits_schedule import schedule_with_clocks
from difxnb.formats.clock_change import ClockChange, distinct
from difxnb.formats.keyvalue import read_text
from difxnb.formats.text_edit import TextEdit


class ClockEdit(TextEdit):
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

    __slots__ = ()
    _PLURAL = "clocks"
    _PURPOSE = "new clocks"
    _NOTHING = "no clock changes"


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
