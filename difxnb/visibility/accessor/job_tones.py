# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones of the job that visibilities came from.

In: visibilities that say where their files are. Out: the tones of :func:`difxnb.visibility.phase_cal.read_pcal`, on
their own times or on those of the visibilities (``difx-files.md`` 14).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from difxnb.formats.swin_scan import OnError
from difxnb.visibility.accessor.grouping import integration_times
from difxnb.visibility.phase_cal import read_pcal


def tones_of(dataset: xr.Dataset, *, align: bool = False, on_error: OnError = "raise") -> xr.Dataset:
    """Tones of the job of a Dataset; see ``Dataset.difx.pcal``."""
    inputs = _lines(dataset, "input_file")
    folders = list(dict.fromkeys(str(Path(file).parent) for file in _lines(dataset, "files")))
    if not folders and not inputs:
        raise ValueError(
            "these visibilities do not say of which files they were made (attrs 'files', 'input_file'); "
            "name the files to read_pcal"
        )
    # Where one job was opened its own .input is meant, wherever that lies; of several each is beside its output.
    tones = read_pcal(folders or inputs, input=inputs[0] if len(inputs) == 1 else None, on_error=on_error)
    return aligned(tones, dataset) if align else tones


def _lines(dataset: xr.Dataset, name: str) -> list[str]:
    return [line for line in str(dataset.attrs.get(name, "")).splitlines() if line]


def aligned(tones: xr.Dataset, dataset: xr.Dataset) -> xr.Dataset:
    """Tones at the times of visibilities: the nearest, NaN where there are none within half an integration."""
    times = np.atleast_1d(dataset["time"].values)
    half = np.rint(integration_times(dataset) / 2 * 1e9).astype("timedelta64[ns]")
    sorted_tones = tones.sortby("time").drop_duplicates("time")
    made = sorted_tones.reindex(time=times, method="nearest", tolerance=half)
    along = {
        name: coordinate.variable
        for name, coordinate in dataset.coords.items()
        if coordinate.dims == ("time",) and name != "time"
    }
    return made.assign_coords(along)
