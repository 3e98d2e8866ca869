# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs bring along from one file of a queue to another: since when, how far, what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from difxnb.queue.entry import QueueEntry
    from difxnb.queue.store_file import StoreFile


def as_added(entry: QueueEntry) -> dict[str, Any]:
    """Keywords of `QueueStore.add` for an entry of another store."""
    over = entry.state.is_over  # how to start it again does not matter, and may not be plain
    return {
        "server": entry.server,
        "session": entry.of_session,
        "priority": entry.priority,
        "machines": None if over else entry.machines,
        "options": {} if over else entry.options,
        "policy": entry.policy,
        "why": entry.why,
    }


def carry_over(
    old: StoreFile, new: StoreFile, entries: Iterable[QueueEntry], numbers: Mapping[int, int]
) -> None:
    """Write how entries stood into another file, and the history of them and of the queue, in its order.

    Parameters
    ----------
    old, new : StoreFile
        The other one within `StoreFile.changing`.
    entries : iterable of QueueEntry
        As they stood in the old one; they are in the new one, as if they had just been added.
    numbers : mapping of int to int
        Their new numbers, by the old ones.
    """
    for one in entries:
        new.execute(
            "UPDATE entries SET added = ?, since = ?, progress = ?, tries = ? WHERE number = ?",
            *(one.added, one.since, one.progress, one.tries, numbers[one.number]),
        )
        new.execute("DELETE FROM history WHERE number = ?", numbers[one.number])
    lines = old.read("SELECT number, at, state, why, progress, what, of FROM history ORDER BY id")
    for number, *line in lines:
        if number is None or number in numbers:
            new.execute(
                "INSERT INTO history(number, at, state, why, progress, what, of) VALUES(?, ?, ?, ?, ?, ?, ?)",
                *(None if number is None else numbers[number], *line),
            )
