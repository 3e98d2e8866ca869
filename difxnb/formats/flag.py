# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.flag`` files: times at which an antenna's data are not to be used.

Mirrors ``difx-files.md`` 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Flag:
    """Every baseline with row `antenna` of the TELESCOPE table is bad between two MJDs (UTC)."""

    mjd_start: float
    mjd_stop: float
    antenna: int


def read_flags(path: str | Path) -> list[Flag]:
    """Read a ``.flag`` file; FileFormatError on damage."""
    raise NotImplementedError


def write_flags(flags: Sequence[Flag], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.flag`` file."""
    raise NotImplementedError
