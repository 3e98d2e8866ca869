# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody looks at the panels: the browser is asked now and then, and answers by itself.

A tab that was closed says nothing of it, and what is painted for it piles up in the Jupyter server. So the kernel
raises a number twice a minute, and a link between two widgets, which lives in the page and not here, raises another one
after it. While answers come, somebody may be looking. When they cease, panels rest: they are painted once a minute. A
page that is opened finds the two numbers apart, and answers at once.

Answers wait while a cell runs (how long depends on the kernel's version), so silence proves nothing then. Where none
ever came, there may be a front-end that does not know links: panels rest only after half an hour without any cell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

ASK_S = 30.0
"""Seconds between two questions."""

SILENT_S = 180.0
"""Seconds without an answer after which nobody looks, where there were answers before."""

UNHEARD_S = 1800.0
"""Seconds without a cell after which nobody looks, where there was never an answer."""

REST_S = 60.0
"""Seconds between two frames that nobody looks at."""


class Audience:
    """Those who look at the panels of this process. There is something in the page while a panel is open.

    Parameters
    ----------
    came_back : callable
        Called, on any thread, at the first answer after a silence.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, came_back: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._came_back, self.clock = came_back, clock
        self._lock = threading.Lock()
        self._panels: set[str] = set()
        self._widgets: _Question | None = None
        self._shell: Any = None
        self._asked = self._sign = clock()
        self._heard = self._in_cell = self._perhaps_in_cell = False

    @property
    def is_away(self) -> bool:
        """Whether nobody looks, as far as anyone can know."""
        with self._lock:
            return self._is_away()

    def join(self, name: str) -> None:
        """A panel of this name is shown, which is a sign of life."""
        with self._lock:
            self._panels.add(name)
            self._sign = self.clock()
            if self._widgets is None:
                self._begin()

    def leave(self, name: str) -> None:
        """The panel is not shown any more."""
        with self._lock:
            self._panels.discard(name)
            question = None if self._panels else self._widgets
            if question is not None:
                self._widgets = None
                self._listen(None)
        if question is not None:
            question.close()

    def ask(self) -> None:
        """Ask, if it is time again; for the thread that writes widgets."""
        with self._lock:
            question = self._widgets
            if question is None or self.clock() - self._asked < ASK_S:
                return
            self._asked = self.clock()
        question.ask()

    def _begin(self) -> None:
        self._widgets = _Question(self._hear)
        self._asked = self.clock()
        self._heard = self._in_cell = False
        # A panel is shown by a cell that may go on for hours, or by a callback, after which no cell ends.
        self._perhaps_in_cell = True
        from IPython.core.getipython import get_ipython

        self._listen(get_ipython())

    def _listen(self, shell: Any) -> None:
        hooks = {"pre_run_cell": self._cell_begins, "post_run_cell": self._cell_ends}
        for event, hook in hooks.items():
            if self._shell is not None:
                self._shell.events.unregister(event, hook)
            if shell is not None:
                shell.events.register(event, hook)
        self._shell = shell

    def _is_away(self) -> bool:
        if self._in_cell or self._perhaps_in_cell:
            return False
        return self.clock() - self._sign > (SILENT_S if self._heard else UNHEARD_S)

    def _hear(self) -> None:
        with self._lock:
            was_away = self._is_away()
            self._heard, self._perhaps_in_cell = True, False
            self._sign = self.clock()
        if was_away:
            self._came_back()

    def _cell_begins(self, info: object) -> None:
        with self._lock:
            was_away = self._is_away()
            self._in_cell = True
        if was_away:
            self._came_back()

    def _cell_ends(self, result: object) -> None:
        with self._lock:
            self._in_cell = self._perhaps_in_cell = False
            self._sign = self.clock()


class _Question:
    """Two numbers; the page sets the second one to the first."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._question, self._answer = widgets.IntText(), widgets.IntText()
        self._link = widgets.jsdlink((self._question, "value"), (self._answer, "value"))
        self._answer.observe(lambda change: heard(), "value")
        self._question.value = 1

    def ask(self) -> None:
        self._question.value += 1

    def close(self) -> None:
        self._link.close()
        for number in (self._question, self._answer):
            number.unobserve_all()
            for part in (number.layout, number.style, number):
                part.close()
