# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries and the history of a queue as DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from difxnb.queue.entry import QueueEntry
from difxnb.queue.rules import positions

if TYPE_CHECKING:
    import pandas as pd


class Told(NamedTuple):
    """One line of a history.

    Attributes
    ----------
    at : float
        Unix seconds.
    job, session, input_file : str
        Empty where the queue as a whole is meant.
    state : str
        Of the job, then.
    what : str
        ``added``, ``started``, ``accepted``, ``retried``, ``ended``, ``removed``, ``suspended``, ``resumed``,
        ``noted``.
    why : str
    progress : float or None
    of : str
        What it was about beside the job: the job that it came from, the condition.
    """

    at: float
    job: str
    state: str
    what: str
    why: str
    progress: float | None
    session: str
    input_file: str
    of: str


def queue_frame(entries: Sequence[QueueEntry], dropped: int) -> pd.DataFrame:
    """Entries as a table; see `JobQueue.frame`."""
    import pandas as pd

    from difxnb.tables import columns

    places = positions(entries)
    frame = pd.DataFrame(
        {
            "position": pd.array([places.get(one.number) for one in entries], dtype="Int64"),
            "job": columns.texts(one.job for one in entries),
            "state": columns.texts(str(one.state) for one in entries),
            "priority": pd.array([one.priority for one in entries], dtype="int64"),
            "progress": columns.numbers(one.progress for one in entries),
            "since": columns.times(one.since for one in entries),
            "tries": pd.array([one.tries for one in entries], dtype="int64"),
            "session": columns.texts(one.of_session for one in entries),
            "why": columns.texts(one.why for one in entries),
            "input": columns.texts(one.input_file for one in entries),
        }
    )
    frame.attrs["dropped"] = dropped
    return frame


def history_frame(told: Sequence[Told]) -> pd.DataFrame:
    """A history as a table, oldest first; see `JobQueue.history`."""
    import pandas as pd

    from difxnb.tables import columns

    return pd.DataFrame(
        {
            "at": columns.times(one.at for one in told),
            "job": columns.texts(one.job for one in told),
            "state": columns.texts(one.state for one in told),
            "what": columns.texts(one.what for one in told),
            "why": columns.texts(one.why for one in told),
            "progress": columns.numbers(one.progress for one in told),
            "session": columns.texts(one.session for one in told),
            "of": columns.texts(one.of for one in told),
            "input": columns.texts(one.input_file for one in told),
        }
    )


def conditions_frame(rows: Sequence[tuple[str, bool, float | None, str]]) -> pd.DataFrame:
    """Conditions as a table: id, whether it holds, since when, why."""
    import pandas as pd

    from difxnb.tables import columns

    return pd.DataFrame(
        {
            "id": columns.texts(row[0] for row in rows),
            "holds": columns.flags(row[1] for row in rows),
            "since": columns.times(row[2] for row in rows),
            "why": columns.texts(row[3] for row in rows),
        }
    )
