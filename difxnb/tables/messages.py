# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per message: what came is kept as it is, columns are made when somebody looks.

In go :class:`~difxnb.wire.message.Message`, ``Unparsed``, ``Notice`` and ``Gap``, out come DataFrames. The frame
follows ``difxmessage.md`` 11.4; a message that could not be read is a row with its text.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from itertools import islice
from os import PathLike
from typing import Any

import pandas as pd

from difxnb.formats.new_file import new_file
from difxnb.markup import titled
from difxnb.tables import columns
from difxnb.tables.message_columns import Filter, View, frame_of
from difxnb.tables.message_rows import (
    Item,
    Row,
    ends_gap,
    fields_json,
    known_types,
    make_row,
    plain_type,
    require_texts,
    severity_number,
    unix_seconds,
)
from difxnb.tables.traffic import COUNTED_TYPES, OTHER_TYPES

__all__ = ["Item", "MessageTable", "known_types", "plain_type"]

_CACHED_FRAMES = 8
_VIEWS = 6  # selections of types of which the columns are kept
_SHOWN = 10


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
        self._rows: deque[Row] = deque()
        self._bytes = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._frames: dict[Any, pd.DataFrame] = {}
        self._views: OrderedDict[Any, View] = OrderedDict()
        self._looking = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, item: Item, time: float, *, lost: int | None = None, duplicate: bool = False) -> None:
        """Append one message.

        Parameters
        ----------
        item : Message, Unparsed, Notice or Gap
            As the connection understood it. A gap that has ended takes the row of its beginning.
        time : float
            When it was received, unix seconds.
        lost : int, optional
            Messages of the same sender that are missing before it; None where nobody can tell.
        duplicate : bool
            Whether the same message has come before.
        """
        row = make_row(item, time, lost, duplicate)
        with self._lock:
            if self._rows and ends_gap(item, self._rows[-1].item):
                self._bytes -= self._rows.pop().size
                self._counts[row.type] -= 1
            self._rows.append(row)
            self._bytes += row.size
            self._counts[self._counted_as(row.type)] += 1
            self.version += 1
            while len(self._rows) > self.limit or (self._bytes > self.limit_bytes and len(self._rows) > 1):
                self._bytes -= self._rows.popleft().size
                self.dropped += 1

    def _counted_as(self, kind: str) -> str:
        return kind if kind in self._counts or len(self._counts) < COUNTED_TYPES else OTHER_TYPES

    def counts(self) -> pd.Series[int]:
        """Messages per type since the start, dropped ones included; most frequent first."""
        with self._lock:
            counted = self._counts.most_common()
        types = pd.Index([kind for kind, _ in counted], dtype=object, name="type")
        return pd.Series([count for _, count in counted], index=types, dtype="int64", name="count")

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
        *,
        envelope: bool = False,
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
        envelope : bool
            Add what else the envelope tells: ``host`` (short name, lower case), ``to``, ``sequence``, ``size`` (bytes),
            ``lost`` (messages of the same sender missing before this one; -1 for one that came late after all),
            ``duplicate``, ``flags`` (what was odd).

        Returns
        -------
        DataFrame
            Columns ``time`` (UTC), ``type``, ``from``, ``job``, ``mpi_id``, ``severity`` (ordered),
            ``state``, ``text``, then with `type` the fields of those types under their own names. The number
            of rows that fell out of the table is in ``attrs["dropped"]``. Columns can be
            added to it; the values are shared with the table's own snapshot.

            Units of fields are those of the wire (``difxmessage.md`` 6): kiB, bytes/s, Mbit/s. Every date ``…_mjd`` has
            a time ``…_time`` beside it (UTC), missing where the sender used the field for something else. Begin and end
            of a gap are times.

        Raises
        ------
        ValueError, TypeError
            A type or severity that does not exist, or what is no time, or no text.
        """
        types = None if type is None else known_types(type, self.counts().index)
        require_texts(source=source, job=job)
        worst = None if severity is None else severity_number(severity)
        start = None if since is None else unix_seconds(since)
        wanted = Filter(source, job, worst, start)
        key = (types, envelope, wanted)
        with self._looking:
            with self._lock:
                cached = self._frames.get(key)
                if cached is not None and cached.attrs["version"] == self.version:
                    return cached.copy(deep=False)
                view = self._view(types, envelope=envelope)
                news = self._news_for(view)
                version, dropped = self.version, self.dropped
            # Columns are made outside the lock, which the connection's thread needs.
            view.take(*news)
            frame = view.frame(wanted)
            frame.attrs.update(version=version, dropped=dropped)
            self._remember(key, frame)
        return frame.copy(deep=False)

    def _view(self, types: frozenset[str] | None, *, envelope: bool) -> View:
        key = (types, envelope)
        view = self._views.pop(key, None) or View(types, envelope=envelope)
        self._views[key] = view
        if len(self._views) > _VIEWS:
            self._views.popitem(last=False)
        return view

    def _news_for(self, view: View) -> tuple[list[Row], int, int]:
        """Rows that a view has not had, the number of the first of them, and that of the first row there is."""
        first, end = self.dropped, self.dropped + len(self._rows)
        number = max(view.position, first)
        # Only the last row can have been replaced, when a gap ended.
        if view.position > first and self._rows[view.position - 1 - first] is not view.last:
            number -= 1
        return list(islice(reversed(self._rows), end - number))[::-1], number, first

    def _remember(self, key: Any, frame: pd.DataFrame) -> None:
        for old in [
            old for old, kept in self._frames.items() if kept.attrs["version"] != frame.attrs["version"]
        ]:
            del self._frames[old]
        if len(self._frames) < _CACHED_FRAMES:
            self._frames[key] = frame

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
            frame = frame_of(rows)
            frame["fields"] = columns.texts([fields_json(row.item) for row in rows])
            frame.attrs["dropped"] = dropped
            frame.to_parquet(partial, engine="pyarrow", index=False)

    def __repr__(self) -> str:
        return f"<MessageTable: {len(self)} messages, {self.dropped} dropped>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame().tail(_SHOWN))
