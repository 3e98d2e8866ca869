# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of trends: a plot per quantity, a line per station or baseline, outliers marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from difxnb.markup import printable
from difxnb.plots import ShownFigure
from difxnb.plots.times import in_days, set_utc

_TITLES = {
    "clock": ("how late stations were found", 1e6, "µs"),
    "snr": ("median SNR of baselines", 1.0, ""),
    "weight": ("mean weights of stations", 1.0, ""),
}
_MOST_NAMED = 12


def trends_figure(table: pd.DataFrame) -> Figure:
    """Draw a table as :meth:`difxnb.sessions.trends.SessionTrends.frame` gives it."""
    kinds = list(dict.fromkeys(table["of"]))
    figure = ShownFigure(figsize=(9.0, 2.6 * max(len(kinds), 1)), layout="constrained")
    if not kinds:
        figure.text(0.5, 0.5, "no values of sessions", ha="center", va="center")
        return figure
    grid = figure.subplots(len(kinds), 1, squeeze=False, sharex=True).ravel()
    for axes, kind in zip(grid, kinds, strict=True):
        _draw(axes, str(kind), table[table["of"] == kind])
    return figure


def _draw(axes: Axes, kind: str, rows: pd.DataFrame) -> None:
    title, factor, unit = _TITLES[kind]
    groups = list(rows.groupby(["name", "reference"], sort=False))
    for (name, reference), part in groups:
        against = f" (against {reference})" if reference else ""
        times = in_days(part["start"].to_numpy())
        values = part["value"].to_numpy(dtype=float) * factor
        label = printable(f"{name}{against}").lstrip("_")
        (line,) = axes.plot(times, values, "o-", ms=4, lw=1.0, label=label)
        errors = part["error"].to_numpy(dtype=float) * factor
        known = np.isfinite(errors) & np.isfinite(values)
        if known.any():
            axes.errorbar(
                times[known], values[known], errors[known], fmt="none", ecolor=line.get_color(), lw=0.8
            )
        far = part["outlier"].to_numpy(dtype=bool)
        if far.any():
            axes.plot(times[far], values[far], "o", ms=11, mfc="none", mec="#c62828", mew=1.6)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(unit)
    axes.tick_params(labelsize=8)
    set_utc(axes.xaxis)
    if len(groups) <= _MOST_NAMED:
        legend = axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        for text in legend.get_texts():
            text.set_parse_math(False)
