# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a run that is waited for: its state, how far it is, what its data weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from difxnb.cli.busy_look import bar
from difxnb.markup import printable

_STEP = 10  # per cent between two lines


@dataclass(frozen=True)
class RunLook:
    """What is known of a run at one moment; see `cli.live.Look`.

    Attributes
    ----------
    job, state : str
    progress : float
        0 to 1.
    weights : mapping
        Weight of each antenna in the latest integration.
    stalled, is_over : bool
    """

    job: str
    state: str
    progress: float
    weights: Mapping[str, float]
    stalled: bool
    is_over: bool

    def table(self, width: int, height: int | None) -> RenderableType:
        """Draw it in a line."""
        weights = " ".join(f"{name} {weight:.2f}" for name, weight in self.weights.items())
        return Text(printable(f"{self._said} {bar(self.progress)} {weights}")[:width])

    def lines(self) -> Mapping[str, str]:
        """Say it in lines: one for each state, and one for each tenth."""
        tenth = int(100 * self.progress) // _STEP * _STEP
        return {"state": self._said, "progress": f"{self.job}: {tenth} %"}

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "job": self.job,
            "state": self.state,
            "progress": self.progress,
            "weights": dict(self.weights),
            "stalled": self.stalled,
        }

    @property
    def _said(self) -> str:
        return f"{self.job}: {self.state or 'started'}{' (stalled)' if self.stalled else ''}"
