# SPDX-License-Identifier: GPL-3.0-or-later
"""A time without connection: since when, why, and what was tried against it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from difxnb.client.session import Item, Subscriber, Tap
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


class Gate:
    """Keeps what a new connection brings until the end of the gap has been told, so that nothing lies inside a gap.

    Parameters
    ----------
    subscriber : callable
        Gets everything, from `open` on.
    tap : callable, optional
        Gets every datagram as it came, before the subscriber gets what it says.

    Attributes
    ----------
    begin : float or None
        When the first thing came.
    """

    def __init__(self, subscriber: Subscriber, tap: Tap | None = None) -> None:
        self.begin: float | None = None
        self._subscriber, self._tap = subscriber, tap
        self._kept: list[tuple[Item | bytes, float]] | None = []

    def __call__(self, item: Item, when: float) -> None:
        """Take what came."""
        if self._kept is None:
            self._subscriber(item, when)
        else:
            self.begin = when if self.begin is None else self.begin
            self._kept.append((item, when))

    def tap(self, payload: bytes, when: float) -> None:
        """Take a datagram as it came."""
        if self._tap is None:
            return
        if self._kept is None:
            self._tap(payload, when)
        else:
            self._kept.append((payload, when))

    def open(self) -> None:
        """Hand on what was kept, and everything that comes."""
        kept, self._kept = self._kept or [], None
        for item, when in kept:
            if not isinstance(item, bytes):
                self._subscriber(item, when)
            elif self._tap is not None:
                self._tap(item, when)
