# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of visibilities, fringes and weights.

In go Datasets and tables of the shapes of :mod:`difxnb.visibility`, out come matplotlib figures and artists that
belong to nobody: no pyplot, no global state, plain text only, so that they may be made and drawn in any thread.
Axes are in MHz, µs and degrees.
"""

from __future__ import annotations

from difxnb.plots.figures import COLOURS, ShownFigure, fringe_figure, weights_figure

__all__ = ["COLOURS", "ShownFigure", "fringe_figure", "weights_figure"]
