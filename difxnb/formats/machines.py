# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.machines`` and ``.threads`` files: where the processes of a job run.

Text comes in and lists go out, and the other way round. Mirrors ``difx-files.md`` 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import VALUE_COLUMN, read_text, write_text

_THREADS_KEY = "NUMBER OF CORES:"


def parse_machines(text: str, path: Path | None = None) -> list[str]:
    """Hosts of a ``.machines`` text; words behind a host (``slots=1``) and comment lines are left out."""
    hosts = []
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


def read_machines(path: str | Path) -> list[str]:
    """Read a ``.machines`` file.

    Returns
    -------
    list of str
        Hosts in order of rank: the manager, one per datastream, then the cores. A host may be repeated.

    Raises
    ------
    FileFormatError
        Where the file is no text.
    """
    return parse_machines(read_text(path), Path(path))


def write_machines(hosts: Sequence[str], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.machines`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_machines(hosts), overwrite=overwrite)


def parse_threads(text: str, path: Path | None = None) -> list[int]:
    """Threads of each core process in a ``.threads`` text; FileFormatError on damage."""
    lines = text.split("\n")
    if not lines[0].startswith(_THREADS_KEY):
        raise FileFormatError(path or "text", "line 1", f"expected {_THREADS_KEY!r}, found {lines[0][:40]!r}")
    cores = _count(lines[0].removeprefix(_THREADS_KEY), path, 1)
    if cores > len(lines) - 1:
        raise FileFormatError(
            path or "text", "line 1", f"announces {cores} cores, {len(lines) - 1} lines are left"
        )
    return [_count(line, path, number) for number, line in enumerate(lines[1 : cores + 1], start=2)]


def _count(text: str, path: Path | None, line_number: int) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise FileFormatError(path or "text", f"line {line_number}", f"expected a count, found {word[:40]!r}")
    return int(word)


def format_threads(threads: Sequence[int]) -> str:
    """Text of a ``.threads`` file."""
    return _THREADS_KEY.ljust(VALUE_COLUMN) + "".join(f"{number}\n" for number in (len(threads), *threads))


def read_threads(path: str | Path) -> list[int]:
    """Read a ``.threads`` file: threads of each core process; FileFormatError where it is damaged."""
    return parse_threads(read_text(path), Path(path))


def write_threads(threads: Sequence[int], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.threads`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_threads(threads), overwrite=overwrite)
