# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be seen of a queue where it is kept: entries, history, settings. Nothing is changed by looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from difxnb.queue.entry import QueueEntry
from difxnb.queue.frames import Told, history_frame
from difxnb.queue.rules import in_line
from difxnb.queue.store_rows import COLUMNS, HISTORY, entry_of, plain_of, told_of

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.queue.store_file import StoreFile

_MOST_ROWS = 2**31

Row = tuple[Any, ...]


class StoreLooks:
    """What is in a file.

    Parameters
    ----------
    file : StoreFile
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._objects: dict[int, tuple[Mapping[str, Any] | None, Mapping[str, Any]]] = {}
        self._read: dict[int, tuple[Row, QueueEntry]] = {}
        self._entries: tuple[int, tuple[QueueEntry, ...]] | None = None
        self._settings: tuple[int, dict[str, Any]] | None = None

    @property
    def version(self) -> int:
        """Moves with every change but that of the progress."""
        return self._file.version

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    def entries(self, *, hidden: bool = False) -> list[QueueEntry]:
        """Every job that is shown, in the order of the queue; with `hidden` those before them that are not."""
        if hidden:
            rows = self._file.read(f"SELECT {COLUMNS} FROM entries WHERE hidden = 1 ORDER BY number")
            return [*(self._entry(row) for row in rows), *self.entries()]
        with self._file.lock:
            if self._entries is None or (self._entries[0] != self.version and not self.closed):
                text = f"SELECT {COLUMNS} FROM entries WHERE hidden = 0 ORDER BY position, number"
                self._entries = self.version, tuple(in_line(self._shown(self._file.read(text))))
            return list(self._entries[1])

    def entry(self, number: int) -> QueueEntry:
        """One job by its number, also where it is not shown any more; KeyError where there is none."""
        rows = self._file.read(f"SELECT {COLUMNS} FROM entries WHERE number = ?", number)
        if not rows:
            raise KeyError(number)
        return self._entry(rows[0])

    def came_in_place(self, input_file: str, server: str) -> bool:
        """Whether a job was put into the queue in the place of another, also where it is not shown any more."""
        text = (
            "SELECT 1 FROM entries e JOIN history h ON h.number = e.number "
            "WHERE e.input_file = ? AND e.server = ? AND h.what = 'added' AND h.of != '' LIMIT 1"
        )
        return bool(self._file.read(text, input_file, server))

    def told(self, *, since: float | None = None, limit: int = 1000, number: int | None = None) -> list[Told]:
        """Lines of the history since then, perhaps of one entry only, oldest first; of too many, the latest."""
        wanted, values = "h.at >= ?", [float("-inf") if since is None else since]
        if number is not None:
            wanted, values = f"{wanted} AND h.number = ?", [*values, number]
        text = f"{HISTORY} WHERE {wanted} ORDER BY h.id DESC LIMIT ?"
        rows = self._file.read(text, *values, max(0, min(limit, _MOST_ROWS)))
        return [told_of(row) for row in reversed(rows)]

    def history(self, since: float | None = None, limit: int = 1000) -> pd.DataFrame:
        """What happened since then (unix seconds): ``at job state what why progress session of input``; see `told`."""
        return history_frame(self.told(since=since, limit=limit))

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting, as plain values."""
        with self._file.lock:
            if self._settings is None or (self._settings[0] != self.version and not self.closed):
                rows = self._file.read("SELECT name, value FROM settings")
                self._settings = self.version, {row[0]: plain_of(row[1], self._file.path) for row in rows}
            return self._settings[1].get(name, default)

    def seen_version(self) -> int:
        """A number that moves where another process has changed the file; what is looked at then is new."""
        return self._file.look()

    # --- inside ---------------------------------------------------------------------------------------

    def _shown(self, rows: list[Row]) -> list[QueueEntry]:
        """Entries of rows; only those that have changed are read anew."""
        before, self._read = self._read, {}
        for row in rows:
            known = before.get(row[0])
            self._read[row[0]] = known if known is not None and known[0] == row else (row, self._entry(row))
        return [entry for _, entry in self._read.values()]

    def _entry(self, row: Row) -> QueueEntry:
        entry = entry_of(row, self._file.path)
        alive = self._objects.get(entry.number)
        return entry if alive is None else replace(entry, machines=alive[0], options=alive[1])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._file.path or 'in memory'}: {len(self.entries())} jobs>"
