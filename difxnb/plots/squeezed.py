# SPDX-License-Identifier: GPL-3.0-or-later
"""An axis of frequencies on which bands stand side by side, however far apart they are in the sky.

In go the edges of bands, out comes a scale: data and ticks stay in MHz, only the gaps between bands are drawn narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.scale import ScaleBase
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Transform
from numpy.typing import NDArray

from difxnb.plots.style import LIGHT

Span = tuple[float, float]

_GAP = 0.05  # of all bands together, the most that a gap may take
_TICKS = 5


class SqueezedGaps(Transform):
    """What lies between spans is made narrow, in both directions piece by piece linear.

    Attributes
    ----------
    spans : tuple of (low, high)
        Ascending, without overlaps.
    """

    input_dims = output_dims = 1

    def __init__(self, spans: Sequence[Span], *, inverse: bool = False) -> None:
        super().__init__()
        self.spans = tuple(spans)
        self._inverse = inverse
        truth = np.array(self.spans, dtype=float).ravel()
        steps = np.diff(truth)
        most = _GAP * float(steps[::2].sum())
        steps[1::2] = np.minimum(steps[1::2], most)
        self._truth, self._drawn = truth, truth[0] + np.concatenate([[0.0], np.cumsum(steps)])

    def transform_non_affine(self, values: Any) -> NDArray[np.float64]:
        """Places on paper of frequencies, or frequencies of places."""
        source, target = (self._drawn, self._truth) if self._inverse else (self._truth, self._drawn)
        given = np.asarray(values, dtype=float)
        beyond = np.minimum(given - source[0], 0.0) + np.maximum(given - source[-1], 0.0)
        return np.asarray(np.interp(given, source, target) + beyond, dtype=float)

    def inverted(self) -> SqueezedGaps:
        """The other direction."""
        return SqueezedGaps(self.spans, inverse=not self._inverse)


class BandScale(ScaleBase):
    """Scale of an axis with `SqueezedGaps`; its ticks lie within the bands."""

    name = "difxnb bands"

    def __init__(self, axis: Axis, spans: Sequence[Span]) -> None:
        super().__init__(axis)
        self._transform = SqueezedGaps(spans)

    def get_transform(self) -> SqueezedGaps:
        """From MHz to places on paper."""
        return self._transform

    def set_default_locators_and_formatters(self, axis: Axis) -> None:
        """Ticks at a few round frequencies, at least one for each of a few bands."""
        places, digits = ticks_of(self._transform.spans)
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.{digits}f}"))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Ascending spans, those that overlap or touch as one."""
    found: list[Span] = []
    for low, high in sorted(spans):
        near = 1e-6 * (high - low)
        if found and low <= found[-1][1] + near:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def ticks_of(spans: Sequence[Span]) -> tuple[list[float], int]:
    """Where ticks stand, and the digits behind the point that they need."""
    every = max(1, -(-len(spans) // _TICKS))
    chosen = list(spans)[::every]
    wanted = max(1, _TICKS // len(chosen))
    if wanted == 1:
        widest = max(high - low for low, high in chosen)
        digits = 0 if widest >= 10 else 1
        return [round((low + high) / 2, digits) for low, high in chosen], digits
    step = _round_step(max(high - low for low, high in chosen) / wanted)
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    places = [
        float(one)
        for low, high in chosen
        for one in np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    ]
    return places or [(low + high) / 2 for low, high in chosen], digits


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, …"""
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9)))


def set_bands(axes: Axes, edges_mhz: Iterable[Span]) -> None:
    """Give the x axis bands side by side; with those that it had before, if a plot of ours did."""
    before = axes.xaxis.get_transform()
    earlier = before.spans if isinstance(before, SqueezedGaps) else ()
    spans = merged([*earlier, *edges_mhz])
    axes.set_xscale(BandScale(axes.xaxis, spans))
    axes.set_xlim(spans[0][0], spans[-1][1])
    if spans != list(earlier):
        for (_, low), (high, _) in pairwise(spans):
            axes.axvspan(low, high, color=LIGHT.faint, alpha=0.5, lw=0, zorder=0)
