# SPDX-License-Identifier: GPL-3.0-or-later
"""One job of a queue, from its start, or from when it was found under way, to its end and what follows that.

A job is marked in the store before anything is sent, so whoever finds it so after this process has ended looks for it,
and never starts it a second time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from difxnb.aio.job_queue_ends import Quiet, end_of, starts_in_a_row, why_stalled
from difxnb.aio.job_queue_find import Missing, QueueSearch
from difxnb.aio.job_queue_seen import machines_of, machines_without
from difxnb.aio.job_queue_settle import taken_up
from difxnb.errors import ConnectionLost, DifxError, JobNotStopped, NoReply
from difxnb.queue import GiveUp, Keep, QueueEntry, QueueState, RetryNow, RetryWithout, next_action
from difxnb.queue.entry import STATE_OF, shortened
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from difxnb.aio.job_queue_desk import QueueDesk
    from difxnb.aio.job_run import JobRun
    from difxnb.client.job_traces import JobTraces
    from difxnb.queue import Blame

_log = logging.getLogger(__name__)

_REFUSALS = (DifxError, ValueError, TypeError, OSError)
_TICK_S = 0.5
_MOST_NAMED = 5


class Turn:
    """One entry that is under way.

    Parameters
    ----------
    desk : QueueDesk
    entry : QueueEntry
        As it stands in the store: ``starting``, or one that was found under way.
    found : bool
        Whether it was begun by another process, or over another connection.

    Attributes
    ----------
    number : int
        Of the entry.
    run : JobRun or None
    task : asyncio.Task or None
        What sees it through.
    """

    def __init__(self, desk: QueueDesk, entry: QueueEntry, *, found: bool = False) -> None:
        self.number = entry.number
        self.run: JobRun | None = None
        self.task: asyncio.Task[None] | None = None
        self._desk, self._entry, self._found = desk, entry, found
        self._before: JobTraces | None = None
        self._cut_off = ""
        self._ended: QueueState | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will follow any more."""
        return self.task is not None and self.task.done()

    def live(self, entry: QueueEntry) -> QueueEntry:
        """An entry with what only its run knows."""
        run = self.run
        if run is None or entry.state is not QueueState.RUNNING:
            return entry
        why = why_stalled(run) if run.stalled else entry.why
        return replace(entry, progress=run.progress, why=why)

    async def settle(self, by_path: bool) -> None:
        """Follow a job whose end was not known and that has spoken; nothing is started, whatever its policy says."""
        entry = self._entry
        try:
            run = await taken_up(self._desk, entry, self._begun(), by_path=by_path)
            if run is None:
                return
            self._entry = replace(entry, policy=None, state=QueueState.RUNNING, tries=max(1, entry.tries))
            why = "it was not known whether it still runs, and it has spoken"
            self._desk.put(self.number, QueueState.RUNNING, why, what="attached", tries=self._entry.tries)
            await self._follow(run)
        except asyncio.CancelledError:
            if self._entry.state is not QueueState.UNKNOWN:
                self._leave()
            raise
        except Exception as error:  # noqa: BLE001 - kept and shown as the job's row; nothing starts beside it
            _log.exception("the queue failed at %s", entry.job)
            self._give_up(f"{type(error).__name__}: {error}")

    async def see_through(self) -> None:
        """Start the job, or find it, and follow it to its end."""
        try:
            run = await (self._find() if self._found else self._start())
            if run is not None:
                await self._follow(run)
        except asyncio.CancelledError:
            self._leave()
            raise
        except Exception as error:  # noqa: BLE001 - kept and shown as the job's row; nothing starts beside it
            _log.exception("the queue failed at %s", self._entry.job)
            if self._ended is None:
                self._give_up(f"{type(error).__name__}: {error}")
            else:  # and what should have followed failed
                self._stop_and_tell(self._ended, f"{type(error).__name__}: {error}")

    # --- the start ------------------------------------------------------------------------------------

    async def _start(self) -> JobRun | None:
        entry, options = self._entry, dict(self._entry.options)
        if entry.tries:
            options["overwrite"] = True
            self._desk.note(self.number, f"what try {entry.tries} has written is moved aside")
        try:
            run = await self._sent(options)
        except (NoReply, ConnectionLost) as error:
            return await self._find_out(error)
        except _REFUSALS as error:
            self._desk.put(self.number, QueueState.REFUSED, shortened(str(error)), what="ended")
            return None
        self._accepted("accepted")
        return run

    async def _sent(self, options: dict[str, Any]) -> JobRun:
        entry, correlator = self._entry, self._desk.correlator
        job = correlator.job(entry.input_file)
        outputs = job.outputs(await job.input())
        self._before = await correlator.head_node.look_at_job(entry.input_file, outputs)
        if entry.machines is not None:
            await job.set_machines(**entry.machines)
        return await job.start(**options)

    async def _find_out(self, error: NoReply | ConnectionLost) -> JobRun | None:
        """A start was cut off: whether the job runs is asked as soon as the server answers again."""
        if self._desk.closed_why:
            self._leave()
            return None
        self._cut_off = f"its start was cut off ({error})"
        self._desk.put(self.number, QueueState.STARTING, shortened(f"{self._cut_off}; it is looked for"))
        return await self._find()

    def _accepted(self, what: str, why: str = "") -> None:
        self._entry = replace(self._entry, tries=self._entry.tries + 1)
        self._desk.put(self.number, QueueState.RUNNING, why, what=what, tries=self._entry.tries)

    # --- one that nobody follows ----------------------------------------------------------------------

    async def _find(self) -> JobRun | None:
        """Look for a job that another process was about to start, or had started, or whose start was cut off."""
        entry, desk = self._entry, self._desk
        search = QueueSearch(desk, entry, self._begun(), self._before)
        found = await search.find()
        if isinstance(found, Missing):
            self._not_found(found)
            return None
        found.watch.stall_after = entry.options.get("stall_after", found.watch.stall_after)
        if entry.state is QueueState.RUNNING:
            desk.put(self.number, QueueState.RUNNING, what="attached")
        else:
            self._accepted("attached")
        return found

    def _begun(self) -> float:
        """When the job was last begun, unix seconds."""
        told = self._desk.store.told(number=self.number)
        return next((line.at for line in reversed(told) if line.what == "started"), self._entry.since)

    def _not_found(self, missing: Missing) -> None:
        """Nothing is heard of it: it was never started only where it has left nothing at all."""
        if self._entry.state is QueueState.RUNNING:
            self._give_up(f"it was running when it was last looked at; {missing.signs}")
        elif not missing.never_began:
            how = self._cut_off or "it was about to be started when the process ended"
            self._give_up(f"{how}, and nothing was heard since; {missing.signs}")
        elif self._cut_off:
            self._start_was_lost()
        else:
            why = "it was about to be started when the process ended, and was not"
            self._desk.put(self.number, QueueState.WAITING, why)

    def _start_was_lost(self) -> None:
        """It was never begun: what follows is for its policy to say, which counts starts in a row that were lost."""
        entry, desk = self._entry, self._desk
        why = f"{self._cut_off}, and it was never begun"
        lost = starts_in_a_row(desk.store.told(number=self.number))
        if entry.policy is not None and lost <= entry.policy.again:
            again = f"start {lost} of {entry.policy.again + 1}: {why}"
            desk.put(self.number, QueueState.RETRYING, shortened(again), what="retried")
            return
        desk.put(self.number, QueueState.REFUSED, shortened(why), what="ended")
        if entry.policy is not None:
            self._hold(f"{entry.job} could not be started; see to it, then resume the queue")

    # --- to its end -----------------------------------------------------------------------------------

    async def _follow(self, run: JobRun) -> None:
        self.run = run
        try:
            outcome, why = await self._outcome(run)
        except ConnectionLost as error:  # closed here: nobody will know more
            if self._desk.closed_why:
                self._leave()
            else:
                self._give_up(str(error))
            return
        if outcome is JobOutcome.UNKNOWN:
            self._give_up(why)
        else:
            await self._conclude(run, outcome, why)

    async def _outcome(self, run: JobRun) -> tuple[JobOutcome, str]:
        """How it ends. Where a policy says what follows, one that stalls is stopped."""
        if self._entry.policy is None:
            return await end_of(run, await run.wait())
        waiting = asyncio.ensure_future(run.wait())
        quiet = Quiet(run)
        try:
            while not (await asyncio.wait({waiting}, timeout=_TICK_S))[0]:
                seconds = quiet.seconds(connected=self._desk.correlator.connected)
                if seconds > run.watch.stall_after:
                    await run.stop()
                    return JobOutcome.FAILED, f"stalled: no progress for {seconds:.0f} s"
            return await end_of(run, waiting.result())
        except (JobNotStopped, NoReply) as error:
            return JobOutcome.UNKNOWN, f"it stalled, and could not be stopped: {error}"
        finally:
            waiting.cancel()

    async def _conclude(self, run: JobRun, outcome: JobOutcome, why: str) -> None:
        entry, desk = self._entry, self._desk
        action = next_action(entry, outcome, (), entry.policy, now=time.time(), why=why)
        if isinstance(action, GiveUp):
            blames = await self._blames(run)
            action = next_action(entry, outcome, blames, entry.policy, now=time.time(), why=why)
        progress = run.progress
        self.run = None
        if isinstance(action, RetryNow):
            desk.put_both(
                self.number,
                (STATE_OF[outcome], why, {"what": "ended", "progress": progress}),
                (QueueState.RETRYING, action.why, {"what": "retried"}),
            )
            return
        self._ended = STATE_OF[outcome]
        desk.put(self.number, self._ended, why, what="ended", progress=progress)
        if isinstance(action, RetryWithout):
            await self._make_without(STATE_OF[outcome], action)
        elif not isinstance(action, Keep):
            self._stop_and_tell(STATE_OF[outcome], "")

    async def _blames(self, run: JobRun) -> Sequence[Blame]:
        try:
            return await self._desk.blame(run)
        except Exception as error:  # noqa: BLE001 - whoever is asked, the job has ended and its row must say so
            _log.exception("nobody can say who is to blame for %s", self._entry.job)
            self._desk.note(self.number, f"nobody could be blamed: {type(error).__name__}: {error}")
            return []

    async def _make_without(self, state: QueueState, action: RetryWithout) -> None:
        """Make the job again without a station, and queue what was made."""
        entry, desk = self._entry, self._desk
        named = ", ".join(action.stations)
        if desk.rebuild is None:
            self._stop_and_tell(state, f"{action.why}; nobody here can make it again without {named}")
            return
        try:
            made = [str(path) for path in await desk.rebuild(entry.input_file, action.stations)]
            # One that was made in the place of another job of its series is in the queue already.
            new = [path for path in made if not desk.store.came_in_place(path, desk.server)]
            machines = {path: await self._machines(path, action.stations) for path in new}
            why = f"in place of {entry.job}, without {named}: {action.why}"
            await desk.patiently(lambda: self._add(machines, why))
        except _REFUSALS as error:
            self._stop_and_tell(state, f"it could not be made again without {named}: {error}")
            return
        names = ", ".join(PurePosixPath(path).stem for path in made[:_MOST_NAMED])
        desk.put(self.number, state, f"{action.why}; made again without {named}: {names}", what="noted")

    async def _machines(self, made: str, stations: Sequence[str]) -> dict[str, Any] | None:
        """Where a job goes that was made in the place of this one: as its files say, else where this one went."""
        job, known = self._desk.correlator.job(self._entry.input_file), self._entry.machines
        if known is None:
            if await self._desk.correlator.job(made).placement_or_none() is not None:
                return None
            placed = await job.placement_or_none()
            known = machines_of(placed) if placed is not None and placed.hosts else None
        return machines_without(known, await job.input(), stations)

    def _add(self, made: Mapping[str, dict[str, Any] | None], why: str) -> None:
        """Queue jobs in the place of this one; all of them, or none."""
        entry, store = self._entry, self._desk.store
        policy = None if entry.policy is None else replace(entry.policy, without_station=False)
        with store.together():
            for path, machines in made.items():
                store.add(
                    path,
                    server=self._desk.server,
                    session=entry.of_session,
                    priority=entry.priority,
                    machines=machines,
                    options=entry.options,
                    policy=policy,
                    why=why,
                    of=entry.input_file,
                )

    def _stop_and_tell(self, state: QueueState, more: str) -> None:
        """Leave it failed, with the reasons of every try."""
        told = self._desk.store.told(number=self.number)
        ends = [line.why for line in told if line.what == "ended"]
        tries = [f"try {number}: {why}" for number, why in enumerate(ends, 1)] if len(ends) > 1 else ends
        self._desk.put(self.number, state, shortened("; ".join([*tries, *([more] if more else [])])))
        self._hold(f"{self._entry.job} has failed and is not tried again; see to it, then resume the queue")

    def _hold(self, why: str) -> None:
        self._desk.hold(why)
        self._desk.tell(why)

    def _give_up(self, why: str) -> None:
        """Nobody knows whether it runs: tell, and start nothing beside it."""
        self._desk.put(self.number, QueueState.UNKNOWN, shortened(why), what="ended")
        self._hold(f"whether {self._entry.job} still runs is not known; see to it, then resume the queue")

    def _leave(self) -> None:
        """The connection is being closed: in a file it stays as it is, to be found again."""
        if self._ended is not None:
            return  # what should have followed has not: whoever takes it up sees that
        if self._desk.is_kept:
            self._desk.note(self.number, "not followed any more: the connection was closed")
        else:
            why = "not followed to its end: the connection was closed"
            self._desk.put(self.number, QueueState.UNKNOWN, why)
