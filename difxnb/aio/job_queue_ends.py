# SPDX-License-Identifier: GPL-3.0-or-later
"""How a job of a queue has ended, and what its history says of that.

In: a run that is over, or one that is quiet; lines of the history. Out: an outcome with the reason for it, in words.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from difxnb.aio.run_history import int_time
from difxnb.client.job_verdict import last_attempt
from difxnb.errors import DifxError
from difxnb.queue import QueueEntry, QueueState
from difxnb.queue.entry import shortened
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from difxnb.aio.job_run import JobRun
    from difxnb.formats.input import Input
    from difxnb.queue import QueueStore
    from difxnb.queue.frames import Told

_log = logging.getLogger(__name__)

_SEVERE = ("FATAL", "SEVERE", "ERROR")
_ENDED = (JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS)
# The last integrations of a job that is complete may get lost on their way, in a burst.
_CUT_SHORT, _CUT_INTEGRATIONS = 0.1, 3


class Quiet:
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


def starts_in_a_row(lines: Sequence[Told]) -> int:
    """How often a job was begun since a correlator has accepted it, or somebody has put it into the line."""
    count = 0
    for line in reversed(lines):
        if line.what in ("accepted", "attached", "ended", "added"):
            break
        count += line.what == "started"
    return count


def why_ended(run: JobRun, outcome: JobOutcome) -> str:
    """What an end is due to, in words; empty where all is well."""
    if outcome is JobOutcome.DONE:
        return ""
    events = run.events
    # What the server said of it stands in the evidence.
    severe = events[events["severity"].isin(_SEVERE) & (events["source"] == "mpifxcorr")]["text"]
    return shortened("; ".join([run.outcome_evidence, *severe.tail(1)]))


async def end_of(run: JobRun, outcome: JobOutcome) -> tuple[JobOutcome, str]:
    """An outcome as the row of the job tells it, and what it is due to: done is only what has come to its end."""
    if outcome is JobOutcome.UNKNOWN:
        return outcome, run.outcome_evidence
    if outcome in _ENDED and (share := await _cut_short(run)) is not None:
        why = f"it was asked to end, and not from here, when {share:.0%} of it was correlated"
        return JobOutcome.STOPPED, shortened(f"{run.outcome_evidence}; {why}")
    return outcome, why_ended(run, outcome)


async def _cut_short(run: JobRun) -> float | None:
    """How far a job came that said it is done long before its end, as one does that a message asks to end."""
    inp, share = run.job.known_input, run.watch.progress
    if inp is None or not share or not _is_short(share, inp):
        return None
    try:  # integrations without any data are told by its log alone
        written = last_attempt(await run.job.log()).seconds_done
    except (DifxError, ValueError) as error:
        _log.info("the log of %s could not be read: %s", run.job.name, error)
        return share
    if written is not None:
        share = max(share, (written + int_time(inp) / 2) / inp.execute_time)
    return share if _is_short(share, inp) else None


def _is_short(share: float, inp: Input) -> bool:
    left, seconds = 1.0 - share, inp.execute_time
    return seconds > 0 and left > _CUT_SHORT and left * seconds > _CUT_INTEGRATIONS * int_time(inp)


def why_stalled(run: JobRun) -> str:
    """That a job tells no progress, and since when."""
    return f"stalled: no progress for {time.time() - run.watch.last_progress:.0f} s"
