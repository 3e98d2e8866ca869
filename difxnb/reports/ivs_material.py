# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what the report of a session tells: its record, its jobs, and what somebody else knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

import pandas as pd
import xarray as xr

from difxnb.catalogue import Catalogue, open_jobs
from difxnb.clock.solution import ClockSolution
from difxnb.errors import FileFormatError
from difxnb.formats.vex import Vex, read_vex
from difxnb.quality.gathering import HasInputFile, JobSource
from difxnb.reports.findings import Findings, findings_of
from difxnb.reports.ivs_codes import COLUMNS, quality_codes, with_scheduled
from difxnb.sessions.finding import time_of
from difxnb.sessions.record import RECORD, RecordLine
from difxnb.sessions.record_lines import read_lines

if TYPE_CHECKING:
    from difxnb.formats.input import Input

HEADER = (
    "CORREL", "DATABASE", "SESSNAME", "OBSTIME", "UTSTART", "DURATION", "DOY", "CORRTIME", "CORRPASS", "EXPORT"
)  # fmt: skip
"""Keys of the section HEADER."""


@runtime_checkable
class HasDirectory(Protocol):
    """A session that runs or ran: it keeps its record in a directory."""

    @property
    def directory(self) -> Path:
        """Where ``record.jsonl`` is."""


Session: TypeAlias = str | PathLike[str] | Mapping[str, object] | HasDirectory
"""What a report is made of; see :func:`difxnb.ivs_report`."""
Jobs: TypeAlias = JobSource | Catalogue | Iterable[JobSource] | None
"""Jobs of a session."""


@dataclass(frozen=True)
class Counts:
    """What the field systems counted: a table or a file of it, and what is positive in it."""

    table: pd.DataFrame | str | PathLike[str]
    positive: Literal["late", "early"]


@dataclass(frozen=True)
class IvsMaterial:
    """What a report is made of.

    Attributes
    ----------
    header : mapping
        Values of the HEADER that somebody gave, by key.
    lines : tuple of RecordLine
        The record of the session; empty where there is none.
    found : tuple of Findings
        Of each job whose files are on this machine.
    away : tuple of str
        Names of jobs whose files are elsewhere.
    clocks : ClockSolution or None
        Of the clock search.
    comments : str
        For the notes of the correlator.
    counts, predicted
        Tables of clocks and of SNRs, where somebody gave them.
    vex : Vex or None
        The schedule, where it is on this machine.
    """

    header: Mapping[str, str]
    lines: tuple[RecordLine, ...]
    found: tuple[Findings, ...]
    away: tuple[str, ...]
    clocks: ClockSolution | None
    comments: str
    counts: Counts | None
    predicted: pd.DataFrame | None
    vex: Vex | None

    def outputs(self, step: str) -> Mapping[str, Any]:
        """What a step of the session gave, as its record has it; empty where it did not get so far."""
        mine = [line for line in self.lines if line.step == step and line.state != "started"]
        return mine[-1].outputs if mine and mine[-1].state in ("done", "skipped") else {}

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """``.input`` files of the jobs that are here, in order of time."""
        known = [one.material.input for one in self.found if one.material.input is not None]
        return tuple(sorted(known, key=lambda one: one.start_mjd + one.start_seconds / 86400))

    @cached_property
    def codes(self) -> pd.DataFrame:
        """Codes of all jobs, as of :func:`difxnb.reports.ivs_codes.quality_codes`; of what was done twice, the last."""
        tables = [table for table in (quality_codes(one.material) for one in self.found) if not table.empty]
        if not tables:
            return pd.DataFrame(columns=list(COLUMNS))
        whole = pd.concat(tables, ignore_index=True)
        whole = whole.drop_duplicates(["scan", "baseline", "letter"], keep="last", ignore_index=True)
        return whole if self.vex is None else with_scheduled(whole, self.vex)

    @cached_property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Begin and end of the session: of its schedule, else of the scans of its jobs; None where neither is known."""
        schedule = self.outputs("schedule")
        given = [time_of(schedule.get(name)) for name in ("start", "stop")]
        if given[0] is not None and given[1] is not None:
            return given[0], given[1]
        if self.vex is not None and len(self.vex.scans()):
            return pd.Timestamp(self.vex.start), pd.Timestamp(self.vex.stop)
        scans = [one.material.calc.frame("scans") for one in self.found if one.material.calc is not None]
        scans = [table for table in scans if not table.empty]
        if not scans:
            return None
        whole = pd.concat(scans)
        return pd.Timestamp(whole["start"].min()), pd.Timestamp(whole["stop"].max())

    @property
    def why_no_jobs(self) -> str:
        """Why there are no files to look at."""
        if self.away:
            return f"the files of {_listed(self.away)} are not on this machine; jobs= names where they are"
        return "no job is known of; jobs= names them"


def material_of(
    session: Session,
    *,
    jobs: Jobs,
    clocks: ClockSolution | None,
    comments: str,
    parameters: Mapping[str, object] | None,
    counts: Counts | None,
    predicted: pd.DataFrame | None,
    vex: Vex | str | PathLike[str] | None,
) -> IvsMaterial:
    """Gather; errors and parameters as those of :func:`difxnb.ivs_report`."""
    given = dict(session) if isinstance(session, Mapping) else {}
    header = _header({**given, **(parameters or {})})
    lacking = (
        [] if predicted is None else [name for name in ("baseline", "letter", "snr") if name not in predicted]
    )
    if lacking:
        raise ValueError(
            f"the table of predicted SNRs lacks {', '.join(lacking)}; it needs baseline, letter and snr"
        )
    record = None if isinstance(session, Mapping) else _record_file(session)
    lines = tuple(read_lines(record)[0]) if record is not None else ()
    sources: list[JobSource] = []
    away: list[str] = []
    if jobs is not None:
        sources = list(_flat(jobs))
    elif record is not None:
        sources, away = _of_record(lines)
    elif not isinstance(session, Mapping):
        sources = list(_flat(cast("JobSource", session)))
    found = tuple(findings_of(one) for one in sources)
    schedule = vex if isinstance(vex, Vex) else _schedule(vex, lines)
    return IvsMaterial(header, lines, found, tuple(away), clocks, comments, counts, predicted, schedule)


def _schedule(vex: str | PathLike[str] | None, lines: Iterable[RecordLine]) -> Vex | None:
    """The schedule that is asked for, else that of the record where it can be read here."""
    if vex is not None:
        return read_vex(vex)
    named = [line.outputs.get("vex") for line in lines if line.step == "schedule" and line.state == "done"]
    path = named[-1] if named else None
    if not isinstance(path, str) or not path or not Path(path).is_file():
        return None
    try:
        return read_vex(path)
    except (FileFormatError, OSError):  # the report is of what was correlated; who wants more gives vex=
        return None


def _header(given: Mapping[str, object]) -> dict[str, str]:
    """Values of the header by key, whatever the case of the key."""
    known = {str(name).upper(): " ".join(str(value).split()) for name, value in given.items()}
    if "SESSION" in known:
        known.setdefault("SESSNAME", known.pop("SESSION"))
    unknown = sorted(set(known) - set(HEADER))
    if unknown:
        raise ValueError(f"the header of a report has no {', '.join(unknown)}; it has {', '.join(HEADER)}")
    return {name: value for name, value in known.items() if value}


def _record_file(session: str | PathLike[str] | HasDirectory) -> Path | None:
    """The record of a session, where it has one."""
    if not isinstance(session, str | PathLike):
        has_own = isinstance(session, HasDirectory) and not isinstance(session, HasInputFile)
        return Path(session.directory) / RECORD if has_own else None
    place = Path(session)
    if place.name == RECORD:
        return place
    return place / RECORD if (place / RECORD).is_file() else None


def _flat(jobs: Jobs) -> Iterator[JobSource]:
    """Jobs one by one, whatever names them."""
    if isinstance(jobs, xr.Dataset) or (isinstance(jobs, HasInputFile) and not isinstance(jobs, Catalogue)):
        yield jobs
    elif isinstance(jobs, str | PathLike):
        yield from open_jobs(jobs)
    elif isinstance(jobs, Iterable):
        for one in jobs:
            yield from _flat(cast("JobSource", one))
    else:
        raise TypeError(f"jobs are .input files, jobs or visibilities, not a {type(jobs).__name__}")


def _of_record(lines: Iterable[RecordLine]) -> tuple[list[JobSource], list[str]]:
    """``.input`` files that the record names and that are here, and the names of the others."""
    named: list[str] = []
    for line in lines:
        if line.state != "done" or line.step not in ("jobs", "correlate"):
            continue
        listed = line.outputs.get("jobs")
        rows = listed if isinstance(listed, list) else []
        paths = [row.get("input") if isinstance(row, dict) else row for row in rows]
        named = [path for path in paths if isinstance(path, str) and path] or named
    here = [path for path in dict.fromkeys(named) if Path(path).is_file()]
    return list(here), [Path(path).stem for path in dict.fromkeys(named) if path not in here]


def _listed(names: Iterable[str], most: int = 5) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
