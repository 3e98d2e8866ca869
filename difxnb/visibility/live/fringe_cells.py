# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a running job, scan by scan, whatever has fallen out of what is kept.

In go integrations from the thread that receives, out come tables of :func:`difxnb.fringe_fit` to any other. Who
receives only puts an integration down, and never waits: adding up, and the fits that it takes, are done by a thread of
its own, which lives as long as there is something to do, or by whoever asks for a table.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

import pandas as pd

from difxnb.visibility.fits.columns import FringeArrays
from difxnb.visibility.live.cell_fit import fit_cells, rates_of
from difxnb.visibility.live.scan_cells import LiveRow, Rates, ScanCells

MOST_ROWS = 2**18
"""Rows of scans that are over which are kept (some 100 MB); the oldest scans fall out."""
WAITING_BYTES = 2**26
"""Bytes of integrations that may wait to be added up; what comes beyond is left out and counted."""

_TOGETHER = 4  # integrations for which a thread is started; fewer wait for more, or for who asks

_Finished = list[tuple[int, pd.DataFrame]]  # scans that are over: their last time, and their table


class FringeCells:
    """The fringes of a job so far.

    Memory: the cells of the present scan (up to 32 times an integration), a copy of them while a table is made,
    `WAITING_BYTES` of integrations, and `MOST_ROWS` rows of finished tables.

    When the same times come again, as of a job that runs again, what was there of them is forgotten.

    Attributes
    ----------
    spent_s : float
        Seconds of a CPU that fits have taken, whoever asked for them.
    left_out : int
        Integrations that came while `WAITING_BYTES` of others waited.
    """

    def __init__(self) -> None:
        self.spent_s = 0.0
        self.left_out = 0
        self._lock = threading.Lock()  # of what waits, for moments
        self._waiting: deque[LiveRow] = deque()
        self._worker: threading.Thread | None = None
        self._fitting = threading.Lock()  # of all that follows; taken before the other lock, never inside it
        self._present: ScanCells | None = None
        self._finished: _Finished = []
        self._last_rates: tuple[int, float, Rates] | None = None  # start of the scan, span, rates

    def add(self, row: LiveRow) -> None:
        """Put an integration down; later ones of the same scan follow in order of time."""
        with self._lock:
            if len(self._waiting) * row.nbytes >= WAITING_BYTES:
                self.left_out += 1
            else:
                self._waiting.append(row)
            is_busy = self._worker is not None and self._worker.is_alive()
            if len(self._waiting) >= _TOGETHER and not is_busy:
                self._worker = threading.Thread(target=self._work, name="live fringes", daemon=True)
                self._worker.start()

    def table(self, pending: Sequence[LiveRow] = ()) -> tuple[pd.DataFrame, int] | None:
        """Fringes of every scan so far, and the time of the last integration in them (ns since 1970).

        None where there are none.

        Parameters
        ----------
        pending : sequence of LiveRow
            Integrations that are not put down yet, and will be.

        Raises
        ------
        ValueError
            A band cannot be fitted, as of a single channel.
        """
        with self._fitting:
            self._take_waiting()
            present, finished = self._present, list(self._finished)
            # some may have been put down since they were gathered
            later = [row for row in pending if present is None or row.time_ns > present.last_ns]
            if later and present is not None:
                present = present.copy()
            for row in later:
                present = self._added(present, row, finished)
            if present is None:
                return None
            arrays, rates = self._fit(present)
            self._last_rates = (present.first_ns, present.span_s, rates)
            tables = [*(table for _, table in finished), arrays.frame()]
            return pd.concat(tables, ignore_index=True) if finished else tables[0], present.last_ns

    def _work(self) -> None:
        with self._fitting:
            self._take_waiting()

    # --- with `_fitting` held -------------------------------------------------------------------------

    def _take_waiting(self) -> None:
        """Add up what waits."""
        while True:
            with self._lock:
                if not self._waiting:
                    return
                row = self._waiting.popleft()
            self._present = self._added(self._present, row, self._finished)

    def _added(self, present: ScanCells | None, row: LiveRow, finished: _Finished) -> ScanCells:
        """Add an integration to its scan, which may be a new one; gives that scan."""
        if present is None or not present.goes_on_with(row):
            if present is not None and present.last_ns < row.time_ns:
                self._finish(present, finished)
            finished[:] = [one for one in finished if one[0] < row.time_ns]
            present = ScanCells(row)
        if not present.has_room(row.time_ns):
            present.merge(self._rates(present))
        present.add(row)
        return present

    def _fit(self, cells: ScanCells) -> tuple[FringeArrays, Rates]:
        """Columns of a scan, and the rates that they tell."""
        begin = time.thread_time()
        try:
            arrays = fit_cells(cells)
            return arrays, rates_of(arrays, cells)
        finally:
            self.spent_s += time.thread_time() - begin

    def _finish(self, over: ScanCells, finished: _Finished) -> None:
        """Fit a scan that is over; one with a band that cannot be fitted has no table."""
        try:
            finished.append((over.last_ns, self._fit(over)[0].frame()))
        except ValueError:  # the fit of the present scan tells who asks
            return
        while len(finished) > 1 and sum(len(one) for _, one in finished) > MOST_ROWS:
            del finished[0]

    def _rates(self, scan: ScanCells) -> Rates:
        """Rates with which to stop a scan: of the last table where they are known to a small part of a turn in cells
        twice as long, else of a fit; those that it has where there is none."""
        if self._last_rates is not None:
            first_ns, span_s, rates = self._last_rates
            is_new = first_ns == scan.first_ns and 2 * span_s >= scan.span_s
            if is_new and rates.shape == scan.rate.shape:
                return rates
        try:
            return self._fit(scan)[1]
        except ValueError:  # as above
            return scan.rate
