# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a queue that is being run: its jobs, and why nothing is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from difxnb.cli.busy_look import bar
from difxnb.cli.fitted import fitted_table

if TYPE_CHECKING:
    from difxnb.queue import QueueEntry

_STEP = 10  # per cent between two lines
_FRAME_ROWS = 4  # of a table, and the line below it
_HEADS = ("job", "state", "progress", "why")


@dataclass(frozen=True)
class QueueLook:
    """What is known of a queue at one moment; see `cli.live.Look`.

    Attributes
    ----------
    entries : tuple of QueueEntry
        In the order of the queue.
    paused, suspended : str
        Why nothing is started until somebody says so, or for the moment; empty where that is not so.
    """

    entries: tuple[QueueEntry, ...]
    paused: str
    suspended: str

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, and nothing will be started by itself."""
        if any(one.state.is_under_way for one in self.entries):
            return False
        return bool(self.paused) or all(one.state.is_over for one in self.entries)

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it for a terminal: what is not over, and of the others as many of the last as there is room for."""
        room = len(self.entries) if height is None else max(1, height - _FRAME_ROWS)
        shown = self.entries if len(self.entries) <= room else self._latest(room)
        rows = [(one.job, str(one.state), bar(one.progress), one.why) for one in shown]
        return fitted_table(_HEADS, rows, width, self._held)

    def _latest(self, room: int) -> tuple[QueueEntry, ...]:
        ahead = [place for place, one in enumerate(self.entries) if not one.state.is_over]
        begin = max(0, min([*ahead, len(self.entries) - room]))
        return self.entries[begin : begin + room]

    def lines(self) -> Mapping[str, str]:
        """Say it in lines: one for each state of a job and for each tenth that it has made."""
        lines = {f"{one.number} state": self._said(one) for one in self.entries}
        for one in self.entries:
            if one.state.is_under_way:
                lines[f"{one.number} progress"] = f"{one.job}: {int(100 * one.progress) // _STEP * _STEP} %"
        if self._held:
            lines["held"] = self._held
        return lines

    def data(self) -> dict[str, Any]:
        """For programs."""
        names = ("job", "state", "why", "progress", "tries", "priority", "input_file")
        rows = [{name: getattr(one, name) for name in names} for one in self.entries]
        return {"paused": self.paused, "suspended": self.suspended, "rows": rows}

    @property
    def _held(self) -> str:
        return f"nothing is started: {self.paused or self.suspended}" if self.paused or self.suspended else ""

    @staticmethod
    def _said(one: QueueEntry) -> str:
        return f"{one.job}: {one.state}{f' ({one.why})' if one.why else ''}"
