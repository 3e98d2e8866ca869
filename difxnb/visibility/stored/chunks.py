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

_DIMS = (
    "time",
    "phase_center",
    "pulsar_bin",
    "baseline",
    "band",
    "polarization",
    "channel",
    "uvw",
)
"""Every dimension that a Dataset of files may have."""


class LazyVariable(xr.Variable):
    """A variable in files, whose dask arrays have another name whenever the files are others.

    ``xarray.open_dataset(folder, chunks=...)`` makes names of the name and time of the folder alone. These stay what
    they are while files in it grow, and dask, which may still have something of that name, would give what was there
    before.
    """

    __slots__ = ()

    def chunk(self, chunks: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Put the data on dask; see ``xarray.Variable.chunk``."""
        inner = options.get("from_array_kwargs") or {}
        name = options.get("name") or inner.get("name")
        if name and self.chunks is None:
            from dask.base import tokenize

            own = {"name": f"{name}-{tokenize(self._data)}"}
            options |= own if options.get("name") else {"from_array_kwargs": inner | own}
        return super().chunk({} if chunks is None else chunks, **options)


class KeptVariable(xr.Variable):
    """A coordinate that stays in memory where xarray would put it on dask, which could not be grouped by then."""

    __slots__ = ()

    def chunk(self, chunks: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Give the same in memory."""
        return xr.Variable(self.dims, self.values, self.attrs, self.encoding)


def in_chunks(variable: xr.Variable, chunks: Chunks, name: str) -> xr.Variable:
    """Put a lazy variable on dask.

    Raises
    ------
    ValueError, TypeError
        Chunks that mean nothing.
    ImportError
        dask is not installed.
    """
    from dask.base import tokenize

    wanted = {dim: size for dim, size in _by_dimension(chunks).items() if dim in variable.dims}
    if wanted.get("time", "auto") in ("auto", None):
        wanted["time"] = variable.encoding["preferred_chunks"]["time"]
    return variable.chunk(wanted, name=f"{name}-{tokenize(wanted)}")


def _by_dimension(chunks: Chunks) -> dict[Any, Any]:
    if isinstance(chunks, int) and not isinstance(chunks, bool):
        wanted: dict[Any, Any] = dict.fromkeys(_DIMS, chunks)
    elif isinstance(chunks, Mapping):
        wanted = dict(chunks)
    elif chunks == "auto":
        wanted = {}
    else:
        raise ValueError(f"chunks are a number, a mapping, 'auto' or None, not {chunks!r}")
    unknown = [dim for dim in wanted if dim not in _DIMS]
    if unknown:
        raise ValueError(f"there are chunks along {', '.join(_DIMS)}, not along {unknown[0]!r}")
    empty = [dim for dim, size in wanted.items() if isinstance(size, int) and (size < -1 or size == 0)]
    if empty:
        raise ValueError(f"chunks of {wanted[empty[0]]} along {empty[0]}: -1 is all of it, None what suits")
    return wanted
