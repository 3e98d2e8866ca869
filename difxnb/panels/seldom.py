# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at something costly only when there is something new, and never so often that it fills a CPU.

(:mod:`difxnb.visibility.live.pace` does the same for visibilities; loading those takes longer than a panel may.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Seen = TypeVar("Seen")

_REST = 25.0  # times the cost of the last look that must pass before the next


class Seldom(Generic[Seen]):
    """What was seen last, kept while nothing is new or while the next look is not due."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[Hashable, Hashable, Seen] | None = None
        self._not_before = -float("inf")

    def look(
        self, look: Callable[[], Seen], *, asked: Hashable, version: Hashable, at_once: bool = False
    ) -> Seen:
        """Look again, or give what was seen.

        Parameters
        ----------
        look : callable
            Looks; called on this thread.
        asked : hashable
            What is wanted, such as a filter: another one is obeyed at once.
        version : hashable
            Moves when there is something new; obeyed when the next look is due.
        at_once : bool
            Look at what is new though it is not due, as for a state that stays.
        """
        with self._lock:
            last = self._last
            if (
                last is not None
                and last[0] == asked
                and (last[1] == version or (not at_once and time.monotonic() < self._not_before))
            ):
                return last[2]
            begin = time.thread_time()
            seen = look()
            self._not_before = time.monotonic() + _REST * (time.thread_time() - begin)
            self._last = (asked, version, seen)
            return seen
