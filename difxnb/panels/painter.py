# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thread that writes widgets.

Every open panel is looked at four times a second, whether a cell is busy or not, and writes what has changed. Callbacks
of widgets only note what was asked for and wake the painter: so they are right on whatever thread, and beside whatever
event loop, a kernel runs them.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

PERIOD_S = 0.25
"""Seconds between two looks: at most four frames a second."""


class Painted(Protocol):
    """What a painter looks after."""

    def paint(self) -> None:
        """Write what has changed into widgets; called on the painter's thread alone."""

    def note_failure(self, error: Exception) -> None:
        """Keep, to show it, what went wrong in `paint`."""


class Painter:
    """A thread that paints what was added to it; it lives while there is something to paint."""

    def __init__(self, period: float = PERIOD_S) -> None:
        self.period = period
        self._painted: list[Painted] = []
        self._lock = threading.Lock()
        self._painting = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, painted: Painted) -> None:
        """Paint this from now on; a second time is harmless."""
        with self._lock:
            if painted not in self._painted:
                self._painted.append(painted)
            if self._thread is None:
                # A daemon: a forgotten panel must not keep an interpreter from ending.
                self._thread = threading.Thread(target=self._run, name="difxnb-painter", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, painted: Painted) -> None:
        """Paint this no more. When it returns, it is not being painted, and the thread is gone if it was the last."""
        with self._lock:
            if painted in self._painted:
                self._painted.remove(painted)
            thread = self._thread if not self._painted else None
        self._wake.set()
        if threading.current_thread() is thread:
            return
        with self._painting:  # what is under way ends first
            pass
        if thread is not None:
            thread.join()

    def soon(self) -> None:
        """Look at everything now rather than in a moment."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            begin = time.monotonic()
            with self._lock:
                if not self._painted:
                    self._thread = None
                    return
                painted = list(self._painted)
            self._wake.clear()
            for one in painted:
                with self._painting:
                    self._paint(one)
            self._wake.wait(max(0.0, self.period - (time.monotonic() - begin)))

    def _paint(self, one: Painted) -> None:
        with self._lock:
            if one not in self._painted:
                return
        try:
            one.paint()
        except Exception as error:  # noqa: BLE001 - kept and shown by the panel; the others go on
            one.note_failure(error)


PAINTER = Painter()
"""The painter of this process."""
