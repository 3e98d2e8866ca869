# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs as a cell holds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.markup import plain_table, titled
from difxnb.notebook.job import Job

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.job_queue import StartKeywords
    from difxnb.notebook.panels import OpenPanels
    from difxnb.panels.queue import QueuePanel
    from difxnb.queue import Action, QueueEntry, QueueLimits, RetryPolicy, SuspendCondition


class JobQueue:
    """Jobs to run, by priority, one after another or some at once: `Correlator.queue`.

    A job that is refused or fails keeps its row, with the reason, and the next one starts; a policy may have it tried
    again. Where nobody knows whether a job still runs, the queue pauses itself. The queue lasts as long as the
    connection, unless `keep` puts it into a file. Closing the connection stops nothing that runs.
    """

    def __init__(self, inner: aio.JobQueue, loop: LoopThread, panels: OpenPanels) -> None:
        self._inner, self._loop, self._panels = inner, loop, panels

    @property
    def rows(self) -> tuple[QueueEntry, ...]:
        """Every job, in the order of the queue, as it stands now."""
        return self._inner.rows

    @property
    def paused(self) -> bool:
        """Whether nothing is started until `resume`."""
        return self._inner.paused

    @property
    def why_paused(self) -> str:
        """Why it is paused, in words; empty where it is not."""
        return self._inner.why_paused

    @property
    def why_suspended(self) -> str:
        """Why nothing is started for the moment, though it is not paused; empty where that is not so."""
        return self._inner.why_suspended

    @property
    def kept_in(self) -> Path | None:
        """The file that it is kept in; None where it is in memory."""
        return self._inner.kept_in

    @property
    def limits(self) -> QueueLimits:
        """How many jobs are started, and when. May be set."""
        return self._inner.limits

    @limits.setter
    def limits(self, limits: QueueLimits) -> None:
        async def put() -> None:
            self._inner.limits = limits

        self._loop.call(put())

    @property
    def conditions(self) -> pd.DataFrame:
        """Conditions under which nothing is started: ``id holds since why``; see `suspend`."""
        return self._inner.conditions

    def frame(self, history: bool = False) -> pd.DataFrame:
        """One row per job, in the order of the queue.

        Parameters
        ----------
        history : bool
            Also those, before the others, that are not shown any more.

        Returns
        -------
        DataFrame
            ``position`` (0 is under way, 1 is next; missing when over), ``job``, ``state``, ``priority``, ``progress``
            (0…1), ``since`` (UTC), ``tries``, ``session``, ``why`` (of the state, in words), ``input``.
        """
        return self._inner.frame(history)

    def history(self, since: Any = None, limit: int = 1000) -> pd.DataFrame:
        """What happened since some time (UTC), oldest first; of too many rows the latest.

        Nothing of it is ever deleted. In a file, a job and the four lines of one that goes well take 0.7 kB: 15 MB for
        20,000 jobs a year, less than 1 MB for two a day.

        Returns
        -------
        DataFrame
            ``at`` (UTC), ``job`` (empty: the queue), ``state``, ``what`` (``added``, ``started``, ``accepted``,
            ``attached``, ``retried``, ``ended``, ``removed``, ``suspended``, ``resumed``, ``noted``), ``why``,
            ``progress``, ``session``, ``of``, ``input``.
        """
        return self._inner.history(since, limit)

    def actions(self) -> list[Action]:
        """What would be done now with each job that is not over, in order; nothing is done."""
        return self._inner.actions()

    def add(
        self,
        input_file: str | Path | Job,
        *,
        priority: int = 0,
        machines: Mapping[str, Any] | None = None,
        policy: RetryPolicy | None = None,
        session: str = "",
        validate: bool = True,
        **options: Unpack[StartKeywords],
    ) -> pd.DataFrame:
        """Put a job into the queue; it starts at once where nothing is before it.

        One that is over may be added again: its row begins anew.

        Parameters
        ----------
        input_file : path or Job
            The ``.input`` file on the server; it is read now.
        priority : int
            Jobs of a higher one go first, those of the same in the order in which they came.
        machines : mapping, optional
            Where it is to run: the keywords of `Job.set_machines` (``head_node``, ``datastreams``, ``processors``),
            which is called when its turn comes. As its files say then by default.
        policy : RetryPolicy, optional
            What follows where it fails, or stalls; nothing by default, and the next job starts.
        session : str
            What it belongs to, such as a session of Intensives.
        validate : bool
            Look first for what speaks against it; see `validate`.
        **options
            How to start it: the keywords of `Job.start`.

        Returns
        -------
        DataFrame
            The queue, as `frame`; ``attrs["problems"]`` are those that were found and may mend themselves.

        Raises
        ------
        ValueError
            It is in the queue already and not over, or the machines do not suit it.
        TypeError
            `Job.start` or `Job.set_machines` have no such keyword.
        RemoteFileNotFound, FileFormatError
            The file is not there, or is no ``.input``.
        OSError
            The queue's file cannot be written; the job is not in it.
        """
        taken_in = self._inner.add(
            _path(input_file),
            priority=priority,
            machines=machines,
            policy=policy,
            session=session,
            validate=validate,
            **options,
        )
        return self._loop.call(taken_in)

    def validate(
        self, input_file: str | Path | Job, machines: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Look for what speaks against a job that is to be queued, as `add` has it; nothing is changed.

        Returns
        -------
        DataFrame
            ``severity`` (with an ``error`` it is not taken in; a ``warning`` may mend itself until its turn comes),
            ``kind``, ``where``, ``line``, ``name``, ``text``, ``fix``. ``attrs["passed"]``: there is no error.
        """
        return self._loop.call(self._inner.validate(_path(input_file), machines))

    def remove(self, job: str) -> pd.DataFrame:
        """Take a job that waits, or the row of one that is over, out of the queue; by path or name.

        ValueError is raised where there is none, or where it is under way: stop it first.
        """
        return self._loop.call(self._inner.remove(job))

    def move(self, job: str, position: int) -> pd.DataFrame:
        """Put a job that waits, named by path or name, to another position; 1 is next. ValueError where that fails."""
        return self._loop.call(self._inner.move(job, position))

    def priority(self, job: str, value: int) -> pd.DataFrame:
        """Give a job, by path or name, another priority; the higher ones go first. ValueError where that fails."""
        return self._loop.call(self._inner.priority(job, value))

    def retry(self, job: str) -> pd.DataFrame:
        """Put a job that has failed, or was stopped or refused, into the line again.

        What its own earlier try has written is moved aside when it starts. ValueError where it has not ended so.
        """
        return self._loop.call(self._inner.retry(job))

    def drop_over(self, jobs: Collection[str] | None = None) -> pd.DataFrame:
        """Show jobs that are over no more, all or those of these paths; they stay in the history."""
        return self._loop.call(self._inner.drop_over(jobs))

    def pause(self) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        self._loop.call(self._inner.pause())

    def resume(self, id: str | None = None) -> None:
        """Go on after a `pause`, or after the queue has paused itself; or forget the condition of this `id`."""
        self._loop.call(self._inner.resume(id))

    def suspend(self, condition: SuspendCondition) -> pd.DataFrame:
        """Start nothing as long as a condition holds, and go on by itself afterwards; what runs goes on.

        Parameters
        ----------
        condition : SuspendCondition
            `NodeSilent`, `DiskLow` or `WeightsLow` of :mod:`difxnb.queue`, or one like them. Low weights hold until
            better ones are seen, or until `resume`.

        Returns
        -------
        DataFrame
            As `conditions`.
        """
        return self._loop.call(self._inner.suspend(condition))

    def keep(self, path: str | PathLike[str] | None = None) -> Path:
        """Keep the queue in a file from now on, so that it survives this connection, kernel and machine.

        What the file holds for this server is taken over: what waits is started in its turn, what was under way is
        looked for and followed, and never started a second time. One process at a time may run the queue of a file;
        others may add to it.

        Parameters
        ----------
        path : path, optional
            A file on a disk of this machine; it is made where it is not there. By default one in the user's directory
            for such things.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        QueueTaken
            Another process, or another connection, runs that queue.
        ValueError
            It is kept in another file already, or a job cannot be kept: it is there already, or its options are not of
            texts, numbers and lists.
        FileFormatError, OSError
            The file is of another kind, or cannot be written.
        """
        return self._loop.call(self._inner.keep(path))

    def panel(self) -> QueuePanel:
        """The queue as a panel: add, reorder, remove, pause, and what became of each job."""
        from difxnb.panels.queue import QueueModel, QueuePanel

        return self._panels.add(QueuePanel(QueueModel(self._inner, self._panels.work)))

    def __len__(self) -> int:
        return len(self._inner)

    def __repr__(self) -> str:
        return plain_table(repr(self._inner), self.frame().drop(columns="input"))

    def _repr_html_(self) -> str:
        return titled(repr(self._inner), self.frame())


def _path(job: str | Path | Job) -> str | Path:
    return job.input_file if isinstance(job, Job) else job
