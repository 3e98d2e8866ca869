# SPDX-License-Identifier: GPL-3.0-or-later
"""Pens draw what artists draw, and what is kept for speed is what would be made anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from difxnb.plots.live.frames import add_axes, add_line
from difxnb.plots.live.once import Once
from difxnb.plots.live.pens import Raster, pens_of
from difxnb.plots.live.png import Palette
from difxnb.plots.style import THEMES
from tests.plots.live.looks import pixels

STYLES = {
    "line": {"linewidth": 1.0},
    "steps": {"drawstyle": "steps-mid", "linewidth": 1.3},
    "dashes": {"linestyle": (0, (4, 1.5)), "linewidth": 1.0},
    "dots": {"linestyle": "", "marker": "o", "markersize": 1.8, "markeredgewidth": 0},
    "marks": {"linestyle": "", "marker": "s", "markersize": 6},
    "crosses": {"linestyle": "", "marker": "x", "markersize": 6},
    "both": {"marker": "v", "markersize": 3.5, "markeredgewidth": 0, "linewidth": 1.3},
}


def axes_of_a_figure():
    figure = Figure(figsize=(4, 2), dpi=100)
    FigureCanvasAgg(figure)
    axes = add_axes(figure, (20, 10, 360, 180), THEMES["light"])
    axes.set_xlim(0, 300)
    axes.set_ylim(-1, 1)
    return axes


def drawn(axes, draw):
    """What a canvas shows after drawing on its empty axes."""
    canvas = axes.figure.canvas
    canvas.draw()
    draw(canvas.get_renderer())
    return np.array(canvas.buffer_rgba())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [300, 5, 0])
def test_a_pen_draws_a_line_as_the_line_draws_itself(style, count):
    axes = axes_of_a_figure()
    line = add_line(axes, color="#0072b2", animated=True, **STYLES[style])
    x = np.arange(count, dtype=float)
    y = 1.3 * np.sin(x / 7)
    y[2:4] = np.nan
    bare = drawn(axes, lambda _: None)
    line.set_data(x, y)
    own = drawn(axes, line.draw)
    penned = drawn(axes, lambda renderer: [pen() for pen in pens_of([line], renderer)])
    assert (own != bare).any() == (count > 0)
    assert (own == penned).all()


def test_a_pen_draws_an_image_over_the_whole_of_its_axes():
    colours = np.random.default_rng(1).integers(0, 2**24, (45, 90), dtype=np.uint32) | 0xFF000000
    live, whole = axes_of_a_figure(), axes_of_a_figure()
    for axes in (live, whole):
        axes.grid(visible=False)
        image = Raster(axes, interpolation="nearest", origin="lower", extent=(0, 300, -1, 1))
        image.set_animated(axes is live)
        image.show(colours.astype(np.uint32))
        axes.add_image(image)
    penned = drawn(live, lambda renderer: [pen() for pen in pens_of(live.images, renderer)])
    own = drawn(whole, whole.images[0].draw)
    inside = np.s_[14:186, 24:376]  # without the frame, which is drawn over images in one of them
    assert (penned[inside] == own[inside]).all()


def test_pixels_like_the_background_and_others_get_the_colours_that_they_have():
    palette = Palette("#ffffff", ["#0072b2", "#d55e00"])
    ground = np.full((20, 30, 4), 255, np.uint8)
    ground[5, :, :3] = (0, 114, 178)
    palette.keep(ground)
    other = ground.copy()
    other[3:9, 4:8, :3] = (213, 94, 0)
    larger = np.full((40, 30, 4), 255, np.uint8)
    for picture in (other, ground, larger):
        assert np.abs(pixels(palette.png(picture)) - picture[:, :, :3]).max() <= 1


def test_a_table_is_read_once_for_a_question():
    once, tables, read = Once(), [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})], []

    def ask(table, question):
        return once.get(table, question, lambda: read.append((id(table), question)) or len(read))

    assert [ask(tables[0], "x"), ask(tables[0], "x")] == [1, 1]
    assert [ask(tables[0], "y"), ask(tables[1], "y"), ask(tables[1], "y")] == [2, 3, 3]
