# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs would be made of a schedule and a ``.v2d``, and with what: as vex2difx cuts them.

In: a :class:`~difxnb.formats.vex.Vex` and a :class:`~difxnb.formats.v2d.V2d`. Out: a :class:`PlannedJob` for
each job. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from difxnb.formats.v2d import V2d
from difxnb.formats.vex import Vex
from difxnb.making.drafting import Draft, Plan, drawn_up
from difxnb.making.observed import Read
from difxnb.making.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_LIST = 2**24


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that would be made.

    Attributes
    ----------
    name : str
    number : int
    antennas, scans, modes : tuple of str
        Antennas by their names in the job.
    setup : str
        Name of its SETUP.
    start, stop : numpy.datetime64
        UTC.
    duration_s : float
    files : tuple of str
        Paths that it will have, the ``.input`` first.
    """

    name: str
    number: int
    antennas: tuple[str, ...]
    scans: tuple[str, ...]
    setup: str
    modes: tuple[str, ...]
    start: np.datetime64
    stop: np.datetime64
    duration_s: float
    files: tuple[str, ...]


def planned_jobs(vex: Vex, v2d: V2d, *, at: Path | None = None) -> list[PlannedJob]:
    """Say which jobs would be made; nothing is written.

    Parameters
    ----------
    vex : Vex
        The schedule; what the ``.v2d`` calls its schedule is not read.
    v2d : V2d
        What is asked for.
    at : Path, optional
        Directory of the jobs, where file lists are looked for too; that of the ``.v2d`` without it.

    Returns
    -------
    list of PlannedJob
        In the order of their numbers.

    Raises
    ------
    CannotMakeJob
        With every reason.

    Examples
    --------
    >>> planned_jobs(difxnb.read_vex("e.vex"), difxnb.read_v2d("e.v2d"))  # doctest: +SKIP
    """
    require_read(vex, v2d)
    directory = _directory(v2d, at)
    plan = drawn_up(vex, v2d.text, name_of(v2d), reader(directory))
    return [planned(plan, draft, directory) for draft in plan.drafts]


def planned_frame(plans: Iterable[PlannedJob]) -> pd.DataFrame:
    """Planned jobs as a table.

    Returns
    -------
    DataFrame
        ``job``, ``start`` and ``stop`` (UTC), ``duration`` (s), ``antennas``, ``n_antennas``, ``scans``, ``setup``,
        ``mode``, ``input`` (path) and whether that file ``exists``; lists are joined by blanks.
    """
    import pandas as pd

    jobs = list(plans)
    texts = {
        "antennas": [" ".join(job.antennas) for job in jobs],
        "scans": [" ".join(job.scans) for job in jobs],
        "setup": [job.setup for job in jobs],
        "mode": [" ".join(job.modes) for job in jobs],
        "input": [job.files[0] for job in jobs],
    }
    columns: dict[str, pd.Series] = {
        "job": pd.Series([job.name for job in jobs], dtype=object),
        "start": pd.Series([job.start for job in jobs], dtype="datetime64[ns]"),
        "stop": pd.Series([job.stop for job in jobs], dtype="datetime64[ns]"),
        "duration": pd.Series([job.duration_s for job in jobs], dtype=float),
        "antennas": pd.Series(texts["antennas"], dtype=object),
        "n_antennas": pd.Series([len(job.antennas) for job in jobs], dtype="int64"),
        **{name: pd.Series(texts[name], dtype=object) for name in ("scans", "setup", "mode", "input")},
        "exists": pd.Series([Path(job.files[0]).exists() for job in jobs], dtype=bool),
    }
    return pd.DataFrame(columns)


def require_read(vex: object, v2d: object) -> None:
    """Refuse paths, texts, and one in the place of the other: TypeError."""
    for name, given, kind in (("vex", vex, Vex), ("v2d", v2d, V2d)):
        if not isinstance(given, kind):
            raise TypeError(f"{name} is what difxnb.read_{name} gives, not {given!r:.200}")


def name_of(v2d: V2d) -> str:
    """How the jobs of a ``.v2d`` begin where it does not say."""
    return v2d.path.name.removesuffix(".v2d") if v2d.path is not None else "job"


def _directory(v2d: V2d, at: Path | None) -> Path:
    return Path(at if at is not None else v2d.path.parent if v2d.path is not None else ".").absolute()


def reader(directory: Path) -> Read:
    """Reads file lists; relative names count from a directory."""

    def read(name: str) -> str:
        with (directory / name).open("rb") as file:
            content = file.read(_LARGEST_LIST + 1)
        if len(content) > _LARGEST_LIST:
            raise ValueError(f"more than {_LARGEST_LIST >> 20} MB")
        return content.decode("utf-8", "surrogateescape")

    return read


def planned(plan: Plan, draft: Draft, directory: Path) -> PlannedJob:
    """What is to be said of a job."""
    span = draft.piece.span
    start, stop = (np.datetime64(round(t * 1e9), "ns") for t in (span.start, span.stop))
    return PlannedJob(
        draft.name,
        draft.number,
        tuple(plan.settings.station(name).job_name for name in draft.stations),
        tuple(scan.name for scan in draft.piece.scans),
        draft.setup.name,
        tuple(dict.fromkeys(scan.mode for scan in draft.piece.scans)),
        start,
        stop,
        span.length,
        tuple(str(directory / f"{draft.name}.{end}") for end in extensions(plan.settings)),
    )


def extensions(settings: Settings) -> tuple[str, ...]:
    """Files of each job."""
    threads = (
        ("threads",) if settings.cores > 0 and settings.threads > 0 and not settings.threads_file else ()
    )
    machines = ("machines",) if settings.machines else ()
    return ("input", "calc", "flag", *threads, *machines, "im")
