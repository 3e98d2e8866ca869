# SPDX-License-Identifier: GPL-3.0-or-later
"""A function applied to many jobs, side by side: in threads here, or on the workers of a dask cluster.

In go jobs and a function, out come its answers in the order of the jobs. What fails is an answer as well.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from difxnb.catalogue.stored_job import StoredJob
from difxnb.formats import frames

Work = Callable[[StoredJob], Any]
Rows: TypeAlias = pd.DataFrame | dict[Any, Any]
"""Rows of one job; a mapping is a single one, of which thousands make a table much faster than as tables."""

_SHOW_AFTER_S = 1.0
_WAITING_PER_WORKER = 4
_RENAMED = {
    "error": "given_error"
}  # "error" is why a job has no result; what a function calls so is kept beside it


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function gave for one job: rows, or why there are none."""

    rows: Rows | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A function with its answer turned into rows, where it runs; so that only small things travel."""

    work: Work
    keeps_errors: bool

    def __call__(self, job: StoredJob) -> Answer:
        """Apply it to one job, read anew: what is parsed of thousands of jobs must not be kept."""
        return self._kept(job, lambda: Answer(as_rows(self.work(StoredJob(job.input_file)))))

    def carried(self, job: StoredJob) -> bytes:
        """The answer as bytes, for another process; one that cannot travel is an error of this job alone.

        Raises
        ------
        TypeError
            It cannot be pickled, and errors are not kept.
        """
        answer = self(job)
        try:
            return pickle.dumps(answer)
        except Exception as error:  # noqa: BLE001 - an object may raise anything when it is pickled
            text = f"what was given cannot be pickled, so it cannot leave the worker: {error}"
            if not self.keeps_errors:
                raise TypeError(f"{text} (job {job.name})") from None
            return pickle.dumps(Answer(None, f"TypeError: {text}"))

    def _kept(self, job: StoredJob, give: Callable[[], Answer]) -> Answer:
        try:
            return give()
        except Exception as error:
            if not self.keeps_errors:
                error.add_note(f"raised for job {job.name} ({job.input_file})")
                raise
            return Answer(None, told(error))


def told(error: BaseException) -> str:
    """Kind and text of an exception, also of one whose text cannot be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an exception of a user's may fail in its own text
        return type(error).__name__


def as_rows(given: Any) -> Rows:
    """One row for a number, text, mapping or Series, none for None, those of a DataFrame as they are.

    The index of a DataFrame becomes columns where it has names, as that of ``groupby`` has.

    Raises
    ------
    TypeError
        It is an array or a Dataset: results of many jobs have to be small.
    ValueError
        Columns of a DataFrame have the same name, or one of several levels.
    """
    if isinstance(given, pd.DataFrame):
        return _plain_rows(given)
    if given is None:
        return pd.DataFrame()
    if isinstance(given, pd.Series | dict):
        return given.to_dict() if isinstance(given, pd.Series) else dict(given)
    if getattr(given, "ndim", 0) or hasattr(given, "data_vars"):
        raise TypeError(
            f"a function of a catalogue gives a number, a text, a dict, a Series or a DataFrame, "
            f"not a {type(given).__name__}; reduce it first, for example with .item() or .to_dataframe()"
        )
    return {"value": _plain(given)}


def _plain_rows(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.columns.nlevels > 1 or not frame.columns.is_unique:
        raise ValueError(
            f"the columns of a DataFrame need one name each, not {', '.join(map(str, frame.columns[:10]))}"
        )
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return frame.reset_index(level=named).reset_index(drop=True) if named else frame.reset_index(drop=True)


def _plain(given: Any) -> Any:
    """Python's own value of a scalar of numpy, xarray or dask; times as pandas has them."""
    whole = given.compute() if hasattr(given, "compute") else given
    whole = whole.values[()] if hasattr(whole, "dims") else whole
    if isinstance(whole, np.datetime64 | np.timedelta64):
        return pd.Timestamp(whole) if isinstance(whole, np.datetime64) else pd.Timedelta(whole)
    return whole.item() if isinstance(whole, np.generic | np.ndarray) else whole


def in_threads(applied: Applied, jobs: Sequence[StoredJob], workers: int) -> list[Answer]:
    """Answers from threads; an interrupt or error leaves nothing waiting.

    numpy and file reading let other threads run, so that this uses several cores where the work is done by them.
    """
    found: dict[int, Answer] = {}
    with _bar(len(jobs)) as bar, ThreadPoolExecutor(workers, "difxnb-map") as pool:
        numbered = iter(enumerate(jobs))
        running: dict[Future[Answer], int] = {}
        try:
            while True:
                for number, job in islice(numbered, _WAITING_PER_WORKER * workers - len(running)):
                    running[pool.submit(applied, job)] = number
                if not running:
                    break
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    found[running.pop(done)] = done.result()
                    bar.update()
        finally:
            for future in running:
                future.cancel()
    return [found[number] for number in range(len(jobs))]


def on_cluster(applied: Applied, jobs: Sequence[StoredJob], client: Any) -> list[Answer]:
    """Answers from the workers of a ``dask.distributed.Client``, which see the same files under the same names.

    A job that takes its workers with it, or whose answer is lost with one, fails like one that raises.

    Raises
    ------
    TypeError
        `client` is none, or `applied` cannot be pickled.
    """
    from distributed import Client, as_completed

    if not isinstance(client, Client) or client.asynchronous:
        raise TypeError(f"client= is a dask.distributed.Client that is not asynchronous, not {client!r}")
    futures = _submitted(applied, jobs, client)
    numbers = {future.key: number for number, future in enumerate(futures)}
    found: dict[int, Answer] = {}
    try:
        with _bar(len(jobs)) as bar:
            ended = as_completed(futures, with_results=True, raise_errors=False)  # type: ignore[no-untyped-call]
            for future, result in ended:
                found[numbers[future.key]] = _arrived(future, result, applied.keeps_errors)
                bar.update()
    finally:
        if len(found) < len(futures):
            client.cancel(futures)  # type: ignore[no-untyped-call]
    return [found[number] for number in range(len(jobs))]


def _submitted(applied: Applied, jobs: Sequence[StoredJob], client: Any) -> list[Any]:
    try:
        return list(client.map(applied.carried, jobs, pure=False))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise TypeError(
            f"{applied.work!r} cannot be sent to the workers: {error.__cause__ or error}. It may use what can be "
            "pickled only: no locks, open files, connections or clients"
        ) from error


def _arrived(future: Any, result: Any, keeps_errors: bool) -> Answer:
    if future.status == "finished":
        answer: Answer = pickle.loads(result)
        return answer
    given = result[1] if isinstance(result, tuple) else result
    error = given if isinstance(given, BaseException) else RuntimeError(f"the work was {future.status}")
    if keeps_errors:
        return Answer(None, told(error))
    raise error


def _bar(total: int) -> Any:
    return tqdm(total=total, unit="job", delay=_SHOW_AFTER_S, leave=False)


def joined(jobs: Iterable[StoredJob], answers: Iterable[Answer]) -> pd.DataFrame:
    """Rows of all jobs under each other: ``job`` in front, ``input`` and (where any failed) ``error`` behind."""
    runs = groupby(_labelled(jobs, answers), key=lambda rows: isinstance(rows, dict))
    parts: list[Any] = [part for is_row, rows in runs for part in ([_of_rows(rows)] if is_row else rows)]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"job": [], "input": []})
    behind = [name for name in ("input", "error") if name in frame]
    middle = [name for name in frame.columns if name not in ("job", *behind)]
    return frame[["job", *middle, *behind]]


def _of_rows(rows: Iterable[Any]) -> pd.DataFrame:
    known = list(rows)
    try:
        return pd.DataFrame.from_records(known)
    except (
        UnicodeEncodeError
    ):  # a text column takes no halves of characters, as in names that are not in UTF-8
        names = dict.fromkeys(name for row in known for name in row)
        return pd.DataFrame({name: _objects(row.get(name) for row in known) for name in names})


def _objects(values: Iterable[Any]) -> pd.Series[Any]:
    whole = list(values)
    try:
        return pd.Series(whole)
    except UnicodeEncodeError:
        return pd.Series(whole, dtype=object)


def _labelled(jobs: Iterable[StoredJob], answers: Iterable[Answer]) -> Iterator[Rows]:
    for job, answer in zip(jobs, answers, strict=True):
        labels = {"job": job.name, "input": str(job.input_file)}
        if answer.rows is None:
            yield {**labels, "error": answer.error}
        elif isinstance(answer.rows, dict):
            yield {_RENAMED.get(name, name): value for name, value in answer.rows.items()} | labels
        elif len(answer.rows):
            yield answer.rows.rename(columns=_RENAMED).assign(**_repeated(labels, len(answer.rows)))


def _repeated(labels: dict[str, str], count: int) -> dict[str, Any]:
    return {name: frames.texts([text] * count) for name, text in labels.items()}
