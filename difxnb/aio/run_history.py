# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log tells of the time before anybody listened to a run: its weights and what happened.

In: a run as its log tells it. Out: the same kinds of rows that messages give.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from difxnb.aio.frames import EVENT_COLUMNS
from difxnb.aio.run_watch import Row
from difxnb.client.job_verdict import Attempt
from difxnb.formats.difxlog import parse_time
from difxnb.formats.input_model import Input
from difxnb.tables.columns import mjd_seconds, times

# How far the time of a line may be off.
_LOG_S = 2.0

NO_WEIGHTS = pd.DataFrame({"time": [], "datastream": [], "weight": []})


def int_time(inp: Input) -> float:
    """Length of an integration, s; 0 where the job has no configuration."""
    return inp.configurations[0].int_time if inp.configurations else 0.0


def weights_of_log(attempt: Attempt, inp: Input) -> pd.DataFrame:
    """Rows ``time datastream weight``, times those of the integrations (UTC, middle).

    Weights whose integration the log does not name are left out: it says only when they were written.
    """
    start = inp.start_mjd + inp.start_seconds / 86400
    rows = [
        (mjd_seconds(start + (offset + int_time(inp) / 2) / 86400), stream, weight)
        for offset, weights in attempt.weights
        if offset is not None
        for stream, weight in enumerate(weights)
        if weight >= 0
    ]
    if not rows:
        return NO_WEIGHTS
    return pd.DataFrame(
        {
            "time": times(row[0] for row in rows),
            "datastream": pd.Series([row[1] for row in rows], dtype="int64"),
            "weight": pd.Series([row[2] for row in rows], dtype=float),
        }
    )


def older_first(logged: pd.DataFrame, heard: pd.DataFrame) -> pd.DataFrame:
    """Join weights of a log and of messages; from the first message on the log adds nothing."""
    if heard.empty or logged.empty:
        return logged if heard.empty else heard
    before: pd.DataFrame = logged[logged["time"] < heard["time"].min() - pd.Timedelta(seconds=0.1)]
    return pd.concat([before, heard[list(NO_WEIGHTS.columns)]], ignore_index=True)


def not_heard(logged: Iterable[Row], heard: pd.DataFrame) -> list[Row]:
    """Rows of a log from before the first message; those that were heard as well are not told twice.

    A log and the server's clock have whole seconds, so a row may seem to be older than the message that it is of.
    """
    first = heard["time"].min().timestamp()
    same = set(heard.loc[heard["time"] < pd.Timestamp(first + _LOG_S, unit="s"), "text"])
    return [row for row in logged if row[0] < first - _LOG_S or (row[0] < first and row[4] not in same)]


def rows_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a table of `EVENT_COLUMNS`."""
    table = list(rows)
    columns = {
        name: pd.Series([row[i] for row in table], dtype=object) for i, name in enumerate(EVENT_COLUMNS)
    }
    return pd.DataFrame(columns | {"time": times(row[0] for row in table)})


def rows_of_log(attempt: Attempt, clock_offset: float | None) -> list[Row]:
    """Changes of state, warnings and errors; none where nobody knows the server's clock."""
    rows: list[Row] = []
    for entry in attempt.notable:
        when = parse_time(entry.time_text)
        if when is None or clock_offset is None:
            continue
        seconds = (when - pd.Timestamp(0).to_pydatetime()).total_seconds() + clock_offset
        if entry.kind == "STATUS":
            rows.append((seconds, "difxlog", "state", None, f"{entry.state} {entry.message}".strip()))
        else:
            rows.append((seconds, "difxlog", "alert", entry.kind, entry.text))
    return rows
