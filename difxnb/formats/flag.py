# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.flag`` files: times at which an antenna's data are not to be used.

Text comes in and a list of :class:`Flag` goes out, and the other way round. Mirrors ``difx-files.md`` 7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.keyvalue import WrittenFloat, read_text, write_text, written
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = r"(\d+(?:\.\d*)?)"
_LINE = re.compile(rf"\s*{_NUMBER}\s+{_NUMBER}\s+(\d{{1,6}})\s*", re.ASCII)
_OLD_LINE = re.compile(rf"\s*mjd\({_NUMBER},{_NUMBER}\)(\d{{1,6}})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flag:
    """Every baseline with row `antenna` of the TELESCOPE table is bad between two MJDs (UTC)."""

    mjd_start: float
    mjd_stop: float
    antenna: int


class Flags(list[Flag]):
    """The flags of a job: a list with a :meth:`frame`."""

    def frame(self, telescopes: Sequence[str] = ()) -> pd.DataFrame:
        """Flags as a DataFrame, in the order of the file.

        Parameters
        ----------
        telescopes : sequence of str, optional
            Names of the antennas, in the order of the ``.input``; without them ``antenna`` stays empty.

        Returns
        -------
        DataFrame
            ``telescope`` (row of the TELESCOPE table), ``antenna`` (its name), ``start`` and ``stop`` (UTC, to 0.01 s,
            which is what the file tells).
        """
        return frames.table(
            {
                "telescope": frames.integers(flag.antenna for flag in self),
                "antenna": frames.texts(frames.name_of(telescopes, flag.antenna) for flag in self),
                "start": frames.utc((flag.mjd_start for flag in self), step_ns=frames.WRITTEN_MJD_NS),
                "stop": frames.utc((flag.mjd_stop for flag in self), step_ns=frames.WRITTEN_MJD_NS),
            }
        )

    def __repr__(self) -> str:
        return f"<Flags: {len(self)} of {len({flag.antenna for flag in self})} antennas>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def parse_flag(text: str, path: Path | None = None) -> Flags:
    """Read the text of a ``.flag`` file, also of the older form ``mjd(start,stop)antenna``.

    Raises
    ------
    FileFormatError
        With the line, where it is no flag, or where there are more or fewer flags than the first line says.
    """
    first, *lines = text.split("\n")
    flags = Flags(
        _parse_line(line, path, number) for number, line in enumerate(lines, start=2) if line.strip()
    )
    if first.strip() != str(len(flags)):
        raise FileFormatError(
            path or "text", "line 1", f"announces {first.strip()[:40]!r} flags, found {len(flags)}"
        )
    return flags


def _parse_line(line: str, path: Path | None, line_number: int) -> Flag:
    match = _LINE.fullmatch(line) or _OLD_LINE.fullmatch(line)
    if not match:
        problem = f"expected 'mjdStart mjdStop antenna', found {line[:40]!r}"
        raise FileFormatError(path or "text", f"line {line_number}", problem)
    return Flag(WrittenFloat(match[1]), WrittenFloat(match[2]), int(match[3]))


def format_flag(flags: Sequence[Flag]) -> str:
    """Write the text of a ``.flag`` file."""
    lines = [str(len(flags))]
    for flag in flags:
        start, stop = (written(mjd, ".7f", exact=False) for mjd in (flag.mjd_start, flag.mjd_stop))
        lines.append(f"  {start} {stop} {flag.antenna}")
    return "\n".join(lines) + "\n"


def read_flag(path: str | Path) -> Flags:
    """Read a ``.flag`` file; FileFormatError with file and line where it is damaged."""
    return parse_flag(read_text(path), Path(path))


def write_flag(flags: Sequence[Flag], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.flag`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_flag(flags), overwrite=overwrite)
