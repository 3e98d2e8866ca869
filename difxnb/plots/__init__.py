# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of visibilities, fringes and weights.

In go Datasets and tables of the shapes of :mod:`difxnb.visibility`, out come matplotlib figures and artists that
belong to nobody: no pyplot, no global state, plain text only, so that they may be made and drawn in any thread. Axes
are in MHz, UTC, ns or µs, ps/s and degrees.

Every plot works alone: it takes ``ax=`` and gives back its artists, with ``.axes`` and ``.figure``; in a cell they
show the picture where no ``ax`` was given. `fringe_figure` is all that there is of one scan.

>>> from difxnb import plots
>>> plots.amplitude(ds, baselines=["AA-BB"])
>>> plots.fringe_history(difxnb.fringe_fit(ds, "2s"), "delay").figure.savefig("delays.pdf")

Where things are: `artists` is what comes back and where it is drawn, `choosing` and `products` say what is drawn,
`style` has the colours, `times` and `squeezed` the axes, `units` the units; `live` draws what moves; `kinds` has every
plot by name.
"""

from __future__ import annotations

from difxnb.plots.artists import Artists, ShownFigure
from difxnb.plots.figures import COLOURS, fringe_figure, weights_figure
from difxnb.plots.frozen import interactive
from difxnb.plots.histories import fringe_history
from difxnb.plots.matrices import snr_matrix
from difxnb.plots.schedule import schedule_timeline
from difxnb.plots.spectra import amplitude, lag_spectrum, phase
from difxnb.plots.station_weights import weights
from difxnb.plots.stations import autocorrelation, reference_station
from difxnb.plots.waterfalls import waterfall

__all__ = [
    "COLOURS",
    "Artists",
    "ShownFigure",
    "amplitude",
    "autocorrelation",
    "fringe_figure",
    "fringe_history",
    "interactive",
    "lag_spectrum",
    "phase",
    "reference_station",
    "schedule_timeline",
    "snr_matrix",
    "waterfall",
    "weights",
    "weights_figure",
]
