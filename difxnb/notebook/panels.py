# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of one correlator: what each of them is handed, and that they end before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from difxnb.panels.painter import PAINTER
from difxnb.panels.work import Work

if TYPE_CHECKING:
    from difxnb.client.blocking import LoopThread
    from difxnb.notebook.correlator import Correlator
    from difxnb.panels import Panel
    from difxnb.panels.dashboard import Dashboard, Tab
    from difxnb.panels.jobs import JobsPanel

P = TypeVar("P", bound="Panel")


class OpenPanels:
    """The panels of a correlator that were made and are not closed.

    They hold the correlator, and it does not hold them: what nobody shows or keeps is forgotten.
    """

    def __init__(self, loop: LoopThread) -> None:
        self.work = Work(loop.submit, PAINTER.soon)
        self._panels: WeakSet[Panel] = WeakSet()

    def add(self, panel: P) -> P:
        """Have a panel closed with the rest."""
        self._panels.add(panel)
        return panel

    def close(self) -> None:
        """Close them all, and cancel what they asked for."""
        for panel in list(self._panels):
            panel.close()
        self.work.close()


def dashboard(correlator: Correlator) -> Dashboard:
    """All panels of a correlator behind tabs."""
    from difxnb.panels.dashboard import Dashboard

    return Dashboard(_tabs(correlator))


def _tabs(correlator: Correlator) -> list[Tab]:
    from difxnb.panels.dashboard import Tab

    return [Tab("Jobs", lambda: jobs_panel(correlator))]


def jobs_panel(correlator: Correlator) -> JobsPanel:
    """A browser of all jobs that are heard of, and that the server knows."""
    from difxnb.panels.jobs import JobsModel, JobsPanel

    inner, work = correlator._inner, correlator._panels.work
    return JobsPanel(JobsModel(inner.jobs, work, inner.job_status))
