# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards of a correlator, a job and a run: which tabs there are, and how they know of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.panels.dashboard import ChoiceModel, ChoicePanel, Dashboard, DashboardModel, Offer, Tab

if TYPE_CHECKING:
    from difxnb.notebook.correlator import Correlator
    from difxnb.notebook.watching import Watched
    from difxnb.panels import Panel
    from difxnb.panels.files import FilesModel
    from difxnb.panels.launch import LaunchModel

NO_MONITOR = (
    "No job is watched. Start one with its monitor on, or choose one that runs, as soon as there is one."
)
NO_QUALITY = "No job was heard of that is over or watched: there is nothing to check yet."


class Tabs:
    """The tabs of one dashboard. Each panel is made when it is opened; they share models.

    Parameters
    ----------
    difx : Correlator
    """

    def __init__(self, difx: Correlator) -> None:
        self._difx, self._inner, self._work = difx, difx._inner, difx._panels.work
        self._made_watched: Watched | None = None
        self._made_files: FilesModel | None = None
        self.monitors = ChoiceModel(lambda: self.watched.to_watch(), self._work, NO_MONITOR)
        self._model: DashboardModel | None = None

    @property
    def watched(self) -> Watched:
        """The monitors of the connection; they need much that takes long to load, and wait for the tab to be opened."""
        from difxnb.notebook.watching import Watched

        if self._made_watched is None:
            self._made_watched = Watched(self._difx)
        return self._made_watched

    def of_correlator(self) -> Dashboard:
        """Everything."""
        return self._dashboard(
            {
                "Connection": self._connection,
                "Files": self._files,
                "Launch": self.launch,
                "Jobs": self._difx.jobs.panel,
                "Monitor": self.monitor,
                "Quality": self.quality,
                "Messages": self._difx.messages.panel,
                "Nodes": self._nodes,
                "Queue": self._difx.queue.panel,
                "Intensive": self._intensive,
            }
        )

    def of_job(self, input_file: str) -> Dashboard:
        """What concerns one job: launch, watch, check."""
        self.monitors.choose(input_file)
        return self._dashboard(
            {
                "Launch": lambda: self.launch(input_file),
                "Monitor": self.monitor,
                "Quality": lambda: self.watched.written_quality(input_file),
            }
        )

    def of_run(self, run: aio.JobRun) -> Dashboard:
        """What concerns a run: how it goes, what its monitor receives, and whether it is fine."""
        monitor = run.monitor
        tabs: dict[str, Callable[[], Panel]] = {
            "Job": lambda: self._difx.jobs.panel(run.job.identifier),
            "Quality": lambda: self.watched.written_quality(run.job.input_file),
        }
        if monitor is not None:
            watched = {"Monitor": lambda: self.watched.panel_of(monitor), "Job": tabs["Job"]}
            tabs = {**watched, "Quality": lambda: self.watched.live_quality(monitor)}
        return self._dashboard(tabs)

    def _dashboard(self, makers: dict[str, Callable[[], Panel]]) -> Dashboard:
        self._model = DashboardModel([*makers])
        return Dashboard([Tab(name, make) for name, make in makers.items()], self._model)

    def _connection(self) -> Panel:
        from difxnb.panels.connection import ConnectionModel, ConnectionPanel

        return ConnectionPanel(ConnectionModel(self._inner, self._work))

    def _files(self) -> Panel:
        from difxnb.panels.files import FilesPanel

        return FilesPanel(self._files_model)

    @property
    def _files_model(self) -> FilesModel:
        """Of one directory for the tabs of files and of the launch."""
        from difxnb.panels.files import FilesModel

        if self._made_files is None:
            self._made_files = FilesModel(self._inner, self._work, self._difx._home)
        return self._made_files

    def launch(self, input_file: str = "") -> Panel:
        """The launch panel, with a job chosen where one is named; what it starts is told to the monitor's tab."""
        from difxnb.panels.launch import LaunchModel, LaunchPanel

        model: LaunchModel = LaunchModel(self._inner, self._work)
        model.on_started.append(self._follow)
        if input_file:
            model.choose(input_file)
        return LaunchPanel(model, files=self._files_model)

    def _follow(self, run: aio.JobRun) -> None:
        if self._model is not None and run.monitor is not None:
            self.monitors.choose(run.job.input_file)
            self._model.tell(f"{run.job.name} was started, and is watched.", "Monitor")

    def monitor(self) -> Panel:
        """Monitors to choose from."""
        return ChoicePanel(self.monitors, "Job")

    def quality(self) -> Panel:
        """Jobs to choose from, for their quality."""
        return ChoicePanel(ChoiceModel(self._to_check, self._work, NO_QUALITY), "Job")

    def _to_check(self) -> Sequence[Offer]:
        return self.watched.to_check()

    def _intensive(self) -> Panel:
        from difxnb.panels.intensive import IntensiveModel, IntensivePanel

        return IntensivePanel(IntensiveModel(self._difx._sessions, self._work))

    def _nodes(self) -> Panel:
        from difxnb.panels.nodes import NodesModel, NodesPanel, RecordersModel

        return NodesPanel(NodesModel(self._difx.nodes), RecordersModel(self._difx.recorders))
