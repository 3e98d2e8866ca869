# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the server as DataFrames. Times are UTC as ``datetime64[ns]`` unless a column says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from difxnb.client.placement import Placement
from difxnb.tables.columns import times
from difxnb.wire.files import Entry
from difxnb.wire.job import JobEvent, JobId
from difxnb.wire.status import JobStatusRecord

EVENT_COLUMNS = ("time", "source", "event", "severity", "text")

_CTIME = "%a %b %d %H:%M:%S %Y"
_SEVERITIES = {JobId.DIFX_MESSAGE: "INFO", JobId.DIFX_WARNING: "WARNING", JobId.DIFX_ERROR: "ERROR"}


def _texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts, None where missing; always of the same type, also where there are none at all."""
    return pd.Series(list(values), dtype=object)


def _moments(values: Iterable[datetime | None]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(pd.Series(list(values), dtype=object)).astype("datetime64[ns]")


def entries_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Files and directories: ``name path type mode owner group size modified``."""
    rows = list(entries)
    columns: dict[str, pd.Series[Any]] = {
        name: _texts(getattr(entry, name) for entry in rows)
        for name in ("name", "path", "type", "mode", "owner", "group")
    }
    columns["size"] = pd.Series([entry.size for entry in rows], dtype="int64")
    columns["modified"] = _moments(entry.modified.astimezone(UTC).replace(tzinfo=None) for entry in rows)
    return pd.DataFrame(columns)


def status_frame(records: Iterable[JobStatusRecord]) -> pd.DataFrame:
    """What the logs of jobs last said, one row each.

    Returns
    -------
    DataFrame
        ``job``, ``state`` (None without one), ``logged`` (local time of the server host, which is all that it
        tells), ``message``, ``log`` (``"status"``, ``"no_log"``: never started through guiServer,
        ``"no_status"``, ``"open_error"``), ``input``.
    """
    rows = list(records)
    return pd.DataFrame(
        {
            "job": _texts(PurePosixPath(record.input_file).stem for record in rows),
            "state": _texts(record.state or None for record in rows),
            "logged": _moments(_parse_ctime(record.time_text) for record in rows),
            "message": _texts(record.message for record in rows),
            "log": _texts(record.kind for record in rows),
            "input": _texts(record.input_file for record in rows),
        }
    )


def _parse_ctime(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _CTIME)
    except ValueError:
        # A damaged log line is no reason to lose the row.
        return None


def placement_frame(placement: Placement, failed_hosts: Sequence[str] = ()) -> pd.DataFrame:
    """Where the processes of a job run: ``node``, ``role`` (head, datastream, processor), ``threads``."""
    hosts = placement.hosts
    n_processors = min(len(placement.threads), len(hosts) - 1)
    roles = ["head", *["datastream"] * (len(hosts) - 1 - n_processors), *["processor"] * n_processors]
    threads = [None] * (len(hosts) - n_processors) + list(placement.threads[:n_processors])
    columns: dict[str, Any] = {"node": _texts(hosts), "role": _texts(roles[: len(hosts)])}
    frame = pd.DataFrame({**columns, "threads": pd.array(threads, dtype="Int64")})
    frame.attrs["failed_hosts"] = list(failed_hosts)
    return frame


def findings_frame(lines: Iterable[JobEvent], passed: bool | None) -> pd.DataFrame:
    """What a configuration check found: ``severity text``; ``attrs["passed"]`` is its verdict."""
    rows = [line for line in lines if line.id in _SEVERITIES]
    severities = _texts(_SEVERITIES[line.id] for line in rows)
    frame = pd.DataFrame({"severity": severities, "text": _texts(line.text for line in rows)})
    frame.attrs["passed"] = passed
    return frame


def conversation_frame(told: Iterable[tuple[float, JobEvent]]) -> pd.DataFrame:
    """What guiServer said of a run: `EVENT_COLUMNS`; events carry guiServer's names in lower case."""
    rows = list(told)
    events = [event for _, event in rows]
    columns: dict[str, pd.Series[Any]] = {
        "time": times(time for time, _ in rows),
        "source": _texts("guiServer" for _ in rows),
        "event": _texts(event.id.name.lower() for event in events),
        "severity": _texts(_SEVERITIES.get(event.id) for event in events),
        "text": _texts(event.text for event in events),
    }
    return pd.DataFrame(columns)
