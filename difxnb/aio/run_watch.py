# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard of one run of a job: its state, progress and weights, and for how long nothing was.

In: messages with the times they came, words of guiServer, lines of an old log. Out: snapshots. The watchdog is no
thread: silence is measured by whoever looks, and a silence that has passed is noted when the next word comes.
"""

from __future__ import annotations

import math
import threading
from collections import deque

from difxnb.aio.heard import Item
from difxnb.client.job_verdict import Attempt, Verdict, verdict_of_states
from difxnb.wire.message import Alert, Diagnostic, JobState, Message, Severity, Status

OVER = frozenset(state.value for state in JobState if state.is_terminal)

Row = tuple[float, str, str, str | None, str]
"""Time (unix seconds), source, event, severity and text of something that happened."""

_KEPT_NOTES = 1000
# An end that is told this soon after a start, and nothing before it, is that of the run before.
_LATE_S = 2.0


class RunWatch:
    """Follows one run by what is said of it.

    Parameters
    ----------
    identifier, input_file : str
        What its messages carry; a message that names another file is of another job of the same name.
    begun : float
        When it was started, or when somebody began to follow it; unix seconds.
    stall_after : float
        Seconds without progress after which it counts as stalled.

    Attributes
    ----------
    state : str
        As last told; ``Spawning`` before that.
    progress : float
        0 to 1.
    weights : tuple of (int, float)
        Datastream and weight, of the latest integration.
    heard_running : bool
        Whether it has reported progress.
    last_heard, last_progress : float
        When anything was heard, and when a state or progress was told.
    dropped_notes : int
        Notes that there was no room for.
    """

    def __init__(self, identifier: str, input_file: str, *, begun: float, stall_after: float) -> None:
        if not stall_after > 0:
            raise ValueError(f"a run stalls after some time without progress; got {stall_after!r} s")
        self.begun, self.stall_after = begun, stall_after
        self.state: str = JobState.SPAWNING.value
        self.progress = self.reached_mjd = 0.0
        self.weights: tuple[tuple[int, float], ...] = ()
        self.heard_running = False
        self.last_heard = self.last_progress = begun
        self.dropped_notes = 0
        self._identifier, self._input_file = identifier, input_file
        self._states: list[str] = []
        self._errors = 0
        self._closed = False
        self._notes: deque[Row] = deque(maxlen=_KEPT_NOTES)
        self._lock = threading.Lock()

    # --- taking in ------------------------------------------------------------------------------------

    def hear(self, item: Item, when: float) -> bool:
        """Take in what is about this run; say whether it was."""
        if not isinstance(item, Message) or not self._is_mine(item):
            return False
        if isinstance(item.body, Status):
            return self._follow(item.body, when)
        if self._closed or not isinstance(item.body, (Alert, Diagnostic)):
            return False
        severity = item.body.severity if isinstance(item.body, Alert) else None
        self._errors += severity is not None and severity <= Severity.ERROR
        self.told(when)
        return True

    def told(self, when: float) -> None:
        """Take in a sign of life that says nothing of the progress."""
        self.last_heard = max(self.last_heard, when)

    def close(self) -> None:
        """Take in no more than the last state: all else belongs to the next run of the same job."""
        self._closed = True

    def remember(self, attempt: Attempt, *, seconds: float, int_time: float) -> None:
        """Take over from a log what was said while nobody listened.

        Parameters
        ----------
        attempt : Attempt
            The run, as its log tells it.
        seconds, int_time : float
            Length of the job, and of an integration.
        """
        if not attempt.states:
            return
        news = attempt.verdict() is not None and self.state not in OVER
        if news or self.state == JobState.SPAWNING:
            self.state = attempt.states[-1]
        if attempt.weights and (news or not self.weights):
            self.weights = tuple(
                (i, weight) for i, weight in enumerate(attempt.weights[-1][1]) if weight >= 0
            )
        if attempt.seconds_done is not None and seconds > 0:
            self._advance((attempt.seconds_done + int_time / 2) / seconds)

    def recall(self, state: str, *, progress: float, errors: int, when: float) -> None:
        """Take over what the connection heard before anybody followed this run."""
        self._states, self._errors, self.state = [state], errors, state
        self.heard_running = state == JobState.RUNNING or progress > 0
        self._advance(progress)
        self.last_heard = self.last_progress = when

    def note(self, when: float, event: str, severity: str | None, text: str) -> None:
        """Keep a row about this run."""
        with self._lock:
            self.dropped_notes += len(self._notes) == _KEPT_NOTES
            self._notes.append((when, "difxnb", event, severity, text))

    # --- looking --------------------------------------------------------------------------------------

    def silence(self, now: float) -> float:
        """Seconds since anything was heard."""
        return max(0.0, now - self.last_heard)

    def stalled(self, now: float) -> bool:
        """Whether there was no progress for longer than allowed."""
        return not self._closed and now - self.last_progress > self.stall_after

    def notes(self, now: float) -> list[Row]:
        """Rows kept, and one for a stall that lasts."""
        with self._lock:
            rows = list(self._notes)
        if self.stalled(now):
            rows.append(self._stall(now, "and counting"))
        return rows

    def verdict(self) -> Verdict | None:
        """How it ended by its own words; None while they do not say."""
        return verdict_of_states(self._states, self._errors, "messages")

    # --- inside ---------------------------------------------------------------------------------------

    def _is_mine(self, message: Message) -> bool:
        if message.header.identifier != self._identifier:
            return False
        named = getattr(message.body, "input", None)
        return named in (None, "", self._input_file)

    def _follow(self, status: Status, when: float) -> bool:
        state = status.state
        if state is None or (self._closed and (self.state in OVER or state not in OVER)):
            return False
        if state in OVER and not self._states and when < self.begun + _LATE_S:
            return False
        if when - self.last_progress > self.stall_after:
            self._notes_of_stall(when)
        self.told(when)
        self.last_progress = max(self.last_progress, when)
        if not self._states or self._states[-1] != state:
            self._states.append(state)
        self.state = state
        self.heard_running = self.heard_running or state == JobState.RUNNING
        self.weights = status.weights or self.weights
        start, stop, now = status.job_start_mjd, status.job_stop_mjd, status.visibility_mjd
        self.reached_mjd = max(self.reached_mjd, now or 0.0)
        if start and stop and now and stop > start:
            self._advance((now - start) / (stop - start))
        return True

    def _advance(self, share: float) -> None:
        if math.isfinite(share):
            self.progress = min(1.0, max(self.progress, share))

    def _notes_of_stall(self, when: float) -> None:
        time, _, event, severity, text = self._stall(when, "then it went on")
        self.note(time, event, severity, text)
        self.note(when, "resumed", "INFO", f"progress again after {when - self.last_progress:.0f} s")

    def _stall(self, until: float, how_on: str) -> Row:
        silent = f"{self.silence(until):.0f} s" if self.last_heard > self.last_progress else "as long"
        text = f"no progress for {until - self.last_progress:.0f} s ({how_on}); nothing heard at all for {silent}"
        return (self.last_progress + self.stall_after, "difxnb", "stalled", "WARNING", text)
