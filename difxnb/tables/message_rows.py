# SPDX-License-Identifier: GPL-3.0-or-later
"""A message as a row, and what a reader may ask of rows.

In go messages as the connection understood them, out come rows. Follows ``difxmessage.md`` 11.4; the columns made of
rows are in :mod:`difxnb.tables.message_columns`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd

from difxnb.tables import columns
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap
from difxnb.wire.message import Alert, Header, Message, Severity, Unknown, Unparsed, message_type
from difxnb.wire.message_types import CATALOGUE

Item = Message | Unparsed | Notice | Gap

_NOTICE_SEVERITY = {4: Severity.INFO, 5: Severity.WARNING, 6: Severity.ERROR}
_ROW_BYTES = 1024  # what a row costs beside the text of its document, roughly


class Row(NamedTuple):
    """One message; the first eight fields are the columns of every frame."""

    time: float
    type: str
    source: str
    job: str
    mpi_id: int | None
    severity: int | None
    state: str | None
    text: str | None
    size: int
    item: Item
    lost: int | None = None
    duplicate: bool = False


@lru_cache(maxsize=256)
def plain_type(name: str) -> str:
    """``DifxAlertMessage`` as people say it: ``alert``."""
    return name.lower().removeprefix("difx").removesuffix("message")


def known_types(asked: str | Iterable[str], heard: Iterable[str] = ()) -> frozenset[str]:
    """Plain names of message types, each in the catalogue or among those `heard`.

    Raises
    ------
    ValueError, TypeError
        One is in neither, or is no name.
    """
    names = [asked] if isinstance(asked, str) else list(asked) if isinstance(asked, Iterable) else [asked]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"a message type is a name such as 'alert', or several of them; got {asked!r}")
    known = _KNOWN | {plain_type(name) for name in heard}
    for name in names:
        if plain_type(name) not in known:
            raise ValueError(f"no message type {name!r}; there are {', '.join(sorted(known))}")
    return frozenset(map(plain_type, names))


def require_texts(**values: object) -> None:
    """Refuse what is no name."""
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is a name; got {value!r}")


_KNOWN = frozenset(plain_type(entry.type) for entry in CATALOGUE) | {"unparsed", "notice", "gap", "unknown"}


def _nothing(body: Any) -> tuple[None, None, None]:
    return None, None, None


def _read_alert(body: Alert) -> tuple[int | None, None, str | None]:
    return body.severity, None, body.text


def _read_status(body: Any) -> tuple[None, str | None, str | None]:
    return None, body.state, body.message


def _read_state(body: Any) -> tuple[None, str | None, None]:
    return None, body.state, None


def _read_message(body: Any) -> tuple[None, None, str | None]:
    return None, None, body.message


def _reader(cls: type[Any]) -> Callable[[Any], tuple[int | None, str | None, str | None]]:
    """How severity, state and text of a body class are found; chosen once, as messages come by the thousand."""
    names = {field.name for field in dataclasses.fields(cls)}
    if cls is Alert:
        return _read_alert
    if "state" in names:
        return _read_status if "message" in names else _read_state
    return _read_message if "message" in names else _nothing


_Read = Callable[[Any], tuple[int | None, str | None, str | None]]
_READERS: dict[type[Any], tuple[str, _Read]] = {
    entry.layout.cls: (entry.type, _reader(entry.layout.cls)) for entry in CATALOGUE
}
_UNKNOWN: tuple[str, _Read] = ("", _nothing)


def make_row(item: Item, time: float, lost: int | None = None, duplicate: bool = False) -> Row:
    """The row of a message."""
    if isinstance(item, Message):
        header, body = item.header, item.body
        kind, read = _READERS.get(type(body), _UNKNOWN)
        severity, state, text = read(body)
        kind = kind or header.type or message_type(body)
        return Row(
            time, kind, header.source, header.identifier, header.mpi_id,
            severity, state, text, item.size + _ROW_BYTES, item, lost, duplicate,
        )  # fmt: skip
    if isinstance(item, Unparsed):
        head = item.header or _NO_HEADER
        size = item.size + _ROW_BYTES
        return Row(
            time, "Unparsed", head.source, head.identifier, head.mpi_id,
            None, None, item.text, size, item, lost, duplicate,
        )  # fmt: skip
    if isinstance(item, Gap):
        return Row(time, "Gap", "", "", None, None, None, item.reason, len(item.reason) + _ROW_BYTES, item)
    severity, size = _NOTICE_SEVERITY[item.severity], len(item.text) + _ROW_BYTES
    return Row(time, "Notice", "", "", None, severity, None, item.text, size, item)


_NO_HEADER = Header()


def ends_gap(item: Item, last: Item) -> bool:
    """Whether `item` is the end of the gap whose beginning `last` was; nothing is heard between the two."""
    return isinstance(item, Gap) and isinstance(last, Gap) and last == dataclasses.replace(item, end=None)


def severity_number(value: str | int) -> int:
    """Number of a severity; ValueError for what is none."""
    if isinstance(value, str) and value.upper() in Severity.__members__:
        return int(Severity[value.upper()])
    if isinstance(value, int) and value in Severity.__members__.values():
        return int(value)
    raise ValueError(
        f"no severity {value!r}; there are {', '.join(columns.SEVERITIES)}, or numbers from 0 (fatal)"
    )


def unix_seconds(since: Any) -> float:
    """Seconds of a moment; ValueError for what is none."""
    if isinstance(since, int | float):
        return float(since)
    try:
        return pd.Timestamp(since).timestamp()  # without a zone it counts as UTC
    except (TypeError, ValueError) as error:
        raise ValueError(f"since= is no time: {since!r}; give one such as '2026-11-22 10:52'") from error


def is_unknown(item: Item) -> bool:
    """Whether a message is of a type that is not known here, whatever it calls itself."""
    return isinstance(item, Message) and type(item.body) is Unknown


def row_type(item: Item) -> str:
    """Type of a message as rows show it."""
    if isinstance(item, Message):
        kind, _ = _READERS.get(type(item.body), _UNKNOWN)
        return kind or item.header.type or message_type(item.body)
    return type(item).__name__


def short_host(name: str) -> str:
    """A host's name as its messages agree on it: lower case, without the domain; addresses stay whole.

    Examples
    --------
    >>> short_host("Node01.corr.example"), short_host("192.0.2.7")
    ('node01', '192.0.2.7')
    """
    first, _, rest = name.lower().partition(".")
    return name if first.isdigit() and rest else first


def fields_json(item: Item) -> str:
    """All fields of a message as JSON; missing ones are left out."""
    content = item.body if isinstance(item, Message) else item
    fields = {name: value for name, value in dataclasses.asdict(content).items() if value is not None}
    return json.dumps(fields, ensure_ascii=False)
