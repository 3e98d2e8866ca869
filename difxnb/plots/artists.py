# SPDX-License-Identifier: GPL-3.0-or-later
"""What every plot hands back: its artists, which show themselves where nobody gave axes to draw in.

In go the user's axes or none, out come axes to draw in. Figures made here belong to nobody: no pyplot, no global state.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difxnb.markup import printable
from difxnb.plots.lock import RENDER_LOCK
from difxnb.plots.style import LIGHT

COLUMN_IN = 3.5
"""Width of a column of a journal, inches."""

TEXT_PT, SMALL_PT = 8.0, 7.0
"""Sizes of words on axes, and of words that stand back."""

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""For every text of ours: names come from files, and are no formulae."""

_DOTS_PER_IN = 200


class ShownFigure(Figure):
    """A figure that shows itself in a cell, whether the inline backend is loaded or not.

    It is drawn under :data:`difxnb.plots.lock.RENDER_LOCK`, whoever draws it.
    """

    def __init__(self, *args: Any, shown_dpi: float = 100, **options: Any) -> None:
        super().__init__(*args, **options)
        self._shown_dpi = shown_dpi
        FigureCanvasAgg(self)

    def draw(self, renderer: RendererBase) -> None:
        """Draw, one figure of ours at a time."""
        with RENDER_LOCK:
            super().draw(renderer)

    def savefig(self, fname: Any, *, transparent: bool | None = None, **options: Any) -> None:
        """Write to a file or stream; as of matplotlib."""
        with RENDER_LOCK:
            super().savefig(fname, transparent=transparent, **options)

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=self._shown_dpi)
        return picture.getvalue()


class Artists(list[Artist]):
    """The artists of a plot, in the order in which they were drawn.

    In a cell they show the picture, but only where the plot made the figure: a figure of yours shows itself.

    Attributes
    ----------
    grid : ndarray of Axes, (rows, columns)
        What was drawn in.
    is_own : bool
        Whether the figure was made by the plot.
    """

    def __init__(
        self, grid: Axes | NDArray[np.object_], artists: Iterable[Artist] = (), *, is_own: bool = False
    ) -> None:
        super().__init__(artists)
        self.grid = np.atleast_2d(np.asarray(grid, dtype=object))
        self.is_own = is_own

    @property
    def axes(self) -> Axes:
        """The axes, or the first of several."""
        first: Axes = self.grid[0, 0]
        return first

    @property
    def figure(self) -> Figure:
        """What the axes are on."""
        found = self.axes.get_figure(root=True)
        if found is None:
            raise ValueError("these axes are on no figure any more")
        return found

    def _repr_png_(self) -> bytes | None:
        figure = self.figure
        return figure._repr_png_() if self.is_own and isinstance(figure, ShownFigure) else None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        words = f"{self.axes.get_xlabel()} × {self.axes.get_ylabel()}"
        several = f" and {self.grid.size - 1} other axes" if self.grid.size > 1 else ""
        return printable(f"<Artists: {len(self)} on {words}{several}>")


def on_axes(ax: Axes | None, *, height_in: float = 2.6, width_in: float = COLUMN_IN) -> Artists:
    """No artists yet, on the user's axes, or on those of a new figure.

    Raises
    ------
    TypeError
        It is neither axes nor None.
    """
    if ax is None:
        return Artists(paper(width_in, height_in).subplots(), is_own=True)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax is an Axes of matplotlib, or None for a new figure; got {type(ax).__name__}")
    return Artists(ax)


def paper(width_in: float, height_in: float) -> ShownFigure:
    """A new figure of this size, which leaves room for all that stands beside the axes."""
    return ShownFigure(
        figsize=(width_in, height_in),
        layout="constrained",
        shown_dpi=_DOTS_PER_IN,
        facecolor=LIGHT.background,
    )


def name_axes(axes: Axes, across: str, up: str) -> None:
    """Words and sizes of both axes."""
    axes.set_xlabel(across, fontsize=TEXT_PT, **PLAIN)
    axes.set_ylabel(up, fontsize=TEXT_PT, **PLAIN)
    axes.tick_params(labelsize=TEXT_PT)
    axes.grid(visible=True, color=LIGHT.grid, lw=0.5)
    axes.set_axisbelow(True)


_MOST_ENTRIES = 12
_LETTER_IN, _HANDLE_IN, _LINE_IN = 0.058, 0.45, 0.15


def add_legend(artists: Artists, *, left_out: str = "") -> None:
    """Say above our own axes what the curves are; axes of the user stay without, and the artists have labels.

    Parameters
    ----------
    artists : Artists
        With labels.
    left_out : str
        What is not drawn, in words.
    """
    if not artists.is_own:
        return
    named = {
        str(one.get_label()): one
        for one in artists
        if not str(one.get_label()).startswith("_") and one.get_label()
    }
    more = len(named) - _MOST_ENTRIES
    words = "; ".join(part for part in (left_out, f"and {more} more curves" if more > 0 else "") if part)
    names = list(named)[:_MOST_ENTRIES]
    if len(named) < 2 and not words:
        return
    columns, lines = _layout(names, artists.figure.get_figwidth() - 0.4)
    artists.figure.set_figheight(artists.figure.get_figheight() + (lines + bool(words) - 1) * _LINE_IN)
    legend = artists.figure.legend(
        [named[name] for name in names],
        names,
        loc="outside upper center",
        ncols=columns,
        fontsize=SMALL_PT,
        title=words or None,
        title_fontsize=SMALL_PT,
        frameon=False,
        handlelength=2.0,
        columnspacing=1.2,
        borderaxespad=0.1,
    )
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_parse_math(False)
        text.set_usetex(False)


def _layout(names: list[str], room_in: float) -> tuple[int, int]:
    """Columns and lines of a legend, as even as may be."""
    longest = max((len(name) for name in names), default=1)
    most = max(1, int(room_in / (_HANDLE_IN + _LETTER_IN * longest)))
    lines = -(-len(names) // most)
    return max(1, -(-len(names) // max(1, lines))), lines


def curve_name(*parts: object) -> str:
    """What a curve is of, as a label; one that matplotlib would hide is kept from that."""
    text = printable(" ".join(str(part) for part in parts if str(part)))
    return f" {text}" if text.startswith("_") else text


def say_nothing_there(axes: Axes) -> None:
    """Write into empty axes that they are meant to be."""
    axes.text(
        0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center",
        color=LIGHT.other, fontsize=TEXT_PT, **PLAIN,
    )  # fmt: skip
