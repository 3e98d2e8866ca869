# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue itself: which jobs there are, what is known of them, and work on all of them."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

import pandas as pd

from difxnb.catalogue.mapping import Applied, in_threads, joined, on_cluster
from difxnb.catalogue.row import EMPTY_ROW
from difxnb.catalogue.stored_job import StoredJob
from difxnb.errors import OutputExists
from difxnb.formats.joblist import read_joblist
from difxnb.formats.new_file import new_file
from difxnb.markup import titled

if TYPE_CHECKING:
    import xarray as xr

_READERS = 8  # threads that read small files; most of their time they wait for a disk or a network
_TIMES = ("start", "stop", "written")
_COUNTS = ("n_antennas", "n_bands", "n_baselines", "n_scans", "size", "files", "runs", "warnings", "errors")
_NUMBERS = ("progress", "duration", "integration_time", "mean_weight", "speed_up")
_SHOWN = [
    "job",
    "state",
    "start",
    "duration",
    "antennas",
    "n_bands",
    "sources",
    "size",
    "mean_weight",
    "problem",
]


class Catalogue:
    """Many jobs on disk. Made by :func:`difxnb.open_jobs`.

    It has a length, gives its jobs one after the other, and one by name or place (``catalogue["r4999_07"]``,
    ``catalogue[0]``); slices and boolean masks, as made from columns of `frame`, give smaller catalogues.
    """

    def __init__(self, jobs: Iterable[StoredJob]) -> None:
        self._jobs = list(dict.fromkeys(jobs))
        self._frame: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[StoredJob]:
        return iter(self._jobs)

    @overload
    def __getitem__(self, wanted: str | int) -> StoredJob: ...

    @overload
    def __getitem__(self, wanted: slice | pd.Series[bool] | Sequence[bool]) -> Catalogue: ...

    def __getitem__(
        self, wanted: str | int | slice | pd.Series[bool] | Sequence[bool]
    ) -> StoredJob | Catalogue:
        if isinstance(wanted, str):
            return self._named(wanted)
        if isinstance(wanted, slice):
            return Catalogue(self._jobs[wanted])
        if isinstance(wanted, SupportsIndex):
            return self._jobs[wanted]
        mask = list(wanted)
        if len(mask) != len(self._jobs):
            raise IndexError(f"a mask for {len(self._jobs)} jobs needs as many values, not {len(mask)}")
        return Catalogue(job for job, keep in zip(self._jobs, mask, strict=True) if keep)

    def _named(self, name: str) -> StoredJob:
        found = [job for job in self._jobs if job.name == name or str(job.input_file) == name]
        if not found:
            raise KeyError(f"no job {name!r} among the {len(self)} of this catalogue")
        if len(found) > 1:
            places = ", ".join(str(job.input_file) for job in found[:5])
            raise KeyError(f"{len(found)} jobs are called {name!r}: {places}; give the whole path")
        return found[0]

    def frame(self) -> pd.DataFrame:
        """One row per job, from ``.input``, ``.calc``, ``.difxlog`` and the sizes of the output files.

        They are read at the first call, in threads; visibilities are never read. The same frame is given again
        afterwards (as a copy); `refresh` looks anew.

        Returns
        -------
        DataFrame
            ``job``; ``state`` (how the last run in its log ended: ``done``, ``done_with_errors``, ``failed``,
            ``stopped``; ``running`` where it is being written; ``not run`` without log and output, ``unknown`` where
            nothing tells, ``unreadable`` where the ``.input`` is damaged); ``progress`` (0…1); ``start``, ``stop`` (of
            the observation, UTC), ``duration`` (s), ``integration_time`` (s), ``antennas``, ``n_antennas``,
            ``n_bands`` (that are written), ``n_baselines`` (cross), ``n_scans``, ``sources``, ``size`` (of the
            visibilities, bytes), ``files``, ``written`` (last, UTC), ``mean_weight`` (of all antennas over the last
            run), ``runs``, ``warnings`` and ``errors`` (of the last run), ``speed_up`` (seconds of data per second),
            ``difx_version``, ``input`` (path), ``problem`` (files that are missing or damaged, in words).
        """
        if self._frame is None:
            with ThreadPoolExecutor(min(_READERS, max(1, len(self))), "difxnb-catalogue") as pool:
                rows = list(pool.map(_row_of, self._jobs))
            self._frame = _rows_frame(rows)
        return self._frame.copy()

    def refresh(self) -> Catalogue:
        """Give a catalogue of the same jobs that reads their files anew."""
        return Catalogue(StoredJob(job.input_file) for job in self._jobs)

    def map(
        self,
        func: Callable[[StoredJob], Any],
        *,
        client: Any = None,
        workers: int | None = None,
        errors: Literal["keep", "raise"] = "keep",
        save: str | PathLike[str] | None = None,
    ) -> pd.DataFrame:
        """Apply a function to every job, side by side.

        Only as many jobs are open at a time as there are workers, so that all of them together may be much larger
        than the memory.

        Parameters
        ----------
        func : callable
            Takes a :class:`StoredJob`, gives a number, a text, a dict or Series (one row), a DataFrame (rows), or
            None (no row). For a cluster it has to be picklable.
        client : dask.distributed.Client, optional
            Cluster to run on; its workers must see the files under the same names. Threads here without it.
        workers : int, optional
            Threads; as many as there are cores by default.
        errors : {"keep", "raise"}
            Whether an exception of one job becomes a row with its text in the column ``error``, after which a warning
            tells how many there were, or ends everything.
        save : path, optional
            Parquet file to write the result to; it is never overwritten.

        Returns
        -------
        DataFrame
            ``job``, what `func` gave (a plain value as ``value``), ``input``, and ``error`` where any failed; in the
            order of the catalogue.

        Raises
        ------
        OutputExists
            The file to write is there already; nothing was run then.
        ValueError
            `workers` is below 1, or given with `client`.
        """
        if save is not None and Path(save).exists():
            raise OutputExists(f"{save} exists already; results are not written over it. Choose another name")
        if workers is not None and (workers < 1 or client is not None):
            raise ValueError(
                f"workers= is a number of threads from 1, and goes without client=; got {workers}"
            )
        applied = Applied(func, errors == "keep")
        answers = (
            in_threads(applied, self._jobs, workers or os.cpu_count() or 1)
            if client is None
            else on_cluster(applied, self._jobs, client)
        )
        frame = joined(self._jobs, answers)
        failed = sum(answer.rows is None for answer in answers)
        if failed:
            warnings.warn(f"{failed} of {len(self)} jobs failed; see the column 'error'", stacklevel=2)
        if save is not None:
            with new_file(save, "results") as partial:
                frame.to_parquet(partial, index=False)
        return frame

    def visibilities(self, **options: Any) -> xr.Dataset:
        """Open the visibilities of all jobs as one Dataset, lazily; `options` as of :func:`open_visibilities`."""
        from difxnb.visibility.opening import open_visibilities

        return open_visibilities([job.input_file for job in self._jobs], **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write `frame` to a Parquet file; OutputExists where there is one."""
        with new_file(path, "catalogues") as partial:
            self.frame().to_parquet(partial, index=False)

    def __repr__(self) -> str:
        title = f"<Catalogue of {len(self)} jobs>"
        return title if not len(self) else f"{title}\n{self.frame()[_SHOWN].to_string(max_rows=12)}"

    def _repr_html_(self) -> str:
        return titled(f"Catalogue of {len(self)} jobs", self.frame()[_SHOWN])


def _row_of(job: StoredJob) -> dict[str, Any]:
    """Row of a job whose parsed files are forgotten at once."""
    return StoredJob(job.input_file).row


def _rows_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(EMPTY_ROW))
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ns]")
    frame = frame.astype(dict.fromkeys(_NUMBERS, float))
    return frame.astype(dict.fromkeys(_COUNTS, "Int64"))


def open_jobs(source: str | PathLike[str] | pd.DataFrame | Iterable[str | PathLike[str]]) -> Catalogue:
    """Make a catalogue of the jobs on disk.

    Parameters
    ----------
    source : path, pattern, DataFrame, or iterable of paths and patterns
        An ``.input`` file, a ``.joblist`` (all of its jobs), a folder (all ``.input`` files in it and below), a pattern
        such as ``"/data/r4*/**/*.input"``, or several of these; a DataFrame with a column ``input``.

    Returns
    -------
    Catalogue
        Jobs in the order of their names; nothing has been read of them yet. It is empty where a pattern fits nothing.

    Raises
    ------
    FileNotFoundError
        A name without wildcards does not exist.
    ValueError
        It is neither an ``.input`` file, a ``.joblist`` nor a folder; or the DataFrame has no such column.
    """
    if isinstance(source, pd.DataFrame):
        if "input" not in source:
            raise ValueError(
                f"a frame of jobs has a column 'input'; this one has {', '.join(map(str, source))}"
            )
        return Catalogue(map(StoredJob, source["input"]))
    names = [source] if isinstance(source, str | PathLike) else list(source)
    return Catalogue(StoredJob(path) for name in names for path in _input_files(os.fspath(name)))


def _input_files(name: str) -> list[Path]:
    if glob.has_magic(name) and not os.path.exists(name):
        return [one for found in sorted(glob.glob(name, recursive=True)) for one in _within(Path(found))]
    path = Path(name)
    if not path.exists():
        raise FileNotFoundError(f"{name} does not exist; give an .input file, a folder or a pattern of jobs")
    found = _within(path)
    if not found and not path.is_dir():
        raise ValueError(f"{name} is no .input file, no .joblist and no folder")
    return found


def _within(path: Path) -> list[Path]:
    """Input files that a name stands for; none for what a pattern caught by the way."""
    if path.suffix == ".input" and path.is_file():
        return [path]
    if path.suffix == ".joblist":
        return [path.parent / f"{job.name}.input" for job in read_joblist(path).jobs]
    return sorted(path.rglob("*.input")) if path.is_dir() and path.suffix != ".difx" else []
