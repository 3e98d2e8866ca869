# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the server as DataFrames. Times are UTC as ``datetime64[ns]`` unless a column says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePosixPath

import pandas as pd

from difxnb.client.placement import Placement
from difxnb.wire.files import Entry
from difxnb.wire.job import JobEvent, JobId
from difxnb.wire.status import JobStatusRecord

EVENT_COLUMNS = ("time", "source", "event", "severity", "text")

_ENTRY_COLUMNS = ("name", "path", "type", "mode", "owner", "group", "size", "modified")
_CTIME = "%a %b %d %H:%M:%S %Y"
_SEVERITIES = {JobId.DIFX_MESSAGE: "INFO", JobId.DIFX_WARNING: "WARNING", JobId.DIFX_ERROR: "ERROR"}


def entries_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Files and directories: ``name path type mode owner group size modified``."""
    rows = [tuple(getattr(entry, column) for column in _ENTRY_COLUMNS) for entry in entries]
    frame = pd.DataFrame(rows, columns=list(_ENTRY_COLUMNS))
    modified = pd.to_datetime(frame["modified"], utc=True).dt.tz_localize(None)
    return frame.assign(size=frame["size"].astype("int64"), modified=modified.astype("datetime64[ns]"))


def status_frame(records: Iterable[JobStatusRecord]) -> pd.DataFrame:
    """What the logs of jobs last said, one row each.

    Returns
    -------
    DataFrame
        ``job``, ``state`` (None without one), ``logged`` (local time of the server host, which is all that it
        tells), ``message``, ``log`` (``"status"``, ``"no_log"``: never started through guiServer,
        ``"no_status"``, ``"open_error"``), ``input``.
    """
    rows = [
        (
            PurePosixPath(record.input_file).stem,
            record.state or None,
            _parse_ctime(record.time_text),
            record.message,
            record.kind,
            record.input_file,
        )
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=["job", "state", "logged", "message", "log", "input"])
    return frame.assign(logged=pd.to_datetime(frame["logged"]).astype("datetime64[ns]"))


def _parse_ctime(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _CTIME)
    except ValueError:
        # A damaged log line is no reason to lose the row.
        return None


def placement_frame(placement: Placement, failed_hosts: Sequence[str] = ()) -> pd.DataFrame:
    """Where the processes of a job run: ``node``, ``role`` (head, datastream, processor), ``threads``."""
    n_rest = len(placement.hosts) - 1
    n_processors = min(len(placement.threads), n_rest)
    roles = ["head", *["datastream"] * (n_rest - n_processors), *["processor"] * n_processors]
    threads = [None] * (len(roles) - n_processors) + list(placement.threads[:n_processors])
    frame = pd.DataFrame({"node": list(placement.hosts), "role": roles[: len(placement.hosts)]})
    frame["threads"] = pd.array(threads[: len(frame)], dtype="Int64")
    frame.attrs["failed_hosts"] = list(failed_hosts)
    return frame


def findings_frame(lines: Iterable[JobEvent], passed: bool | None) -> pd.DataFrame:
    """What a configuration check found: ``severity text``; ``attrs["passed"]`` is its verdict."""
    rows = [(_SEVERITIES[line.id], line.text) for line in lines if line.id in _SEVERITIES]
    frame = pd.DataFrame(rows, columns=["severity", "text"])
    frame.attrs["passed"] = passed
    return frame


def conversation_frame(events: Iterable[tuple[float, JobEvent]]) -> pd.DataFrame:
    """What guiServer said of a run: `EVENT_COLUMNS`; events carry guiServer's names in lower case."""
    rows = [
        (time, "guiServer", event.id.name.lower(), _SEVERITIES.get(event.id), event.text)
        for time, event in events
    ]
    frame = pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
    return frame.assign(time=pd.to_datetime(frame["time"].astype(float), unit="s").astype("datetime64[ns]"))
