# SPDX-License-Identifier: GPL-3.0-or-later
"""What a monitor makes of what has come so far: fringes, and the quality report, at a pace that leaves the CPU free.

In go live visibilities, out come a table and a report. Each is made when it is asked for, in the thread that asks, and
then not again before 25 (a table) or 60 (a report) times as long as it took has passed; once nothing more will come,
always. With what it costs to add integrations up, that is less than a tenth of a CPU.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from difxnb.visibility.live.fringe_cells import FringeCells
from difxnb.visibility.live.pace import Paced

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.quality.limits import Limits
    from difxnb.quality.report import QualityReport
    from difxnb.visibility import VisibilitySeries

_SPECTRA_BYTES = 32 * 2**20
"""Bytes of the newest integrations whose spectra the checks of a running job look at."""


_REST_OF_REPORTS = 60.0


class LiveLooks:
    """Fringes and quality of one monitor.

    Attributes
    ----------
    cells : FringeCells
        To be fed by the series.
    """

    def __init__(self) -> None:
        self.cells = FringeCells()
        self._fringes = Paced["pd.DataFrame"](lambda: self.cells.spent_s)
        self._quality: dict[str, Paced[QualityReport]] = {}  # by limits

    def fringes(self, series: VisibilitySeries, *, is_final: bool) -> pd.DataFrame:
        """Fringes so far (see `VisibilitySeries.fringes_so_far`); columns can be added to the table."""
        found = self._fringes.get(series.version, series.fringes_so_far, is_final=is_final)
        return found.copy(deep=False)

    def quality(
        self,
        series: VisibilitySeries,
        limits: str | PathLike[str] | Limits | None,
        *,
        is_final: bool,
    ) -> QualityReport:
        """Quality so far, see `Monitor.quality`; other limits than before are applied at once."""
        from difxnb.quality.gathering import gather
        from difxnb.quality.limits import limits_with
        from difxnb.quality.report import report_on

        chosen = limits_with(limits)
        fringes = self.fringes(series, is_final=is_final)

        def make() -> QualityReport:
            last = None if is_final else max(1, _SPECTRA_BYTES // series.row_bytes)
            material = gather(series.dataset(last=last), fringes=fringes, running=not is_final)
            return report_on(material, chosen)

        if (key := repr(chosen)) not in self._quality:
            self._quality = {key: Paced(rest=_REST_OF_REPORTS)}
        return self._quality[key].get((series.version, is_final), make, is_final=is_final)
