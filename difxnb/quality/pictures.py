# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of evidence: what was judged, worst first, against the limits; no pyplot, no global state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difxnb.markup import printable
from difxnb.plots import ShownFigure
from difxnb.quality.markup import COLOURS, MARKS
from difxnb.quality.verdict import Check, Scale, Verdict, worst

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 12
_COLUMNS = 3
_SHAPES = {Verdict.NOT_APPLICABLE: ".", Verdict.GO: "o", Verdict.LOOK: "D", Verdict.NO_GO: "X"}
_MOST_LETTERS = 26


def evidence_figure(title: str, checks: Sequence[Check]) -> Figure:
    """Draw the evidence of every check that says how; others are left out.

    Rows of evidence stand below each other, the worst on top, at most 12 of a check; dotted and full lines are the
    limits of `look` and `no-go`. Verdicts are told by colour and by shape.
    """
    drawn = [check for check in checks if check.scale is not None and len(check.evidence)]
    rows = max(1, math.ceil(len(drawn) / _COLUMNS))
    figure = ShownFigure(figsize=(12.0, 0.6 + 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        title if drawn else f"{title}; no check has evidence to draw", fontsize=11, parse_math=False
    )
    if drawn:
        grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for axes, check in zip(grid, drawn, strict=False):
            assert check.scale is not None
            _draw(axes, check, check.scale)
        for axes in grid[len(drawn) :]:
            axes.set_axis_off()
    return figure


def _draw(axes: Axes, check: Check, scale: Scale) -> None:
    shown = check.evidence.head(_MOST_ROWS)
    values = shown[scale.column].to_numpy(dtype=float)
    _draw_marks(axes, values, np.arange(len(shown)), [Verdict(one) for one in shown["verdict"]])
    for limit, style in ((scale.look, ":"), (scale.no_go, "-")):
        if limit is not None:
            axes.axvline(limit, ls=style, color="0.4", lw=1.0, zorder=0)
    axes.set_yticks(range(len(shown)), _labels(shown, scale.column), fontsize=7, parse_math=False)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=7)
    name = scale.column.replace("_", " ")
    axes.set_xlabel(f"{name} ({check.unit})" if check.unit else name, fontsize=8)
    axes.set_title(
        f"{MARKS[check.verdict]} {check.name}: {check.verdict}",
        fontsize=9,
        parse_math=False,
    )


def trend_figure(title: str, table: pd.DataFrame) -> Figure:
    """Draw the values of every check job after job, and the median of the earlier ones as a line.

    Parameters
    ----------
    title : str
        Above all.
    table : DataFrame
        Of :meth:`difxnb.quality.trend.QualityHistory.frame`.
    """
    groups = [
        (str(name), rows) for name, rows in table.groupby("check", sort=False) if rows["value"].notna().any()
    ]
    rows = max(1, math.ceil(len(groups) / _COLUMNS))
    figure = ShownFigure(figsize=(12.0, 0.6 + 2.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(printable(title), fontsize=11, parse_math=False)
    if groups:
        grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        jobs = list(dict.fromkeys(table["input"]))
        for axes, (name, values) in zip(grid, groups, strict=False):
            _draw_trend(axes, name, values, [jobs.index(job) for job in values["input"]])
        for axes in grid[len(groups) :]:
            axes.set_axis_off()
    return figure


def _draw_trend(axes: Axes, name: str, rows: pd.DataFrame, places: list[int]) -> None:
    axes.plot(places, rows["median"].to_numpy(dtype=float), "-", color="0.5", lw=1.0)
    verdicts = [
        worst(Verdict(one) for one in pair) for pair in zip(rows["verdict"], rows["trend"], strict=True)
    ]
    _draw_marks(axes, np.array(places), rows["value"].to_numpy(dtype=float), verdicts)
    unit = str(rows["unit"].iloc[-1])
    axes.set_title(printable(name), fontsize=9, parse_math=False)
    axes.set_ylabel(unit, fontsize=8)
    axes.set_xlabel("job", fontsize=8)
    axes.tick_params(labelsize=7)


def _draw_marks(
    axes: Axes, across: NDArray[np.number], up: NDArray[np.number], verdicts: Sequence[Verdict]
) -> None:
    """Mark points by their verdicts; those that are not finite are left out."""
    there = np.isfinite(across) & np.isfinite(up)
    for kind, shape in _SHAPES.items():
        mine = there & np.array([verdict is kind for verdict in verdicts], dtype=bool)
        if mine.any():
            axes.plot(across[mine], up[mine], shape, color=COLOURS[kind], ms=6)


def _labels(rows: pd.DataFrame, column: str) -> list[str]:
    """What each row is of: its texts, and the number of its band."""
    names = [
        str(name)
        for name, values in rows.items()
        if name == "band"
        or (name not in (column, "verdict") and all(isinstance(value, str) for value in values))
    ]
    texts = [" ".join(str(value) for value in row) for row in rows[names].itertuples(index=False)]
    return [_short(printable(text)) for text in texts]


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
