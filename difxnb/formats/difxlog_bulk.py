# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole logs at once: what :mod:`difxnb.formats.difxlog` says of each line, for a hundred thousand of them.

In: the text of a ``.difxlog``. Out: its lines as columns. Nearly all lines are of the usual kind: those are cut by one
regular expression, many at a time, the others by `parse_line`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.difxlog import MONTHS, ONE_BLANK, USUAL_LINE, LogEntry, parse_line, parse_rank, parse_time

# Every line matches: as a usual one, or else as a whole.
_ANY_LINE = re.compile(rf"^(?:{USUAL_LINE}|(.*))$", re.ASCII | re.MULTILINE)
_MONTH = {name: f"{number:02d}" for number, name in enumerate(MONTHS, start=1)}
_STAMP_LENGTH = 24
_PIECE = 50_000
_FIRST, _END = np.datetime64("1970-01-01", "s"), np.datetime64("2201-01-01", "s")


@dataclass(frozen=True, slots=True, eq=False)
class LogLines(Sequence[LogEntry]):
    """Lines of a log, kept as columns that are named after the fields of LogEntry; an entry is made when asked for."""

    time_texts: list[str] = field(default_factory=list)
    mpi_ids: list[int | None] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterable[LogEntry]) -> Self:
        """Lines of given entries."""
        lines = cls()
        for entry in entries:
            lines.append(entry)
        return lines

    def append(self, entry: LogEntry) -> None:
        """Add a line."""
        for column, value in zip(self._columns, entry, strict=True):
            column.append(value)

    def replace(self, place: int, entry: LogEntry) -> None:
        """Put an entry in the place of another."""
        for column, value in zip(self._columns, entry, strict=True):
            column[place] = value

    @property
    def _columns(self) -> tuple[list[object], ...]:
        columns = (self.time_texts, self.mpi_ids, self.senders, self.kinds, self.texts, self.jobs)
        return columns  # type: ignore[return-value]

    @overload
    def __getitem__(self, place: int) -> LogEntry: ...

    @overload
    def __getitem__(self, place: slice) -> LogLines: ...

    def __getitem__(self, place: int | slice) -> LogEntry | LogLines:
        parts = [column[place] for column in self._columns]
        return LogLines(*parts) if isinstance(place, slice) else LogEntry(*parts)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[LogEntry]:
        return map(LogEntry._make, zip(*self._columns, strict=True))

    def __len__(self) -> int:
        return len(self.kinds)


def parse_lines(text: str) -> LogLines:
    """Understand lines with line ends between them; what is no line of a log is kept as text without kind."""
    lines = LogLines()
    for piece in _pieces(text):
        _take(piece, lines)
    return lines


def _pieces(text: str) -> Iterator[str]:
    """Whole lines, some hundred at a time: what is short-lived then stays where the processor has it at hand."""
    begin = 0
    while (end := text.find("\n", begin + _PIECE)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]


def _take(text: str, lines: LogLines) -> None:
    """Add lines to the columns."""
    times, ranks, senders, kinds, texts, others = zip(*_ANY_LINE.findall(text), strict=True)
    begin = len(lines)
    lines.time_texts.extend(times)
    lines.mpi_ids.extend(map(parse_rank, ranks))
    lines.senders.extend(senders)
    lines.texts.extend(
        [
            (text[2:] if text[:2] == "  " and kind not in ONE_BLANK else text[1:])
            if text[:1] == " "
            else text
            for kind, text in zip(kinds, texts, strict=True)
        ]
    )
    lines.jobs.extend([""] * len(kinds))
    lines.kinds.extend(kinds)
    if not all(kinds):
        for place, (kind, other) in enumerate(zip(kinds, others, strict=True), start=begin):
            if not kind:
                lines.replace(place, parse_line(other))


def line_times(texts: Sequence[str]) -> NDArray[np.datetime64]:
    """Times of lines as :func:`difxnb.formats.difxlog.parse_time` reads them, in ns; NaT for what is no time."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
    usual = [text for text in places if len(text) == _STAMP_LENGTH and text[4:7] in _MONTH]
    known = _usual_times(usual) if len(usual) == len(places) else None
    if known is None:
        known = np.array([parse_time(text) for text in places], dtype="datetime64[us]").astype(
            "datetime64[ns]"
        )
    return known[codes] if places else known


def _usual_times(texts: Sequence[str]) -> NDArray[np.datetime64] | None:
    """Times in the format of C; None where one of them is none."""
    iso = [f"{text[20:]}-{_MONTH[text[4:7]]}-{text[8:10].replace(' ', '0')}T{text[11:19]}" for text in texts]
    try:
        found = np.array(iso, dtype="datetime64[s]")
    except ValueError:  # parse_time says which
        return None
    return np.where((found >= _FIRST) & (found < _END), found, np.datetime64("NaT")).astype("datetime64[ns]")
