# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thread that writes widgets.

Every open panel is looked at four times a second, whether a cell is busy or not, and writes what has changed. Callbacks
of widgets only note what was asked for and wake the painter: so they are right on whatever thread, and beside whatever
event loop, a kernel runs them.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

PERIOD_S = 0.25
"""Seconds between two looks: at most four frames a second."""

_TURN_S = 1e-4
"""Seconds that a cell which computes keeps the interpreter at most while something is painted.

Painting lets go of the interpreter some sixty times a frame (each large operation of numpy does), and would wait for
Python's usual 5 ms each time: longer than there is between two frames.
"""

_log = logging.getLogger(__name__)


class Painted(Protocol):
    """What a painter looks after."""

    def paint(self) -> None:
        """Write what has changed into widgets; called on the painter's thread alone."""

    def note_failure(self, error: Exception) -> None:
        """Keep, to show it, what went wrong in `paint`."""


class Painter:
    """A thread that paints what was added to it; it lives while there is something to paint.

    Anything may be added and removed on any thread, also while it is painted.
    """

    def __init__(self, period: float = PERIOD_S) -> None:
        self.period = period
        self._painted: list[Painted] = []
        self._state = threading.Condition()
        self._turn = threading.Lock()  # a thread that ends may still paint while the next one begins
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._now: tuple[Painted, threading.Thread] | None = None

    def add(self, painted: Painted) -> None:
        """Paint this from now on; a second time is harmless."""
        with self._state:
            if not any(one is painted for one in self._painted):
                self._painted.append(painted)
            if self._thread is None:
                # A daemon: a forgotten panel must not keep an interpreter from ending.
                self._thread = threading.Thread(target=self._run, name="difxnb-painter", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, painted: Painted) -> None:
        """Paint this no more. When it returns, it is not being painted, and the thread is gone if it was the last.

        Called while it is painted, on the painter's own thread, it returns at once: that one was the last time.
        """
        current = threading.current_thread()
        with self._state:
            self._painted = [one for one in self._painted if one is not painted]
            ending = None
            if not self._painted:
                ending, self._thread = self._thread, None
            self._wake.set()
            self._state.wait_for(
                lambda: self._now is None or self._now[0] is not painted or self._now[1] is current
            )
        if ending is not None and ending is not current:
            ending.join()

    def soon(self) -> None:
        """Look at everything now rather than in a moment."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            begin = time.monotonic()
            with self._state:
                if self._thread is not threading.current_thread():
                    self._wake.set()  # which may have been meant for the next thread
                    return
                painted = list(self._painted)
                self._wake.clear()
            with _short_turns():
                for one in painted:
                    self._paint(one)
            self._wake.wait(max(0.0, self.period - (time.monotonic() - begin)))

    def _paint(self, one: Painted) -> None:
        with self._turn:
            with self._state:
                if not any(other is one for other in self._painted):
                    return
                self._now = (one, threading.current_thread())
            try:
                one.paint()
            except Exception as error:  # noqa: BLE001 - kept and shown by the panel; the others go on
                self._tell(one, error)
            finally:
                with self._state:
                    self._now = None
                    self._state.notify_all()

    def _tell(self, one: Painted, error: Exception) -> None:
        try:
            one.note_failure(error)
        except Exception:  # noqa: BLE001 - told with its traceback
            # It can neither be painted nor say so: there is nothing to be had of it any more.
            _log.exception("a panel is painted no more: %s", error)
            with self._state:
                self._painted = [other for other in self._painted if other is not one]


@contextmanager
def _short_turns() -> Iterator[None]:
    """Have threads take turns more often than usual; what somebody else sets meanwhile stays."""
    usual = sys.getswitchinterval()
    short = min(usual, _TURN_S)
    sys.setswitchinterval(short)
    try:
        yield
    finally:
        if sys.getswitchinterval() == short:
            sys.setswitchinterval(usual)


PAINTER = Painter()
"""The painter of this process."""
