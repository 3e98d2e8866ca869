# SPDX-License-Identifier: GPL-3.0-or-later
"""Lag functions of visibilities, with their delays in seconds.

In: complex spectra along ``channel``. Out: complex functions along ``lag_index``, whose delays are the coordinate
``lag`` (``difx-files.md`` 16.5). The transform is that of :func:`difxnb.fringe.lag_spectrum`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.fringe import lag_axis, lag_spectrum
from difxnb.visibility.accessor.selecting import channel_centres, labels

_UNEVEN = 1e-3  # of a channel


class Grid(NamedTuple):
    """The channels that a band has: how many, how far apart (Hz), and the centre of the first (Hz)."""

    channels: int
    width: float
    first: float


def lags(
    spectra: xr.DataArray, *, padding: int = 8, window: str | None = None, edge_channels: int = 0
) -> xr.DataArray:
    """Lag functions; see ``Dataset.difx.lags``."""
    grids = _grids(spectra)
    fewest, most = min(grid.channels for grid in grids), max(grid.channels for grid in grids)
    if not isinstance(padding, int | np.integer) or padding < 1:
        raise ValueError(f"padding is a whole number from 1 on; got {padding!r}")
    if not isinstance(edge_channels, int | np.integer):
        raise ValueError(f"edge_channels is a whole number; got {edge_channels!r}")
    if not 0 <= 2 * edge_channels < fewest:
        raise ValueError(f"{edge_channels} channels at either end leave nothing of a band of {fewest}")
    if spectra.chunks is not None:
        spectra = spectra.chunk(channel=-1)
    along = ("band",) if "band" in spectra.dims else ()
    counts = xr.DataArray(
        np.array([grid.channels for grid in grids]).reshape([len(grids)] * len(along)), dims=along
    )
    made: xr.DataArray = xr.apply_ufunc(
        _transformed,
        spectra.drop_vars([name for name, one in spectra.coords.items() if "channel" in one.dims]),
        counts,
        kwargs={"padding": int(padding), "window": window, "edge_channels": edge_channels},
        input_core_dims=[["channel"], []],
        output_core_dims=[["lag_index"]],
        dask="parallelized",
        output_dtypes=[np.complex64],
        dask_gufunc_kwargs={"output_sizes": {"lag_index": spectra.sizes["channel"] * int(padding)}},
        keep_attrs=True,
    )
    return _described(made.rename("LAG").isel(lag_index=slice(most * int(padding))), grids, int(padding))


def _grids(spectra: xr.DataArray) -> list[Grid]:
    """The channels of each band, from their frequencies: right also after channels have been selected."""
    if "channel" not in spectra.dims:
        raise ValueError(f"lags are made of spectra; these have no axis 'channel', but {list(spectra.dims)}")
    rows = channel_centres(spectra)
    widths = labels(spectra, "bandwidth", "band") / labels(spectra, "n_channels", "band")
    if (np.diff(np.isfinite(rows).astype(int), axis=1) > 0).any():
        raise ValueError("lags need channels from the first of a band on; reorder or select them first")
    return [_grid(row[np.isfinite(row)], width) for row, width in zip(rows, widths, strict=True)]


def _grid(centres: NDArray[np.float64], width: float) -> Grid:
    if not len(centres):
        raise ValueError("a band has no channel left; leave it out before lags()")
    steps = np.diff(centres)
    step = float(steps.mean()) if len(steps) else float(width)
    if len(steps) and np.abs(steps - step).max() > _UNEVEN * abs(step):
        raise ValueError("lags need channels at equal distances; some are left out between others")
    return Grid(len(centres), step, float(centres[0]))


def _transformed(
    spectra: NDArray[np.complex64],
    counts: NDArray[np.int64],
    *,
    padding: int,
    window: str | None,
    edge_channels: int,
) -> NDArray[np.complex64]:
    """Lag functions of spectra that have `counts` channels each; NaN behind their last lag."""
    made = np.full((*spectra.shape[:-1], spectra.shape[-1] * padding), np.nan + 0j, dtype=np.complex64)
    made.imag = np.nan
    everywhere = np.broadcast_to(counts, spectra.shape[:-1])
    for count in np.unique(counts):
        here = everywhere == count
        found = _of_one_length(spectra[here][:, :count], padding, window, edge_channels)
        made[here, : count * padding] = found
    return made


def _of_one_length(
    spectra: NDArray[np.complex64], padding: int, window: str | None, edge_channels: int
) -> NDArray[np.complex128]:
    channels = spectra.shape[1]
    taper = np.zeros(channels)
    used = slice(edge_channels, channels - edge_channels)
    taper[used] = _taper(window, channels - 2 * edge_channels)
    present = np.isfinite(spectra)
    total = (present * taper).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(total > 0, present.sum(axis=1, keepdims=True) / total, np.nan)
    return lag_spectrum(np.where(present, spectra, np.nan) * taper, padding=padding) * scale


def _taper(window: str | None, channels: int) -> NDArray[np.float64]:
    if window is None:
        return np.ones(channels)
    from scipy.signal import get_window

    return np.asarray(get_window(window, channels, fftbins=False), dtype=float)


def _described(made: xr.DataArray, grids: list[Grid], padding: int) -> xr.DataArray:
    delays = np.full((len(grids), made.sizes["lag_index"]), np.nan)
    for row, grid in zip(delays, grids, strict=True):
        row[: grid.channels * padding] = lag_axis(grid.channels, grid.width, padding=padding)
    along = ("band",) if "band" in made.dims else ()
    shape = (len(grids),) * len(along)
    first = np.array([grid.first for grid in grids]).reshape(shape)
    described = made.assign_coords(
        lag=((*along, "lag_index"), delays.reshape(*shape, -1)),
        reference_frequency=(along, first),
    )
    described["lag"].attrs = {"units": "s", "long_name": "lag; positive where antenna 2 is late"}
    described["reference_frequency"].attrs = {"units": "Hz", "long_name": "where the phase of LAG is taken"}
    described.attrs = {**made.attrs, "long_name": f"lag function of the {_what(made)}"}
    return described


def _what(made: xr.DataArray) -> str:
    return str(made.attrs.get("long_name", "visibility"))
