# SPDX-License-Identifier: GPL-3.0-or-later
"""Solutions of networks as rows of tables: stations, their offsets, and what fringes miss them by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.clock.measurements import LABELS
from difxnb.clock.network import DELAY, RATE, NetworkSolution
from difxnb.clock.phases import number_of_sets, station_phases

PARAMETERS = ("delay", "delay_rate")


def station_rows(
    found: NetworkSolution, table: pd.DataFrame, antennas: Sequence[str], reference: str, epoch: pd.Timestamp
) -> pd.DataFrame:
    """One row per antenna; `table` holds the rows that the network was made of."""
    errors = np.sqrt(found.covariance.diagonal()).reshape(2, -1)
    used = table.iloc[np.flatnonzero(found.connected)]
    frame = pd.DataFrame(
        {
            "antenna": list(antennas),
            "epoch": epoch,
            "delay": found.delay,
            "delay_error": errors[0],
            "delay_rate": found.rate,
            "delay_rate_error": errors[1],
            "n_used": _counted(used.iloc[np.flatnonzero(~found.outlier)], antennas),
            "n_outliers": _counted(used.iloc[np.flatnonzero(found.outlier)], antennas),
        }
    )
    good = used.iloc[np.flatnonzero(~found.outlier)]
    phases = pd.DataFrame({"antenna": [], "phase": [], "phase_error": [], "reference_frequency": []})
    if number_of_sets(good) == 1:
        phases = station_phases(good, antennas, reference, epoch)[list(phases.columns)]
    joined = frame.merge(phases.astype({"antenna": object}), on="antenna", how="left")
    return joined[[*frame.columns[:6], "phase", "phase_error", "reference_frequency", *frame.columns[6:]]]


def offset_rows(found: NetworkSolution, antennas: Sequence[str]) -> pd.DataFrame:
    """One row per band and hand of each antenna: what its delay is more than the clock of the antenna."""
    frame = found.nodes.labels.assign(offset=found.offset, offset_error=found.offset_error)
    frame.insert(0, "antenna", np.array(antennas, dtype=object)[found.nodes.antenna])
    return frame.iloc[np.flatnonzero(np.isfinite(found.offset))].reset_index(drop=True)


def residual_rows(found: NetworkSolution, table: pd.DataFrame) -> pd.DataFrame:
    """One row per fringe that leads to the reference."""
    used = table.iloc[np.flatnonzero(found.connected)]
    sizes = np.nan_to_num(np.abs(found.n_sigma), nan=-1.0)
    worst = np.where(sizes[RATE] > sizes[DELAY], found.n_sigma[RATE], found.n_sigma[DELAY])
    names = [name for name in LABELS if name in used]
    ends = ["antenna1_name", "antenna2_name", "delay", "delay_error", "delay_rate", "delay_rate_error", "snr"]
    return used[[*names, *ends]].assign(
        ambiguities=found.turns.astype(int),
        rate_ambiguities=found.rate_turns.astype(int),
        delay_residual=found.residual[DELAY],
        delay_n_sigma=found.n_sigma[DELAY],
        delay_rate_residual=found.residual[RATE],
        delay_rate_n_sigma=found.n_sigma[RATE],
        n_sigma=worst,
        outlier=found.outlier,
    )


def covariance_array(found: NetworkSolution, antennas: Sequence[str]) -> xr.DataArray:
    """Covariance of delays and rates, (antenna, parameter, antenna2, parameter2)."""
    size = len(antennas)
    values = found.covariance.reshape(2, size, 2, size).transpose(1, 0, 3, 2)
    names = {"antenna": list(antennas), "parameter": list(PARAMETERS)}
    return xr.DataArray(
        values,
        dims=("antenna", "parameter", "antenna2", "parameter2"),
        coords=names | {f"{name}2": values for name, values in names.items()},
        name="covariance",
        attrs={"long_name": "covariance of delays (s) and delay rates (s/s)"},
    )


def summary_of(found: NetworkSolution, epoch: pd.Timestamp) -> dict[str, object]:
    """What is to be said of one solution as a whole."""
    fit = found.adjustment
    return {
        "epoch": epoch,
        "n_used": int((~found.outlier).sum()),
        "n_outliers": int(found.outlier.sum()),
        "chi_squared": 0.0 if fit is None else fit.chi_squared,
        "degrees_of_freedom": 0 if fit is None else fit.degrees_of_freedom,
        "delay_error_scale": 1.0 if fit is None else float(fit.scales[0]),
        "rate_error_scale": 1.0 if fit is None or len(fit.scales) < 2 else float(fit.scales[1]),
    }


def _counted(rows: pd.DataFrame, antennas: Sequence[str]) -> list[int]:
    counts = pd.concat([rows["antenna1_name"], rows["antenna2_name"]]).value_counts()
    return [int(counts.get(name, 0)) for name in antennas]
