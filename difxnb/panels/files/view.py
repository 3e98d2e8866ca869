# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the server as widgets."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from difxnb.panels import shown
from difxnb.panels.acting_panel import ActingPanel, news_html, row
from difxnb.panels.bound import Bound, write
from difxnb.panels.files.listing import ORDERS, labels_of
from difxnb.panels.files.model import HEAD_LETTERS, FilesModel, FilesSnapshot
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.twin import Twin

_TWIN_ROWS = 60


def _text(description: str, placeholder: str, width: str) -> widgets.Text:
    return widgets.Text(
        description=description,
        placeholder=placeholder,
        continuous_update=False,
        style={"description_width": "initial"},
        layout=widgets.Layout(flex="1 1 auto", width=width, max_width="100%"),
    )


class FilesPanel(ActingPanel):
    """Browses files on the server, and chooses jobs.

    Parameters
    ----------
    model : FilesModel
    painter : Painter
    """

    def __init__(self, model: FilesModel, painter: Painter = PAINTER) -> None:
        self.model = model
        self._written: FilesSnapshot | None = None
        self._lines: tuple[tuple[str, str], ...] = ()
        self._make_where()
        self._make_list()
        self._make_deeds()
        self.news, self.head = widgets.HTML(), widgets.HTML()
        parts = [widgets.HTML(shown.STYLE), self._where, self._filters, self.list, self.counts]
        super().__init__(
            widgets.VBox([*parts, self._deeds, self.news, self._changes, self.close_text, self.head]), painter
        )

    def _make_where(self) -> None:
        model = self.model
        self.path = _text("Directory", "/data/exp, or a pattern: /data/exp/*.input", "30em")
        self._path = Bound(self.path, lambda path: self._asked(lambda: model.go(path)))
        self.up = self._button("Up", "The directory above", model.up)
        self.refresh = self._button("Refresh", "List again", model.refresh)
        self._where = row(self.path, self.up, self.refresh)

    def _make_list(self) -> None:
        model = self.model
        self.filter = _text("Filter", "part of a name, or *.input", "14em")
        self.filter.continuous_update = True
        self.jobs_only = widgets.Checkbox(
            description="only jobs (.input)", indent=False, layout=widgets.Layout(width="auto")
        )
        self.order = widgets.Dropdown(
            description="Order", options=list(ORDERS), layout=widgets.Layout(width="16em", max_width="100%")
        )
        self._filter = Bound(self.filter, lambda text: self._asked(lambda: model.set_filter(text)))
        self._jobs_only = Bound(self.jobs_only, lambda on: self._asked(lambda: model.set_jobs_only(on)))
        self._order = Bound(self.order, lambda name: self._asked(lambda: model.set_order(name)))
        self._filters = row(self.filter, self.jobs_only, self.order)
        self.list = widgets.Select(options=[], rows=12, layout=widgets.Layout(width="98%"))
        self.list.add_class("difxnb-mono")
        self._list = Bound(self.list, self._select)
        self.counts = widgets.HTML()

    def _select(self, path: str | None) -> None:
        self._asked(lambda: self.model.select(path or ""))

    def _make_deeds(self) -> None:
        model = self.model
        self.open = self._button(
            "Open",
            "Go into the directory, take the .input as job, or read the text that is chosen",
            model.open,
        )
        self.use = self._button(
            "Use as job", "Take the chosen .input for the launch", model.choose, "primary"
        )
        self.read = self._button("Read", "Show the beginning of the chosen text", model.read)
        self.delete = self._button(
            "Delete…", "Remove what is chosen; asks to be pressed a second time", model.delete
        )
        self._deeds = row(self.open, self.use, self.read, self.delete)
        self.new_name = _text("New directory", "name", "14em")
        self.mkdir = self._button("Make", "Make the new directory here", self._mkdir)
        self.local = _text("On this computer", "file or directory", "18em")
        self.local.value = "."
        self.download = self._button(
            "Download",
            "Fetch what is chosen; nothing is overwritten",
            lambda: model.download(local=self._here),
        )
        self.upload = self._button(
            "Upload",
            "Send the file or directory of this computer to here; nothing is overwritten",
            lambda: model.upload(self._here),
        )
        self._changes = row(self.new_name, self.mkdir, self.local, self.download, self.upload)
        self.close_text = self._button("Close text", "Show the text no more", model.close_text)
        self.close_text.layout.display = "none"

    @property
    def _here(self) -> str:
        return str(self.local.value)

    def _mkdir(self) -> None:
        self.model.mkdir(str(self.new_name.value))

    def _paint(self) -> None:
        self.model.begin()
        look = self.model.snapshot()
        if look == self._written:
            return
        self._paint_list(look)
        write(self.news, value=news_html(look.said, look.under_way, asks=bool(look.confirming)))
        write(self.counts, value=shown.page(shown.quiet(look.counts)))
        write(self.head, value=head_html(look))
        write(self.close_text.layout, display="" if look.read_path else "none")
        self._paint_deeds(look)
        self._written = look

    def _paint_list(self, look: FilesSnapshot) -> None:
        self._path.write(look.path)
        self._filter.write(look.filter)
        self._jobs_only.write(look.jobs_only)
        self._order.write(look.order)
        self._list.write(look.selected if look.selected_row else None, options=self._labels(look))

    def _labels(self, look: FilesSnapshot) -> tuple[tuple[str, str], ...]:
        """The lines of the list; worked out once, for there may be many."""
        if self._written is None or self._written.rows != look.rows:
            self._lines = tuple(labels_of(list(look.rows)))
        return self._lines

    def _paint_deeds(self, look: FilesSnapshot) -> None:
        chosen = look.selected_row
        write(self.open, disabled=chosen is None)
        write(self.use, disabled=chosen is None or not chosen.is_job)
        write(self.read, disabled=chosen is None or chosen.is_directory)
        write(self.download, disabled=chosen is None)
        asks = bool(look.confirming)
        words: dict[str, Any] = {"description": "Delete…", "button_style": ""}
        if asks:
            words = {"description": "Press again to delete for good", "button_style": "danger"}
        write(self.delete, disabled=chosen is None, **words)

    def twin(self) -> Twin:
        """The list as it last was, and the text that was read."""
        look = self.model.snapshot()
        text = "\n".join([look.counts, *(row.path for row in look.rows[:_TWIN_ROWS])])
        return Twin(text, shown.STYLE + twin_html(look))


def head_html(look: FilesSnapshot) -> str:
    """The text that was read, or nothing."""
    if not look.read_path:
        return ""
    body = shown.preformatted(look.read_text, HEAD_LETTERS) if look.read_text else ""
    return shown.page(shown.quiet(f"{look.read_path} ({look.read_note})"), body)


def twin_html(look: FilesSnapshot) -> str:
    """The list as a table."""
    listed = look.rows[:_TWIN_ROWS]
    more = len(look.rows) - len(listed)
    rows = [
        (row.name, row.type, "" if row.is_directory else shown.size_words(row.size), row.date)
        for row in listed
    ]
    return shown.page(
        shown.quiet(look.counts),
        shown.table(("name", "type", "size", "changed (UTC)"), shown.texts(rows)),
        shown.quiet(f"and {more} more" if more else ""),
        head_html(look),
    )
