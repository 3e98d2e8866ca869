# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clock search found: clocks of stations, how well they are known, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.clock.closure import closure_delays
from difxnb.clock.phases import station_phases
from difxnb.clock.shown import as_html, as_text
from difxnb.formats.clock_change import ClockChange

if TYPE_CHECKING:
    from difxnb.clock.edits import ClockEdits
    from difxnb.formats.input_model import Input


_SURE = 3.0
"""Errors from which on a rate is taken out of a clock."""


@dataclass(frozen=True)
class Tables:
    """Tables of all solutions that `by` divides fringes into."""

    stations: pd.DataFrame
    offsets: pd.DataFrame
    residuals: pd.DataFrame
    summaries: pd.DataFrame


@dataclass(frozen=True, repr=False, eq=False)
class ClockSolution:
    """Residual clocks of stations against a reference, as :func:`difxnb.clock_search` gives them.

    Attributes
    ----------
    reference : str
        The antenna whose delay, rate and phase are 0.
    epoch : Timestamp
        UTC at which the delays hold; where ``by`` divides and no epoch was asked for, each solution has its own.
    by : tuple of str
        Columns of the fringes by whose values the solution is divided; empty where all fringes make one.
    offsets : tuple of str
        What each station has offsets for: ``"band"``, ``"polarization"``.
    covariance : DataArray
        (antenna, parameter, antenna2, parameter2), parameters ``delay`` and ``delay_rate``; s², s²/s, s²/s². 0 for
        the reference, NaN for what is not determined. With a dimension ``solution`` in front, in the order of
        :meth:`summary`, where ``by`` divides.
    undetermined : Mapping of str to str
        Stations without a solution, and why.
    not_used : DataFrame
        Rows of the fringes that were left out, and why (``reason``).
    tables : Tables
        What the methods give.
    fringes : DataFrame
        Rows of the fringes that are detected and tell of clocks.
    """

    reference: str
    epoch: pd.Timestamp
    by: tuple[str, ...]
    offsets: tuple[str, ...]
    covariance: xr.DataArray
    undetermined: Mapping[str, str]
    not_used: pd.DataFrame
    tables: Tables
    fringes: pd.DataFrame

    @property
    def chi_squared(self) -> float:
        """Σ (residual/error)² of delays and rates that were used, errors as the fringes state them."""
        return float(self.tables.summaries["chi_squared"].sum())

    @property
    def degrees_of_freedom(self) -> int:
        """Number of delays and rates that were used, less that of parameters."""
        return int(self.tables.summaries["degrees_of_freedom"].sum())

    @property
    def closure(self) -> pd.DataFrame:
        """Closure delays of the fringes that are detected, as of :func:`difxnb.clock.closure_delays`."""
        return closure_delays(self.fringes, max_false_alarm=1)

    def frame(self) -> pd.DataFrame:
        """One row per station (and value of ``by``).

        Returns
        -------
        DataFrame
            ``antenna``; ``epoch`` (UTC); ``delay`` (s at the epoch, positive where the station is late) and
            ``delay_error``; ``delay_rate`` (s/s) and ``delay_rate_error``: NaN where nothing tells a rate, and 0 was
            taken; ``phase`` (rad, at the epoch and ``reference_frequency``) and ``phase_error``: NaN where the
            fringes are of several scans, bands or polarizations, see :meth:`phases`; ``n_used`` and ``n_outliers``,
            fringes of the station. A station that no fringes connect to the reference has NaN.
        """
        return self.tables.stations.copy()

    def residuals(self) -> pd.DataFrame:
        """One row per fringe that leads to the reference, with what it misses the solution by.

        Returns
        -------
        DataFrame
            Labels and values of the fringe; ``ambiguities`` and ``rate_ambiguities``: whole ones that were taken
            off; ``delay_residual`` (s) and ``delay_rate_residual`` (s/s), observed minus solution;
            ``delay_n_sigma``, ``delay_rate_n_sigma``: in units of what they should scatter by, NaN where nothing
            else tells of that delay; ``n_sigma``: the larger; ``outlier``: whether it was left out.
        """
        return self.tables.residuals.copy()

    def outliers(self) -> pd.DataFrame:
        """The rows of the residuals that do not fit and were left out, worst first."""
        rows = self.tables.residuals[self.tables.residuals["outlier"]]
        return rows.iloc[rows["n_sigma"].abs().to_numpy().argsort()[::-1]].copy()

    def station_offsets(self) -> pd.DataFrame:
        """Offsets of bands and hands of each station, as asked for: ``offset`` and ``offset_error`` (s)."""
        return self.tables.offsets.copy()

    def summary(self) -> pd.DataFrame:
        """One row per solution: how many fringes, χ², degrees of freedom.

        ``delay_error_scale`` and ``rate_error_scale`` are above 1 where residuals are larger than chance explains
        (χ² that high in less than 1 of 100 cases); errors and covariances hold these factors.
        """
        return self.tables.summaries.copy()

    def phases(self) -> pd.DataFrame:
        """Phases of stations for each scan, band and polarization, as of the fringes that are no outliers.

        Returns
        -------
        DataFrame
            Labels, ``antenna``, ``phase`` (rad, -π…π, positive where late) and ``phase_error``, at
            ``reference_frequency`` (Hz) and ``reference_time`` (UTC).
        """
        good = self.fringes.loc[self.tables.residuals.index[~self.tables.residuals["outlier"]]]
        antennas = [str(name) for name in self.covariance["antenna"].values]
        return station_phases(good, antennas, self.reference)

    def per_scan(self) -> pd.DataFrame:
        """The same search, scan by scan: one row per scan and station, as of :meth:`frame`."""
        from difxnb.clock.search import clock_search

        return clock_search(
            self.fringes, self.reference, by="scan", offsets=self.offsets or None, max_false_alarm=1
        ).frame()

    def changes(self) -> list[ClockChange]:
        """What has to be taken out of the clock of each station whose delay is known, but for the reference.

        A rate below 3 of its errors is not taken out, since few seconds tell rates that would spoil a long experiment.
        The delay is then what it is at the epoch without such a rate: τ - τ' cov(τ, τ')/var(τ').

        Raises
        ------
        ValueError
            The solution is divided: a station has one clock.
        """
        if self.by:
            raise ValueError(
                f"a station has one clock, but this solution is divided by {', '.join(self.by)}; search without by="
            )
        epoch = self.epoch.to_datetime64()
        stations = self.tables.stations
        own = np.einsum("ijik->ijk", self.covariance.values)
        found = []
        for antenna, delay, rate, spread in zip(
            stations["antenna"], stations["delay"], stations["delay_rate"], own, strict=True
        ):
            if antenna == self.reference or np.isnan(delay):
                continue
            told = abs(rate) >= _SURE * np.sqrt(spread[1, 1])
            without = delay if np.isnan(rate) or rate == 0 else delay - rate * spread[0, 1] / spread[1, 1]
            found.append(
                ClockChange(antenna, float(delay if told else without), float(rate if told else 0.0), epoch)
            )
        return found

    def edits(
        self,
        *,
        input: str | PathLike[str] | None = None,
        v2d: str | PathLike[str] | None = None,
        vex: str | PathLike[str] | None = None,
    ) -> ClockEdits:
        """Edits of the files that set the clocks; nothing is written yet.

        Give the files that the fringes were made with, and write once: what is still late is subtracted from
        whatever clock stands in a file, so a second time it would be taken out twice. See :meth:`changes` for what
        is subtracted.

        Parameters
        ----------
        input, v2d, vex : path, optional
            Files of the job: at least one.

        Returns
        -------
        ClockEdits
            ``print(edits)`` shows what would change, ``edits.write()`` writes it.
        """
        from difxnb.clock.edits import edits_of

        return edits_of(self.changes(), input=input, v2d=v2d, vex=vex)

    def compare(
        self,
        table: pd.DataFrame | str | PathLike[str],
        *,
        positive: Literal["late", "early"],
        input: Input | None = None,
    ) -> pd.DataFrame:
        """The clocks beside those that the field systems measured, see :func:`difxnb.clock.compare_clocks`."""
        from difxnb.clock.comparison import compare_clocks

        return compare_clocks(self, table, positive=positive, input=input)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)
