# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a running job, scan by scan, whatever has fallen out of what is kept.

In go integrations from the thread that receives, out come tables of :func:`difxnb.fringe_fit` to any other. Adding is
cheap; what takes a fit (adding cells up, and the last fit of a scan that is over) is done by a thread of its own, which
lives as long as there is something to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.visibility.live.cell_fit import fit_cells, rates_of
from difxnb.visibility.live.scan_cells import FULL, LiveRow, ScanCells

MOST_ROWS = 2**18
"""Rows of scans that are over which are kept (some 100 MB); the oldest scans fall out."""

_WAITING = 3  # scans that are over and wait for their fit; more, and whoever adds does it


class FringeCells:
    """The fringes of a job so far.

    Memory: the cells of the present scan (up to 32 times an integration), those of up to three scans that wait for
    their last fit, one copy of the present ones while they are fitted, and `MOST_ROWS` rows of finished tables.

    When the same times come again, as of a job that runs again, what was there of them is forgotten.

    Attributes
    ----------
    spent_s : float
        Seconds of a CPU that fits have taken, whoever asked for them.
    """

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._lock = threading.Lock()  # of everything here, for moments
        self._fitting = threading.RLock()  # one fit at a time; taken before the other lock, never inside it
        self._scans: list[ScanCells] = []  # the last one is the present one
        self._finished: list[tuple[int, pd.DataFrame]] = []  # with the last time of the scan
        self._last_rates: tuple[int, float, NDArray[np.float64]] | None = None  # scan, span, rates
        self._worker: threading.Thread | None = None

    def add(self, row: LiveRow) -> None:
        """Add an integration; later ones of the same scan follow in order of time."""
        while not self._takes(row):
            self._work()
        self._wake()

    def _takes(self, row: LiveRow) -> bool:
        with self._lock:
            if len(self._scans) > _WAITING:
                return False
            if _is_of(row, self._scans) and not self._scans[-1].has_room(row.time_ns):
                return False
            self._finished = [one for one in self._finished if one[0] < row.time_ns]
            _put(self._scans, row)
            return True

    def table(self, pending: Sequence[LiveRow] = ()) -> tuple[pd.DataFrame, int] | None:
        """Fringes of every scan so far, and the time of the last integration in them (ns since 1970).

        None where there are none.

        Parameters
        ----------
        pending : sequence of LiveRow
            Integrations that are not added yet, and will be.

        Raises
        ------
        ValueError
            A band cannot be fitted, as of a single channel.
        """
        with self._fitting:
            self._work()
            begin = time.thread_time()
            with self._lock:
                present = [one.copy() for one in self._scans]
                finished = list(self._finished)
            for row in pending:
                finished = [one for one in finished if one[0] < row.time_ns]
                _put(present, row)
            tables, last_ns = [table for _, table in finished], max((one[0] for one in finished), default=0)
            for cells in present:
                arrays = fit_cells(cells)
                last_ns = cells.last_ns
                tables.append(arrays.frame())
                self._last_rates = (cells.first_ns, cells.span_s, rates_of(arrays, cells))
            found = pd.concat(tables, ignore_index=True) if len(tables) > 1 else None
            self.spent_s += time.thread_time() - begin
        return (tables[0] if found is None else found, last_ns) if tables else None

    # --- what takes a fit -----------------------------------------------------------------------------

    def _wake(self) -> None:
        """Have the thread see to what there is to do."""
        with self._lock:
            has_work = len(self._scans) > 1 or bool(self._scans and len(self._scans[-1]) >= FULL)
            if not has_work or (self._worker is not None and self._worker.is_alive()):
                return
            self._worker = threading.Thread(target=self._work, name="live fringes", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        """Fit the scans that are over, and add up the cells of the present one where they are many."""
        with self._fitting:
            begin = time.thread_time()
            while self._finish_one() or self._thin():
                pass
            self.spent_s += time.thread_time() - begin

    def _finish_one(self) -> bool:
        with self._lock:
            if len(self._scans) < 2:
                return False
            over = self._scans[0]
        try:
            table = fit_cells(over).frame()
        except ValueError:  # a band that cannot be fitted: the fit of the present scan tells who asks
            table = None
        with self._lock:
            if self._scans[0] is over:  # and not forgotten meanwhile
                del self._scans[0]
                self._finished += [] if table is None else [(over.last_ns, table)]
            while len(self._finished) > 1 and sum(len(one) for _, one in self._finished) > MOST_ROWS:
                del self._finished[0]
        return True

    def _thin(self) -> bool:
        with self._lock:
            if not self._scans or len(self._scans[-1]) < FULL:
                return False
            scan = self._scans[-1]
            rates = self._known_rates(scan)
            copied = scan.copy() if rates is None else None
        if copied is not None:
            try:
                rates = rates_of(fit_cells(copied), copied)
            except ValueError:  # as above
                rates = copied.rate
        with self._lock:
            # where other products have come meanwhile, what they are stopped with stays
            scan.merge(rates if rates is not None and rates.shape == scan.rate.shape else scan.rate)
        return True

    def _known_rates(self, scan: ScanCells) -> NDArray[np.float64] | None:
        """Rates of the last table, where they are known to a small part of a turn in cells twice as long."""
        if self._last_rates is None:
            return None
        first_ns, span_s, rates = self._last_rates
        is_new = first_ns == scan.first_ns and 2 * span_s >= scan.span_s
        return rates if is_new and rates.shape == scan.rate.shape else None


def _is_of(row: LiveRow, scans: Sequence[ScanCells]) -> bool:
    """Whether an integration continues the last scan."""
    if not scans:
        return False
    last = scans[-1]
    return (row.scan, row.source) == (last.scan, last.source) and row.time_ns > last.last_ns


def _put(scans: list[ScanCells], row: LiveRow) -> None:
    """Add an integration to its scan, which may be a new one."""
    if not _is_of(row, scans):
        scans[:] = [one for one in scans if one.last_ns < row.time_ns]
        scans.append(ScanCells(row))
    scans[-1].add(row)
