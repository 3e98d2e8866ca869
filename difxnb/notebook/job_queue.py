# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs as a cell holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.markup import plain_table, titled
from difxnb.notebook.job import Job

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.job_queue import StartKeywords
    from difxnb.aio.job_queue_rows import QueueRow
    from difxnb.notebook.panels import OpenPanels
    from difxnb.panels.queue import QueuePanel


class JobQueue:
    """Jobs to run one after another, as long as the connection lasts: `Correlator.queue`.

    A job that is refused or fails keeps its row, with the reason, and the next one starts. Where nobody knows whether a
    job still runs, the queue pauses itself. Closing the connection stops nothing that runs.
    """

    def __init__(self, inner: aio.JobQueue, loop: LoopThread, panels: OpenPanels) -> None:
        self._inner, self._loop, self._panels = inner, loop, panels

    @property
    def rows(self) -> tuple[QueueRow, ...]:
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

    def frame(self) -> pd.DataFrame:
        """One row per job, in the order of the queue.

        Returns
        -------
        DataFrame
            ``position`` (0 is under way, 1 is next; missing when over), ``job``, ``state``, ``progress`` (0…1),
            ``since`` (UTC), ``why`` (of the state, in words), ``input``.
        """
        return self._inner.frame()

    def add(
        self,
        input_file: str | Path | Job,
        *,
        machines: Mapping[str, Any] | None = None,
        **options: Unpack[StartKeywords],
    ) -> pd.DataFrame:
        """Put a job at the end of the queue; it starts at once where nothing is before it.

        One that is over may be added again: its row begins anew.

        Parameters
        ----------
        input_file : path or Job
            The ``.input`` file on the server; it is read now.
        machines : mapping, optional
            Where it is to run: the keywords of `Job.set_machines` (``head_node``, ``datastreams``, ``processors``),
            which is called when its turn comes. As its files say then by default.
        **options
            How to start it: the keywords of `Job.start`.

        Returns
        -------
        DataFrame
            The queue, as `frame`.

        Raises
        ------
        ValueError
            It is in the queue already and not over, or the machines do not suit it.
        TypeError
            `Job.start` or `Job.set_machines` have no such keyword.
        RemoteFileNotFound, FileFormatError
            The file is not there, or is no ``.input``.
        """
        path = input_file.input_file if isinstance(input_file, Job) else input_file
        return self._loop.call(self._inner.add(path, machines=machines, **options))

    def remove(self, job: str) -> pd.DataFrame:
        """Take a job that waits, or the row of one that is over, out of the queue; by path or name.

        ValueError is raised where there is none, or where it is under way: stop it first.
        """
        return self._loop.call(self._inner.remove(job))

    def move(self, job: str, position: int) -> pd.DataFrame:
        """Put a job that waits, named by path or name, to another position; 1 is next. ValueError where that fails."""
        return self._loop.call(self._inner.move(job, position))

    def pause(self) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        self._loop.call(self._inner.pause())

    def resume(self) -> None:
        """Go on with the next job after a `pause`, or after the queue has paused itself."""
        self._loop.call(self._inner.resume())

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
