# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.flag`` files: times at which an antenna's data are not to be used.

Mirrors ``difx-files.md`` 7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import WrittenFloat, read_text, write_text, written

_NUMBER = r"(\d+(?:\.\d*)?)"
_LINE = re.compile(rf"\s*{_NUMBER}\s+{_NUMBER}\s+(\d{{1,6}})\s*", re.ASCII)
_OLD_LINE = re.compile(rf"\s*mjd\({_NUMBER},{_NUMBER}\)(\d{{1,6}})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flag:
    """Every baseline with row `antenna` of the TELESCOPE table is bad between two MJDs (UTC)."""

    mjd_start: float
    mjd_stop: float
    antenna: int


def parse_flags(text: str, path: Path | None = None) -> list[Flag]:
    """Read the text of a ``.flag`` file, also of the older form ``mjd(start,stop)antenna``.

    Raises
    ------
    FileFormatError
        With the line, where it is no flag, or where there are more or fewer flags than the first line says.
    """
    first, *lines = text.split("\n")
    flags = [_parse_flag(line, path, number) for number, line in enumerate(lines, start=2) if line.strip()]
    if first.strip() != str(len(flags)):
        raise FileFormatError(
            path or "text", "line 1", f"announces {first.strip()[:40]!r} flags, found {len(flags)}"
        )
    return flags


def _parse_flag(line: str, path: Path | None, line_number: int) -> Flag:
    match = _LINE.fullmatch(line) or _OLD_LINE.fullmatch(line)
    if not match:
        problem = f"expected 'mjdStart mjdStop antenna', found {line[:40]!r}"
        raise FileFormatError(path or "text", f"line {line_number}", problem)
    return Flag(WrittenFloat(match[1]), WrittenFloat(match[2]), int(match[3]))


def format_flags(flags: Sequence[Flag]) -> str:
    """Write the text of a ``.flag`` file."""
    lines = [str(len(flags))]
    for flag in flags:
        start, stop = (written(mjd, ".7f", exact=False) for mjd in (flag.mjd_start, flag.mjd_stop))
        lines.append(f"  {start} {stop} {flag.antenna}")
    return "\n".join(lines) + "\n"


def read_flags(path: str | Path) -> list[Flag]:
    """Read a ``.flag`` file; FileFormatError with file and line where it is damaged."""
    return parse_flags(read_text(path), Path(path))


def write_flags(flags: Sequence[Flag], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.flag`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_flags(flags), overwrite=overwrite)
