# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the lazy Dataset of jobs: their tables joined, their axes, the names of scans and sources, provenance."""

from __future__ import annotations

from os import PathLike

import xarray as xr

from difxnb.formats.input import Input
from difxnb.formats.swin_scan import OnError
from difxnb.visibility.finding import Source, find_jobs


def build_dataset(
    source: Source, *, input: str | PathLike[str] | Input | None, on_error: OnError, growing: bool
) -> xr.Dataset:
    """Build the Dataset; see :func:`difxnb.open_visibilities`."""
    find_jobs(source, input)
    raise NotImplementedError
