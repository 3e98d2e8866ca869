# SPDX-License-Identifier: GPL-3.0-or-later
"""Which integrations are fitted together: those of a scan, of a length of time, or each alone.

In go the coordinates ``time``, ``scan_name``, ``field_name`` and the weights of the last integration of each scan, out
come intervals with the seconds of their integrations.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.accessor.grouping import integration_times, step_ns, times_ns

_SAME_S = 1e-9

By: TypeAlias = "str | datetime.timedelta | pd.Timedelta | np.timedelta64"


@dataclass(frozen=True)
class Interval:
    """Integrations that share one delay and one rate.

    Attributes
    ----------
    scan, source : str
        Names.
    places : slice
        Where its integrations stand on the time axis.
    start_ns, stop_ns : int
        Its ends, ns since 1970 (UTC): from the beginning of the first integration to the end of the last.
    first_ns : int
        Middle of the first integration.
    seconds : ndarray
        Middles of the integrations after the first.
    length_s : float
        Of the longest of its integrations, s.
    left : float
        Share of the last integration that the end of the scan left.
    """

    scan: str
    source: str
    places: slice
    start_ns: int
    stop_ns: int
    first_ns: int
    seconds: NDArray[np.float64]
    length_s: float = 0.0
    left: float = 1.0

    @property
    def size(self) -> int:
        """Number of integrations."""
        return len(self.seconds)

    @property
    def middle_s(self) -> float:
        """Middle between the first and the last integration, seconds after the first."""
        return float(self.seconds[-1]) / 2

    @property
    def reference_ns(self) -> int:
        """Time at which phases are stated, ns since 1970."""
        return self.first_ns + round(self.middle_s * 1e9)


def intervals_of(dataset: xr.Dataset, by: By) -> list[Interval]:
    """Intervals of a Dataset in the order of its time axis.

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring.
    by : str or timedelta
        ``"scan"``, ``"integration"``, or a length of time, counted from the beginning of each scan.

    Raises
    ------
    ValueError
        `by` is none of these, or the times of a scan do not ascend.
    """
    length_ns = _length_ns(by)
    times = times_ns(dataset)
    lengths = np.rint(integration_times(dataset) * 1e9).astype(np.int64)
    found = []
    for run in _scans(dataset):
        if not (np.diff(times[run]) > 0).all():
            raise ValueError(
                f"the times of scan {str(dataset['scan_name'].values[run.start])!r} do not ascend, each once; "
                'sort them with sortby("time") and drop_duplicates("time")'
            )
        seconds = (times[run] - times[run.start]) / 1e9
        cut_share = _cut_off(dataset, run)
        cut_off = cut_share * lengths[run.stop - 1]
        seconds[-1] -= cut_off / 2 / 1e9
        begun = times[run] - lengths[run] // 2
        scan, source = (str(dataset[name].values[run.start]) for name in ("scan_name", "field_name"))
        for part in _parts(run, begun, times[run], length_ns):
            inside = slice(part.start - run.start, part.stop - run.start)
            end = times[part.stop - 1] + lengths[part.stop - 1] // 2
            own = seconds[inside]
            found.append(
                Interval(
                    scan,
                    source,
                    part,
                    int(begun[inside.start]),
                    int(end) - round(cut_off if part.stop == run.stop else 0),
                    int(times[run.start]) + round(own[0] * 1e9),
                    own - own[0],
                    float(lengths[part].max()) / 1e9,
                    1.0 - (cut_share if part.stop == run.stop else 0.0),
                )
            )
    return found


def _length_ns(by: By) -> int | None:
    """Length of the intervals; None for whole scans, 0 for single integrations."""
    if isinstance(by, str) and by in ("scan", "integration"):
        return None if by == "scan" else 0
    asked = f'by is "scan", "integration" or a length of time such as "10s" or a timedelta; got {by!r}'
    if not isinstance(by, str | datetime.timedelta | np.timedelta64):
        raise ValueError(asked)
    try:
        length = step_ns(by) if isinstance(by, str) else int(pd.Timedelta(by).as_unit("ns").value)
    except (ValueError, OverflowError) as error:
        raise ValueError(asked) from error
    if length <= 0:
        raise ValueError(asked)
    return length


def _scans(dataset: xr.Dataset) -> Iterator[slice]:
    """Runs of integrations with the same scan and source."""
    names = list(zip(dataset["scan_name"].values, dataset["field_name"].values, strict=True))
    start = 0
    for stop in range(1, len(names) + 1):
        if stop == len(names) or names[stop] != names[start]:
            yield slice(start, stop)
            start = stop


def _parts(
    run: slice, begun: NDArray[np.int64], times: NDArray[np.int64], length_ns: int | None
) -> Iterator[slice]:
    if length_ns is None:
        yield run
        return
    numbers = (times - begun[0]) // length_ns if length_ns else np.arange(len(times))
    ends = [*(np.flatnonzero(np.diff(numbers)) + 1), len(times)]
    start = 0
    for end in ends:
        yield slice(run.start + start, run.start + int(end))
        start = int(end)


def _cut_off(dataset: xr.Dataset, run: slice) -> float:
    """Part of its last integration by which the end of the scan shortened it, 0…1.

    DiFX leaves such an integration at its nominal middle (``difx-files.md`` 13), which would bend the rate by many of
    its errors. Where no product reached the weight that the best one had before, the end of the scan is the reason;
    the gaps of a single station are not known to this precision.
    """
    last = _best_weight(dataset, run.stop - 1)
    before = _best_weight(dataset, run.stop - 2) if run.stop - run.start > 1 else 1.0
    if not before > 0 or np.isnan(last):
        return 0.0
    left = min(1.0, last / before)
    # with several phase centres a short integration counts twice in the weight (difx-files.md 13)
    return 1.0 - (left**0.5 if "phase_center" in dataset.dims else left)


def _best_weight(dataset: xr.Dataset, place: int) -> float:
    """Highest weight of an integration, NaN where one is not known."""
    weight = dataset["WEIGHT"].isel(time=place).values
    return float("nan") if np.isnan(weight).any() else float(weight.max(initial=0.0))


def stacks_of(intervals: Sequence[Interval], most: int) -> Iterator[slice]:
    """Neighbouring intervals whose integrations lie alike, so that they can be fitted as one array.

    Parameters
    ----------
    intervals : sequence of Interval
        As `intervals_of` gives them.
    most : int
        Integrations that may be in memory at once; a longer interval stands alone.

    Yields
    ------
    slice
        Of the list.
    """
    start = 0
    for stop in range(1, len(intervals) + 1):
        if stop == len(intervals) or not _alike(intervals[start], intervals[stop], (stop - start + 1), most):
            yield slice(start, stop)
            start = stop


def _alike(first: Interval, other: Interval, count: int, most: int) -> bool:
    is_next = other.places.start == first.places.start + (count - 1) * first.size
    if count * first.size > most or first.size != other.size or not is_next:
        return False
    return first.size == 1 or bool((np.abs(first.seconds - other.seconds) < _SAME_S).all())
