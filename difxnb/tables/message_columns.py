# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of messages: those that every message has, those of its envelope, and the fields of its type.

In go rows of messages, out come DataFrames. Types of columns come from the declarations of the fields, never from what
was sent; fields follow ``difxmessage.md`` 6, the rest 11.4.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.tables.columns import (
    BOOLEANS,
    DATES,
    FLAGS,
    INTEGERS,
    NUMBERS,
    OBJECTS,
    SEVERITY,
    TEXTS,
    TIMES,
    Kind,
    severity_code,
)
from difxnb.tables.growing import Column, GrownColumns, place
from difxnb.tables.message_rows import Row, is_unknown, plain_type, short_host
from difxnb.wire.events import Gap
from difxnb.wire.message import DaughterBoard, Header, Message, Unknown, Unparsed
from difxnb.wire.message_types import CATALOGUE

_NO_HEADER = Header()

EVERY_FRAME = tuple(
    place(name, kind, index)
    for index, (name, kind) in enumerate(
        {
            "time": TIMES,
            "type": TEXTS,
            "from": TEXTS,
            "job": TEXTS,
            "mpi_id": INTEGERS,
            "severity": SEVERITY,
            "state": TEXTS,
            "text": TEXTS,
        }.items()
    )
)
"""What every frame has."""

_SHOWN = frozenset(
    {"text", "message", "state", "severity", "header"}
)  # in columns of every frame, or of the envelope
_CONTENTS: dict[str, type[Any]] = {
    **{plain_type(entry.type): entry.layout.cls for entry in CATALOGUE},
    "unparsed": Unparsed,
    "gap": Gap,
    "unknown": Unknown,
}
_KINDS = {"int": INTEGERS, "float": NUMBERS, "str": TEXTS, "bool": BOOLEANS}
_READ_TIME = "read_time"  # of a date that has no other name


def _header(row: Row) -> Header:
    return getattr(row.item, "header", None) or _NO_HEADER


def _of_item(name: str, default: Any = None) -> Callable[[Sequence[Row]], list[Any]]:
    return lambda rows: [getattr(row.item, name, default) for row in rows]


ENVELOPE = (
    Column("host", TEXTS, lambda rows: [short_host(_header(row).source) for row in rows]),
    Column("to", OBJECTS, lambda rows: [_header(row).to for row in rows]),
    Column("sequence", INTEGERS, _of_item("sequence")),
    Column("size", INTEGERS, _of_item("size")),
    Column("lost", INTEGERS, lambda rows: [row.lost for row in rows]),
    Column("duplicate", FLAGS, lambda rows: [row.duplicate for row in rows]),
    Column("flags", OBJECTS, _of_item("flags", ())),
)
"""What only the envelope tells."""


def _field(name: str) -> Callable[[Sequence[Row]], list[Any]]:
    """Values of a field, which is the body's, or that of what is no message."""

    def read(rows: Sequence[Row]) -> list[Any]:
        items = [row.item for row in rows]
        return [getattr(item.body if type(item) is Message else item, name, None) for item in items]

    return read


def _part(name: str, part: str) -> Callable[[Sequence[Row]], list[Any]]:
    """Values of a field of a field."""
    whole = _field(name)
    return lambda rows: [None if found is None else getattr(found, part) for found in whole(rows)]


def _kind(field: dataclasses.Field[Any]) -> Kind:
    return _KINDS.get(str(field.type).removesuffix(" | None"), OBJECTS)


def _columns_of(cls: type[Any]) -> Iterable[Column]:
    """The fields of a type; dates also as times, and parts of the one that has parts for themselves."""
    for field in dataclasses.fields(cls):
        name = field.name
        if name in _SHOWN:
            continue
        if cls is Gap and name != "reason":
            yield Column(name, TIMES, _field(name))
        elif name == "daughter_board":
            for part in dataclasses.fields(DaughterBoard):
                yield Column(f"{name}_{part.name}", _kind(part), _part(name, part.name))
        else:
            yield Column(name, _kind(field), _field(name))
        if name.endswith("mjd"):
            yield Column(f"{name[:-4]}_time" if name[:-4] else _READ_TIME, DATES, _field(name))


def field_columns(types: Iterable[str]) -> tuple[Column, ...]:
    """Columns for the fields of these types, each name once, in their own order."""
    found: dict[str, Column] = {}
    taken = {column.name for column in EVERY_FRAME}
    for kind in sorted(types):
        cls = _CONTENTS.get(kind)
        for column in () if cls is None else _columns_of(cls):
            name = f"body_{column.name}" if column.name in taken else column.name
            before = found.get(name)
            same = before is None or before.kind is column.kind
            found[name] = Column(name, column.kind if same else OBJECTS, column.read)
    return tuple(found.values())


def columns_of(types: Iterable[str] | None, *, envelope: bool) -> tuple[Column, ...]:
    """All columns of a frame: of every frame, of these types, of the envelope."""
    fields = field_columns(types or ())
    taken = {column.name for column in ENVELOPE} if envelope else set()
    return (
        *EVERY_FRAME,
        *(column for column in fields if column.name not in taken),
        *(ENVELOPE if envelope else ()),
    )


class Filter(NamedTuple):
    """Which rows are wanted, beside their types; None means all."""

    source: str | None = None
    job: str | None = None
    worst: int | None = None
    start: float | None = None

    def keep(self, columns: dict[str, NDArray[Any]]) -> NDArray[np.bool_] | None:
        """The wanted ones among rows of which these are the columns."""
        tests = []
        if self.source is not None:
            tests.append(columns["from"] == self.source)
        if self.job is not None:
            tests.append(columns["job"] == self.job)
        if self.worst is not None:
            tests.append(columns["severity"] >= severity_code(self.worst))
        if self.start is not None:
            tests.append(columns["time"] >= TIMES.split([self.start])[0][0])
        return np.logical_and.reduce(tests).astype(bool) if tests else None


class View:
    """The rows of some types as columns, kept up with a table that goes on.

    Parameters
    ----------
    types : frozenset of str, optional
        Plain names of types; all by default.
    envelope : bool
        Whether to have the columns of the envelope.
    """

    def __init__(self, types: frozenset[str] | None, *, envelope: bool) -> None:
        self.position = 0
        """Number of the first row that has not been taken."""
        self.last: Row | None = None
        """The last row that has been taken."""
        self._types = types
        self._grown = GrownColumns(columns_of(types, envelope=envelope))

    def take(self, rows: Sequence[Row], number: int, first: int) -> None:
        """Take rows, of which the first has this `number`; the table now begins with number `first`."""
        self._grown.drop_from(number)
        self._grown.drop_before(first)
        places = self._wanted(rows)
        chosen = rows if len(places) == len(rows) else [rows[place] for place in places]
        self._grown.extend(chosen, number + places)
        self.position = number + len(rows)
        if rows:
            self.last = rows[-1]

    def frame(self, wanted: Filter) -> pd.DataFrame:
        """The rows that pass, as a DataFrame."""
        return self._grown.frame(wanted.keep)

    def _wanted(self, rows: Sequence[Row]) -> NDArray[np.int64]:
        """Places of the rows of these types."""
        if self._types is None:
            return np.arange(len(rows))
        kinds = {row.type for row in rows}
        accepted = {kind for kind in kinds if plain_type(kind) in self._types}
        places = [place for place, row in enumerate(rows) if row.type in accepted]
        if "unknown" in self._types:
            places = [p for p, row in enumerate(rows) if row.type in accepted or is_unknown(row.item)]
        return np.array(places, dtype=np.int64)


def frame_of(rows: Sequence[Row], types: Iterable[str] | None = None) -> pd.DataFrame:
    """A DataFrame of some rows."""
    grown = GrownColumns(columns_of(types, envelope=False))
    grown.extend(rows, np.arange(len(rows)))
    return grown.frame()
