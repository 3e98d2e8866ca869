# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks after a queue between its events: changes by other processes, times that come, weights, what is unwritten.

A queue of one job after another in memory needs none of it, and has no task of its own between jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from difxnb.aio.job_queue_desk import WRITE_ERRORS
from difxnb.queue import QueueState

if TYPE_CHECKING:
    from difxnb.aio.job_queue_desk import QueueDesk

_log = logging.getLogger(__name__)

_KEPT_SAMPLES = 4000
_SHOWN_PROGRESS = 0.01


class QueueWatch:
    """Looks after one queue.

    Parameters
    ----------
    desk : QueueDesk
    go_on : callable
        Starts what may be started.
    """

    def __init__(self, desk: QueueDesk, go_on: Callable[[], None]) -> None:
        self._desk, self._go_on = desk, go_on
        self._task: asyncio.Task[None] | None = None
        self._told: dict[int, float] = {}

    def begin(self) -> None:
        """Begin to look where there is something to look after, and nobody does."""
        if self._task is None and self._is_needed():
            self._task = asyncio.create_task(self._look_after(), name="difxnb queue watch")

    async def end(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _is_needed(self) -> bool:
        desk = self._desk
        if desk.closed_why or desk.is_kept:
            return not desk.closed_why  # and the file, which may be unreadable for a time, is not asked
        waits_for_more = desk.limits.at_once > 1 or desk.limits.between is not None
        retrying = any(one.state is QueueState.RETRYING for one in desk.entries())
        return bool(desk.conditions) or waits_for_more or retrying

    async def _look_after(self) -> None:
        while self._is_needed():
            await asyncio.sleep(self._pause())
            try:
                self._look()
            except Exception:  # noqa: BLE001 - one look that fails must not end all of them
                _log.exception("a look at the queue failed")
            self._go_on()
        self._task = None

    def _pause(self) -> float:
        tick = self._desk.tick
        try:
            entries = self._desk.entries()
        except WRITE_ERRORS:
            return tick
        due = min((one.due for one in entries if one.state is QueueState.RETRYING), default=None)
        return tick if due is None else min(tick, max(0.01, due - time.time()))

    def _look(self) -> None:
        try:
            self._desk.store.seen_version()
            self._desk.write_rest()
            self._keep_progress()
        except WRITE_ERRORS as error:
            self._desk.cannot_write(error)
        self._sample_weights()

    def _keep_progress(self) -> None:
        """Write how far jobs are, for those who look into the file."""
        for number, turn in self._desk.turns.items():
            if turn.run is None or not self._desk.is_kept:
                continue
            progress = turn.run.progress
            if abs(progress - self._told.get(number, 0.0)) >= _SHOWN_PROGRESS:
                try:
                    self._desk.store.set_progress(number, progress)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    return  # another process is writing; it is told at the next look
                self._told[number] = progress
        self._told = {number: told for number, told in self._told.items() if number in self._desk.turns}

    def _sample_weights(self) -> None:
        for turn in self._desk.turns.values():
            if turn.run is None or not self._desk.conditions:
                continue
            for station, weight in turn.run.latest_weights.items():
                samples = self._desk.weights.setdefault(station, deque(maxlen=_KEPT_SAMPLES))
                samples.append((time.time(), weight))
