# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clock search found: clocks of stations, how well they are known, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Literal

import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from difxnb.clock.edits import ClockEdits
    from difxnb.formats.clock_change import ClockChange
    from difxnb.formats.input import Input


@dataclass(frozen=True, repr=False, eq=False)
class ClockSolution:
    """Residual clocks of stations against a reference, as :func:`difxnb.clock_search` gives them.

    Attributes
    ----------
    reference : str
        The antenna whose delay, rate and phase are 0.
    epoch : Timestamp
        UTC at which the delays hold.
    by : tuple of str
        Columns of the fringes by whose values the solution is divided; empty where all fringes make one.
    offsets : tuple of str
        What each station has offsets for: ``"band"``, ``"polarization"``.
    covariance : DataArray
        (antenna, parameter, antenna2, parameter2), parameters ``delay`` and ``delay_rate``; s², s²/s, s²/s². 0 for
        the reference, NaN for what is not determined. With a dimension ``solution`` in front where ``by`` divides.
    chi_squared : float
    degrees_of_freedom : int
    undetermined : Mapping of str to str
        Stations without a solution, and why.
    not_used : DataFrame
        Rows of the fringes that were left out, and why (``reason``).
    closure : DataFrame
        Closure delays of the fringes used, as of :func:`difxnb.clock.closure_delays`.
    """

    reference: str
    epoch: pd.Timestamp
    by: tuple[str, ...]
    offsets: tuple[str, ...]
    covariance: xr.DataArray
    chi_squared: float
    degrees_of_freedom: int
    undetermined: Mapping[str, str]
    not_used: pd.DataFrame
    closure: pd.DataFrame
    _stations: pd.DataFrame = field(repr=False)
    _residuals: pd.DataFrame = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """One row per station: ``antenna``, ``delay`` (s, late positive) and the rest."""
        return self._stations.copy()

    def residuals(self) -> pd.DataFrame:
        """One row per fringe that was used, with what it misses the solution by."""
        return self._residuals.copy()

    def outliers(self) -> pd.DataFrame:
        """The rows of the residuals that do not fit, and by how many of their errors."""
        return self._residuals[self._residuals["outlier"]].copy()

    def changes(self) -> list[ClockChange]:
        """What has to be taken out of the clock of each station, for the files of a job."""
        raise NotImplementedError

    def edits(
        self,
        *,
        input: str | PathLike[str] | None = None,
        v2d: str | PathLike[str] | None = None,
        vex: str | PathLike[str] | None = None,
    ) -> ClockEdits:
        """Edits of the files that set the clocks; nothing is written yet."""
        raise NotImplementedError

    def compare(
        self,
        table: pd.DataFrame | str | PathLike[str],
        *,
        positive: Literal["late", "early"],
        input: Input | None = None,
    ) -> pd.DataFrame:
        """The clocks beside those that the field systems measured."""
        raise NotImplementedError

    def per_scan(self) -> pd.DataFrame:
        """The same search, scan by scan."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        raise NotImplementedError
