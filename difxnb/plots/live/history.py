# SPDX-License-Identifier: GPL-3.0-or-later
"""Delay, SNR, phase and delay rate against time: points of integrations, lines of the fits of whole scans."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import SMALL, add_axes, add_line, add_text
from difxnb.plots.live.limits import Ceiling, Span
from difxnb.plots.live.look import Look
from difxnb.plots.live.once import Once
from difxnb.plots.live.scan_fits import ScanLines, SeriesKey, scan_lines
from difxnb.plots.live.timeline import Scans, Timeline, as_numbers, scans_of, time_span
from difxnb.plots.live.tracks import TrackPoints, Tracks
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import MARKERS, Theme

MOST_SERIES = 24
_TOP, _LEFT, _RIGHT, _PANEL, _FOOT = 44, 84, 150, 138, 44
_BETWEEN = 12
_US = 1e-5  # s: delays beyond are shown in µs

Floats = NDArray[np.float64]
Limits = tuple[float, float]


@dataclass(frozen=True)
class HistoryContent:
    """What a picture of fringes against time shows; values in s, s/s, degrees.

    Attributes
    ----------
    times : ndarray
        Numbers of the axis.
    delay, phase, snr : dict of ndarray
        Points of integrations, by product.
    lines : dict of ScanLines
        Fits of scans, by product.
    """

    keys: tuple[SeriesKey, ...]
    times: Floats
    delay: dict[SeriesKey, Floats]
    phase: dict[SeriesKey, Floats]
    snr: dict[SeriesKey, Floats]
    lines: dict[SeriesKey, ScanLines]
    limits: tuple[Limits, Scans, Limits, float, Limits]
    caption: str

    @property
    def layout(self) -> Hashable:
        """Products."""
        return self.keys

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return _TOP + 4 * _PANEL + _FOOT


class HistoryView(LiveView[HistoryContent]):
    """Delay, SNR, phase and delay rate against time."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._tracks = Tracks()
        self._lines: Once[dict[SeriesKey, ScanLines]] = Once()
        self._is_complete = True
        self._time = time_span()
        self._delay, self._rate = Span(1e-10), Span(1e-14)
        self._snr = Ceiling()

    def _has_more(self) -> bool:
        return not self._is_complete

    def _read(self, look: Look) -> HistoryContent:
        chosen = choose_series(look)
        points = self._tracks.take(chosen)
        self._is_complete = points.is_complete
        asked = (tuple(chosen.baselines), tuple(chosen.bands), look.scan, look.until)
        lines = self._lines.get(look.fringes, asked, lambda: scan_lines(chosen))
        keys = tuple(
            (one.name, band, hand)
            for one in chosen.baselines
            for band in chosen.bands
            for hand in chosen.polarizations
        )
        columns = {
            name: _by_product(keys, getattr(points, name), factor)
            for name, factor in (("delay", 1.0), ("phase", 180 / np.pi), ("snr", 1.0))
        }
        times = as_numbers(points.times)
        return HistoryContent(
            keys, times, **columns, lines=lines, limits=self._limits(chosen, times, columns, lines),
            caption=describe(chosen, str(chosen.dataset.attrs.get("job", "")), *_said(points)),
        )  # fmt: skip

    def _limits(
        self,
        chosen: Chosen,
        times: Floats,
        columns: dict[str, dict[SeriesKey, Floats]],
        lines: dict[SeriesKey, ScanLines],
    ) -> tuple[Limits, Scans, Limits, float, Limits]:
        delay_points = [point for one in lines.values() for point in one.delay]
        rate_points = [point for one in lines.values() for point in one.rate]
        delays = np.concatenate([np.zeros(0), *columns["delay"].values(), [y for _, y in delay_points]])
        snr = np.concatenate([np.zeros(0), *columns["snr"].values()])
        time_limits = self._time.take(*_ends(np.concatenate([times, [x for x, _ in delay_points]])))
        return (
            time_limits,
            tuple(one for one in scans_of(chosen) if time_limits[0] <= one[1] <= time_limits[1]),
            self._delay.take(*_ends(delays)),
            self._snr.take(_ends(snr)[1]),
            self._rate.take(*_ends(np.array([y for _, y in rate_points]))),
        )

    def _compose(self, figure: Figure, content: HistoryContent, theme: Theme) -> Scene[HistoryContent]:
        return _HistoryScene(figure, content, theme)


def choose_series(look: Look) -> Chosen:
    """What is drawn against time: so many products that they can be told apart."""
    every = Chosen(look, most_baselines=MOST_SERIES)
    hands, baselines = max(len(every.polarizations), 1), max(len(every.baselines), 1)
    bands = max(1, min(len(every.bands), MOST_SERIES // (hands * min(baselines, MOST_SERIES // hands or 1))))
    return Chosen(look, most_baselines=max(1, MOST_SERIES // (hands * bands)), most_bands=bands)


def _by_product(keys: tuple[SeriesKey, ...], values: Floats, factor: float) -> dict[SeriesKey, Floats]:
    flat = values.reshape(len(values), len(keys)) * factor
    return {key: flat[:, place] for place, key in enumerate(keys)}


def _ends(values: Floats) -> Limits:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (float("nan"), float("nan"))


def _said(points: TrackPoints) -> list[str]:
    said = ["points: integrations, delay and phase where a fringe was found", "lines: fits of scans"]
    if points.every > 1:
        said.append(f"one of each {points.every} integrations")
    if not points.is_complete:
        said.append("earlier ones are being fitted")
    return said


class _HistoryScene(Scene[HistoryContent]):
    def __init__(self, figure: Figure, content: HistoryContent, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        width = round(figure.get_size_inches()[0] * figure.dpi)
        self.colours = theme.cycle
        across = width - _LEFT - _RIGHT
        self.axes = [
            add_axes(figure, (_LEFT, _TOP + row * _PANEL, across, _PANEL - _BETWEEN), theme)
            for row in range(4)
        ]
        self.timeline = Timeline(self.axes, theme)
        self.axes[2].set_ylim(-190, 190)
        self.axes[2].set_yticks((-180, -90, 0, 90, 180))
        add_text(figure, 12, 14, "fringes against time", theme, weight="bold")
        self._points = [self._add_points(row, content, theme) for row in range(3)]
        self._lines = [self._add_lines(row, content, theme) for row in (0, 3)]
        self._add_names(figure, content, theme, width)

    def _add_points(self, row: int, content: HistoryContent, theme: Theme) -> list[Line2D]:
        made = [
            add_line(
                self.axes[row], color=colour, linestyle="", marker=mark, markersize=3.4, markeredgewidth=0
            )
            for colour, mark in looks_of(content.keys, theme)
        ]
        self.artists += made
        return made

    def _add_lines(self, row: int, content: HistoryContent, theme: Theme) -> list[Line2D]:
        made = [
            add_line(self.axes[row], color=colour, linewidth=1.2)
            for colour, _ in looks_of(content.keys, theme)
        ]
        self.artists += made
        return made

    def _add_names(self, figure: Figure, content: HistoryContent, theme: Theme, width: int) -> None:
        left = width - _RIGHT + 22
        pixels = np.array(figure.get_size_inches()) * figure.dpi
        several = len({band for _, band, _ in content.keys}) > 1
        for row, (key, look) in enumerate(zip(content.keys, looks_of(content.keys, theme), strict=True)):
            name = f"{key[0]} {key[1]} {key[2]}" if several else f"{key[0]} {key[2]}"
            y = _TOP + 6 + 18 * row
            add_text(figure, left, y, name, theme)
            mark = Line2D(
                [(left - 9) / pixels[0]], [1 - y / pixels[1]], linestyle="", color=look[0], marker=look[1]
            )
            mark.set_markersize(5)
            figure.add_artist(mark)
        if several:
            add_text(
                figure, left - 12, 14, "baseline, band, polarization", theme, ha="center", fontsize=SMALL
            )

    def limit(self, content: HistoryContent) -> None:
        times, scans, delay, snr, rate = content.limits
        self.timeline.show(times, scans)
        unit, factor = delay_unit(delay)
        self.axes[0].set_ylim(delay[0] * factor, delay[1] * factor)
        self.axes[1].set_ylim(0, snr)
        self.axes[3].set_ylim(rate[0] * 1e12, rate[1] * 1e12)
        labels = (f"delay ({unit})", "SNR", "phase (degrees)", "rate (ps/s)")
        for axes, label in zip(self.axes, labels, strict=True):
            axes.set_ylabel(label, fontsize=SMALL + 1, color=self._theme.text, parse_math=False, usetex=False)
            axes.yaxis.set_label_coords(-56 / axes.bbox.width, 0.5)
        for axes in (self.axes[0], self.axes[1], self.axes[3]):
            axes.ticklabel_format(axis="y", style="plain", useOffset=False, useMathText=False)
            axes.locator_params(axis="y", nbins=5)

    def fill(self, content: HistoryContent) -> None:
        factor = delay_unit(content.limits[2])[1]
        columns = ((content.delay, factor), (content.snr, 1.0), (content.phase, 1.0))
        for lines, (values, scale) in zip(self._points, columns, strict=True):
            for line, key in zip(lines, content.keys, strict=True):
                line.set_data(content.times, values[key] * scale)
        for place, key in enumerate(content.keys):
            found = content.lines.get(key, ScanLines())
            self._lines[0][place].set_data(*_scaled(found.delay, factor))
            self._lines[1][place].set_data(*_scaled(found.rate, 1e12))


def delay_unit(limits: Limits) -> tuple[str, float]:
    """Unit for delays between limits in s, and the factor to it."""
    return ("ns", 1e9) if max(abs(limits[0]), abs(limits[1])) < _US else ("µs", 1e6)


def looks_of(keys: tuple[SeriesKey, ...], theme: Theme) -> list[tuple[str, str]]:
    """Colour and mark of each product: colours by baseline and band, marks by polarization and round."""
    curves = list(dict.fromkeys((baseline, band) for baseline, band, _ in keys))
    hands = list(dict.fromkeys(hand for _, _, hand in keys))
    found = []
    for baseline, band, hand in keys:
        place = curves.index((baseline, band))
        mark = MARKERS[(hands.index(hand) + len(hands) * (place // len(theme.cycle))) % len(MARKERS)]
        found.append((theme.curve(place), mark))
    return found


def _scaled(points: list[tuple[float, float]], factor: float) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y * factor for _, y in points]
