# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at an unattended session: its steps, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from difxnb.cli.busy_look import bar
from difxnb.cli.fitted import fitted_table

_TENTH = 10  # per cent between two lines
_HEADS = ("step", "state", "progress", "why")
_SHOWN = ("step", "state", "since", "progress", "why")


@dataclass(frozen=True)
class SessionLook:
    """What is known of a session at one moment; see `cli.live.Look`.

    Attributes
    ----------
    session, state, step, why : str
    progress : float
        Of all steps, 0 to 1.
    rows : tuple of mappings
        Of the steps, as `IntensiveRun.frame`.
    is_over : bool
    """

    session: str
    state: str
    step: str
    why: str
    progress: float
    rows: tuple[Mapping[Any, Any], ...]
    is_over: bool

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it for a terminal: a line for each step, and one for all of it."""
        rows = [(row["step"], row["state"], bar(row["progress"]), row["why"]) for row in self.rows]
        return fitted_table(_HEADS, rows, width, f"{self.session}: {self._said}")

    def lines(self) -> Mapping[str, str]:
        """Say it in lines: one for each state of a step, and one for each tenth of what takes long."""
        begun = [row for row in self.rows if row["state"] != "planned"]
        lines = {row["step"]: _told(row) for row in begun}
        for row in begun:
            if row["step"] == self.step and 0 < row["progress"] < 1:
                share = int(100 * row["progress"]) // _TENTH * _TENTH
                lines[f"{self.step} progress"] = f"{self.step}: {share} %"
        if self.why and not self.is_over:
            lines["session"] = f"{self.session}: {self._said}"
        return lines

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "session": self.session,
            "state": self.state,
            "step": self.step,
            "progress": self.progress,
            "why": self.why,
            "rows": [{name: row[name] for name in _SHOWN} for row in self.rows],
        }

    @property
    def _said(self) -> str:
        return self.state + (f", {self.why}" if self.why else "")


def _told(row: Mapping[Any, Any]) -> str:
    why = f" ({row['why']})" if row["why"] else ""
    return f"{row['step']}: {row['state']}{why}"
