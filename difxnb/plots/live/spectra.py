# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra of amplitude and phase, and the lag spectrum, of the newest integrations: a row per baseline.

In go looks, out come `SpectraContent` and its picture. Amplitudes of more channels than pixels show the highest of each
few, phases their mean.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import SMALL, BandPlaces, add_axes, add_legend, add_line, add_text
from difxnb.plots.live.lags import LagCurve, lag_curves, lag_unit, reach_of, show_lag
from difxnb.plots.live.limits import Ceiling
from difxnb.plots.live.look import Look
from difxnb.plots.live.means import FoundFringes, Means
from difxnb.plots.live.once import Once
from difxnb.plots.live.thinning import highest_of, mean_of
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import MARKERS, Theme

MOST_ROWS = 12
_MOST_POINTS = 240  # of all bands of a row, about a point for each pixel
_TOP, _FOOT, _LEFT = 30, 48, 70

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Spectrum of a product, as drawn: a piece for each band, with nothing in between.

    Attributes
    ----------
    amplitude, phase : (ndarray, ndarray)
        Places along the bands, and DiFX units or coefficients; degrees.
    lag : LagCurve or None
        Mean over the bands.
    """

    amplitude: tuple[Floats, Floats]
    phase: tuple[Floats, Floats]
    lag: LagCurve | None


@dataclass(frozen=True)
class SpectraContent:
    """What a picture of spectra shows; `curves` by baseline and polarization."""

    baselines: tuple[str, ...]
    polarizations: tuple[str, ...]
    frequencies: tuple[tuple[int, tuple[float, ...]], ...]
    unit: str
    curves: dict[tuple[str, str], Curve]
    ceilings: tuple[tuple[float, float], ...]
    reach: float
    caption: str

    @property
    def layout(self) -> Hashable:
        """Rows, colours and bands."""
        return (self.baselines, self.polarizations, self.frequencies, self.unit)

    @property
    def limits(self) -> Hashable:
        """Highest amplitude and lag of each row, and how far lags reach."""
        return (self.ceilings, self.reach)

    @property
    def row_height(self) -> int:
        """Pixels of a row."""
        rows = max(len(self.baselines), 1)
        return int(np.clip(560 // rows, 84, 300))

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return _TOP + _FOOT + self.row_height * max(len(self.baselines), 1)

    def places(self) -> BandPlaces:
        """Where bands stand."""
        return BandPlaces({band: np.array(values) for band, values in self.frequencies})


class SpectraView(LiveView[SpectraContent]):
    """Amplitude and phase against frequency, and the lag spectrum, of the newest integrations."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._found: FoundFringes = Once()
        self._ceilings: dict[tuple[str, str], Ceiling] = {}
        self._reach = Ceiling()

    def _read(self, look: Look) -> SpectraContent:
        chosen = Chosen(look, most_baselines=MOST_ROWS)
        means = Means(chosen, found=self._found)
        frequencies = tuple((band, tuple(chosen.frequency(band).tolist())) for band in chosen.bands)
        places = BandPlaces({band: np.array(values) for band, values in frequencies})
        lags = lag_curves(means)
        bands = [_band(means, places, band) for band in places.order]
        curves = {
            (baseline.name, hand): _curve(bands, row, column, lags.get((baseline.name, hand)))
            for row, baseline in enumerate(chosen.baselines)
            for column, hand in enumerate(chosen.polarizations)
        }
        names = tuple(one.name for one in chosen.baselines)
        unit = "coefficient" if means.are_coefficients else "DiFX units"
        return SpectraContent(
            names,
            tuple(chosen.polarizations),
            frequencies,
            unit,
            curves,
            tuple(self._row_limits(name, curves) for name in names),
            reach_of(self._reach, lags.values()),
            describe(chosen, means.place(), means.time(), f"amplitude: {unit}", *_thinned(frequencies)),
        )

    def _row_limits(self, name: str, curves: dict[tuple[str, str], Curve]) -> tuple[float, float]:
        row = [curve for (baseline, _), curve in curves.items() if baseline == name]
        amplitude = highest(curve.amplitude[1] for curve in row)
        lag = highest(curve.lag.height for curve in row if curve.lag is not None)
        return self._ceiling(name, "amplitude").take(amplitude), self._ceiling(name, "lag").take(lag)

    def _ceiling(self, name: str, what: str) -> Ceiling:
        return self._ceilings.setdefault((name, what), Ceiling())

    def _compose(self, figure: Figure, content: SpectraContent, theme: Theme) -> Scene[SpectraContent]:
        return _SpectraScene(figure, content, theme)


def highest(values: Any) -> float:
    """Highest number of some arrays; NaN where there is none."""
    found = [float(np.nanmax(one)) for one in values if np.isfinite(one).any()]
    return max(found, default=float("nan"))


def _thinned(frequencies: tuple[tuple[int, tuple[float, ...]], ...]) -> list[str]:
    most = max((len(values) for _, values in frequencies), default=0)
    few = -(-most // _most_points(len(frequencies)))
    return [f"a point for each {few} channels (highest amplitude, phase of the mean)"] if few > 1 else []


def _most_points(bands: int) -> int:
    """Points of a band."""
    return max(_MOST_POINTS // max(bands, 1), 8)


@dataclass(frozen=True)
class _Band:
    """Points of all products in a band, (baseline, polarization, point), each with a gap behind its last one."""

    along: Floats
    amplitude: Floats
    phase: Floats
    is_there: NDArray[np.bool_]


def _band(means: Means, places: BandPlaces, band: int) -> _Band:
    # All products at once: a call of numpy for each of them would wait for a cell that computes each time.
    chosen, most = means.chosen, _most_points(len(places.order))
    spectra = means.spectra[:, chosen.bands.index(band), :, : chosen.frequency(band).size]
    amplitude = highest_of(np.abs(spectra), most)
    phase = np.degrees(np.angle(mean_of(spectra, most)))
    gap = np.full((*phase.shape[:-1], 1), np.nan)
    return _Band(
        np.append(places.along(band, phase.shape[-1]), np.nan),
        np.concatenate([amplitude, gap], axis=-1),
        np.concatenate([phase, gap], axis=-1),
        np.asarray(np.isfinite(amplitude).any(axis=-1)),
    )


def _curve(bands: list[_Band], row: int, column: int, lag: LagCurve | None) -> Curve:
    there = [band for band in bands if band.is_there[row, column]]
    along = _joined([band.along for band in there])
    amplitude = _joined([band.amplitude[row, column] for band in there])
    phase = _joined([band.phase[row, column] for band in there])
    return Curve((along, amplitude), (along, phase), lag)


def _joined(pieces: list[Floats]) -> Floats:
    return np.concatenate(pieces) if pieces else np.zeros(0)


class _SpectraScene(Scene[SpectraContent]):
    def __init__(self, figure: Figure, content: SpectraContent, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._width = round(figure.get_size_inches()[0] * figure.dpi)
        self.colours = [theme.polarization(name) for name in content.polarizations]
        marks = dict(zip(content.polarizations, MARKERS, strict=False))
        self._lines: dict[tuple[str, str], list[Line2D]] = {}
        self.rows = [self._add_row(figure, content, row, marks) for row in range(len(content.baselines))]
        entries = [(name, theme.polarization(name), marks[name]) for name in content.polarizations]
        add_legend(figure, entries, theme, right=self._width - 12)
        self._add_titles(figure, content)

    def _boxes(self, content: SpectraContent, row: int) -> list[tuple[float, float, float, float]]:
        top = _TOP + row * content.row_height + 4
        down = content.row_height - (10 if content.row_height < 120 else 16)
        room = self._width - _LEFT - 3 * 48 - 12
        widths = (0.36 * room, 0.36 * room, 0.28 * room)
        lefts = (_LEFT + 48, _LEFT + 96 + widths[0], _LEFT + 144 + widths[0] + widths[1])
        return [(left, top, across, down) for left, across in zip(lefts, widths, strict=True)]

    def _add_titles(self, figure: Figure, content: SpectraContent) -> None:
        titles = (f"amplitude ({content.unit})", "phase (degrees)", "lag spectrum")
        for box, title in zip(self._boxes(content, 0), titles, strict=True):
            add_text(figure, box[0], 14, title, self._theme, weight="bold")
        if not content.baselines:
            add_text(
                figure, self._width / 2, _TOP + 120, "no data yet", self._theme, ha="center", fontsize=13
            )

    def _add_row(self, figure: Figure, content: SpectraContent, row: int, marks: dict[str, str]) -> list[Any]:
        theme, name = self._theme, content.baselines[row]
        boxes = self._boxes(content, row)
        amplitude, phase, lag = axes = [add_axes(figure, box, theme) for box in boxes]
        add_text(figure, 10, boxes[0][1] + boxes[0][3] / 2, name, theme, weight="bold", fontsize=10)
        is_last = row == len(content.baselines) - 1
        for axis in (amplitude, phase):
            content.places().label(axis, theme, names=is_last)
        phase.set_ylim(-190, 190)
        wide = content.row_height >= 120
        phase.set_yticks((-180, -90, 0, 90, 180) if wide else (-180, 0, 180))
        lag.tick_params(labelbottom=is_last)
        if is_last:
            label = f"delay ({lag_unit(content.reach)[0]})"
            lag.set_xlabel(label, fontsize=SMALL + 1, color=theme.text, parse_math=False, usetex=False)
        lag.axvline(0.0, color=theme.faint, lw=0.8, zorder=0.6)
        points = max((len(values) for _, values in content.frequencies), default=1) * len(content.frequencies)
        size = 3.2 if points <= 160 else 1.8
        for hand in content.polarizations:
            how = {"color": theme.polarization(hand), "linewidth": 1.0}
            dots = {"linestyle": "", "marker": "o" if size < 3 else marks[hand], "markersize": size}
            self._lines[name, hand] = [
                add_line(amplitude, drawstyle="steps-mid", **how),
                add_line(phase, markeredgewidth=0, **(how | dots)),
                add_line(lag, **how),
                add_line(lag, **(how | {"linestyle": "", "marker": marks[hand], "markersize": 6})),
            ]
            self.artists += self._lines[name, hand]
        return axes

    def limit(self, content: SpectraContent) -> None:
        factor = lag_unit(content.reach)[1]
        for (amplitude, _, lag), (highest_one, highest_lag) in zip(self.rows, content.ceilings, strict=True):
            amplitude.set_ylim(0, highest_one)
            lag.set_ylim(0, 1.1 * highest_lag)
            lag.set_xlim(-content.reach * factor, content.reach * factor)
            for axis in (amplitude, lag):
                axis.locator_params(axis="y", nbins=4 if content.row_height >= 120 else 2)

    def fill(self, content: SpectraContent) -> None:
        for key, (amplitude, phase, lag, mark) in self._lines.items():
            curve = content.curves[key]
            amplitude.set_data(*curve.amplitude)
            phase.set_data(*curve.phase)
            show_lag(lag, mark, curve.lag, content.reach)
