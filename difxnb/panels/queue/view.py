# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue as widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.acting_panel import ActingPanel, news_html, row
from difxnb.panels.bound import Bound, write
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.queue.model import QueuedJob, QueueModel, QueueSnapshot, ToldLine
from difxnb.panels.shown import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Mark
from difxnb.panels.twin import Twin

MARKS = {
    "waiting": Mark("waiting", "·", GREY),
    "starting": Mark("starting", "…", BLUE),
    "running": Mark("running", "▶", BLUE),
    "retrying": Mark("retrying", "↻", ORANGE),
    "done": Mark("done", "✓", GREEN),
    "done with errors": Mark("done with errors", "!", ORANGE),
    "failed": Mark("failed", "✗", RED),
    "stopped": Mark("stopped", "■", PURPLE),
    "refused": Mark("refused", "✗", ORANGE),
    "removed": Mark("removed", "–", GREY),
    "unknown": Mark("unknown", "?", PURPLE),
}
"""How each state looks; none is told by its colour alone."""

_HEAD = ("position", "job", "state", "priority", "progress", "since (UTC)", "why")
_TOLD_HEAD = ("at (UTC)", "job", "what", "state", "why")
_NOTHING_TOLD = "Nothing has happened yet."
_SHOWN_ROWS, _SHOWN_OVER = 100, 10
_EMPTY = "The queue is empty. A job that is added starts at once where nothing is before it."


class QueuePanel(ActingPanel):
    """Jobs that run one after another: add, put in order, remove, pause; and what became of each.

    Parameters
    ----------
    model : QueueModel
    painter : Painter
    """

    def __init__(self, model: QueueModel, painter: Painter = PAINTER) -> None:
        self.model = model
        self._written: QueueSnapshot | None = None
        self.news, self.table, self.told = widgets.HTML(), widgets.HTML(), widgets.HTML()
        parts = [widgets.HTML(shown.STYLE), self._make_adding(), self._make_list(), self.news]
        super().__init__(widgets.VBox([*parts, self.table, self.history, self.told]), painter)

    def _make_adding(self) -> widgets.Widget:
        model = self.model
        self.path = widgets.Text(
            description="Add",
            placeholder="/data/exp/exp_1.input",
            layout=widgets.Layout(flex="1 1 auto", width="24em", max_width="100%"),
        )
        self.overwrite = _checkbox("move existing output aside")
        self.watch = _checkbox("watch live")
        self.priority = widgets.BoundedIntText(
            description="Priority", min=-1000, max=1000, layout=widgets.Layout(width="11em")
        )
        self._priority = Bound(self.priority, model.set_priority)
        self._path = Bound(self.path, model.set_path)
        self._overwrite = Bound(self.overwrite, model.set_overwrite)
        self._watch = Bound(self.watch, model.set_watch)
        self.add = self._button(
            "Add to queue",
            "Put this job behind those of its priority",
            model.add,
            "primary",
        )
        return row(self.path, self.priority, self.overwrite, self.watch, self.add)

    def _make_list(self) -> widgets.Widget:
        model = self.model
        self.jobs = widgets.Select(
            description="Job", options=[], rows=5, layout=widgets.Layout(width="28em", max_width="100%")
        )
        self._jobs = Bound(self.jobs, lambda path: self._asked(lambda: model.choose(path or "")))
        self.first = self._button("First", "Make the chosen job the next", lambda: model.move(-(10**6)))
        self.earlier = self._button("Earlier", "Move the chosen job a place forward", lambda: model.move(-1))
        self.later = self._button("Later", "Move the chosen job a place back", lambda: model.move(1))
        self.higher = self._button("Priority +", "Let the chosen job go before others", self._raise)
        self.lower = self._button("Priority −", "Let others go before the chosen job", self._lower)
        self.retry = self._button("Try again", "Put the chosen job into the line again", model.retry)
        self.remove = self._button("Remove", "Take the chosen job out of the queue", model.remove)
        self.clear = self._button("Clear ended", "Remove all jobs that are over", model.clear)
        self.pause = self._button("Pause", "Start nothing more; what runs goes on", self._pause)
        self.history = _checkbox("what happened")
        self._history = Bound(self.history, lambda shown: self._asked(lambda: model.show_history(shown)))
        order = (self.first, self.earlier, self.later, self.higher, self.lower)
        return row(self.jobs, row(*order, self.retry, self.remove, self.clear, self.pause))

    def _raise(self) -> None:
        self.model.change_priority(1)

    def _lower(self) -> None:
        self.model.change_priority(-1)

    def _pause(self) -> None:
        if self.model.snapshot().why_paused:
            self.model.resume()
        else:
            self.model.pause()

    def _paint(self) -> None:
        look = self.model.snapshot()
        if look == self._written:
            return
        self._path.write(look.path)
        self._overwrite.write(look.overwrite)
        self._watch.write(look.watch)
        self._priority.write(look.priority)
        self._history.write(look.history is not None)
        self._paint_list(look)
        self._paint_buttons(look)
        write(self.news, value=news_html(look.said, look.under_way))
        write(self.table, value=table_html(look))
        write(self.told, value=told_html(look))
        self._written = look

    def _paint_list(self, look: QueueSnapshot) -> None:
        options = tuple((label(line), line.input_file) for line in look.rows)
        chosen = look.chosen if look.chosen_row is not None else None
        self._jobs.write(chosen, options=options)

    def _paint_buttons(self, look: QueueSnapshot) -> None:
        line = look.chosen_row
        waits = line is not None and bool(line.position)
        write(self.first, disabled=not waits)
        write(self.earlier, disabled=not waits)
        write(self.later, disabled=not waits)
        write(self.higher, disabled=not waits)
        write(self.lower, disabled=not waits)
        write(self.retry, disabled=line is None or not line.may_be_tried_again)
        write(self.remove, disabled=line is None or line.position == 0)
        write(self.clear, disabled=not look.over)
        paused: dict[str, Any] = {"description": "Resume", "tooltip": "Go on with the next job"}
        going: dict[str, Any] = {"description": "Pause", "tooltip": "Start nothing more; what runs goes on"}
        write(self.pause, **(paused if look.why_paused else going))

    def twin(self) -> Twin:
        """The queue as it last was."""
        look = self.model.snapshot()
        lines = [label(line) + (f": {line.why}" if line.why else "") for line in most_telling(look.rows)]
        return Twin("\n".join([headline(look), *lines]), shown.STYLE + table_html(look))


def _checkbox(description: str) -> widgets.Checkbox:
    return widgets.Checkbox(description=description, indent=False, layout=widgets.Layout(width="auto"))


def label(line: QueuedJob) -> str:
    """One job in a line of plain text, which changes seldom."""
    place = "–" if line.position is None else "now" if line.position == 0 else f"{line.position}."
    return printable(f"{place} {line.job} ({line.state})")


def most_telling(rows: Sequence[QueuedJob]) -> list[QueuedJob]:
    """As many jobs as there is room for, in their order; rather those to come, and of those that are over the last."""
    over = [index for index, row in enumerate(rows) if row.position is None]
    room = _SHOWN_ROWS - min(len(over), _SHOWN_OVER)
    kept = [index for index, row in enumerate(rows) if row.position is not None][:room]
    kept += over[-(_SHOWN_ROWS - len(kept)) :]
    return [rows[index] for index in sorted(kept)]


def headline(look: QueueSnapshot) -> str:
    """The whole queue in a sentence."""
    under_way = sum(line.position == 0 for line in look.rows)
    counts = f"Queue: {under_way} under way, {look.waiting} waiting, {len(look.over)} over"
    paused = f"; paused: {look.why_paused}" if look.why_paused else ""
    return f"{counts}{paused}{f'; suspended: {look.why_suspended}' if look.why_suspended else ''}"


def table_html(look: QueueSnapshot) -> str:
    """All jobs as a table, under what is said of the whole."""
    cells = [_cells(line) for line in most_telling(look.rows)]
    more = len(look.rows) - len(cells) + look.dropped
    return shown.table(_HEAD, cells, headline(look), empty=_EMPTY) + shown.said(shown.left_out(more, "jobs"))


def told_html(look: QueueSnapshot) -> str:
    """What happened, as a table; nothing where it is not shown."""
    if look.history is None:
        return ""
    cells = [_told_cells(line) for line in look.history]
    return shown.table(_TOLD_HEAD, cells, "What happened, the latest first", empty=_NOTHING_TOLD)


def _told_cells(line: ToldLine) -> tuple[str, ...]:
    state = shown.badge(MARKS[line.state]) if line.state in MARKS else ""
    return (
        line.at,
        shown.safe(line.job or "the queue"),
        shown.safe(line.what),
        state,
        shown.safe(line.why, 500),
    )


def _cells(line: QueuedJob) -> tuple[str, ...]:
    place = "" if line.position is None else "now" if line.position == 0 else str(line.position)
    name = f'<span title="{shown.safe(line.input_file)}">{shown.safe(line.job)}</span>'
    priority = str(line.priority) if line.priority else ""
    bar = shown.bar(line.progress) if line.state not in ("waiting", "refused") else ""
    return place, name, shown.badge(MARKS[line.state]), priority, bar, line.since, shown.safe(line.why, 500)
