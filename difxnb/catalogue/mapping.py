# SPDX-License-Identifier: GPL-3.0-or-later
"""A function applied to many jobs, side by side: in threads here, or on the workers of a dask cluster.

In go jobs and a function, out come its answers in the order of the jobs. What fails is an answer as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from difxnb.catalogue.stored_job import StoredJob

Work = Callable[[StoredJob], Any]

_SHOW_AFTER_S = 1.0
_WAITING_PER_WORKER = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function gave for one job: rows, or why there are none."""

    rows: pd.DataFrame | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A function with its answer turned into rows, where it runs; so that only small things travel."""

    work: Work
    keeps_errors: bool

    def __call__(self, job: StoredJob) -> Answer:
        """Apply it to one job, read anew: what is parsed of thousands of jobs must not be kept."""
        job = StoredJob(job.input_file)
        if not self.keeps_errors:
            return Answer(as_rows(self.work(job)))
        try:
            return Answer(as_rows(self.work(job)))
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises becomes a row of the table
            return Answer(None, f"{type(error).__name__}: {error}")


def as_rows(given: Any) -> pd.DataFrame:
    """One row for a number, text, mapping or Series, none for None, those of a DataFrame as they are.

    Raises
    ------
    TypeError
        It is an array or a Dataset: results of many jobs have to be small.
    """
    if isinstance(given, pd.DataFrame):
        return given.reset_index(drop=True)
    if given is None:
        return pd.DataFrame()
    if isinstance(given, pd.Series):
        given = given.to_dict()
    if isinstance(given, dict):
        return pd.DataFrame([given])
    if getattr(given, "ndim", 0) or hasattr(given, "dims"):
        raise TypeError(
            f"a function of a catalogue gives a number, a text, a dict, a Series or a DataFrame, "
            f"not a {type(given).__name__}; reduce it first, for example with .item() or .to_dataframe()"
        )
    return pd.DataFrame({"value": [given.item() if hasattr(given, "item") else given]})


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
    """Answers from the workers of a ``dask.distributed.Client``, which see the same files under the same names."""
    from distributed import as_completed

    futures = client.map(applied, jobs, pure=False)
    numbers = {future.key: number for number, future in enumerate(futures)}
    found: dict[int, Answer] = {}
    try:
        with _bar(len(jobs)) as bar:
            for future, answer in as_completed(futures, with_results=True):  # type: ignore[no-untyped-call]
                found[numbers[future.key]] = answer
                bar.update()
    finally:
        if len(found) < len(futures):
            client.cancel(futures)
    return [found[number] for number in range(len(jobs))]


def _bar(total: int) -> Any:
    return tqdm(total=total, unit="job", delay=_SHOW_AFTER_S, leave=False)


def joined(jobs: Iterable[StoredJob], answers: Iterable[Answer]) -> pd.DataFrame:
    """Rows of all jobs under each other: ``job`` in front, ``input`` and (where any failed) ``error`` behind."""
    parts = list(_labelled(jobs, answers))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"job": [], "input": []})
    behind = [name for name in ("input", "error") if name in frame]
    middle = [name for name in frame.columns if name not in ("job", *behind)]
    return frame[["job", *middle, *behind]]


def _labelled(jobs: Iterable[StoredJob], answers: Iterable[Answer]) -> Iterator[pd.DataFrame]:
    for job, answer in zip(jobs, answers, strict=True):
        labels = {"job": job.name, "input": str(job.input_file)}
        if answer.rows is None:
            yield pd.DataFrame([{**labels, "error": answer.error}])
        elif len(answer.rows):
            taken = [name for name in answer.rows.columns if name in ("job", "input", "error")]
            yield answer.rows.drop(columns=taken).assign(**labels)
