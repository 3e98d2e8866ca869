# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks look at: a job's visibilities and files, each read when a check asks for it, and once.

A part that is not there is None; why is in `missing_parts`. Who gathers them is :mod:`difxnb.quality.gathering`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from difxnb.quality.attendance import Attendance, attendance_of
from difxnb.quality.sampling import Sampling, samplings_of
from difxnb.quality.schedule import Schedule, schedule_of
from difxnb.quality.spectra import AutoSpectra, auto_spectra
from difxnb.visibility.accessor.correlation import UNTRUSTED

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from difxnb.formats.calc import Calc
    from difxnb.formats.input import Input
    from difxnb.tables.difxlog import JobLog


@dataclass
class Material:
    """A job as checks see it.

    Attributes
    ----------
    job : str
        Name of the job; empty where it is not known.
    dataset : Dataset or None
        Visibilities with all axes, read from disk when values are asked for. None where there are none.
    input, calc, log, pcal : Input, Calc, JobLog, Dataset or None
        Files of the job, as far as they are there.
    size : int or None
        Bytes of the SWIN files; None where there is no folder, as of live data.
    running : bool
        The job is not over: what is missing may still come.
    missing_parts : dict
        Why a part is None: name of the part to a sentence.
    given_fringes : DataFrame or None
        Fringes that were fitted already, as :func:`difxnb.fringe_fit` gives them per scan.
    expected : tuple of str or None
        Baselines on which fringes are expected, ``"AA-BB"``; None for all that are correlated.
    is_part : bool
        The visibilities are a selection of those of the job, so that the job's files say nothing of what is missing.
    """

    job: str = ""
    dataset: xr.Dataset | None = None
    input: Input | None = None
    calc: Calc | None = None
    log: JobLog | None = None
    pcal: xr.Dataset | None = None
    size: int | None = None
    running: bool = False
    missing_parts: dict[str, str] = field(default_factory=dict)
    given_fringes: pd.DataFrame | None = None
    expected: tuple[str, ...] | None = None
    is_part: bool = False

    @cached_property
    def cross(self) -> xr.Dataset | None:
        """Cross-correlations, each time once and in order; None where there are none."""
        return self._baselines(autocorrelations=False)

    @cached_property
    def autos(self) -> xr.Dataset | None:
        """The same of autocorrelations that may be trusted; None where there are none (``difx-files.md`` 17.1)."""
        if self.dataset is None or self.dataset.attrs.get(UNTRUSTED):
            return None
        return self._baselines(autocorrelations=True)

    @cached_property
    def auto_spectra(self) -> AutoSpectra | None:
        """Mean autocorrelations of every scan; None where there are none that may be trusted."""
        return None if self.autos is None else auto_spectra(self.autos)

    @cached_property
    def samplings(self) -> Mapping[tuple[str, int, str], Sampling]:
        """How bands were sampled, by antenna, band and letter of polarization; empty without ``.input``."""
        return {} if self.input is None else samplings_of(self.input)

    @cached_property
    def fringes(self) -> pd.DataFrame | None:
        """Fringes of every scan, cross baseline, band and polarization; None where none can be fitted."""
        if self.given_fringes is not None:
            return self.given_fringes
        if self.cross is None:
            self.missing_parts.setdefault("fringes", "there are no cross-correlations")
            return None
        from difxnb.visibility.fits import fringe_fit

        try:
            return fringe_fit(self._in_order)
        except (
            ValueError
        ) as error:  # these axes cannot be fitted: a single channel, or years between integrations
            self.missing_parts["fringes"] = f"no fringe can be fitted: {error}"
            return None

    @cached_property
    def attendance(self) -> Attendance | None:
        """Which products were there when, and with what weights; None without visibilities."""
        return None if self.dataset is None else attendance_of(self.dataset)

    @cached_property
    def schedule(self) -> Schedule | None:
        """Scans and products that the job was to give by its files; None without ``.input`` or ``.calc``."""
        if self.input is None or self.calc is None:
            return None
        return schedule_of(self.input, self.calc)

    @property
    def so_far(self) -> str:
        """What to put behind a number that may still change: empty once a job is over."""
        return " so far" if self.running else ""

    def why_no_autos(self) -> str:
        """Why there are no autocorrelations to look at, as a sentence."""
        if self.dataset is None:
            return self.why_no("dataset")
        if self.dataset.attrs.get(UNTRUSTED):
            return "the autocorrelations of this job are mixed up, as DiFX 2.9 does where bands are stitched"
        return f"there are no autocorrelations of parallel hands{self.so_far}"

    def why_no(self, part: str) -> str:
        """Why a part is not there, as a sentence for a check that cannot be made.

        Fringes are a part too; without a dataset the reason is that of the dataset.
        """
        if part == "fringes" and self.dataset is None:
            part = "dataset"
        return self.missing_parts.get(part, f"there is no {part}")

    def _baselines(self, *, autocorrelations: bool) -> xr.Dataset | None:
        if self.dataset is None:
            return None
        rows = np.flatnonzero(self.dataset["is_autocorrelation"].values == autocorrelations)
        return self._in_order.isel(baseline=rows) if rows.size else None

    @cached_property
    def _in_order(self) -> xr.Dataset:
        """The dataset with each time once and in order."""
        assert self.dataset is not None
        if (np.diff(self.dataset["time"].values) > np.timedelta64(0)).all():
            return self.dataset
        return self.dataset.sortby("time").drop_duplicates("time")
