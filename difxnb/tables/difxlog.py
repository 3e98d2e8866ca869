# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.difxlog`` as tables: its lines, its runs, its weights.

In goes the log of a job, whatever wrote it and however it was damaged; out come DataFrames. Nothing in a log is an
error: what is no line of one is a row of its own. Grammar as in ``difxmessage.md`` 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from difxnb.formats.difxlog import SEVERITIES, LogEntry, parse_line
from difxnb.formats.difxlog_runs import LogRun, split_runs
from difxnb.tables import columns
from difxnb.wire.message import Severity
from difxnb.wire.message_fields import decode_bytes

_LEVELS = {name: int(Severity[name]) for name in (*SEVERITIES, "VERBOSE")}
_TYPES = {"STATUS": "status", "WEIGHTS": "weights", "TRANSIENT": "transient", "": "unreadable"}
_TRANSIENT = re.compile(
    r"Transient event received: jobId=(?P<job>\S*) priority=(?P<priority>\S+) startMJD= *(?P<start>\S+)"
    r' stopMJD= *(?P<stop>\S+) destDir="(?P<directory>.*?)" comment="(?P<comment>.*)"',
    re.DOTALL,
)


class JobLog:
    """The log of a job, over all its runs.

    Attributes
    ----------
    path : Path or None
        Where it was read from.
    job : str
        Name of the job: that of the file, without its ending.
    entries : tuple of LogEntry
        Its lines, in their order.
    unfinished : str
        What stands after the last line end: a line that was being written, or was cut. Empty as a rule.
    """

    def __init__(self, data: bytes | str, path: Path | None = None) -> None:
        self.path = path
        self.job = "" if path is None else path.stem
        lines = _lines(data)
        self.unfinished = lines.pop()
        self.entries = tuple(map(parse_line, lines)) + _begun(self.unfinished)
        self._runs, self._numbers = split_runs(self.entries)

    @property
    def unreadable(self) -> int:
        """Lines that belong to no known kind."""
        return sum(entry.kind == "" for entry in self.entries)

    @property
    def state(self) -> str:
        """The last state of the latest run, which a job that crashed never corrected; empty without any."""
        return self._runs[-1].state if self._runs else ""

    @property
    def runs(self) -> pd.DataFrame:
        """The runs of the job, one row each.

        Columns ``run`` (from 1), ``state`` (last reported), ``is_over``, ``version`` (of mpifxcorr), ``begun``,
        ``ended`` (first and last line, local time of the logging host), ``lines``.
        """
        runs = self._runs
        return pd.DataFrame(
            {
                "run": pd.Series([run.number for run in runs], dtype="int64"),
                "state": columns.texts(run.state or None for run in runs),
                "is_over": pd.Series([run.is_over for run in runs], dtype=bool),
                "version": columns.texts(run.version or None for run in runs),
                "begun": _times((run.begun for run in runs), None),
                "ended": _times((run.ended for run in runs), None),
                "lines": pd.Series([run.lines for run in runs], dtype="int64"),
            }
        )

    def frame(self, run: int | None = None, *, utc_offset: timedelta | None = None) -> pd.DataFrame:
        """Lines as a DataFrame, in the order of the file.

        Parameters
        ----------
        run : int, optional
            Of this run only: 1 is the first, -1 the latest. All by default.
        utc_offset : timedelta, optional
            How far the clock of the logging host is ahead of UTC. With it ``time`` is UTC; without it, it is local
            time of that host, which is all that a log tells.

        Returns
        -------
        DataFrame
            ``time``, ``type`` (``alert``, ``status``, ``weights``, ``transient`` or ``unreadable``), ``from``,
            ``job``, ``mpi_id``, ``severity`` (ordered), ``state``, ``text``, ``run``, ``line`` (both from 1).

        Raises
        ------
        IndexError
            There is no such run.
        """
        wanted = self._wanted(run)
        chosen = [(line, self.entries[line], self._numbers[line]) for line in wanted]
        entries = [entry for _, entry, _ in chosen]
        frame = pd.DataFrame(
            {
                "time": _times((entry.time for entry in entries), utc_offset),
                "type": columns.texts(_TYPES.get(entry.kind, "alert") for entry in entries),
                "from": columns.texts(entry.sender for entry in entries),
                "job": columns.texts(entry.job or self.job or None for entry in entries),
                "mpi_id": columns.integers(entry.mpi_id for entry in entries),
                "severity": columns.severities(_LEVELS.get(entry.kind) for entry in entries),
                "state": columns.texts(entry.state or None for entry in entries),
                "text": columns.texts(decode_bytes(entry.message) for entry in entries),
                "run": pd.Series([number for _, _, number in chosen], dtype="int64"),
                "line": pd.Series([line + 1 for line, _, _ in chosen], dtype="int64"),
            }
        )
        frame.attrs["utc_offset"] = None if utc_offset is None else pd.Timedelta(utc_offset)
        return frame

    def weights(self, run: int | None = -1, *, utc_offset: timedelta | None = None) -> pd.DataFrame:
        """Weights, one row per line and datastream; parameters as those of `frame`, the latest run by default.

        Returns
        -------
        DataFrame
            ``time`` (of the line), ``run``, ``datastream`` (index in the job), ``weight`` (NaN: did not report).
        """
        rows = [
            (self.entries[line].time, self._numbers[line], index, weight if weight >= 0 else None)
            for line in self._wanted(run)
            for index, weight in enumerate(self.entries[line].weights)
        ]
        return pd.DataFrame(
            {
                "time": _times((row[0] for row in rows), utc_offset),
                "run": pd.Series([row[1] for row in rows], dtype="int64"),
                "datastream": pd.Series([row[2] for row in rows], dtype="int64"),
                "weight": columns.numbers(row[3] for row in rows),
            }
        )

    @property
    def transients(self) -> pd.DataFrame:
        """Transient events, one row each: ``job priority start_mjd stop_mjd directory comment line``."""
        found = [
            (line + 1, match)
            for line, entry in enumerate(self.entries)
            if entry.kind == "TRANSIENT" and (match := _TRANSIENT.fullmatch(entry.text))
        ]
        return pd.DataFrame(
            {
                "job": columns.texts(match["job"] for _, match in found),
                "priority": columns.numbers(_number(match["priority"]) for _, match in found),
                "start_mjd": columns.numbers(_number(match["start"]) for _, match in found),
                "stop_mjd": columns.numbers(_number(match["stop"]) for _, match in found),
                "directory": columns.texts(match["directory"] for _, match in found),
                "comment": columns.texts(match["comment"] for _, match in found),
                "line": pd.Series([line for line, _ in found], dtype="int64"),
            }
        )

    def _wanted(self, run: int | None) -> Iterable[int]:
        if run is None or not self._runs:
            return range(len(self.entries))
        number = run if run > 0 else len(self._runs) + 1 + run
        if not 1 <= number <= len(self._runs):
            raise IndexError(f"{self.job or 'this log'} has {len(self._runs)} runs; there is no run {run}")
        return [line for line, of in enumerate(self._numbers) if of == number]

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        last: LogRun | None = self._runs[-1] if self._runs else None
        state = f", {last.state}" if last is not None and last.state else ""
        odd = f", {self.unreadable} unreadable" if self.unreadable else ""
        return f"<JobLog {self.job or '?'}: {len(self)} lines, {len(self._runs)} runs{state}{odd}>"

    def _repr_html_(self) -> str:
        return self.frame().to_html(max_rows=20, index=False)


def read_difxlog(path: str | Path) -> JobLog:
    """Read the ``.difxlog`` of a job.

    It may hold several attempts, be cut anywhere, come from ``difxlog``, guiServer or ``errormon2``, or from all
    of them: no content is an error.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    OSError
        It cannot be read.
    """
    return JobLog(Path(path).read_bytes(), Path(path))


def _lines(data: bytes | str) -> list[str]:
    """Lines without their ends; the last is what stands after the last end."""
    if isinstance(data, str):
        return [line.strip("\0").removesuffix("\r") for line in data.split("\n")]
    # A host that went down leaves holes of NULs.
    return [_decoded(line.strip(b"\0").removesuffix(b"\r")) for line in data.split(b"\n")]


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _begun(line: str) -> tuple[LogEntry, ...]:
    """The entry of a line without end, of which only so much is believed as cannot have been cut."""
    if not line:
        return ()
    entry = parse_line(line)
    is_doubtful = entry.kind in ("WEIGHTS", "TRANSIENT") or (
        entry.kind == "STATUS" and "  " not in entry.text
    )
    return (LogEntry(entry.time_text, entry.mpi_id, entry.sender, "", line) if is_doubtful else entry,)


def _times(found: Iterable[datetime | None], utc_offset: timedelta | None) -> pd.Series[pd.Timestamp]:
    times = columns.moments(found)
    return times if utc_offset is None else times - pd.Timedelta(utc_offset)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
