# SPDX-License-Identifier: GPL-3.0-or-later
"""Amplitude or phase of one product against frequency and time."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from numpy.typing import NDArray

from difxnb.markup import printable
from difxnb.plots.artists import PLAIN, SMALL_PT, TEXT_PT, Artists, name_axes, on_axes
from difxnb.plots.products import Chosen, Curve
from difxnb.plots.squeezed import set_bands
from difxnb.plots.style import LIGHT
from difxnb.plots.times import in_days, integration_s, set_utc

Quantity = Literal["amplitude", "phase"]
"""What a waterfall can be of."""

_DAY_S = 86400.0
_TOP_PERCENTILE = 99.5  # colours end here: one bad channel must not hide the others


def waterfall(
    dataset: xr.Dataset,
    quantity: Quantity = "amplitude",
    *,
    ax: Axes | None = None,
    baseline: str | None = None,
    bands: list[int] | None = None,
    polarization: str | None = None,
    scan: str | None = None,
) -> Artists:
    """Amplitude or phase of one product against sky frequency and time, each integration as it is.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    quantity : {"amplitude", "phase"}
        Phases rise with frequency where the second antenna of the baseline is late; nothing is stopped or taken out.
    ax : Axes, optional
        Where to draw; a new figure when not given.
    baseline : str, optional
        By default the first cross baseline.
    bands : sequence of int, optional
        Rows of the FREQ table; by default all, side by side.
    polarization : str, optional
        By default the first parallel hand.
    scan : str, optional
        By default the last one with data.

    Returns
    -------
    Artists
        A mesh for each band, in MHz, UTC, and correlation coefficients (by the mean autocorrelations of the scan) or
        DiFX's units, or degrees. What is missing is hatched.

    Raises
    ------
    ValueError
        No such quantity, scan, baseline, band or polarization, or no data at all.

    Examples
    --------
    >>> plots.waterfall(ds, "phase", baseline="AA-BB", polarization="RR")
    """
    if quantity not in get_args(Quantity):
        raise ValueError(f"no quantity {quantity!r}; there are {', '.join(get_args(Quantity))}")
    chosen = Chosen(
        dataset,
        scan=scan,
        baselines=None if baseline is None else [baseline],
        bands=bands,
        polarizations=None if polarization is None else [polarization],
        fitted=False,
    )
    chosen.curves = chosen.curves[:1]
    artists = on_axes(ax, height_in=3.0)
    artists.axes.patch.set(hatch="////", edgecolor=LIGHT.faint)
    set_bands(artists.axes, chosen.edges_mhz())
    artists += _meshes(artists.axes, chosen, quantity)
    _finish(artists, chosen, quantity)
    return artists


def _meshes(axes: Axes, chosen: Chosen, quantity: Quantity) -> list[QuadMesh]:
    curve = chosen.curves[0]
    drawn = {band: _values(chosen, curve, band, quantity) for band in chosen.bands}
    finite = np.concatenate([one[np.isfinite(one)] for one in drawn.values()])
    top = float(np.percentile(finite, _TOP_PERCENTILE)) if finite.size else 1.0
    limits = (-180.0, 180.0) if quantity == "phase" else (0.0, top or 1.0)
    edges, rows = _time_edges(chosen.spectra.dataset)
    meshes = []
    for (band, values), span in zip(drawn.items(), chosen.edges_mhz(), strict=True):
        across = np.linspace(*span, values.shape[1] + 1)
        framed = np.full((edges.size - 1, values.shape[1]), np.nan)
        framed[rows] = values
        meshes.append(
            axes.pcolormesh(
                across, edges, np.ma.masked_invalid(framed), vmin=limits[0], vmax=limits[1], rasterized=True,
                cmap=LIGHT.phase_colormap if quantity == "phase" else LIGHT.colormap,
                label=f"_{curve.label} band {band}",
            )
        )  # fmt: skip
    return meshes


def _values(chosen: Chosen, curve: Curve, band: int, quantity: Quantity) -> NDArray[np.float64]:
    """What is drawn of a band (time, channel), NaN where there is nothing."""
    one = chosen.spectra.dataset.sel(band=band, baseline=curve.baseline, polarization=curve.polarization)
    values = one["VISIBILITY"].transpose("time", "channel").values[:, : int(one["n_channels"])]
    values = np.where(one["WEIGHT"].values[:, None] == 0, np.nan, values)
    if quantity == "phase":
        return np.asarray(np.degrees(np.angle(values)), dtype=float)
    return np.asarray(np.abs(values) * chosen.scale(curve, band), dtype=float)


def _time_edges(part: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges of the rows in days, and which rows the integrations are; what lies between are gaps."""
    days = in_days(part["time"].values)
    half = max(integration_s(part), 1e-3) / _DAY_S / 2
    edges, rows = [days[0] - half], []
    for day in days:
        if day - half > edges[-1] + half:
            edges.append(day - half)
        rows.append(len(edges) - 1)
        edges.append(max(day + half, edges[-1] + half / 10))
    return np.array(edges), np.array(rows, dtype=np.int64)


def _finish(artists: Artists, chosen: Chosen, quantity: Quantity) -> None:
    axes, curve, part = artists.axes, chosen.curves[0], chosen.spectra.dataset
    set_utc(axes.yaxis)
    name_axes(axes, "sky frequency (MHz)", "time (UTC)")
    axes.grid(visible=False)
    mesh = artists[0]
    assert isinstance(mesh, QuadMesh)
    ticks = [-180, -90, 0, 90, 180] if quantity == "phase" else None
    bar = artists.figure.colorbar(mesh, ax=axes, ticks=ticks, aspect=30, pad=0.02)
    words = "phase (degrees)" if quantity == "phase" else chosen.unit
    bar.set_label(words, fontsize=TEXT_PT, **PLAIN)
    bar.ax.tick_params(labelsize=TEXT_PT)
    if artists.is_own:
        title = f"{curve.label}   {part['scan_name'].values[0]}   {part['field_name'].values[0]}"
        axes.set_title(printable(title), fontsize=SMALL_PT, loc="left", **PLAIN)
