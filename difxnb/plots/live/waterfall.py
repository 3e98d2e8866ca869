# SPDX-License-Identifier: GPL-3.0-or-later
"""Waterfalls: amplitude and phase as colours over frequency and time, a row for each baseline; the newest on top.

In go looks, out come images on a regular grid of time, so that gaps are gaps.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.frames import BandPlaces, add_axes, add_line, add_text
from difxnb.plots.live.kept import Kept
from difxnb.plots.live.limits import Ceiling
from difxnb.plots.live.look import Look
from difxnb.plots.live.pens import Raster
from difxnb.plots.live.timeline import Scans, as_numbers, date_axis, scans_of, time_span
from difxnb.plots.live.view import LiveView, Scene, describe
from difxnb.plots.style import Theme

MOST_BASELINES = 4
_COLUMNS, _LINES = 336, 180  # of an image
_SHADES = 96  # of each map of colours
_AT_ONCE = 400_000  # values that are read for a frame
_TOP, _FOOT, _LEFT, _RIGHT, _BAR = 30, 44, 128, 14, 62

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WaterfallContent:
    """What a waterfall shows.

    Attributes
    ----------
    amplitude, phase : ndarray (baseline, line, column)
        DiFX units, and degrees, from the earliest line up; NaN in gaps, and between bands.
    ceilings : tuple of float
        Amplitude of the brightest colour of each baseline.
    """

    baselines: tuple[str, ...]
    hand: str
    frequencies: tuple[tuple[int, tuple[float, ...]], ...]
    amplitude: NDArray[np.float32]
    phase: NDArray[np.float32]
    time_limits: tuple[float, float]
    scans: Scans
    ceilings: tuple[float, ...]
    caption: str

    @property
    def layout(self) -> Hashable:
        """Rows and bands."""
        return (self.baselines, self.hand, self.frequencies)

    @property
    def limits(self) -> Hashable:
        """Times and amplitudes."""
        return (self.time_limits, self.ceilings)

    @property
    def row_height(self) -> int:
        """Pixels of a row."""
        return 560 // max(len(self.baselines), 2)

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return _TOP + _FOOT + self.row_height * max(len(self.baselines), 1)


class WaterfallView(LiveView[WaterfallContent]):
    """Amplitude and phase over frequency and time."""

    def __init__(self, width: int = 960) -> None:
        super().__init__(width)
        self._kept: Kept[NDArray[np.float32]] = Kept()
        self._time = time_span()
        self._ceilings: dict[str, Ceiling] = {}

    def _has_more(self) -> bool:
        return not self._kept.is_complete

    def _read(self, look: Look) -> WaterfallContent:
        chosen = Chosen(look, most_baselines=MOST_BASELINES)
        _leave_one_hand(chosen)
        frequencies = tuple((band, tuple(chosen.frequency(band).tolist())) for band in chosen.bands)
        places = BandPlaces({band: np.array(values) for band, values in frequencies})
        numbers, images = self._images(chosen, places)
        limits = self._time.take(*((numbers[0], numbers[-1]) if numbers.size else (np.nan, np.nan)))
        amplitude, phase = _on_grid(numbers, images, limits)
        names = tuple(one.name for one in chosen.baselines)
        return WaterfallContent(
            names,
            "".join(chosen.polarizations),
            frequencies,
            amplitude,
            phase,
            limits,
            tuple(one for one in scans_of(chosen) if limits[0] <= one[1] <= limits[1]),
            tuple(self._ceiling(name, one) for name, one in zip(names, amplitude, strict=True)),
            describe(chosen, *self._said(chosen)),
        )

    def _said(self, chosen: Chosen) -> list[str]:
        job = str(chosen.dataset.attrs.get("job", ""))
        said = [job, "amplitude in DiFX units, phase in degrees, the newest on top"]
        if self._kept.every > 1:
            said.append(f"one of each {self._kept.every} integrations")
        return said

    def _images(self, chosen: Chosen, places: BandPlaces) -> tuple[Floats, NDArray[np.float32]]:
        """Times, and lines (time, amplitude or phase, baseline, column)."""
        channels = chosen.dataset.sizes["channel"]
        size = max(len(chosen.baselines) * len(chosen.bands) * channels, 1)
        rows = self._kept.missing(chosen, max(1, _AT_ONCE // size))
        if rows.size:
            self._kept.put(list(_lines_of(chosen, places, rows)))
        times, made = self._kept.all()
        return as_numbers(times), np.array(made, np.float32).reshape(
            len(made), 2, len(chosen.baselines), _COLUMNS
        )

    def _ceiling(self, name: str, amplitude: NDArray[np.float32]) -> float:
        known = amplitude[np.isfinite(amplitude)]
        brightest = float(np.percentile(known, 99.5)) if known.size else float("nan")
        return self._ceilings.setdefault(name, Ceiling()).take(brightest)

    def _compose(self, figure: Figure, content: WaterfallContent, theme: Theme) -> Scene[WaterfallContent]:
        return _WaterfallScene(figure, content, theme)


def _leave_one_hand(chosen: Chosen) -> None:
    """Choose the first polarization alone; without any there are no baselines."""
    if len(chosen.polarizations) > 1:
        chosen.left_out.append(", ".join(chosen.polarizations[1:]))
        del chosen.polarizations[1:]
    if not chosen.polarizations:
        chosen.baselines = []


def _lines_of(chosen: Chosen, places: BandPlaces, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Amplitude and phase of integrations in columns (time, amplitude or phase, baseline, column)."""
    made = np.full((rows.size, 2, len(chosen.baselines), _COLUMNS), np.nan, np.float32)
    if not chosen.baselines:
        return made
    values = chosen.visibilities(rows)[:, :, :, 0]
    where = (np.arange(_COLUMNS) + 0.5) / _COLUMNS * places.length
    for band in places.order:
        share = where - places.begin(band)
        columns = np.flatnonzero((share >= 0) & (share < 1))
        channels = chosen.frequency(band).size
        spectra = values[:, :, chosen.bands.index(band), :channels]
        amplitude, mean = _in_columns(spectra, np.floor(share[columns] * channels).astype(np.int64))
        made[:, 0, :, columns[0] : columns[-1] + 1] = amplitude
        made[:, 1, :, columns[0] : columns[-1] + 1] = np.degrees(np.angle(mean))
    return made


def _in_columns(
    spectra: NDArray[np.complex64], firsts: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
    """Highest amplitude and mean of the channels of each column, which begins at a channel."""
    if spectra.shape[-1] <= firsts.size:
        chosen = spectra[..., firsts]
        return np.abs(chosen), chosen
    firsts[0] = 0
    present = np.isfinite(spectra)
    total = np.add.reduceat(np.where(present, spectra, 0), firsts, axis=-1)
    is_there = np.logical_or.reduceat(present, firsts, axis=-1)
    highest = np.fmax.reduceat(np.abs(spectra), firsts, axis=-1)
    return highest, np.where(is_there, total, np.nan)


def _on_grid(
    numbers: Floats, images: NDArray[np.float32], limits: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lines at regular times; NaN where no integration is near."""
    grid = limits[0] + (np.arange(_LINES) + 0.5) / _LINES * (limits[1] - limits[0])
    made = np.full((2, images.shape[2], _LINES, _COLUMNS), np.nan, np.float32)
    if numbers.size:
        spacing = (limits[1] - limits[0]) / _LINES
        step = float(np.median(np.diff(numbers))) if numbers.size > 1 else spacing
        borders = (numbers[1:] + numbers[:-1]) / 2
        nearest = np.searchsorted(borders, grid)
        is_near = np.abs(numbers[nearest] - grid) <= max(0.6 * step, 0.5 * spacing)
        made[:, :, is_near] = np.moveaxis(images[nearest[is_near]], 0, 2)
    return made[0], made[1]


class _WaterfallScene(Scene[WaterfallContent]):
    def __init__(self, figure: Figure, content: WaterfallContent, theme: Theme) -> None:
        super().__init__()
        self._maps = [_table(name) for name in (theme.colormap, theme.phase_colormap)]
        self._tables = [_with_ground(table, theme.background) for table in self._maps]
        self.others = np.concatenate(self._maps)[:, :3]
        width = round(figure.get_size_inches()[0] * figure.dpi)
        across = (width - _LEFT - _RIGHT - 2 * _BAR) / 2
        lefts = (_LEFT, _LEFT + across + _BAR)
        titles = (f"amplitude {content.hand} (DiFX units)", f"phase {content.hand} (degrees)")
        for left, title in zip(lefts, titles, strict=True):
            add_text(figure, left, 14, title, theme, weight="bold")
        if not content.baselines:
            add_text(figure, width / 2, _TOP + 120, "no data yet", theme, ha="center", fontsize=13)
        self._cells: list[list[tuple[Axes, Raster]]] = []
        self._bars: list[Axes] = []
        self._borders: list[Any] = []
        for row, name in enumerate(content.baselines):
            top, down = _TOP + row * content.row_height + 4, content.row_height - 16
            add_text(figure, 10, top + down / 2, name, theme, weight="bold", fontsize=10)
            boxes = [(left, top, across, down) for left in lefts]
            is_last = row == len(content.baselines) - 1
            self._cells.append([self._add_cell(figure, box, content, theme, is_last) for box in boxes])
            for column, box in enumerate(boxes):
                self._add_bar(figure, box, column, theme)

    def _add_cell(
        self,
        figure: Figure,
        box: tuple[float, float, float, float],
        content: WaterfallContent,
        theme: Theme,
        is_last: bool,
    ) -> tuple[Axes, Raster]:
        axes = add_axes(figure, box, theme)
        axes.grid(visible=False)
        places = BandPlaces({band: np.array(values) for band, values in content.frequencies})
        places.label(axes, theme, names=is_last)
        date_axis(axes.yaxis)
        axes.tick_params(labelleft=box[0] == _LEFT)
        image = Raster(axes, interpolation="nearest", origin="lower", resample=False)
        image.set_data(np.zeros((1, 1, 4), np.uint8))
        axes.add_image(image)
        image.set_clip_path(axes.patch)
        border = add_line(axes, color=theme.background, linewidth=1.2)
        self._borders.append(border)
        self.artists += [image, border]
        return axes, image

    def _add_bar(
        self, figure: Figure, box: tuple[float, float, float, float], column: int, theme: Theme
    ) -> None:
        bar = add_axes(figure, (box[0] + box[2] + 6, box[1], 9, box[3]), theme)
        bar.grid(visible=False)
        bar.set_xlim(0, 1)
        bar.tick_params(
            labelbottom=False, bottom=False, left=False, labelleft=False, right=True, labelright=True
        )
        low, high = ((0.0, 1.0), (-180.0, 180.0))[column]
        strip = AxesImage(bar, extent=(0, 1, low, high), origin="lower", interpolation="nearest")
        strip.set_data(self._maps[column][:, None])
        bar.add_image(strip)
        bar.set_ylim(low, high)
        if column == 1:
            bar.set_yticks((-180, -90, 0, 90, 180) if box[3] > 120 else (-180, 0, 180))
        else:
            self._bars.append(bar)

    def limit(self, content: WaterfallContent) -> None:
        length = BandPlaces({band: np.array(values) for band, values in content.frequencies}).length
        for cells, bar, ceiling in zip(self._cells, self._bars, content.ceilings, strict=True):
            bar.set_yticks((0, 0.5, 1), [f"{share * ceiling:.3g}" for share in (0, 0.5, 1)], parse_math=False)
            for axes, image in cells:
                axes.set_ylim(*content.time_limits)
                image.set_extent((0, length, *content.time_limits))

    def fill(self, content: WaterfallContent) -> None:
        for row, (ceiling, cells) in enumerate(zip(content.ceilings, self._cells, strict=True)):
            shares = (content.amplitude[row] / ceiling, (content.phase[row] + 180) / 360)
            for (_, image), share, table in zip(cells, shares, self._tables, strict=True):
                image.show(_coloured(share, table))
        begins = [begin for _, begin in content.scans]
        x = np.tile([0.0, 1e6, np.nan], len(begins))
        for border in self._borders:
            border.set_data(x, np.repeat(begins, 3))


def _coloured(share: NDArray[np.float32], table: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Colours of shares 0…1; the last of the table where there is nothing."""
    places = np.clip(share * np.float32(_SHADES), 0, _SHADES - 1)
    return np.asarray(table.take(np.nan_to_num(places, nan=_SHADES).astype(np.uint8)))


def _with_ground(table: NDArray[np.uint8], ground: str) -> NDArray[np.uint32]:
    """Colours as numbers, and that of the background behind them."""
    last = np.rint(np.append(matplotlib.colors.to_rgb(ground), 1.0) * 255).astype(np.uint8)
    return np.concatenate([table, last[None]]).view(np.uint32)[:, 0]


def _table(name: str) -> NDArray[np.uint8]:
    """Colours (RGBA) of one of matplotlib's maps."""
    return np.asarray(matplotlib.colormaps[name](np.linspace(0, 1, _SHADES), bytes=True))
