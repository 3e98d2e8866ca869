# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.difxlog`` as tables: its lines, its runs, its weights, its alerts.

In goes the log of a job, whatever wrote it and however it was damaged; out come DataFrames. Nothing in a log is an
error: what is no line of one is a row of its own. Grammar as in ``difxmessage.md`` 10.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.errors import FileFormatError
from difxnb.formats.difxlog import LogEntry, parse_line
from difxnb.formats.difxlog_bulk import LogLines, parse_lines
from difxnb.formats.difxlog_facts import facts_of
from difxnb.formats.difxlog_runs import split_runs
from difxnb.formats.input import Input, read_input
from difxnb.markup import titled
from difxnb.tables import difxlog_frames
from difxnb.tables.alerts import gather_alerts
from difxnb.tables.difxlog_frames import RunReport
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    import xarray as xr

_SHOWN = [
    "run",
    "outcome",
    "state",
    "progress",
    "begun",
    "wall_time",
    "observed",
    "speed_up",
    "errors",
    "warnings",
]
_ROUNDED = {"progress": 3, "wall_time": 1, "observed": 1, "speed_up": 3}
_SHOWN_ALERTS = ["severity", "cause", "count", "first", "last"]
_WORST = 8


class JobLog:
    """The log of a job, over all its runs.

    Parameters
    ----------
    data : bytes or str
        The whole log.
    path : Path, optional
        Where it was read from; the job has its name.
    input : Input, optional
        Names antennas, and tells how long the job is.

    Attributes
    ----------
    path : Path or None
        Where it was read from.
    job : str
        Name of the job: that of the file, without its ending.
    entries : LogLines
        Its lines, in their order: a sequence of LogEntry.
    unfinished : str
        What stands after the last line end: a line that was being written, or was cut. Empty as a rule.
    input : Input or None
        The ``.input`` of the job, where it was given or found.
    input_problem : str
        Why the ``.input`` beside the log cannot be read; empty as a rule.
    """

    def __init__(self, data: bytes | str, path: Path | None = None, input: Input | None = None) -> None:
        self.path = path
        self.job = "" if path is None else path.stem
        self.input = input
        self.input_problem = ""
        lines, end, self.unfinished = _text(data).rpartition("\n")
        self.entries = parse_lines(lines) if end else LogLines()
        if self.unfinished:
            self.entries.append(_begun(self.unfinished))
        self._runs, self._numbers = split_runs(self.entries)

    @property
    def unreadable(self) -> int:
        """Lines that belong to no known kind."""
        return self.entries.kinds.count("")

    @property
    def state(self) -> str:
        """The last state of the latest run, which a job that crashed never corrected; empty without any."""
        return self._runs[-1].state if self._runs else ""

    @property
    def outcome(self) -> JobOutcome:
        """How the latest run ended, as `runs` has it; unknown where nothing tells."""
        return self.reports[-1].outcome if self.reports else JobOutcome.UNKNOWN

    @property
    def ended_well(self) -> bool | None:
        """Whether the latest run ended well.

        True: it reported that it is done, and no error. False: it was done with errors, stopped, refused, or failed.
        None: nothing tells, as of a job that died or still runs.
        """
        return None if self.outcome is JobOutcome.UNKNOWN else self.outcome is JobOutcome.DONE

    @cached_property
    def reports(self) -> list[RunReport]:
        """What the lines of each run state, as plain values; `runs` is the table of it."""
        return [
            RunReport(run, facts_of(self.entries[place : place + run.lines]), self.input)
            for run, place in zip(self._runs, self._places, strict=True)
        ]

    @property
    def mean_weight(self) -> float | None:
        """Mean of all weights of the latest run, 0…1; None where it reported none."""
        return difxlog_frames.mean_weight(self.entries[self._chosen(-1)])

    @cached_property
    def _places(self) -> list[int]:
        """Where each run begins among the entries."""
        places, place = [], 0
        for run in self._runs:
            places.append(place)
            place += run.lines
        return places

    @property
    def runs(self) -> pd.DataFrame:
        """The runs of the job, one row each.

        Returns
        -------
        DataFrame
            * ``run``: from 1
            * ``state``: the last that was reported; a job that crashed never corrects it
            * ``outcome``: ``done``, ``done_with_errors`` (alerts of ERROR and worse), ``stopped`` (Terminated),
              ``failed`` (Crashed, Aborting, or MPI ended before the job was done), ``refused``; ``unknown`` where no
              line tells, as of a job that died or still runs. ``evidence`` says on what it rests.
            * ``is_over``: whether it reported its end
            * ``progress``: 0…1. 1 of a run that is done; otherwise the end of the last integration that was written, as
              part of the job's length, which the ``.input`` has; NaN without it
            * ``begun``, ``ended``: first and last line, local time of the logging host
            * ``wall_time``: s, as the correlator says at its very end; NaN where it did not
            * ``elapsed``: s, from the first to the last line; logs have whole seconds
            * ``observed``: s of observing time, from the first integration that was written to the end of the last one,
              gaps between scans included. How long an integration is comes from the ``.input``, otherwise from the most
              frequent step between them.
            * ``speed_up``: `observed` / `wall_time`, or / `elapsed` where there is no wall time
            * ``integrations``: those that were announced as written
            * ``errors``, ``warnings``: alerts of ERROR and worse, and of WARNING
            * ``version``: of mpifxcorr
            * ``lines``: of the log
        """
        return difxlog_frames.runs_frame(self.reports)

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
        chosen = self._chosen(run)
        entries, numbers = self.entries[chosen], self._numbers[chosen]
        return difxlog_frames.lines_frame(entries, numbers, chosen.start + 1, self.job, utc_offset)

    def weights(
        self,
        run: int = -1,
        *,
        input: Input | str | PathLike[str] | None = None,
        utc_offset: timedelta | None = None,
    ) -> xr.DataArray:
        """Weights of a run, the latest by default.

        Parameters
        ----------
        run, utc_offset
            As of `frame`.
        input : Input or path, optional
            Names the antennas; by default the ``.input`` that lay beside the log. Two datastreams of one antenna are
            averaged. Without it each datastream stands for itself under the name ``"datastream 0"``.

        Returns
        -------
        DataArray (time, antenna)
            Mean weight of each integration, 0…1; NaN where none was reported. ``time`` is that of the line, at which
            the integration was written; several may have the same. ``observed`` (time) is the middle of the integration
            itself (UTC), where the log names as many integrations as it has weights and all are equally long; else NaT.

        Raises
        ------
        IndexError
            There is no such run.
        FileFormatError
            The ``.input`` that was given is damaged.
        """
        inp = _given(input) or self.input
        chosen = self._chosen(run)
        report = self.reports[self._number(run) - 1] if self._runs else None
        if report is not None and inp is not report.input:
            report = RunReport(report.run, report.facts, inp)
        return difxlog_frames.weights_array(self.entries[chosen], report, inp, utc_offset)

    def weights_table(self, run: int | None = -1, *, utc_offset: timedelta | None = None) -> pd.DataFrame:
        """Weights as rows, one per line and datastream; parameters as those of `frame`.

        Returns
        -------
        DataFrame
            ``time`` (of the line), ``run``, ``datastream`` (index in the job), ``weight`` (NaN: did not report).
        """
        chosen = self._chosen(run)
        return difxlog_frames.weights_frame(self.entries[chosen], self._numbers[chosen], utc_offset)

    def alerts(self, run: int | None = -1, *, severity: str | int | None = "warning") -> pd.DataFrame:
        """Alerts of a run, the latest by default, each trouble once, the worst first.

        Parameters
        ----------
        run : int, optional
            As of `frame`; None for all runs.
        severity : str or int, optional
            This severity or worse; None for all, which tells the ordinary course of the job as well.

        Returns
        -------
        DataFrame
            ``severity``, ``cause`` (in plain language), ``count``, ``first``, ``last`` (times as in `frame`), and the
            other columns of :func:`difxnb.tables.alerts.gather_alerts`.

        Raises
        ------
        IndexError, ValueError
            There is no such run, or severity.
        """
        return gather_alerts(self.frame(run), self.input, severity=severity)

    @property
    def transients(self) -> pd.DataFrame:
        """Transient events, one row each: ``job priority start_mjd stop_mjd directory comment line``."""
        return difxlog_frames.transients_frame(self.entries)

    def _number(self, run: int) -> int:
        number = run if run > 0 else len(self._runs) + 1 + run
        if not 1 <= number <= len(self._runs):
            raise IndexError(f"{self.job or 'this log'} has {len(self._runs)} runs; there is no run {run}")
        return number

    def _chosen(self, run: int | None) -> slice:
        """Which entries belong to a run."""
        if run is None or not self._runs:
            return slice(0, len(self.entries))
        number = self._number(run)
        begin = self._places[number - 1]
        return slice(begin, begin + self._runs[number - 1].lines)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        facts = [f"{len(self)} lines", f"{len(self._runs)} runs"]
        if self.reports:
            last = self.reports[-1]
            facts.append(f"{self.state or 'no state'} ({last.outcome})")
            if last.outcome is JobOutcome.UNKNOWN and last.progress is not None:
                facts.append(f"{last.progress:.0%} reached")
            if last.speed_up is not None:
                facts.append(f"speed-up {last.speed_up:.3g}")
            if last.facts.errors or last.facts.warnings:
                facts.append(f"{last.facts.errors} errors, {last.facts.warnings} warnings")
        if self.unreadable:
            facts.append(f"{self.unreadable} unreadable")
        if self.input_problem:
            facts.append(f"without .input: {self.input_problem}")
        return f"<JobLog {self.job or '?'}: {', '.join(facts)}>"

    def _repr_html_(self) -> str:
        """The runs, and under them the worst alerts of the latest."""
        alerts = self.alerts()[_SHOWN_ALERTS]
        title = f"alerts of the latest run, the worst {min(_WORST, len(alerts))} of {len(alerts)}"
        below = titled(title, alerts.head(_WORST)) if len(alerts) else ""
        return titled(repr(self), self.runs[_SHOWN].round(_ROUNDED)) + below


def read_difxlog(path: str | PathLike[str], *, input: Input | str | PathLike[str] | None = None) -> JobLog:
    """Read the ``.difxlog`` of a job.

    It may hold several attempts, be cut anywhere, come from ``difxlog``, guiServer or ``errormon2``, or from all
    of them: no content is an error.

    Parameters
    ----------
    path : path
        The file.
    input : Input or path, optional
        The ``.input`` of the job, which names antennas and tells how long the job is. By default the one beside the
        log; where that is damaged, `JobLog.input_problem` says so, and antennas are numbers.

    Raises
    ------
    OSError
        It cannot be read.
    FileFormatError
        The ``.input`` that was given is damaged.
    """
    file = Path(path)
    log = JobLog(file.read_bytes(), file, _given(input))
    beside = file.with_suffix(".input")
    if log.input is None and beside.is_file():
        try:
            log.input = read_input(beside)
        except FileFormatError as error:
            log.input_problem = str(error)
    return log


def _given(input: Input | str | PathLike[str] | None) -> Input | None:
    return read_input(Path(input).expanduser()) if isinstance(input, str | PathLike) else input


def _text(data: bytes | str) -> str:
    """Text with plain line ends, and without the holes of NULs that a host leaves when it goes down."""
    if isinstance(data, bytes):
        try:
            text = data.decode()
        except UnicodeDecodeError:  # then each line may be written in its own way
            text = "\n".join(map(_decoded, data.split(b"\n")))
    else:
        text = data
    if "\0" in text or "\r" in text:
        return "\n".join(line.strip("\0").removesuffix("\r") for line in text.split("\n"))
    return text


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _begun(line: str) -> LogEntry:
    """The entry of a line without end, of which only so much is believed as cannot have been cut."""
    entry = parse_line(line)
    is_doubtful = entry.kind in ("WEIGHTS", "TRANSIENT") or (
        entry.kind == "STATUS" and "  " not in entry.text
    )
    return LogEntry(entry.time_text, entry.mpi_id, entry.sender, "", line) if is_doubtful else entry
