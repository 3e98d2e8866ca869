# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with their files, and visibilities in memory that a test has spoiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from difxnb.quality.checks import CHECKS
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check
from tests.quality.made_material import LIMITS, of_job, visibilities
from tests.stored_jobs import ALPHA, JOBS

BETA = next(job for job in JOBS if job.stem == "beta_1")
USB = next(job for job in JOBS if job.stem == "usb2bit")
LSB_ONE_BIT = next(job for job in JOBS if job.stem == "lsb1bit")
AXES = ("time", "baseline", "band", "polarization", "channel")


def spoiled(change: Callable[[xr.Dataset], object], job: Path = ALPHA) -> Material:
    """A job whose visibilities somebody changed in place."""
    material = of_job(job)
    material.dataset = visibilities(job)
    change(material.dataset)
    return material


def checked(name: str, material: Material, **limits: float) -> Check:
    """What a check says, with some limits in their places."""
    return CHECKS[name](material, {**LIMITS[name], **limits})


def values(data: xr.Dataset) -> np.ndarray:
    """Visibilities, to write into; in the order of `AXES`."""
    assert data["VISIBILITY"].dims == AXES
    return data["VISIBILITY"].values


def place(data: xr.Dataset, baseline: str, band: int = 0, polarization: str | None = "RR") -> tuple:
    """Where the spectra of a baseline, band and polarization (None: of all) stand in `values`."""
    hand = slice(None) if polarization is None else data["polarization"].values.tolist().index(polarization)
    return (
        slice(None),
        data["baseline"].values.tolist().index(baseline),
        data["band"].values.tolist().index(band),
        hand,
    )
