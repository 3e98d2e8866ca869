# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves of one scan: which products are drawn, in which colours, with what spectra.

In go a Dataset and what was asked for, out come averaged spectra with a look for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.plots.artists import curve_name
from difxnb.plots.choosing import (
    cross_baselines,
    first_of,
    known,
    parallel_hands,
    polarizations_of,
    scan_of,
)
from difxnb.plots.squeezed import Span
from difxnb.plots.style import LIGHT, LINE_STYLES, MARKERS
from difxnb.visibility.averages import ScanAverages
from difxnb.visibility.fits import fringe_fit

_MOST_BASELINES = 6
_NO_FRINGES = pd.DataFrame(columns=["scan", "baseline", "band", "polarization"])


@dataclass(frozen=True)
class Curve:
    """One baseline and polarization, and how it is told from the others."""

    baseline: str
    polarization: str
    colour: str
    style: str
    marker: str
    label: str


class Chosen:
    """What is drawn of one scan.

    Parameters
    ----------
    dataset : Dataset
    scan, baselines, bands, polarizations
        What was asked for; None for what is usual.
    fringes : DataFrame or None
        From ``fringe_fit``; fitted here when not given.
    autos : bool
        Whether autocorrelations are drawn in place of cross-correlations.
    fitted : bool
        Whether fringes are needed at all.

    Attributes
    ----------
    spectra : ScanAverages
    curves : list of Curve
    bands : list of int
        By frequency.
    left_out : str
        What the usual choice leaves out, in words.
    """

    def __init__(
        self,
        dataset: xr.Dataset,
        *,
        scan: str | None,
        baselines: Sequence[str] | None,
        bands: Sequence[int] | None,
        polarizations: Sequence[str] | None,
        fringes: pd.DataFrame | None = None,
        autos: bool = False,
        fitted: bool = True,
    ) -> None:
        part = scan_of(dataset, scan)
        there = _autos(part) if autos else cross_baselines(part)
        if not there:
            raise ValueError(f"there are no {'auto' if autos else 'cross-'}correlations to draw")
        usual, self.left_out = first_of(there, _MOST_BASELINES, "antennas" if autos else "baselines")
        names = known(baselines, usual, there, "baseline")
        self.left_out = "" if baselines is not None else self.left_out
        hands = polarizations_of(part)
        shown = known(polarizations, parallel_hands(hands), hands, "polarization")
        rows = [int(one) for one in part["band"].values]
        if fringes is None:
            fringes = fringe_fit(part.sel(baseline=names, polarization=shown)) if fitted else _NO_FRINGES
        self.spectra = ScanAverages(part, fringes)
        self.bands = sorted(known(bands, rows, rows, "band"), key=lambda one: self.spectra.frequency(one)[0])
        self.curves = list(_curves(names, shown, autos=autos))

    def edges_mhz(self) -> list[Span]:
        """Edges of the bands that are drawn, half a channel beyond the outermost centres."""
        return [edges_of(self.spectra.frequency(band), self._width(band)) for band in self.bands]

    def _width(self, band: int) -> float:
        one = self.spectra.dataset.sel(band=band)
        return float(one["bandwidth"]) / max(1, int(one["n_channels"]))

    def pieces(self, curve: Curve) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.complex128]]]:
        """Band, frequencies in MHz and spectrum, wherever a curve has data."""
        for band in self.bands:
            spectrum = self.spectra.spectrum(curve.baseline, band, curve.polarization)
            if spectrum is not None:
                yield band, self.spectra.frequency(band) / 1e6, spectrum

    def scale(self, curve: Curve, band: int) -> NDArray[np.float64] | float:
        """What amplitudes are multiplied with, in the unit of `unit`."""
        if not self.are_coefficients:
            return 1.0
        found = self.spectra.scale(curve.baseline, band, curve.polarization)
        return 1.0 if found is None else found

    @property
    def are_coefficients(self) -> bool:
        """Whether every curve has its autocorrelations; else none is scaled, for one axis has one unit."""
        return all(
            self.spectra.scale(curve.baseline, band, curve.polarization) is not None
            for curve in self.curves
            for band, _, _ in self.pieces(curve)
        )

    @property
    def unit(self) -> str:
        """Words for the amplitudes as drawn."""
        named = str(self.spectra.dataset["VISIBILITY"].attrs.get("long_name", ""))
        is_coefficient = self.are_coefficients or named == "correlation coefficient"
        return "correlation coefficient" if is_coefficient else "amplitude (DiFX units)"


def edges_of(centres: NDArray[np.float64], width: float) -> Span:
    """Low and high edge of a band in MHz, of channel centres and their width in Hz."""
    return float(centres[0] - width / 2) / 1e6, float(centres[-1] + width / 2) / 1e6


def _autos(part: xr.Dataset) -> list[str]:
    return [str(name) for name in part["baseline"].values[part["is_autocorrelation"].values]]


def _curves(names: list[str], shown: list[str], *, autos: bool) -> Iterator[Curve]:
    """Baselines are told by colour, polarizations by line and mark; of one baseline, by colour too."""
    for row, baseline in enumerate(names):
        for column, hand in enumerate(shown):
            alone = len(names) == 1
            title = baseline.partition("-")[0] if autos else baseline
            yield Curve(
                baseline,
                hand,
                LIGHT.polarization(hand) if alone else LIGHT.curve(row),
                LINE_STYLES[column % len(LINE_STYLES)],
                MARKERS[column % len(MARKERS)],
                curve_name(title, hand),
            )
