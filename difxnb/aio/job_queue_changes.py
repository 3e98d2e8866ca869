# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a queue: its order, what it starts, and under which conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.aio.job_queue_looks import QueueLooks
from difxnb.queue import QueueLimits, QueueState
from difxnb.queue.rules import find

if TYPE_CHECKING:
    from difxnb.queue import QueueEntry, SuspendCondition

AGAIN = (QueueState.FAILED, QueueState.DONE_WITH_ERRORS, QueueState.STOPPED, QueueState.REFUSED)
"""What may be tried again because somebody says so."""


class QueueChanges(QueueLooks, ABC):
    """What can be changed of a queue that is there."""

    @property
    def limits(self) -> QueueLimits:
        """How many jobs are started, and when. May be set."""
        return self.desk.limits

    @limits.setter
    def limits(self, limits: QueueLimits) -> None:
        self.desk.set_limits(limits)
        self._go_on()

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
        await self.desk.patiently(lambda: self.desk.store.remove(find(self.rows, job).number))
        return self.frame()

    async def move(self, job: str, position: int) -> pd.DataFrame:
        """Put a job that waits to another place; gives the queue, as `frame`.

        Parameters
        ----------
        job : str
            Path of its ``.input`` file, or its name where that is clear.
        position : int
            Where it is then: 1 is next. Among jobs of another priority it takes theirs.

        Raises
        ------
        ValueError
            There is no such job, it does not wait, or there is no such position.
        """
        desk = self.desk
        await desk.patiently(
            lambda: desk.store.move(find(self.rows, job).number, position, server=desk.server)
        )
        return self.frame()

    async def priority(self, job: str, value: int) -> pd.DataFrame:
        """Give a job, by path or name, another priority; gives the queue, as `frame`. ValueError where that fails."""
        await self.desk.patiently(lambda: self.desk.store.priority(find(self.rows, job).number, value))
        return self.frame()

    async def retry(self, job: str) -> pd.DataFrame:
        """Put a job that has failed, or was stopped or refused, into the line again; gives the queue, as `frame`.

        What its own earlier try has written is moved aside when it starts.

        Raises
        ------
        ValueError
            There is no such job, it has not ended so, or what follows its end is not done.
        """
        await self.desk.patiently(lambda: self._put_back(find(self.rows, job)))
        self._go_on()
        return self.frame()

    async def drop_over(self, jobs: Collection[str] | None = None) -> pd.DataFrame:
        """Show jobs that are over no more; they stay in the history. Gives the queue, as `frame`.

        Parameters
        ----------
        jobs : collection of str, optional
            Paths of their ``.input`` files; all of them by default.
        """
        over = [one for one in self.rows if one.state.is_over]
        going = [one.number for one in over if jobs is None or one.input_file in jobs]
        await self.desk.patiently(lambda: self.desk.store.hide(going))
        return self.frame()

    async def pause(self) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        self.desk.hold("it was paused")

    async def resume(self, id: str | None = None) -> None:
        """Go on with the next job after a `pause`, or after the queue has paused itself.

        Parameters
        ----------
        id : str, optional
            Forget this condition instead; see `suspend` and `conditions`.

        Raises
        ------
        ValueError
            There is no such condition.
        """
        desk = self.desk
        if id is None:
            desk.weights.clear()  # what was low then is not held against those that come
            await desk.patiently(desk.let_go)
        elif id not in desk.conditions:
            raise ValueError(f"no condition {id!r}; there are: {', '.join(desk.conditions) or 'none'}")
        else:
            await desk.patiently(
                lambda: desk.set_conditions(
                    {name: one for name, one in desk.conditions.items() if name != id}
                )
            )
        self._go_on()

    async def suspend(self, condition: SuspendCondition) -> pd.DataFrame:
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
        desk = self.desk
        await desk.patiently(lambda: desk.set_conditions({**desk.conditions, condition.id: condition}))
        self._go_on()
        return self.conditions

    def _put_back(self, entry: QueueEntry) -> None:
        if entry.state not in AGAIN:
            raise ValueError(
                f"{entry.job} is {entry.state}; only what has failed, or was stopped, is tried again"
            )
        if entry.number in self.desk.turns and not self.desk.turns[entry.number].is_over:
            raise ValueError(f"{entry.job} is being made again without a station; wait for that")
        self.desk.store.set_state(entry.number, QueueState.WAITING, "it is tried again", what="retried")

    @abstractmethod
    def _go_on(self) -> None:
        """Start what may be started."""
