# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schedule has its stations do: a row for each, against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from difxnb.plots.artists import (
    PLAIN,
    SMALL_PT,
    Artists,
    add_legend,
    curve_name,
    name_axes,
    on_axes,
    say_nothing_there,
)
from difxnb.plots.choosing import known
from difxnb.plots.style import LIGHT
from difxnb.plots.times import in_days, label_scans, set_utc, table_spans

if TYPE_CHECKING:
    from difxnb.formats.vex import Vex

_WIDTH_IN, _ROW_IN, _FRAME_IN = 7.2, 0.17, 0.75
_TALLEST_IN = 20.0
_HALF_BAR = 0.38
_MOST_SCANS = 60  # whose names and beginnings are told from each other
_HATCHES = ("", "////", "\\\\\\\\", "xxxx", "....")
_MARGIN = 0.01

By = Literal["source", "mode", "station"]


def schedule_timeline(
    vex: Vex, *, stations: Sequence[str] | None = None, by: By = "source", ax: Axes | None = None
) -> Artists:
    """Scans of a schedule against time, a row for each station.

    Parameters
    ----------
    vex : Vex
        From :func:`difxnb.read_vex`.
    stations : sequence of str, optional
        In upper or lower case; by default all that observe, in the order of the file.
    by : str
        What has its own colour: ``"source"``, ``"mode"`` or ``"station"``.
    ax : Axes, optional
        Where to draw; a new figure when not given. A legend is drawn only there.

    Returns
    -------
    Artists
        Bars of each source (mode, station), from the begin of data to their end; empty bars where nothing is recorded.

    Raises
    ------
    ValueError
        No such station, or nothing that `by` could mean.
    TypeError
        It is no schedule.

    Examples
    --------
    >>> plots.schedule_timeline(difxnb.read_vex("session.vex"))
    >>> plots.schedule_timeline(vex, stations=["Ny", "Wz"], by="mode").figure.savefig("session.pdf")
    """
    if by not in ("source", "mode", "station"):
        raise ValueError(f"by={by!r} is nothing to colour by; there are source, mode, station")
    if not hasattr(vex, "scan_stations"):
        raise TypeError(f"a schedule to draw is a Vex; got {type(vex).__name__}")
    table = _bars(vex)
    there = [name for name in vex.stations()["station"] if name in set(table["station"])]
    there += [name for name in dict.fromkeys(table["station"]) if name not in there]
    # A .v2d writes them in other letters than the schedule.
    alike = {name.upper(): name for name in there}
    given = [stations] if isinstance(stations, str) else stations
    wanted = None if given is None else [alike.get(str(name).upper(), name) for name in given]
    names = known(wanted, there, there, "station") if there or stations is not None else []
    table = table[table["station"].isin(names)]
    artists = on_axes(
        ax, width_in=_WIDTH_IN, height_in=min(_FRAME_IN + _ROW_IN * max(4, len(names)), _TALLEST_IN)
    )
    rows = {name: place for place, name in enumerate(names)}
    for place, key in enumerate(dict.fromkeys(table[by])):
        artists += _draw(artists.axes, table[table[by] == key], rows, place, curve_name(key))
    _finish(artists, table, names)
    return artists


def _bars(vex: Vex) -> pd.DataFrame:
    """Stations of scans with what can be drawn of them."""
    table = vex.scan_stations().merge(
        vex.scans()[["scan", "source", "mode"]].drop_duplicates("scan"), on="scan", how="left"
    )
    return table[table["start"].notna() & table["stop"].notna()]


def _draw(
    axes: Axes, table: pd.DataFrame, rows: Mapping[str, int], place: int, label: str
) -> list[PolyCollection]:
    """Bars of one kind: full ones, and empty ones where there is no drive to record on."""
    colour = LIGHT.curve(place)
    hatch = _HATCHES[place // len(LIGHT.cycle) % len(_HATCHES)]
    drawn = list[PolyCollection]()
    for records, part in table.groupby("records", sort=False):
        middles = np.array([rows[name] for name in part["station"]], dtype=float)
        starts, stops = in_days(part["start"].to_numpy()), in_days(part["stop"].to_numpy())
        low, high = middles - _HALF_BAR, middles + _HALF_BAR
        corners = np.stack(
            [
                np.stack([starts, low], axis=-1), np.stack([stops, low], axis=-1),
                np.stack([stops, high], axis=-1), np.stack([starts, high], axis=-1),
            ],
            axis=1,
        )  # fmt: skip
        bars = PolyCollection(
            list(corners),
            facecolor=colour if records else "none",
            edgecolor=LIGHT.background if hatch and records else colour,
            hatch=hatch or None,
            lw=0.4,
            label=label if records or len(drawn) == 0 else "_",
        )
        axes.add_collection(bars)
        drawn.append(bars)
    return drawn


def _finish(artists: Artists, table: pd.DataFrame, names: Sequence[str]) -> None:
    axes = artists.axes
    name_axes(axes, "time (UTC)", "station")
    axes.set_yticks(range(len(names)), [curve_name(name) for name in names], fontsize=SMALL_PT, **PLAIN)
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    if table.empty:
        say_nothing_there(axes)
    else:
        first, last = in_days(np.array([table["start"].min(), table["stop"].max()], dtype="datetime64[ns]"))
        margin = max(_MARGIN * (last - first), 1e-6)
        axes.set_xlim(first - margin, last + margin)
        set_utc(axes.xaxis)
        if table["scan"].nunique() <= _MOST_SCANS:
            label_scans(axes, table_spans(table, "scan"))
    add_legend(artists)
