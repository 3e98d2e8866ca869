# SPDX-License-Identifier: GPL-3.0-or-later
"""Material of the good reference jobs, and ways to spoil it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.quality.gathering import damage_is_checked, gather
from difxnb.quality.limits import default_limits
from difxnb.quality.material import Material
from difxnb.visibility import open_visibilities
from tests.stored_jobs import ALPHA, JOBS

GOOD = [job for job in JOBS if job.stem in ("alpha_1", "zeta_1", "epsilon_1", "usb2bit", "lsb1bit")]
LIMITS = default_limits()


def visibilities(input_file: Path = ALPHA) -> xr.Dataset:
    """Visibilities of a job in memory, free to be spoiled."""
    return open_visibilities(input_file).load()


def of_job(input_file: Path) -> Material:
    with damage_is_checked():
        return gather(input_file)


def of_data(dataset: xr.Dataset) -> Material:
    """What checks see of visibilities whose files are nowhere."""
    return Material("made", dataset, is_part=True)


def of_fringes(fringes: pd.DataFrame, dataset: xr.Dataset | None = None) -> Material:
    return Material("made", dataset, given_fringes=fringes)


def sides(dataset: xr.Dataset, antenna: str) -> np.ndarray:
    """For each baseline 1 where the antenna is its second, -1 where it is its first, 0 where it has no part."""
    second = (dataset["antenna2_name"] == antenna).values.astype(int)
    return second - (dataset["antenna1_name"] == antenna).values.astype(int)


def turned(dataset: xr.Dataset, turns: xr.DataArray) -> xr.Dataset:
    """Visibilities times exp(2πi turns)."""
    made = dataset["VISIBILITY"] * np.exp(2j * np.pi * turns)
    return dataset.assign(VISIBILITY=made.transpose(*dataset["VISIBILITY"].dims).astype(np.complex64))


def noise_like(dataset: xr.Dataset, where: xr.DataArray, seed: int = 1) -> xr.Dataset:
    """Visibilities of some products replaced with noise of their own strength, as of an antenna without a signal."""
    rng = np.random.default_rng(seed)
    values = dataset["VISIBILITY"]
    noise = rng.normal(size=values.shape) + 1j * rng.normal(size=values.shape)
    noise = values.copy(data=(noise * 0.05).astype(np.complex64)).where(np.isfinite(values))
    return dataset.assign(VISIBILITY=values.where(~where, noise).transpose(*values.dims))
