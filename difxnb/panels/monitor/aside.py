# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes long and waits for nobody's network: done in a thread that ends with it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Aside:
    """Things done aside, each title once at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False

    def begin(self, title: str, act: Callable[[], None]) -> bool:
        """Have something done; False where the same is under way, or all is closed.

        Parameters
        ----------
        title : str
            What it is, in words.
        act : callable
            Does it; it keeps what comes of it, errors too, by itself.
        """
        with self._lock:
            if self._closed or title in self._threads:
                return False
            # A daemon: a fit of minutes must not keep an interpreter from ending.
            thread = threading.Thread(
                target=self._do, args=(title, act), name=f"difxnb-{title.replace(' ', '-')}", daemon=True
            )
            self._threads[title] = thread
            thread.start()
        return True

    def _do(self, title: str, act: Callable[[], None]) -> None:
        try:
            act()
        finally:
            with self._lock:
                del self._threads[title]

    @property
    def under_way(self) -> list[str]:
        """Titles of what has not ended."""
        with self._lock:
            return list(self._threads)

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is under way; False where the seconds were not enough."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)

    def close(self) -> None:
        """Begin nothing any more; what is under way ends by itself."""
        with self._lock:
            self._closed = True
