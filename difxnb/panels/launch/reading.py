# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a job before it is launched: what it correlates, its machines, its output, its recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difxnb.errors import FileFormatError, RemoteFileError, RemoteFileNotFound
from difxnb.formats.calc import parse_calc
from difxnb.formats.input_model import Input
from difxnb.formats.input_summary import facts
from difxnb.panels.launch.plan import Plan
from difxnb.panels.launch.sources import Source, directories_of, sources_of
from difxnb.panels.shown import duration_words

_MOST_DIRECTORIES = 8
_MOST_SCANS = 12


@dataclass(frozen=True)
class Reading:
    """A job as its files tell of it.

    Attributes
    ----------
    job : Job
        Of the correlator.
    facts : tuple of (str, str)
        Names and values, in words.
    outputs : tuple of str
        Where it writes; those in `existing` are there already.
    placed : Plan or None
        What its machines files hold; None where there are none.
    seen : frozenset of str
        Paths of files that were seen on the server.
    notes : tuple of str
        What could not be read, in words.
    """

    job: Any
    facts: tuple[tuple[str, str], ...]
    duration: float
    outputs: tuple[str, ...]
    existing: tuple[str, ...]
    placed: Plan | None
    sources: tuple[Source, ...]
    seen: frozenset[str]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.job.name)

    @property
    def input_file(self) -> str:
        """Path of the ``.input``."""
        return str(self.job.input_file)


async def read_job(difx: Any, input_file: str) -> Reading:
    """Read a job.

    Parameters
    ----------
    difx : Correlator
        See `difxnb.aio.Correlator`.
    input_file : str
        Absolute path on the server.

    Raises
    ------
    ValueError, RemoteFileNotFound, FileFormatError, NoReply, ConnectionLost
        There is no such job, or its ``.input`` cannot be read.
    """
    job = difx.job(input_file)
    inp: Input = await job.input()
    notes: list[str] = []
    outputs = tuple(job.outputs(inp))
    sources = sources_of(inp)
    beside = await _paths(difx, f"{job.base}.*")
    others = [output for output in outputs if output not in beside and not output.startswith(f"{job.base}.")]
    existing = beside.union(*[await _paths(difx, output, itself=True) for output in others])
    return Reading(
        job,
        tuple((await _facts(difx, job, inp, notes)).items()),
        inp.execute_time,
        outputs,
        tuple(output for output in outputs if output in existing),
        await _placed(job, notes),
        sources,
        await _seen(difx, sources, input_file, notes),
        tuple(notes),
    )


async def _facts(difx: Any, job: Any, inp: Input, notes: list[str]) -> dict[str, str]:
    known = facts(inp)
    scans = await _scans(difx, job, notes)
    return {"job": job.name, "length": duration_words(inp.execute_time), "scans": scans, **known}


async def _scans(difx: Any, job: Any, notes: list[str]) -> str:
    path = f"{job.base}.calc"
    try:
        calc = parse_calc((await difx.get_file(path)).decode("utf-8", "replace"), Path(path))
    except (RemoteFileError, FileFormatError) as error:
        notes.append(f"the scans are not known: {error}")
        return ""
    names = [
        f"{scan.identifier} {calc.sources[scan.pointing_source].name} {duration_words(scan.duration_s)}"
        for scan in calc.scans[:_MOST_SCANS]
    ]
    more = f"; and {len(calc.scans) - _MOST_SCANS} more" if len(calc.scans) > _MOST_SCANS else ""
    return f"{len(calc.scans)}: {'; '.join(names)}{more}"


async def _placed(job: Any, notes: list[str]) -> Plan | None:
    try:
        where = await job.placement_or_none()
    except FileFormatError as error:
        notes.append(f"the machines cannot be read: {error}")
        return None
    if where is None:
        return None
    if len(where.hosts) <= len(where.threads):
        notes.append(f"the machines name {len(where.hosts)} hosts and {len(where.threads)} processors")
        return None
    return Plan.of_files(where.hosts, where.threads)


async def _paths(difx: Any, path: str, *, itself: bool = False) -> frozenset[str]:
    """Paths of a list, or with `itself` the path alone where it is there."""
    try:
        frame = await difx.ls(path)
    except RemoteFileNotFound:
        return frozenset()
    return frozenset({path}) if itself else frozenset(frame["path"])


async def _seen(difx: Any, sources: Sequence[Source], input_file: str, notes: list[str]) -> frozenset[str]:
    directories = directories_of(sources, input_file)
    beside = input_file.rpartition("/")[0] or "/"
    looked = list(dict.fromkeys([*directories[:_MOST_DIRECTORIES], beside]))
    if len(directories) > _MOST_DIRECTORIES:
        notes.append(f"recordings lie in {len(directories)} directories; {_MOST_DIRECTORIES} were looked at")
    seen: frozenset[str] = frozenset()
    for directory in looked:
        try:
            seen |= await _paths(difx, directory)
        except RemoteFileError as error:
            notes.append(str(error))
    return seen
