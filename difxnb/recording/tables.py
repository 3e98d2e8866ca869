# SPDX-License-Identifier: GPL-3.0-or-later
"""The live tables, filled from a recording: what comes in are records, not connections.

They are those of :mod:`difxnb.aio`; only "now" is another: ages, silence and rates are measured against the end of the
recording, or against the moment that a replay has come to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pandas as pd

from difxnb.aio.heard import Item, Jobs
from difxnb.aio.messages import Messages
from difxnb.formats.input import Input
from difxnb.tables import AlertTable, MessageTable, NodeTable, RecorderTable

if TYPE_CHECKING:
    from difxnb.panels.jobs import JobsPanel
    from difxnb.panels.messages import AlertsPanel, MessagesPanel
    from difxnb.panels.nodes import NodesPanel

Now = Callable[[], float]

_MOST_MESSAGES, _MOST_BYTES = 2_000_000, 4 * 2**30
_SHOWN = 20


class Selected:
    """What has been done already, and may be awaited all the same."""

    def __await__(self) -> Iterator[None]:
        return iter(())


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

    def select(self, types: str | Iterable[str] | None = None) -> Selected:  # type: ignore[override]
        """Show only some types of messages that come from now on in a replay; see :meth:`difxnb.aio.Messages.select`.

        No server has to be asked: it is done at once, and may be awaited or not.
        """
        self.hide_others(types)
        self._traffic.interrupt(is_gap=False, complete=not self.is_selected_at_server)
        return Selected()

    def recall(self, types: Iterable[str] | None) -> None:
        """Select as it was selected then."""
        self.select(types)

    def panel(self) -> MessagesPanel:
        """A browser of messages; see :meth:`difxnb.notebook.Messages.panel`. Troubles have one of their own."""
        from difxnb.panels.messages import MessagesModel, MessagesPanel

        return MessagesPanel(MessagesModel(self))

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

    def panel(self, job: str = "") -> JobsPanel:
        """A browser of jobs, or of one; see :meth:`difxnb.notebook.tables.Jobs.panel`."""
        from difxnb.panels.jobs import JobsModel, JobsPanel

        model = JobsModel(self)
        if job:
            model.only(job)
            model.choose(job)
        return JobsPanel(model)


class RecordedNodes(NodeTable):
    """Every host that was heard of in a recording; ages are measured then, not now."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per host; see :meth:`difxnb.tables.NodeTable.frame`."""
        return super().frame(self._now() if now is None else now)

    def panel(self) -> NodesPanel:
        """Hosts with their loads, memory, network and ages."""
        from difxnb.panels.nodes import NodesModel, NodesPanel

        return NodesPanel(NodesModel(self))


class RecordedRecorders(RecorderTable):
    """Every Mark5 and Mark6 unit that was heard of in a recording; ages are measured then, not now."""

    def __init__(self, now: Now) -> None:
        super().__init__()
        self._now = now

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per unit; see :meth:`difxnb.tables.RecorderTable.frame`."""
        return super().frame(self._now() if now is None else now)

    def panel(self) -> NodesPanel:
        """Recorders with their states, modules and ages, and disks that are not well."""
        from difxnb.panels.nodes import NodesPanel, RecordersModel

        return NodesPanel(recorders=RecordersModel(self))


class RecordedAlerts(AlertTable):
    """Every trouble that was told of in a recording."""

    def panel(self) -> AlertsPanel:
        """Troubles as a table, the worst first."""
        from difxnb.panels.messages import AlertsModel, AlertsPanel

        return AlertsPanel(AlertsModel(self))


@dataclass(frozen=True, slots=True)
class _Selected:
    """A selection of messages, and whether loads of hosts and states of recorders were relayed with it."""

    types: tuple[str, ...] | None
    has_loads: bool
    has_recorders: bool


_Table: TypeAlias = RecordedMessages | RecordedJobs | NodeTable | RecorderTable | RecordedAlerts
T = TypeVar("T", RecordedMessages, RecordedJobs, RecordedNodes, RecordedRecorders, RecordedAlerts)


class RecordedTables:
    """All tables of a recording.

    Each is filled when somebody looks at it, because filling all takes several times as long as filling one; what has
    been looked at is filled at once from then on.

    Parameters
    ----------
    now : callable
        The moment that ages are measured against, unix seconds.
    expected : int
        Messages that will come.
    at_once : bool
        Fill all tables as things come, as they are live.
    """

    def __init__(self, now: Now, expected: int, *, at_once: bool) -> None:
        self._messages, self._jobs = RecordedMessages(now, expected), RecordedJobs(now)
        self._nodes, self._recorders, self._alerts = (
            RecordedNodes(now),
            RecordedRecorders(now),
            RecordedAlerts(),
        )
        self.now = now
        self._at_once = at_once
        self._log: list[tuple[Item | _Selected, float]] = []
        self._fed: dict[int, int] = {}
        self._choosing = Messages()
        self._lock = threading.Lock()

    @property
    def messages(self) -> RecordedMessages:
        """Everything that was relayed and said."""
        return self._filled(self._messages)

    @property
    def jobs(self) -> RecordedJobs:
        """Every job."""
        return self._filled(self._jobs)

    @property
    def nodes(self) -> RecordedNodes:
        """Every host."""
        return self._filled(self._nodes)

    @property
    def recorders(self) -> RecordedRecorders:
        """Every Mark5 and Mark6 unit."""
        return self._filled(self._recorders)

    @property
    def alerts(self) -> RecordedAlerts:
        """Every trouble, once."""
        return self._filled(self._alerts)

    def add(self, item: Item, time: float) -> None:
        """Take in what was heard."""
        self._put(item, time)

    def recall(self, types: Iterable[str] | None) -> None:
        """Select messages as they were selected then; ValueError where there are no such types."""
        before = self._choosing.selection
        self._choosing.hide_others(types)
        if types is not None or before is not None:
            reaches = self._choosing.reaches
            chosen = _Selected(
                self._choosing.selection, reaches("DifxLoadMessage"), reaches("Mark5StatusMessage")
            )
            self._put(chosen, 0.0)

    def name_antennas(self, job: str, input: Input) -> None:
        """Let the antennas of a job have their names."""
        self._jobs.name_antennas(job, input)
        self._alerts.name_antennas(job, input)

    def _put(self, thing: Item | _Selected, time: float) -> None:
        if not self._at_once:
            self._log.append((thing, time))
            return
        for table in (self._messages, self._jobs, self._nodes, self._recorders, self._alerts):
            _feed(table, thing, time)

    def _filled(self, table: T) -> T:
        if not self._at_once:
            with self._lock:
                begin, self._fed[id(table)] = self._fed.get(id(table), 0), len(self._log)
                for thing, time in islice(self._log, begin, None):
                    _feed(table, thing, time)
        return table


def _feed(table: _Table, thing: Item | _Selected, time: float) -> None:
    if not isinstance(thing, _Selected):
        table.add(thing, time)
    elif isinstance(table, RecordedMessages):
        table.recall(thing.types)
    elif isinstance(table, NodeTable):
        table.hearing.is_open = thing.has_loads
    elif isinstance(table, RecorderTable):
        table.hearing.is_open = thing.has_recorders
