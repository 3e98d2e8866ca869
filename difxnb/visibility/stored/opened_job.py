# SPDX-License-Identifier: GPL-3.0-or-later
"""A job with what a Dataset needs of it: its ``.input`` and ``.calc``, and the tables of its SWIN files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from difxnb.formats.calc import Calc, read_calc
from difxnb.formats.input import Input
from difxnb.formats.swin_scan import OnError
from difxnb.formats.swin_table import SwinTable
from difxnb.visibility.stitched import has_doubtful_autocorrelations
from difxnb.visibility.stored.file_tables import file_table
from difxnb.visibility.stored.finding import Absences, FoundJob, FoundJobs, PassedOver


@dataclass(frozen=True, slots=True)
class OpenedJob:
    """A job with the tables of its files, and whether its autocorrelations are not to be trusted."""

    found: FoundJob
    calc: Calc | None
    tables: list[SwinTable]
    is_doubtful: bool

    @property
    def input(self) -> Input:
        """The parsed ``.input``."""
        return self.found.input

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of its sources, by row; none without ``.calc``."""
        return () if self.calc is None else tuple(source.name for source in self.calc.sources)


def open_jobs(
    found: FoundJobs, on_error: OnError, growing: bool
) -> tuple[Sequence[OpenedJob], Sequence[PassedOver]]:
    """Read what a Dataset needs of jobs; with "skip", what was passed over as a whole comes along."""
    absences, opened = Absences(on_error, list(found.absent)), []
    for one in found.jobs:
        with absences.allowed(one.input.companion("difx")):
            opened.append(_open_job(one, absences, growing))
    absences.refuse_if_all(opened)
    return opened, absences.found


def _open_job(found: FoundJob, absences: Absences, growing: bool) -> OpenedJob:
    job, calc_file = found.input, found.input.companion("calc")
    channels = {row: freq.channels for row, freq in enumerate(job.freqs)}
    tables = [
        file_table(file.path, channels, len(job.telescopes), on_error=absences.on_error, growing=growing)
        for file in found.files
    ]
    calc = None
    if calc_file.is_file():
        with absences.allowed(calc_file):  # without it there are only fewer names
            calc = read_calc(calc_file)
    return OpenedJob(found, calc, tables, has_doubtful_autocorrelations(job))
