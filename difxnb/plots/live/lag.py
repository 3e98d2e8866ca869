# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole lag spectrum of the newest integrations, a cell for each baseline; marks stand at the fitted delays."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import SMALL, add_line
from difxnb.plots.live.grid import MOST_CELLS, Grid
from difxnb.plots.live.lags import LagCurve, lag_curves, lag_unit, reach_of, show_lag
from difxnb.plots.live.limits import Ceiling
from difxnb.plots.live.look import Look
from difxnb.plots.live.means import FoundFringes, Means
from difxnb.plots.live.once import Once
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import MARKERS, Theme


@dataclass(frozen=True)
class LagContent:
    """What a picture of lag spectra shows; `curves` by baseline and polarization."""

    grid: Grid
    baselines: tuple[str, ...]
    polarizations: tuple[str, ...]
    unit: str
    curves: dict[tuple[str, str], LagCurve]
    ceilings: tuple[float, ...]
    reach: float
    caption: str

    @property
    def layout(self) -> Hashable:
        """Cells and colours."""
        return (self.grid, self.baselines, self.polarizations, self.unit)

    @property
    def limits(self) -> Hashable:
        """Highest lag of each cell, and how far lags reach."""
        return (self.ceilings, self.reach)

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return self.grid.height


class LagView(LiveView[LagContent]):
    """Magnitude of the lag spectrum against delay, over all delays that are told apart."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._found: FoundFringes = Once()
        self._ceilings: dict[str, Ceiling] = {}
        self._reach = Ceiling()

    def _read(self, look: Look) -> LagContent:
        chosen = Chosen(look, most_baselines=MOST_CELLS)
        means = Means(chosen, found=self._found)
        curves = lag_curves(means, whole=True)
        names = tuple(one.name for one in chosen.baselines)
        unit = "coefficient" if means.are_coefficients else "DiFX units"
        return LagContent(
            Grid(len(names), self.width),
            names,
            tuple(chosen.polarizations),
            unit,
            curves,
            tuple(self._ceiling(name, curves) for name in names),
            reach_of(self._reach, curves.values()),
            describe(
                chosen, means.place(), means.time(), f"magnitude: {unit}, the mean over bands", _found(curves)
            ),
        )

    def _ceiling(self, name: str, curves: dict[tuple[str, str], LagCurve]) -> float:
        heights = [float(curve.height.max()) for (baseline, _), curve in curves.items() if baseline == name]
        return self._ceilings.setdefault(name, Ceiling()).take(max(heights, default=float("nan")))

    def _compose(self, figure: Figure, content: LagContent, theme: Theme) -> Scene[LagContent]:
        return _LagScene(figure, content, theme)


def _found(curves: dict[tuple[str, str], LagCurve]) -> str:
    fringes = sum(curve.delay == curve.delay for curve in curves.values())
    return f"{fringes} of {len(curves)} with a fringe (marked)"


class _LagScene(Scene[LagContent]):
    def __init__(self, figure: Figure, content: LagContent, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.colours = [theme.polarization(name) for name in content.polarizations]
        self.axes = content.grid.place(figure, content.baselines, theme)
        content.grid.head(figure, f"lag spectrum ({content.unit})", content.polarizations, theme)
        self._lines: dict[tuple[str, str], tuple[Line2D, Line2D]] = {}
        for cell, (axes, name) in enumerate(zip(self.axes, content.baselines, strict=True)):
            axes.axvline(0.0, color=theme.faint, lw=0.8, zorder=0.6)
            axes.tick_params(labelbottom=content.grid.is_lowest(cell))
            for hand, mark in zip(content.polarizations, MARKERS, strict=False):
                colour = theme.polarization(hand)
                pair = (
                    add_line(axes, color=colour, linewidth=1.0),
                    add_line(axes, color=colour, linestyle="", marker=mark, markersize=6),
                )
                self._lines[name, hand] = pair
                self.artists += pair

    def limit(self, content: LagContent) -> None:
        unit, factor = lag_unit(content.reach)
        for cell, (axes, ceiling) in enumerate(zip(self.axes, content.ceilings, strict=True)):
            axes.set_ylim(0, 1.1 * ceiling)
            axes.set_xlim(-content.reach * factor, content.reach * factor)
            axes.locator_params(axis="y", nbins=4)
            if content.grid.is_lowest(cell):
                text = f"delay ({unit})"
                axes.set_xlabel(
                    text, fontsize=SMALL + 1, color=self._theme.text, parse_math=False, usetex=False
                )

    def fill(self, content: LagContent) -> None:
        for key, (line, mark) in self._lines.items():
            show_lag(line, mark, content.curves.get(key), content.reach)
