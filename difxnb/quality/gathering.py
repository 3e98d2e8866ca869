# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what checks look at, from whatever somebody calls a job.

In go visibilities, names of files or objects that know their ``.input``; out comes a `Material`. Nothing but small
files is read here: spectra and weights wait for the checks that need them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import xarray as xr

from difxnb.catalogue import StoredJob, open_jobs
from difxnb.catalogue.row import RUNNING
from difxnb.errors import DamagedData, DifxError, DoubtfulAutocorrelations, VisibilitiesNotFound
from difxnb.formats.swin import list_files
from difxnb.quality.material import Material
from difxnb.visibility.accessor.selecting import with_all_axes
from difxnb.visibility.stored.backend import OPENED
from difxnb.visibility.stored.opening import reopen

if TYPE_CHECKING:
    import pandas as pd


@runtime_checkable
class HasInputFile(Protocol):
    """A job of a correlator, or a stored one."""

    @property
    def input_file(self) -> str | Path:
        """Path of the ``.input`` file."""


JobSource: TypeAlias = xr.Dataset | str | PathLike[str] | HasInputFile
"""What may be called a job; see :func:`difxnb.check_quality`."""


@contextmanager
def damage_is_checked() -> Iterator[None]:
    """Keep quiet about damaged files: there are checks for that. Not for use in threads, as warnings are of all."""
    with warnings.catch_warnings():
        for told in (DamagedData, DoubtfulAutocorrelations):
            warnings.simplefilter("ignore", told)
        yield


def gather(
    source: JobSource,
    *,
    fringes: pd.DataFrame | None = None,
    expected: Iterable[str] | None = None,
    running: bool | None = None,
) -> Material:
    """Gather what there is of a job; parameters as those of :func:`difxnb.check_quality`.

    Raises
    ------
    FileNotFoundError
        The ``.input`` is not on this machine.
    FileFormatError
        It is damaged.
    ValueError
        A name means no job, or several; a baseline that is expected is not there.
    TypeError
        It is nothing that could be a job.
    """
    material = _of_dataset(source) if isinstance(source, xr.Dataset) else _of_job(job_of(source))
    if running is not None:
        material.running = running
    material.given_fringes = fringes
    material.expected = None if expected is None else _known_baselines(material, expected)
    return material


def job_of(source: object) -> StoredJob:
    """The one job on this machine that is meant; errors as those of :func:`gather`."""
    if isinstance(source, StoredJob):
        return source
    if isinstance(source, HasInputFile):
        return _here(source.input_file)
    if not isinstance(source, str | PathLike):
        raise TypeError(
            "quality is checked of visibilities (a Dataset), an .input file, a job or a catalogue, "
            f"not of {type(source).__name__}"
        )
    jobs = list(open_jobs(source))
    if len(jobs) != 1:
        raise ValueError(
            f"{source} means {len(jobs)} jobs; open_jobs({str(source)!r}) gives them as a catalogue"
        )
    return jobs[0]


def _here(input_file: str | Path) -> StoredJob:
    """The job of an ``.input`` file that a correlator names."""
    if not Path(input_file).is_file():
        raise FileNotFoundError(
            f"{input_file} is not on this machine under that name; check_quality(job.visibilities(directory=...)) "
            "fetches the job's files and looks at them"
        )
    return StoredJob(input_file)


def _of_job(job: StoredJob) -> Material:
    """What lies on the disk of a job."""
    material = Material(job.name, input=job.input, running=job.row["state"] == RUNNING)
    _add_files(material, job)
    part = _Part(material, "dataset")
    material.dataset = part.read(lambda: _opened(job, growing=material.running))
    return material


def _opened(job: StoredJob, *, growing: bool) -> xr.Dataset:
    """Visibilities of a job, whatever is damaged of them: there is a check for that."""
    return job.visibilities(on_error="skip", growing=growing, cache=False)


def _of_dataset(dataset: xr.Dataset) -> Material:
    """Visibilities, and the files of the one job that they say they came from, where those are on this machine."""
    material = Material(str(dataset.attrs.get("job", "")), with_all_axes(dataset))
    material.running = dataset.attrs.get("visibility_source") == "live monitor"
    material.is_part = _is_selected(dataset)
    named = [line for line in str(dataset.attrs.get("input_file", "")).splitlines() if line]
    if len(named) != 1 or not Path(named[0]).is_file():
        why = (
            "these visibilities are of several jobs"
            if len(named) > 1
            else "there are no files of this job here"
        )
        material.missing_parts = dict.fromkeys(("input", "calc", "log", "pcal", "size"), why)
        return material
    job = StoredJob(named[0])
    material.input = _Part(material, "input").read(lambda: job.input)
    if material.input is not None:
        material.running = job.row["state"] == RUNNING
        _add_files(material, job)
    return material


def _is_selected(dataset: xr.Dataset) -> bool:
    """Whether visibilities are fewer than those of the files that they were opened from, or nobody can tell."""
    if OPENED not in dataset.encoding:
        return True
    try:
        whole = reopen(dataset)
    except (DifxError, OSError):
        return True
    return any(
        dataset.sizes.get(axis, 1) < whole.sizes[axis]
        for axis in ("time", "baseline", "band", "polarization")
    )


def _add_files(material: Material, job: StoredJob) -> None:
    from difxnb.visibility.phase_cal import read_pcal

    material.calc = _Part(material, "calc").read(lambda: job.calc)
    material.log = _Part(material, "log").read(lambda: job.log)
    folder = job.path("difx")
    material.size = _Part(material, "size").read(lambda: _bytes_in(folder))
    if folder.is_dir() and any(folder.glob("PCAL_*")):
        material.pcal = _Part(material, "pcal").read(
            lambda: read_pcal(folder, input=job.input, on_error="skip")
        )
    else:
        material.missing_parts["pcal"] = "the job has written no files of pulse calibration tones"


def _bytes_in(folder: Path) -> int:
    if not folder.is_dir():
        raise VisibilitiesNotFound(f"there is no output {folder}: was the job run?", [folder])
    return sum(file.path.stat().st_size for file in list_files(folder))


class _Part:
    """One part of the material: read it, or note why it is not there."""

    def __init__(self, material: Material, name: str) -> None:
        self._material, self._name = material, name

    def read(self, reading: Callable[[], Any]) -> Any:
        """What reading gives; None where there is no such file or it is damaged."""
        try:
            return reading()
        except FileNotFoundError as error:
            why = f"there is no {Path(error.filename).name}" if error.filename else str(error)
        except DifxError as error:
            why = str(error)
        except OSError as error:
            why = f"{Path(error.filename or '').name} cannot be read: {error.strerror}"
        self._material.missing_parts[self._name] = why
        return None


def _known_baselines(material: Material, expected: Iterable[str]) -> tuple[str, ...]:
    """Names of baselines as visibilities have them, whichever antenna was named first."""
    wanted = tuple(expected)
    if isinstance(expected, str) or material.dataset is None:
        raise ValueError(
            f"expected= is a list of baselines such as ['AA-BB'] that visibilities have, not {expected!r}"
        )
    names = [str(name) for name in material.dataset["baseline"].values]
    found = []
    for name in wanted:
        turned = "-".join(reversed(str(name).split("-")))
        if name not in names and turned not in names:
            raise ValueError(f"no baseline {name!r} is expected here; there are {', '.join(names)}")
        found.append(name if name in names else turned)
    return tuple(found)
