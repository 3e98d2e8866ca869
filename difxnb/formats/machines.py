# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.machines`` and ``.threads`` files: where the processes of a job run.

Text comes in and lists go out, and the other way round. Mirrors ``difx-files.md`` 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.keyvalue import VALUE_COLUMN, read_text, write_text
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

_THREADS_KEY = "NUMBER OF CORES:"


class Machines(list[str]):
    """Hosts in order of MPI rank: a list with a :meth:`frame`."""

    def frame(self, datastreams: int | None = None) -> pd.DataFrame:
        """Processes as a DataFrame, one row per rank.

        Parameters
        ----------
        datastreams : int, optional
            How many datastreams the job has (``active_datastreams`` of its ``.input``), which the file does not say.

        Returns
        -------
        DataFrame
            ``rank``, ``host``, ``role``: manager, datastream or core; empty behind the manager where the number of
            datastreams was not given.
        """
        return frames.table(
            {
                "rank": frames.integers(range(len(self))),
                "host": frames.texts(self),
                "role": frames.texts(_role(rank, datastreams) for rank in range(len(self))),
            }
        )

    def __repr__(self) -> str:
        return f"<Machines: {len(self)} processes on {len(set(self))} hosts: {' '.join(dict.fromkeys(self))}>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def _role(rank: int, datastreams: int | None) -> str:
    if rank == 0 or datastreams is None:
        return "" if rank else "manager"
    return "datastream" if rank <= datastreams else "core"


class Threads(list[int]):
    """Threads of each core process: a list with a :meth:`frame`."""

    def frame(self) -> pd.DataFrame:
        """Core processes as a DataFrame: ``core`` (from 0) and its ``threads``."""
        return frames.table({"core": frames.integers(range(len(self))), "threads": frames.integers(self)})

    def __repr__(self) -> str:
        return f"<Threads: {len(self)} cores with {sum(self)} threads>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def parse_machines(text: str, path: Path | None = None) -> Machines:
    """Hosts of a ``.machines`` text; words behind a host (``slots=1``) and comment lines are left out."""
    hosts = Machines()
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not all(word.isprintable() for word in words):
            raise FileFormatError(
                path or "text", f"line {number}", "expected a host name, found control characters"
            )
        if words and not words[0].startswith("#"):
            hosts.append(words[0])
    return hosts


def format_machines(hosts: Sequence[str]) -> str:
    """Text of a ``.machines`` file; ValueError for what is no host name."""
    for host in hosts:
        if not host or not host.isprintable() or " " in host or host.startswith("#"):
            raise ValueError(f"{host!r} is no host name")
    return "".join(f"{host}\n" for host in hosts)


def read_machines(path: str | Path) -> Machines:
    """Read a ``.machines`` file.

    Returns
    -------
    Machines
        A list of hosts in order of rank: the manager, one per datastream, then the cores. A host may be repeated.

    Raises
    ------
    FileFormatError
        Where the file is no text.
    """
    return parse_machines(read_text(path), Path(path))


def write_machines(hosts: Sequence[str], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.machines`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_machines(hosts), overwrite=overwrite)


def parse_threads(text: str, path: Path | None = None) -> Threads:
    """Threads of each core process in a ``.threads`` text; FileFormatError on damage."""
    lines = text.split("\n")
    if not lines[0].startswith(_THREADS_KEY):
        raise FileFormatError(path or "text", "line 1", f"expected {_THREADS_KEY!r}, found {lines[0][:40]!r}")
    cores = _count(lines[0].removeprefix(_THREADS_KEY), path, 1)
    if cores > len(lines) - 1:
        raise FileFormatError(
            path or "text", "line 1", f"announces {cores} cores, {len(lines) - 1} lines are left"
        )
    return Threads(_count(line, path, number) for number, line in enumerate(lines[1 : cores + 1], start=2))


def _count(text: str, path: Path | None, line_number: int) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise FileFormatError(path or "text", f"line {line_number}", f"expected a count, found {word[:40]!r}")
    return int(word)


def format_threads(threads: Sequence[int]) -> str:
    """Text of a ``.threads`` file."""
    return _THREADS_KEY.ljust(VALUE_COLUMN) + "".join(f"{number}\n" for number in (len(threads), *threads))


def read_threads(path: str | Path) -> Threads:
    """Read a ``.threads`` file: threads of each core process; FileFormatError where it is damaged."""
    return parse_threads(read_text(path), Path(path))


def write_threads(threads: Sequence[int], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.threads`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_threads(threads), overwrite=overwrite)
