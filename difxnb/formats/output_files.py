# SPDX-License-Identifier: GPL-3.0-or-later
"""Find files of a kind in the output of jobs, and the ``.input`` that belongs to each.

In go folders, files, patterns, parsed ``.input`` files or job objects, out come paths. Mirrors ``difx-files.md`` 1 and
14.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from difxnb.errors import OutputNotFound
from difxnb.formats.input import Input, read_input

Source: TypeAlias = str | PathLike[str] | Input | Iterable[Any] | Any
"""A ``.difx`` folder, an ``.input``, a job, a file of the kind itself, a pattern of these, or a list of these."""

_FOLDER = re.compile(r"(.+)\.difx(\.\d+)?")  # output that is moved aside gets a number
_MAGIC = re.compile(r"[*?\[]")


def output_files(source: Source, kind: str) -> list[Path]:
    """Files whose names begin with `kind` and an underscore, in order of name, so of restarts; each once.

    Raises
    ------
    OutputNotFound
        Nothing of the kind is there.
    """
    found = list(dict.fromkeys(path for one in _single(source) for path in _files(one, kind)))
    if not found:
        raise OutputNotFound(f"an empty list names no {kind} files")
    return sorted(found, key=lambda path: (path.name, str(path)))


def _single(source: Source) -> Iterator[Path | Input]:
    named = getattr(source, "input_file", source)
    if isinstance(named, Input):
        yield named
    elif isinstance(named, str | PathLike):
        yield from _matching(Path(named).expanduser())
    elif isinstance(named, Iterable) and not isinstance(named, bytes):
        for one in named:
            yield from _single(one)
    else:
        raise TypeError(f"expected a path, an .input, a job or a list of these, not {source!r}")


def _matching(path: Path) -> list[Path]:
    if path.exists() or not _MAGIC.search(str(path)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(path)))]
    if not found:
        raise OutputNotFound(f"nothing is called {path}")
    return found


def _files(source: Path | Input, kind: str) -> list[Path]:
    if isinstance(source, Input):
        return _in_folder(source.companion("difx"), kind)
    if source.is_dir():
        return _in_folder(source, kind)
    if source.suffix == ".input":
        return _in_folder(read_input(source).companion("difx"), kind)
    if not source.exists():
        raise OutputNotFound(f"{source} does not exist")
    return [source]


def _in_folder(folder: Path, kind: str) -> list[Path]:
    if not folder.is_dir():
        raise OutputNotFound(f"there is no output {folder}: was the job run, and its output kept?")
    found = sorted(path for path in folder.iterdir() if path.name.startswith(f"{kind}_"))
    if not found:
        raise OutputNotFound(f"{folder} holds no {kind}_* files; does the job ask for them?")
    return found


def input_of(path: Path) -> Input | None:
    """Read the ``.input`` of a file in an output folder: of the folder's name, beside or in it; None without any."""
    folder = path.absolute().parent
    match = _FOLDER.fullmatch(folder.name)
    name = f"{match[1] if match else folder.name}.input"
    for place in (folder.parent / name, folder / name):
        if place.is_file():
            return read_input(place)
    return None
