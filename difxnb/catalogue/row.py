# SPDX-License-Identifier: GPL-3.0-or-later
"""What a catalogue says of one job, from its small files alone: a row of plain values.

A file that is missing or damaged leaves its columns empty and is named in ``problem``; nothing is guessed.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, MJD_ZERO, UNIX_EPOCH_MJD
from difxnb.formats.swin import list_files
from difxnb.tables.jobs import STALL_SECONDS
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from difxnb.catalogue.stored_job import StoredJob

NOT_RUN = "not run"
"""State of a job that has neither log nor output."""
RUNNING = "running"
"""State of a job whose log was written to within `STALL_SECONDS`, is no copy, and does not tell of an end."""
UNREADABLE = "unreadable"
"""State of a job whose ``.input`` file cannot be understood."""
UNKNOWN = JobOutcome.UNKNOWN.value
"""State of a job that has output and no log, or a log that does not tell."""

_LARGEST_ZONE_S = 14.5 * 3600
_DELAY_OF_WRITING_S = 60

EMPTY_ROW: dict[str, Any] = {
    "job": "",
    "state": UNREADABLE,
    "progress": None,
    "start": None,
    "stop": None,
    "duration": None,
    "integration_time": None,
    "antennas": "",
    "n_antennas": None,
    "n_bands": None,
    "n_baselines": None,
    "n_scans": None,
    "sources": "",
    "size": 0,
    "files": 0,
    "written": None,
    "mean_weight": None,
    "runs": 0,
    "warnings": 0,
    "errors": 0,
    "speed_up": None,
    "difx_version": "",
    "input": "",
    "problem": "",
}
"""The columns of a catalogue in their order, and what stands where nothing is known."""

_TIMES = ("start", "stop", "written")
_COUNTS = ("n_antennas", "n_bands", "n_baselines", "n_scans", "size", "files", "runs", "warnings", "errors")
_MOST_DAYS = 100_000  # datetime64[ns] has 106751 days on both sides of 1970
_NUMBERS = ("progress", "duration", "integration_time", "mean_weight", "speed_up")


def job_row(job: StoredJob) -> dict[str, Any]:
    """Collect the columns of one job; see :meth:`difxnb.catalogue.Catalogue.frame`."""
    row = {**EMPTY_ROW, "job": job.name, "input": str(job.input_file)}
    problems: list[str] = []
    try:
        row |= _of_input(job.input)
    except (FileFormatError, OSError) as error:
        return row | {"problem": str(error)}
    for part in (_of_calc, _of_output, _of_log):
        try:
            row |= part(job)
        except (FileFormatError, OSError) as error:
            problems.append(str(error))
    row["state"] = row["state"] if row["runs"] else (UNKNOWN if row["files"] else NOT_RUN)
    return row | {"problem": "; ".join(problems)}


def _of_input(inp: Input) -> dict[str, Any]:
    used = {freq.target_freq for baseline in inp.baselines for freq in baseline.freqs}
    pairs = {
        frozenset(inp.datastreams[row].telescope_index for row in (one.datastream_a, one.datastream_b))
        for one in inp.baselines
    }
    return {
        "start": _moment(inp, 0.0),
        "stop": _moment(inp, inp.execute_time),
        "duration": float(inp.execute_time),
        "integration_time": float(inp.configurations[0].int_time),
        "antennas": " ".join(telescope.name for telescope in inp.telescopes),
        "n_antennas": len(inp.telescopes),
        "n_bands": len(used),
        "n_baselines": sum(len(pair) == 2 for pair in pairs),
    }


def _moment(inp: Input, seconds: float) -> datetime | None:
    """So long after the start of a job; None of one that is centuries away, as a damaged file may say."""
    seconds = inp.start_seconds + seconds
    if abs(inp.start_mjd - UNIX_EPOCH_MJD) + abs(seconds) / DAY_S > _MOST_DAYS:
        return None
    return MJD_ZERO + timedelta(days=inp.start_mjd, seconds=seconds)


def _of_calc(job: StoredJob) -> dict[str, Any]:
    calc = job.calc
    rows = dict.fromkeys(row for scan in calc.scans for row in scan.phase_centers)
    return {
        "n_scans": len(calc.scans),
        "sources": " ".join(calc.sources[row].name for row in rows if row < len(calc.sources)),
        "difx_version": calc.difx_version,
    }


def _of_output(job: StoredJob) -> dict[str, Any]:
    folder = job.path("difx")
    if not folder.is_dir():
        return {}
    status = [found.path.stat() for found in list_files(folder)]
    newest = max((one.st_mtime for one in status), default=None)
    written = None if newest is None else datetime(1970, 1, 1) + timedelta(seconds=newest)
    return {"size": sum(one.st_size for one in status), "files": len(status), "written": written}


def _of_log(job: StoredJob) -> dict[str, Any]:
    path = job.path("difxlog")
    if not path.exists():
        return {}
    log = job.log
    if not log.reports:
        return {}
    last = log.reports[-1]
    is_open = last.outcome is JobOutcome.UNKNOWN and not last.run.is_over
    return {
        "state": RUNNING if is_open and _is_being_written(path, last.run.ended) else str(last.outcome),
        "progress": last.progress,
        "speed_up": last.speed_up,
        "mean_weight": log.mean_weight,
        "runs": len(log.reports),
        "warnings": last.facts.warnings,
        "errors": last.facts.errors,
    }


def _is_being_written(log: Path, last_line: datetime | None) -> bool:
    """Whether a log was written to lately, by whoever wrote its last line: a copy is younger than its lines.

    The lines bear local time of an unknown zone, so the two are compared within a quarter of an hour.
    """
    written = log.stat().st_mtime
    if last_line is None or not 0 <= time.time() - written < STALL_SECONDS:
        return False
    ahead = written - (last_line - datetime(1970, 1, 1)).total_seconds()
    return abs(ahead) < _LARGEST_ZONE_S and abs(ahead - 900 * round(ahead / 900)) < _DELAY_OF_WRITING_S


def rows_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of jobs as a DataFrame, whose columns have the same types whatever is known."""
    return frames.table({name: _column(name, [row[name] for row in rows]) for name in EMPTY_ROW})


def _column(name: str, values: list[Any]) -> pd.Series[Any]:
    if name in _TIMES:
        return pd.to_datetime(pd.Series(values, dtype=object)).astype("datetime64[ns]")
    if name in _COUNTS:
        return frames.optional_integers(values)
    return frames.numbers(values) if name in _NUMBERS else frames.texts(values)
