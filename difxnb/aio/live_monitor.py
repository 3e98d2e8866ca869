# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities of a running job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Select: TypeAlias = "Mapping[str, Any] | pd.DataFrame | Callable[[pd.DataFrame], Any]"


class Monitor:
    """Live visibilities of a running job."""

    @property
    def products(self) -> pd.DataFrame:
        """Correlation products, joined with the ``.input`` file."""
        raise NotImplementedError

    @property
    def dataset(self) -> xr.Dataset:
        """Everything received so far."""
        raise NotImplementedError

    @property
    def fringes(self) -> pd.DataFrame:
        """Fringes of the latest integrations."""
        raise NotImplementedError

    @property
    def version(self) -> int:
        """Grows with each block."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the dataset."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop the monitor."""
        raise NotImplementedError

    async def __aenter__(self) -> Monitor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
