# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to one station: its own power, and its baselines to all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import NDArray

from difxnb.markup import printable
from difxnb.plots.artists import (
    Artists,
    add_legend,
    curve_name,
    name_axes,
    on_axes,
    paper,
    say_nothing_there,
)
from difxnb.plots.choosing import first_of, known, scan_of
from difxnb.plots.products import Chosen
from difxnb.plots.spectra import amplitude, phase
from difxnb.plots.squeezed import set_bands
from difxnb.visibility.accessor.registered import DifxDataset

_MOST_ROWS = 12
_WIDTH_IN, _ROW_IN = 7.2, 1.35


def autocorrelation(
    dataset: xr.Dataset,
    *,
    ax: Axes | None = None,
    antennas: Sequence[str] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
    scan: str | None = None,
) -> Artists:
    """Power of stations against sky frequency: the mean of their autocorrelations over one scan.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    ax : Axes, optional
        Where to draw; a new figure when not given. A legend is drawn only there.
    antennas : sequence of str, optional
        By default the first six.
    bands : sequence of int, optional
        Rows of the FREQ table; by default all.
    polarizations : sequence of str, optional
        By default the parallel hands.
    scan : str, optional
        By default the last one with data.

    Returns
    -------
    Artists
        The curves, in MHz and DiFX's units.

    Raises
    ------
    ValueError
        No such scan, antenna, band or polarization, or no autocorrelations at all.

    Examples
    --------
    >>> plots.autocorrelation(ds, antennas=["AA"])
    """
    part = scan_of(dataset, scan)
    chosen = Chosen(
        part,
        scan=scan,
        baselines=None if antennas is None else _autos_of(part, antennas),
        bands=bands,
        polarizations=polarizations,
        autos=True,
        fitted=False,
    )
    artists = on_axes(ax)
    set_bands(artists.axes, chosen.edges_mhz())
    for curve in chosen.curves:
        for place, (band, mhz, spectrum) in enumerate(chosen.pieces(curve)):
            label = f"_{curve.label} band {band}" if place else curve.label
            artists += artists.axes.step(
                mhz, np.abs(spectrum), where="mid", color=curve.colour, ls=curve.style, lw=1.0, label=label
            )
    if not artists:
        say_nothing_there(artists.axes)
    elif artists.is_own:
        artists.axes.set_ylim(bottom=0.0)
    name_axes(artists.axes, "sky frequency (MHz)", "power (DiFX units)")
    add_legend(artists, left_out=chosen.left_out)
    return artists


def _autos_of(part: xr.Dataset, antennas: Sequence[str]) -> list[str]:
    """Names of the autocorrelations of these antennas."""
    is_auto = part["is_autocorrelation"].values
    names = part["antenna1_name"].values.astype(str)[is_auto]
    there = dict(zip(names.tolist(), part["baseline"].values[is_auto].tolist(), strict=True))
    return [there[name] for name in known(antennas, [], list(there), "antenna")]


def reference_station(
    dataset: xr.Dataset,
    antenna: str,
    *,
    ax: NDArray[np.object_] | None = None,
    bands: Sequence[int] | None = None,
    polarizations: Sequence[str] | None = None,
    scan: str | None = None,
) -> Artists:
    """Amplitude and phase of every baseline to one station, a row for each.

    Every baseline is read from that station: phases rise with frequency where the *other* station is late.

    Parameters
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`.
    antenna : str
        Name of the station.
    ax : ndarray of Axes, (baselines, 2), optional
        Where to draw, as ``figure.subplots(n, 2, squeeze=False)`` gives it; a new figure of twelve rows at most when
        not given.
    bands, polarizations, scan
        As of :func:`difxnb.plots.amplitude`.

    Returns
    -------
    Artists
        The curves; ``grid`` is the axes.

    Raises
    ------
    ValueError
        No such station, scan, band or polarization, no data, or another number of axes than baselines.

    Examples
    --------
    >>> plots.reference_station(ds, "AA", polarizations=["RR"])
    """
    part = scan_of(dataset, scan)
    others = _partners(part, antenna)
    names, left_out = (others, "") if ax is not None else first_of(others, _MOST_ROWS, "baselines")
    figure = paper(_WIDTH_IN, 0.8 + _ROW_IN * len(names)) if ax is None else None
    grid = np.asarray(figure.subplots(len(names), 2, squeeze=False) if figure else ax, dtype=object)
    if grid.shape != (len(names), 2):
        raise ValueError(
            f"{antenna} has {len(names)} baselines, which need axes {len(names)} × 2; got {grid.shape}"
        )
    artists = Artists(grid, is_own=figure is not None)
    for axes, other in zip(grid, names, strict=True):
        artists += _row(axes, _from(part, antenna, other), bands, polarizations)
    for axes in grid[:-1].ravel():
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False)
    add_legend(artists, left_out=left_out)
    return artists


def _partners(part: xr.Dataset, antenna: str) -> list[str]:
    """Stations at the other ends of the baselines of this one."""
    ends = [part[f"antenna{end}_name"].values.astype(str) for end in (1, 2)]
    there = list(dict.fromkeys([*ends[0], *ends[1]]))
    known(antenna, [], there, "antenna")
    pairs = [pair for pair in zip(*ends, strict=True) if antenna in pair and pair[0] != pair[1]]
    if not pairs:
        raise ValueError(f"there are no baselines to {antenna} here")
    return [str(second if first == antenna else first) for first, second in pairs]


def _from(part: xr.Dataset, antenna: str, other: str) -> xr.Dataset:
    """One baseline as read from the station, with the autocorrelations of all."""
    one = DifxDataset(part).baseline(antenna, other).compute()
    autos = part.isel(baseline=np.flatnonzero(part["is_autocorrelation"].values))
    return xr.concat(
        [one, autos], "baseline", data_vars="minimal", coords="minimal", compat="override", join="left"
    )


def _row(
    axes: NDArray[np.object_],
    one: xr.Dataset,
    bands: Sequence[int] | None,
    polarizations: Sequence[str] | None,
) -> list[Artist]:
    """Amplitudes to the left, phases to the right; labels name the polarizations."""
    name = str(one["baseline"].values[0])
    amplitudes = amplitude(one, ax=axes[0], bands=bands, polarizations=polarizations)
    axes[0].set_ylim(bottom=0.0)
    axes[0].set_ylabel(f"{printable(name)}\n{axes[0].get_ylabel()}")
    phases = phase(one, ax=axes[1], bands=bands, polarizations=polarizations)
    for artist in amplitudes:
        label = str(artist.get_label())
        if not label.startswith("_"):
            artist.set_label(curve_name(label.removeprefix(name).strip()))
    for artist in phases:
        artist.set_label(f"_{str(artist.get_label()).lstrip('_')} phase")
    return [*amplitudes, *phases]
