# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of a job as an array, and weights that are not known.

In go the table of weights of status messages and the ``.input`` that names antennas, out comes a DataArray.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.formats.input import Input


def known_weights(weight: NDArray[np.floating]) -> NDArray[np.floating]:
    """Weights with those that are not known, of the live monitor, counted as 1."""
    return np.where(np.isnan(weight), 1.0, weight)


def weights_array(weights: pd.DataFrame, input: Input | None = None) -> xr.DataArray:
    """Weights of a job as an array.

    Parameters
    ----------
    weights : DataFrame
        From ``JobTable.weights(job)``.
    input : Input, optional
        Names the antennas. Two datastreams of one antenna are averaged. Without it each datastream stands
        for itself under the name ``"datastream 0"``.

    Returns
    -------
    DataArray (time, antenna)
        Mean autocorrelation weight of each integration, 0…1; NaN where none was reported.
    """
    named = weights.assign(antenna=[antenna_name(index, input) for index in weights["datastream"]])
    order = list(dict.fromkeys(named.sort_values("datastream")["antenna"]))
    table = named.pivot_table(index="time", columns="antenna", values="weight", aggfunc="mean")
    table = table.reindex(columns=order)
    return xr.DataArray(
        table.to_numpy(dtype=float).reshape(len(table), len(order)),
        coords={"time": table.index.to_numpy(dtype="datetime64[ns]"), "antenna": order},
        dims=("time", "antenna"),
        name="WEIGHT",
        attrs={"units": "1", "long_name": "fraction of valid data"},
    )


def antenna_name(datastream: int, input: Input | None) -> str:
    """Name of the antenna that a job's datastream comes from; its number where the job has no such datastream."""
    rows = () if input is None else input.configurations[0].datastream_indices
    if input is None or not 0 <= datastream < len(rows):
        return f"datastream {datastream}"
    row = rows[datastream]
    return input.telescopes[input.datastreams[row].telescope_index].name
