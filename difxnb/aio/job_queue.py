# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of jobs: by priority, some at once, as long as the connection lasts, or kept in a file beyond that.

What starts next, and what follows an end, is decided by :mod:`difxnb.queue.rules` from the entries alone; here it is
done. One task takes a job from its start to its end. A job whose end is not known holds the queue: two at once would be
in each other's way.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd
from platformdirs import user_state_path

from difxnb.aio.job_queue_changes import QueueChanges
from difxnb.aio.job_queue_desk import LOOP_PATIENCE_S, WRITE_ERRORS, QueueDesk
from difxnb.aio.job_queue_ends import was_left
from difxnb.aio.job_queue_seen import facts_of, problems_of
from difxnb.aio.job_queue_settle import Settling
from difxnb.aio.job_queue_turn import Turn
from difxnb.aio.job_queue_watch import QueueWatch
from difxnb.client.placement import check_placement
from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.formats.problems import problem_frame
from difxnb.queue import Facts, Lease, QueueEntry, QueueStore, RetryPolicy
from difxnb.queue.store_rows import require_priority
from difxnb.wire.events import Gap
from difxnb.wire.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from difxnb.aio.correlator import Correlator
    from difxnb.aio.heard import Item
    from difxnb.aio.job import Job
    from difxnb.aio.live_monitor import Select

FILE_NAME = "queue.sqlite"
"""Of a queue that is kept, in the user's directory for what lasts."""


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


class JobQueue(QueueChanges):
    """Jobs to run, over one connection. Made by `Correlator`.

    A job that is refused or fails keeps its row, with the reason, and the next one starts; a `RetryPolicy` may have it
    tried again. The queue is in memory and ends with the connection, which stops nothing that runs, unless `keep` puts
    it into a file.

    A job of which nobody knows whether it still runs is ``unknown``, and holds the queue until `resume`. Where it says
    later that it runs or has ended, its row follows; it is not tried again, whatever its policy says.

    Attributes
    ----------
    desk : QueueDesk
        What it is made of. Its `blame`, `rebuild` and `tell` may be replaced.
    """

    def __init__(self, correlator: Correlator) -> None:
        self.desk = QueueDesk(correlator)
        self._correlator = correlator
        self._looking_up: asyncio.Task[None] | None = None
        self._watch = QueueWatch(self.desk, self._go_on)
        self._settling = Settling(self.desk, self._take_up)
        self._stop_listening = correlator.listen(self._hear)

    # --- taking in ------------------------------------------------------------------------------------

    async def add(
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
            The ``.input`` file on the server; it is read now, so that a wrong one is not found out in the night.
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
        NoReply, ConnectionLost
        """
        require_priority(priority)
        job = self._correlator.job(str(getattr(input_file, "input_file", input_file)))
        inspect.signature(job.start).bind(**options)
        inp = await job.input()
        if machines is not None:
            known = inspect.signature(job.set_machines).bind(**machines).arguments
            hosts = known["head_node"], known["datastreams"], known["processors"]
            check_placement(*hosts, active_datastreams=inp.active_datastreams)
        desk = self.desk
        problems = await problems_of(self._correlator, job, machines, desk.limits) if validate else []
        plain = dict(options)
        if "waive" in plain:
            plain["waive"] = list(plain["waive"])  # type: ignore[call-overload]
        kept: dict[str, Any] = {
            "session": session,
            "priority": priority,
            "machines": machines,
            "options": plain,
            "policy": policy,
        }
        await desk.patiently(lambda: desk.store.add(job.input_file, server=desk.server, **kept))
        self._go_on()
        shown = self.frame()
        shown.attrs["problems"] = problem_frame(problems)
        return shown

    async def validate(
        self, input_file: str | Path | Job, machines: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Look for what speaks against a job that is to be queued; nothing is changed.

        Parameters
        ----------
        input_file, machines
            As `add` has them.

        Returns
        -------
        DataFrame
            ``severity`` (with an ``error`` it is not taken in; a ``warning`` may mend itself until its turn comes),
            ``kind``, ``where``, ``line``, ``name``, ``text``, ``fix``. ``attrs["passed"]``: there is no error.

        Raises
        ------
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        job = self._correlator.job(str(getattr(input_file, "input_file", input_file)))
        queued = any(one.input_file == job.input_file and not one.state.is_over for one in self.rows)
        found = await problems_of(self._correlator, job, machines, self.desk.limits, in_queue=queued)
        return problem_frame(found)

    # --- in a file ------------------------------------------------------------------------------------

    async def keep(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Keep the queue in a file from now on, so that it survives this connection, process and machine.

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
        desk, wanted = self.desk, _kept_path(path)
        if desk.closed_why:
            raise ValueError(f"this queue has ended: {desk.closed_why}")
        if desk.store.path is not None:
            if desk.store.path == wanted:
                return wanted
            raise ValueError(f"this queue is kept in {desk.store.path} already")
        lease = Lease(wanted)
        try:
            store = await desk.patiently(lambda: QueueStore(wanted, patience=LOOP_PATIENCE_S))
            try:
                await desk.patiently(lambda: self._move_to(store, lease))
            except BaseException:
                store.close()
                raise
        except BaseException:
            lease.give_back()
            raise
        for entry in desk.entries():
            if entry.state.is_under_way and entry.number not in desk.turns:
                self._begin(entry, found=True)
            elif entry.number not in desk.turns and was_left(desk.store, entry):
                desk.hold(f"{entry.job} ended badly, and nothing followed; see to it, then resume the queue")
        self._go_on()
        return wanted

    # --- what the correlator does with it -------------------------------------------------------------

    def start_no_more(self, why: str) -> None:
        """Start nothing more over this connection, which is about to be closed; what is kept is not paused by that."""
        self.desk.closed_why = self.desk.closed_why or why

    async def end(self) -> None:
        """Start nothing and follow nothing any more: the connection is being closed. Nothing that runs is stopped."""
        self._stop_listening()
        self.start_no_more("the connection was closed")
        await self._watch.end()
        tasks = {turn.task for turn in self.desk.turns.values() if turn.task is not None}
        tasks |= {self._looking_up} if self._looking_up is not None else set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.desk.close()

    # --- inside ---------------------------------------------------------------------------------------

    def _move_to(self, store: QueueStore, lease: Lease) -> None:
        """Go on in a file, with all that is in the queue, or not at all."""
        desk = self.desk
        if desk.closed_why or desk.store.path is not None:
            raise ValueError(
                f"this queue has ended, or is kept already: {desk.closed_why or desk.store.path}"
            )
        with store.together():
            numbers = store.take_over(desk.store, also=desk.unseen_turns())
            _take_settings(desk, store)
        desk.use(store, lease, numbers)

    def _hear(self, item: Item, when: float) -> None:
        if isinstance(item, Message):
            self._listen_for_unknown(item)
        elif isinstance(item, Gap) and item.end is None:
            self.desk.lost_since = item.begin
        elif isinstance(item, Gap):
            self.desk.connected_since = time.time()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _listen_for_unknown(self, message: Message) -> None:
        try:
            if not self.desk.closed_why:
                self._settling.hear(message)
        except WRITE_ERRORS as error:
            self.desk.cannot_write(error)

    def _take_up(self, entry: QueueEntry, by_path: bool) -> None:
        """Follow a job whose row is ``unknown``, and that has spoken."""
        turn = Turn(self.desk, entry, found=True)
        self._see_to(turn, entry.job, turn.settle(by_path))

    def _go_on(self) -> None:
        """Start what may be started."""
        if self.desk.closed_why:
            return
        try:
            self._watch.begin()
            self.desk.read_settings()
            self.desk.judge()
            self._start_some()
        except WRITE_ERRORS as error:
            self.desk.cannot_write(error)

    def _start_some(self) -> None:
        desk = self.desk
        while self._correlator.connected and (entry := desk.next()) is not None:
            if desk.lacks_facts(entry):
                self._look_up(entry)
                return
            claimed = desk.store.claim(entry.number)
            if claimed is None:  # somebody else has taken it out of the line; it is seen in a moment
                desk.store.seen_version()
                return
            self._begin(claimed)

    def _look_up(self, entry: QueueEntry) -> None:
        """Find out what the limits ask for; then what may be started is."""
        if self._looking_up is None:
            work = self._find_facts(entry)
            self._looking_up = asyncio.create_task(work, name=f"difxnb queue facts {entry.job}")
            self._looking_up.add_done_callback(self._looked_up)

    async def _find_facts(self, entry: QueueEntry) -> None:
        job = self._correlator.job(entry.input_file)
        try:
            self.desk.learn(entry.number, await facts_of(job, entry.machines))
        except (NoReply, ConnectionLost):
            return  # it is looked up again when there is a connection
        except (DifxError, OSError, ValueError):
            self.desk.learn(entry.number, Facts())  # its start will say what is wrong

    def _looked_up(self, task: asyncio.Task[None]) -> None:
        self._looking_up = None
        if not task.cancelled():
            self._go_on()

    def _begin(self, entry: QueueEntry, *, found: bool = False) -> None:
        turn = Turn(self.desk, entry, found=found)
        self._see_to(turn, entry.job, turn.see_through())

    def _see_to(self, turn: Turn, job: str, work: Coroutine[None, None, None]) -> None:
        self.desk.turns[turn.number] = turn
        turn.task = asyncio.create_task(work, name=f"difxnb queue {job}")
        turn.task.add_done_callback(lambda _: self._turn_over(turn))

    def _turn_over(self, turn: Turn) -> None:
        if self.desk.turns.get(turn.number) is turn:
            del self.desk.turns[turn.number]
        self._go_on()


def _kept_path(path: str | os.PathLike[str] | None) -> Path:
    if path is not None:
        return Path(path).expanduser().resolve()
    directory = user_state_path("difxnb")
    directory.mkdir(parents=True, exist_ok=True)
    return (directory / FILE_NAME).resolve()


def _take_settings(desk: QueueDesk, store: QueueStore) -> None:
    """What was said of the queue in memory counts in its file, too."""
    for name in ("limits", "conditions", "paused"):
        if value := desk.store.setting(name):
            store.put_setting(name, value)
    if made := desk.store.setting("rebuilt"):
        store.put_setting("rebuilt", [*store.setting("rebuilt", []), *made])
