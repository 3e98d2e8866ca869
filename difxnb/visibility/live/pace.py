# SPDX-License-Identifier: GPL-3.0-or-later
"""The pace at which something costly is made anew from what keeps coming."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")

REST = 25.0
"""How many times the cost of the last making must have passed, as a rule: that takes 1/26 of a CPU."""


class Paced(Generic[Made]):
    """Something that is made when asked for, though not all the time.

    Parameters
    ----------
    spent : callable
        Seconds of a CPU that have been spent on it so far, by whatever threads.
    rest : float
        How many times the cost of the last making must have passed.
    """

    def __init__(self, spent: Callable[[], float] = lambda: 0.0, *, rest: float = REST) -> None:
        self._spent, self._rest = spent, rest
        self._lock = threading.Lock()
        self._last: tuple[Hashable, Made] | None = None
        self._spent_before = 0.0
        self._not_before = -float("inf")

    def get(self, version: Hashable, make: Callable[[], Made], *, is_final: bool) -> Made:
        """What was made last, or made anew where that is due.

        Parameters
        ----------
        version : hashable
            Moves when there is something new.
        make : callable
            Makes it.
        is_final : bool
            Nothing more will come: whatever is old is made anew.
        """
        with self._lock:
            if self._last is not None and (
                self._last[0] == version or (not is_final and time.monotonic() < self._not_before)
            ):
                return self._last[1]
            begin = time.thread_time()
            made = make()
            spent = self._spent()
            cost = max(time.thread_time() - begin, spent - self._spent_before)
            self._last, self._spent_before = (version, made), spent
            self._not_before = time.monotonic() + self._rest * cost
            return made
