# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what a report tells, from whatever somebody calls a job."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from difxnb.clock.search import clock_search
from difxnb.errors import DifxError
from difxnb.quality.gathering import HasInputFile, JobSource, damage_is_checked, gather
from difxnb.quality.limits import Limits, limits_with
from difxnb.quality.material import Material
from difxnb.quality.report import QualityReport, report_on

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.clock.solution import ClockSolution


class HasDataset(Protocol):
    """A monitor, live or recorded."""

    @property
    def dataset(self) -> xr.Dataset:
        """What it has received."""


@runtime_checkable
class Run(Protocol):
    """A run of a job, live or recorded."""

    @property
    def job(self) -> HasInputFile | str:
        """The job, or its name where it is a recorded one."""

    @property
    def state(self) -> str:
        """What it was last heard to do."""

    @property
    def outcome(self) -> str | None:
        """How it ended."""

    @property
    def outcome_evidence(self) -> str:
        """How that is known."""

    @property
    def events(self) -> pd.DataFrame:
        """What was said of it."""

    @property
    def monitor(self) -> HasDataset | None:
        """What was seen of its visibilities."""


Reported: TypeAlias = JobSource | Run
"""What a report can be made of; see :func:`difxnb.report`."""


@dataclass(frozen=True)
class Findings:
    """All that a report tells.

    Attributes
    ----------
    name : str
        Of the job; empty where it is not known.
    input_file : Path or None
        Its ``.input``, where it is on this machine.
    material, quality
        What was looked at, and what checks say of it.
    clock : ClockSolution or str
        Delays of stations, or why there are none.
    run : Run or None
        What is known of the run itself.
    """

    name: str
    input_file: Path | None
    material: Material
    quality: QualityReport
    clock: ClockSolution | str
    run: Run | None


def findings_of(reported: Reported, limits: Limits | str | None = None) -> Findings:
    """Gather, check and fit; `limits` and errors as those of :func:`difxnb.check_quality`."""
    run = reported if isinstance(reported, Run) else None
    source = reported if run is None else source_of(run)
    with damage_is_checked():
        material = gather(source)  # type: ignore[arg-type]
        quality = report_on(material, limits_with(limits))
    name = material.job or (_name_of(run) if run else "")
    return Findings(name, input_file_of(source), material, quality, _clock(material.fringes), run)


def source_of(run: Run) -> JobSource:
    """A recorded run tells of what was recorded; a live one of its files, or of its monitor where they are away."""
    seen = None if run.monitor is None else run.monitor.dataset
    here = None if isinstance(run.job, str) else Path(run.job.input_file)
    if here is not None and here.is_file():
        return here
    if seen is None or not seen.sizes["time"]:
        raise FileNotFoundError(
            f"the files of {_name_of(run)} are not on this machine under the names of the correlator, and no monitor "
            "has seen its visibilities: report(job.visibilities(directory=...)) fetches the files first"
        )
    return seen


def _name_of(run: Run) -> str:
    return run.job if isinstance(run.job, str) else Path(run.job.input_file).stem


def input_file_of(source: Any) -> Path | None:
    """Where the ``.input`` is: beside a folder of visibilities it has the folder's name."""
    named = source.attrs.get("input_file", "") if hasattr(source, "attrs") else source
    text = getattr(named, "input_file", named)
    if not isinstance(text, str | PathLike) or not str(text):
        return None
    path = Path(text).with_suffix(".input")
    return path.absolute() if path.is_file() else None


def _clock(fringes: pd.DataFrame | None) -> ClockSolution | str:
    if fringes is None or fringes.empty:
        return "there are no fringes to tell clocks from"
    try:
        return clock_search(fringes)
    except (ValueError, DifxError) as error:
        return str(error)
