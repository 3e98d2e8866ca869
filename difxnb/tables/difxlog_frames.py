# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines, runs and weights of a ``.difxlog`` as tables.

In: entries and what is known of the runs they belong to. Out: DataFrames, and weights as an array. Grammar as in
``difxmessage.md`` 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.formats.difxlog import SEVERITIES, read_weights
from difxnb.formats.difxlog_bulk import LogLines, line_times
from difxnb.formats.difxlog_facts import RunFacts
from difxnb.formats.difxlog_runs import LogRun
from difxnb.formats.input_model import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.tables import columns
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Severity
from difxnb.wire.message_fields import decode_bytes

if TYPE_CHECKING:
    import xarray as xr

_LEVELS = {name: int(Severity[name]) for name in (*SEVERITIES, "VERBOSE")}
_TYPES = {"STATUS": "status", "WEIGHTS": "weights", "TRANSIENT": "transient", "": "unreadable"}
_TRANSIENT = re.compile(
    r"Transient event received: jobId=(?P<job>\S*) priority=(?P<priority>\S+) startMJD= *(?P<start>\S+)"
    r' stopMJD= *(?P<stop>\S+) destDir="(?P<directory>.*?)" comment="(?P<comment>.*)"',
    re.DOTALL,
)


def lines_frame(
    lines: LogLines, numbers: Sequence[int], first_line: int, job: str, offset: timedelta | None
) -> pd.DataFrame:
    """Lines that stand one after the other, the first of them at `first_line`; see `JobLog.frame`."""
    kinds, texts = lines.kinds, lines.texts
    types = {kind: _TYPES.get(kind, "alert") for kind in set(kinds)}
    levels = {kind: _LEVELS.get(kind) for kind in set(kinds)}
    frame = pd.DataFrame(
        {
            "time": pd.Series(_stamps(lines.time_texts, offset)),
            "type": columns.texts([types[kind] for kind in kinds]),
            "from": columns.texts(lines.senders),
            "job": columns.texts([name or job or None for name in lines.jobs]),
            "mpi_id": columns.integers(lines.mpi_ids),
            "severity": columns.severities([levels[kind] for kind in kinds]),
            "state": columns.texts(
                [text.partition(" ")[0] or None if kind == "STATUS" else None for kind, text in _pairs(lines)]
            ),
            "text": columns.texts([_message(kind, text) for kind, text in _pairs(lines)]),
            "run": np.asarray(numbers, dtype=np.int64),
            "line": np.arange(first_line, first_line + len(texts), dtype=np.int64),
        }
    )
    frame.attrs["utc_offset"] = None if offset is None else pd.Timedelta(offset)
    return frame


def _pairs(lines: LogLines) -> Iterable[tuple[str, str]]:
    return zip(lines.kinds, lines.texts, strict=True)


def _message(kind: str, text: str) -> str:
    if kind == "STATUS":
        text = text.partition("  ")[2]
    return decode_bytes(text) if "[[" in text else text


def _stamps(texts: Sequence[str], offset: timedelta | None) -> NDArray[np.datetime64]:
    """Times of lines; with the offset of the clock from UTC they are UTC."""
    found = line_times(texts)
    return found if offset is None else found - np.timedelta64(offset).astype("timedelta64[ns]")


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run with what its lines tell, and the job's ``.input`` where that is known."""

    run: LogRun
    facts: RunFacts
    input: Input | None

    @property
    def outcome(self) -> JobOutcome:
        """How it ended; unknown where nothing tells."""
        return self.facts.verdict.outcome

    @property
    def step_s(self) -> float | None:
        """Length of an integration: of the ``.input``, or where that has several or is not known, of the log."""
        steps = (
            {configuration.int_time for configuration in self.input.configurations} if self.input else set()
        )
        return steps.pop() if len(steps) == 1 else self.facts.step_s()

    @property
    def _span(self) -> tuple[float, float] | None:
        return self.facts.span_s(self.step_s, self.input.execute_time if self.input else None)

    @property
    def observed_s(self) -> float | None:
        """Observing time from the first integration that was written to the end of the last one."""
        return None if self._span is None else self._span[1] - self._span[0]

    @property
    def progress(self) -> float | None:
        """Part of the job that was reached, 0 to 1."""
        if self.outcome in (JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS):
            return 1.0
        if self.input is None or not self.input.execute_time:
            return None
        if not self.facts.written_s:
            return 0.0
        return None if self._span is None else min(1.0, self._span[1] / self.input.execute_time)

    @property
    def elapsed_s(self) -> float | None:
        """From the first to the last line; logs have whole seconds."""
        if self.run.begun is None or self.run.ended is None:
            return None
        return (self.run.ended - self.run.begun).total_seconds()

    @property
    def speed_up(self) -> float | None:
        """Observing time per wall time."""
        wall = self.facts.wall_time_s or self.elapsed_s
        return None if self.observed_s is None or not wall else self.observed_s / wall


def _int_time(inp: Input) -> float | None:
    """Length of all integrations of a job, s; None where it has several."""
    steps = {configuration.int_time for configuration in inp.configurations}
    return steps.pop() if len(steps) == 1 else None


def runs_frame(reports: Sequence[RunReport]) -> pd.DataFrame:
    """One row per run; see `JobLog.runs`."""
    runs, facts = [report.run for report in reports], [report.facts for report in reports]
    return pd.DataFrame(
        {
            "run": _whole(run.number for run in runs),
            "state": columns.texts(run.state or None for run in runs),
            "outcome": columns.texts(str(report.outcome) for report in reports),
            "is_over": pd.Series([run.is_over for run in runs], dtype=bool),
            "progress": columns.numbers(report.progress for report in reports),
            "begun": _moments(run.begun for run in runs),
            "ended": _moments(run.ended for run in runs),
            "wall_time": columns.numbers(fact.wall_time_s for fact in facts),
            "elapsed": columns.numbers(report.elapsed_s for report in reports),
            "observed": columns.numbers(report.observed_s for report in reports),
            "speed_up": columns.numbers(report.speed_up for report in reports),
            "integrations": _whole(len(fact.written_s) for fact in facts),
            "errors": _whole(fact.errors for fact in facts),
            "warnings": _whole(fact.warnings for fact in facts),
            "version": columns.texts(run.version or None for run in runs),
            "lines": _whole(run.lines for run in runs),
            "evidence": columns.texts(fact.verdict.evidence for fact in facts),
        }
    )


def _whole(values: Iterable[int]) -> pd.Series[int]:
    return pd.Series(list(values), dtype="int64")


def _moments(found: Iterable[datetime | None]) -> pd.Series[pd.Timestamp]:
    return columns.moments(found)


def _weights(lines: LogLines) -> tuple[list[int], list[list[float]]]:
    """Which lines carry weights, and those; what did not report is NaN (it is logged as -1)."""
    places = [place for place, kind in enumerate(lines.kinds) if kind == "WEIGHTS"]
    rows = [read_weights(lines.texts[place]) for place in places]
    return places, [[weight if weight >= 0 else np.nan for weight in row] for row in rows]


def mean_weight(lines: LogLines) -> float | None:
    """Mean of all weights of these lines, 0…1; None where there are none."""
    known = [weight for row in _weights(lines)[1] for weight in row if weight >= 0]
    return sum(known) / len(known) if known else None


def weights_frame(lines: LogLines, numbers: Sequence[int], offset: timedelta | None) -> pd.DataFrame:
    """One row per line with weights and datastream; see `JobLog.weights_table`."""
    places, rows = _weights(lines)
    counts = [len(row) for row in rows]
    return pd.DataFrame(
        {
            "time": np.repeat(_stamps([lines.time_texts[place] for place in places], offset), counts),
            "run": np.repeat(np.array([numbers[place] for place in places], dtype=np.int64), counts),
            "datastream": _whole(stream for count in counts for stream in range(count)),
            "weight": columns.numbers(weight for row in rows for weight in row),
        }
    )


def weights_array(
    lines: LogLines, report: RunReport | None, inp: Input | None, offset: timedelta | None
) -> xr.DataArray:
    """Weights of the lines of one run, (time, antenna); see `JobLog.weights`."""
    import xarray as xr

    places, rows = _weights(lines)
    streams = max(map(len, rows), default=0)
    table = np.full((len(rows), streams), np.nan)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    names = [antenna_name(stream, inp) for stream in range(streams)]
    antennas = list(dict.fromkeys(names))
    return xr.DataArray(
        _mean_over_streams(table, [antennas.index(name) for name in names], len(antennas)),
        coords={
            "time": _stamps([lines.time_texts[place] for place in places], offset),
            "antenna": np.array(antennas, dtype=object if not antennas else np.str_),
            "observed": ("time", _observed(len(rows), report, inp)),
        },
        dims=("time", "antenna"),
        name="WEIGHT",
        attrs={"units": "1", "long_name": "fraction of valid data"},
    )


def _mean_over_streams(table: NDArray[np.float64], places: list[int], antennas: int) -> NDArray[np.float64]:
    """Mean over the datastreams of each antenna; what did not report does not count."""
    total, count = np.zeros((len(table), antennas)), np.zeros((len(table), antennas))
    for stream, place in enumerate(places):
        known = ~np.isnan(table[:, stream])
        total[known, place] += table[known, stream]
        count[known, place] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _observed(rows: int, report: RunReport | None, inp: Input | None) -> NDArray[np.datetime64]:
    """Middle of the integration of each line (UTC), where the log names as many integrations as it has weights.

    Lines say when they were written, some integrations late; the k-th weights are those of the k-th integration only
    where none of either is missing.
    """
    unknown = np.full(rows, np.datetime64("NaT"), dtype="datetime64[ns]")
    step = None if inp is None else _int_time(inp)
    if report is None or inp is None or step is None or len(report.facts.written_s) != rows:
        return unknown
    begin = (inp.start_mjd - UNIX_EPOCH_MJD) * DAY_S + inp.start_seconds
    whole = int(begin)
    after = np.array(report.facts.written_s) + step / 2 + (begin - whole)
    if after.size and after.max() > 1e8:  # seconds: a broken line
        return unknown
    return (whole * 10**9 + np.rint(after * 1e9).astype(np.int64)).view("datetime64[ns]")


def antenna_name(datastream: int, inp: Input | None) -> str:
    """Name of the antenna that a job's datastream comes from; its number where that is not known."""
    rows = inp.configurations[0].datastream_indices if inp is not None and inp.configurations else ()
    if inp is None or not 0 <= datastream < len(rows):
        return f"datastream {datastream}"
    return inp.telescopes[inp.datastreams[rows[datastream]].telescope_index].name


def transients_frame(lines: LogLines) -> pd.DataFrame:
    """Transient events, one row each; see `JobLog.transients`."""
    found = [
        (line, match)
        for line, (kind, text) in enumerate(_pairs(lines), start=1)
        if kind == "TRANSIENT" and (match := _TRANSIENT.fullmatch(text))
    ]
    return pd.DataFrame(
        {
            "job": columns.texts(match["job"] for _, match in found),
            "priority": columns.numbers(_number(match["priority"]) for _, match in found),
            "start_mjd": columns.numbers(_number(match["start"]) for _, match in found),
            "stop_mjd": columns.numbers(_number(match["stop"]) for _, match in found),
            "directory": columns.texts(match["directory"] for _, match in found),
            "comment": columns.texts(match["comment"] for _, match in found),
            "line": _whole(line for line, _ in found),
        }
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
