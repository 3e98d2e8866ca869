# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of visibilities and fringes (matplotlib, never pyplot)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure


def fringe_figure(
    dataset: xr.Dataset,
    *,
    fringes: pd.DataFrame | None = None,
    baselines: Sequence[str] | None = None,
    scan: str | None = None,
    polarizations: Sequence[str] | None = None,
) -> Figure:
    """Amplitude, phase and lag spectrum, one row per baseline."""
    raise NotImplementedError


def weights_figure(weights: xr.DataArray) -> Figure:
    """Weights of each antenna against time."""
    raise NotImplementedError
