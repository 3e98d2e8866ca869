# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes of live pictures: bare, in the colours of a theme, placed by pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from difxnb.plots.style import Theme

SMALL = 8.0
"""Points of labels at ticks."""


def add_axes(figure: Figure, box: tuple[float, float, float, float], theme: Theme) -> Axes:
    """Axes in a box of pixels: left, top, width, height; counted from the upper left corner."""
    width, height = (size * figure.dpi for size in figure.get_size_inches())
    left, top, across, down = box
    axes = figure.add_axes(
        (left / width, 1 - (top + down) / height, across / width, down / height), facecolor=theme.background
    )
    for spine in axes.spines.values():
        spine.set(color=theme.faint, linewidth=0.8)
    axes.tick_params(
        colors=theme.text, labelcolor=theme.text, labelsize=SMALL, length=3, width=0.8, color=theme.faint
    )
    axes.grid(visible=True, color=theme.grid, linewidth=0.6, linestyle="-")
    axes.set_axisbelow(True)
    axes.set_autoscale_on(False)
    return axes


def add_line(axes: Axes, **how: Any) -> Line2D:
    """An empty line in axes, cheap to draw."""
    style = {"solid_joinstyle": "bevel", "solid_capstyle": "butt", "linestyle": "-", "marker": "", **how}
    line = Line2D([], [], **style)
    axes.add_line(line)
    line.set_clip_path(axes.patch)
    return line


def add_text(figure: Figure, x: float, y: float, text: str, theme: Theme, **how: Any) -> None:
    """Plain text at a pixel of a figure, counted from the upper left corner."""
    width, height = (size * figure.dpi for size in figure.get_size_inches())
    style = {"color": theme.text, "fontsize": SMALL + 1, "va": "center", **how}
    figure.text(x / width, 1 - y / height, text, parse_math=False, usetex=False, **style)


def add_legend(
    figure: Figure, entries: Sequence[tuple[str, str, str]], theme: Theme, *, right: float
) -> None:
    """Names with their colours and marks in a line at the top, ending at a pixel."""
    width, height = (size * figure.dpi for size in figure.get_size_inches())
    x = right
    for name, colour, marker in reversed(entries):
        x -= 7.5 * len(name)
        add_text(figure, x, 14, name, theme, color=colour, weight="bold", ha="left")
        x -= 9
        mark = Line2D([x / width], [1 - 14 / height], color=colour, marker=marker, markersize=5, linestyle="")
        figure.add_artist(mark)
        x -= 14


class BandPlaces:
    """Bands side by side, each as wide as the others, however far apart they are in the sky.

    Parameters
    ----------
    frequencies : mapping of int to ndarray
        Channel centres of each band, Hz.
    """

    GAP = 0.06

    def __init__(self, frequencies: dict[int, NDArray[np.float64]]) -> None:
        self.order = sorted(frequencies, key=lambda band: float(frequencies[band][0]))
        self._frequencies = frequencies

    @property
    def length(self) -> float:
        """Length of the axis."""
        return max(len(self.order) * (1 + self.GAP) - self.GAP, 1.0)

    def begin(self, band: int) -> float:
        """Where a band begins on the axis."""
        return self.order.index(band) * (1 + self.GAP)

    def along(self, band: int, points: int) -> NDArray[np.float64]:
        """Places of so many points that share a band evenly."""
        return self.begin(band) + (np.arange(points) + 0.5) / points

    def label(self, axes: Axes, theme: Theme, *, names: bool) -> None:
        """Give the axis its limits, borders between bands, and frequencies in MHz."""
        axes.set_xlim(0, self.length)
        for band in self.order[1:]:
            begin = self.begin(band)
            axes.axvspan(begin - self.GAP, begin, color=theme.grid, lw=0, zorder=0.5)
        ticks, texts = self._ticks(axes)
        axes.set_xticks(ticks, texts if names else [""] * len(texts), usetex=False, parse_math=False)
        if names:
            axes.set_xlabel(
                "sky frequency (MHz)", fontsize=SMALL + 1, color=theme.text, parse_math=False, usetex=False
            )

    def _ticks(self, axes: Axes) -> tuple[list[float], list[str]]:
        if len(self.order) == 1:
            return self._ticks_inside(self.order[0])
        room = axes.bbox.width / 62  # labels that fit
        every = int(np.ceil(len(self.order) / room))
        ticks = [self.begin(band) + 0.5 for band in self.order[::every]]
        middles = [self._frequencies[band].mean() / 1e6 for band in self.order[::every]]
        return ticks, [f"{middle:.2f}" for middle in middles]

    def _ticks_inside(self, band: int) -> tuple[list[float], list[str]]:
        frequency = self._frequencies[band] / 1e6
        width = (frequency[-1] - frequency[0]) / max(frequency.size - 1, 1) or 1.0
        low, length = frequency[0] - width / 2, width * frequency.size
        step = 10.0 ** np.floor(np.log10(length / 2))
        step = next(step * by for by in (0.5, 1, 2, 5, 10) if length / (step * by) <= 5)
        values = np.arange(np.ceil(low / step), np.floor((low + length) / step) + 1) * step
        digits = max(0, -int(np.floor(np.log10(step))))
        return [float((value - low) / length) for value in values], [
            f"{value:.{digits}f}" for value in values
        ]
