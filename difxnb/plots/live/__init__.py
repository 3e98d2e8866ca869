# SPDX-License-Identifier: GPL-3.0-or-later
"""Live pictures of visibilities: frames that a thread draws quickly, and the figures that they freeze to.

In go looks at a Dataset (`Look`), out come PNG files, at most one for each look that differs (`LiveView.draw`),
captions, and normal figures of the same (`LiveView.figure`). Nothing here knows a connection or a widget.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from difxnb.plots.live.autocorrelations import PowerView
from difxnb.plots.live.history import HistoryView
from difxnb.plots.live.lag import LagView
from difxnb.plots.live.look import Look, Theme
from difxnb.plots.live.spectra import SpectraView
from difxnb.plots.live.view import LiveView
from difxnb.plots.live.waterfall import WaterfallView
from difxnb.plots.live.weights import WeightsView

VIEWS: Mapping[str, type[LiveView[Any]]] = MappingProxyType(
    {
        "spectra": SpectraView,
        "lag": LagView,
        "fringes": HistoryView,
        "waterfall": WaterfallView,
        "autocorrelations": PowerView,
        "weights": WeightsView,
    }
)
"""Kinds of pictures, by name."""

__all__ = ["VIEWS", "LiveView", "Look", "Theme"]
