# SPDX-License-Identifier: GPL-3.0-or-later
"""One row per message: what came is kept as it is, columns are made when somebody looks.

In go :class:`~difxnb.wire.message.Message`, ``Unparsed``, ``Notice`` and ``Gap``, out come DataFrames. The frame
follows ``difxmessage.md`` 11.4; a message that could not be read is a row with its text.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable
from os import PathLike
from typing import Any

import pandas as pd

from difxnb.formats.new_file import new_file
from difxnb.tables import columns
from difxnb.tables.message_rows import (
    Item,
    Row,
    add_envelope,
    chosen,
    ends_gap,
    fields_json,
    known_types,
    make_frame,
    make_row,
    plain_type,
    require_texts,
    severity_number,
    unix_seconds,
)

__all__ = ["Item", "MessageTable", "known_types", "plain_type"]

_CACHED_FRAMES = 8


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

        Raises
        ------
        ValueError, TypeError
            A type or severity that does not exist, or what is no time, or no text.
        """
        types = None if type is None else known_types(type, self.counts().index)
        require_texts(source=source, job=job)
        worst = None if severity is None else severity_number(severity)
        start = None if since is None else unix_seconds(since)
        key = (types, source, job, worst, start, envelope)
        with self._lock:
            if self._frames and next(iter(self._frames.values())).attrs["version"] != self.version:
                self._frames.clear()
            if key in self._frames:
                return self._frames[key].copy(deep=False)
            rows, version, dropped = list(self._rows), self.version, self.dropped
        wanted = chosen(rows, types, source, job, worst, start)
        frame = make_frame(wanted, types)
        if envelope:
            add_envelope(frame, wanted)
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
            frame = make_frame(rows, None)
            frame["fields"] = columns.texts([fields_json(row.item) for row in rows])
            frame.attrs["dropped"] = dropped
            frame.to_parquet(partial, engine="pyarrow", index=False)

    def __repr__(self) -> str:
        return f"<MessageTable: {len(self)} messages, {self.dropped} dropped>"
