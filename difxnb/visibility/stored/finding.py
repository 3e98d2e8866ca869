# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the files of jobs from whatever a user names them by.

In go folders, files, patterns, parsed ``.input`` files or job objects, out come jobs with their SWIN files. Mirrors
``difx-files.md`` 1 and 13.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from difxnb.errors import FileFormatError, VisibilitiesNotFound
from difxnb.formats.input import Input, read_input
from difxnb.formats.swin import SwinFile, list_files, name_of
from difxnb.formats.swin_scan import OnError

Source: TypeAlias = str | PathLike[str] | Input | Sequence[Any] | Any
"""What a user may name; see :func:`difxnb.open_visibilities`."""

_FOLDER = re.compile(r"(.+)\.difx(\.\d+)?")  # output that is moved aside gets a number
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class FoundJob:
    """A job and those of its SWIN files that are meant, in order of name."""

    input: Input
    files: tuple[SwinFile, ...]


class PassedOver(NamedTuple):
    """A file or folder without which a Dataset was made, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Absences:
    """What of several sources is left out because it cannot be had, where that is asked for."""

    on_error: OnError = "raise"
    found: list[PassedOver] = field(default_factory=list)
    first: Exception | None = None

    @contextmanager
    def allowed(self, path: object) -> Iterator[None]:
        """Note that a file is not there, may not be read or is damaged; or let that be an error."""
        try:
            yield
        except (FileFormatError, OSError) as error:
            if self.on_error == "raise":
                raise
            self.first = self.first or error
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.found.append(PassedOver(str(path), reason))

    def refuse_if_all(self, left: Sequence[object]) -> None:
        """Raise the first error where nothing is left."""
        if not left and self.first is not None:
            raise self.first


@dataclass(frozen=True, slots=True)
class FoundJobs:
    """What a source meant; absent is what it meant too and cannot be had."""

    jobs: tuple[FoundJob, ...]
    absent: tuple[PassedOver, ...] = ()


def find_jobs(
    source: Source, input: str | PathLike[str] | Input | None = None, on_error: OnError = "raise"
) -> FoundJobs:
    """Find what a source means.

    Parameters
    ----------
    source
        See :func:`difxnb.open_visibilities`.
    input : path or Input, optional
        The ``.input`` of all of it; without it each output's own is looked for.
    on_error : {"raise", "skip"}
        With "skip", what of several sources cannot be had is passed over, unless it is all of them.

    Returns
    -------
    FoundJobs
        A job that is named more than once, by several of its files for example, is there once.

    Raises
    ------
    VisibilitiesNotFound, FileFormatError, TypeError, ValueError
    """
    given = read_input(Path(input).expanduser().absolute()) if isinstance(input, str | PathLike) else input
    absences = Absences(on_error)
    found: dict[object, tuple[Input, dict[SwinFile, None]]] = {}
    for named in _each(source):
        with absences.allowed(named):
            for one in _meant(named):
                with absences.allowed(_name(one)):
                    job, files = _find(one, given)
                    _refuse_ascii(job)
                    known = found.setdefault(job.path.absolute() if job.path else id(job), (job, {}))
                    known[1].update(dict.fromkeys(files))
    absences.refuse_if_all(list(found))
    jobs = tuple(FoundJob(job, tuple(sorted(files, key=_order))) for job, files in found.values())
    return FoundJobs(jobs, tuple(absences.found))


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


def _each(source: Source) -> Iterator[Any]:
    """Sources one by one, of lists and of lists in them."""
    is_one = isinstance(source, str | bytes | PathLike | Input) or _input_file(source) is not None
    if is_one or not isinstance(source, Iterable):
        yield source
        return
    named = list(source)
    if not named:
        raise ValueError("an empty list of files names no visibilities")
    for one in named:
        yield from _each(one)


def _meant(source: Any) -> Iterable[Path | Input]:
    """What one source means: a job object its ``.input``, a pattern what it matches."""
    if isinstance(source, Input):
        return [source]
    if isinstance(source, str | PathLike):
        return _matching(Path(fspath(source)).expanduser().absolute())
    input_file = _input_file(source)
    if input_file is None:
        raise TypeError(
            f"visibilities are opened from paths, .input files, jobs or lists of these, not {source!r}"
        )
    if not input_file.exists():
        raise VisibilitiesNotFound(
            f"{source!r}: {input_file} is not on this machine; its visibilities(directory=...) fetches the files",
            (input_file,),
        )
    return [input_file.absolute()]


def _name(source: Path | Input) -> object:
    return (source.path or source.job_name) if isinstance(source, Input) else source


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


def _find(path: Path | Input, given: Input | None) -> tuple[Input, list[SwinFile]]:
    if isinstance(path, Input):
        return path, _files_in(path.companion("difx").absolute())
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
