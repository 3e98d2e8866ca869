# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets to netCDF files, complex numbers and nanoseconds included."""

from __future__ import annotations

from os import PathLike

import numpy as np
import xarray as xr

from difxnb.formats.new_file import new_file


def save_netcdf(dataset: xr.Dataset, path: str | PathLike[str]) -> None:
    """Write a Dataset to a netCDF-4 file, whole or not at all.

    ``xarray.open_dataset(path, engine="netcdf4", auto_complex=True)`` gives it back as it was; to ask it questions as
    ``ds.difx.baseline("AA", "BB")``, ``import difxnb.visibility`` as well.

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
    encoding = {
        name: {"units": "nanoseconds since 1970-01-01", "dtype": "int64"}
        for name, variable in dataset.variables.items()
        if np.issubdtype(variable.dtype, np.datetime64)
    }
    with new_file(path, "visibilities") as partial:
        dataset.to_netcdf(partial, engine="netcdf4", auto_complex=True, encoding=encoding)
