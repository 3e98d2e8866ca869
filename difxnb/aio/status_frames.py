# SPDX-License-Identifier: GPL-3.0-or-later
"""States and logs of jobs as DataFrames, with the times that the server's clock allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from difxnb.client.job_status import StatusReport
from difxnb.formats.difxlog import parse_time
from difxnb.tables.columns import moments
from difxnb.tables.difxlog import JobLog

_HISTORY_COLUMNS = (
    *("job", "time", "logged", "type", "from", "mpi_id", "severity", "state", "text", "run", "line", "input"),
)
_TEXTS = ("job", "type", "from", "state", "text", "input")


def status_frame(report: StatusReport) -> pd.DataFrame:
    """What the logs of jobs last said, one row each; see `Correlator.job_status`."""
    rows = report.records
    logged = moments(parse_time(record.time_text) for record in rows)
    frame = pd.DataFrame(
        {
            "job": _texts(PurePosixPath(record.input_file).stem for record in rows),
            "state": _texts(record.state or None for record in rows),
            "time": logged - _delta(report.utc_offset),
            "logged": logged,
            "message": _texts(record.message for record in rows),
            "log": _texts(record.kind for record in rows),
            "input": _texts(record.input_file for record in rows),
        }
    )
    _note_clock(frame, report)
    return frame


def history_frame(
    report: StatusReport, logs: Mapping[str, JobLog], without_log: Sequence[str]
) -> pd.DataFrame:
    """All lines of some logs; see `Correlator.job_status`."""
    pieces = []
    for input_file, log in (logs or {"": JobLog(b"")}).items():
        piece = log.frame()
        piece.insert(0, "input", pd.Series([input_file] * len(piece), dtype=object))
        pieces.append(piece)
    frame = pd.concat(pieces, ignore_index=True)
    frame = frame.rename(columns={"time": "logged"})
    frame["time"] = frame["logged"] - _delta(report.utc_offset)
    frame.attrs.clear()
    for name in _TEXTS:  # of one type, also where there are none
        frame[name] = frame[name].astype(object)
    frame.attrs["without_log"] = list(without_log)
    _note_clock(frame, report)
    return frame[list(_HISTORY_COLUMNS)]


def _note_clock(frame: pd.DataFrame, report: StatusReport) -> None:
    """Say on what the times of a frame rest."""
    frame.attrs["utc_offset"] = _delta(report.utc_offset)
    frame.attrs["clock_difference"] = _delta(report.clock_difference)


def _delta(value: timedelta | None) -> Any:
    return pd.NaT if value is None else pd.Timedelta(value)


def _texts(values: Iterable[str | None]) -> pd.Series[str]:
    """Texts, None where missing; always of the same type, also where there are none at all."""
    return pd.Series(list(values), dtype=object)
