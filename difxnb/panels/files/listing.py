# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of files: their rows, in an order, and those of them that a filter lets through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.markup import printable
from difxnb.panels.shown import size_words

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ROWS = 500
"""Rows that a list shows; those left out are counted."""

_BLANK = "\u00a0"  # blanks side by side are one blank to browsers
_LONGEST_NAME = 60
_PATTERN = frozenset("*?[")


@dataclass(frozen=True)
class FileRow:
    """One file or directory.

    Attributes
    ----------
    type : str
        As the server gives it: ``file``, ``directory``, ``link``…
    size : int
        Bytes.
    modified : datetime
        UTC; NaT where the server could not look.
    """

    name: str
    path: str
    type: str
    size: int
    modified: pd.Timestamp

    @property
    def is_directory(self) -> bool:
        """Whether there is something in it."""
        return self.type == "directory"

    @property
    def is_job(self) -> bool:
        """Whether it names a job."""
        return self.name.endswith(".input")

    @property
    def date(self) -> str:
        """When it was changed, UTC, to the minute; empty where that is not known."""
        return "" if pd.isna(self.modified) else f"{self.modified:%Y-%m-%d %H:%M}"

    def label(self, width: int) -> str:
        """One line of a list in letters of one width, with `width` of them for the name."""
        name = printable(self.name) + ("/" if self.is_directory else "")
        if len(name) > width:
            name = name[: width - 1] + "…"
        size = "" if self.is_directory else size_words(self.size)
        kind = "" if self.type in ("file", "directory") else f"  ({printable(self.type)})"
        return f"{name:<{width}}  {size:>8}  {self.date:<16}{kind}".rstrip().replace(" ", _BLANK)


def rows_of(frame: pd.DataFrame) -> list[FileRow]:
    """Rows of a list of files, as `ls` gives it."""
    columns = (frame[name] for name in ("name", "path", "type", "size", "modified"))
    return [
        FileRow(name, path, kind, int(size), when)
        for name, path, kind, size, when in zip(*columns, strict=True)
    ]


ORDERS: dict[str, Callable[[list[FileRow]], list[FileRow]]] = {
    "name": lambda rows: sorted(rows, key=lambda row: row.name),
    "newest first": lambda rows: sorted(rows, key=_age),
    "largest first": lambda rows: sorted(rows, key=lambda row: -row.size),
}
"""Orders that a list can have; directories always come first."""


def _age(row: FileRow) -> float:
    return float("inf") if pd.isna(row.modified) else -row.modified.timestamp()


def ordered(rows: Iterable[FileRow], order: str) -> list[FileRow]:
    """Directories, then the others, each in an order of `ORDERS`."""
    return sorted(ORDERS[order](list(rows)), key=lambda row: not row.is_directory)


def matching(rows: Iterable[FileRow], wanted: str, *, jobs_only: bool) -> list[FileRow]:
    """Those with `wanted` in their names, or that it matches as a pattern; of files only jobs with `jobs_only`."""
    text = wanted.strip().lower()
    pattern = text if _PATTERN & set(text) else f"*{text}*"
    return [
        row
        for row in rows
        if fnmatchcase(row.name.lower(), pattern) and (row.is_job or row.is_directory or not jobs_only)
    ]


def labels_of(rows: list[FileRow]) -> list[tuple[str, str]]:
    """Lines of a list, each with the path that it stands for."""
    width = min(_LONGEST_NAME, max((len(row.name) + 1 for row in rows), default=1))
    return [(row.label(width), row.path) for row in rows]


def is_pattern(path: str) -> bool:
    """Whether a path has wildcards."""
    return bool(_PATTERN & set(path))


def parent_of(path: str) -> str:
    """The directory that something is in; of a pattern, that without wildcards."""
    above = path.rstrip("/").rpartition("/")[0] or "/"
    return parent_of(above) if is_pattern(above) else above


def join(directory: str, name: str) -> str:
    """A path in a directory."""
    return f"{directory.rstrip('/')}/{name}"
