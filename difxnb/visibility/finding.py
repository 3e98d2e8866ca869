# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the files of jobs from whatever a user names them by.

In go folders, files, patterns, parsed ``.input`` files or job objects, out come jobs with their SWIN files. Mirrors
``difx-files.md`` 1 and 13.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

from difxnb.errors import FileFormatError, VisibilitiesNotFound
from difxnb.formats.input import Input, read_input
from difxnb.formats.swin import SwinFile, list_files, name_of

Source: TypeAlias = str | PathLike[str] | Input | Sequence[Any] | Any
"""What a user may name; see :func:`difxnb.open_visibilities`."""

_FOLDER = re.compile(r"(.+)\.difx(\.\d+)?")  # output that is moved aside gets a number
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A job and those of its SWIN files that are meant, in order of name."""

    input: Input
    files: tuple[SwinFile, ...]


@dataclass(frozen=True, slots=True)
class FoundJobs:
    """What a source meant."""

    jobs: tuple[FoundJob, ...]


def find_jobs(source: Source, input: str | PathLike[str] | Input | None = None) -> FoundJobs:
    """Find what a source means.

    Parameters
    ----------
    source
        See :func:`difxnb.open_visibilities`.
    input : path or Input, optional
        The ``.input`` of all of it; without it each output's own is looked for.

    Returns
    -------
    FoundJobs
        A job that is named more than once, by several of its files for example, is there once.

    Raises
    ------
    VisibilitiesNotFound, FileFormatError, TypeError, ValueError
    """
    given = read_input(Path(input).expanduser().absolute()) if isinstance(input, str | PathLike) else input
    found: dict[object, tuple[Input, dict[SwinFile, None]]] = {}
    for one in _single(source):
        job, files = _find(one, given)
        known = found.setdefault(job.path.absolute() if job.path else id(job), (job, {}))
        known[1].update(dict.fromkeys(files))
    for job, _ in found.values():
        _refuse_ascii(job)
    return FoundJobs(tuple(FoundJob(job, tuple(sorted(files, key=_order))) for job, files in found.values()))


def kept_source(source: Source) -> Source:
    """What to remember of a source: paths instead of objects where they say the same, absolute."""
    if isinstance(source, str | PathLike):
        return str(Path(fspath(source)).expanduser().absolute())
    if isinstance(source, Input):
        return source if source.path is None else str(source.path.absolute())
    input_file = _input_file(source)
    if input_file is not None:
        return str(input_file.absolute())
    return [kept_source(one) for one in source]


def _order(file: SwinFile) -> tuple[str, str]:
    return file.path.name, str(file.path)


def _single(source: Source) -> Iterator[str | Path | Input]:
    """Sources one by one, patterns resolved."""
    if isinstance(source, Input):
        yield source
    elif isinstance(source, str | PathLike):
        yield from _matching(Path(source).expanduser().absolute())
    elif (input_file := _input_file(source)) is not None:
        if not input_file.exists():
            raise VisibilitiesNotFound(
                f"{source!r}: {input_file} is not on this machine; its visibilities(directory=...) fetches the files",
                (input_file,),
            )
        yield input_file.absolute()
    elif isinstance(source, Iterable) and not isinstance(source, bytes):
        yield from _several(source)
    else:
        raise TypeError(
            f"visibilities are opened from paths, .input files, jobs or lists of these, not {source!r}"
        )


def _several(sources: Iterable[Any]) -> Iterator[str | Path | Input]:
    named = list(sources)
    if not named:
        raise ValueError("an empty list of files names no visibilities")
    for one in named:
        yield from _single(one)


def _input_file(source: Any) -> Path | None:
    """Path of the ``.input`` of a job object; None of what is none."""
    named = getattr(source, "input_file", None)
    return Path(named) if isinstance(named, str | PathLike) else None


def _matching(path: Path) -> list[Path]:
    if path.exists() or not _MAGIC.search(str(path)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(path)))]
    if not found:
        raise VisibilitiesNotFound(f"nothing is called {path}", (path,))
    return found


def _find(source: Path | str | Input, given: Input | None) -> tuple[Input, list[SwinFile]]:
    if isinstance(source, Input):
        return source, _files_in(source.companion("difx").absolute())
    path = Path(source)
    if not path.exists():
        raise VisibilitiesNotFound(f"{path} does not exist", (path,))
    if path.is_dir():
        files = _files_in(path)
        return given or _input_beside(path), files
    if path.suffix == ".input":
        job = read_input(path)
        _refuse_ascii(job)
        return given or job, _files_in(job.companion("difx"))
    file = name_of(path)
    if file is None:
        raise ValueError(
            f"{path} is no .difx folder, no .input file and not named as SWIN files are (DIFX_<mjd>_<s>.s<n>.b<n>)"
        )
    return given or _input_beside(path.parent), [file]


def _files_in(folder: Path) -> list[SwinFile]:
    """SWIN files of a folder, of which there has to be one."""
    if not folder.is_dir():
        raise VisibilitiesNotFound(
            f"there is no output {folder}: was the job run, and its output kept?", (folder,)
        )
    files = list_files(folder)
    if not files:
        inner = sorted(path.name for path in folder.iterdir() if _FOLDER.fullmatch(path.name))
        hint = f"; it holds {', '.join(inner[:5])}: name one, or {folder}/*.difx" if inner else ""
        raise VisibilitiesNotFound(f"{folder} holds no SWIN files (DIFX_*){hint}", (folder,))
    return files


def _input_beside(folder: Path) -> Input:
    """Read the ``.input`` of an output folder: of the same name beside it or in it, or the only one in it."""
    match = _FOLDER.fullmatch(folder.name)
    stem = match[1] if match else folder.name
    places = [folder.parent / f"{stem}.input", folder / f"{stem}.input"]
    inside = sorted(folder.glob("*.input"))
    if len(inside) == 1:
        places.append(inside[0])
    for place in dict.fromkeys(places):
        if place.is_file():
            return read_input(place)
    looked = ", ".join(str(place) for place in places)
    raise VisibilitiesNotFound(f"{folder}: no .input at {looked}; name it with input=...", tuple(places))


def _refuse_ascii(job: Input) -> None:
    if job.output_format.upper() == "ASCII":
        raise FileFormatError(
            job.path or job.job_name,
            "",
            "OUTPUT FORMAT is ASCII, of which only SWIN can be opened; correlate the job with OUTPUT FORMAT SWIN",
        )
