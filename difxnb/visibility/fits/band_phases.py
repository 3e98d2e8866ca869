# SPDX-License-Identifier: GPL-3.0-or-later
"""Phases of bands from an earlier fit, such as that of a calibrator, to be taken out of another.

In goes a table that `fringe_fit` made with ``multiband``, out come offsets (baseline, polarization, band).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

BandPhases: TypeAlias = "str | pd.DataFrame | xr.Dataset | None"


def offsets_of(given: BandPhases, dataset: xr.Dataset) -> NDArray[np.float64] | None:
    """Phases of the bands of a Dataset, rad; NaN where the table has none, None where none are to be taken out.

    Of several rows of a product the mean counts, each phasor by its error squared; what was not detected does not.

    Raises
    ------
    ValueError
        It is no table of a multi-band fit, or has no phase of any product of these visibilities.
    """
    if given is None or (isinstance(given, str) and given == "free"):
        return None
    table = given.to_dataframe().reset_index() if isinstance(given, xr.Dataset) else given
    if not isinstance(table, pd.DataFrame) or not any(
        str(name).startswith("band_phase_") for name in table.columns
    ):
        raise ValueError(
            'band_phases is None, "free" or what fringe_fit(..., multiband=True) gave of a calibrator; '
            f"got {given if isinstance(given, str) else type(given).__name__}"
        )
    detected = table[~table["flags"].str.contains("not_detected")]
    axes = [[str(name) for name in dataset[axis].values] for axis in ("baseline", "polarization", "band")]
    found = np.full(tuple(map(len, axes)), np.nan)
    for row, baseline in enumerate(axes[0]):
        of_baseline = detected[detected["baseline"].astype(str) == baseline]
        for column, hand in enumerate(axes[1]):
            for place, band in enumerate(axes[2]):
                found[row, column, place] = _mean_phase(of_baseline, hand, band)
    if np.isnan(found).all():
        raise ValueError(
            "the table of band_phases has no phase of any baseline, polarization and band of these visibilities; it "
            f"is of {', '.join(dict.fromkeys(table['baseline'].astype(str)))}"
        )
    return found


def _mean_phase(table: pd.DataFrame, hand: str, band: str) -> float:
    """Mean phase of a band in one hand; NaN where there is none."""
    name = f"{band}_{hand}"
    if f"band_phase_{name}" not in table:
        name, table = band, table[table["polarization"].astype(str) == hand]
    if f"band_phase_{name}" not in table:
        return float("nan")
    phase, error = (
        table[f"{what}_{name}"].to_numpy(dtype=float) for what in ("band_phase", "band_phase_error")
    )
    known = np.isfinite(phase) & (error > 0)
    if not known.any():
        return float("nan")
    return float(np.angle((np.exp(1j * phase[known]) / error[known] ** 2).sum()))
