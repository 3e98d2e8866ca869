# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets to netCDF files, complex numbers and nanoseconds included."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

import numpy as np
import xarray as xr

from difxnb.errors import OutputExists


def save_netcdf(dataset: xr.Dataset, path: str | PathLike[str]) -> None:
    """Write a Dataset to a netCDF-4 file, whole or not at all.

    ``xarray.open_dataset(path, engine="netcdf4", auto_complex=True)`` gives it back as it was.

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring, or any other.
    path : path-like
        File to make.

    Raises
    ------
    OutputExists
        The file is there already; it is never overwritten.
    """
    target = Path(path)
    if target.exists():
        raise OutputExists(
            f"{target} exists already; visibilities are not written over it. Choose another name"
        )
    partial = target.with_name(target.name + ".partial")
    encoding = {
        name: {"units": "nanoseconds since 1970-01-01", "dtype": "int64"}
        for name, variable in dataset.variables.items()
        if np.issubdtype(variable.dtype, np.datetime64)
    }
    try:
        dataset.to_netcdf(partial, engine="netcdf4", auto_complex=True, encoding=encoding)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
