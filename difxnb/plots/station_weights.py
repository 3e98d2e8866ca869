# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of stations against time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from difxnb.plots.artists import Artists, add_legend, curve_name, name_axes, on_axes, say_nothing_there
from difxnb.plots.choosing import known
from difxnb.plots.style import LIGHT, LINE_STYLES, MARKERS
from difxnb.plots.times import (
    breaks,
    in_days,
    integration_s,
    label_scans,
    scan_spans,
    set_utc,
    table_spans,
    usual_step,
    with_gaps,
)
from difxnb.visibility.accessor.selecting import with_all_axes

_DAY_S = 86400.0
_LATE = 1.6  # of an integration: what is further away is missing something between
_LATE_REPORT = 3.5  # the same of reports, which come when they come


def weights(
    data: xr.DataArray | xr.Dataset,
    *,
    ax: Axes | None = None,
    antennas: Sequence[str] | None = None,
    scans: pd.DataFrame | None = None,
) -> Artists:
    """Weight of each station against time.

    Parameters
    ----------
    data : DataArray (time, antenna) or Dataset
        Weights such as ``run.weights`` turned by ``weights_array``, or visibilities: then the weight of a station is
        the mean of its autocorrelations, or of all its baselines where it has none. Weights that are not known (of live
        visibilities) are left out.
    ax : Axes, optional
        Where to draw; a new figure when not given. A legend is drawn only there.
    antennas : sequence of str, optional
        By default all.
    scans : DataFrame, optional
        With ``scan_name``, ``start`` and ``stop``, such as ``monitor.scans``; of visibilities they are known.

    Returns
    -------
    Artists
        A line for each station, 0…1, interrupted where integrations are missing; names of the scans above.

    Raises
    ------
    ValueError
        No such antenna.
    TypeError
        It is neither a DataArray nor a Dataset.

    Examples
    --------
    >>> plots.weights(ds)
    >>> plots.weights(ds, antennas=["AA"])
    """
    array, step = _station_weights(data)
    there = [str(name) for name in array["antenna"].values]
    chosen = known(antennas, there, there, "antenna")
    artists = on_axes(ax)
    days = in_days(array["time"].values)
    labels = [str(one) for one in array["scan_name"].values] if "scan_name" in array.coords else []
    cuts = breaks(days, step, labels)
    for place, name in enumerate(chosen):
        values = np.asarray(array.sel(antenna=name).values, dtype=float)
        artists += artists.axes.plot(
            *with_gaps(days, values, cuts),
            marker=MARKERS[place % len(MARKERS)],
            ls=LINE_STYLES[place // len(LIGHT.cycle) % len(LINE_STYLES)],
            ms=2.5, lw=1.0, color=LIGHT.curve(place), label=curve_name(name),
        )  # fmt: skip
    _finish(artists, array, step, scans)
    return artists


def _finish(artists: Artists, array: xr.DataArray, step: float, scans: pd.DataFrame | None) -> None:
    axes = artists.axes
    if not array.size or not np.isfinite(array.values).any():
        say_nothing_there(axes)
    axes.axhline(1.0, color=LIGHT.faint, lw=0.8, zorder=0)
    axes.set_ylim(-0.03, 1.08)
    set_utc(axes.xaxis)
    name_axes(axes, "time (UTC)", "weight")
    half = step / _LATE / 2
    label_scans(axes, scan_spans(array, half) if scans is None else table_spans(scans, "scan_name"))
    add_legend(artists)


def _station_weights(data: xr.DataArray | xr.Dataset) -> tuple[xr.DataArray, float]:
    """Weights (time, antenna), and the longest distance in days of what is drawn as one line."""
    if isinstance(data, xr.Dataset):
        whole = with_all_axes(data)
        return _of_visibilities(whole), _LATE * integration_s(whole) / _DAY_S
    if not isinstance(data, xr.DataArray):
        raise TypeError(f"weights are a DataArray (time, antenna) or a Dataset; got {type(data).__name__}")
    missing = [name for name in ("time", "antenna") if name not in data.dims]
    if missing:
        raise ValueError(f"weights have the axes time and antenna; there is no {' and no '.join(missing)}")
    return data.transpose("time", "antenna"), _LATE_REPORT * usual_step(in_days(data["time"].values))


def _of_visibilities(whole: xr.Dataset) -> xr.DataArray:
    first, second = (whole[f"antenna{end}_name"].values.astype(str) for end in (1, 2))
    is_auto = whole["is_autocorrelation"].values
    antennas = list(dict.fromkeys([*first, *second]))
    weight = whole["WEIGHT"].transpose("time", "baseline", ...).values
    columns = []
    for name in antennas:
        mine = (first == name) | (second == name)
        chosen = mine & is_auto if (mine & is_auto).any() else mine
        columns.append(_mean(weight[:, chosen].reshape(weight.shape[0], -1)))
    coords = {
        "time": whole["time"].values,
        "antenna": antennas,
        "scan_name": ("time", whole["scan_name"].values),
    }
    return xr.DataArray(np.stack(columns, axis=1), coords, ("time", "antenna"))


def _mean(rows: np.ndarray) -> np.ndarray:
    """Means of what is known of each row; NaN where nothing is."""
    known_ones = np.isfinite(rows)
    counts = known_ones.sum(axis=1)
    sums = np.where(known_ones, rows, 0.0).sum(axis=1, dtype=float)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
