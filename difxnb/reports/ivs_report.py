# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a correlator on a session, as the IVS publishes them: sections as values, and their text."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from difxnb.clock.solution import ClockSolution
from difxnb.errors import OutputExists
from difxnb.formats.new_file import new_file
from difxnb.quality.gathering import damage_is_checked
from difxnb.reports.ivs_material import Counts, Jobs, Session, material_of
from difxnb.reports.ivs_sections import Section, sections_of
from difxnb.reports.ivs_text import report_text

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.vex import Vex

__all__ = ["IvsReport", "Section", "ivs_report"]


@dataclass(frozen=True, repr=False)
class IvsReport:
    """A report; made by :func:`difxnb.ivs_report`.

    Attributes
    ----------
    sections : mapping
        Sections by name, in the order of published reports. One without data says why.
    codes : DataFrame
        Quality code of each scan, baseline and range of frequencies, with what it is made of.
    """

    sections: Mapping[str, Section]
    codes: pd.DataFrame

    @property
    def missing(self) -> tuple[str, ...]:
        """Sections without data, and keys of the header without a value (``"HEADER DATABASE"``)."""
        header = [f"HEADER {name}" for name, value in self.sections["HEADER"].values.items() if not value]
        return (*header, *(section.name for section in self.sections.values() if section.why))

    def text(self) -> str:
        """The report as it is published: plain text, each section headed ``+NAME``."""
        return report_text(self.sections)

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the text, whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        overwrite : bool
            Whether a file of that name may be replaced.

        Raises
        ------
        OutputExists
            The file is there.
        """
        target = Path(path)
        if overwrite and target.is_file():
            partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
            partial.write_text(self.text(), encoding="utf-8")
            os.replace(partial, target)
            return target
        if target.exists():
            raise OutputExists(f"{target} exists already; overwrite=True replaces it")
        with new_file(target, "reports") as partial:
            partial.write_text(self.text(), encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def ivs_report(
    session: Session,
    *,
    jobs: Jobs = None,
    clocks: ClockSolution | None = None,
    comments: str = "",
    parameters: Mapping[str, object] | None = None,
    counts: pd.DataFrame | str | PathLike[str] | None = None,
    positive: Literal["late", "early"] = "early",
    predicted: pd.DataFrame | None = None,
    vex: Vex | str | PathLike[str] | None = None,
) -> IvsReport:
    """Make the correlator report of a session.

    Sections are made of the data that there are; a section without says ``not available`` and why. Quality codes are
    of :func:`difxnb.fringe_fit`, not of fourfit, and the report says so. Names of people, of databases and of a
    correlator are never made up.

    Parameters
    ----------
    session : path, mapping or IntensiveRun
        The directory of a session with its ``record.jsonl``; a job or several (as of :func:`difxnb.open_jobs`) of
        which there is no record; or a mapping with values of the header.
    jobs : jobs, optional
        ``.input`` files, jobs, a catalogue or visibilities; by default those that the record names, as far as they
        are on this machine.
    clocks : ClockSolution, optional
        Of the clock search, for comments; by default what the record has of it.
    comments : str
        Lines for the notes of the correlator.
    parameters : mapping, optional
        Values of the header: ``CORREL``, ``DATABASE``, ``CORRPASS``, ``EXPORT``…
    counts : DataFrame or path, optional
        Readings of the counters of stations: ``station``, ``time``, ``offset`` (µs), for the column fmout-gps.
    positive : {"early", "late"}
        What a positive reading means: ``"early"`` for fmout-gps, ``"late"`` for gps-fmout.
    predicted : DataFrame, optional
        Predicted SNRs: ``baseline``, ``letter`` (``"X"``), ``snr``, and ``scan`` where they differ by scan.
    vex : Vex or path, optional
        The schedule: what was not correlated, names of stations, converters. By default that of the record, where it
        is on this machine.

    Returns
    -------
    IvsReport
        ``print(report)`` shows it, ``report.write(path)`` writes it.

    Raises
    ------
    FileNotFoundError
        There is no such session or job.
    FileFormatError
        A record or an ``.input`` is damaged.
    ValueError
        The header has no such key; a table lacks columns.
    """
    given = None if counts is None else Counts(counts, positive)
    with damage_is_checked():
        material = material_of(
            session,
            jobs=jobs,
            clocks=clocks,
            comments=comments,
            parameters=parameters,
            counts=given,
            predicted=predicted,
            vex=vex,
        )
        return IvsReport(MappingProxyType(sections_of(material)), material.codes.copy())
