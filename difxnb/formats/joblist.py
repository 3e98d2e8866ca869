# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.joblist`` files: the jobs of one pass.

Mirrors ``difx-files.md`` 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.keyvalue import WrittenFloat, read_text, write_text, written
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

# The newest files have a column more than older ones: the size of the output.
_COLUMNS = (7, 8)
_LARGEST_COUNT = 2**53


@dataclass(slots=True)
class JobEntry:
    """A job of the list.

    Attributes
    ----------
    name : str
        Without directory and extension.
    mjd_start, mjd_stop : float
        UTC, good to about 0.01 s.
    pulsar_bins, phase_centers : int
        The most of any scan; 0 bins without binning.
    tera_ops : float
        Work, 10^12 operations.
    out_size_mb : int or None
        Size of the output, MB; None where an older file does not say.
    """

    name: str
    mjd_start: float
    mjd_stop: float
    n_antennas: int
    pulsar_bins: int = 0
    phase_centers: int = 1
    tera_ops: float = 0.0
    out_size_mb: int | None = 0
    antennas: list[str] = field(default_factory=list)


@dataclass(slots=True)
class JobList:
    """A whole ``.joblist``.

    Attributes
    ----------
    header : dict of str to str
        The first line: exper, v2d, pass, mjd (when it was made), DiFX, vex2difx, vex, sometimes label.
    jobs : list of JobEntry
    """

    path: Path | None = None
    header: dict[str, str] = field(default_factory=dict)
    jobs: list[JobEntry] = field(default_factory=list)

    def frame(self) -> pd.DataFrame:
        """Jobs as a DataFrame, in the order of the file.

        Returns
        -------
        DataFrame
            ``job``, ``start`` and ``stop`` (UTC, to 0.01 s), ``n_antennas``, ``antennas``, ``pulsar_bins``,
            ``phase_centers``, ``tera_ops`` (10^12 operations), ``out_size_mb`` (missing in older files).
        """
        jobs = self.jobs
        return frames.table(
            {
                "job": frames.texts(job.name for job in jobs),
                "start": frames.utc((job.mjd_start for job in jobs), step_ns=frames.WRITTEN_MJD_NS),
                "stop": frames.utc((job.mjd_stop for job in jobs), step_ns=frames.WRITTEN_MJD_NS),
                "n_antennas": frames.integers(job.n_antennas for job in jobs),
                "antennas": frames.lists(job.antennas for job in jobs),
                "pulsar_bins": frames.integers(job.pulsar_bins for job in jobs),
                "phase_centers": frames.integers(job.phase_centers for job in jobs),
                "tera_ops": frames.numbers(job.tera_ops for job in jobs),
                "out_size_mb": frames.optional_integers(job.out_size_mb for job in jobs),
            }
        )

    def __repr__(self) -> str:
        made = ", ".join(
            f"{key} {self.header[key]}" for key in ("exper", "pass", "DiFX") if key in self.header
        )
        return f"<JobList {self.path.name if self.path else ''}: {len(self.jobs)} jobs, {made}>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def parse_joblist(text: str, path: Path | None = None) -> JobList:
    """Read the text of a ``.joblist`` file.

    Raises
    ------
    FileFormatError
        With the line, where it is not of the form of a job.
    """
    first, *lines = text.split("\n")
    joblist = JobList(path, _parse_header(first))
    if not joblist.header:
        raise FileFormatError(path or "text", "line 1", f"expected 'exper=... v2d=...', found {first[:40]!r}")
    for number, line in enumerate(lines, start=2):
        if line.strip():
            joblist.jobs.append(_parse_job(line, path, number))
    return joblist


def _parse_header(line: str) -> dict[str, str]:
    header: dict[str, list[str]] = {}
    for word in line.split():
        key, equals, value = word.partition("=")
        if equals:
            header[key] = [value]
        elif header:
            # A blank inside a value, such as a folder name.
            header[next(reversed(header))].append(word)
    return {key: " ".join(words) for key, words in header.items()}


def _parse_job(line: str, path: Path | None, line_number: int) -> JobEntry:
    before, _, antennas = line.partition("#")
    words = before.split()
    where = f"line {line_number}"
    if len(words) not in _COLUMNS:
        raise FileFormatError(
            path or "text", where, f"expected 7 or 8 columns before '#', found {len(words)}"
        )
    name, mjd_start, mjd_stop, n_antennas, pulsar_bins, phase_centers, tera_ops, *size = words
    try:
        return JobEntry(
            name=name,
            mjd_start=_number(mjd_start),
            mjd_stop=_number(mjd_stop),
            n_antennas=_count(n_antennas),
            pulsar_bins=_count(pulsar_bins),
            phase_centers=_count(phase_centers),
            tera_ops=_number(tera_ops),
            out_size_mb=_count(size[0]) if size else None,
            antennas=antennas.split(),
        )
    except ValueError as error:
        raise FileFormatError(path or "text", where, f"a column is damaged: {error}") from error


def _number(word: str) -> float:
    number = WrittenFloat(word)
    if not math.isfinite(number) or "_" in word:
        raise ValueError(f"expected a number, found {word[:40]!r}")
    return number


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 16 and int(word) <= _LARGEST_COUNT):
        raise ValueError(f"expected a count, found {word[:40]!r}")
    return int(word)


def format_joblist(joblist: JobList) -> str:
    """Write the text of a ``.joblist`` file."""
    header = "  ".join(f"{key}={value}" for key, value in joblist.header.items())
    return "".join(f"{line}\n" for line in (header, *map(_format_job, joblist.jobs)))


def _format_job(job: JobEntry) -> str:
    columns = [
        job.name,
        written(job.mjd_start, ".12g", exact=False),
        written(job.mjd_stop, ".12g", exact=False),
        str(job.n_antennas),
        str(job.pulsar_bins),
        str(job.phase_centers),
        written(job.tera_ops, ".4g", exact=False),
    ]
    if job.out_size_mb is not None:
        columns.append(str(job.out_size_mb))
    return f"{' '.join(columns)}  # {' '.join(job.antennas)}"


def read_joblist(path: str | Path) -> JobList:
    """Read a ``.joblist`` file; FileFormatError with file and line where it is damaged."""
    return parse_joblist(read_text(path), Path(path))


def write_joblist(joblist: JobList, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.joblist`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_joblist(joblist), overwrite=overwrite)
