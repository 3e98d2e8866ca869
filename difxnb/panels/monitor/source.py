# SPDX-License-Identifier: GPL-3.0-or-later
"""What a panel of visibilities looks at: a monitor, live or recorded, or a Dataset that lies still."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import xarray as xr

from difxnb.visibility import fringe_fit, save_netcdf


class Source(Protocol):
    """What is asked of a monitor. All of it is a snapshot, from any thread; `select` is there where it is live."""

    @property
    def products(self) -> pd.DataFrame: ...

    @property
    def available(self) -> pd.DataFrame: ...

    @property
    def dataset(self) -> xr.Dataset: ...

    @property
    def fringes(self) -> pd.DataFrame: ...

    @property
    def version(self) -> int: ...

    @property
    def dropped(self) -> int: ...

    @property
    def passed_over(self) -> int: ...

    @property
    def texts(self) -> list[str]: ...

    @property
    def closed(self) -> bool: ...

    @property
    def failure(self) -> object: ...

    @property
    def interruption(self) -> str: ...

    def latest(self, integrations: int) -> xr.Dataset: ...

    def save(self, path: str | Path) -> Path: ...


class StillSource:
    """A Dataset in the place of a monitor: nothing more comes.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`; it may be read lazily.
    """

    version, dropped, passed_over = 1, 0, 0
    closed, failure, interruption = True, None, ""

    def __init__(self, dataset: xr.Dataset) -> None:
        self.dataset = dataset.isel({dim: 0 for dim in ("phase_center", "pulsar_bin") if dim in dataset.dims})
        self._fringes: pd.DataFrame | None = None

    @property
    def available(self) -> pd.DataFrame:
        """A row for each baseline, band and polarization."""
        dataset = self.dataset
        low = np.nanmin(dataset["frequency"].values, axis=-1)
        axes = [dataset["baseline"].values, dataset["band"].values, dataset["polarization"].values]
        table = pd.MultiIndex.from_product(axes, names=["baseline", "band", "polarization"]).to_frame(
            index=False
        )
        per_band = dict(zip(dataset["band"].values.tolist(), low.tolist(), strict=True))
        for name in ("antenna1_name", "antenna2_name", "is_autocorrelation"):
            values = dataset[name].values.tolist()
            table[name] = table["baseline"].map(dict(zip(axes[0].tolist(), values, strict=True)))
        return table.assign(frequency=table["band"].map(per_band))

    @property
    def products(self) -> pd.DataFrame:
        """The same: all are there."""
        return self.available

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringes of every scan, fitted once."""
        if self._fringes is None:
            self._fringes = fringe_fit(self.dataset, workers=1)
        return self._fringes

    @property
    def texts(self) -> list[str]:
        """Nobody said anything."""
        return []

    def latest(self, integrations: int) -> xr.Dataset:
        """The last integrations."""
        return self.dataset.isel(time=slice(-integrations, None))

    def save(self, path: str | Path) -> Path:
        """Write it to a netCDF file; OutputExists where there is one."""
        save_netcdf(self.dataset, path)
        return Path(path)


def source_of(thing: Source | xr.Dataset) -> Source:
    """A monitor as it is, a Dataset in the place of one."""
    return StillSource(thing) if isinstance(thing, xr.Dataset) else thing
