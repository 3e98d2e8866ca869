# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows whose end was not known, and whose jobs speak again: they are followed, and never started.

In: status messages. Out: a run to be followed, where it is certain that the job of the row has spoken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from difxnb.aio.job_queue_find import is_of, log_is_of
from difxnb.aio.run_watch import OVER
from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.queue import QueueEntry, QueueState
from difxnb.wire.message import JobState, Message, Status

if TYPE_CHECKING:
    from difxnb.aio.job_queue_desk import QueueDesk
    from difxnb.aio.job_run import JobRun

_log = logging.getLogger(__name__)

_TELLING = OVER | {JobState.RUNNING.value}
# Where a look was in vain, words of the job are no reason for another one before that.
_NEXT_LOOK_S = 10.0


class Settling:
    """Listens for the jobs of rows that are ``unknown``.

    Parameters
    ----------
    desk : QueueDesk
    take_up : callable
        Called with an entry whose job has said that it runs or has ended; and whether it was named by its path.
    """

    def __init__(self, desk: QueueDesk, take_up: Callable[[QueueEntry, bool], None]) -> None:
        self._desk, self._take_up = desk, take_up
        self._version = -1
        self._unknown: dict[str, list[QueueEntry]] = {}
        self._looked: dict[int, float] = {}

    def hear(self, message: Message) -> None:
        """Take in a message of whatever job."""
        status = message.body
        if not isinstance(status, Status) or status.state not in _TELLING:
            return
        mine = [
            entry
            for entry in self._of_name(message.header.identifier)
            if status.input in (None, "", entry.input_file) and self._is_due(entry.number)
        ]
        if len(mine) == 1:
            self._looked[mine[0].number] = time.monotonic()
            self._take_up(mine[0], bool(status.input))

    def _of_name(self, name: str) -> list[QueueEntry]:
        """Entries that are ``unknown``, by the names of their jobs; read anew where anything has changed."""
        desk = self._desk
        if self._version != desk.store.version:
            self._version, self._unknown = desk.store.version, {}
            for entry in desk.entries():
                if entry.state is QueueState.UNKNOWN:
                    self._unknown.setdefault(entry.job, []).append(entry)
        return self._unknown.get(name, [])

    def _is_due(self, number: int) -> bool:
        looked = self._looked.get(number)
        return number not in self._desk.turns and (looked is None or time.monotonic() > looked + _NEXT_LOOK_S)


async def taken_up(desk: QueueDesk, entry: QueueEntry, begun: float, *, by_path: bool) -> JobRun | None:
    """The run of a job that has spoken; None where that may be another one of the same name.

    Parameters
    ----------
    desk : QueueDesk
        Of the queue.
    entry : QueueEntry
        One that is ``unknown``.
    begun : float
        When it was last begun, unix seconds.
    by_path : bool
        Whether the message has named its path; by its name alone its log has to tell of this start, too.
    """
    known = desk.correlator.runs.get(entry.input_file)
    try:
        run = await desk.correlator.job(entry.input_file).attach()
    except (NoReply, ConnectionLost, DifxError, OSError, ValueError) as error:
        _log.info("%s has spoken, and cannot be followed: %s", entry.job, error)
        return None
    certain = is_of(run, begun) if by_path else log_is_of(run, begun)
    if certain and desk.store.entry(entry.number).state is QueueState.UNKNOWN:
        return run
    if run is not known:
        run.let_go()
    return None
