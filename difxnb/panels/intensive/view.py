# SPDX-License-Identifier: GPL-3.0-or-later
"""Unattended sessions as widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.acting_panel import ActingPanel, news_html, row
from difxnb.panels.bound import Bound, write
from difxnb.panels.intensive import markup
from difxnb.panels.intensive.look import Standing
from difxnb.panels.intensive.model import ANEW, STOP, IntensiveModel
from difxnb.panels.intensive.snapshot import IntensiveSnapshot
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.twin import Twin

_NONE = ("–", "")


class IntensivePanel(ActingPanel):
    """Sessions that run by themselves: look at a recipe, begin, follow, stop, take up again, read the report.

    Parameters
    ----------
    model : IntensiveModel
    painter : Painter
    """

    def __init__(self, model: IntensiveModel, painter: Painter = PAINTER) -> None:
        self.model = model
        self._written: IntensiveSnapshot | None = None
        self._told_end = ""
        self.news, self.standing, self.steps = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.decisions, self.detail = widgets.HTML(), widgets.HTML()
        self.recipe, self.report = widgets.HTML(), widgets.HTML()
        style = widgets.HTML(shown.STYLE + markup.STYLE)
        controls = [style, self._make_planning(), self._make_acting(), self.news]
        seen = [self.standing, self.steps, self.decisions]
        more = [self._make_opening(), self.detail, self.recipe, self.report]
        super().__init__(widgets.VBox([*controls, *seen, *more]), painter)

    def _make_planning(self) -> widgets.Widget:
        model = self.model
        self.path = widgets.Combobox(
            ensure_option=False,
            description="Recipe",
            placeholder="daily.toml, on this machine",
            layout=widgets.Layout(flex="1 1 auto", width="24em", max_width="100%"),
        )
        self.code = widgets.Combobox(
            ensure_option=False,
            description="Session",
            placeholder="name of the recipe and day",
            layout=widgets.Layout(width="22em", max_width="100%"),
        )
        self._path, self._code = Bound(self.path, model.set_path), Bound(self.code, model.set_code)
        words = "Look what would be done, and do nothing"
        self.plan = self._button("Dry run", words, model.plan)
        return self.plan if model.is_bound else row(self.path, self.code, self.plan)

    def _make_acting(self) -> widgets.Widget:
        model = self.model
        self.chosen = widgets.Dropdown(
            description="Shown", options=[_NONE], layout=widgets.Layout(width="28em", max_width="100%")
        )
        self._chosen = Bound(self.chosen, lambda key: self._asked(lambda: model.choose(key or "")))
        self.begin = self._button("Start", "Begin what the dry run shows", model.start, "primary")
        self.stop = self._button("Stop…", "Do no further step; jobs that run go on", model.stop)
        self.resume = self._button("Resume", "Take it up where it was", model.resume)
        words = "Do all steps again, with jobs of other names; what was made stays"
        self.anew = self._button("Begin anew…", words, model.begin_anew)
        buttons = (self.begin, self.stop, self.resume, self.anew)
        return row(*buttons) if model.is_bound else row(self.chosen, *buttons)

    def _make_opening(self) -> widgets.Widget:
        model = self.model
        narrow = widgets.Layout(width="18em", max_width="100%")
        self.step = widgets.Dropdown(description="Step", options=[_NONE], layout=narrow)
        self._step = Bound(self.step, lambda step: self._asked(lambda: model.show_step(step or "")))
        self.files = widgets.Dropdown(
            description="Report", options=[_NONE], layout=widgets.Layout(width="24em", max_width="100%")
        )
        self._files = Bound(self.files, lambda path: self._asked(lambda: model.choose_report(path or "")))
        self.open = self._button("Open", "Show this report below", model.open_report)
        self.close_report = self._button("Close report", "Show it no more", model.close_report)
        self.shows_recipe = widgets.Checkbox(
            description="recipe", indent=False, layout=widgets.Layout(width="auto")
        )
        self._shows_recipe = Bound(
            self.shows_recipe, lambda shows: self._asked(lambda: model.show_recipe(shows))
        )
        return row(self.shows_recipe, self.step, self.files, self.open, self.close_report)

    def _paint(self) -> None:
        look = self.model.snapshot()
        if look == self._written:
            return
        self._path.write(look.path, options=look.recipes)
        self._code.write(look.code, options=look.codes)
        self._shows_recipe.write(look.recipe is not None)
        self._paint_lists(look)
        self._paint_buttons(look)
        write(self.news, value=news_html(look.said, look.under_way, asks=bool(look.asks)))
        write(self.standing, value=markup.standing_html(look.standing))
        write(self.steps, value=markup.steps_html(look.standing))
        write(self.decisions, value=markup.decisions_html(look.standing))
        self._paint_opened(look, self._written)
        self._written = look
        self._tell_end(look.standing)

    def _paint_lists(self, look: IntensiveSnapshot) -> None:
        choices = tuple((markup.label(one), one.key) for one in look.choices) or (_NONE,)
        self._chosen.write(look.chosen, options=choices)
        standing = look.standing
        names = () if standing is None else tuple((printable(one.step), one.step) for one in standing.steps)
        step = look.detail.step if look.detail is not None else ""
        self._step.write(step, options=(_NONE, *names))
        reports = () if standing is None else standing.reports
        files = tuple((printable(Path(one).name[:200]), one) for one in reports) or (_NONE,)
        self._files.write(look.report, options=files)

    def _paint_buttons(self, look: IntensiveSnapshot) -> None:
        standing = look.standing
        write(self.begin, disabled=standing is None or not standing.is_planned)
        goes = standing is not None and standing.running
        rests = standing is not None and standing.rests
        done = standing is not None and standing.state == "done"
        write(self.stop, disabled=not goes, **_asking("stop", look.asks == STOP))
        write(self.resume, disabled=not rests or done)
        write(self.anew, disabled=not rests, **_asking("begin anew", look.asks == ANEW))
        write(self.open, disabled=not look.report)
        write(self.close_report, disabled=look.opened is None)
        hidden: dict[str, Any] = {"display": "none" if self._plans_nothing(standing) else ""}
        write(self.plan.layout, **hidden)

    def _plans_nothing(self, standing: Standing | None) -> bool:
        return self.model.is_bound and (standing is None or not standing.is_planned)

    def _paint_opened(self, look: IntensiveSnapshot, before: IntensiveSnapshot | None) -> None:
        """What was opened; it may be large, and is written only where it is another."""
        if before is None or before.detail != look.detail:
            write(self.detail, value=markup.detail_html(look.detail))
        if before is None or before.recipe != look.recipe:
            write(self.recipe, value=markup.recipe_html(look.recipe))
        if before is None or before.opened != look.opened:
            write(self.report, value=markup.report_html(look.opened))

    def _tell_end(self, standing: Standing | None) -> None:
        """Leave the end of a session in the notebook at once."""
        end = standing.state if standing is not None and standing.is_over else ""
        if end != self._told_end:
            self._told_end = end
            self.write_twin()

    def twin(self) -> Twin:
        """The session as it last was."""
        standing = self.model.snapshot().standing
        html = markup.standing_html(standing) + markup.steps_html(standing) + markup.decisions_html(standing)
        text = "\n".join(markup.plain_lines(standing))
        if standing is not None and standing.running:  # whoever reads it later may not take it for now
            at = f"as it was at {self.model.now()} UTC"
            html, text = shown.quiet(at) + html, f"{text}\n{at}"
        return Twin(text, shown.STYLE + markup.STYLE + html)


def _asking(deed: str, asks: bool) -> dict[str, Any]:
    """How a button looks that has to be pressed twice."""
    if asks:
        return {"description": f"Press again to {deed}", "button_style": "danger"}
    return {"description": f"{deed.capitalize()}…", "button_style": ""}
