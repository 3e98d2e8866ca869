# SPDX-License-Identifier: GPL-3.0-or-later
"""A grid of axes, one for each baseline or station, with a curve for each polarization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from difxnb.plots.live.frames import add_axes, add_legend, add_text
from difxnb.plots.style import MARKERS, Theme

MOST_CELLS = 24
_TOP, _FOOT, _LEFT, _RIGHT, _GUTTER = 30, 44, 52, 14, 52


@dataclass(frozen=True)
class Grid:
    """Where so many cells stand in a picture of a width.

    Attributes
    ----------
    cells, width : int
        How many; pixels.
    """

    cells: int
    width: int

    @property
    def columns(self) -> int:
        """Cells side by side."""
        return 1 if self.cells < 3 else 2 if self.cells <= 8 else 3

    @property
    def rows(self) -> int:
        """Cells one above the other."""
        return max(1, -(-self.cells // self.columns))

    @property
    def row_height(self) -> int:
        """Pixels of a row."""
        return int(np.clip(560 // self.rows, 96, 260))

    @property
    def height(self) -> int:
        """Pixels of the picture."""
        return _TOP + _FOOT + self.rows * self.row_height

    def box(self, cell: int) -> tuple[float, float, float, float]:
        """Pixels of a cell: left, top, width, height."""
        row, column = divmod(cell, self.columns)
        across = (self.width - _LEFT - _RIGHT - (self.columns - 1) * _GUTTER) / self.columns
        top = _TOP + row * self.row_height + 20
        return (_LEFT + column * (across + _GUTTER), top, across, self.row_height - 30)

    def is_lowest(self, cell: int) -> bool:
        """Whether nothing stands below a cell."""
        return cell + self.columns >= self.cells

    def place(self, figure: Figure, names: Sequence[str], theme: Theme) -> list[Axes]:
        """Axes with their names above them, or words where there are none."""
        if not names:
            add_text(figure, self.width / 2, _TOP + 120, "no data yet", theme, ha="center", fontsize=13)
        made = []
        for cell, name in enumerate(names):
            box = self.box(cell)
            made.append(add_axes(figure, box, theme))
            add_text(figure, box[0], box[1] - 9, name, theme, weight="bold")
        return made

    def head(self, figure: Figure, title: str, hands: Sequence[str], theme: Theme) -> None:
        """Title at the upper left, polarizations at the upper right."""
        add_text(figure, 12, 14, title, theme, weight="bold")
        entries = [(name, theme.polarization(name), mark) for name, mark in zip(hands, MARKERS, strict=False)]
        add_legend(figure, entries, theme, right=self.width - 12)
