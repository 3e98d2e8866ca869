# SPDX-License-Identifier: GPL-3.0-or-later
"""Lazy variables as dask arrays: time in whole integrations, everything else whole unless asked otherwise.

In go variables that read when they are used, and chunks as users of xarray name them; out come variables on dask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import xarray as xr

Chunks: TypeAlias = int | Mapping[Any, Any] | str | None
"""What a user may write; see :func:`difxnb.open_visibilities`."""


def in_chunks(variable: xr.Variable, chunks: Chunks, name: str) -> xr.Variable:
    """Put a lazy variable on dask, under a name that no other data have.

    Raises
    ------
    ValueError
        Chunks that mean nothing.
    ImportError
        dask is not installed.
    """
    from dask.base import tokenize

    if isinstance(chunks, int):
        wanted: dict[Any, Any] = dict.fromkeys(variable.dims, chunks)
    elif isinstance(chunks, Mapping):
        wanted = {name: size for name, size in chunks.items() if name in variable.dims}
    elif chunks == "auto":
        wanted = {}
    else:
        raise ValueError(f"chunks are a number, a mapping, 'auto' or None, not {chunks!r}")
    if wanted.get("time", "auto") in ("auto", None):
        wanted["time"] = variable.encoding["preferred_chunks"]["time"]
    return variable.chunk(wanted, name=f"{name}-{tokenize(wanted)}")
