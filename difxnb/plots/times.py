# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes of time: UTC whatever the user's settings say, scans by name, gaps as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from numpy.typing import ArrayLike, NDArray

from difxnb.markup import printable
from difxnb.plots.artists import PLAIN, SMALL_PT
from difxnb.plots.style import LIGHT

_DAY_S = 86400.0
_LETTER = 0.021  # width of a letter as a share of axes in a column
_MOST_LETTERS = 12


class ScanSpan(NamedTuple):
    """A scan: its name, and its ends in days as matplotlib counts them."""

    name: str
    start: float
    stop: float


def in_days(times: ArrayLike) -> NDArray[np.float64]:
    """Days as matplotlib counts them, of times in UTC."""
    days: Any = mdates.date2num(np.asarray(times))  # type: ignore[no-untyped-call]
    return np.asarray(days, dtype=float)


def set_utc(axis: Axis) -> None:
    """Ticks at round times of UTC."""
    locator = mdates.AutoDateLocator(tz="UTC", minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    formatter = mdates.ConciseDateFormatter(locator, tz="UTC", usetex=False)  # type: ignore[no-untyped-call]
    axis.set_major_formatter(formatter)
    axis.get_offset_text().set_fontsize(SMALL_PT)


def integration_s(dataset: xr.Dataset) -> float:
    """Length of an integration, s; of several the longest, and what the times suggest where it is not said."""
    said = dataset.coords.get("integration_time", dataset.attrs.get("integration_time", 0.0))
    length = float(np.max(said)) if np.size(said) else 0.0
    return length if length > 0 else usual_step(in_days(dataset["time"].values)) * _DAY_S


def usual_step(days: NDArray[np.float64]) -> float:
    """Median distance of neighbours; 0 of a single time."""
    return float(np.median(np.diff(days))) if days.size > 1 else 0.0


def breaks(days: NDArray[np.float64], longest: float, labels: Sequence[str] = ()) -> NDArray[np.int64]:
    """Where a line has to be interrupted: behind what place the next point is too far, or of another scan."""
    cut = np.diff(days) > longest if longest > 0 else np.zeros(max(0, days.size - 1), dtype=bool)
    if len(labels):
        cut |= np.array([one != other for one, other in pairwise(labels)], dtype=bool)
    return np.flatnonzero(cut) + 1


def with_gaps(
    days: NDArray[np.float64], values: NDArray[np.float64], cuts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same with a point that is not drawn at each cut."""
    middles = (days[cuts - 1] + days[cuts]) / 2
    return np.insert(days, cuts, middles), np.insert(values, cuts, np.nan)


def scan_spans(dataset: xr.Dataset | xr.DataArray, half_days: float) -> list[ScanSpan]:
    """Scans of integrations that follow each other, from their coordinate; none where there is no such."""
    if "scan_name" not in dataset.coords:
        return []
    names = [str(one) for one in np.atleast_1d(dataset["scan_name"].values)]
    days = in_days(np.atleast_1d(dataset["time"].values))
    begins = [0, *(place for place in range(1, len(names)) if names[place] != names[place - 1]), len(names)]
    return [
        ScanSpan(names[first], days[first] - half_days, days[last - 1] + half_days)
        for first, last in pairwise(begins)
        if last > first
    ]


def table_spans(table: pd.DataFrame, name: str) -> list[ScanSpan]:
    """Scans of a table with a column of this name, and ``start`` and ``stop``."""
    ends = table.groupby(name, sort=False).agg(start=("start", "min"), stop=("stop", "max"))
    starts, stops = in_days(ends["start"].to_numpy()), in_days(ends["stop"].to_numpy())
    found = [ScanSpan(str(one), *pair) for one, *pair in zip(ends.index, starts, stops, strict=True)]
    return sorted(found, key=lambda span: span.start)


def label_scans(axes: Axes, spans: Sequence[ScanSpan]) -> None:
    """Lines where scans begin, and their names above the frame wherever there is room for them."""
    low, high = axes.get_xlim()
    free = low
    for span in spans:
        axes.axvline(span.start, color=LIGHT.faint, lw=0.7, zorder=0.5)
        text = printable(span.name)[:_MOST_LETTERS]
        needed = (len(text) + 1) * _LETTER * (high - low)
        place = min(span.start, high - needed)
        if place >= free and span.start <= high:
            axes.text(
                place, 1.01, text, transform=axes.get_xaxis_transform(), fontsize=SMALL_PT,
                ha="left", va="bottom", color=LIGHT.other, **PLAIN,
            )  # fmt: skip
            free = place + needed
