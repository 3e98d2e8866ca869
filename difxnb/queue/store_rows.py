# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a queue's file to entries and lines of the history, and values to what is written into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from difxnb.errors import FileFormatError
from difxnb.queue.entry import QueueEntry, QueueState
from difxnb.queue.frames import Told
from difxnb.queue.policy import policy_of

COLUMNS = (
    "number, input_file, state, why, since, progress, machines, options, priority, added, tries, session, policy, key, "
    "server"
)
"""Of an entry, as `entry_of` takes them."""

HISTORY = """SELECT h.at, e.input_file, h.state, h.what, h.why, h.progress, e.session, h.of FROM history h
    LEFT JOIN entries e ON e.number = h.number"""
"""Lines of the history, as `told_of` takes them."""

_LARGEST = 2**31


def entry_of(row: tuple[Any, ...], path: Path | None) -> QueueEntry:
    """An entry from its row; FileFormatError where it is damaged."""
    number, input_file, state, why, since, progress, machines, options, *rest = row
    priority, added, tries, session, policy, key, server = rest
    try:
        return QueueEntry(
            number=int(number),
            input_file=str(input_file),
            state=QueueState(state),
            why=str(why),
            since=float(since),
            progress=float(progress),
            machines=plain_of(machines, path),
            options=plain_of(options, path) or {},
            priority=int(priority),
            added=float(added),
            tries=int(tries),
            of_session=str(session),
            policy=policy_of(plain_of(policy, path)),
            key=str(key),
            server=str(server),
        )
    except (ValueError, TypeError) as error:
        raise FileFormatError(path, f"entry {number}", f"the queue is damaged: {error}") from error


def told_of(row: tuple[Any, ...]) -> Told:
    """A line of the history from its row."""
    at, input_file, state, what, why, progress, session, of = row
    name = "" if input_file is None else PurePosixPath(input_file).stem
    return Told(at, name, state, what, why, progress, session or "", input_file or "", of)


def plain_of(text: str | None, path: Path | None) -> Any:
    """Plain values from what was written; FileFormatError where that is damaged."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(path, "", f"the queue is damaged: {error}") from error


def written(values: Mapping[str, Any] | None) -> str | None:
    """Values as they are written; TypeError or ValueError where they are more than texts, numbers and lists."""
    if values is None:
        return None
    plain = {name: sorted(one) if isinstance(one, set | frozenset) else one for name, one in values.items()}
    return json.dumps(plain, allow_nan=False)


def require_priority(value: int) -> None:
    """Refuse what is no priority; TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a priority is a whole number; got {value!r}")
    if not -_LARGEST < value < _LARGEST:
        raise ValueError(f"a priority is a number of up to nine digits; got {value}")
