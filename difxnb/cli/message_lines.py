# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages in lines: which of them are wanted, and how one is shown.

In: rows as the tables of messages have them. Out: text for people, plain values for programs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from difxnb.cli.printed import frame_data
from difxnb.markup import printable
from difxnb.tables.message_rows import Row, fields_json, known_types, plain_type
from difxnb.wire.message import Severity


@dataclass(frozen=True)
class Wanted:
    """Which messages are shown; whatever is None, all are.

    Attributes
    ----------
    types : frozenset of str or None
        In plain names.
    identifier, source : Pattern or None
        Found in the name of the job, and of the host.
    """

    types: frozenset[str] | None
    identifier: re.Pattern[str] | None
    source: re.Pattern[str] | None

    @classmethod
    def parse(cls, types: str | None, identifier: str | None, source: str | None) -> Wanted:
        """From the words of a command line; ValueError where they mean nothing."""
        names = split_types(types)
        return cls(None if names is None else known_types(names), pattern(identifier), pattern(source))

    def fits(self, row: Row) -> bool:
        """Whether a message is to be shown."""
        return (
            (self.types is None or plain_type(row.type) in self.types)
            and (self.identifier is None or self.identifier.search(row.job or "") is not None)
            and (self.source is None or self.source.search(row.source or "") is not None)
        )


def split_types(text: str | None) -> list[str] | None:
    """``alert,status`` as names; None where nothing was said."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def pattern(text: str | None) -> re.Pattern[str] | None:
    """A regular expression of the user's; ValueError where it is none."""
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error


def line_of(row: Row) -> str:
    """A message in one line."""
    moment = datetime.fromtimestamp(row.time, UTC)
    words = [f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}", f"{plain_type(row.type):<12}"]
    words += [row.source or "-", row.job or "-"]
    words += ["" if row.severity is None else severity_name(row.severity), row.state or "", row.text or ""]
    return printable(" ".join(word for word in words if word))


def lines_of_fields(row: Row) -> Iterator[str]:
    """A message in a line, and each of its fields in one below."""
    yield line_of(row)
    for name, value in json.loads(fields_json(row.item)).items():
        yield printable(f"    {name}: {value}")


def data_of(row: Row) -> dict[str, Any]:
    """A message for programs."""
    return {
        "time": datetime.fromtimestamp(row.time, UTC),
        "type": plain_type(row.type),
        "source": row.source,
        "job": row.job,
        "mpi_id": row.mpi_id,
        "severity": None if row.severity is None else severity_name(row.severity),
        "state": row.state,
        "text": row.text,
        "fields": json.loads(fields_json(row.item)),
    }


def severity_name(number: int) -> str:
    """``warning`` for 3; numbers beyond those that are known stay numbers."""
    return Severity(number).name if number in Severity.__members__.values() else str(number)


@dataclass(frozen=True)
class Counted:
    """How many messages of each type came, at one moment; see `cli.live.Look`."""

    frame: pd.DataFrame
    is_over: bool = False

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it."""
        drawn = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for name in ("type", "messages", "per second", "bytes"):
            drawn.add_column(name, justify="left" if name == "type" else "right")
        for row in self.frame.to_dict("records"):
            cells = (plain_type(row["type"]), str(row["messages"]), f"{row['rate']:.1f}", str(row["bytes"]))
            drawn.add_row(*(Text(printable(cell)) for cell in cells))
        return drawn

    def lines(self) -> dict[str, str]:
        """Say it in lines."""
        return {
            str(row["type"]): f"{plain_type(row['type'])}: {row['messages']} messages, {row['bytes']} bytes"
            for row in self.frame.to_dict("records")
        }

    def data(self) -> dict[str, Any]:
        """For programs."""
        return frame_data(self.frame)
