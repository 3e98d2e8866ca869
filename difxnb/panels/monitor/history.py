# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrations that are at hand, in their order, and where among them one looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scan:
    """Integrations of one scan that are at hand.

    Attributes
    ----------
    name, field : str
        Identifier of the scan, and its source.
    begin, end : datetime64
        Middle of its first and of its last integration at hand (UTC).
    first, last : int
        Places of these.
    """

    name: str
    field: str
    begin: np.datetime64
    end: np.datetime64
    first: int
    last: int


@dataclass(frozen=True)
class History:
    """Integrations in their order.

    Attributes
    ----------
    times : array of datetime64
        Their middles, UTC.
    scans : tuple of Scan
        In the order of time; a scan that is taken up again comes again.
    """

    times: NDArray[np.datetime64]
    scans: tuple[Scan, ...]

    def __len__(self) -> int:
        return self.times.size

    def place(self, until: np.datetime64 | None) -> int:
        """Place of the newest integration up to a time, the first where all are later; -1 where there are none."""
        if until is None or not self.times.size:
            return self.times.size - 1
        return max(0, int(np.searchsorted(self.times, until, side="right")) - 1)

    def time(self, place: int) -> np.datetime64 | None:
        """Time of a place, of the nearest where there is no such; None where there are no integrations."""
        if not self.times.size:
            return None
        found: np.datetime64 = self.times[min(max(place, 0), self.times.size - 1)]
        return found

    def scan(self, place: int) -> Scan | None:
        """Scan of a place."""
        for scan in reversed(self.scans):
            if scan.first <= place:
                return scan
        return None

    def named(self, name: str) -> Scan | None:
        """The last scan of this name."""
        return next((scan for scan in reversed(self.scans) if scan.name == name), None)

    def scan_beside(self, place: int, step: int) -> Scan | None:
        """The scan so many before (negative) or after that of a place."""
        here = self.scan(place)
        if here is None:
            return None
        wanted = self.scans.index(here) + step
        return self.scans[min(max(wanted, 0), len(self.scans) - 1)]


NO_HISTORY = History(np.array([], dtype="datetime64[ns]"), ())


def history_of(dataset: xr.Dataset) -> History:
    """Integrations of a Dataset of the shape of :mod:`difxnb.visibility`."""
    times = dataset["time"].values
    if not times.size:
        return NO_HISTORY
    names, fields = (dataset[name].values.astype(str) for name in ("scan_name", "field_name"))
    borders = np.flatnonzero((names[1:] != names[:-1]) | (fields[1:] != fields[:-1])) + 1
    firsts = [0, *borders.tolist()]
    lasts = [*(borders - 1).tolist(), times.size - 1]
    scans = tuple(
        Scan(str(names[first]), str(fields[first]), times[first], times[last], first, last)
        for first, last in zip(firsts, lasts, strict=True)
    )
    return History(times, scans)
