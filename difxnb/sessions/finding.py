# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the records of sessions, in a folder and below, by a pattern or one by one, and read what they hold."""

from __future__ import annotations

import datetime as dt
import glob
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from difxnb.errors import FileFormatError
from difxnb.sessions.record_lines import RECORD, RecordLine, read_lines

_DEEPEST = 4
"""Folders below the one that is named."""
_LONGEST_TIME = 40
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@dataclass(frozen=True, slots=True)
class Recorded:
    """A session as its record has it.

    Attributes
    ----------
    directory : Path
    lines : tuple of RecordLine
        At least one.
    """

    directory: Path
    lines: tuple[RecordLine, ...]

    @property
    def session(self) -> str:
        """Code of the session."""
        return self.lines[-1].session

    def last(self, step: str) -> RecordLine | None:
        """The newest line of a step."""
        return next((line for line in reversed(self.lines) if line.step == step), None)

    def outputs(self, step: str) -> dict[str, Any]:
        """What a step gave when it was done for the last time; empty where it never was."""
        done = (line for line in reversed(self.lines) if line.step == step and line.state == "done")
        found = next(done, None)
        return {} if found is None else dict(found.outputs)


def number_of(value: object) -> float:
    """A number of a record; NaN where it holds something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def rows_of(outputs: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of mappings of a record; empty where it holds something else."""
    value = outputs.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def names_of(outputs: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts of a record, also where they stand in one text."""
    value = outputs.get(name)
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def time_of(value: object) -> pd.Timestamp | None:
    """A time of a record, UTC without zone; None where it holds none."""
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        return None
    try:
        stamp: object = pd.Timestamp(dt.datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None
    if not isinstance(stamp, pd.Timestamp):  # NaT is none
        return None
    plain = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
    return plain if _FIRST_YEAR <= plain.year <= _LAST_YEAR else None


def recorded(
    records: str | PathLike[str] | Iterable[str | PathLike[str]],
) -> tuple[list[Recorded], list[str]]:
    """Records that are found, in order of their first line, and what cannot be read of them.

    Parameters
    ----------
    records : path, pattern, or iterable of paths
        A folder with sessions in it and below, a pattern of folders, or folders and records one by one.

    Raises
    ------
    FileNotFoundError
        A name without wildcards does not exist.
    """
    named = [records] if isinstance(records, str | PathLike) else list(records)
    files = dict.fromkeys(file for name in named for file in _files(os.path.expanduser(os.fspath(name))))
    found, notes = list[Recorded](), list[str]()
    for file in files:
        try:
            lines, passed = read_lines(file)
        except (FileFormatError, OSError) as error:
            notes.append(str(error))
            continue
        notes += [f"{file}: {note}" for note in passed]
        if lines:
            found.append(Recorded(file.parent, tuple(lines)))
    return sorted(found, key=lambda one: one.lines[0].at), notes


def _files(name: str) -> Iterator[Path]:
    if glob.has_magic(name) and not os.path.lexists(name):
        for one in sorted(glob.glob(name)):
            yield from _within(Path(one))
        return
    if not os.path.lexists(name):
        raise FileNotFoundError(f"{name} does not exist; give the folder of sessions, or of one session")
    yield from _within(Path(name))


def _within(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield from [path.absolute()] if path.name == RECORD else []
        return
    top = path.absolute()
    for place, folders, files in os.walk(top):
        depth = len(Path(place).relative_to(top).parts)
        folders[:] = sorted(one for one in folders if not one.endswith(".difx")) if depth < _DEEPEST else []
        if RECORD in files:
            yield Path(place) / RECORD
