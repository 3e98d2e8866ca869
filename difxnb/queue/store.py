# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a queue is kept: a file of SQLite, or memory.

Each change is one transaction, which is on the disk before the call returns. Several processes may change one file;
which of them starts jobs is settled by :class:`difxnb.queue.lease.Lease`.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from difxnb.errors import FileFormatError
from difxnb.queue.entry import QueueEntry, QueueState, shortened
from difxnb.queue.policy import RetryPolicy, policy_json
from difxnb.queue.rules import MOST_ROWS, moved
from difxnb.queue.store_file import PATIENCE_S, StoreFile
from difxnb.queue.store_looks import StoreLooks
from difxnb.queue.store_move import as_added, carry_over
from difxnb.queue.store_rows import require_priority, written

MOST_ENTRIES = 100_000
"""Jobs that one file holds, those that are over included."""

_OVER = tuple(str(state) for state in QueueState if state.is_over)
_UNDER_WAY = tuple(str(state) for state in QueueState if state.is_under_way)
_WAITS = tuple(str(state) for state in QueueState if state.waits)


class QueueStore(StoreLooks):
    """The entries of a queue, its history and its settings. It may be used from any thread.

    Parameters
    ----------
    path : path, optional
        The file; it is made where it is not there. Without it, memory.
    patience : float
        Seconds that a change waits for another process which is writing.

    Attributes
    ----------
    path : Path or None
    dropped : int
        Jobs that were over and are not shown any more, since there was no room for more.

    Raises
    ------
    FileFormatError
        A file of another kind, a damaged one, or of a newer layout.
    OSError
        The file cannot be opened; later: it cannot be read, or a change could not be written, and nothing of it was.
        Its `errno` is ``EBUSY`` where another process is writing, and ``ENOSPC`` where the disk is full.
    """

    def __init__(self, path: str | Path | None = None, *, patience: float = PATIENCE_S) -> None:
        self.path = None if path is None else Path(path)
        super().__init__(StoreFile(self.path, patience=patience))
        self.dropped = 0

    # --- changing -------------------------------------------------------------------------------------

    def together(self) -> contextlib.AbstractContextManager[None]:
        """Within it, all changes are made, or none is."""
        return self._file.changing()

    def add(
        self,
        input_file: str,
        *,
        server: str = "",
        session: str = "",
        priority: int = 0,
        machines: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        policy: RetryPolicy | None = None,
        why: str = "",
        of: str = "",
    ) -> QueueEntry:
        """Put a job at the end of the queue. One that is over may be added again: that is its next generation.

        Parameters
        ----------
        input_file : str
            Path on the server.
        server, session : str
            Where it runs, and what it belongs to; both are part of its key.
        priority, machines, options, policy, why
            As `QueueEntry` has them.
        of : str
            What it came from, for the history.

        Raises
        ------
        ValueError
            It is in the queue already and not over, or of a session that does not know its end; there is no room; its
            options cannot be kept in a file.
        """
        require_priority(priority)
        kept = self._kept(machines), self._kept(dict(options or {})), written(policy_json(policy))
        with self._file.changing():
            generation = self._generation(server, input_file, session)
            key = f"{server}|{input_file}|{session}|{generation}"
            number = self._insert(key, server, input_file, why, priority, session, kept)
            self._tell(number, "added", why, of=of)
            if kept[1] is None or (kept[0] is None and machines is not None):
                self._objects[number] = machines, dict(options or {})
            self._make_room()
        return self.entry(number)

    def claim(self, number: int) -> QueueEntry | None:
        """Mark a job as about to be started; None where somebody has taken it out of the line meanwhile."""
        with self._file.changing():
            self._settle()  # it keeps the place that it has now
            done = self._file.execute(
                "UPDATE entries SET state = ?, why = '', since = ?, progress = 0 WHERE number = ? AND hidden = 0 "
                f"AND state IN {_WAITS}",
                *(str(QueueState.STARTING), time.time(), number),
            )
            if done.rowcount != 1:
                return None
            self._tell(number, "started")
        return self.entry(number)

    def set_state(
        self,
        number: int,
        state: QueueState,
        why: str = "",
        *,
        what: str = "noted",
        progress: float | None = None,
        tries: int | None = None,
        of: str = "",
    ) -> QueueEntry:
        """Note in which state a job is now, and what has led to it; KeyError where there is none."""
        with self._file.changing():
            done = self._file.execute(
                "UPDATE entries SET state = ?, why = ?, since = ?, progress = coalesce(?, progress), "
                "tries = coalesce(?, tries) WHERE number = ?",
                *(str(state), shortened(why), time.time(), progress, tries, number),
            )
            if done.rowcount != 1:
                raise KeyError(number)
            self._tell(number, what, why, of=of)
        return self.entry(number)

    def set_progress(self, number: int, progress: float) -> None:
        """Note how far a job is; no line of the history."""
        with self._file.changing(quietly=True):
            self._file.execute("UPDATE entries SET progress = ? WHERE number = ?", progress, number)

    def note(self, number: int | None, why: str, *, what: str = "noted", of: str = "") -> None:
        """Write a line into the history, of one job or of the queue."""
        with self._file.changing():
            self._tell(number, what, why, of=of)

    def remove(self, number: int) -> None:
        """Take a job that waits, or one that is over, out of what is shown; its history stays.

        Raises
        ------
        ValueError
            It is under way.
        """
        with self._file.changing():
            entry = self.entry(number)
            if entry.state.is_under_way:
                raise ValueError(f"{entry.job} is {entry.state}; stop the job, then remove it")
            state = QueueState.REMOVED if entry.state.waits else entry.state
            self._file.execute(
                "UPDATE entries SET hidden = 1, state = ? WHERE number = ?", str(state), number
            )
            self._tell(number, "removed")

    def move(self, number: int, position: int, *, server: str | None = None) -> None:
        """Put a job that waits to another place, 1 is next, among those of a server; ValueError where it cannot be."""
        with self._file.changing():
            everything = self._fresh_entries()
            order = moved([one for one in everything if server in (None, one.server)], number, position)
            priority = next(one.priority for one in order if one.number == number)
            slots = iter(order)
            line = [next(slots) if server in (None, one.server) else one for one in everything]
            self._place(line)
            self._file.execute("UPDATE entries SET priority = ? WHERE number = ?", priority, number)
            self._tell(number, "noted", f"it was moved to position {position}")

    def priority(self, number: int, value: int) -> None:
        """Give a job another priority; the higher ones go first."""
        require_priority(value)
        with self._file.changing():
            self._file.execute("UPDATE entries SET priority = ? WHERE number = ?", value, number)
            self._tell(number, "noted", f"its priority is {value}")

    def hide(self, numbers: Iterable[int]) -> None:
        """Show some jobs no more; they stay in the history."""
        with self._file.changing():
            for number in numbers:
                self._file.execute("UPDATE entries SET hidden = 1 WHERE number = ?", number)

    def put_setting(self, name: str, value: Any) -> None:
        """Keep a setting, which has to be of plain values."""
        text = json.dumps(value, allow_nan=False)
        with self._file.changing():
            self._file.execute("INSERT OR REPLACE INTO settings VALUES(?, ?)", name, text)

    def take_over(self, other: QueueStore, *, also: Iterable[int] = ()) -> dict[int, int]:
        """Take what another store shows in, with its history; the answer has the new numbers by the old ones.

        Parameters
        ----------
        other : QueueStore
            Where they are now.
        also : iterable of int
            Numbers of those that it does not show any more, and which are not shown here either.

        Raises
        ------
        ValueError
            One of them is here already and not over, or cannot be kept; then none is taken in.
        """
        hidden = [other.entry(number) for number in also]
        coming = [*hidden, *other.entries()]
        numbers = dict[int, int]()
        with self._file.changing():
            for one in coming:
                numbers[one.number] = self.add(one.input_file, **as_added(one)).number
                set_state = "UPDATE entries SET state = ? WHERE number = ?"
                self._file.execute(set_state, str(one.state), numbers[one.number])
            carry_over(other._file, self._file, coming, numbers)
            self.hide(numbers[one.number] for one in hidden)
        return numbers

    def close(self) -> None:
        """Close the file; what is shown now stays to be looked at. A second call does nothing."""
        if not self.closed:
            with contextlib.suppress(OSError, FileFormatError):
                self.entries()
                self.setting("")
            self._file.close()

    def __enter__(self) -> QueueStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ---------------------------------------------------------------------------------------

    def _fresh_entries(self) -> list[QueueEntry]:
        self._entries = None
        found = self.entries()
        self._entries = None  # within a transaction, which may yet come to nothing
        return found

    def _place(self, line: Iterable[QueueEntry]) -> None:
        text = "UPDATE entries SET position = ? WHERE number = ? AND position != ?"
        for place, one in enumerate(line, 1):
            self._file.execute(text, place, one.number, place)

    def _generation(self, server: str, input_file: str, session: str) -> int:
        text = "SELECT state, session, hidden FROM entries WHERE server = ? AND input_file = ?"
        same = self._file.read(text, server, input_file)
        if any(state not in _OVER for state, *_ in same):
            raise ValueError(f"{input_file} is in the queue already")
        if session and (str(QueueState.UNKNOWN), session, 0) in same:
            raise ValueError(f"whether {input_file} still runs is not known; see to it, then remove it first")
        return 1 + sum(str(one) == session for _, one, _ in same)

    def _insert(
        self,
        key: str,
        server: str,
        input_file: str,
        why: str,
        priority: int,
        session: str,
        kept: tuple[str | None, str | None, str | None],
    ) -> int:
        if self._file.read("SELECT count(*) FROM entries")[0][0] >= MOST_ENTRIES:
            raise ValueError(f"{self.path or 'the queue'} holds {MOST_ENTRIES} jobs; begin another file")
        text = "UPDATE entries SET hidden = 1 WHERE hidden = 0 AND server = ? AND input_file = ?"
        self._file.execute(text, server, input_file)
        now = time.time()
        made = self._file.execute(
            "INSERT INTO entries(key, server, input_file, state, why, priority, position, added, since, progress, "
            "tries, session, machines, options, policy) VALUES(?, ?, ?, ?, ?, ?, "
            "1 + (SELECT coalesce(max(position), 0) FROM entries WHERE hidden = 0), ?, ?, 0, 0, ?, ?, ?, ?)",
            *(
                key,
                server,
                input_file,
                str(QueueState.WAITING),
                shortened(why),
                priority,
                now,
                now,
                session,
                *kept,
            ),
        )
        return int(made.lastrowid or 0)

    def _settle(self) -> None:
        """Write down the places that jobs which wait have by their priorities."""
        text = f"SELECT number, position FROM entries WHERE hidden = 0 AND state IN {_WAITS} ORDER BY position, number"
        by_place = self._file.read(text)
        in_turn = self._file.read(text.replace("ORDER BY", "ORDER BY priority DESC,"))
        for (_, place), (number, position) in zip(by_place, in_turn, strict=True):
            if place != position:
                self._file.execute("UPDATE entries SET position = ? WHERE number = ?", place, number)

    def _make_room(self) -> None:
        """Hide the oldest of those that are over, where more are shown than there is room for."""
        too_many = self._file.read("SELECT count(*) FROM entries WHERE hidden = 0")[0][0] - MOST_ROWS
        if too_many > 0:
            text = f"SELECT number FROM entries WHERE hidden = 0 AND state IN {_OVER} ORDER BY position, number LIMIT ?"
            going = [number for (number,) in self._file.read(text, too_many)]
            self.hide(going)
            self.dropped += len(going)

    def _tell(self, number: int | None, what: str, why: str = "", *, of: str = "") -> None:
        self._file.execute(
            "INSERT INTO history(at, number, state, why, progress, what, of) VALUES(?, ?, "
            "coalesce((SELECT state FROM entries WHERE number = ?), ''), ?, "
            "(SELECT progress FROM entries WHERE number = ?), ?, ?)",
            *(time.time(), number, number, shortened(why), number, what, of),
        )

    def _kept(self, values: Mapping[str, Any] | None) -> str | None:
        """Values as they are written; None where memory has to hold them as they are."""
        try:
            return written(values)
        except (TypeError, ValueError) as error:
            if self.path is None:
                return None
            names = ", ".join(values or ())
            raise ValueError(f"{names}: a file keeps texts, numbers and lists alone ({error})") from error
