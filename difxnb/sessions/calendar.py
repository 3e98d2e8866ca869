# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of sessions: which are done, which run, which failed, and which were expected and are not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, Literal

import pandas as pd

from difxnb.sessions.finding import Recorded, names_of, recorded, rows_of, time_of
from difxnb.sessions.master import read_master
from difxnb.tables.columns import integers, texts, times

State = Literal["done", "missing", "running", "failed"]

_LAST_STEP = "report"
_COLUMNS = ("session", "start", "expected_start", "state", "done", "jobs", "stations", "missing", "directory")


def session_calendar(
    records: str | PathLike[str] | Iterable[str | PathLike[str]],
    expected: pd.DataFrame | str | PathLike[str] | None = None,
    *,
    now: Callable[[], float] = time.time,
) -> pd.DataFrame:
    """Hold the sessions that there are against those that there should be.

    Parameters
    ----------
    records : path, pattern, or iterable of paths
        A folder with sessions in it and below (each with its ``record.jsonl``), a pattern, or folders one by one.
    expected : DataFrame or path, optional
        A master schedule of the IVS (see :func:`difxnb.sessions.read_master`), or a table with ``session`` and
        ``start``, and where known ``duration`` (s). Upper and lower case of a session are one.
    now : callable
        Gives unix seconds: a session that is not over yet is not missing.

    Returns
    -------
    DataFrame
        One row per session in order of time: ``session``; ``start`` (UTC, of its schedule, else of its record);
        ``expected_start``; ``state``: ``done`` (its report was made), ``failed`` (its last step failed), ``running``
        (anything else that has begun), ``missing`` (expected, over, and without a record); ``done`` (UTC); ``jobs``,
        how many were correlated; ``stations``; ``missing``, stations without data; ``directory``.
        ``attrs["notes"]`` says what could not be read, ``attrs["not_due"]`` how many expected sessions are to come.

    Raises
    ------
    FileNotFoundError
        There is no such folder or schedule.
    FileFormatError
        The master schedule cannot be read.
    ValueError
        The table of expected sessions lacks columns.
    """
    found, notes = recorded(records)
    wanted = _expected(expected)
    starts = {str(row["session"]).lower(): row["start"] for row in wanted.to_dict("records")}
    rows = [_row(one, starts.get(one.session.lower())) for one in found]
    known = {one.session.lower() for one in found}
    moment = pd.Timestamp(now(), unit="s")
    due = wanted[~wanted["session"].isin(known)]
    is_over = due["start"] + pd.to_timedelta(due["duration"].fillna(0.0), unit="s") <= moment
    rows += [_missing(row) for row in due[is_over].to_dict("records")]
    table = _table(rows)
    table.attrs["notes"] = tuple(notes)
    table.attrs["not_due"] = int((~is_over).sum())
    return table


def _expected(expected: pd.DataFrame | str | PathLike[str] | None) -> pd.DataFrame:
    """Expected sessions: code in lower case, start, duration."""
    if expected is None:
        return pd.DataFrame({"session": texts([]), "start": times([]), "duration": pd.Series(dtype=float)})
    table = expected if isinstance(expected, pd.DataFrame) else read_master(expected)
    missing = [name for name in ("session", "start") if name not in table]
    if missing:
        raise ValueError(f"the table of expected sessions lacks {', '.join(missing)}")
    given = table["date"] if "date" in table else pd.Series(pd.NaT, index=table.index)
    try:
        start = pd.to_datetime(table["start"].fillna(given), utc=True).dt.tz_localize(None)
        duration = (
            table["duration"].astype(float) if "duration" in table else pd.Series(0.0, index=table.index)
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"the table of expected sessions holds what is no time or duration: {error}"
        ) from error
    return pd.DataFrame(
        {
            "session": table["session"].astype(str).str.lower().to_numpy(),
            "start": start.to_numpy(dtype="datetime64[ns]"),
            "duration": duration.to_numpy(),
        }
    ).drop_duplicates("session", ignore_index=True)


def state_of(one: Recorded) -> State:
    """How far a session is."""
    report = one.last(_LAST_STEP)
    if report is not None and report.state in ("done", "skipped"):
        return "done"
    return "failed" if one.lines[-1].state == "failed" else "running"


def start_of(one: Recorded) -> pd.Timestamp:
    """Start of the observations by the schedule, else when the record begins; UTC."""
    stamp = time_of(one.outputs("schedule").get("start"))
    return pd.Timestamp(one.lines[0].at, unit="s") if stamp is None else stamp


def _row(one: Recorded, expected: object) -> dict[str, Any]:
    state, report = state_of(one), one.last(_LAST_STEP)
    jobs = one.outputs("correlate").get("jobs")
    gone = [str(row.get("station", "")) for row in rows_of(one.outputs("data"), "missing")]
    names = names_of(one.outputs("schedule"), "stations")
    return {
        "session": one.session,
        "start": start_of(one),
        "expected_start": expected,
        "state": state,
        "done": report.at if report is not None and state == "done" else None,
        "jobs": len(jobs) if isinstance(jobs, list) else 0,
        "stations": " ".join(name for name in names if name not in gone),
        "missing": " ".join(gone),
        "directory": str(one.directory),
    }


def _missing(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "session": row["session"],
        "start": pd.NaT,
        "expected_start": row["start"],
        "state": "missing",
        "done": None,
        "jobs": 0,
        "stations": "",
        "missing": "",
        "directory": "",
    }


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    rows = sorted(
        rows,
        key=lambda row: row["start"] if isinstance(row["start"], pd.Timestamp) else row["expected_start"],
    )
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in _COLUMNS}
    for name in ("start", "expected_start"):
        columns[name] = pd.Series(pd.to_datetime(columns[name])).astype("datetime64[ns]")
    columns["done"] = times(columns["done"])
    columns["jobs"] = integers(columns["jobs"])
    for name in ("session", "state", "stations", "missing", "directory"):
        columns[name] = texts(columns[name])
    return pd.DataFrame(columns)
