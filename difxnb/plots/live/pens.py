# SPDX-License-Identifier: GPL-3.0-or-later
"""What draws the artists of a frame onto a canvas in a fraction of the time that they take themselves.

An artist finds out anew at each draw how it looks and where its axes stand. Between two full draws neither changes, so
a pen finds it out once, and gives the renderer the data alone. What it draws is what the artist draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.cbook import pts_to_midstep
from matplotlib.colors import to_rgba
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox
from numpy.typing import NDArray

Pen = Callable[[], None]


class Raster(AxesImage):
    """An image that fills its axes, given by the colours of its pixels."""

    def show(self, colours: NDArray[np.uint32]) -> None:
        """Take colours (line, column), RGBA in the order of bytes, from the lowest line up."""
        self._colours = colours
        if not self.get_animated():
            self.set_data(colours.view(np.uint8).reshape(*colours.shape, 4))

    @property
    def colours(self) -> NDArray[np.uint32]:
        """What was given last."""
        return self._colours


def pens_of(artists: Sequence[Artist], renderer: RendererAgg) -> list[Pen]:
    """Pens that draw artists, in their order; good until limits or looks change."""
    return [pen for artist in artists for pen in _pens_of(artist, renderer)]


def _pens_of(artist: Artist, renderer: RendererAgg) -> list[Pen]:
    if isinstance(artist, Raster):
        return [_raster_pen(artist, renderer)]
    if not isinstance(artist, Line2D) or artist.is_dashed():
        return [lambda: artist.draw(renderer)]
    pens = []
    if artist.get_linestyle() != "None":
        pens.append(_line_pen(artist, renderer))
    if artist.get_marker() not in ("", "None", None):
        pens.append(_marker_pen(artist, renderer))
    return pens


def _line_pen(line: Line2D, renderer: RendererAgg) -> Pen:
    context = _context(line, renderer, line.get_color(), line.get_linewidth())
    context.set_joinstyle(line.get_solid_joinstyle())
    context.set_capstyle(line.get_solid_capstyle())
    context.set_snap(line.get_snap())
    has_steps = line.get_drawstyle() == "steps-mid"
    transform = _transform(line)

    def draw() -> None:
        points = _points(line)
        if len(points):
            if has_steps:
                points = np.transpose(pts_to_midstep(*points.T))
            renderer.draw_path(context, Path(points), transform)  # type: ignore[no-untyped-call]

    return draw


def _marker_pen(line: Line2D, renderer: RendererAgg) -> Pen:
    marker = MarkerStyle(line.get_marker())
    size = renderer.points_to_pixels(line.get_markersize())  # type: ignore[no-untyped-call]
    context = _context(line, renderer, line.get_markeredgecolor(), line.get_markeredgewidth())
    context.set_joinstyle(marker.get_joinstyle())
    context.set_capstyle(marker.get_capstyle())
    threshold = marker.get_snap_threshold()
    context.set_snap(threshold if threshold is None else size >= threshold)
    face = to_rgba(line.get_markerfacecolor()) if marker.is_filled() else None
    shape, scaled = marker.get_path(), marker.get_transform() + Affine2D().scale(size)
    transform = _transform(line)

    def draw() -> None:
        points = _points(line)
        if len(points):
            renderer.draw_markers(context, shape, scaled, Path(points), transform, face)

    return draw


def _raster_pen(image: Raster, renderer: RendererAgg) -> Pen:
    """Each pixel of the axes has the colour of the nearest of the image."""
    context: Any = renderer.new_gc()
    assert image.axes is not None
    (left, bottom), (right, top) = np.rint(image.axes.bbox.get_points()).astype(int).tolist()

    def nearest(pixels: int, lines: int) -> NDArray[np.int64]:
        return (2 * np.arange(pixels) + 1) * lines // (2 * pixels)

    def draw() -> None:
        lines, columns = image.colours.shape
        rows = image.colours.take(nearest(right - left, columns), axis=1)
        scaled = rows.take(nearest(top - bottom, lines), axis=0)
        rgba = scaled.view(np.uint8).reshape(*scaled.shape, 4)
        renderer.draw_image(context, left, bottom, rgba)

    return draw


def _context(line: Line2D, renderer: RendererAgg, colour: Any, width: float) -> Any:
    context: Any = renderer.new_gc()
    box = line.get_clip_box()
    if box is not None:
        context.set_clip_rectangle(Bbox(box.get_points()))
    context.set_foreground(to_rgba(colour), isRGBA=True)
    context.set_antialiased(line.get_antialiased())
    context.set_linewidth(width)
    return context


def _transform(line: Line2D) -> Affine2D:
    assert line.axes is not None
    return Affine2D(line.axes.transData.get_matrix())


def _points(line: Line2D) -> NDArray[np.float64]:
    x, y = line.get_data(orig=True)
    return np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
