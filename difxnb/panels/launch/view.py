# SPDX-License-Identifier: GPL-3.0-or-later
"""The launch of a job as widgets: what to press at the top, what it will do under it."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.acting_panel import ActingPanel, news_html, row
from difxnb.panels.bound import Bound, write
from difxnb.panels.files.model import FilesModel
from difxnb.panels.launch import words
from difxnb.panels.launch.findings_view import FindingsView
from difxnb.panels.launch.look import LaunchSnapshot
from difxnb.panels.launch.machines_view import NodesView, SourcesView
from difxnb.panels.launch.model import LaunchModel
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.twin import Twin

_OWN_CHOICE = "as the server finds it"
_LONGEST_RESTART = 10_000_000
_LONGEST_PREVIEW = 10_000
_AUTO: dict[str, Any] = {"description_width": "initial"}


class LaunchPanel(ActingPanel):
    """Launches a job and shows how it runs.

    Parameters
    ----------
    model : LaunchModel
    files : FilesModel, optional
        Jobs that are chosen there are taken here, and those that it lists can be chosen here.
    painter : Painter
    """

    def __init__(
        self, model: LaunchModel, files: FilesModel | None = None, painter: Painter = PAINTER
    ) -> None:
        self.model, self.files = model, files
        self._written: LaunchSnapshot | None = None
        self._make_job()
        self._make_deeds()
        self._make_options()
        self._make_machines()
        self.sources = SourcesView(lambda *a: self._asked(lambda: model.set_datastream(*a)))
        self.facts = widgets.HTML()
        run = [self._deeds, self.ready, self.news, self.progress, self.run, self.findings.box]
        parts = [*self._machines, *self._titled("Data", self.sources.box), *self._titled("Job", self.facts)]
        content = [widgets.HTML(shown.STYLE), self._job, *run, *self._titled("Options", self._options)]
        super().__init__(widgets.VBox([*content, *parts]), painter)
        if files is not None:
            files.on_chosen.append(self._take_choice)

    @staticmethod
    def _titled(title: str, *below: widgets.Widget) -> list[widgets.Widget]:
        return [widgets.HTML(shown.page(shown.heading(title))), *below]

    def _take_choice(self, path: str) -> None:
        self._asked(lambda: self.model.choose(path))

    def _make_job(self) -> None:
        model = self.model
        self.path = widgets.Text(
            description="Job",
            placeholder="/data/exp/exp_1.input",
            continuous_update=False,
            style=_AUTO,
            layout=widgets.Layout(flex="1 1 auto", width="34em", max_width="100%"),
        )
        self._path = Bound(self.path, lambda path: self._asked(lambda: model.choose(path)))
        self.read = self._button("Read job", "Read the job, its machines and its output again", self._read)
        self.listed = widgets.Dropdown(
            description="or one of", options=[("", "")], style=_AUTO, layout=widgets.Layout(max_width="100%")
        )
        self.listed.layout.display = "none"
        self._listed = Bound(self.listed, lambda path: self._asked(lambda: model.choose(path or "")))
        self._job = row(self.path, self.read, self.listed)

    def _read(self) -> None:
        self.model.choose(str(self.path.value))

    def _make_deeds(self) -> None:
        model = self.model
        self.check = self._button(
            "Check", "Look for what speaks against the job; nothing is run", model.check
        )
        self.start_job = self._button(
            "Start", "Write the machines, check the job and start it", model.start, "success"
        )
        self.follow = self._button(
            "Follow", "Show a run that goes on already, or how the last one ended", model.follow
        )
        self.stop_job = self._button("Stop…", "Stop the job; asks to be pressed a second time", model.stop)
        self._deeds = row(self.check, self.start_job, self.follow, self.stop_job)
        self.ready, self.news, self.run = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.progress = widgets.FloatProgress(
            min=0.0, max=1.0, description="0 %", layout=widgets.Layout(width="98%", display="none")
        )
        self.findings = FindingsView(lambda *a: self._asked(lambda: model.waive(*a)))

    def _make_options(self) -> None:
        model = self.model
        self.overwrite = self._box("move output aside", "Output that is there is renamed, never deleted")
        self.monitor = self._box("live monitor", "Watch the visibilities while the job runs")
        self.test = self._box("test nodes first", "Try each node through MPI before the machines are written")
        self.restart = widgets.BoundedIntText(
            value=0,
            min=0,
            max=_LONGEST_RESTART,
            description="begin after (s)",
            tooltip="Seconds of the beginning of the job to leave out",
            style=_AUTO,
            layout=widgets.Layout(width="14em"),
        )
        self.difx_version = widgets.Dropdown(
            description="DiFX version", options=[(_OWN_CHOICE, "")], style=_AUTO
        )
        self._overwrite = Bound(self.overwrite, lambda on: self._asked(lambda: model.set_overwrite(on)))
        self._monitor = Bound(self.monitor, lambda on: self._asked(lambda: model.set_monitor(on)))
        self._test = Bound(self.test, lambda on: self._asked(lambda: model.set_test(on)))
        self._restart = Bound(self.restart, lambda s: self._asked(lambda: model.set_restart_seconds(s)))
        self._version = Bound(self.difx_version, lambda v: self._asked(lambda: model.use_version(v or None)))
        self._options = row(self.overwrite, self.monitor, self.test, self.restart, self.difx_version)

    @staticmethod
    def _box(description: str, tooltip: str) -> widgets.Checkbox:
        layout = widgets.Layout(width="auto", margin="0 0.5em")
        return widgets.Checkbox(description=description, tooltip=tooltip, indent=False, layout=layout)

    def _make_machines(self) -> None:
        model = self.model
        self.head = widgets.Dropdown(description="Head node", options=[("", "")], style=_AUTO)
        self._head = Bound(self.head, lambda name: self._asked(lambda: model.set_head_node(name or "")))
        self.recommend = self._button(
            "Recommend", "Choose idle nodes, and who reads what; forgets what was chosen", model.recommend
        )
        self.as_written = self._button(
            "As in files", "Choose what the machines files of the job hold", model.take_written
        )
        self.new_node = widgets.Text(
            description="Other node",
            placeholder="host name",
            style=_AUTO,
            layout=widgets.Layout(width="18em"),
        )
        self.add_node = self._button("Add", "Add a node of which nothing was heard", self._add_node)
        self.try_nodes = self._button(
            "Test nodes",
            "Start a program on each chosen node through MPI; nothing is written",
            model.test_machines,
        )
        self.write_nodes = self._button(
            "Write machines", "Write .machines and .threads as chosen; a start does that by itself",
            model.write_machines,
        )  # fmt: skip
        self.shows_preview = self._box(
            "show the files", "Show .machines and .threads as they will be written"
        )
        Bound(self.shows_preview, lambda _: self._asked(self._forget))
        self.nodes = NodesView(lambda *a: self._asked(lambda: model.set_threads(*a)))
        self.advice, self.preview = widgets.HTML(), widgets.HTML()
        above = row(self.head, self.recommend, self.as_written)
        below = row(self.new_node, self.add_node, self.try_nodes, self.write_nodes, self.shows_preview)
        self._machines = self._titled(
            "Machines: threads that compute", above, self.advice, self.nodes.box, below, self.preview
        )

    def _add_node(self) -> None:
        self.model.add_node(str(self.new_node.value))

    def _forget(self) -> None:
        self._written = None

    # --- painting -------------------------------------------------------------------------------------

    def _paint(self) -> None:
        self._paint_listed()
        self.model.tend()
        look = self.model.snapshot()
        if look == self._written:
            return
        self._written = look
        self._path.write(look.wanted)
        write(self.facts, value=words.job_html(look))
        self._paint_run(look)
        self._paint_deeds(look)
        self._paint_options(look)
        self._paint_machines(look)

    def _paint_listed(self) -> None:
        if self.files is None:
            return
        jobs = [(printable(r.name), r.path) for r in self.files.snapshot().rows if r.is_job]
        self._listed.write(options=(("choose…", ""), *jobs))
        write(self.listed.layout, display="" if jobs else "none")

    def _paint_run(self, look: LaunchSnapshot) -> None:
        run = look.run
        write(self.ready, value=words.ready_html(look))
        write(self.news, value=news_html(look.said, look.under_way, asks=look.confirming))
        write(self.run, value=words.run_html(run))
        write(self.progress.layout, display="none" if run is None else "")
        if run is not None:
            style = {"good": "success", "bad": "danger", "warn": "warning"}.get(run.tone, "info")
            percent = f"{100 * run.progress:.0f} %"
            write(self.progress, value=run.progress, description=percent, bar_style=style)
        self.findings.paint(look.findings, passed=look.passed)

    def _paint_deeds(self, look: LaunchSnapshot) -> None:
        idle = not look.is_starting and not look.is_stopping
        is_read = look.reading is not None
        write(self.start_job, disabled=bool(look.hindrance) or not idle)
        write(self.check, disabled=not is_read or not look.standing.stands)
        write(self.follow, disabled=not is_read or not look.standing.stands)
        is_over = look.run is not None and look.run.is_over and look.run.outcome != "unknown"
        stoppable = is_read and not look.is_read_only and not look.is_stopping and not is_over
        asking = {"description": "Press again to stop", "button_style": "danger"}
        calm = {"description": "Stop…", "button_style": ""}
        write(self.stop_job, disabled=not stoppable, **(asking if look.confirming else calm))

    def _paint_options(self, look: LaunchSnapshot) -> None:
        options = look.options
        self._overwrite.write(options.overwrite)
        self._monitor.write(options.monitor)
        self._test.write(options.test)
        self._restart.write(options.restart_seconds)
        versions = ((_OWN_CHOICE, ""), *((printable(name), name) for name in look.versions))
        in_use = look.version_in_use if look.version_in_use in look.versions else ""
        self._version.write(in_use, options=versions, disabled=not look.standing.stands)

    def _paint_machines(self, look: LaunchSnapshot) -> None:
        names = tuple(node.name for node in look.nodes)
        self._head.write(look.plan.head_node, options=(("", ""), *((printable(n), n) for n in names)))
        self.nodes.paint(look.nodes)
        self.sources.paint(look.sources, look.plan.datastreams, names)
        write(self.advice, value=words.machines_html(look))
        text = self.model.preview() if self.shows_preview.value else ""
        write(self.preview, value=shown.page(shown.preformatted(text, _LONGEST_PREVIEW)) if text else "")
        can_write = look.reading is not None and not look.is_read_only and look.standing.stands
        write(self.write_nodes, disabled=not can_write)
        write(self.try_nodes, disabled=not can_write)
        write(self.as_written, disabled=look.reading is None or look.reading.placed is None)
        write(self.recommend, disabled=look.reading is None)

    def twin(self) -> Twin:
        """The launch as it last was."""
        return words.twin_of(self.model.snapshot())

    def _let_go(self) -> None:
        if self.files is not None:
            self.files.on_chosen.remove(self._take_choice)
