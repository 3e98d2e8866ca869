# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of one correlator: what each of them is handed, and that they end before it does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from difxnb.panels.painter import PAINTER
from difxnb.panels.work import Work

if TYPE_CHECKING:
    from difxnb.client.blocking import LoopThread
    from difxnb.panels import Panel

P = TypeVar("P", bound="Panel")


class OpenPanels:
    """The panels of a correlator that were made and are not closed.

    It does not keep them: what nobody shows or holds is forgotten.
    """

    def __init__(self, loop: LoopThread) -> None:
        self.work = Work(loop.submit, PAINTER.soon)
        self._runs: WeakKeyDictionary[Panel, str] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def add(self, panel: P, *, run: str = "") -> P:
        """Have a panel closed with the rest; `run` is the ``.input`` file of the run that it shows, if it shows one."""
        with self._lock:
            self._runs[panel] = run
        return panel

    def show_twins(self, run: str) -> None:
        """Show the last states of the panels of a run in the cell that runs, for whoever reads it without a kernel."""
        with self._lock:
            panels = [panel for panel, its_run in self._runs.items() if its_run == run and not panel.closed]
        for panel in panels:
            panel.show_twin()

    def close(self) -> None:
        """Close them all, and cancel what they asked for."""
        with self._lock:
            panels = list(self._runs)
        for panel in panels:
            panel.close()
        self.work.close()
