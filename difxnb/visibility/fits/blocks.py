# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of the visibilities as may be in memory, ready to be fitted.

In go the cross-correlations of one phase centre and pulsar bin and neighbouring intervals that are alike, out come
arrays (interval, baseline, polarization, time, channel) band by band. Of lazy data nothing else is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.fits.intervals import Interval
from difxnb.visibility.fits.weights import known_weights

_BLOCK_BYTES = 2**27
_INNER = ("baseline", "polarization", "time")


@dataclass(frozen=True)
class BandData:
    """One band of some baselines in some intervals.

    Attributes
    ----------
    place : int
        Of the band on its axis.
    frequency : ndarray (channel,)
        Hz.
    visibility : ndarray (interval, baseline, polarization, time, channel)
    weight : ndarray (interval, baseline, polarization, time)
        NaN where unknown.
    """

    place: int
    frequency: NDArray[np.float64]
    visibility: NDArray[np.complexfloating]
    weight: NDArray[np.floating]

    @cached_property
    def known_weight(self) -> NDArray[np.floating]:
        """Weights, 1 where they are not known."""
        return known_weights(self.weight)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which integrations have data, shape of the weights."""
        return np.asarray((self.known_weight > 0) & np.isfinite(self.visibility).any(axis=-1))


@dataclass(frozen=True)
class Block:
    """What is read at once.

    Attributes
    ----------
    intervals, baselines, times : slice
        Places on their axes.
    seconds : ndarray (time,)
        Since the first integration, the same for all intervals.
    middle_s : float
        Where phases are stated, on the same scale.
    bands : list of BandData
    length_s, left : float
        Of the integrations, as of `Interval`; 0 where gaps within them are of no concern.
    """

    intervals: slice
    baselines: slice
    times: slice
    seconds: NDArray[np.float64]
    middle_s: float
    bands: list[BandData]
    length_s: float = 0.0
    left: float = 1.0


def most_integrations(dataset: xr.Dataset) -> int:
    """Integrations of which all baselines and bands may be in memory at once."""
    return max(1, _BLOCK_BYTES // max(1, _row_bytes(dataset) * dataset.sizes["baseline"]))


def blocks_of(dataset: xr.Dataset, intervals: Sequence[Interval], stack: slice) -> Iterator[Block]:
    """Blocks of intervals that are alike: all baselines at once, or as many as may be, one at the least."""
    chosen = intervals[stack]
    times = slice(chosen[0].places.start, chosen[-1].places.stop)
    rows = (times.stop - times.start) * _row_bytes(dataset)
    count = dataset.sizes["baseline"]
    blocks = -(-count // max(1, _BLOCK_BYTES // max(1, rows)))
    step = -(-count // max(1, blocks))  # all of about the same size: few fits at a time take longer each
    for start in range(0, count, max(1, step)):
        baselines = slice(start, min(start + step, count))
        part = dataset[["VISIBILITY", "WEIGHT"]].isel(time=times, baseline=baselines)
        bands = list(_bands(part, len(chosen)))
        first = chosen[0]
        yield Block(stack, baselines, times, first.seconds, first.middle_s, bands, first.length_s, first.left)


def _row_bytes(dataset: xr.Dataset) -> int:
    """Bytes of one integration of one baseline."""
    return dataset["VISIBILITY"].dtype.itemsize * int(
        np.prod([dataset.sizes[name] for name in ("band", "polarization", "channel")])
    )


def _bands(part: xr.Dataset, intervals: int) -> Iterator[BandData]:
    visibility = part["VISIBILITY"].transpose("band", *_INNER, "channel").values
    weight = part["WEIGHT"].transpose("band", *_INNER).values
    for place, channels in enumerate(part["n_channels"].values):
        frequency = part["frequency"].values[place, :channels]
        yield BandData(
            place,
            frequency,
            _by_interval(visibility[place, ..., :channels], intervals),
            _by_interval(weight[place], intervals),
        )


def _by_interval(values: NDArray[Any], intervals: int) -> NDArray[Any]:
    """Split the time axis, which is the third, into intervals in front."""
    shape = values.shape
    split = values.reshape(*shape[:2], intervals, shape[2] // intervals, *shape[3:])
    return np.moveaxis(split, 2, 0)
