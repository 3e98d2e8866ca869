# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.joblist`` files: the jobs of one pass.

Mirrors ``difx-files.md`` 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import WrittenFloat, read_text, write_text, written

# The newest files have a column more than older ones: the size of the output.
_COLUMNS = (7, 8)


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
    header: dict[str, str] = {}
    for word in line.split():
        key, equals, value = word.partition("=")
        if equals:
            header[key] = value
        elif header:
            # A blank inside a value, such as a folder name.
            header[next(reversed(header))] += f" {word}"
    return header


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
            mjd_start=WrittenFloat(mjd_start),
            mjd_stop=WrittenFloat(mjd_stop),
            n_antennas=int(n_antennas),
            pulsar_bins=int(pulsar_bins),
            phase_centers=int(phase_centers),
            tera_ops=WrittenFloat(tera_ops),
            out_size_mb=int(size[0]) if size else None,
            antennas=antennas.split(),
        )
    except ValueError as error:
        raise FileFormatError(path or "text", where, f"a column is no number: {error}") from error


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
