# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities as one Dataset shape, from the live monitor and from SWIN records, and their fringes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from difxnb.formats.calc import Calc
    from difxnb.formats.im import Im
    from difxnb.formats.input import Input
    from difxnb.formats.swin import SwinRecord
    from difxnb.wire.monitor import Product, Scan, VisibilityBlock


def products_frame(products: Iterable[Product], input: Input) -> pd.DataFrame:
    """Monitor products, one row each, named from the .input."""
    raise NotImplementedError


class VisibilitySeries:
    """Live visibilities: blocks go in from one thread, Datasets come out in any other."""

    def __init__(
        self,
        input: Input,
        products: Iterable[Product],
        *,
        scans: Sequence[Scan] = (),
        limit_bytes: int = 256 * 2**20,
    ) -> None:
        raise NotImplementedError

    version: int
    dropped: int

    def add(self, block: VisibilityBlock) -> None:
        """Take one product of one integration."""
        raise NotImplementedError

    def dataset(self, *, im: Im | None = None, calc: Calc | None = None) -> xr.Dataset:
        """Snapshot in the shape of all visibilities of difxnb."""
        raise NotImplementedError

    def fringes(self) -> pd.DataFrame:
        """Fringe fit of every scan, baseline, band and polarization, with the server's raw values beside."""
        raise NotImplementedError


def dataset_from_records(
    input: Input, records: Iterable[SwinRecord], *, calc: Calc | None = None, im: Im | None = None
) -> xr.Dataset:
    """Build the same Dataset from SWIN records."""
    raise NotImplementedError


def fringe_fit(dataset: xr.Dataset, *, edge_channels: int = 1) -> pd.DataFrame:
    """Fit delay and rate per scan, baseline, band and polarization."""
    raise NotImplementedError


def weights_array(weights: pd.DataFrame, input: Input | None = None) -> xr.DataArray:
    """Weights of `JobTable.weights(job)` as a DataArray (time, antenna)."""
    raise NotImplementedError


def save_netcdf(dataset: xr.Dataset, path: str | PathLike[str]) -> None:
    """Write a Dataset to netCDF with complex numbers; refuses to overwrite."""
    raise NotImplementedError
