# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks for files: what would change in ``.input``, ``.v2d`` and ``.vex``, shown before anything is written.

In go changes of clocks and paths of files, out come edits: the text before, the text after, their difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import NamedTuple

from difxnb.formats.clock_change import ClockChange


class ClockEdit(NamedTuple):
    """One file with other clocks; `write` writes it."""

    path: PathLike[str]
    before: str
    after: str


class ClockEdits(tuple[ClockEdit, ...]):
    """Edits of several files, at most one of a kind: `input`, `v2d`, `vex`."""


def edits_of(
    changes: Iterable[ClockChange],
    *,
    input: str | PathLike[str] | None = None,
    v2d: str | PathLike[str] | None = None,
    vex: str | PathLike[str] | None = None,
) -> ClockEdits:
    """Make edits of the files that are given, with the changes of clocks subtracted."""
    raise NotImplementedError
