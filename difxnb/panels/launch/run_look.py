# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run goes, as far as it has been heard: progress, weights, speed, what is left, how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from difxnb.panels.rows import each_row
from difxnb.panels.shown import duration_words

_EVERY_S = 0.5
_TROUBLES_EVERY_S = 3.0  # all that was said of a run is gathered for them
_TROUBLES = ("WARNING", "ERROR", "SEVERE", "FATAL")
_MOST_TROUBLES = 6
_LATE_S = 2.0
_GOOD = {"done": "good", "stopped": "warn", "done_with_errors": "warn", "unknown": "warn"}


@dataclass(frozen=True)
class RunLook:
    """A run as it was when it was looked at.

    Attributes
    ----------
    outcome : str
        How it ended; empty while it runs. `evidence` says how that is known.
    progress : float
        0 to 1.
    weights : tuple of (str, float)
        Antenna, and its weight in the latest integration.
    speed_up : float or None
        Observed time by the time that correlating it takes.
    remaining, silence : float or None
        Seconds until the end, as it seems; and since anything was heard.
    troubles : tuple of str
        The latest warnings and errors.
    """

    name: str
    input_file: str
    state: str
    is_over: bool
    outcome: str
    evidence: str
    progress: float
    weights: tuple[tuple[str, float], ...]
    speed_up: float | None
    remaining: float | None
    silence: float | None
    stalled: bool
    is_monitored: bool
    troubles: tuple[str, ...]

    @property
    def tone(self) -> str:
        """How it is to be marked."""
        if self.outcome:
            return _GOOD.get(self.outcome, "bad")
        return "warn" if self.stalled else "busy"

    @property
    def words(self) -> str:
        """State or outcome, in one line."""
        if self.is_over or self.outcome:
            known = f" ({self.evidence})" if self.evidence else ""
            pace = "" if self.speed_up is None else f", speed-up {self.speed_up:.2g}"
            return f"{self.name}: {self.outcome.replace('_', ' ') or 'over'}{known}{pace}"
        said = [f"{self.name}: {self.state}, {100 * self.progress:.0f} %"]
        if self.speed_up is not None:
            said.append(f"speed-up {self.speed_up:.2g}")
        if self.remaining is not None:
            said.append(f"about {duration_words(round(self.remaining))} left")
        if self.stalled:
            said.append("no progress for a long time")
        if self.silence is not None and self.silence > 10:
            said.append(f"nothing heard for {duration_words(round(self.silence))}")
        return ", ".join(said)

    @property
    def weight_words(self) -> str:
        """Weights of the latest integration, the least one named."""
        if not self.weights:
            return ""
        antenna, least = min(self.weights, key=lambda pair: pair[1])
        each = ", ".join(f"{name} {weight:.2f}" for name, weight in self.weights)
        return f"weights: {each}; least {antenna} with {least:.2f}"


class RunWatcher:
    """Looks at a run, not more often than that pays.

    Parameters
    ----------
    run : JobRun
        See `difxnb.aio.JobRun`.
    jobs : Jobs
        All jobs that were heard of.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, run: Any, jobs: Any, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self._jobs, self._clock = jobs, clock
        self._last: RunLook | None = None
        self._looked = 0.0
        self._last_troubles: tuple[str, ...] = ()
        self._gathered = float("-inf")

    def look(self) -> RunLook:
        """How it goes; for half a second the same, and at the end what was last."""
        now = self._clock()
        last = self._last
        if last is None or last.is_over != bool(self.run.done) or now - self._looked >= _EVERY_S:
            if last is None or not last.is_over:
                last = self._last = self._made()
            self._looked = now
        return last

    def _made(self) -> RunLook:
        run = self.run
        is_over = bool(run.done)
        speed_up, remaining = self._pace()
        return RunLook(
            name=run.job.name,
            input_file=run.job.input_file,
            state=run.state,
            is_over=is_over,
            outcome="" if run.outcome is None else str(run.outcome),
            evidence=run.outcome_evidence,
            progress=run.progress,
            weights=tuple(run.latest_weights.items()),
            speed_up=speed_up,
            remaining=None if is_over else remaining,
            silence=run.silence,
            stalled=run.stalled,
            is_monitored=run.monitor is not None,
            troubles=self._troubles(is_over=is_over),
        )

    def _troubles(self, *, is_over: bool) -> tuple[str, ...]:
        now = self._clock()
        if is_over or now - self._gathered >= _TROUBLES_EVERY_S:
            self._last_troubles, self._gathered = troubles_of(self.run.events), now
        return self._last_troubles

    def _pace(self) -> tuple[float | None, float | None]:
        frame = self._jobs.frame()
        mine = frame[frame["job"] == self.run.job.identifier]
        # Before this run has said anything, the row is still that of the run before.
        begun = pd.Timestamp(self.run.begun - _LATE_S, unit="s")
        if mine.empty or (self.run.started is not None and not mine["started"].iloc[-1] >= begun):
            return None, None
        row = mine.iloc[-1]
        return _number(row["speed_up"]), _number(row["remaining"])


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def troubles_of(events: pd.DataFrame) -> tuple[str, ...]:
    """The latest warnings and errors of a run, the same one once."""
    told = events[events["severity"].isin(_TROUBLES)]
    lines = [f"{row.severity.lower()}: {row.text}" for row in each_row(told)]
    return tuple(dict.fromkeys(lines))[-_MOST_TROUBLES:]
