# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a queue share: where its entries are kept, what is under way, why nothing is started.

Every change of an entry goes through here, so that one that cannot be written is not lost, and holds the queue.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from difxnb.aio.job_queue_rebuild import OncePerSeries, rebuild_from_joblist
from difxnb.aio.job_queue_seen import blamed_by_weights, free_of, nodes_of
from difxnb.errors import DifxError
from difxnb.queue import (
    Blame,
    DiskLow,
    Facts,
    Lease,
    NodeSeen,
    NodeSilent,
    QueueEntry,
    QueueLimits,
    QueueState,
    QueueStore,
)
from difxnb.queue.conditions import Seen, SuspendCondition, condition_json, condition_of
from difxnb.queue.entry import server_name
from difxnb.queue.policy import limits_json, limits_of
from difxnb.queue.rules import in_line, next_to_start

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.aio.job_queue_turn import Turn
    from difxnb.aio.job_run import JobRun

_log = logging.getLogger(__name__)
_LOOK_S = 0.2
# Conditions that hold again so soon are told as one time.
_FLAP_S = 60.0

T = TypeVar("T")
FindBlame = Callable[["JobRun"], Awaitable[Sequence[Blame]]]
Rebuild = Callable[[str, Sequence[str]], Awaitable[Iterable[str]]]
WRITE_ERRORS = (OSError, DifxError)
# A change waits so long for another process that is writing, with nothing else going on meanwhile; what somebody asks
# for is then tried again, with everything else going on.
LOOP_PATIENCE_S, _ASKED_PATIENCE_S = 0.2, 10.0


class QueueDesk:
    """The state of one queue.

    Parameters
    ----------
    correlator : Correlator

    Attributes
    ----------
    server : str
        How entries name the server of this connection.
    store : QueueStore
    lease : Lease or None
        What a queue that is kept in a file holds while it runs.
    limits : QueueLimits
    conditions : dict
        Those that were given, by id.
    holding : dict
        Those that hold, by id: since when and why.
    turns : dict
        What is under way, by the number of the entry.
    facts : dict
        What is known of jobs, by the number of the entry.
    weights : dict
        Weights of stations in jobs that run.
    connected_since, lost_since : float
        When the connection came about, or was lost, the last time.
    closed_why : str
        Why nothing is started any more, ever; empty before that.
    tick : float
        Seconds between two looks at what nobody tells of: the file, conditions, times.
    blame : callable
        Finds stations to blame for a bad end.
    rebuild : callable or None
        Makes a job again without some stations, from its ``.v2d``; gives the new ``.input`` files.
    tell : callable
        Called with a sentence where the queue has held itself.
    """

    def __init__(self, correlator: Correlator) -> None:
        self.correlator = correlator
        address = correlator.address
        self.server = server_name(address.host, address.port, address.ssh)
        self.store = QueueStore()
        self.lease: Lease | None = None
        self.limits = QueueLimits()
        self.conditions: dict[str, SuspendCondition] = {}
        self.holding: dict[str, tuple[float, str]] = {}
        self.turns: dict[int, Turn] = {}
        self.facts: dict[int, Facts] = {}
        self.weights: dict[str, deque[tuple[float, float]]] = {}
        self.connected_since = self.lost_since = time.time()
        self.closed_why = ""
        self.tick = 1.0
        self.blame: FindBlame = blamed_by_weights
        once = OncePerSeries(
            correlator.get_file,
            correlator.rebuild_without,
            lambda: self.store.setting("rebuilt"),
            self._keep_rebuilt,
        )
        self.rebuild: Rebuild | None = partial(rebuild_from_joblist, correlator.get_file, once)
        self.tell: Callable[[str], None] = _log.warning
        self._held = self._unwritable = ""
        self._told_at: dict[str, float] = {}
        self._told: set[str] = set()
        self._unwritten: dict[int, dict[str, Any]] = {}
        self._settings_seen = -1

    # --- looking --------------------------------------------------------------------------------------

    @property
    def is_kept(self) -> bool:
        """Whether it is in a file."""
        return self.store.path is not None

    @property
    def why_paused(self) -> str:
        """Why nothing is started until somebody says so; empty where that is not so."""
        return self._held or self._unwritable or str(self.store.setting("paused") or "") or self.closed_why

    @property
    def why_suspended(self) -> str:
        """Why nothing is started for the moment; empty where that is not so."""
        if not self.closed_why and not self.correlator.connected:
            return f"no connection since {datetime.fromtimestamp(self.lost_since, UTC):%H:%M:%S} UTC"
        return next((why for _, why in self.holding.values()), "")

    def entries(self, *, hidden: bool = False) -> list[QueueEntry]:
        """The jobs of this server, as they stand now."""
        found = [one for one in self.store.entries(hidden=hidden) if one.server == self.server]
        return in_line([self._live(one) for one in found])

    def _live(self, entry: QueueEntry) -> QueueEntry:
        if (unwritten := self._unwritten.get(entry.number)) is not None:
            entry = replace(entry, state=unwritten["state"], why=unwritten["why"])
        turn = self.turns.get(entry.number)
        return entry if turn is None else turn.live(entry)

    def nodes(self) -> dict[str, NodeSeen]:
        """Hosts, where anything depends on them."""
        if self.limits.at_once == 1 and not self.conditions:
            return {}
        silent = [one for one in self.conditions.values() if isinstance(one, NodeSilent)]
        return nodes_of(self.correlator, self.connected_since, [host for one in silent for host in one.nodes])

    # --- changing -------------------------------------------------------------------------------------

    def put(self, number: int, state: QueueState, why: str = "", **told: Any) -> None:
        """Note the state of a job. Where that cannot be written it is kept here, and the queue is held."""
        try:
            self.store.set_state(number, state, why, **told)
            self._unwritten.pop(number, None)
        except WRITE_ERRORS as error:
            self._unwritten[number] = {"state": state, "why": why, **told}
            self.cannot_write(error)

    def put_both(self, number: int, *changes: tuple[QueueState, str, dict[str, Any]]) -> None:
        """Note states that follow each other at once: all of them, or none."""
        try:
            with self.store.together():
                for state, why, told in changes:
                    self.store.set_state(number, state, why, **told)
        except WRITE_ERRORS:
            state, why, told = changes[-1]
            self.put(number, state, why, **told)

    async def patiently(self, change: Callable[[], T]) -> T:
        """Make a change that somebody asks for; while another process writes the file it is tried again.

        Raises
        ------
        OSError
            It cannot be written, or the other process is still at it after ten seconds.
        """
        until = time.monotonic() + _ASKED_PATIENCE_S
        while True:
            try:
                return change()
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOK_S)

    def note(self, number: int | None, why: str, *, what: str = "noted", of: str = "") -> None:
        """Write a line into the history; one that cannot be written is lost."""
        try:
            self.store.note(number, why, what=what, of=of)
        except WRITE_ERRORS as error:
            _log.warning("%s could not be written into the history: %s", why or what, error)

    async def until_connected(self) -> None:
        """Wait until the server can be asked."""
        while not self.correlator.connected:
            await asyncio.sleep(_LOOK_S)

    def write_rest(self) -> None:
        """Write what could not be written before; where that can be, and nothing else was wrong, the queue goes on."""
        if not (self._unwritten or self._unwritable or self._held):
            return
        try:
            for number, change in tuple(self._unwritten.items()):
                self.store.set_state(number, **change)
                del self._unwritten[number]
            if self._held:
                self._keep_pause(self._held)
            if self._unwritable:
                self.store.note(
                    None, f"it can be written again; before that {self._unwritable}", what="resumed"
                )
        except WRITE_ERRORS:
            return  # it is tried again
        self._held = self._unwritable = ""

    def cannot_write(self, error: Exception) -> None:
        """Start nothing until the file can be written; where it is damaged, until somebody says so."""
        if isinstance(error, OSError):
            self._unwritable = self._unwritable or str(error)
        else:
            self._held = self._held or str(error)

    def hold(self, why: str) -> None:
        """Start nothing more until somebody says so; the first reason counts."""
        try:
            if not (self._held or self.store.setting("paused") or self.closed_why):
                self._keep_pause(why)
        except WRITE_ERRORS:
            self._held = self._held or why

    def _keep_pause(self, why: str) -> None:
        with self.store.together():
            self.store.put_setting("paused", why)
            self.store.note(None, why, what="suspended")

    def _keep_rebuilt(self, made: list[dict[str, object]]) -> None:
        """Keep which series were made again; where that cannot be written, one may be made once more."""
        try:
            self.store.put_setting("rebuilt", made)
        except WRITE_ERRORS as error:
            _log.warning("which jobs were made again could not be written: %s", error)

    def let_go(self) -> None:
        """Start jobs again."""
        self._held = self._unwritable = ""
        if self.store.setting("paused"):
            with self.store.together():
                self.store.put_setting("paused", "")
                self.store.note(None, "", what="resumed")

    def unseen_turns(self) -> list[int]:
        """What is under way, such as a job that is made again, though its row is not shown any more."""
        shown = {entry.number for entry in self.store.entries()}
        return [number for number in self.turns if number not in shown]

    def renumber(self, numbers: dict[int, int]) -> None:
        """Follow entries to another store, where they have other numbers."""
        self.turns = {numbers[number]: turn for number, turn in self.turns.items()}
        self.facts = {numbers[number]: fact for number, fact in self.facts.items() if number in numbers}
        for number, turn in self.turns.items():
            turn.number = number

    def use(self, store: QueueStore, lease: Lease, numbers: dict[int, int]) -> None:
        """Go on in a file, where entries have other numbers."""
        old, self.store, self.lease = self.store, store, lease
        old.close()
        self.renumber(numbers)
        self._settings_seen = -1
        self.read_settings()

    def close(self) -> None:
        """Nothing is done any more; what is shown stays, and another process may run the queue."""
        self.store.close()
        if self.lease is not None:
            self.lease.give_back()

    # --- settings -------------------------------------------------------------------------------------

    def set_limits(self, limits: QueueLimits) -> None:
        """Keep other limits."""
        self.store.put_setting("limits", limits_json(limits))
        self.limits = limits

    def set_conditions(self, conditions: dict[str, SuspendCondition]) -> None:
        """Keep other conditions; those of another's making only as long as this process lasts."""
        plain = [condition_json(one) for one in conditions.values()]
        self.store.put_setting("conditions", [one for one in plain if one is not None])
        self.conditions = conditions

    def read_settings(self) -> None:
        """Take over limits and conditions that are kept; somebody else may have changed them."""
        if self._settings_seen == self.store.version:
            return
        self._settings_seen = self.store.version
        try:
            if (plain := self.store.setting("limits")) is not None:
                self.limits = limits_of(plain)
            if (listed := self.store.setting("conditions")) is not None:
                kept = [condition_of(one) for one in listed]
                mine = [one for one in self.conditions.values() if condition_json(one) is None]
                self.conditions = {one.id: one for one in (*kept, *mine)}
        except (ValueError, TypeError, AttributeError) as error:
            self.hold(f"the limits or conditions of the queue cannot be read: {error}")

    # --- what is next ---------------------------------------------------------------------------------

    def judge(self) -> None:
        """Find out which conditions hold; a change is a line of the history, unless they come and go all the time."""
        now, entries = time.time(), self.entries()
        seen = Seen(self.nodes(), free_of(self.correlator), self.weights)
        judged = self._judged(entries)
        whys = {one.id: why for one in judged if (why := _why_held(one, seen, now)) is not None}
        for name in [name for name in self.holding if name not in whys]:
            del self.holding[name]
            if name in self._told:
                self._told.discard(name)
                self.note(None, "", what="resumed", of=name)
        for name, why in whys.items():
            self.holding[name] = self.holding.get(name, (now, ""))[0], why
            if name not in self._told and abs(now - self._told_at.get(name, 0.0)) > _FLAP_S:
                self._told.add(name)
                self._told_at[name] = now
                self.note(None, why, what="suspended", of=name)

    def _judged(self, entries: Sequence[QueueEntry]) -> list[SuspendCondition]:
        conditions = dict(self.conditions)
        if self.is_kept and self.limits.disk_low:
            first = next((one for one in entries if one.state.waits), None)
            if first is not None:
                low = DiskLow(self.limits.disk_low, first.input_file.rpartition("/")[0] or "/")
                conditions.setdefault(low.id, low)
        return list(conditions.values())

    def lacks_facts(self, entry: QueueEntry) -> bool:
        """Whether the limits ask for what nobody has looked up yet of a job."""
        limits = self.limits
        wanted = limits.longest or limits.per_node or limits.at_once > 1
        return bool(wanted) and entry.number not in self.facts

    def learn(self, number: int, facts: Facts) -> None:
        """Keep what was looked up of a job, and forget it of those that are over."""
        alive = {entry.number for entry in self.entries() if not entry.state.is_over}
        self.facts = {one: known for one, known in self.facts.items() if one in alive} | {number: facts}

    def next(self) -> QueueEntry | None:
        """The job to start now; none that something is still being done with."""
        entries = [one for one in self.entries() if not (one.state.waits and one.number in self.turns)]
        return next_to_start(
            entries,
            [one for one in entries if one.state.is_under_way],
            self.limits,
            paused=bool(self.why_paused or self.why_suspended),
            now=time.time(),
            nodes=self.nodes(),
            facts=self.facts,
        )


def _why_held(condition: SuspendCondition, seen: Seen, now: float) -> str | None:
    """Why a condition holds; one of another's making that fails does, for nobody knows."""
    try:
        return condition.holds(seen, now)
    except Exception as error:  # noqa: BLE001 - the queue has to go on looking, and to say what is wrong
        return f"{condition.id} cannot be judged: {type(error).__name__}: {error}"
