# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue itself: which jobs there are, what is known of them, and work on all of them."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex, overload

import numpy as np
import pandas as pd

from difxnb.catalogue.finding import input_files
from difxnb.catalogue.mapping import Applied, in_threads, joined, on_cluster
from difxnb.catalogue.parquet import write_parquet
from difxnb.catalogue.row import rows_frame
from difxnb.catalogue.stored_job import StoredJob
from difxnb.errors import OutputExists
from difxnb.formats.new_file import new_file
from difxnb.markup import plain_table, titled

if TYPE_CHECKING:
    import xarray as xr

_READERS = 8  # threads that read small files; most of their time they wait for a disk or a network
_SHOWN_JOBS = 10
_ENDS = _SHOWN_JOBS // 2
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
    ``catalogue[0]``); slices and boolean masks, as made from columns of `frame`, give smaller catalogues. A mask that
    is a Series counts by its index, so one of a frame that was sorted or filtered means the jobs of its rows.
    """

    def __init__(self, jobs: Iterable[StoredJob]) -> None:
        self._jobs = list(dict.fromkeys(jobs))
        self._frame: pd.DataFrame | None = None
        self._glimpse: pd.DataFrame | None = None

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
        return Catalogue(self._jobs[place] for place in np.flatnonzero(self._mask(wanted)))

    def _mask(self, wanted: pd.Series[bool] | Sequence[bool]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        values = np.asarray(wanted)
        if values.size and values.dtype != bool:
            raise IndexError(
                f"a catalogue takes a name, a place, a slice or a mask of booleans, not {wanted!r:.80}"
            )
        whole = np.zeros(len(self), dtype=bool)
        if isinstance(wanted, pd.Series):
            if not wanted.index.isin(range(len(self))).all():
                raise IndexError(
                    f"the index of a mask names rows of a frame of these {len(self)} jobs, from 0"
                )
            whole[wanted.index[values.astype(bool)].to_numpy(dtype=int)] = True
        elif len(values) == len(self):
            whole[:] = values
        else:
            raise IndexError(f"a mask for {len(self)} jobs needs as many values, not {len(values)}")
        return whole

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
            self._frame = _frame_of(self._jobs)
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
            Parquet file to write the result to; it is never overwritten. Complex columns become ``…_real`` and
            ``…_imag`` in it, others that Parquet refuses become texts, with a warning. Where it cannot be written
            after all, that is a warning too: the result is given in any case.

        Returns
        -------
        DataFrame
            ``job``, what `func` gave (a plain value as ``value``, a column ``error`` as ``given_error``), ``input``,
            and ``error`` where any failed; in the order of the catalogue.

        Raises
        ------
        OutputExists, FileNotFoundError
            The file to write is there already, or its folder is not; nothing was run then.
        TypeError, ValueError
            `workers` is below 1, or given with `client`; `errors` or `client` means nothing; `func` cannot be pickled
            for the cluster.
        """
        target = None if save is None else _target(save)
        if errors not in ("keep", "raise"):
            raise ValueError(f"errors= is 'keep' or 'raise', not {errors!r}")
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
        if target is not None:
            _keep(frame, target)
        return frame

    def visibilities(self, **options: Any) -> xr.Dataset:
        """Open the visibilities of all jobs as one Dataset, lazily; `options` as of :func:`open_visibilities`."""
        from difxnb.visibility.stored.opening import open_visibilities

        return open_visibilities([job.input_file for job in self._jobs], **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write `frame` to a Parquet file (``~`` is the home folder); OutputExists where there is one."""
        with new_file(Path(path).expanduser(), "catalogues") as partial:
            write_parquet(self.frame(), partial)

    def _seen(self) -> pd.DataFrame:
        """Rows that are shown: of many jobs the first and the last ones, and no file of another job is read."""
        if self._frame is not None:
            whole = self._frame
            return whole if len(whole) <= _SHOWN_JOBS else pd.concat([whole[:_ENDS], whole[-_ENDS:]])
        if self._glimpse is None:
            ends = self._jobs if len(self) <= _SHOWN_JOBS else self._jobs[:_ENDS] + self._jobs[-_ENDS:]
            self._glimpse = _frame_of(ends)
        return self._glimpse

    def _title(self) -> str:
        known = () if self._frame is None else self._frame["state"]
        states = "".join(f", {count} {state}" for state, count in Counter(known).most_common())
        shown = f"; the first and the last {_ENDS}" if len(self) > _SHOWN_JOBS else ""
        return f"<Catalogue of {len(self)} jobs{states}{shown}>"

    def __repr__(self) -> str:
        return plain_table(self._title(), self._seen()[_SHOWN])

    def _repr_html_(self) -> str:
        return titled(self._title(), self._seen()[_SHOWN])


def _target(path: str | PathLike[str]) -> Path:
    """Where results are to be written; whatever speaks against it is said before there are any."""
    target = Path(path).expanduser()
    if target.exists():
        raise OutputExists(f"{target} exists already; results are not written over it. Choose another name")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target} cannot be written: there is no folder {target.parent}")
    return target


def _keep(frame: pd.DataFrame, target: Path) -> None:
    """Write results; hours of work must not be lost to a full disk, so that an error is a warning here."""
    try:
        with new_file(target, "results") as partial:
            write_parquet(frame, partial)
    except OSError as error:
        warnings.warn(
            f"{target} was not written, though everything was run: {error}. The result was given all the same; "
            "write it with to_parquet or to_pickle",
            stacklevel=3,
        )


def _frame_of(jobs: Sequence[StoredJob]) -> pd.DataFrame:
    with ThreadPoolExecutor(min(_READERS, max(1, len(jobs))), "difxnb-catalogue") as pool:
        return rows_frame(list(pool.map(_row_of, jobs)))


def _row_of(job: StoredJob) -> dict[str, Any]:
    """Row of a job whose parsed files are forgotten at once."""
    return StoredJob(job.input_file).row


def open_jobs(source: str | PathLike[str] | pd.DataFrame | Iterable[str | PathLike[str]]) -> Catalogue:
    """Make a catalogue of the jobs on disk.

    Parameters
    ----------
    source : path, pattern, DataFrame, or iterable of paths and patterns
        An ``.input`` file, a ``.joblist`` (all of its jobs), a ``.difx`` folder (its job), any other folder (all
        ``.input`` files in it and below, without following links to folders), a pattern such as
        ``"~/r4*/**/*.input"``, or several of these; a DataFrame with a column ``input``.

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
    FileFormatError
        A ``.joblist`` is damaged.

    Warns
    -----
    UserWarning
        Folders that cannot be looked into.
    """
    if isinstance(source, pd.DataFrame):
        if "input" not in source:
            raise ValueError(
                f"a frame of jobs has a column 'input'; this one has {', '.join(map(str, source))}"
            )
        return Catalogue(map(StoredJob, source["input"]))
    names = [source] if isinstance(source, str | PathLike) else list(source)
    return Catalogue(StoredJob(path) for name in names for path in input_files(os.fspath(name)))
