# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns that grow: what was made of earlier rows is kept, so that a snapshot costs a copy and the new rows.

In go rows, in the order of their coming; out come DataFrames. A million rows that were looked at once need not be
looked at again because one came after them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.tables.columns import Kind

_LEAST_ROOM = 256


class Column(NamedTuple):
    """A column: its name, its kind, and how its values are read off rows."""

    name: str
    kind: Kind
    read: Callable[[Sequence[Any]], Sequence[Any]]


def place(name: str, kind: Kind, index: int) -> Column:
    """A column of which the values stand at `index` in each row."""
    return Column(name, kind, lambda rows: [row[index] for row in rows])


Keep = Callable[[dict[str, NDArray[Any]]], NDArray[np.bool_] | None]
"""From the first array of every column to which rows are wanted; None for all."""


class GrownColumns:
    """Columns of rows that have numbers, which grow. For one thread at a time."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._begin = self._end = 0
        self._numbers: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._arrays: list[list[NDArray[Any]]] = [list(column.kind.split([])) for column in self._columns]

    def __len__(self) -> int:
        return self._end - self._begin

    def extend(self, rows: Sequence[Any], numbers: NDArray[np.int64]) -> None:
        """Add rows; their numbers go up."""
        if not rows:
            return
        self._make_room(len(rows))
        new = slice(self._end, self._end + len(rows))
        for column, arrays in zip(self._columns, self._arrays, strict=True):
            for array, values in zip(arrays, column.kind.split(column.read(rows)), strict=True):
                array[new] = values
        self._numbers[new] = numbers
        self._end = new.stop

    def drop_before(self, number: int) -> None:
        """Let go of rows with lower numbers."""
        begin = self._begin + int(np.searchsorted(self._numbers[self._begin : self._end], number))
        for arrays in self._arrays:
            for array in arrays:
                if array.dtype == object:
                    array[self._begin : begin] = None  # or they would live on in here
        self._begin = begin

    def drop_from(self, number: int) -> None:
        """Take back rows with this number or higher ones."""
        self._end = self._begin + int(np.searchsorted(self._numbers[self._begin : self._end], number))

    def frame(self, keep: Keep | None = None) -> pd.DataFrame:
        """Rows as a DataFrame, which is nobody else's."""
        whole = slice(self._begin, self._end)
        wanted = None if keep is None else keep(self._firsts(whole))
        made = {
            column.name: column.kind.join(
                *(array[whole].copy() if wanted is None else array[whole][wanted] for array in arrays)
            )
            for column, arrays in zip(self._columns, self._arrays, strict=True)
        }
        return pd.DataFrame(made, copy=False)

    def _firsts(self, whole: slice) -> dict[str, NDArray[Any]]:
        return {
            column.name: arrays[0][whole] for column, arrays in zip(self._columns, self._arrays, strict=True)
        }

    def _make_room(self, more: int) -> None:
        if self._end + more <= len(self._numbers):
            return
        live = slice(self._begin, self._end)
        room = max(_LEAST_ROOM, (len(self) + more) * 3 // 2)
        self._numbers = _moved(self._numbers, live, room)
        self._arrays = [[_moved(array, live, room) for array in arrays] for arrays in self._arrays]
        self._begin, self._end = 0, len(self)


def _moved(array: NDArray[Any], live: slice, room: int) -> NDArray[Any]:
    larger = np.empty(room, dtype=array.dtype)
    larger[: live.stop - live.start] = array[live]
    return larger


class RowLog:
    """The last rows of something, appended in constant time; columns are made when somebody looks.

    One thread may append while others look.

    Attributes
    ----------
    limit : int
        Most rows kept; the oldest fall out.
    """

    def __init__(self, columns: Sequence[Column], limit: int) -> None:
        if limit < 1:
            raise ValueError("a log needs room for at least one row")
        self.limit = limit
        self._fresh: deque[Any] = deque(maxlen=limit)
        self._appended = 0
        self._grown = GrownColumns(columns)
        self._lock, self._looking = threading.Lock(), threading.Lock()

    @property
    def dropped(self) -> int:
        """Rows that fell out."""
        return max(0, self._appended - self.limit)

    def __len__(self) -> int:
        return min(self._appended, self.limit)

    def append(self, row: Any) -> None:
        """Add a row."""
        with self._lock:
            self._fresh.append(row)
            self._appended += 1

    def frame(self, keep: Keep | None = None) -> pd.DataFrame:
        """Rows as a DataFrame, oldest first; ``attrs["dropped"]`` counts those that fell out."""
        with self._looking:
            with self._lock:
                rows, until = list(self._fresh), self._appended
                self._fresh.clear()
            self._grown.drop_before(until - self.limit)
            self._grown.extend(rows, np.arange(until - len(rows), until))
            frame = self._grown.frame(keep)
        frame.attrs["dropped"] = max(0, until - self.limit)
        return frame
