# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs: one after another, as long as the connection lasts.

What starts next is decided by :mod:`difxnb.aio.job_queue_rows` from the rows alone; here it is done. One task at a time
takes a job from its start to its end. A job whose end is not known holds the queue: two at once would be in each
other's way.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd

from difxnb.aio.job import Job
from difxnb.aio.job_queue_rows import (
    STATE_OF,
    QueueRow,
    QueueState,
    find,
    moved,
    next_to_start,
    queue_frame,
    without_oldest,
)
from difxnb.client.placement import check_placement
from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.wire.events import Gap
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.heard import Item
    from difxnb.aio.job_run import JobRun
    from difxnb.aio.live_monitor import Select

_log = logging.getLogger(__name__)

_LONGEST_WHY = 500
_SEVERE = ("FATAL", "SEVERE", "ERROR")
_REFUSALS = (DifxError, ValueError, TypeError, OSError)


class StartKeywords(TypedDict, total=False):
    """How a job is to be started: the keywords of `Job.start`."""

    monitor: Select | bool | None
    overwrite: bool
    bail_on_config_fail: bool
    waive: Iterable[str]
    function: str | None
    restart_seconds: int | None
    mpi_wrapper: str | None
    mpi_options: str | None
    difx_program: str | None
    stall_after: float


class JobQueue:
    """Jobs to run one after another, over one connection. Made by `Correlator`.

    A job that is refused or fails keeps its row, with the reason, and the next one starts. The queue is in memory: it
    ends with the connection, which stops nothing that runs.

    Attributes
    ----------
    version : int
        Moves with every change but that of the progress.
    dropped : int
        Jobs that were over and fell out, since there was no room for more.
    """

    def __init__(self, correlator: Correlator) -> None:
        self.version = self.dropped = 0
        self._correlator = correlator
        self._lock = threading.Lock()
        self._rows: list[QueueRow] = []
        self._runs: dict[int, JobRun] = {}
        self._numbers = itertools.count(1)
        self._why_paused = ""
        self._turn: asyncio.Task[None] | None = None
        self._stop_listening = correlator.listen(self._hear)

    # --- looking --------------------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[QueueRow, ...]:
        """Every job, in the order of the queue, as it stands now."""
        with self._lock:
            rows, runs = self._rows, dict(self._runs)
        return tuple(_live(row, runs.get(row.number)) for row in rows)

    @property
    def paused(self) -> bool:
        """Whether nothing is started until `resume`."""
        return bool(self._why_paused)

    @property
    def why_paused(self) -> str:
        """Why it is paused, in words; empty where it is not."""
        return self._why_paused

    def frame(self) -> pd.DataFrame:
        """One row per job, in the order of the queue.

        Returns
        -------
        DataFrame
            ``position`` (0 is under way, 1 is next; missing when over), ``job``, ``state`` (``waiting``, ``starting``,
            ``running``, ``done``, ``done with errors``, ``failed``, ``stopped``, ``refused``, ``unknown``),
            ``progress`` (0…1), ``since`` (UTC), ``why`` (of the state, in words), ``input``. ``attrs["dropped"]``
            counts jobs that were over and fell out.
        """
        return queue_frame(self.rows, self.dropped)

    # --- changing -------------------------------------------------------------------------------------

    async def add(
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
            The ``.input`` file on the server; it is read now, so that a wrong one is not found out in the night.
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
        NoReply, ConnectionLost
        """
        job = self._correlator.job(str(getattr(input_file, "input_file", input_file)))
        inspect.signature(job.start).bind(**options)
        inp = await job.input()
        if machines is not None:
            known = inspect.signature(job.set_machines).bind(**machines).arguments
            hosts = known["head_node"], known["datastreams"], known["processors"]
            check_placement(*hosts, active_datastreams=inp.active_datastreams)
        self._append(job, machines, dict(options))
        self._go_on()
        return self.frame()

    async def remove(self, job: str) -> pd.DataFrame:
        """Take a job that waits, or the row of one that is over, out of the queue; gives the queue, as `frame`.

        Parameters
        ----------
        job : str
            Path of its ``.input`` file, or its name where that is clear.

        Raises
        ------
        ValueError
            There is no such job, or it is under way: stop it first.
        """
        with self._lock:
            row = find(self._rows, job)
            if row.state.is_under_way:
                raise ValueError(f"{row.job} is {row.state}; stop the job, then remove it")
            self._rows = [one for one in self._rows if one.number != row.number]
            self.version += 1
        return self.frame()

    async def move(self, job: str, position: int) -> pd.DataFrame:
        """Put a job that waits to another place; gives the queue, as `frame`.

        Parameters
        ----------
        job : str
            Path of its ``.input`` file, or its name where that is clear.
        position : int
            Where it is then: 1 is next.

        Raises
        ------
        ValueError
            There is no such job, it does not wait, or there is no such position.
        """
        with self._lock:
            self._rows = moved(self._rows, find(self._rows, job).number, position)
            self.version += 1
        return self.frame()

    async def pause(self) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        self._hold("it was paused")

    async def resume(self) -> None:
        """Go on with the next job after a `pause`, or after the queue has paused itself."""
        with self._lock:
            self._why_paused = ""
            self.version += 1
        self._go_on()

    # --- what the correlator does with it -------------------------------------------------------------

    async def end(self) -> None:
        """Start nothing and follow nothing any more: the connection is being closed. Nothing that runs is stopped."""
        self._stop_listening()
        self._hold("the connection was closed")
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.cancel()
            await asyncio.wait({turn})

    # --- inside ---------------------------------------------------------------------------------------

    def _append(self, job: Job, machines: Mapping[str, Any] | None, options: dict[str, Any]) -> None:
        with self._lock:
            if any(row.input_file == job.input_file and not row.state.is_over for row in self._rows):
                raise ValueError(f"{job.input_file} is in the queue already")
            row = QueueRow(next(self._numbers), job.input_file, machines=machines, options=options)
            rows = [*(one for one in self._rows if one.input_file != job.input_file), row]
            self._rows = without_oldest(rows)
            self.dropped += len(rows) - len(self._rows)
            self.version += 1

    def _put(self, row: QueueRow) -> None:
        with self._lock:
            self._rows = [row if one.number == row.number else one for one in self._rows]
            self.version += 1

    def _hold(self, why: str) -> None:
        with self._lock:
            self._why_paused = self._why_paused or why
            self.version += 1

    def _hear(self, item: Item, when: float) -> None:
        if isinstance(item, Gap) and item.end is not None:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Start the next job where one may be started."""
        if self._turn is not None or not self._correlator.connected:
            return
        row = next_to_start(self.rows, paused=self.paused)
        if row is None:
            return
        row = row.now(QueueState.STARTING)
        self._put(row)
        self._turn = asyncio.create_task(self._take(row), name=f"difxnb queue {row.job}")
        self._turn.add_done_callback(self._turn_over)

    def _turn_over(self, turn: asyncio.Task[None]) -> None:
        if turn is self._turn:
            self._turn = None
            self._go_on()

    async def _take(self, row: QueueRow) -> None:
        """See one job through."""
        try:
            run = await self._start(row)
            if run is not None:
                await self._follow(row, run)
        except asyncio.CancelledError:
            self._put(row.now(QueueState.UNKNOWN, "not followed to its end: the connection was closed"))
            raise
        except Exception as error:  # noqa: BLE001 - kept and shown as the job's row; nothing starts beside it
            _log.exception("the queue failed at %s", row.job)
            self._give_up(row, f"{type(error).__name__}: {error}")

    async def _start(self, row: QueueRow) -> JobRun | None:
        job = self._correlator.job(row.input_file)
        try:
            if row.machines is not None:
                await job.set_machines(**row.machines)
            return await job.start(**row.options)
        except (NoReply, ConnectionLost) as error:
            self._give_up(row, str(error))
        except _REFUSALS as error:
            self._put(row.now(QueueState.REFUSED, _cut(str(error))))
        return None

    async def _follow(self, row: QueueRow, run: JobRun) -> None:
        with self._lock:
            self._runs[row.number] = run
        try:
            self._put(row.now(QueueState.RUNNING))
            outcome = await run.wait()
            if outcome is JobOutcome.UNKNOWN:
                self._give_up(row, run.outcome_evidence)
            else:
                self._put(row.now(STATE_OF[outcome], why_ended(run, outcome), progress=run.progress))
        except ConnectionLost as error:  # closed here: nobody will know more
            self._give_up(row, str(error))
        finally:
            with self._lock:
                del self._runs[row.number]

    def _give_up(self, row: QueueRow, why: str) -> None:
        """Nobody knows whether it runs: tell, and start nothing beside it."""
        self._put(row.now(QueueState.UNKNOWN, _cut(why)))
        self._hold(f"whether {row.job} still runs is not known; see to it, then resume the queue")

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        rows = self.rows
        counts = {state: sum(row.state is state for row in rows) for state in QueueState}
        told = ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "empty"
        return f"<JobQueue: {told}{f'; paused: {self._why_paused}' if self.paused else ''}>"


def _live(row: QueueRow, run: JobRun | None) -> QueueRow:
    """A row with what only its run knows."""
    if run is None or row.state is not QueueState.RUNNING:
        return row
    silent = time.time() - run.watch.last_progress
    why = f"stalled: no progress for {silent:.0f} s" if run.stalled else row.why
    return replace(row, progress=run.progress, why=why)


def why_ended(run: JobRun, outcome: JobOutcome) -> str:
    """What an end is due to, in words; empty where all is well."""
    if outcome is JobOutcome.DONE:
        return ""
    events = run.events
    severe = events[events["severity"].isin(_SEVERE)]["text"]
    return _cut("; ".join([run.outcome_evidence, *severe.tail(1)]))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_WHY else f"{text[:_LONGEST_WHY]}…"
