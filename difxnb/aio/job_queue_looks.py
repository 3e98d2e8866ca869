# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a queue: its jobs, why nothing is started, what happened, what would be done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.aio.job_queue_desk import QueueDesk
from difxnb.queue import QueueEntry, QueueState, planned_actions
from difxnb.queue.frames import conditions_frame, queue_frame

if TYPE_CHECKING:
    from difxnb.queue import Action


class QueueLooks:
    """What can be seen of a queue, from any thread.

    Attributes
    ----------
    desk : QueueDesk
    """

    desk: QueueDesk

    @property
    def rows(self) -> tuple[QueueEntry, ...]:
        """Every job, in the order of the queue, as it stands now."""
        return tuple(self.desk.entries())

    @property
    def version(self) -> int:
        """Moves with every change but that of the progress."""
        return self.desk.store.version

    @property
    def dropped(self) -> int:
        """Jobs that were over and fell out of the table, since there was no room for more."""
        return self.desk.store.dropped

    @property
    def paused(self) -> bool:
        """Whether nothing is started until `resume`."""
        return bool(self.why_paused)

    @property
    def why_paused(self) -> str:
        """Why it is paused, in words; empty where it is not."""
        return self.desk.why_paused

    @property
    def why_suspended(self) -> str:
        """Why nothing is started for the moment, though it is not paused; empty where that is not so."""
        return self.desk.why_suspended

    @property
    def kept_in(self) -> Path | None:
        """The file that it is kept in; None where it is in memory."""
        return self.desk.store.path

    @property
    def conditions(self) -> pd.DataFrame:
        """Conditions under which nothing is started: ``id holds since why``; see `suspend`."""
        holding = self.desk.holding
        known = dict.fromkeys((*self.desk.conditions, *holding))
        return conditions_frame([(name, name in holding, *holding.get(name, (None, ""))) for name in known])

    def frame(self, history: bool = False) -> pd.DataFrame:
        """One row per job, in the order of the queue.

        Parameters
        ----------
        history : bool
            Also those, before the others, that are not shown any more.

        Returns
        -------
        DataFrame
            ``position`` (0 is under way, 1 is next; missing when over), ``job``, ``state`` (``waiting``, ``starting``,
            ``running``, ``retrying``, ``done``, ``done with errors``, ``failed``, ``stopped``, ``refused``,
            ``removed``, ``unknown``), ``priority``, ``progress`` (0…1), ``since`` (UTC), ``tries``, ``session``,
            ``why`` (of the state, in words), ``input``. ``attrs["dropped"]`` counts jobs that were over and fell out.
        """
        return queue_frame(self.desk.entries(hidden=history), self.dropped)

    def history(self, since: Any = None, limit: int = 1000) -> pd.DataFrame:
        """What happened, oldest first.

        Nothing of it is ever deleted. In a file, a job and the four lines of one that goes well take 0.7 kB: 15 MB for
        20,000 jobs a year, less than 1 MB for two a day.

        Parameters
        ----------
        since : time, optional
            Unix seconds, or what pandas takes for a time (UTC).
        limit : int
            Rows at most; the latest ones.

        Returns
        -------
        DataFrame
            ``at`` (UTC), ``job`` (empty: the queue), ``state``, ``what`` (``added``, ``started``, ``accepted``,
            ``attached``, ``retried``, ``ended``, ``removed``, ``suspended``, ``resumed``, ``noted``), ``why``,
            ``progress``, ``session``, ``of``, ``input``.
        """
        return self.desk.store.history(_seconds(since), limit)

    def actions(self) -> list[Action]:
        """What would be done now with each job that is not over, in order; nothing is done."""
        desk = self.desk
        return planned_actions(
            desk.entries(),
            desk.limits,
            held=self.why_paused or self.why_suspended,
            now=time.time(),
            nodes=desk.nodes(),
            facts=desk.facts,
            followed=desk.turns,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        rows = self.rows
        counts = {state: sum(row.state is state for row in rows) for state in QueueState}
        told = ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "empty"
        why = f"; paused: {self.why_paused}" if self.paused else ""
        return f"<JobQueue: {told}{why}>"


def _seconds(since: Any) -> float | None:
    if since is None or isinstance(since, int | float):
        return since
    moment = pd.Timestamp(since)
    return float((moment.tz_convert("UTC") if moment.tzinfo else moment.tz_localize("UTC")).timestamp())
