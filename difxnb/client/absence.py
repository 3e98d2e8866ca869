# SPDX-License-Identifier: GPL-3.0-or-later
"""A time without connection: since when, why, and what was tried against it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from difxnb.wire.events import Gap


@dataclass(slots=True)
class Absence:
    """What is known of a loss that lasts.

    Attributes
    ----------
    begin : float
        When something was last heard, unix seconds.
    reason : str
        What broke the connection.
    failures : int
        Attempts to connect again that were in vain; `last_failure` says why the latest was.
    given_up : bool
        No more attempts are made by themselves.
    """

    begin: float
    reason: str
    failures: int = 0
    last_failure: str = ""
    given_up: bool = False

    def gap(self, end: float | None = None) -> Gap:
        """Give it as a row among the messages."""
        return Gap(self.begin, end, self.reason)

    def note(self, failure: Exception) -> None:
        """Count one more attempt in vain."""
        self.failures += 1
        self.last_failure = str(failure)

    def __str__(self) -> str:
        lasts = f"away for {time.time() - self.begin:.0f} s"
        if not self.failures:
            return f"{lasts}, connecting again"
        times = "once" if self.failures == 1 else f"{self.failures} times"
        goes_on = "and given up" if self.given_up else "and tried further"
        return f"{lasts}, connecting again failed {times} {goes_on}: {self.last_failure}"
