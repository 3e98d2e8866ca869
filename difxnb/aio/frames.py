# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of the server as DataFrames. Times are UTC as ``datetime64[ns]`` unless a column says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.client.findings import Finding
from difxnb.client.mpi_test import TriedHost
from difxnb.client.placement import Placement
from difxnb.tables.columns import times
from difxnb.wire.files import Entry
from difxnb.wire.job import JobEvent, JobId

EVENT_COLUMNS = ("time", "source", "event", "severity", "text")

_EPOCH, _FIRST = datetime(1970, 1, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
_FIRST_STORABLE, _LAST_STORABLE = np.datetime64("1678-01-01"), np.datetime64("2262-01-01")
_SEVERITIES = {JobId.DIFX_MESSAGE: "INFO", JobId.DIFX_WARNING: "WARNING", JobId.DIFX_ERROR: "ERROR"}


def _texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts, None where missing; always of the same type, also where there are none at all."""
    return pd.Series(list(values), dtype=object)


def _moments(values: Iterable[datetime | None]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(pd.Series(list(values), dtype=object)).astype("datetime64[ns]")


def _ages(entries: Iterable[Entry]) -> NDArray[np.datetime64]:
    """Times as tables hold them; NaT where there is none, or one that nanoseconds in 64 bits cannot hold."""
    known = ((_FIRST if e.modified is None else e.modified) - _EPOCH for e in entries)
    found = np.fromiter(
        (age.days * 86_400_000_000 + age.seconds * 1_000_000 + age.microseconds for age in known), np.int64
    )
    moments = found.view("datetime64[us]")
    moments[(moments <= _FIRST_STORABLE) | (moments >= _LAST_STORABLE)] = "NaT"
    return moments.astype("datetime64[ns]")


def entries_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Files and directories: ``name path type mode owner group size modified``."""
    rows = list(entries)
    columns: dict[str, pd.Series[Any]] = {
        name: _texts(getattr(entry, name) for entry in rows)
        for name in ("name", "path", "type", "mode", "owner", "group")
    }
    columns["size"] = pd.Series([entry.size for entry in rows], dtype="int64")
    columns["modified"] = pd.Series(_ages(rows))
    return pd.DataFrame(columns)


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


def tried_frame(tried: Iterable[TriedHost], where: Placement | None) -> pd.DataFrame:
    """Which hosts answered through MPI: ``node roles answered seconds``."""
    rows = list(tried)
    roles: dict[str, list[str]] = {}
    if where is not None:
        for node, role in placement_frame(where)[["node", "role"]].itertuples(index=False):
            roles.setdefault(node, []).append(role)
    return pd.DataFrame(
        {
            "node": _texts(row.node for row in rows),
            "roles": _texts(", ".join(dict.fromkeys(roles.get(row.node, ()))) for row in rows),
            "answered": pd.array([row.answered for row in rows], dtype="boolean"),
            "seconds": pd.Series([row.seconds for row in rows], dtype=float),
        }
    )


def findings_frame(findings: Iterable[Finding], passed: bool) -> pd.DataFrame:
    """What speaks against a job: ``id severity blocks text``; ``attrs["passed"]`` says whether it would run."""
    rows = list(findings)
    columns: dict[str, Any] = {
        name: _texts(getattr(row, name) for row in rows) for name in ("id", "severity", "text")
    }
    columns["blocks"] = pd.Series([row.blocks for row in rows], dtype=bool)
    frame = pd.DataFrame(columns)[["id", "severity", "blocks", "text"]]
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


def told_frame(rows: Iterable[tuple[float, str, str]]) -> pd.DataFrame:
    """What happened, and when (unix seconds), as ``time event text``."""
    told = list(rows)
    return pd.DataFrame(
        {
            "time": times(row[0] for row in told),
            "event": _texts(row[1] for row in told),
            "text": _texts(row[2] for row in told),
        }
    )
