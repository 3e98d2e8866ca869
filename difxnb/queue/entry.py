# SPDX-License-Identifier: GPL-3.0-or-later
"""One job of a queue, and the states that it can be in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from difxnb.queue.policy import RetryPolicy
from difxnb.wire.job import JobOutcome

LONGEST_WHY = 500
"""Characters of a reason that are kept."""


class QueueState(StrEnum):
    """Where a job of a queue stands."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    DONE_WITH_ERRORS = "done with errors"
    FAILED = "failed"
    STOPPED = "stopped"
    REFUSED = "refused"
    REMOVED = "removed"
    UNKNOWN = "unknown"

    @property
    def is_under_way(self) -> bool:
        """Whether it has been begun and is not over."""
        return self in (QueueState.STARTING, QueueState.RUNNING)

    @property
    def waits(self) -> bool:
        """Whether its turn is still to come, for the first time or again."""
        return self in (QueueState.WAITING, QueueState.RETRYING)

    @property
    def is_over(self) -> bool:
        """Whether the queue will do nothing more with it."""
        return not self.waits and not self.is_under_way


STATE_OF = {
    JobOutcome.DONE: QueueState.DONE,
    JobOutcome.DONE_WITH_ERRORS: QueueState.DONE_WITH_ERRORS,
    JobOutcome.FAILED: QueueState.FAILED,
    JobOutcome.STOPPED: QueueState.STOPPED,
    JobOutcome.REFUSED: QueueState.REFUSED,
    JobOutcome.UNKNOWN: QueueState.UNKNOWN,
}
"""What becomes of a job that ends so."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One job of a queue.

    Attributes
    ----------
    number : int
        Its own, never given twice in one queue.
    input_file : str
        Path of the ``.input`` file on the server.
    state : QueueState
    why : str
        What that state is due to, in words; empty where it says it all.
    since : float
        When it came about, unix seconds.
    progress : float
        Share that has been correlated, 0 to 1.
    machines, options : mapping
        Where and how to start it: keywords of `Job.set_machines` (none: as its files say) and of `Job.start`.
    priority : int
        Jobs of a higher one go first.
    added : float
        When it was put into the queue, unix seconds.
    tries : int
        How often a correlator has accepted it.
    of_session : str
        What it belongs to, such as the session of an Intensive; empty for nothing.
    policy : RetryPolicy or None
        What follows where it fails; None: nothing.
    key : str
        Server, input file, session and how often this job has been added: never twice in one queue.
    server : str
        Where it runs, such as ``"head-node:50200"``.
    """

    number: int
    input_file: str
    state: QueueState = QueueState.WAITING
    why: str = ""
    since: float = field(default_factory=time.time)
    progress: float = 0.0
    machines: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    added: float = field(default_factory=time.time)
    tries: int = 0
    of_session: str = ""
    policy: RetryPolicy | None = None
    key: str = ""
    server: str = ""

    @property
    def job(self) -> str:
        """Name of the job."""
        return PurePosixPath(self.input_file).stem

    @property
    def due(self) -> float:
        """From when on it may be started, unix seconds."""
        if self.state is QueueState.RETRYING and self.policy is not None:
            return self.since + self.policy.wait
        return float("-inf")

    def now(self, state: QueueState, why: str = "", **changes: Any) -> QueueEntry:
        """The same job in another state, as of now."""
        return replace(self, state=state, why=why, since=time.time(), **changes)


def shortened(text: str) -> str:
    """A reason, cut where it is too long to be kept."""
    return text if len(text) <= LONGEST_WHY else f"{text[: LONGEST_WHY - 1]}…"


def server_name(host: str, port: int, ssh: str | None = None) -> str:
    """How entries name a server: by its address, and by the gateway to it where there is one."""
    return f"{host}:{port} behind {ssh}" if ssh else f"{host}:{port}"
