# SPDX-License-Identifier: GPL-3.0-or-later
"""The live tables as a cell holds them: those of :mod:`difxnb.aio`, each with a panel that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.aio import heard
    from difxnb.notebook.correlator import Correlator
    from difxnb.panels.jobs import JobsPanel
    from difxnb.panels.messages import AlertsPanel
    from difxnb.panels.nodes import NodesPanel
    from difxnb.tables import AlertTable, NodeTable, RecorderTable


class Jobs:
    """Every job that was heard of, ours or not, by its messages. Looking at it never waits."""

    def __init__(self, inner: heard.Jobs, difx: Correlator) -> None:
        self._inner, self._difx = inner, difx

    @property
    def version(self) -> int:
        """Moves with every message of a job."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Jobs that fell out of the table."""
        return self._inner.dropped

    def __len__(self) -> int:
        return len(self._inner)

    def frame(self) -> pd.DataFrame:
        """One row per job; see :meth:`difxnb.tables.JobTable.frame`."""
        return self._inner.frame()

    def events(self, job: str) -> pd.DataFrame:
        """State changes, warnings and errors of a job; KeyError where nothing was heard of it."""
        return self._inner.events(job)

    def version_of(self, job: str) -> str:
        """Version of mpifxcorr that a job last said it runs with; empty where it has not been heard."""
        return self._inner.version_of(job)

    def is_running(self, job: str) -> bool:
        """Whether a job was heard of and has not said that it is over."""
        return self._inner.is_running(job)

    def latest_weights(self, job: str) -> dict[str, float]:
        """Weight of each antenna in the last integration that a job told of; KeyError where nothing was heard of it."""
        return self._inner.latest_weights(job)

    def weights_table(self, job: str) -> pd.DataFrame:
        """Weights as rows; see :meth:`difxnb.tables.JobTable.weights`. KeyError where nothing was heard of it."""
        return self._inner.weights_table(job)

    def weights(self, job: str) -> xr.DataArray:
        """Weights of the latest run of a job, (time, antenna), 0 to 1; KeyError where nothing was heard of it.

        Antennas have names where the ``.input`` file of the job has been read here, numbers of datastreams otherwise.
        """
        return self._inner.weights(job)

    def panel(self, job: str = "") -> JobsPanel:
        """A browser of jobs: a tree of experiments, passes and jobs, with what became of each.

        Parameters
        ----------
        job : str
            Only this one, with its details; all by default.
        """
        from difxnb.panels.jobs import JobsModel, JobsPanel

        model = JobsModel(self, self._difx._panels.work, self._difx._inner.job_status)
        if job:
            model.only(job)
            model.choose(job)
        return self._difx._panels.add(JobsPanel(model))

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()


class Nodes:
    """Every host that reports its load, or on which a process of a job spoke. Looking at it never waits."""

    def __init__(self, inner: NodeTable, difx: Correlator) -> None:
        self._inner, self._difx = inner, difx

    @property
    def version(self) -> int:
        """Moves with every message of a host."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Hosts that fell out."""
        return self._inner.dropped

    @property
    def dropped_history(self) -> int:
        """Load reports that fell out."""
        return self._inner.dropped_history

    @property
    def duplicates(self) -> int:
        """Load reports that came again, and are no sign of life."""
        return self._inner.duplicates

    def __len__(self) -> int:
        return len(self._inner)

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per host, by name; see :meth:`difxnb.tables.NodeTable.frame`."""
        return self._inner.frame(now)

    def history(self, node: str | None = None) -> pd.DataFrame:
        """Load reports, oldest first; see :meth:`difxnb.tables.NodeTable.history`. KeyError of a host not heard of."""
        return self._inner.history(node)

    def panel(self) -> NodesPanel:
        """Hosts with their loads, memory, network and ages."""
        from difxnb.panels.nodes import NodesModel, NodesPanel

        return self._difx._panels.add(NodesPanel(NodesModel(self)))

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()


class Recorders:
    """Every Mark5 and Mark6 unit that was heard of. Looking at it never waits."""

    def __init__(self, inner: RecorderTable, difx: Correlator) -> None:
        self._inner, self._difx = inner, difx

    @property
    def version(self) -> int:
        """Moves with every message of a unit."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Units that fell out."""
        return self._inner.dropped

    @property
    def dropped_smart(self) -> int:
        """Health values of disks that fell out."""
        return self._inner.dropped_smart

    @property
    def dropped_drives(self) -> int:
        """Statistics of drives that fell out."""
        return self._inner.dropped_drives

    def __len__(self) -> int:
        return len(self._inner)

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per unit, by name; see :meth:`difxnb.tables.RecorderTable.frame`."""
        return self._inner.frame(now)

    def modules(self, recorder: str | None = None) -> pd.DataFrame:
        """One row per bank or slot; see :meth:`difxnb.tables.RecorderTable.modules`. KeyError of one not heard of."""
        return self._inner.modules(recorder)

    def smart(self, vsn: str | None = None) -> pd.DataFrame:
        """Health of disks, one row per value, oldest first; see :meth:`difxnb.tables.RecorderTable.smart`."""
        return self._inner.smart(vsn)

    def drive_statistics(self, vsn: str | None = None) -> pd.DataFrame:
        """Statistics of drives; see :meth:`difxnb.tables.RecorderTable.drive_statistics`."""
        return self._inner.drive_statistics(vsn)

    def versions(self) -> pd.DataFrame:
        """Versions of software and hardware; see :meth:`difxnb.tables.RecorderTable.versions`."""
        return self._inner.versions()

    def panel(self) -> NodesPanel:
        """Recorders with their states, modules and ages, and disks that are not well."""
        from difxnb.panels.nodes import NodesPanel, RecordersModel

        return self._difx._panels.add(NodesPanel(recorders=RecordersModel(self)))

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()


class Alerts:
    """Every trouble that was told of, once, with its cause in plain language. Looking at it never waits."""

    def __init__(self, inner: AlertTable, difx: Correlator) -> None:
        self._inner, self._difx = inner, difx

    @property
    def version(self) -> int:
        """Moves with every alert."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Rows that fell out."""
        return self._inner.dropped

    @property
    def duplicates(self) -> int:
        """Messages that came again, and were passed over."""
        return self._inner.duplicates

    def __len__(self) -> int:
        return len(self._inner)

    def frame(
        self, severity: str | int | None = "warning", job: str | None = None, since: object = None
    ) -> pd.DataFrame:
        """One row per trouble, the worst first; see :meth:`difxnb.tables.AlertTable.frame`."""
        return self._inner.frame(severity, job, since)

    def panel(self) -> AlertsPanel:
        """Troubles as a table, the worst first."""
        from difxnb.panels.messages import AlertsModel, AlertsPanel

        return self._difx._panels.add(AlertsPanel(AlertsModel(self)))

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return self._inner._repr_html_()
