# SPDX-License-Identifier: GPL-3.0-or-later
"""The SNR of every baseline at a glance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from difxnb.markup import printable
from difxnb.plots.artists import COLUMN_IN, PLAIN, SMALL_PT, TEXT_PT, Artists, on_axes
from difxnb.plots.choosing import known
from difxnb.plots.histories import require_fringes
from difxnb.plots.style import LIGHT

_NEEDED = ("scan", "baseline", "antenna1_name", "antenna2_name", "polarization", "snr", "stop")
_CELL_IN, _ROOM_IN = 0.36, 1.3
_LOWEST, _HIGHEST = float(np.log10(3)), 3.0  # decimal logarithms: the colours' least range
_TICKS = (3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


def snr_matrix(
    fringes: pd.DataFrame,
    *,
    ax: Axes | None = None,
    scan: str | None = None,
    bands: list[int] | None = None,
    polarizations: list[str] | None = None,
) -> Artists:
    """SNR of every baseline as a matrix of stations, colour and number.

    The highest of the bands and polarizations counts. Numbers in brackets are noise: no fringe was detected (false
    alarm probability above 0.001). Colours are logarithmic.

    Parameters
    ----------
    fringes : DataFrame
        From ``fringe_fit``, or ``monitor.fringes``.
    ax : Axes, optional
        Where to draw; a new figure when not given, of a width that leaves numbers readable.
    scan : str, optional
        By default the last one.
    bands : sequence of int, optional
        By default all.
    polarizations : sequence of str, optional
        By default all.

    Returns
    -------
    Artists
        The mesh, and a text for each baseline.

    Raises
    ------
    ValueError
        No such scan, band or polarization, or the table has no fringes.

    Examples
    --------
    >>> plots.snr_matrix(difxnb.fringe_fit(ds))
    """
    require_fringes(fringes, _NEEDED)
    rows = _chosen(fringes, scan, bands, polarizations)
    best = _best(rows)
    stations = list(dict.fromkeys([*rows["antenna1_name"], *rows["antenna2_name"]]))
    side = max(COLUMN_IN, _ROOM_IN + _CELL_IN * len(stations))
    artists = on_axes(ax, width_in=side, height_in=0.88 * side)
    _draw(artists, best, stations)
    _name(artists, stations, str(rows["scan"].iloc[0]))
    return artists


def _chosen(
    fringes: pd.DataFrame, scan: str | None, bands: list[int] | None, polarizations: list[str] | None
) -> pd.DataFrame:
    rows = fringes
    if polarizations is not None:
        hands = list(dict.fromkeys(str(one) for one in rows["polarization"]))
        rows = rows[rows["polarization"].isin(known(polarizations, hands, hands, "polarization"))]
    if bands is not None:
        there = sorted(set(rows["band"])) if "band" in rows else []
        rows = rows[rows["band"].isin(known(bands, there, there, "band"))]
    scans = list(dict.fromkeys(str(one) for one in rows.sort_values("stop")["scan"]))
    return rows[rows["scan"].isin(known(scan, scans[-1:], scans, "scan"))]


def _best(rows: pd.DataFrame) -> pd.DataFrame:
    """The row of the highest SNR of each baseline."""
    finite = rows[np.isfinite(rows["snr"])]
    best: pd.DataFrame = finite.loc[finite.groupby("baseline", sort=False)["snr"].idxmax()]
    return best


def _draw(artists: Artists, best: pd.DataFrame, stations: list[str]) -> None:
    axes, count = artists.axes, len(stations)
    grid = np.full((count, count), np.nan)
    texts = {}
    for snr, flags, *pair in zip(
        best["snr"], best.get("flags", [""] * len(best)), best["antenna1_name"], best["antenna2_name"], strict=True
    ):  # fmt: skip
        low, high = sorted(stations.index(one) for one in pair)
        grid[high, low] = np.log10(max(snr, 1e-3))
        texts[high, low] = f"({snr:.0f})" if "not_detected" in str(flags).split() else f"{snr:.0f}"
    highest = float(np.nanmax(grid, initial=_HIGHEST))
    norm = Normalize(_LOWEST, highest)
    edges = np.arange(count + 1) - 0.5
    mesh = axes.pcolormesh(edges, edges, np.ma.masked_invalid(grid), norm=norm, cmap=LIGHT.colormap)
    artists.append(mesh)
    size = SMALL_PT if count <= 12 else SMALL_PT - 1.5
    for (row, column), text in texts.items():
        light = norm(grid[row, column]) > 0.6
        artists.append(
            axes.text(
                column, row, text, ha="center", va="center", fontsize=size,
                color=LIGHT.text if light else LIGHT.background, **PLAIN,
            )
        )  # fmt: skip
    for place in range(count):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, color=LIGHT.grid, lw=0))
    bar = artists.figure.colorbar(mesh, ax=axes, aspect=30, pad=0.02)
    shown = [one for one in _TICKS if np.log10(one) <= highest + 0.01]
    bar.set_ticks(list(np.log10(shown)), labels=[str(one) for one in shown], fontsize=TEXT_PT)
    bar.set_label("SNR (in brackets: not detected)", fontsize=TEXT_PT, **PLAIN)


def _name(artists: Artists, stations: list[str], scan: str) -> None:
    axes, names = artists.axes, [printable(one) for one in stations]
    axes.set_xticks(range(len(names)), names, fontsize=TEXT_PT, rotation=90 if len(names) > 8 else 0, **PLAIN)
    axes.set_yticks(range(len(names)), names, fontsize=TEXT_PT, **PLAIN)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    if artists.is_own:
        axes.set_title(printable(scan), fontsize=SMALL_PT, loc="left", **PLAIN)
