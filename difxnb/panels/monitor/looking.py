# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen, and where in time one looks; each step gives a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from difxnb.panels.monitor.gathering import Want
from difxnb.panels.monitor.history import History
from difxnb.panels.monitor.names import Chosen, Offered, shown_baselines, shown_polarizations

_FEW = 32
_MANY = 600
_ALONG_TIME = ("fringes", "waterfall", "weights")


@dataclass(frozen=True)
class Looking:
    """Where one looks.

    Attributes
    ----------
    chosen : Chosen
    is_held : bool
        Nothing new is shown.
    until : datetime64, optional
        The newest integration to be shown (UTC); None: the newest at hand.
    scan : str, optional
        Only this one.
    """

    chosen: Chosen = field(default_factory=Chosen)
    is_held: bool = False
    until: np.datetime64 | None = None
    scan: str | None = None

    def want(self, offered: Offered) -> Want:
        """What is needed for it: the newest integrations, or all that are kept once one looks back."""
        chosen = self.chosen
        count = None if self.is_held else _MANY if chosen.kind in _ALONG_TIME else _FEW
        if chosen.kind != "fringes" or chosen.fits != "intervals":
            return Want(count)
        names = (shown_baselines(chosen, offered), chosen.bands, shown_polarizations(chosen, offered))
        return Want(count, names)

    def place(self, history: History) -> int:
        """Place of the newest integration that is shown; -1 where there are none."""
        scan = None if self.scan is None else history.named(self.scan)
        if self.until is None and scan is not None:
            return scan.last
        return history.place(self.until)

    def held(self, history: History) -> Looking:
        """The same, standing still: what comes later is not shown, though more of what was is taken."""
        until = history.time(self.place(history)) if self.scan is None else None
        return replace(self, is_held=True, until=until)

    def newest(self) -> Looking:
        """Following what comes."""
        return replace(self, is_held=False, until=None, scan=None)

    def at(self, history: History, place: int) -> Looking:
        """At a place in the history, the nearest where there is no such."""
        return replace(self, is_held=True, until=history.time(place), scan=None)

    def stepped(self, history: History, integrations: int) -> Looking:
        """So many integrations later, or earlier."""
        return self.at(history, self.place(history) + integrations)

    def stepped_scans(self, history: History, scans: int) -> Looking:
        """At the end of the scan so many later, or earlier."""
        beside = history.scan_beside(self.place(history), scans)
        return self if beside is None else self.at(history, beside.last)

    def at_scan(self, name: str) -> Looking:
        """At the end of a scan, and at no other."""
        return replace(self, is_held=True, until=None, scan=name)
