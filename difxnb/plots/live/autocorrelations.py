# SPDX-License-Identifier: GPL-3.0-or-later
"""Power spectra of the stations: autocorrelations of the newest integrations, in dB of DiFX units."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import BandPlaces, add_line
from difxnb.plots.live.grid import MOST_CELLS, Grid
from difxnb.plots.live.limits import Span
from difxnb.plots.live.look import Look
from difxnb.plots.live.means import FoundFringes, Means
from difxnb.plots.live.once import Once
from difxnb.plots.live.thinning import highest_of
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import Theme

_MOST_POINTS = 400
_SMALLEST_DB = 1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PowerContent:
    """What a picture of autocorrelations shows; `curves` (places along the bands, dB) by station and hand."""

    grid: Grid
    antennas: tuple[str, ...]
    polarizations: tuple[str, ...]
    frequencies: tuple[tuple[int, tuple[float, ...]], ...]
    curves: dict[tuple[str, str], tuple[Floats, Floats]]
    spans: tuple[tuple[float, float], ...]
    caption: str

    @property
    def layout(self) -> Hashable:
        """Cells, colours and bands."""
        return (self.grid, self.antennas, self.polarizations, self.frequencies)

    @property
    def limits(self) -> Hashable:
        """Lowest and highest power of each station."""
        return self.spans

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return self.grid.height


class PowerView(LiveView[PowerContent]):
    """Power of each station against frequency."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._found: FoundFringes = Once()
        self._spans: dict[str, Span] = {}

    def _read(self, look: Look) -> PowerContent:
        chosen = Chosen(look, most_baselines=MOST_CELLS, autocorrelations=True)
        means = Means(chosen, normalise=False, found=self._found)
        frequencies = tuple((band, tuple(chosen.frequency(band).tolist())) for band in chosen.bands)
        places = BandPlaces({band: np.array(values) for band, values in frequencies})
        antennas = tuple(one.name.split("-", 1)[0] for one in chosen.baselines)
        curves = {
            (antenna, hand): _curve(means, places, row, column)
            for row, antenna in enumerate(antennas)
            for column, hand in enumerate(chosen.polarizations)
        }
        return PowerContent(
            Grid(len(antennas), self.width),
            antennas,
            tuple(chosen.polarizations),
            frequencies,
            curves,
            tuple(self._span(antenna, curves) for antenna in antennas),
            describe(chosen, means.place(), means.time(), "power in dB of DiFX units", *_doubts(chosen)),
        )

    def _span(
        self, antenna: str, curves: dict[tuple[str, str], tuple[Floats, Floats]]
    ) -> tuple[float, float]:
        found = [curve[1][np.isfinite(curve[1])] for (name, _), curve in curves.items() if name == antenna]
        values = np.concatenate(found) if found else np.zeros(0)
        span = self._spans.setdefault(antenna, Span(_SMALLEST_DB))
        return span.take(*(np.percentile(values, (0, 100)).tolist() if values.size else (np.nan, np.nan)))

    def _compose(self, figure: Figure, content: PowerContent, theme: Theme) -> Scene[PowerContent]:
        return _PowerScene(figure, content, theme)


def _doubts(chosen: Chosen) -> list[str]:
    is_untrusted = bool(chosen.dataset.attrs.get("untrusted_autocorrelations", 0))
    return ["autocorrelations of this job are not to be trusted"] if is_untrusted else []


def _curve(means: Means, places: BandPlaces, row: int, column: int) -> tuple[Floats, Floats]:
    where, powers = [np.zeros(0)], [np.zeros(0)]
    for band in places.order:
        spectrum = means.spectrum(row, means.chosen.bands.index(band), column)
        if spectrum is not None:
            power = np.abs(spectrum)
            decibel = 10 * np.log10(np.where(power > 0, power, np.nan))
            thin = highest_of(decibel, max(_MOST_POINTS // len(places.order), 8))
            where.append(np.append(places.along(band, thin.size), np.nan))
            powers.append(np.append(thin, np.nan))
    return np.concatenate(where), np.concatenate(powers)


class _PowerScene(Scene[PowerContent]):
    def __init__(self, figure: Figure, content: PowerContent, theme: Theme) -> None:
        super().__init__()
        self.colours = [theme.polarization(name) for name in content.polarizations]
        self.axes = content.grid.place(figure, content.antennas, theme)
        content.grid.head(figure, "autocorrelations (dB)", content.polarizations, theme)
        places = BandPlaces({band: np.array(values) for band, values in content.frequencies})
        self._lines: dict[tuple[str, str], Line2D] = {}
        for cell, (axes, antenna) in enumerate(zip(self.axes, content.antennas, strict=True)):
            places.label(axes, theme, names=content.grid.is_lowest(cell))
            for place, hand in enumerate(content.polarizations):
                how = {"linestyle": "-" if place == 0 else (0, (4, 1.5)), "linewidth": 1.0}
                line = add_line(axes, color=theme.polarization(hand), **how)
                self._lines[antenna, hand] = line
                self.artists.append(line)

    def limit(self, content: PowerContent) -> None:
        for axes, span in zip(self.axes, content.spans, strict=True):
            axes.set_ylim(*span)
            axes.locator_params(axis="y", nbins=4)

    def fill(self, content: PowerContent) -> None:
        for key, line in self._lines.items():
            line.set_data(*content.curves[key])
