# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plot by its name, for what holds both visibilities and fringes, such as a monitor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from difxnb.plots.artists import Artists
from difxnb.plots.figures import fringe_figure
from difxnb.plots.histories import fringe_history
from difxnb.plots.matrices import snr_matrix
from difxnb.plots.spectra import amplitude, lag_spectrum, phase
from difxnb.plots.station_weights import weights
from difxnb.plots.stations import autocorrelation, reference_station
from difxnb.plots.waterfalls import waterfall


class Watched(Protocol):
    """What is plotted of: live, recorded, or at rest."""

    @property
    def dataset(self) -> xr.Dataset:
        """Visibilities."""

    @property
    def fringes(self) -> pd.DataFrame:
        """Their fringes."""


def _spectra(dataset: xr.Dataset, *, ax: Axes | None = None, **selection: Any) -> Artists:
    """The whole figure of a scan."""
    if ax is not None:
        raise ValueError(
            '"spectra" is a whole figure; for your axes take "amplitude", "phase" or "lag_spectrum"'
        )
    figure = fringe_figure(dataset, **selection)
    lines = [line for axes in figure.axes for line in axes.lines]
    return Artists(np.array(figure.axes, dtype=object), lines, is_own=True)


OF_VISIBILITIES: Mapping[str, Callable[..., Artists]] = MappingProxyType(
    {
        "spectra": _spectra,
        "amplitude": amplitude,
        "phase": phase,
        "lag_spectrum": lag_spectrum,
        "waterfall": waterfall,
        "autocorrelation": autocorrelation,
        "weights": weights,
        "reference_station": reference_station,
    }
)
"""Plots that are handed a Dataset."""

OF_FRINGES: Mapping[str, Callable[..., Artists]] = MappingProxyType(
    {"fringe_history": fringe_history, "snr_matrix": snr_matrix}
)
"""Plots that are handed a table of fringes."""


def plot(watched: Watched, kind: str, *, ax: Any = None, **selection: Any) -> Artists:
    """Draw what is watched; see ``Monitor.plot``.

    Raises
    ------
    ValueError
        There is no such kind, or what the plot itself refuses.
    """
    if kind in OF_FRINGES:
        return OF_FRINGES[kind](watched.fringes, ax=ax, **selection)
    if kind not in OF_VISIBILITIES:
        there = ", ".join([*OF_VISIBILITIES, *OF_FRINGES])
        raise ValueError(f"no kind of plot {kind!r}; there are {there}")
    return OF_VISIBILITIES[kind](watched.dataset, ax=ax, **selection)
