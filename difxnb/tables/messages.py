# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per message: what came is kept as it is, columns are made when somebody looks.

In go :class:`~difxnb.wire.message.Message`, ``Unparsed``, ``Notice`` and ``Gap``, out come DataFrames. The frame
follows ``difxmessage.md`` 11.4; a message that could not be read is a row with its text.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, NamedTuple

import pandas as pd

from difxnb.formats.new_file import new_file
from difxnb.tables import columns
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap
from difxnb.wire.message import Alert, Message, Severity, Unparsed, message_type
from difxnb.wire.message_types import CATALOGUE

Item = Message | Unparsed | Notice | Gap

_NOTICE_SEVERITY = {4: Severity.INFO, 5: Severity.WARNING, 6: Severity.ERROR}
_ROW_BYTES = 1024  # what a row costs beside the text of its document, roughly
_COLUMNS = ("time", "type", "from", "job", "mpi_id", "severity", "state", "text")
_TEXT_FIELDS = ("text", "message")  # fields of bodies that are shown in the column `text`
_CACHED_FRAMES = 8


class _Row(NamedTuple):
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


class MessageTable:
    """Everything the server relayed, one row per message.

    Appending costs the same however long the table is. When `limit` rows or `limit_bytes` are passed the
    oldest rows fall out and are counted. One thread may add while others look.

    Parameters
    ----------
    limit : int
        Most rows kept.
    limit_bytes : int
        Most bytes kept, estimated from the sizes of the documents.

    Attributes
    ----------
    version : int
        Moves with every message; a view redraws only when it has moved.
    dropped : int
        Rows that fell out.
    """

    def __init__(self, limit: int = 100_000, *, limit_bytes: int = 256 * 2**20) -> None:
        if limit < 1 or limit_bytes < 1:
            raise ValueError("a message table needs room for at least one message")
        self.limit, self.limit_bytes = limit, limit_bytes
        self.version = 0
        self.dropped = 0
        self._rows: deque[_Row] = deque()
        self._bytes = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._frames: dict[Any, pd.DataFrame] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, item: Item, time: float) -> None:
        """Append one message.

        Parameters
        ----------
        item : Message, Unparsed, Notice or Gap
            As the connection understood it. A gap that has ended takes the row of its beginning.
        time : float
            When it was received, unix seconds.
        """
        row = _make_row(item, time)
        with self._lock:
            if self._rows and _ends(item, self._rows[-1].item):
                self._bytes -= self._rows.pop().size
                self._counts[row.type] -= 1
            self._rows.append(row)
            self._bytes += row.size
            self._counts[row.type] += 1
            self.version += 1
            while len(self._rows) > self.limit or (self._bytes > self.limit_bytes and len(self._rows) > 1):
                self._bytes -= self._rows.popleft().size
                self.dropped += 1

    def counts(self) -> pd.Series[int]:
        """Messages per type since the start, dropped ones included; most frequent first."""
        with self._lock:
            counted = self._counts.most_common()
        return pd.Series(dict(counted), dtype="int64", name="count").rename_axis("type")

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
    ) -> pd.DataFrame:
        """Messages as a DataFrame, oldest first.

        Parameters
        ----------
        type : str or iterable of str, optional
            ``"alert"``, ``"Alert"`` and ``"DifxAlertMessage"`` mean the same; also ``"unparsed"``,
            ``"notice"`` and ``"gap"`` (times without a connection). Every field of the chosen types becomes a column.
        source : str, optional
            Host that sent it, the column ``from``.
        job : str, optional
            Name of the job (the message's identifier).
        severity : str or int, optional
            This severity or worse, such as ``"warning"`` or 3.
        since : datetime-like or float, optional
            Received at this time (UTC; a number is unix seconds) or later.

        Returns
        -------
        DataFrame
            Columns ``time`` (UTC), ``type``, ``from``, ``job``, ``mpi_id``, ``severity`` (ordered),
            ``state``, ``text``, then with `type` the fields of those types under their own names. The number
            of rows that fell out of the table is in ``attrs["dropped"]``. Columns can be
            added to it; the values are shared with the table's own snapshot.

        Raises
        ------
        ValueError, TypeError
            A type or severity that does not exist, or what is no time, or no text.
        """
        types = None if type is None else known_types(type, self.counts().index)
        _require_texts(source=source, job=job)
        worst = None if severity is None else _severity(severity)
        start = None if since is None else _unix_seconds(since)
        key = (types, source, job, worst, start)
        with self._lock:
            if self._frames and next(iter(self._frames.values())).attrs["version"] != self.version:
                self._frames.clear()
            if key in self._frames:
                return self._frames[key].copy(deep=False)
            rows, version, dropped = list(self._rows), self.version, self.dropped
        frame = _make_frame(_chosen(rows, types, source, job, worst, start), types)
        frame.attrs.update(version=version, dropped=dropped)
        with self._lock:
            if version == self.version and len(self._frames) < _CACHED_FRAMES:
                self._frames[key] = frame
        return frame.copy(deep=False)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all rows to a parquet file, with every field of each message as JSON in the column ``fields``.

        Raises
        ------
        OutputExists
            The file is there already; it is never overwritten.
        """
        with new_file(path, "messages") as partial:
            with self._lock:
                rows, dropped = list(self._rows), self.dropped
            frame = _make_frame(rows, None)
            frame["fields"] = columns.texts([_fields_json(row.item) for row in rows])
            frame.attrs["dropped"] = dropped
            frame.to_parquet(partial, engine="pyarrow", index=False)

    def __repr__(self) -> str:
        return f"<MessageTable: {len(self)} messages, {self.dropped} dropped>"


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


def _require_texts(**values: object) -> None:
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is a name; got {value!r}")


_KNOWN = frozenset(plain_type(entry.type) for entry in CATALOGUE) | {"unparsed", "notice", "gap", "unknown"}
_BODIES = {plain_type(entry.type): entry.layout.cls for entry in CATALOGUE}


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


def _make_row(item: Item, time: float) -> _Row:
    if isinstance(item, Message):
        header, body = item.header, item.body
        kind, read = _READERS.get(type(body), _UNKNOWN)
        shown = read(body)
        kind = kind or header.type or message_type(body)
        return _Row(
            time, kind, header.source, header.identifier, header.mpi_id, *shown, item.size + _ROW_BYTES, item
        )
    if isinstance(item, Unparsed):
        return _Row(time, "Unparsed", "", "", None, None, None, item.text, item.size + _ROW_BYTES, item)
    if isinstance(item, Gap):
        return _Row(time, "Gap", "", "", None, None, None, item.reason, len(item.reason) + _ROW_BYTES, item)
    severity, size = _NOTICE_SEVERITY[item.severity], len(item.text) + _ROW_BYTES
    return _Row(time, "Notice", "", "", None, severity, None, item.text, size, item)


def _ends(item: Item, last: Item) -> bool:
    """Whether `item` is the end of the gap whose beginning `last` was; nothing is heard between the two."""
    return isinstance(item, Gap) and isinstance(last, Gap) and last == dataclasses.replace(item, end=None)


def _severity(value: str | int) -> int:
    if isinstance(value, str) and value.upper() in Severity.__members__:
        return int(Severity[value.upper()])
    if isinstance(value, int) and value in Severity.__members__.values():
        return int(value)
    raise ValueError(
        f"no severity {value!r}; there are {', '.join(columns.SEVERITIES)}, or numbers from 0 (fatal)"
    )


def _unix_seconds(since: Any) -> float:
    if isinstance(since, int | float):
        return float(since)
    try:
        return pd.Timestamp(since).timestamp()  # without a zone it counts as UTC
    except (TypeError, ValueError) as error:
        raise ValueError(f"since= is no time: {since!r}; give one such as '2026-11-22 10:52'") from error


def _chosen(
    rows: list[_Row],
    types: frozenset[str] | None,
    source: str | None,
    job: str | None,
    worst: int | None,
    start: float | None,
) -> list[_Row]:
    tests: list[Callable[[_Row], bool]] = []
    if types is not None:
        names = {row.type for row in rows}
        accepted = {name for name in names if plain_type(name) in types}
        tests.append(lambda row: row.type in accepted)
    if source is not None:
        tests.append(lambda row: row.source == source)
    if job is not None:
        tests.append(lambda row: row.job == job)
    if worst is not None:
        tests.append(lambda row: row.severity is not None and row.severity <= worst)
    if start is not None:
        tests.append(lambda row: row.time >= start)
    for test in tests:
        rows = [row for row in rows if test(row)]
    return rows


def _make_frame(rows: list[_Row], types: frozenset[str] | None) -> pd.DataFrame:
    time, kind, source, job, mpi_id, severity, state, text, _, items = (
        zip(*rows, strict=True) if rows else ((),) * 10
    )
    made = (
        columns.times(time),
        columns.texts(kind),
        columns.texts(source),
        columns.texts(job),
        columns.integers(mpi_id),
        columns.severities(severity),
        columns.texts(state),
        columns.texts(text),
    )
    found: dict[str, pd.Series[Any]] = dict(zip(_COLUMNS, made, strict=True))
    for name in _field_names(types or ()):
        column = f"body_{name}" if name in _COLUMNS else name
        bodies = (item.body if isinstance(item, Message) else item for item in items)
        found[column] = columns.values([getattr(body, name, None) for body in bodies])
    return pd.DataFrame(found)


def _field_names(types: Iterable[str]) -> list[str]:
    """Fields of these types that are no column of every frame, each once, in their own order."""
    names: dict[str, None] = {}
    for kind in sorted(types):
        cls = {**_BODIES, "unparsed": Unparsed, "gap": Gap}.get(kind)
        for field in dataclasses.fields(cls) if cls is not None else ():
            if field.name not in (*_TEXT_FIELDS, "state", "severity"):
                names[field.name] = None
    return list(names)


def _fields_json(item: Item) -> str:
    """All fields of a message as JSON; missing ones are left out."""
    content = item.body if isinstance(item, Message) else item
    fields = {name: value for name, value in dataclasses.asdict(content).items() if value is not None}
    return json.dumps(fields, ensure_ascii=False)
