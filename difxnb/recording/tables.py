# SPDX-License-Identifier: GPL-3.0-or-later
"""The live tables, filled from a recording: what comes in are records, not connections.

They are those of :mod:`difxnb.aio`; only "now" is another: ages, silence and rates are measured against the end of the
recording, or against the moment that a replay has come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from difxnb.aio.heard import Item, Jobs
from difxnb.aio.messages import Messages
from difxnb.formats.input import Input
from difxnb.tables import AlertTable, MessageTable, NodeTable, RecorderTable

Now = Callable[[], float]

_MOST_MESSAGES, _MOST_BYTES = 2_000_000, 4 * 2**30
_SHOWN = 20


class RecordedMessages(Messages):
    """The messages of a recording; like those of a correlator, but that nothing can be selected at a server.

    Parameters
    ----------
    now : callable
        Gives the moment at which rates are wanted, unix seconds.
    expected : int
        Messages that there are, so that there is room for all of them (up to two million).
    """

    def __init__(self, now: Now, expected: int) -> None:
        super().__init__()
        self._now = now
        room = min(max(expected, 1), _MOST_MESSAGES)
        self._table = MessageTable(room, limit_bytes=_MOST_BYTES)

    def statistics(self, by: str = "type", *, now: float | None = None) -> pd.DataFrame:
        """How much came, and how much did not; see :meth:`difxnb.aio.Messages.statistics`."""
        return super().statistics(by, now=self._now() if now is None else now)

    def recall(self, types: Iterable[str] | None) -> None:
        """Select as it was selected then."""
        self.hide_others(types)
        self._traffic.interrupt(is_gap=False, complete=not self.is_selected_at_server)

    def _repr_html_(self) -> str:
        return self.frame().tail(_SHOWN).to_html()


class RecordedJobs(Jobs):
    """Every job that was heard of in a recording."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now

    def frame(self) -> pd.DataFrame:
        """One row per job; see :meth:`difxnb.tables.JobTable.frame`. Silence is measured then, not now."""
        return self._table.frame(self._now())


class RecordedNodes(NodeTable):
    """Every host that was heard of in a recording; ages are measured then, not now."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per host; see :meth:`difxnb.tables.NodeTable.frame`."""
        return super().frame(self._now() if now is None else now)


class RecordedRecorders(RecorderTable):
    """Every Mark5 and Mark6 unit that was heard of in a recording; ages are measured then, not now."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per unit; see :meth:`difxnb.tables.RecorderTable.frame`."""
        return super().frame(self._now() if now is None else now)


class RecordedTables:
    """All tables of a recording.

    Attributes
    ----------
    messages : RecordedMessages
    jobs : RecordedJobs
    nodes : RecordedNodes
    recorders : RecordedRecorders
    alerts : AlertTable
    """

    def __init__(self, now: Now, expected: int) -> None:
        self.messages, self.jobs = RecordedMessages(now, expected), RecordedJobs(now)
        self.nodes, self.recorders, self.alerts = RecordedNodes(now), RecordedRecorders(now), AlertTable()

    def add(self, item: Item, time: float) -> None:
        """Take in what was heard."""
        for table in (self.messages, self.jobs, self.nodes, self.recorders, self.alerts):
            table.add(item, time)

    def recall(self, types: Iterable[str] | None) -> None:
        """Select messages as they were selected then."""
        self.messages.recall(types)
        self.nodes.hearing.is_open = self.messages.reaches("DifxLoadMessage")
        self.recorders.hearing.is_open = self.messages.reaches("Mark5StatusMessage")

    def name_antennas(self, job: str, input: Input) -> None:
        """Let the antennas of a job have their names."""
        self.jobs.name_antennas(job, input)
        self.alerts.name_antennas(job, input)
