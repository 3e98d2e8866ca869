# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a job as it was recorded: what guiServer said of it, and what the job said itself.

In: records of the run, and everything that was heard. Out: what :class:`difxnb.aio.JobRun` showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from difxnb.aio.frames import EVENT_COLUMNS, conversation_frame
from difxnb.aio.heard import Item
from difxnb.aio.run_history import NO_WEIGHTS, rows_frame
from difxnb.aio.run_watch import Row, RunWatch
from difxnb.formats.journal_content import number_of, text_of, whole_of
from difxnb.tables.jobs import STALL_SECONDS
from difxnb.wire.job import JobConversation, JobEvent, JobId, JobOutcome

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.formats.input import Input
    from difxnb.panels.dashboard import Dashboard
    from difxnb.recording.monitor import RecordedMonitor
    from difxnb.recording.tables import RecordedTables

_MOST_SAID = 1_000_000
_ENDED = frozenset({JobOutcome.DONE, JobOutcome.DONE_WITH_ERRORS})


class RecordedRun:
    """One run of a job, as far as the recording goes.

    Attributes
    ----------
    job, input_file : str
        The job's name, and its ``.input`` file on the server.
    begun : float
        When it was started, or when somebody began to follow it; unix seconds.
    dropped_events : int
        What guiServer said and there was no room for.
    """

    def __init__(self, facts: Mapping[str, Any], begun: float, tables: RecordedTables) -> None:
        self.job, self.input_file, self.begun = text_of(facts, "job"), text_of(facts, "input_file"), begun
        self.input: Input | None = None
        self.monitor: RecordedMonitor | None = None
        self.dropped_events = 0
        self._tables, self._conversation = tables, JobConversation()
        stall_after = number_of(facts, "stall_after") if "stall_after" in facts else STALL_SECONDS
        self._watch = RunWatch(self.job, self.input_file, begun=begun, stall_after=stall_after)
        self._told: list[tuple[float, JobEvent]] = []
        self._notes = _notes(facts)
        self._over: tuple[float, JobOutcome | None, str] | None = None

    # --- taking in ------------------------------------------------------------------------------------

    def take(self, facts: Mapping[str, Any], time: float) -> None:
        """Take in a record of this run; ValueError where it makes no sense."""
        if facts.get("event") == "said":
            event = JobEvent(JobId(whole_of(facts, "id")), text_of(facts, "text"))
            self._conversation.add(event)
            self._watch.told(time)
            if len(self._told) < _MOST_SAID:
                self._told.append((time, event))
            else:
                self.dropped_events += 1
        elif facts.get("event") == "over":
            outcome = None if facts.get("outcome") is None else JobOutcome(text_of(facts, "outcome"))
            self._over = time, outcome, text_of(facts, "evidence")
            self._notes = _notes(facts)

    def hear(self, item: Item, time: float) -> None:
        """Take in what was heard of all jobs."""
        if self.done:
            self._watch.close()
        self._watch.hear(item, time)

    # --- what a run shows -----------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether it ended while it was recorded."""
        return self._over is not None or self._conversation.complete

    @property
    def state(self) -> str:
        """State as the job last told it; ``Spawning`` before that."""
        return self._watch.state

    @property
    def progress(self) -> float:
        """Share of the observation that had been correlated, 0 to 1."""
        return 1.0 if self.outcome in _ENDED else self._watch.progress

    @property
    def silence(self) -> float | None:
        """Seconds since anything was heard of it, then; None when it was over."""
        return None if self.done else self._watch.silence(self._tables.now())

    @property
    def stalled(self) -> bool:
        """Whether it had told no progress for too long, then; see :attr:`difxnb.aio.JobRun.stalled`."""
        return not self.done and self._watch.stalled(self._tables.now())

    @property
    def outcome(self) -> JobOutcome | None:
        """How it ended; None where it ran on when the recording ended."""
        known = self._conversation.outcome
        return known if self._over is None or known is not None else self._over[1]

    @property
    def outcome_evidence(self) -> str:
        """What `outcome` is based on."""
        if self._over is not None and self._over[2]:
            return self._over[2]
        last = self._conversation.terminal
        return "" if last is None else f"guiServer: {last.name.lower()} ({last.value})"

    @property
    def events(self) -> pd.DataFrame:
        """What was said about this run: ``time source event severity text``; see :attr:`difxnb.aio.JobRun.events`."""
        frames = (conversation_frame(self._told), self._heard_events(), rows_frame(self._notes))
        filled = [frame for frame in frames if not frame.empty]
        if not filled:
            return frames[0]
        return pd.concat(filled).sort_values("time", kind="stable", ignore_index=True)

    @property
    def weights(self) -> xr.DataArray:
        """Weights of it, (time, antenna), 0 to 1; those of a later run of the same job, where there was one."""
        from difxnb.visibility import weights_array

        table = self._tables.jobs.weights_table(self.job) if self._watch.heard_running else NO_WEIGHTS
        return weights_array(table, self.input)

    @property
    def latest_weights(self) -> dict[str, float]:
        """Weight of each antenna in the last integration; empty where there was none."""
        from difxnb.visibility.fits import antenna_name

        return {antenna_name(index, self.input): weight for index, weight in self._watch.weights}

    def _heard_events(self) -> pd.DataFrame:
        try:
            heard = self._tables.jobs.events(self.job)
        except KeyError:
            return conversation_frame([])
        heard = heard[heard["time"] >= pd.Timestamp(self.begun, unit="s")]
        if self._over is not None:
            heard = heard[heard["time"] <= pd.Timestamp(self._over[0], unit="s")]
        severity = heard["severity"].astype(object).where(heard["severity"].notna(), None)
        return heard.assign(source="mpifxcorr", severity=severity)[list(EVENT_COLUMNS)].astype(
            dict.fromkeys(("source", "event", "severity", "text"), object)
        )

    def panel(self) -> Dashboard:
        """What its monitor received, what it told of itself, and whether it was fine, behind tabs."""
        from difxnb.recording.panels import run_dashboard

        return run_dashboard(self, self._tables.jobs)

    def __repr__(self) -> str:
        how = f"{self.outcome}" if self.done else f"{self.state}, {100 * self.progress:.0f} %"
        return f"<RecordedRun of {self.job}: {how}>"


def _notes(facts: Mapping[str, Any]) -> list[Row]:
    """Rows about a run; ValueError where they are none."""
    found: list[Row] = []
    rows = facts.get("notes", [])
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, list) or len(row) != 5 or not isinstance(row[0], int | float):
            raise ValueError(f"a note about a run has a time and four texts; got {row!r:.80}")
        source, event, severity, text = ("" if value is None else str(value) for value in row[1:])
        found.append((float(row[0]), source, event, severity or None, text))
    return found
