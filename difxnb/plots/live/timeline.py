# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes of time: UTC, with lines where scans begin and their names, and gaps where nothing was received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import SMALL
from difxnb.plots.live.limits import Span
from difxnb.plots.style import Theme

_DAY_S = 86400.0
_GAP = 1.8  # typical spacings between two points beyond which there is a gap
_NAME_PIXELS = 62
_MOST_BORDERS = 120
_ROOM = 0.1  # of an axis, that the name of a scan takes
_SHORTEST_S = 4.0
_FULL = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S.%f"]  # by years, months, … and seconds

Times = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Scans = tuple[tuple[str, float], ...]
"""Names of scans and when they begin, as numbers of an axis of time."""


def as_numbers(times: Times) -> Floats:
    """Times as numbers of an axis: days since 1970."""
    return times.astype("datetime64[ns]").astype(np.int64) / 1e9 / _DAY_S


def scans_of(chosen: Chosen) -> Scans:
    """Scans that the data or the table of fringes know, by their beginnings."""
    begins: dict[str, float] = {}
    numbers = as_numbers(chosen.times)
    names = chosen.scan_names
    firsts = np.flatnonzero(np.concatenate([[names.size > 0], names[1:] != names[:-1]]))
    for first in firsts:
        begins.setdefault(str(names[first]), float(numbers[first]))
    table = chosen.look.fringes
    if not table.empty and {"scan", "start"} <= set(table):
        starts = table.groupby("scan", sort=False)["start"].min()
        for name, begin in zip(starts.index, as_numbers(starts.to_numpy()), strict=True):
            begins[str(name)] = min(float(begin), begins.get(str(name), np.inf))
    if chosen.look.scan is not None:
        begins = {name: begin for name, begin in begins.items() if name == chosen.look.scan}
    found = sorted(((name, begin) for name, begin in begins.items() if name), key=lambda one: one[1])
    return tuple(found[-_MOST_BORDERS:])


def seen_scans(limits: tuple[float, float], scans: Scans) -> Scans:
    """Scans that begin within limits; and, at the lower one, the scan that began before and goes on there."""
    seen = [(name, begin) for name, begin in scans if limits[0] <= begin <= limits[1]]
    before = [(name, limits[0]) for name, begin in scans if begin < limits[0]]
    room = limits[0] + _ROOM * (limits[1] - limits[0])
    is_next = bool(seen) and seen[0][1] < room
    return (*(() if is_next else before[-1:]), *seen)


def with_gaps(
    times: Floats, values: NDArray[Any], names: NDArray[np.str_] | None = None
) -> tuple[Floats, Floats]:
    """Points with a NaN in between where there is a gap in time, or where the name of the scan changes."""
    if times.size < 2:
        return times, np.asarray(values, dtype=float)
    steps = np.diff(times)
    is_gap = steps > _GAP * np.median(steps)
    if names is not None:
        is_gap |= names[1:] != names[:-1]
    places = np.flatnonzero(is_gap) + 1
    return np.insert(times, places, np.nan), np.insert(np.asarray(values, dtype=float), places, np.nan)


def time_span() -> Span:
    """Limits of an axis of time, with room for what is to come."""
    return Span(_SHORTEST_S / _DAY_S, below=0.02, above=0.25)


def date_axis(axis: Axis) -> None:
    """Give an axis times of day as labels, each of them in full: ``05`` could be minutes, or seconds."""
    locator = mdates.AutoDateLocator(tz=UTC, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    formatter = mdates.ConciseDateFormatter(
        locator, tz=UTC, show_offset=False, usetex=False, formats=_FULL, zero_formats=_FULL
    )  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(formatter)


class Timeline:
    """Axes with the same times, one above the other.

    Parameters
    ----------
    axes : sequence of Axes
        From the upper to the lower; the lowest has the labels, the upper one the names of scans.
    theme : Theme
    """

    def __init__(self, axes: Sequence[Axes], theme: Theme) -> None:
        self._axes, self._theme = list(axes), theme
        self._marks: list[Artist] = []
        for one in self._axes:
            date_axis(one.xaxis)
            one.tick_params(axis="x", labelbottom=one is self._axes[-1])
        if self._axes:
            self._axes[-1].set_xlabel(
                "time (UTC)", fontsize=SMALL + 1, color=theme.text, parse_math=False, usetex=False
            )

    def show(self, limits: tuple[float, float], scans: Scans) -> None:
        """Set the limits, and mark the scans in between."""
        for mark in self._marks:
            mark.remove()
        self._marks = []
        seen = seen_scans(limits, scans)
        for one in self._axes:
            one.set_xlim(*limits)
            self._marks += [
                one.axvline(begin, color=self._theme.faint, lw=1.0, ls=(0, (3, 2)), zorder=0.7)
                for _, begin in seen
            ]
        if self._axes:
            self._write_names(limits, seen)

    def _write_names(self, limits: tuple[float, float], seen: Scans) -> None:
        upper = self._axes[0]
        pixels = upper.bbox.width / (limits[1] - limits[0])
        free = -np.inf
        for name, begin in seen:
            if (begin - limits[0]) * pixels >= free:
                text = upper.annotate(
                    name, (begin, 1.0), xycoords=("data", "axes fraction"), xytext=(2, 2), textcoords="offset points",
                    fontsize=SMALL, color=self._theme.text, parse_math=False, usetex=False, annotation_clip=False,
                )  # fmt: skip
                self._marks.append(text)
                free = (begin - limits[0]) * pixels + max(_NAME_PIXELS, 6.5 * len(name) + 8)
