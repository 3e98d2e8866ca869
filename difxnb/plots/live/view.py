# SPDX-License-Identifier: GPL-3.0-or-later
"""What live views share: a background that is kept, artists that are drawn on it, and a PNG of both.

In go looks, out come PNG files. A view reads arrays from a look (`Content`), and a scene shows them: its axes, labels
and limits are drawn seldom and kept as a background; its lines are drawn anew for each frame.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difxnb.plots import ShownFigure
from difxnb.plots.live.chosen import Chosen
from difxnb.plots.live.look import Look
from difxnb.plots.live.pens import Pen, pens_of
from difxnb.plots.live.png import Palette
from difxnb.plots.lock import RENDER_LOCK
from difxnb.plots.style import THEMES, Theme

DPI = 100


class Content(Protocol):
    """What a view has read from a look; nobody changes it."""

    @property
    def layout(self) -> Hashable:
        """What the axes and their labels depend on."""

    @property
    def limits(self) -> Hashable:
        """Limits of the axes."""

    @property
    def height(self) -> int:
        """Pixels of the picture."""

    @property
    def caption(self) -> str:
        """What stands beside the picture."""


Read = TypeVar("Read", bound=Content)


class Scene(ABC, Generic[Read]):
    """What is in a figure: axes and artists.

    Attributes
    ----------
    artists : list of Artist
        What changes from frame to frame, in the order of drawing.
    colours : sequence of str
        Of everything that is drawn.
    others : ndarray (colour, RGB) or None
        Of images.
    """

    colours: Sequence[str] = ()
    others: NDArray[np.uint8] | None = None

    def __init__(self) -> None:
        self.artists: list[Artist] = []

    @abstractmethod
    def limit(self, content: Read) -> None:
        """Set the limits of the axes."""

    @abstractmethod
    def fill(self, content: Read) -> None:
        """Give the artists their data."""


class LiveView(ABC, Generic[Read]):
    """A live picture.

    Parameters
    ----------
    width : int
        Pixels; the height follows from what is shown.

    Attributes
    ----------
    caption : str
        What the last picture shows in words, as plain text: scan, time, units, and what is left out.
    full_draws : int
        How often everything was drawn anew.
    """

    def __init__(self, width: int = 960) -> None:
        self.width = width
        self.caption = ""
        self.full_draws = 0
        self._lock = threading.Lock()
        self._question: Hashable = None
        self._drawn: tuple[Hashable, Hashable] | None = None
        self._last: tuple[Read, Theme] | None = None
        self._forget()

    # --- what views say ------------------------------------------------------------------------------

    @abstractmethod
    def _read(self, look: Look) -> Read:
        """Read what is to be shown."""

    @abstractmethod
    def _compose(self, figure: Figure, content: Read, theme: Theme) -> Scene[Read]:
        """Make axes and artists."""

    # --- what panels use -----------------------------------------------------------------------------

    def draw(self, look: Look) -> bytes | None:
        """Draw a frame.

        Parameters
        ----------
        look : Look
            What to show now.

        Returns
        -------
        bytes or None
            A PNG file; None when nothing has changed since the last frame, or after `close`.
        """
        with self._lock:
            question = look.question
            if self._closed or (question == self._question and not self._has_more()):
                return None
            content = self._read(look)
            with RENDER_LOCK:
                pixels = self._frame(content, THEMES[look.theme])
                assert self._palette is not None
                picture = self._palette.png(pixels)
            self._last, self._question, self.caption = (
                (content, THEMES[look.theme]),
                question,
                content.caption,
            )
            return picture

    def figure(self) -> Figure:
        """The last frame as a normal figure, which belongs to whoever asked, also after `close`.

        Raises
        ------
        ValueError
            Nothing has been drawn yet.
        """
        if self._last is None:
            raise ValueError("nothing has been drawn yet; call draw() with a look first")
        content, theme = self._last
        with RENDER_LOCK:
            figure = self._empty(content, theme)
            scene = self._compose(figure, content, theme)
            scene.limit(content)
            scene.fill(content)
            return figure

    def close(self) -> None:
        """Let go of the canvas; `draw` gives nothing from then on."""
        with self._lock:
            self._closed = True
            self._forget()
            self._closed = True

    # --- drawing -------------------------------------------------------------------------------------

    def _has_more(self) -> bool:
        """Whether another look at the same data would show more."""
        return False

    def _forget(self) -> None:
        self._closed = False
        self._canvas: FigureCanvasAgg | None = None
        self._scene: Scene[Read] | None = None
        self._palette: Palette | None = None
        self._background: Any = None
        self._pens: list[Pen] = []
        self._drawn = None

    def _empty(self, content: Read, theme: Theme) -> Figure:
        size = (self.width / DPI, content.height / DPI)
        figure = ShownFigure(figsize=size, dpi=DPI, facecolor=theme.background, edgecolor=theme.background)
        FigureCanvasAgg(figure)
        return figure

    def _frame(self, content: Read, theme: Theme) -> np.ndarray[Any, np.dtype[np.uint8]]:
        layout = (content.layout, content.height, theme.name)
        if self._drawn is None or self._drawn[0] != layout:
            self._build(content, theme)
        assert self._scene is not None
        assert self._canvas is not None
        if self._drawn != (layout, content.limits):
            self._scene.limit(content)
            self._draw_background()
            self._drawn = (layout, content.limits)
        self._scene.fill(content)
        self._canvas.restore_region(self._background)  # type: ignore[no-untyped-call]
        for pen in self._pens:
            pen()
        return np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]

    def _build(self, content: Read, theme: Theme) -> None:
        figure = self._empty(content, theme)
        self._scene = self._compose(figure, content, theme)
        for artist in self._scene.artists:
            artist.set_animated(True)
        self._canvas = figure.canvas  # type: ignore[assignment]
        colours = (theme.text, theme.grid, theme.faint, *self._scene.colours)
        self._palette = Palette(theme.background, colours, self._scene.others)

    def _draw_background(self) -> None:
        assert self._canvas is not None
        assert self._scene is not None
        assert self._palette is not None
        figure = self._canvas.figure
        for axes in figure.axes:
            for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
                label.set(usetex=False, parse_math=False)
        self._canvas.draw()  # type: ignore[no-untyped-call]
        self._background = self._canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
        self._palette.keep(np.asarray(self._canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
        self._pens = pens_of(self._scene.artists, self._canvas.get_renderer())  # type: ignore[no-untyped-call]
        self.full_draws += 1


def describe(chosen: Chosen, *parts: str) -> str:
    """A caption: what is shown, and what is left out."""
    said = [part for part in parts if part]
    if chosen.left_out:
        said.append("not shown: " + ", ".join(chosen.left_out))
    return " · ".join(said)
