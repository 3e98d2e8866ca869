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
from datetime import datetime
from typing import TYPE_CHECKING, Any

from difxnb.aio.job_queue_seen import machines_of, machines_without
from difxnb.errors import ConnectionLost, DifxError, JobNotStopped, NoReply, RemoteFileNotFound
from difxnb.formats.difxlog import parse_time
from difxnb.queue import GiveUp, Keep, QueueEntry, QueueState, RetryNow, RetryWithout, next_action
from difxnb.queue.entry import STATE_OF, shortened
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from difxnb.aio.job_queue_desk import QueueDesk
    from difxnb.aio.job_run import JobRun
    from difxnb.queue import Blame, QueueStore

_log = logging.getLogger(__name__)

_SEVERE = ("FATAL", "SEVERE", "ERROR")
_REFUSALS = (DifxError, ValueError, TypeError, OSError)
# Logs and the clock that their times are held against have whole seconds.
_LOG_SLACK_S = 2.0
_TICK_S, _OLD_LOG_S = 0.5, 5.0


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
        self._asked = False
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
        why = _stalled(run) if run.stalled else entry.why
        return replace(entry, progress=run.progress, why=why)

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
        entry = self._entry
        job, options = self._desk.correlator.job(entry.input_file), dict(entry.options)
        if entry.tries:
            options["overwrite"] = True
            self._desk.note(self.number, f"what try {entry.tries} has written is moved aside")
        try:
            if entry.machines is not None:
                await job.set_machines(**entry.machines)
            run = await job.start(**options)
        except (NoReply, ConnectionLost) as error:
            self._give_up(str(error))
        except _REFUSALS as error:
            self._desk.put(self.number, QueueState.REFUSED, shortened(str(error)), what="ended")
        else:
            self._accepted("accepted")
            return run
        return None

    def _accepted(self, what: str, why: str = "") -> None:
        self._entry = replace(self._entry, tries=self._entry.tries + 1)
        self._desk.put(self.number, QueueState.RUNNING, why, what=what, tries=self._entry.tries)

    # --- one that was under way before ----------------------------------------------------------------

    async def _find(self) -> JobRun | None:
        """Look for a job that another process was about to start, or had started."""
        entry, desk, begun = self._entry, self._desk, self._begun()
        connected, since = desk.connected_since, time.monotonic()
        while True:
            run = await self._attached()
            if connected != desk.connected_since:  # what was said without a connection was not heard
                connected, since = desk.connected_since, time.monotonic()
            left = desk.limits.silent - (time.monotonic() - since)
            if run is not None and _is_of(run, begun):
                run.watch.stall_after = entry.options.get("stall_after", run.watch.stall_after)
                if entry.state is QueueState.RUNNING:
                    desk.put(self.number, QueueState.RUNNING, what="attached")
                else:
                    self._accepted("attached")
                return run
            if self._asked and (left <= 0 or (run is None and entry.state is QueueState.RUNNING)):
                await self._not_found(run)
                return None
            pause = _TICK_S
            if run is not None and run.done:  # one that is long over: its log may yet go on
                run.let_go()
                pause = _OLD_LOG_S
            await asyncio.sleep(min(pause, max(0.01, left)))

    def _begun(self) -> float:
        """When the job was last begun, unix seconds."""
        told = self._desk.store.told(number=self.number)
        return next((line.at for line in reversed(told) if line.what == "started"), self._entry.since)

    async def _attached(self) -> JobRun | None:
        """A run of it; None where nothing was heard of it and it has no log, or the server did not say."""
        self._asked = True
        await self._desk.until_connected()
        try:
            return await self._desk.correlator.job(self._entry.input_file).attach()
        except (RemoteFileNotFound, NoReply, ConnectionLost) as error:
            _log.info("%s was not found: %s", self._entry.job, error)
            self._asked = isinstance(error, RemoteFileNotFound)
            return None

    async def _not_found(self, run: JobRun | None) -> None:
        """Nothing is heard of it: it was never started only where it has left nothing at all."""
        entry, desk = self._entry, self._desk
        if entry.state is QueueState.RUNNING:
            evidence = "it has no log" if run is None else run.outcome_evidence
            self._give_up(f"it was running when it was last looked at; {evidence}")
            return
        try:
            job = desk.correlator.job(entry.input_file)
            traces = await desk.correlator.head_node.look_at_job(
                entry.input_file, job.outputs(await job.input())
            )
        except _REFUSALS as error:
            self._give_up(f"it was about to be started when the process ended; {error}")
            return
        if traces.log_size is None and traces.output_size is None:
            why = "it was about to be started when the process ended, and was not"
            desk.put(self.number, QueueState.WAITING, why)
            return
        signs = [f"log of {traces.log_size} bytes"] if traces.log_size is not None else []
        signs += [f"output of {traces.output_size} bytes"] if traces.output_size is not None else []
        self._give_up(
            f"it was about to be started when the process ended, and nothing was heard since; there is "
            f"{' and '.join(signs)}, of this start or of one before"
        )

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
            return _told(run, await run.wait())
        waiting = asyncio.ensure_future(run.wait())
        quiet = _Quiet(run)
        try:
            while not (await asyncio.wait({waiting}, timeout=_TICK_S))[0]:
                seconds = quiet.seconds(connected=self._desk.correlator.connected)
                if seconds > run.watch.stall_after:
                    await run.stop()
                    return JobOutcome.FAILED, f"stalled: no progress for {seconds:.0f} s"
            return _told(run, waiting.result())
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
            machines = {path: await self._machines(path, action.stations) for path in made}
            why = f"in place of {entry.job}, without {named}: {action.why}"
            self._add(machines, why)
        except _REFUSALS as error:
            self._stop_and_tell(state, f"it could not be made again without {named}: {error}")
            return
        desk.put(self.number, state, f"{action.why}; made again without {named}", what="noted")

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


class _Quiet:
    """How long a run has told no progress, as far as it could be heard, whatever the clock of the day does meanwhile.

    Parameters
    ----------
    run : JobRun
    """

    def __init__(self, run: JobRun) -> None:
        self._run, self._seen, self._since = run, run.watch.last_progress, time.monotonic()

    def seconds(self, *, connected: bool) -> float:
        """Seconds without progress up to now; none while there is no connection, over which it would be told."""
        now, last = time.monotonic(), self._run.watch.last_progress
        if last != self._seen or not connected:
            self._seen, self._since = last, now
        return now - self._since


def was_left(store: QueueStore, entry: QueueEntry) -> bool:
    """Whether a job has ended badly, and the process before anything followed."""
    if entry.policy is None or entry.state not in (QueueState.FAILED, QueueState.DONE_WITH_ERRORS):
        return False
    told = store.told(number=entry.number, limit=1)
    return bool(told) and told[-1].what == "ended"


def why_ended(run: JobRun, outcome: JobOutcome) -> str:
    """What an end is due to, in words; empty where all is well."""
    if outcome is JobOutcome.DONE:
        return ""
    events = run.events
    severe = events[events["severity"].isin(_SEVERE)]["text"]
    return shortened("; ".join([run.outcome_evidence, *severe.tail(1)]))


def _told(run: JobRun, outcome: JobOutcome) -> tuple[JobOutcome, str]:
    if outcome is JobOutcome.UNKNOWN:
        return outcome, run.outcome_evidence
    return outcome, why_ended(run, outcome)


def _stalled(run: JobRun) -> str:
    return f"stalled: no progress for {time.time() - run.watch.last_progress:.0f} s"


def _is_of(run: JobRun, begun: float) -> bool:
    """Whether what is known of a run is of a start at that time, and not of one before."""
    heard = run.watch.last_heard
    if heard != run.watch.begun and heard >= begun:
        return True
    search = run.search
    if search is None:  # it was started over this connection
        return run.begun >= begun - _LOG_SLACK_S
    first = next((parse_time(line.time_text or "") for line in search.attempt.notable), None)
    if first is None or search.clock_offset is None:
        return False
    logged = (first - datetime(1970, 1, 1)).total_seconds() + search.clock_offset
    return logged >= begun - _LOG_SLACK_S
