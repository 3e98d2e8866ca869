# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of a recorded session: the same as live, but that nothing can be asked, started or stopped.

In go the tables, monitors and runs of a recording or a replay. What takes long, such as checks of quality, is done on a
thread of its own, which ends with the panel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from difxnb.client.blocking import LoopThread
from difxnb.panels.painter import PAINTER
from difxnb.panels.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from difxnb.panels import Panel
    from difxnb.panels.dashboard import Dashboard, Offer
    from difxnb.panels.quality import Checked
    from difxnb.recording.monitor import RecordedMonitor
    from difxnb.recording.run import RecordedRun
    from difxnb.recording.tables import (
        RecordedAlerts,
        RecordedJobs,
        RecordedMessages,
        RecordedNodes,
        RecordedRecorders,
    )

_IDENTIFIER = 31  # characters of a job's name that its messages carry
NO_MONITOR = "No live monitor was recorded."


class Session(Protocol):
    """A recording, or a replay of one."""

    @property
    def messages(self) -> RecordedMessages: ...

    @property
    def jobs(self) -> RecordedJobs: ...

    @property
    def nodes(self) -> RecordedNodes: ...

    @property
    def recorders(self) -> RecordedRecorders: ...

    @property
    def alerts(self) -> RecordedAlerts: ...

    @property
    def monitors(self) -> Mapping[str, RecordedMonitor]: ...

    @property
    def runs(self) -> Mapping[str, RecordedRun]: ...


class Aside:
    """A thread that begins with the first thing to do, for panels without a connection."""

    def __init__(self) -> None:
        self._loop = LoopThread("difxnb recording")
        self.work = Work(self._submit, PAINTER.soon)

    def _submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        self._loop.start()
        return self._loop.submit(coroutine)

    def close(self) -> None:
        """Cancel what is under way, and end the thread."""
        self.work.close()
        self._loop.stop()


def dashboard(session: Session) -> Dashboard:
    """All that a session can show, behind tabs."""
    from difxnb.panels.dashboard import ChoiceModel, ChoicePanel, Dashboard, Tab

    aside = Aside()
    makers: dict[str, Callable[[Session, Work], list[Offer]]] = {"Monitor": _to_watch, "Quality": _to_check}

    def choice(offers: Callable[[Session, Work], list[Offer]]) -> Panel:
        return ChoicePanel(ChoiceModel(lambda: offers(session, aside.work), aside.work, NO_MONITOR), "Job")

    tabs = [
        Tab("Jobs", session.jobs.panel),
        *(Tab(name, partial(choice, offers)) for name, offers in makers.items()),
        Tab("Messages", partial(_messages, session)),
        Tab("Nodes", partial(_nodes, session)),
    ]
    return Dashboard(tabs, ending=aside.close)


def run_dashboard(run: RecordedRun, jobs: RecordedJobs) -> Dashboard:
    """What is known of one run, behind tabs."""
    from difxnb.panels.dashboard import Dashboard, Tab

    aside, monitor = Aside(), run.monitor
    tabs = [Tab("Job", lambda: jobs.panel(run.job[:_IDENTIFIER]))]
    if monitor is not None:
        watched = Tab("Monitor", lambda: monitor_panel(monitor, run))
        tabs = [watched, *tabs, Tab("Quality", lambda: _quality(run.job, monitor, aside.work))]
    return Dashboard(tabs, ending=aside.close)


def monitor_panel(monitor: RecordedMonitor, run: RecordedRun | None = None) -> Panel:
    """What a monitor received, with the weights of its run where that was recorded."""
    from difxnb.panels.monitor import MonitorModel, MonitorPanel

    return MonitorPanel(MonitorModel(monitor, weights=None if run is None else lambda: run.weights))


def _to_watch(session: Session, work: Work) -> list[Offer]:
    from difxnb.panels.dashboard import Offer

    runs = session.runs
    return [
        Offer(name, name, partial(monitor_panel, monitor, runs.get(name)))
        for name, monitor in session.monitors.items()
    ]


def _to_check(session: Session, work: Work) -> list[Offer]:
    from difxnb.panels.dashboard import Offer

    return [
        Offer(name, name, partial(_quality, name, monitor, work))
        for name, monitor in session.monitors.items()
    ]


def _quality(name: str, monitor: RecordedMonitor, work: Work) -> Panel:
    from difxnb.panels.quality import QualityModel, QualityPanel, checked

    def look() -> Checked:
        return checked(monitor.quality())

    return QualityPanel(QualityModel(name, work, lambda: asyncio.to_thread(look)))


def _messages(session: Session) -> Panel:
    from difxnb.panels.messages import AlertsModel, MessagesModel, MessagesPanel

    return MessagesPanel(MessagesModel(session.messages), AlertsModel(session.alerts))


def _nodes(session: Session) -> Panel:
    from difxnb.panels.nodes import NodesModel, NodesPanel, RecordersModel

    return NodesPanel(NodesModel(session.nodes), RecordersModel(session.recorders))
