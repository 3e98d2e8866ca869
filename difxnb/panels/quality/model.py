# SPDX-License-Identifier: GPL-3.0-or-later
"""What a card of quality knows: the last report, its picture, and whether another is being made."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from difxnb.panels.work import Work

if TYPE_CHECKING:
    from difxnb.quality.report import QualityReport

_DPI = 80
_CARDS = itertools.count(1)


@dataclass(frozen=True)
class Checked:
    """A report, and its evidence as a PNG; None where there is nothing to draw."""

    report: QualityReport
    picture: bytes | None


def checked(report: QualityReport) -> Checked:
    """A report with its picture, which takes some tenths of a second: not for the painter's thread."""
    from difxnb.plots.lock import RENDER_LOCK

    if not any(check.scale is not None and len(check.evidence) for check in report):
        return Checked(report, None)
    with RENDER_LOCK:
        figure, buffer = report.figure(), io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return Checked(report, buffer.getvalue())


Check = Callable[[], Coroutine[Any, Any, Checked]]
"""Makes a report on something."""


@dataclass(frozen=True)
class QualitySnapshot:
    """All that a card of quality shows."""

    name: str
    checked: Checked | None
    made_at: float
    is_checking: bool
    can_check: bool
    message: str
    is_problem: bool


class QualityModel:
    """The quality of one job.

    Parameters
    ----------
    name : str
        What is checked, in words.
    work : Work, optional
        Runs the checks.
    check : callable, optional
        Gives a coroutine that makes a report. Without it, and `work`, there is none but `made`.
    made : Checked, optional
        A report that was made already.
    clock : callable
        Unix seconds.
    """

    def __init__(
        self,
        name: str,
        work: Work | None = None,
        check: Check | None = None,
        *,
        made: Checked | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.version = 0
        self.name = name
        # Another card of the same job makes its own checks.
        self._title = f"quality of {name}, card {next(_CARDS)}"
        self._work, self._check, self._clock = work, check, clock
        self._made, self._made_at = made, clock()
        self._is_checking = False
        self._message, self._is_problem = "", False
        self._lock = threading.Lock()

    def check(self) -> None:
        """Make all checks, if they are not being made already."""
        with self._lock:
            if self._work is None or self._check is None or self._is_checking:
                return
            self._is_checking = True
        self._say(f"checking {self.name}…", is_checking=True)
        if not self._work.do(self._title, self._check, self._keep, self._fail):
            closed = f"{self.name} was not checked: the connection has been closed here"
            self._say(closed, is_checking=False, is_problem=True)

    def _keep(self, made: Checked) -> None:
        with self._lock:
            self._made, self._made_at = made, self._clock()
        self._say("", is_checking=False)

    def _fail(self, error: Exception) -> None:
        self._say(f"{self.name}: {error}", is_problem=True, is_checking=False)

    def _say(self, message: str, *, is_checking: bool, is_problem: bool = False) -> None:
        with self._lock:
            self._message, self._is_problem, self._is_checking = message, is_problem, is_checking
            self.version += 1

    def snapshot(self) -> QualitySnapshot:
        """What is shown now."""
        with self._lock:
            return QualitySnapshot(
                self.name,
                self._made,
                self._made_at,
                self._is_checking,
                self._check is not None,
                self._message,
                self._is_problem,
            )
