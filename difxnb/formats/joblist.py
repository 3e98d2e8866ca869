# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.joblist`` files: the jobs of one pass.

Mirrors ``difx-files.md`` 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class JobEntry:
    """A job of the list: time in MJD (UTC), size of its work in 10^12 operations and of its output in MB."""

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
    """A whole ``.joblist``; `header` holds its first line: exper, v2d, pass, mjd, DiFX, vex2difx, vex, label."""

    path: Path | None = None
    header: dict[str, str] = field(default_factory=dict)
    jobs: list[JobEntry] = field(default_factory=list)


def parse_joblist(text: str, path: Path | None = None) -> JobList:
    """Read the text of a ``.joblist``; FileFormatError on damage."""
    raise NotImplementedError


def format_joblist(joblist: JobList) -> str:
    """Write the text of a ``.joblist``."""
    raise NotImplementedError


def read_joblist(path: str | Path) -> JobList:
    """Read a ``.joblist`` file."""
    raise NotImplementedError


def write_joblist(joblist: JobList, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.joblist`` file."""
    raise NotImplementedError
