# SPDX-License-Identifier: GPL-3.0-or-later
"""``xarray.open_dataset(path, engine="difx")``: the entry point by which xarray finds DiFX visibilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint


class DifxBackend(BackendEntrypoint):
    """Opens ``.difx`` folders, single SWIN files and ``.input`` files."""

    description = "Open the visibilities of a DiFX job"

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | list[str] | None = None
    ) -> xr.Dataset:
        """Open visibilities; see :func:`difxnb.open_visibilities`."""
        raise NotImplementedError

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the name is that of a ``.difx`` folder."""
        return isinstance(filename_or_obj, str | Path) and Path(filename_or_obj).suffix == ".difx"
